"""Part openloop: requests at fixed moments, whether or not earlier ones are answered; what each target adds to going direct."""
import math
import subprocess

from . import ours
from .machine import ROOT
from .processes import Keeper
from .rig import BODY, TARGET, Rig, environment, in_turn, tool
from .table import median, say, table

RATE, CONNECTIONS = 1000, 16
SOURCE = ROOT / "tests" / "bench" / "open_loop.c"
FIGURES = (50, 99, 99.9)
POINTS = (0.1, 1, 5, 10, 20, 25, 30, 40, 50, 60, 70, 75, 80, 85, 90, 92, 94, 95, 96, 97, 98, 98.5, 99, 99.3, 99.5, 99.7, 99.8, 99.9,
          99.95, 99.99)
REQUEST = (f"POST {TARGET} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
           f"Content-Length: {len(BODY)}\r\n\r\n{BODY}")


def build(folder):
    program = folder / "open_loop"
    subprocess.run([tool("cc", "gcc"), "-O2", "-std=c17", "-D_GNU_SOURCE", "-o", program, SOURCE, "-lssl", "-lcrypto"], check=True)
    return program


def percentile(ordered, wanted):
    """The value below or at which so many percent are."""
    return ordered[max(0, math.ceil(len(ordered) * wanted / 100) - 1)]


def measure_one(keeper, program, folder, url, count):
    """Latencies, and how late the program that sends them was; µs, in order."""
    request = folder / "request"
    request.write_text(REQUEST)
    ca_file = [folder / "ca.pem"] if url.startswith("https:") else []
    with request.open("rb") as stdin:
        output = keeper.run(program, url.rpartition(":")[2], RATE, count, CONNECTIONS, *ca_file, stdin=stdin, env=environment())
    columns = zip(*(map(int, line.split()) for line in output.splitlines()))
    return [sorted(value / 1000 for value in column) for column in columns]


def figures_of(by_target):
    """{target: figures in µs}; each round's percentile is taken, then the median over the rounds."""
    found = {}
    for name, rounds in by_target.items():
        points = {at: median([percentile(latencies, at) for latencies, _ in rounds]) for at in POINTS}
        found[name] = {**{f"p{at:g}_us": points[at] for at in FIGURES}, "distribution_us": [[at, points[at]] for at in POINTS],
                       "sender_late_p99.9_us": median([percentile(late, 99.9) for _, late in rounds])}
    for of in found.values():
        for at in FIGURES:
            of[f"added_p{at:g}_us"] = of[f"p{at:g}_us"] - found["direct"][f"p{at:g}_us"]
    return found


def print_figures(figures):
    names = [*(f"{kind}p{at:g}_us" for kind in ("", "added_") for at in FIGURES), "sender_late_p99.9_us"]
    rows = [(name, *(of[key] for key in names)) for name, of in figures.items()]
    say(table(f"open loop, {RATE:,} requests/s, µs",
              ("", *(name.replace("_us", "").replace("_", " ") for name in names)), rows))


def run(options):
    count = RATE * options.open_seconds
    say(f"\nopen loop: {options.rounds} rounds of {options.open_seconds} s for each target")
    with Keeper() as keeper, options.scratch() as folder:
        program = build(folder)
        rig = Rig(keeper, folder)
        own = ours.Countersign(keeper, options.binary, folder, rig.upstream_url, proxy=ours.NO_PACE)
        targets = {**rig.targets, "countersign": own.url}
        found = {name: [] for name in targets}
        for url in targets.values():
            measure_one(keeper, program, folder, url, RATE)
        for number in range(options.rounds):
            for name in in_turn(targets, number):
                found[name].append(measure_one(keeper, program, folder, targets[name], count))
                rig.forget()
    result = {"requests_per_second": RATE, "targets": figures_of(found)}
    print_figures(result["targets"])
    return result
