"""What is looked at once the clients have ended: of the program while it still runs, and of what it left."""
import json
import re
import sqlite3
import time
import urllib.request
from contextlib import closing

import paths  # noqa: F401, pylint: disable=unused-import
from judge import PROBE, Invariant
from life import left_over
from program import SANITIZER_REPORT, poll
from rawhttp import Client, Ended, build_request, connect
from usage import open_descriptors

READ = "/api/trade/order/active"
SETTLE_S = 20
RECORDED_S = 2      # the recorder is behind the answers by less
UNKNOWN_AT_MOST = 100_000
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


def descriptors(life):
    """By process: its own name, and how many it has open."""
    return {"supervisor": open_descriptors(life.pid), "signer": open_descriptors(life.signer_pid),
            "proxy": open_descriptors(life.proxy_pid)}


def check_descriptors(setting, life, at_beginning):
    """`at_beginning` is of a life with as many workers, just started and probed."""
    held = Invariant("at the end as many descriptors are open as at the beginning")

    def is_back():
        probe(setting)
        return all(now <= at_beginning[name] for name, now in descriptors(life).items())
    try:
        poll("descriptors are back", is_back, SETTLE_S)
        held.holds(True, "")
    except AssertionError:
        held.holds(False, f"{descriptors(life)}, where at the beginning there were {at_beginning}")
    return held


def check_admin(setting, life):
    held = Invariant("the admin address says that it is alive and ready, and has metrics")
    for path, has in (("/healthz", ""), ("/readyz", ""), ("/metrics", "countersign_")):
        try:
            with urllib.request.urlopen(f"http://{setting.admin}{path}", timeout=10) as answer:
                body = answer.read().decode()
                held.holds(answer.status == 200 and has in body, f"{path}: {answer.status} {body[:200]}")
        except OSError as failure:
            held.holds(False, f"{path}: {failure}; {life.log_file.name}")
    return held


def check_unknown(director, judge):
    """What `log ls --outcome unknown` lists, against what clients were told."""
    held = Invariant("`log ls --outcome unknown` lists exactly what is in doubt")
    done = director.run_command("log", "ls", "--outcome", "unknown", "--json", "-n", UNKNOWN_AT_MOST,
                         "-c", director.setting.config_file)
    listed = {json.loads(line)["id"] for line in done.stdout.splitlines()}
    rows = {row.id: row for found in judge.rows.values() for row in found}
    for number in listed - judge.probes:
        row = rows.get(number)
        item = judge.told.get(row.tag) if row else None
        held.holds(item and (item["how"] != "told" or item["outcome"] == "unknown"), f"listed: {number}: {row}, {item}")
    for tag, item in judge.told.items():
        found = judge.rows.get(tag)
        if item["how"] == "told" and item["outcome"] == "unknown" or found and found[0].outcome == "unknown":
            held.holds(found and found[0].id in listed, f"not listed: {item}")
    return held


def check_reconcile(setting, director, judge):
    """Orders at the mock whose answers were lost: what is found out against what the relay saw."""
    held = Invariant("reconcile says of each order in doubt at the mock exchange what became of it")
    setting.write_config()
    done = director.run_command("reconcile", "--json", "--account", "mock",
                         "-c", setting.config_file)
    held.holds(done.returncode in (0, 1), f"exit code {done.returncode}: {done.stderr[-500:]!r}")
    rows = {row.id: row for found in judge.rows.values() for row in found}
    for line in done.stdout.splitlines():
        found = json.loads(line)
        row = rows.get(int(found["id"]))
        if row and found["action"] == "place":
            _check_orders(held, judge, row, found)
    return held


def _check_orders(held, judge, row, found):
    was_placed = [code for _, code in judge.done.get(row.tag, ())] == ["0"]
    for order in found["orders"]:
        if "batch" in judge.told[row.tag]["kind"].lower() and was_placed:
            continue  # each order of it has an answer of its own
        right = order["verdict"] == "placed" if was_placed else order["verdict"] != "placed"
        held.holds(right, f"{row}: {order['verdict']} ({order['reason']}), done: {judge.done.get(row.tag)}")


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


def check_log(director):
    held = Invariant("the log has no error that nothing explains, and no sanitizer's report")
    for life in director.lives:
        for line in life.log_file.read_text(errors="replace").splitlines():
            if '"level":"error"' in line:
                held.holds(any(re.search(form, line) for form in EXPECTED_ERRORS), f"{life.log_file.name}: {line[:300]}")
            elif not line.startswith("{"):
                held.holds(not SANITIZER_REPORT.search(line), f"{life.log_file.name}: {line[:300]}")
    return held


def check_secrets(setting, director, state_dir):
    """Secrets, and API keys whole."""
    held = Invariant("no secret and no whole API key stands in a log, an output or the record")
    places = {life.log_file.name: life.log_file.read_bytes() for life in director.lives}
    places["output of commands"] = b"\n".join(director.outputs)
    places |= {str(path): path.read_bytes() for path in state_dir.rglob("*") if path.is_file()}
    for pair in setting.pairs():
        for what, text in (("secret", pair.secret), ("API key", pair.key)):
            found = [name for name, data in places.items() if text.encode() in data]
            held.holds(not found, f"the {what} of {pair.masked}: {found}")
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

