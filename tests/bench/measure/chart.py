"""Draws the two latency distributions: closed loop at 16 connections, and the open loop; as an SVG that follows the reader's choice
of light or dark. Percentiles stand to the right by their nines, latencies go up by their logarithm."""
import math
from xml.sax.saxutils import escape

WIDTH, HEIGHT = 880, 410
TOP, BOTTOM, LEFT, RIGHT, GAP = 74, 74, 54, 104, 12  # of a panel; the labels of its lines stand to its right
NINES = ((0, "0"), (50, "50"), (90, "90"), (99, "99"), (99.9, "99.9"))
LINES = ("direct", "nginx-lua", "countersign")  # the last is drawn above the others
NAMES = {"direct": "direct", "nginx-lua": "nginx + Lua", "countersign": "countersign"}
LABEL_HEIGHT = 17
STYLE = """
    text { font: 13px system-ui, -apple-system, "Segoe UI", sans-serif; fill: #1f2328 }
    .title { font-weight: 600; font-size: 15px } .small { fill: #59636e; font-size: 12px } .label { font-weight: 600 }
    .grid { stroke: #d1d9e0; stroke-width: 1 } .curve { fill: none; stroke-width: 2.5; stroke-linejoin: round }
    .countersign { stroke: #0969da } .nginx-lua { stroke: #bc4c00 } .direct { stroke: #818b98; stroke-dasharray: 5 4 }
    text.countersign { fill: #0969da; stroke: none } text.nginx-lua { fill: #bc4c00; stroke: none } text.direct { fill: #59636e; stroke: none }
    @media (prefers-color-scheme: dark) {
      text { fill: #f0f6fc } .small { fill: #9198a1 } .grid { stroke: #3d444d }
      .countersign { stroke: #4493f8 } .nginx-lua { stroke: #f0883e } .direct { stroke: #9198a1 }
      text.countersign { fill: #4493f8 } text.nginx-lua { fill: #f0883e } text.direct { fill: #9198a1 }
    }"""


def panels_of(results):
    """[(title, {line: [[percentile, µs]]})] of what was measured."""
    parts, found = results["parts"], []
    closed = parts.get("throughput", {}).get("16")
    if closed:
        found.append(("Closed loop, 16 connections", closed))
    if "openloop" in parts:
        rate = parts["openloop"]["requests_per_second"]
        found.append((f"Open loop, {rate:,} requests a second", parts["openloop"]["targets"]))
    return [(title, {name: targets[name]["distribution_us"] for name in LINES if name in targets}) for title, targets in found]


class Panel:
    def __init__(self, left, width, title, lines):
        self.left, self.right = left + LEFT, left + width - RIGHT
        self.title, self.lines = title, {name: self.shown(points) for name, points in lines.items()}
        values = [value for points in self.lines.values() for _, value in points]
        self.least, self.most = bounds(min(values), max(values))

    @staticmethod
    def shown(points):
        return [(at, max(value, 1)) for at, value in points if at <= NINES[-1][0]]

    def x(self, percentile):
        return self.left + (self.right - self.left) * nines(percentile) / nines(NINES[-1][0])

    def y(self, value):
        share = math.log(value / self.least) / math.log(self.most / self.least)
        return HEIGHT - BOTTOM - share * (HEIGHT - BOTTOM - TOP)

    def draw(self):
        return [text(self.left, TOP - 16, self.title, "title"), *self.grid(), *self.curves(), *self.labels(),
                text((self.left + self.right) / 2, HEIGHT - BOTTOM + 40, "percentile of requests", "small", "middle")]

    def grid(self):
        for value in ticks(self.least, self.most):
            yield line(self.left, self.y(value), self.right, self.y(value))
            yield text(self.left - 8, self.y(value) + 4, time_text(value), "small", "end")
        for percentile, name in NINES:
            yield line(self.x(percentile), HEIGHT - BOTTOM, self.x(percentile), HEIGHT - BOTTOM + 5)
            yield text(self.x(percentile), HEIGHT - BOTTOM + 20, name, "small", "middle")

    def curves(self):
        for name, points in self.lines.items():
            path = " ".join(f"{self.x(at):.1f},{self.y(value):.1f}" for at, value in points)
            yield f'<polyline class="curve {name}" points="{path}"/>'

    def labels(self):
        """Beside the lines' ends, from the bottom up, none upon another."""
        below = math.inf
        for name, points in sorted(self.lines.items(), key=lambda item: item[1][-1][1]):
            below = min(self.y(points[-1][1]) + 4, below - LABEL_HEIGHT)
            yield text(self.right + 8, below, NAMES[name], f"label {name}")


def nines(percentile):
    return -math.log10(1 - percentile / 100)


def ticks(least, most):
    """1, 2 and 5 of each power of ten that lies in between."""
    found = [step * 10 ** power for power in range(0, 8) for step in (1, 2, 5)]
    return [value for value in found if least <= value <= most]


def bounds(least, most):
    """The ticks around what is shown."""
    every = ticks(1, 5 * 10 ** 7)
    lower = max([value for value in every if value <= least], default=every[0])
    upper = min([value for value in every if value >= most], default=every[-1])
    return lower, max(upper, 2 * lower)


def time_text(microseconds):
    if microseconds >= 10 ** 6:
        return f"{microseconds / 10 ** 6:g} s"
    return f"{microseconds / 1000:g} ms" if microseconds >= 1000 else f"{microseconds:g} µs"


def text(x, y, words, kind, anchor="start"):
    return f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(words)}</text>'


def line(x1, y1, x2, y2):
    return f'<line class="grid" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>'


def draw(results):
    """The SVG's text; None where no distribution was measured."""
    panels = panels_of(results)
    if not panels:
        return None
    width = (WIDTH - GAP * (len(panels) - 1)) / len(panels)
    machine = results["machine"]
    where = f"{machine['processor']}, {machine['cores']} cores, {machine['kernel']}; {machine['when']}"
    body = [line for number, (title, lines) in enumerate(panels)
            for line in Panel(number * (width + GAP), width, title, lines).draw()]
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-labelledby="t">',
        '<title id="t">Latency of an order by percentile</title>', f"<style>{STYLE}\n</style>",
        text(LEFT, 24, "Latency of an order", "title"), text(LEFT, HEIGHT - 6, where, "small"), *body, "</svg>", ""])


def write(path, results):
    """Whether there was anything to draw."""
    drawing = draw(results)
    if drawing:
        path.write_text(drawing)
    return drawing is not None
