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
EXCHANGE = "connection to "
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


def tcp_remotes():
    """{inode of a TCP socket over IPv4: the port at its other end} (proc(5))"""
    lines = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return {words[9]: int(words[2].split(":")[1], 16) for words in lines}


def kind_of(link, exchanges, remotes):
    """What a descriptor is, from its link in /proc: a file's path, or a kind with no number in it."""
    inode = re.match(r"socket:\[(\d+)\]", link)
    if not inode:
        return re.sub(r":\[\d+\]|(?<=/log-)\d+", "", link)
    port = remotes.get(inode[1])
    return EXCHANGE + exchanges[port] if port in exchanges else "another socket"


def descriptors(setting, life):
    """By process: what it has open, and how many of each."""
    exchanges, remotes, found = setting.exchange_ports(), tcp_remotes(), {}
    for name, pid in (("supervisor", life.pid), ("signer", life.signer_pid), ("proxy", life.proxy_pid)):
        found[name] = Counter()
        for entry in Path(f"/proc/{pid}/fd").iterdir():
            try:
                found[name][kind_of(os.readlink(entry), exchanges, remotes)] += 1
            except FileNotFoundError:
                continue  # closed meanwhile
    return found


def beyond(now, before, workers):
    """What there is more of than there was. Each worker has a connection of its own to each exchange, and which of them the first
    requests came to is chance, so that of these there may be one for each worker."""
    return {f"{count} of {kind}, where there were {before[process][kind]} in the {process}" for process in now
            for kind, count in now[process].items()
            if count > max(before[process][kind], workers if kind.startswith(EXCHANGE) else 0)}


def check_descriptors(setting, life, at_beginning):
    """`at_beginning` is of a life with as many workers, just started and probed."""
    held = Invariant("at the end no more descriptors are open than at the beginning")
    workers = setting.variant.workers

    def is_back():
        probe(setting)
        return not beyond(descriptors(setting, life), at_beginning, workers)
    try:
        poll("descriptors are back", is_back, SETTLE_S)
        held.holds(True, "")
    except AssertionError:
        held.holds(False, f"{beyond(descriptors(setting, life), at_beginning, workers)}")
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

