"""tests/soak.sh calls this: see there. A run from its beginning to its table."""
import argparse
import random
import shutil
import signal
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path

import paths  # noqa: F401, pylint: disable=unused-import
import ending
import store
import table
from director import Director
from judge import Judge
from life import Watch
from setting import Setting

AT_ENDS = {"workers": 2, "durability": "process"}  # the first and the last life, whose descriptors are held against each other


def options():
    parser = argparse.ArgumentParser(prog="tests/soak.sh")
    parser.add_argument("minutes", type=float)
    parser.add_argument("--seed", default=str(random.SystemRandom().randrange(10**6)))
    parser.add_argument("--keep", action="store_true", help="keep the folder of a good run, too")
    return parser.parse_args()


class Run:
    def __init__(self, folder, seed, minutes):
        self.setting, self.watch = Setting(folder, seed), Watch()
        self.director = None
        self.seconds, self.begun = minutes * 60, time.monotonic()
        self.found = []

    def soak(self):
        """Traffic, and all that happens to it; ends with a life that runs and nobody asks."""
        self.director = Director(self.setting.begin(), self.watch, self.setting.seed)
        self.director.start(AT_ENDS)
        ending.probe(self.setting)
        at_beginning = ending.descriptors(self.director.life)
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
        self.found.append(ending.check_admin(self.setting, self.director.life))

    def judge(self):
        """What needs the program still, its end, and what it left."""
        state_dir = self.setting.state_dir
        time.sleep(ending.RECORDED_S)
        with closing(store.connect(state_dir)) as database:
            last = database.execute("SELECT max(id) FROM exchange").fetchone()[0]
        judge = Judge(self.setting, self.director, last)
        after = [ending.check_unknown(self.director, judge), ending.check_reconcile(self.setting, self.director, judge)]
        self.director.stop()
        self.found = judge.run() + after + self.found
        self.found += [ending.check_memory(self.watch), ending.check_processes(self.setting, self.watch, self.director),
                       ending.check_log(self.director), ending.check_store(state_dir),
                       ending.check_secrets(self.setting, self.director, state_dir)]
        return judge

    def end(self):
        self.watch.stop()
        if self.director:
            self.director.end_whatever_runs()
        self.setting.end()


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
