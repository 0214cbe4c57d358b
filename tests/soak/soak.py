"""tests/soak.sh calls this: see there. A run from its beginning to its table."""
import argparse
import random
import shutil
import signal
import sys
import tempfile
import time
from contextlib import ExitStack, closing
from pathlib import Path

import paths  # noqa: F401, pylint: disable=unused-import
import ending
import store
import table
from director import Director
from judge import Judge
from life import Watch
from program import poll
from setting import Setting
from tail import Tail

AT_ENDS = {"workers": 2, "durability": "process"}  # the first and the last life, whose descriptors are held against each other


def options():
    parser = argparse.ArgumentParser(prog="tests/soak.sh")
    parser.add_argument("minutes", type=float)
    parser.add_argument("--seed", default=str(random.SystemRandom().randrange(10**6)))
    parser.add_argument("--keep", action="store_true", help="keep the folder of a good run, too")
    return parser.parse_args()


def last_recorded(state_dir):
    """The last exchange, once everything has ended and is recorded."""
    def look():
        with closing(store.connect(state_dir)) as database:
            last, in_flight = database.execute("SELECT max(id), sum(outcome IS NULL) FROM exchange").fetchone()
        return not in_flight and last
    time.sleep(ending.RECORDED_S)
    return poll("everything is recorded", look)


class Run:
    def __init__(self, folder, seed, minutes):
        self.setting, self.watch = Setting(folder, seed), Watch()
        self.director = self.tail = None
        self.seconds, self.begun = minutes * 60, time.monotonic()
        self.found = []

    def soak(self):
        """Traffic, and all that happens to it; ends with a life that runs and nobody asks."""
        self.director = Director(self.setting.begin(), self.watch, self.setting.seed)
        self.director.start(AT_ENDS)
        ending.probe(self.setting)
        at_beginning = ending.descriptors(self.setting, self.director.life)
        self.tail = Tail(self.setting)
        clients = self.setting.start_clients()
        try:
            while time.monotonic() - self.begun < self.seconds:
                self.director.act()
            self.director.drain(AT_ENDS)
            self.director.last_life()
        finally:
            for client in clients:
                client.end()
            codes = [client.wait() for client in clients]
        assert codes == [0] * len(codes), f"clients ended with {codes}"
        self.director.be_quiet()
        self.found.append(ending.check_descriptors(self.setting, self.director.life, at_beginning))

    def judge(self):
        """What needs the program still, its end, and what it left."""
        setting, director = self.setting, self.director
        last = last_recorded(setting.state_dir)
        evidence = setting.evidence(director.windows, last)
        evidence.listed = ending.list_unknown(director)
        self.found += [self.watch.scraper.counted(director.life, setting), self.tail.check(setting.state_dir, last),
                       *self.watch.scraper.invariants(director.windows)]
        evidence.reconciled = ending.reconcile(setting, director)
        director.stop()
        evidence.save()
        judge = Judge(evidence)
        self.found = judge.run() + self.found
        self.found += [ending.check_memory(self.watch), ending.check_processes(setting, self.watch, director),
                       ending.check_log(setting.folder), ending.check_store(setting.state_dir), ending.check_secrets(evidence)]
        return judge

    def end(self):
        with ExitStack() as ends:  # the last one first; each, whatever becomes of another
            ends.callback(self.setting.end)
            if self.director:
                ends.callback(self.director.end_whatever_runs)
            if self.tail:
                ends.callback(self.tail.end)
            ends.callback(self.watch.stop)


def main():
    given = options()
    folder = Path(tempfile.mkdtemp(prefix="countersign-soak-"))
    print(f"soak: {given.minutes:g} minutes, --seed {given.seed}, in {folder}", flush=True)
    run = Run(folder, given.seed, given.minutes)
    is_well = False
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # `finally` below undoes what this machine would keep
    try:
        run.soak()
        judge = run.judge()
        is_well = table.show(run, judge, given)
    finally:
        run.end()
        if is_well and not given.keep:
            shutil.rmtree(folder)
        else:
            print(f"soak: everything that was seen is in {folder}", flush=True)
    return 0 if is_well else 1


if __name__ == "__main__":
    sys.exit(main())
