"""What the admin address says while all of it goes on: /healthz, /readyz and /metrics, looked at again and again."""
import glob
import json
import time
from collections import Counter
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import paths  # noqa: F401, pylint: disable=unused-import
import prometheus
import store
from evidence import ENDED, FULL, KILLED, SIGNER, STOPPED
from invariant import Invariant
from program import poll
from rawhttp import Client, Ended, build_request, connect

LOOK_S = 0.7
STARVED_S = 1.0          # half of what /healthz gives a worker's loop to turn: without a processor it does not, and says so rightly
MOMENT_S = 3.0           # after what was done, it may still say so
MISSING_IN = {"proxy": (ENDED, KILLED), "signer": (SIGNER, ENDED, KILLED), "store": (FULL,), "ring": (FULL, STOPPED),
              "upstream": None, "key": ()}  # which part may be missing in which windows; None: always
KNOWN_AHEAD_S = {"mock": 7}                 # of an upstream's clock


@dataclass
class Said:
    """One look at one path."""
    path: str
    log: str
    begun: float
    ended: float
    status: int
    body: bytes
    starved_s: float  # the most that one of the proxy's threads had to wait for a processor meanwhile

    def __str__(self):
        return f"{self.log}: {self.path}: {self.status} {self.body[:300]!r}, {self.starved_s:.1f} s without a processor"


def waited_s(pid):
    """{thread: how long it could have run, and had no processor} (the kernel's Documentation/scheduler/sched-stats.rst)"""
    found = {}
    for task in glob.glob(f"/proc/{pid}/task/*/schedstat"):
        try:
            found[task] = int(Path(task).read_text().split()[1]) / 1e9
        except OSError:
            continue  # it has ended
    return found


class Scraper:
    """Runs in a thread of `watch`, whose life it looks at."""

    def __init__(self, watch):
        self.watch, self.said, self.problems, self.scrapes = watch, [], [], 0
        self.counters, self.of_life = {}, None

    def run(self):
        while not self.watch.stopped.wait(LOOK_S):
            life = self.watch.life
            if life is None or life.is_ending:
                continue
            for path in ("/healthz", "/readyz", "/metrics"):
                self._look(life, path)

    def _look(self, life, path):
        begun, waited, pid = time.monotonic(), {}, None
        try:
            pid = life.proxy_pid
            waited = waited_s(pid)
            status, body = ask(life.setting.admin, path)
        except (Ended, OSError, AssertionError) as failure:
            status, body = 0, repr(failure).encode()
        if life.is_ending:
            return
        starved_s = max((now - waited[name] for name, now in waited_s(pid).items() if name in waited), default=0)
        said = Said(path, Path(life.log_file).name, begun, time.monotonic(), status, body, starved_s)
        if path != "/metrics":
            self.said.append(said)
            return
        try:
            self._metrics(life, said)
        except AssertionError as failure:
            self.problems.append(f"{str(said)[:200]}: {failure!r}")

    def _metrics(self, life, said):
        """Its form; counters never fall; a clock that is known is where it is."""
        self.scrapes += 1
        assert said.status == 200
        found = prometheus.parse(said.body)
        if self.of_life is not life:
            self.counters, self.of_life = {}, life
        for metric in found.values():
            if metric.type == "gauge":
                continue
            for name, value in metric.samples.items():
                before = self.counters.get(name, 0)
                assert value >= before, f"{name} fell from {before} to {value}"
                self.counters[name] = value
        for upstream, ahead_s in KNOWN_AHEAD_S.items():
            offset = prometheus.value(found, "countersign_exchange_clock_offset_seconds", upstream=upstream)
            bound = prometheus.value(found, "countersign_exchange_clock_bound_seconds", upstream=upstream)
            assert not bound or abs(offset - ahead_s) <= bound, f"{upstream}: {offset} s, give or take {bound} s"

    def invariants(self, windows):
        alive = Invariant("/healthz says that it is alive whenever it is not being stopped")
        ready = Invariant("/readyz says what is missing, and nothing that was not taken away")
        metrics = Invariant("/metrics has its form at every look, no counter falls, the exchange's clock is within its bounds")

        def during(said, kinds):
            return any(window.kind in kinds and window.begun - MOMENT_S < said.ended and said.begun < window.ended + MOMENT_S
                       for window in windows)
        for said in self.said:
            is_excused = during(said, (KILLED, ENDED, STOPPED)) or said.starved_s > STARVED_S
            if said.path == "/healthz" or not said.status:
                alive.holds(said.status == 200 or is_excused, said)
                continue
            page = json.loads(said.body)
            ready.holds((said.status == 200) == page["ready"] == (not page["missing"]) and said.status in (200, 503), said)
            for part in page["missing"]:
                kinds = MISSING_IN[part.split(" ")[0]]
                ready.holds(kinds is None or during(said, kinds), said)
        metrics.looked = self.scrapes
        for problem in self.problems:
            metrics.holds(False, problem)
        return [alive, ready, metrics]

    def counted(self, life, setting):
        """Of the last life, once nobody asks any more: what metrics have counted is what is recorded."""
        held = Invariant("metrics have counted what is recorded of the last life, by listener and outcome")
        with closing(store.connect(setting.state_dir)) as database:
            rows = Counter(dict(((listener, outcome), count) for listener, outcome, count in database.execute(
                "SELECT listener, outcome, count(*) FROM exchange WHERE received_us >= ? GROUP BY 1, 2", (life.begun_us,))))

        def has_counted():
            counted = Counter()
            for (_, labels), value in prometheus.parse(ask(setting.admin, "/metrics")[1])[
                    "countersign_requests_total"].samples.items():
                labels = dict(labels)
                counted[labels["listener"], labels["outcome"]] += int(value)
            return +counted
        try:
            poll("they have", lambda: has_counted() == rows, 5)
        except AssertionError:
            counted = has_counted()
            for name in rows.keys() | counted.keys():
                held.holds(rows[name] == counted[name],
                           f"{life.log_file.name}: {name}: {counted[name]} counted, {rows[name]} recorded")
        held.looked += sum(rows.values())
        return held


def ask(address, path):
    with Client(connect(address)) as client:
        answer = client.exchange(build_request("GET", path, host="localhost"))
        return answer.status, answer.body
