"""What is looked at once the clients have ended: of the program while it still runs, and of what it left."""
import json
import os
import re
import sqlite3
import subprocess
import time
from collections import Counter
from contextlib import closing
from pathlib import Path

import paths  # noqa: F401, pylint: disable=unused-import
from evidence import OUTPUTS
from invariant import Invariant
from judge import PROBE
from life import left_over
from program import SANITIZER_REPORT, poll
from rawhttp import Client, Ended, build_request, connect

READ = "/api/trade/order/active"
SETTLE_S = 20
RECORDED_S = 2      # the recorder is behind the answers by less
UNKNOWN_AT_MOST = 100_000
RECONCILED_AT_MOST = 12
PROBES_AT_BEGINNING = 12  # so many that each worker gets one
# Lines of level error that belong to what was done.
EXPECTED_ERRORS = [r'"event":"(process-ended|signer-gone)"', r"the supervisor, which is the process that was started, has ended",
                   r'"event":"(configuration|keys)-not-reloaded"', r"countersign\.ini"]


# --- while it runs ---

def probe(setting, count=2):
    """A few reads through every listener, one after the other: afterwards each has its connection to the exchange."""
    for name, address in setting.addresses.items():
        for number in range(count):
            try:
                with Client(connect(address)) as client:
                    client.exchange(build_request("GET", f"{READ}?clOrdId={PROBE}{name}-{number}-{time.monotonic_ns()}"))
            except (Ended, OSError):
                pass  # the check of descriptors says what is wrong then


def sockets():
    """{inode: "local -> remote" as ports}, of TCP over IPv4 (proc(5))"""
    found = {}
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        _, local, remote, state, *rest = line.split()
        found[rest[5]] = f"TCP {int(local.split(':')[1], 16)} -> {int(remote.split(':')[1], 16)} state {state}"
    return found


def open_in(pid, names):
    """What each of its descriptors is."""
    links = []
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        try:
            link = os.readlink(entry)
        except OSError:
            continue  # closed
        inode = re.match(r"socket:\[(\d+)\]", link)
        links.append(names.get(inode[1], "another socket") if inode else link)
    return sorted(links)


def descriptors(life):
    """By process: its own name, and what it has open."""
    names = sockets()
    pids = {"supervisor": life.pid, "signer": life.signer_pid, "proxy": life.proxy_pid}
    return {name: open_in(pid, names) for name, pid in pids.items()}


def check_descriptors(setting, life, at_beginning):
    """`at_beginning` is of a life with as many workers, just started and probed."""
    held = Invariant("at the end as many descriptors are open as at the beginning")

    def is_back():
        probe(setting)
        return all(len(now) <= len(at_beginning[name]) for name, now in descriptors(life).items())
    try:
        poll("descriptors are back", is_back, SETTLE_S)
        held.holds(True, "")
    except AssertionError:
        for name, now in descriptors(life).items():
            new, gone = Counter(now) - Counter(at_beginning[name]), Counter(at_beginning[name]) - Counter(now)
            held.holds(len(now) <= len(at_beginning[name]), f"{name}: {len(now)}, where there were {len(at_beginning[name])}; "
                       f"new: {dict(new)}; gone: {dict(gone)}")
    return held


def list_unknown(director):
    done = director.run_command("log", "ls", "--outcome", "unknown", "--json", "-n", UNKNOWN_AT_MOST)
    return [json.loads(line)["id"] for line in done.stdout.splitlines()]


def reconcile(setting, director):
    """Of the latest orders and cancels in doubt at the mock exchange: it keeps half the exchange's pace, and all would take hours."""
    setting.write_config()
    found = []
    for path in ("/api/trade/order/place*", "/api/trade/order/cancel*"):
        done = director.run_command("reconcile", "--json", "--account", "mock", "--path", path, "-n", RECONCILED_AT_MOST)
        director.expect(done.returncode in (0, 1), f"reconcile: exit code {done.returncode}: {done.stderr[-500:]!r}")
        found += [json.loads(line) for line in done.stdout.splitlines()]
    return found


# --- when it has ended ---

def check_processes(setting, watch, director):
    held = Invariant("each process ended when it should, with the exit code that is due; none was left over, none a zombie")
    held.holds(not watch.sudden, f"ended by themselves: {watch.sudden}")
    held.holds(not watch.zombies, f"zombies: {watch.zombies[:5]}")
    left = [entry for entry in left_over(setting.binary) if str(setting.mock.pid) not in entry]
    held.holds(not left, f"left over: {left}")
    for case in director.broken:
        held.holds(False, case)
    held.looked += len(director.lives)
    return held


def check_memory(watch):
    held = Invariant("memory and descriptors stayed within the bounds that the program states at its start")
    held.holds(not watch.beyond, f"{watch.beyond[:5]}")
    held.looked = watch.looks
    return held


def check_log(folder):
    held = Invariant("the log has no error that nothing explains, and no sanitizer's report")
    for path in sorted(folder.glob("log-*.jsonl")):
        for line in path.read_text(errors="replace").splitlines():
            if '"level":"error"' in line:
                held.holds(any(re.search(form, line) for form in EXPECTED_ERRORS), f"{path.name}: {line[:300]}")
            elif not line.startswith("{"):
                held.holds(not SANITIZER_REPORT.search(line), f"{path.name}: {line[:300]}")
    return held


def check_secrets(evidence):
    """Secrets, and API keys whole. There are many of these, and much to look through: it is grep's work."""
    held = Invariant("no secret and no whole API key stands in a log, an output or the record")
    folder = evidence.folder
    texts = {text: f"the {what} of {pair.masked}" for pair in evidence.pairs
             for what, text in (("secret", pair.secret), ("API key", pair.key))}
    for path in [*folder.glob("log-*.jsonl"), *folder.glob("tail*"), folder / OUTPUTS, *evidence.state_dir.rglob("*")]:
        if path.is_file():
            done = subprocess.run(["grep", "-a", "-o", "-F", "-f", "-", str(path)], input="\n".join(texts), text=True,
                                  capture_output=True, check=False)
            held.holds(done.returncode == 1, lambda path=path, done=done:
                       f"{path.name}: {[texts.get(line, line) for line in set(done.stdout.split())]} {done.stderr}")
    return held


def check_store(state_dir):
    held = Invariant("the record is sound (integrity_check), nothing in it was torn, and no ring was left behind")
    with closing(sqlite3.connect(state_dir / "capture.db")) as database:
        said = database.execute("PRAGMA integrity_check").fetchall()
        held.holds(said == [("ok",)], f"{said[:5]}")
        for kind, count, detail in database.execute("SELECT kind, count, detail FROM incident").fetchall():
            held.holds(kind == "recovered", f"incident: {kind}, {count}: {detail}")
    rings = [path.name for path in state_dir.glob("ring-*")]
    held.holds(not rings, f"left behind: {rings}")
    return held

