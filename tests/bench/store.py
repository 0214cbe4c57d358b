#!/usr/bin/python3
"""How the capture log does when it is large: makes a store of N exchanges through the real ring and recorder, and times the
commands on it. Each command is run several times; the least and the median are printed, with the bound it is held against.

    tests/bench/store.py [--exchanges 5000000] [--folder FOLDER] [--rate-seconds 60]

FOLDER is where the store is made (default: the temporary folder; 5 million exchanges take 1.6 GB). A store that is there
already with as many exchanges is used as it is. Needs a release build: proxy/run.sh --build-only makes it; the maker is built
here."""
import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / "build" / "bench"
RUNS = 7

# What is asked, whether there is something to be found, and within how many milliseconds it is to be answered (None: as long as
# it takes, because every row has to be read).
QUESTIONS = [
    ("ls", ["ls"], True, 50),
    ("show last", ["show", "last"], True, 50),
    ("show an old one", ["show", "17"], True, 50),
    ("tail", ["tail"], True, 50),
    ("the last failure", ["show", "last:api_error"], True, 200),
    ("--outcome api_error", ["ls", "--outcome", "api_error"], True, 200),
    ("--code 1401 --path, none", ["ls", "--code", "1401", "--path", "/api/spot/*"], False, 200),
    ("--path GLOB", ["ls", "--path", "*orderInfo"], True, 200),
    ("--method --outcome, none", ["ls", "--method", "GET", "--outcome", "api_error"], False, 200),
    ("--listener --account", ["ls", "--listener", "bot", "--account", "main"], True, 200),
    ("--status that none has", ["ls", "--status", "5xx"], False, 200),
    ("--until, far back", ["ls", "--until", "5d"], True, 200),
    ("--since --until --code", ["ls", "--since", "6d", "--until", "5d", "--code", "1401"], True, 200),
    ("diff last last~10", ["diff", "last", "last~10"], True, 50),
    ("--slower-than, none is", ["ls", "--slower-than", "1h"], False, None),
    ("stats", ["stats"], True, None),
    ("why, of 10,000", ["why"], True, None),
    ("why, of 100,000", ["why", "--limit", "100000"], True, None),
]


def build():
    subprocess.run(["cmake", "-S", ROOT, "-B", BUILD, "-G", "Ninja", "-DCMAKE_BUILD_TYPE=Release"], check=True,
                   stdout=subprocess.DEVNULL)
    subprocess.run(["cmake", "--build", BUILD, "--target", "fill_store", "countersign", "--", "--quiet"], check=True)


def fill(folder, exchanges, *rate):
    done = subprocess.run([BUILD / "tests" / "fill_store", folder, str(exchanges), *map(str, rate)], check=True,
                          capture_output=True, text=True)
    return done.stdout.strip()


def log(store, *arguments):
    return subprocess.run([BUILD / "countersign", "log", *arguments, "--store", store], capture_output=True, check=False)


def count(store):
    done = log(store, "stats", "--json")
    return json.loads(done.stdout.splitlines()[0])["exchanges"] if done.returncode == 0 else 0


def time_ms(store, arguments, is_found):
    begun = time.perf_counter()
    done = log(store, *arguments)
    took = (time.perf_counter() - begun) * 1000
    if done.returncode not in ((0, 1) if arguments[0] in ("diff", "why") else (0,)) or bool(done.stdout.strip()) != is_found:
        sys.exit(f"countersign log {' '.join(arguments)}: exit code {done.returncode}, {len(done.stdout)} bytes of output, "
                 f"{'some' if is_found else 'none'} expected: {done.stderr.decode()}")
    return took


def tell(name, times, bound):
    late = bound is not None and statistics.median(times) > bound
    held = "no bound" if bound is None else f"{'OVER' if late else 'within'} {bound} ms"
    print(f"  {name:26} {min(times):7.1f} ms least {statistics.median(times):7.1f} median   {held}", flush=True)
    return late


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--exchanges", type=int, default=5_000_000)
    options.add_argument("--folder", type=Path)
    options.add_argument("--rate-seconds", type=int, default=60, help="how long 20,000 exchanges a second are offered; 0: not")
    given = options.parse_args()
    build()
    with tempfile.TemporaryDirectory(prefix="countersign-store-", dir=given.folder) as scratch:
        folder = given.folder or Path(scratch)
        store = folder / "capture.db"
        if count(store) != given.exchanges:
            print(f"making {given.exchanges} exchanges as fast as they go in:\n  {fill(folder, given.exchanges)}", flush=True)
        print(f"  {store.stat().st_size / given.exchanges:.0f} bytes an exchange, {store.stat().st_size / 2**20:.0f} MiB")
        bad = sum([tell(name, [time_ms(store, arguments, is_found) for _ in range(RUNS)], bound)
                   for name, arguments, is_found, bound in QUESTIONS])
        if given.rate_seconds:
            rate = Path(scratch) / "rate"
            print(f"20,000 exchanges a second, offered for {given.rate_seconds} s:\n"
                  f"  {fill(rate, 20_000 * given.rate_seconds, 20_000)}")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
