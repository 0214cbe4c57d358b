"""The progress bar: whatever takes longer than a second shows one, on a terminal alone. What takes long here waits for the
test: for a pipe that is not filled or not emptied, for a store that is held."""
import array
import fcntl
import os
import re
import subprocess
import termios
import time
from pathlib import Path
from types import SimpleNamespace

import older_store
import pytest
from program import binary, poll
from rawhttp import DEADLINE_S
from store import held
from terminal import Terminal

LONG_S = 1.2  # beyond the second from which on a bar is shown
ACTIVE = "/api/trade/order/active"
TWO_TRANSACTIONS = b"curl https://h/p\n" * 401  # of one import


def slow_disk(delay_us, call="pwrite64"):
    """A tracer under which every page that SQLite writes, or reads, takes as long."""
    return ["strace", "-qq", "-o", "/dev/null", "-e", f"trace={call}", "-e", f"inject={call}:delay_enter={delay_us}"]


def in_pipe(end):
    """Bytes that wait there."""
    count = array.array("i", [0])
    fcntl.ioctl(end, termios.FIONREAD, count)
    return count[0]


def wait_longer_than_a_second_from(what, has_begun):
    """The second is counted from the program's own beginning, which a busy machine puts off."""
    poll(what, has_begun)
    time.sleep(LONG_S)


def has_open(pid, name):
    return any(os.path.basename(os.readlink(entry)) == name for entry in Path(f"/proc/{pid}/fd").iterdir())


@pytest.fixture
def recorded(proxy):
    """More than a pipe holds, once exported."""
    last = [proxy.request("GET", f"{ACTIVE}?padding={'x' * 3000}") for _ in range(30)][-1]
    proxy.record(last.id)
    return proxy


def test_reading_a_file_that_comes_slowly(proxy):
    reading, writing = os.pipe()
    with os.fdopen(writing, "wb") as pipe:
        importing = Terminal.begun(proxy, "log", "import", "-", stdin=reading)
        os.close(reading)
        pipe.write(TWO_TRANSACTIONS[:1700])
        pipe.flush()
        wait_longer_than_a_second_from("it reads", lambda: in_pipe(pipe) == 0)
        pipe.write(TWO_TRANSACTIONS[1700:])
    importing.end()
    assert importing.code == 0 and "\r\x1b[Kreading " in importing.text, importing.text[:1000]
    assert "\r\x1b[K" in importing.text.rpartition("/s")[2].partition("i1 ")[0], "the bar is not taken away"


def test_no_bar_where_nobody_looks(proxy):
    with subprocess.Popen([binary(), "log", "import", "-", "-c", str(proxy.config_file)], env=proxy.env,
                          stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as importing:
        importing.stdin.write(TWO_TRANSACTIONS[:1700])
        importing.stdin.flush()
        wait_longer_than_a_second_from("it reads", lambda: in_pipe(importing.stdin) == 0)
        said, errors = importing.communicate(TWO_TRANSACTIONS[1700:], timeout=DEADLINE_S)
    assert importing.returncode == 0 and said.count(b"\n") == 401 and errors == b""


def has_bar(shown, label, total):
    """Whether a bar was there and was taken away."""
    bar = re.search(fr"\r\x1b\[K{label} \[[#.]+\] +\d+%  \d+/{total} ", shown.text)
    return bool(bar) and "\r\x1b[K" in shown.text[bar.end():]


def test_an_import_into_a_store_that_is_held(proxy, state_dir, tmp_path):
    commands = tmp_path / "commands.sh"
    commands.write_bytes(TWO_TRANSACTIONS)
    with held(state_dir):
        importing = Terminal.begun(proxy, "log", "import", commands)
        wait_longer_than_a_second_from("it has the store", lambda: has_open(importing.process.pid, "capture.db"))
    importing.end()
    assert importing.code == 0 and has_bar(importing, "storing", 401), importing.text[:1000]


def test_pruning_on_a_slow_disk(recorded):
    pruning = Terminal(recorded, "log", "prune", "--keep-count", "1", "--yes", before=slow_disk(100_000))
    assert pruning.code == 0 and has_bar(pruning, "pruning", 29), pruning.text


def test_an_export_that_waits_for_its_reader(recorded):
    reading, writing = os.pipe()
    exporting = Terminal.begun(recorded, "log", "export", "--format", "jsonl", stdout=writing)
    os.close(writing)
    wait_longer_than_a_second_from("it writes", lambda: in_pipe(reading) > 0)
    with os.fdopen(reading, "rb") as pipe:
        lines = pipe.read().splitlines()
    exporting.end()
    assert exporting.code == 0 and len(lines) == 30 and "\r\x1b[Kexporting [" in exporting.text, exporting.text


def test_comparing_exchanges_on_a_slow_disk(recorded):
    comparing = Terminal(recorded, "log", "why", before=slow_disk(100_000, "pread64"))
    assert comparing.code == 0 and has_bar(comparing, "comparing", 30), comparing.text


def test_carrying_over_an_older_store_on_a_slow_disk(env, configure, state_dir):
    older_store.make(state_dir, older_store.plain_rows(1, 300))
    nobody = SimpleNamespace(config_file=configure(), env=env)
    carrying = Terminal(nobody, "log", "migrate", before=slow_disk(20_000))
    assert carrying.code == 0 and has_bar(carrying, "carrying over", 300), carrying.text
