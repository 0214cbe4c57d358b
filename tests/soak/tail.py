"""`countersign log tail -f` from the beginning to the end of a run, over all restarts of the proxy: each exchange once."""
import json
import signal
import subprocess
from collections import Counter
from contextlib import closing

import paths  # noqa: F401, pylint: disable=unused-import
import store
from invariant import Invariant
from program import poll

ALL = 100_000    # of what is there already
BEHIND_S = 20


class Tail:
    def __init__(self, setting):
        self.file, self.errors = setting.folder / "tail.jsonl", setting.folder / "tail-errors"
        with open(self.file, "wb") as out, open(self.errors, "wb") as errors:
            self.process = subprocess.Popen([setting.binary, "log", "tail", "-f", "--json", "-n", str(ALL), "-c",
                                             setting.config_file], env=setting.env, stdin=subprocess.DEVNULL, stdout=out,
                                            stderr=errors)

    def _shown(self):
        lines = self.file.read_bytes().split(b"\n")[:-1]
        return [(item["id"], item["outcome"]) for item in map(json.loads, lines)]

    def check(self, state_dir, last):
        held = Invariant("`log tail -f` showed each exchange once, as it ended, over all restarts")
        with closing(store.connect(state_dir)) as database:
            rows = dict(database.execute("SELECT id, outcome FROM exchange WHERE id <= ?", (last,)).fetchall())
        try:
            poll("it has shown the last", lambda: self._shown_count() >= len(rows), BEHIND_S)
        except AssertionError:
            pass  # what is missing is named below
        self.end()
        held.holds(self.process.returncode in (0, -signal.SIGTERM), f"exit code {self.process.returncode}: "
                   f"{self.errors.read_text()[-300:]!r}")
        shown = [(number, outcome) for number, outcome in self._shown() if number <= last]
        times = Counter(number for number, _ in shown)
        for number, outcome in shown:
            held.holds(rows.get(number) == outcome, lambda number=number, outcome=outcome:
                       f"{number} shown as {outcome}, and recorded as {rows.get(number)}")
        for number in rows:
            held.holds(times[number] == 1, lambda number=number: f"{number} shown {times[number]} times: {rows[number]}")
        return held

    def _shown_count(self):
        return self.file.read_bytes().count(b"\n")

    def end(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)  # SIGINT is ignored by what a shell runs in the background
            self.process.wait(BEHIND_S)
