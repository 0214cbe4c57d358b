"""One thing that must hold: how much was looked at, and the cases that break it."""


class Invariant:
    def __init__(self, words):
        self.words, self.looked, self.broken = words, 0, []

    def holds(self, condition, case):
        """`case` is text, or what gives it: most are never needed."""
        self.looked += 1
        if not condition:
            self.broken.append(case() if callable(case) else str(case))
        return condition
