"""Part idle: what the program takes of the machine while nobody asks: wake-ups a minute by thread, and memory before and after load."""
import re
import time
from pathlib import Path

from . import ours
from .processes import Keeper, role, settle, tasks, tree
from .rig import Rig
from .table import say, show, table

SETTLE_S = 3  # what a start leaves to be done
LOAD_S = 3
REST_S = 150  # connections to the exchange have been replaced by then, and what they and the load left is let go
KINDS = ("Rss", "Pss", "Pss_Anon", "Pss_File", "Pss_Shmem")


def switches(pid):
    """{thread: context switches so far}"""
    return {label: sum(map(int, re.findall(r"ctxt_switches:\s+(\d+)", (task / "status").read_text()))) for label, task in tasks(pid)}


def memory(pid):
    """{process: {kind: KiB}}"""
    found = {}
    for pid in tree(pid):
        text = Path(f"/proc/{pid}/smaps_rollup").read_text()
        found[role(pid)] = {kind: int(re.search(rf"^{kind}:\s+(\d+) kB", text, re.M)[1]) for kind in KINDS}
    return found


def print_wakeups(wakeups):
    say(table("idle, wake-ups a minute", ("", "a minute"), [*((name, show(count, 1)) for name, count in wakeups.items()),
                                                            ("all", show(sum(wakeups.values()), 1))]))


def print_memory(when, by_process):
    rows = [(name, *(show(of[kind] / 1024, 1) for kind in KINDS)) for name, of in by_process.items()]
    rows.append(("all", *(show(sum(of[kind] for of in by_process.values()) / 1024, 1) for kind in KINDS)))
    say(table(f"memory {when}, MiB", ("", "RSS", "PSS", "own (PSS)", "files (PSS)", "shared memory (PSS)"), rows))


def run(options):
    seconds = 20 if options.quick else 60
    say(f"\nidle: {seconds} s")
    with options.scratch() as folder, Keeper() as keeper:
        rig = Rig(keeper, folder)
        own = ours.Countersign(keeper, options.binary, folder, rig.upstream_url)
        time.sleep(SETTLE_S)
        before = switches(own.pid)
        time.sleep(seconds)
        after = switches(own.pid)
        wakeups = {name: (count - before.get(name, 0)) * 60 / seconds for name, count in after.items()}
        kept = {"at rest": memory(own.pid)}
        keeper.end(own.process)
        own = ours.Countersign(keeper, options.binary, folder, rig.upstream_url, proxy=ours.NO_PACE)
        rig.wrk(keeper, own.url, 16, LOAD_S)
        settle(own.pid)
        kept["after load"] = memory(own.pid)
        requests = rig.wrk(keeper, own.url, 16, LOAD_S)["requests"]
        settle(own.pid)
        kept["after as much again"] = memory(own.pid)
        time.sleep(SETTLE_S)
        kept[f"{SETTLE_S} s later"] = memory(own.pid)
        if not options.quick:
            time.sleep(REST_S)
            kept[f"{REST_S} s later"] = memory(own.pid)
    print_wakeups(wakeups)
    for when, by_process in kept.items():
        print_memory(when, by_process)
    return {"seconds": seconds, "wakeups_a_minute": wakeups, "memory_kib": kept, "requests_of_the_last_load": requests}
