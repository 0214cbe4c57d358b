"""Measures what countersign adds to a request, and compares it with nginx and with nginx that signs and logs in Lua.

parts (all of them, unless some are named):
  throughput    closed loop at 1, 16 and 64 connections: requests a second, latency, against the others
  cpu           processor time for each request at 1 and 16 connections, by thread
  openloop      1,000 requests a second at fixed moments: p50, p99 and p99.9 added to going direct
  roundtrip     an exchange 50 ms away: an order on a new connection, direct and through the proxy; after start, after a
                pause, in a burst (needs root, or user namespaces)
  idle          wake-ups a minute without requests, and memory
  instructions  instructions for each request in each thread (valgrind)
  startup       from the start of the program to its first signed answer
"""
import argparse
import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import traceback
from pathlib import Path

from . import chart, closed_loop, idle, instructions, machine, open_loop, report, round_trip, start
from .processes import Missing
from .rig import environment, has_tool
from .table import Ended, say

PARTS = ("throughput", "cpu", "openloop", "roundtrip", "idle", "instructions", "startup")
ALONE = {"openloop": open_loop.run, "roundtrip": round_trip.run, "idle": idle.run, "instructions": instructions.run,
         "startup": start.run}
BUILD = machine.ROOT / "build"


def parse(arguments):
    parser = argparse.ArgumentParser(prog="tests/bench/run.sh", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--install", action="store_true", help="install the programs to compare with: nginx, its Lua module, wrk, "
                                                               "and valgrind")
    parser.add_argument("--quick", action="store_true", help="shorter and fewer rounds; no minute of silence")
    parser.add_argument("--out", type=Path, default=BUILD / "bench" / "results.json", metavar="FILE",
                        help="the figures as JSON (build/bench/results.json); latency.svg is drawn beside it")
    parser.add_argument("--rounds", type=int, metavar="N", help="rounds of each measurement (5; with --quick 3)")
    parser.add_argument("parts", nargs="*", metavar="PART", help=", ".join(PARTS))
    options = parser.parse_args(arguments)
    wrong = [part for part in options.parts if part not in PARTS]
    if wrong:
        parser.error(f"there is no part \"{wrong[0]}\"; parts: {' '.join(PARTS)}")
    if options.rounds is not None and options.rounds < 1:
        parser.error("--rounds: at least 1")
    options.parts = [part for part in PARTS if part in options.parts or not options.parts]
    options.rounds = options.rounds or (3 if options.quick else 5)
    options.seconds, options.open_seconds = (1, 3) if options.quick else (3, 10)
    options.scratch = scratch
    return options


@contextlib.contextmanager
def scratch():
    """A folder for one part, on the disk that the build is on: the store's cost is a disk's, not a memory file system's."""
    (BUILD / "bench").mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="run-", dir=BUILD / "bench") as name:
        yield Path(name)


def end_on_signals():
    def end(number, _):
        for other in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(other, signal.SIG_IGN)  # the end is under way
        raise Ended(number)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, end)


def measure(name, work, results):
    """Runs one part. What it lacks, or that it failed, is noted, and the others go on. Returns whether it did not fail."""
    try:
        results["parts"].update(work())
    except Missing as missing:
        say(f"\n{name}: skipped: {missing}")
        results["skipped"][name] = str(missing)
    except Exception as error:  # whatever it is, other parts are measured
        say(f"\n{name}: FAILED: {error}")
        if os.environ.get("BENCH_TRACE"):
            traceback.print_exc()
        results["failed"][name] = str(error)
        return False
    return True


def measure_all(options, results):
    closed = [part for part in options.parts if part in closed_loop.CONNECTIONS]
    works = [("+".join(closed), lambda: closed_loop.run(options, closed))] if closed else []
    works += [(part, lambda part=part: {part: ALONE[part](options)}) for part in options.parts if part in ALONE]
    is_well = True
    for name, work in works:
        is_well = measure(name, work, results) and is_well
        report.write(options.out, results)  # as far as it is
    return is_well


def call(*command):
    """A script of this repository; its failure is this one's."""
    done = subprocess.run(command, check=False, env=environment())
    if done.returncode != 0:
        sys.exit(done.returncode)


def prepare(options):
    """Installs and builds. The program that is measured: COUNTERSIGN_BIN, or the release build."""
    run_sh = machine.ROOT / "proxy" / "run.sh"
    if options.install:
        had_nginx = has_tool("nginx")
        call(run_sh, "--install-only", "bench")
        if not had_nginx and Path("/run/systemd/system").exists():
            say("nginx's package has started a server of its own, at port 80. It is not needed here: systemctl disable --now nginx")
    given = os.environ.get("COUNTERSIGN_BIN")
    if given is None:
        call(run_sh, "--build-only")
    options.binary = Path(given or BUILD / "release" / "countersign").absolute()
    if not options.binary.exists():
        sys.exit(f"tests/bench/run.sh: there is no {options.binary}")


def run(options):
    """From the first step to the last; the exit code."""
    prepare(options)
    results = report.begin(machine.facts(options.binary), options)
    say("\n".join(machine.describe(results["machine"])))
    is_well = measure_all(options, results)
    say(f"\nwritten: {options.out}")
    drawing = options.out.with_name("latency.svg")
    if chart.write(drawing, results):
        say(f"drawn: {drawing}")
    return 0 if is_well else 1


def main():
    options = parse(sys.argv[1:])
    end_on_signals()
    try:
        return run(options)
    except Ended as ended:
        say(f"\nended by {signal.Signals(ended.args[0]).name}; what was started is ended")
        return 128 + ended.args[0]


if __name__ == "__main__":
    sys.exit(main())
