"""A state folder on a disk that is full, becomes full, and has room again: nothing that was answered is lost, requests
are refused with a message, no write to a mapped file kills the proxy, and it recovers by itself.

The disk is a small tmpfs. Mounting it needs root, or the root of a namespace: in one, the last test runs all others."""
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

import older_store
import store
from load import PLACE, answers_by_tag, check, order
from program import Proxy, poll
from test_never_lost import (FILLER, SMALL_ONE, assert_refused, exchange, is_dropped, is_recorded, kill,
                             orders_recover)
from test_store_life import assert_migrated

KIB, MIB = 1024, 1024 * 1024
RING = 4 * MIB
IS_ROOT = os.geteuid() == 0
needs_mount = pytest.mark.skipif(not IS_ROOT, reason="mounts; runs as the root of a namespace, by the last test")
pytestmark = pytest.mark.timeout(300)


class Disk:
    """A small file system, and a file that takes what is free on it."""

    def __init__(self, folder, size):
        self.folder = folder
        self.filler = folder / "filler"
        self.size = size

    def fill(self, leave=0):
        """Leaves so many bytes free, or less."""
        self.make_room()
        with self.filler.open("wb") as file:
            self._grow(file, self.free() - leave)
            while leave == 0 and self._grow(file, 4 * KIB):
                pass

    @staticmethod
    def _grow(file, count):
        try:
            os.posix_fallocate(file.fileno(), os.fstat(file.fileno()).st_size, max(count, 1))
            return True
        except OSError:
            return False

    def shrink_filler(self, count):
        os.truncate(self.filler, max(0, self.filler.stat().st_size - count))

    def make_room(self):
        self.filler.unlink(missing_ok=True)

    def free(self):
        status = os.statvfs(self.folder)
        return status.f_bavail * status.f_frsize


@pytest.fixture
def mount(tmp_path, request):
    """Mounts a tmpfs of so many bytes; it is gone when the test ends, whatever became of it."""
    def make(size):
        folder = tmp_path / "disk"
        folder.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", folder], check=True)
        request.addfinalizer(lambda: subprocess.run(["umount", "--lazy", folder], check=True))
        return Disk(folder, size)
    return make


@pytest.fixture
def disk_of(mount, sections, upstream):
    """Makes the disk of the state folder."""
    def make(size):
        upstream.script(PLACE, answers_by_tag)
        made = mount(size)
        sections["proxy"]["state_dir"] = made.folder / "state"
        return made
    return make


@pytest.fixture
def disk(disk_of):
    return disk_of(24 * MIB)


def place_until_refused(client, name):
    """Orders until one is refused: those that were taken, and that one."""
    taken = []
    for number in range(1000):
        item = exchange(client, order(f"{name}-{number}".encode(), FILLER))
        if item.answer.status != 200:
            return taken, item
        taken.append(item)
    raise AssertionError("the record never got full")


@needs_mount
def test_a_disk_that_fills_up_refuses_new_requests_and_recovers_once_there_is_room(
        start, disk, upstream, account, state_dir):
    proxy = start(SMALL_ONE)
    with proxy.client() as client:
        taken = [exchange(client, order(b"before", FILLER))]
        poll("it is recorded", lambda: is_recorded(state_dir, taken))
        for turn in range(2):
            disk.fill()
            more, refused = place_until_refused(client, f"full-{turn}")
            assert_refused(refused, upstream)
            assert more, "the ring has its room, whatever the disk has"
            proxy.wait_for_line("the disk is named as the cause",
                                lambda line: '"warning"' in line and "capture.db" in line and "full" in line)
            disk.make_room()
            taken += more + orders_recover(proxy, f"after-{turn}")
            poll("all is recorded", lambda: is_recorded(state_dir, taken))
    proxy.stop()
    rows = [row for row in store.exchanges(state_dir) if row.error_name != b"record-full"]
    check(rows, taken, upstream, account)
    assert store.is_sound(state_dir)


@needs_mount
def test_with_drop_a_full_disk_lets_requests_go_unrecorded_and_counts_them(start, disk, upstream, account, state_dir):
    proxy = start({**SMALL_ONE, "capture": {**SMALL_ONE["capture"], "when_full": "drop"}})
    with proxy.client() as client:
        disk.fill()
        sent = [exchange(client, order(b"drop-%d" % number, FILLER)) for number in range(400)]
        assert {item.answer.status for item in sent} == {200}
        disk.make_room()

        def is_kept():
            sent.append(exchange(client, order(b"later-%d" % len(sent))))
            return not is_dropped(sent[-1])
        poll("there is room again", is_kept)
    proxy.stop()
    dropped = sum(is_dropped(item) for item in sent)
    assert dropped > 0
    check(store.exchanges(state_dir), [item for item in sent if not is_dropped(item)], upstream, account)
    assert sum(count for count, _ in store.incidents(state_dir, "dropped")) == dropped


@needs_mount
def test_a_disk_that_gets_room_page_by_page_meets_every_file_at_its_edge(start, disk, upstream, account, state_dir):
    """Each of the store's files is at some time the one for which the next page is not there."""
    proxy = start(SMALL_ONE)
    with proxy.client() as client, store.snapshot(state_dir):  # the log cannot be used again from its start: it grows
        disk.fill()
        taken, _ = place_until_refused(client, "edge")
        for number in range(200):
            disk.shrink_filler(4 * KIB)
            item = exchange(client, order(f"page-{number}".encode(), FILLER[:3000]))
            if item.answer.status == 200:
                taken.append(item)
        disk.make_room()
        taken += orders_recover(proxy, "after")
        poll("all is recorded", lambda: is_recorded(state_dir, taken))
    proxy.stop()
    check([row for row in store.exchanges(state_dir) if row.error_name != b"record-full"], taken, upstream, account)
    assert store.is_sound(state_dir)


# SQLite's file formats, "WAL-Index Format": the first 32 KiB of -shm index so many frames, each a page and its header.
INDEX_PART = 32 * KIB
INDEX_FRAMES = 4062
FRAME = 16384 + 24
RETRY_S = 1.1  # the recorder tries again within a second


def frames(wal):
    return wal.stat().st_size // FRAME


@pytest.mark.slow
@pytest.mark.once
@needs_mount
def test_a_log_whose_index_finds_no_room_to_grow_does_not_kill_the_proxy(start, disk_of, upstream, account, sections):
    """-shm is mapped: a page of it that the disk does not have would be a SIGBUS. So the room is given in pieces smaller
    than what the index needs, to meet the moment in which there is enough for the log alone."""
    disk = disk_of(200 * MIB)
    state_dir = sections["proxy"]["state_dir"]
    wal, index = state_dir / "capture.db-wal", state_dir / "capture.db-shm"
    proxy = start(SMALL_ONE)
    with proxy.client() as client:
        sent = [exchange(client, order(b"first"))]
        poll("it is recorded", lambda: is_recorded(state_dir, sent))
        with store.snapshot(state_dir):  # the log is not used again from its start: it grows
            while frames(wal) < INDEX_FRAMES - 150:
                count = 10 if frames(wal) < INDEX_FRAMES - 400 else 1
                sent += [exchange(client, order(b"fill-%d" % (len(sent) + number), FILLER)) for number in range(count)]
                assert {item.answer.status for item in sent} == {200}
                poll("the journal has room again", lambda: is_recorded(state_dir, sent[-1:]))
            while frames(wal) < INDEX_FRAMES - 30:  # an order takes 20 at most
                sent.append(exchange(client, order(b"near-%d" % len(sent))))
                poll("it is recorded", lambda: is_recorded(state_dir, sent[-1:]))
            assert index.stat().st_size == INDEX_PART
            disk.fill()
            while frames(wal) <= INDEX_FRAMES:
                if is_recorded(state_dir, sent[-1:]):
                    sent.append(exchange(client, order(b"over-%d" % len(sent))))
                disk.shrink_filler(INDEX_PART - 8 * KIB)
                time.sleep(RETRY_S)
            assert not is_recorded(state_dir, sent[-1:]), "there was room for the index: the moment was missed"
            disk.make_room()
            poll("all is recorded", lambda: is_recorded(state_dir, sent))
            assert index.stat().st_size > INDEX_PART
    proxy.stop()
    check(store.exchanges(state_dir), sent, upstream, account)
    assert store.is_sound(state_dir)


@needs_mount
def test_a_proxy_that_is_killed_on_a_full_disk_starts_again_once_there_is_room(
        start, launch, disk, upstream, account, state_dir):
    proxy = start(SMALL_ONE)
    with proxy.client() as client:
        disk.fill()
        taken, _ = place_until_refused(client, "killed")
        kill(proxy)
    again = launch(SMALL_ONE)
    said = again.wait_for_line("it cannot carry over what is there, or can",
                               lambda line: line if '"ready"' in line or str(state_dir) in line else None)
    if '"ready"' in said:
        again.stop()
    else:
        assert again.wait() == 3, again.output()
    disk.make_room()
    start(SMALL_ONE).stop()
    rows = [row for row in store.exchanges(state_dir) if row.error_name != b"record-full"]
    check(rows, taken, upstream, account)


def try_to_start(programs, configure, env, state_dir):
    """Starts, and ends again where it could: the exit code and the output."""
    proxy = Proxy(configure({**SMALL_ONE, "proxy": {**SMALL_ONE["proxy"], "state_dir": state_dir}}), env)
    programs.append(proxy)
    poll("it is ready or has ended", lambda: proxy.events("ready") or proxy.process.poll() is not None)
    if proxy.process.poll() is None:
        proxy.stop()
    return proxy.wait(), proxy.output()


@needs_mount
def test_a_start_without_room_for_the_ring_names_the_file_and_its_size(programs, configure, env, disk, state_dir):
    disk.fill(leave=RING - 64 * KIB)
    code, output = try_to_start(programs, configure, env, state_dir)
    assert code == 3, output
    assert f"{state_dir}/ring-0.journal" in output
    assert "No space left on device" in output and "ring_size" in output
    assert any(abs(int(word) - RING) <= 64 * KIB for word in output.replace(",", " ").split() if word.isdigit()), output


@needs_mount
@pytest.mark.once
def test_a_start_with_any_little_room_succeeds_or_says_what_is_missing(programs, configure, env, disk):
    """From a disk that is full to one with room for all: no step of a start dies of a page that is not there."""
    codes = []
    around_the_store = range(0, 448 * KIB, 16 * KIB)  # an empty one takes 420 KiB
    around_the_ring = range(RING - 64 * KIB, RING + 768 * KIB, 64 * KIB)
    for number, free in enumerate([*around_the_store, *around_the_ring]):
        state_dir = disk.folder / f"state-{number}"
        disk.fill(leave=free)
        code, output = try_to_start(programs, configure, env, state_dir)
        assert code in (0, 3), f"{free} bytes free: exit code {code}\n{output}"
        assert code == 0 or str(state_dir) in output, output
        assert code == 0 or "No space left" in output or "disk is full" in output, output
        codes.append(code)
        shutil.rmtree(state_dir, ignore_errors=True)
    assert codes[0] == 3 and codes[-1] == 0
    assert codes == sorted(codes, reverse=True), "what is enough room stays enough"


@needs_mount
def test_an_older_store_for_whose_migration_there_is_no_room_stays_and_is_migrated_later(
        programs, configure, env, start, disk, state_dir):
    rows = older_store.plain_rows(1, 1000)
    older_store.make(state_dir, rows)
    before = (state_dir / "capture.db").read_bytes()
    for free in (0, 64 * KIB, 256 * KIB):
        disk.fill(leave=free)
        code, output = try_to_start(programs, configure, env, state_dir)
        assert code == 3 and str(state_dir) in output, output
        assert "No space left" in output or "disk is full" in output, output
        disk.make_room()  # SQLite needs some to look
        assert len((state_dir / "capture.db").read_bytes()) == len(before)
        assert store.query(state_dir, "SELECT count(*) FROM exchange_text") == [(1000,)]
    start(SMALL_ONE)
    assert_migrated(state_dir, rows)


if not IS_ROOT:
    def test_all_of_these_as_the_root_of_a_namespace():
        done = subprocess.run(["unshare", "--map-root-user", "--mount", sys.executable, "-m", "pytest", "-q",
                               "-c", Path(__file__).with_name("pytest.ini"), "--rootdir", Path(__file__).parent,
                               "-p", "no:cacheprovider", __file__],
                              capture_output=True, text=True, timeout=280, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        assert "skipped" not in done.stdout, done.stdout
