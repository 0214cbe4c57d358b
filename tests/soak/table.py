"""The one table at the end of a run."""
from collections import Counter

WIDTH = 96
CASES_SHOWN = 3
CASE_LENGTH = 700


def counted(counts):
    return ", ".join(f"{count} {name}" for name, count in Counter(counts).most_common())


def facts(run, judge):
    director, told = run.director, judge.told.values()
    answers = Counter(" ".join(filter(None, (str(item["status"]), (item["outcome"] or "").split(" ")[0], item["error"])))
                      for item in told if item["how"] == "told")
    sent = sum(item["how"] != "nobody" for item in told)
    return [
        ("requests", f"{sent} sent, {sum(map(len, judge.arrived.values()))} arrived at an exchange, {judge.row_count} recorded"),
        ("by kind", counted(item["kind"] for item in told)),
        ("by listener", counted(item["listener"] for item in told)),
        ("by way", counted(item["way"] for item in told)),
        ("answers", counted(answers)),
        ("without", counted({"left": "client left at once", "ended": "connection ended", "nobody": "met a closed door",
                             "hung": "hung"}[item["how"]] for item in told if item["how"] != "told")),
        ("faults", f"{sum(director.strikes.values())} strikes of {sum(count > 0 for count in director.strikes.values())} faults, "
                   f"{director.packets} packets dropped"),
        ("done", counted(director.done)),
        ("lives", str(len(director.lives))),
        ("most", f"{run.watch.most['own'] >> 10} KiB own memory, {run.watch.most['resident'] >> 10} KiB resident, "
                 f"{run.watch.most['descriptors']} descriptors; other processes {run.watch.most['others'] >> 10} KiB resident"),
    ]


def show(run, judge, given):
    """Prints it; returns whether every invariant holds."""
    print("=" * WIDTH)
    print(f"soak  {given.minutes:g} minutes, seed {given.seed}")
    print("-" * WIDTH)
    for name, text in facts(run, judge):
        print(f"{name:12} {text}")
    print("-" * WIDTH)
    return invariants(run.found)


def invariants(found):
    """Prints them; returns whether every one holds."""
    for invariant in found:
        print(f"{'BROKEN' if invariant.broken else 'ok':6} {invariant.looked:8}  {invariant.words}")
        for case in invariant.broken[:CASES_SHOWN]:
            print(f"{'':17} {case[:CASE_LENGTH]}")
        if len(invariant.broken) > CASES_SHOWN:
            print(f"{'':17} and {len(invariant.broken) - CASES_SHOWN} more")
    broken = sum(bool(invariant.broken) for invariant in found)
    print("=" * WIDTH)
    print(f"{len(found) - broken} passed, {broken} failed", flush=True)
    return not broken
