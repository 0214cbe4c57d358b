"""The store from one start to the next: damaged ones are set aside, newer ones left alone, older ones migrated."""
import gzip
import hashlib
import json
import os
import shutil
import signal
import time
from pathlib import Path

import pytest

import older_store
import program
import store
from load import ACTIVE, PLACE, answer_to, answers_by_tag, check, order, query_for
from program import is_alive, poll
from test_never_lost import exchange, is_recorded, kill

pytestmark = pytest.mark.timeout(300)

RING_OF_VERSION_1 = Path(__file__).with_name("ring_v1.journal.gz")
RING_OF_VERSION_2 = Path(__file__).with_name("ring_v2.journal.gz")
STORE_OF_VERSION_2 = Path(__file__).with_name("store_v2.sql")
NEW_IN_VERSION_3 = ("clock_offset_us", "clock_bound_us", "waited_us")


@pytest.fixture(autouse=True)
def behaviour(upstream):
    for path in (PLACE, ACTIVE):
        upstream.script(path, answers_by_tag)


def fingerprints(state_dir):
    """Every file but the lock, which names the process that has the folder."""
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest()
            for path in state_dir.iterdir() if path.name != "lock"}


def assert_untouched(state_dir, before):
    """Every file is as it was. Looking into a database makes SQLite lay two files beside it, which hold nothing."""
    after = fingerprints(state_dir)
    assert {name: after.get(name) for name in before} == before
    assert after.keys() - before.keys() <= {"capture.db-wal", "capture.db-shm"}
    wal = state_dir / "capture.db-wal"
    assert "capture.db-wal" in before or not wal.exists() or wal.stat().st_size == 0


def set_aside(state_dir):
    """The database that was set aside."""
    kept, = (path for path in state_dir.glob("capture.db.damaged-*") if not path.name.endswith(("-wal", "-shm")))
    return kept


def records_what_comes(proxy, state_dir, upstream, account, name=b"new", after=0):
    with proxy.client() as client:
        sent = [exchange(client, order(b"%s-%d" % (name, number))) for number in range(5)]
    poll("it is recorded", lambda: is_recorded(state_dir, sent))
    check(store.exchanges(state_dir, after), sent, upstream, account)


# --- damaged ---

def said_to_be_set_aside(proxy, state_dir):
    """The log line that names both files."""
    kept = set_aside(state_dir)
    event = proxy.wait_for_event("set-aside")
    said = json.dumps(event)
    assert str(kept) in said and f"{state_dir / 'capture.db'}" in said.replace(str(kept), "")
    assert event["level"] in ("warning", "error")
    return kept


@pytest.mark.parametrize("content", [
    b"no database at all\n" * 1000, b"\0" * 65536, b"SQLite format 3\0" + b"\xff" * 50000,
], ids=["text", "zeros", "a header and no more"])
@pytest.mark.parametrize("log", [None, b"left from another time" * 500], ids=["alone", "with its log"])
def test_what_is_no_database_is_kept_under_another_name_and_a_new_one_begun(
        start, upstream, account, state_dir, content, log):
    state_dir.mkdir(mode=0o700)
    (state_dir / "capture.db").write_bytes(content)
    if log:
        (state_dir / "capture.db-wal").write_bytes(log)
    proxy = start()
    kept = said_to_be_set_aside(proxy, state_dir)
    assert kept.read_bytes() == content
    if log:
        assert kept.with_name(f"{kept.name}-wal").read_bytes() == log
    records_what_comes(proxy, state_dir, upstream, account)
    assert store.is_sound(state_dir)
    assert [kept.name in detail for _, detail in store.incidents(state_dir, "set-aside")] == [True]


def test_two_damaged_databases_are_both_kept(start, upstream, account, state_dir):
    state_dir.mkdir(mode=0o700)
    for content in (b"first" * 3000, b"second" * 3000):
        (state_dir / "capture.db").write_bytes(content)
        start().stop()
    kept = {path.read_bytes() for path in state_dir.glob("capture.db.damaged-*")}
    assert kept == {b"first" * 3000, b"second" * 3000}


@pytest.fixture
def used(start, state_dir):
    """A state folder whose store holds some hundred exchanges; no proxy runs."""
    proxy = start()
    with proxy.client() as client:
        sent = [exchange(client, order(b"old-%d" % number, os.urandom(3000))) for number in range(150)]
    poll("it is recorded", lambda: is_recorded(state_dir, sent))
    proxy.stop()
    return sent


def overwrite(path, begin, end):
    with path.open("r+b") as file:
        file.seek(int(begin))
        file.write(os.urandom(int(end) - int(begin)))


DAMAGES = {
    "its first page": lambda path, size: overwrite(path, 0, 16384),
    "all but the first page": lambda path, size: overwrite(path, 16384, size),
    "the schema on the first page": lambda path, size: overwrite(path, 100, 16384),
    "a third in the middle": lambda path, size: overwrite(path, size / 3, size * 2 / 3),
    "its second half, cut off": lambda path, size: os.truncate(path, size // 2),
    "all but some bytes, cut off": lambda path, size: os.truncate(path, 50),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_store_that_is_damaged_while_the_proxy_is_stopped_does_not_keep_it_from_recording(
        start, used, upstream, account, state_dir, damage):
    path = state_dir / "capture.db"
    DAMAGES[damage](path, path.stat().st_size)
    proxy = start()
    with proxy.client() as client:
        sent = [exchange(client, order(b"new-%d" % number)) for number in range(20)]
    assert {item.answer.status for item in sent} == {200}
    poll("it is recorded", lambda: is_recorded(state_dir, sent))
    new = {item.seen_id for item in sent}
    check([row for row in store.exchanges(state_dir, min(new) - 1) if row.id in new], sent, upstream, account)
    if list(state_dir.glob("capture.db.damaged-*")):
        said_to_be_set_aside(proxy, state_dir)
        assert store.is_sound(state_dir), "the new one has nothing of the old one"
    assert proxy.record(sent[-1].seen_id)["outcome"] == "ok"


def test_a_store_that_is_damaged_while_the_proxy_runs_is_set_aside_and_nothing_new_is_lost(
        start, used, upstream, account, state_dir):
    proxy = start()
    path = state_dir / "capture.db"
    overwrite(path, 16384, path.stat().st_size)
    with proxy.client() as client:
        sent = [exchange(client, order(b"new-%d" % number, os.urandom(2000))) for number in range(60)]
    assert {item.answer.status for item in sent} == {200}
    assert min(item.seen_id for item in sent) > max(item.seen_id for item in used), "an id is never given twice"
    proxy.stop()
    again = start()
    for item in sent:
        assert again.view(item.seen_id, "client-response") == item.answer.raw


# --- newer ---

def test_a_store_of_a_newer_program_is_refused_and_stays_as_it_is(start, launch, state_dir, upstream, account):
    proxy = start()
    with proxy.client() as client:
        sent = [exchange(client, order(b"stored"))]
        poll("it is recorded", lambda: is_recorded(state_dir, sent))
        with store.held(state_dir):
            sent.append(exchange(client, order(b"in the ring")))
            kill(proxy)
    known, = store.query(state_dir, "PRAGMA user_version")[0]
    store.query(state_dir, f"PRAGMA user_version = {known + 1}")
    before = fingerprints(state_dir)
    assert any(name.startswith("ring-") for name in before)
    refused = launch()
    assert refused.wait() in (2, 3)
    said = refused.output()
    assert str(state_dir / "capture.db") in said
    assert f"version {known + 1}" in said and f"{known}" in said.replace(f"version {known + 1}", "")
    assert_untouched(state_dir, before)
    for arguments in (["log"], ["log", "show", "last"]):
        done = refused.command(*arguments)
        assert done.returncode == 2 and str(known + 1) in done.stderr.decode()
    assert_untouched(state_dir, before)

    store.query(state_dir, f"PRAGMA user_version = {known}")
    start()
    sent[1].tag = b"in"  # the tag ends at the blank
    check(store.exchanges(state_dir), sent, upstream, account)


def test_another_programs_database_is_refused_and_stays_as_it_is(launch, state_dir):
    state_dir.mkdir(mode=0o700)
    store.query(state_dir, "CREATE TABLE notes (text)")
    store.query(state_dir, "INSERT INTO notes VALUES ('mine')")
    before = fingerprints(state_dir)
    refused = launch()
    assert refused.wait() in (2, 3)
    assert str(state_dir / "capture.db") in refused.output()
    assert_untouched(state_dir, before)


# --- older ---

def includes(found, wanted):
    """Whether all members that are wanted are there, as wanted."""
    if isinstance(wanted, dict):
        return isinstance(found, dict) and all(name in found and includes(found[name], wanted[name]) for name in wanted)
    return found == wanted


def ended(row):
    """As a start leaves what was in flight."""
    return row if row.get("outcome") else {**row, "outcome": "unknown", "error_name": "process-ended"}


def views(row):
    return {view: (row.get(f"{view}_head") or b"") + (row.get(f"{view}_body") or b"") for view in older_store.VIEWS}


def assert_migrated(state_dir, rows, after=0):
    found = {row.id: row for row in store.exchanges(state_dir, after)}
    wanted = {row["id"] for row in rows}
    assert not wanted ^ found.keys(), f"missing: {wanted - found.keys()}; too many: {found.keys() - wanted}"
    for row in map(ended, rows):
        kept = found[row["id"]]
        assert {view: getattr(kept, view) for view in older_store.VIEWS} == views(row), f"{kept}"
        assert (kept.outcome.decode(), kept.status) == (row["outcome"], row.get("status")), f"{kept}"


def test_a_store_of_version_1_reads_as_it_did_before(start, upstream, account, state_dir):
    rows = older_store.special_rows() + older_store.plain_rows(100, 300)
    older_store.make(state_dir, rows)
    proxy = start()
    assert_migrated(state_dir, rows)
    for row in map(ended, rows[:25]):
        found = json.loads(proxy.command("log", "show", row["id"], "--json").stdout)
        wanted = older_store.shown(row)
        if row.get("error_name") == "process-ended":
            del wanted["errorMessage"]  # the program's own words
        differing = {name: (found.get(name), value) for name, value in wanted.items()
                     if not includes(found.get(name), value)}
        assert not differing, f"exchange {row['id']}: found, wanted: {differing}"
    records_what_comes(proxy, state_dir, upstream, account, after=1_000_003)
    assert store.is_sound(state_dir)


def said(done):
    assert done.returncode == 0, done
    return done.stdout.decode()


def test_the_tool_carries_an_older_store_over(env, configure, state_dir):
    rows = older_store.plain_rows(1, 300)
    made = older_store.make(state_dir, rows) / "capture.db"
    migrate = ["log", "migrate", "-c", configure()]
    assert json.loads(said(program.run(*migrate, "--json", env=env))) == {"store": str(made), "carriedOver": True}
    assert_migrated(state_dir, rows)
    again = program.run(*migrate, env=env)
    assert said(again) == "" and again.stderr.decode() == f"{made} is of this version already\n"
    assert json.loads(said(program.run(*migrate, "--json", env=env))) == {"store": str(made), "carriedOver": False}


def make_version_2(state_dir):
    state_dir.mkdir(mode=0o700)
    with store.closing(store.connect(state_dir)) as database:
        database.executescript(STORE_OF_VERSION_2.read_text())
    return state_dir


def every_fact(state_dir):
    """Of each exchange, by id: every column of the view but those that version 3 has more, which hold nothing."""
    with store.closing(store.connect(state_dir)) as database:
        database.row_factory = store.sqlite3.Row
        rows = [dict(row) for row in database.execute("SELECT * FROM exchange ORDER BY id")]
    assert all(row.pop(name, None) is None for row in rows for name in NEW_IN_VERSION_3)
    return {row["id"]: row for row in rows}


@pytest.mark.both
def test_a_store_of_version_2_reads_as_it_did_before(start, upstream, account, state_dir):
    before = every_fact(make_version_2(state_dir))
    assert len(before) == 10
    proxy = start()
    assert every_fact(state_dir) == before
    listed = proxy.command("log", "--json").stdout.splitlines()
    assert {json.loads(line)["id"] for line in listed} == before.keys()
    exported = [json.loads(line) for line in proxy.command("log", "export", "--format", "jsonl").stdout.splitlines()]
    assert {row["id"]: row["target"] for row in exported} == {id: row["target"] for id, row in before.items()}
    for id, row in before.items():
        shown = json.loads(proxy.command("log", "show", id, "--json").stdout)
        assert (shown["outcome"], shown["signing"] is not None, shown["clock"]) == (row["outcome"], row["is_signed"] == 1,
                                                                                   None)
        assert row["target"].encode() in proxy.command("log", "show", id).stdout
    records_what_comes(proxy, state_dir, upstream, account, after=max(before))
    assert store.is_sound(state_dir)


def test_the_tool_carries_a_store_of_version_2_over_and_readers_ask_for_it(env, configure, state_dir):
    before = every_fact(make_version_2(state_dir))
    config = configure()
    asked = program.run("log", "-c", config, env=env)
    assert asked.returncode == 2 and b"`countersign log migrate`" in asked.stderr
    assert json.loads(said(program.run("log", "migrate", "-c", config, "--json", env=env)))["carriedOver"] is True
    assert every_fact(state_dir) == before
    assert len(said(program.run("log", "--json", "-c", config, env=env)).splitlines()) == len(before)
    assert json.loads(said(program.run("log", "migrate", "-c", config, "--json", env=env)))["carriedOver"] is False


@pytest.mark.both
def test_what_a_killed_program_of_version_2_left_in_its_ring_is_carried_over(start, tmp_path, state_dir):
    """An order, a look, and an order whose answer had not come; the store beside it is of that version, too."""
    before = every_fact(make_version_2(state_dir))
    with store.closing(store.connect(state_dir)) as database:
        database.execute("UPDATE record SET id = id + 100")  # the ring's are 1, 2 and 3
        database.execute("DELETE FROM ring_position")
    (state_dir / "ring-0.journal").write_bytes(gzip.decompress(RING_OF_VERSION_2.read_bytes()))
    start()
    *carried, unknown = [row for row in store.exchanges(state_dir) if row.id < 100]
    assert [row.client_request for row in carried] == [order(b"ring-1", bytes(range(256))), query_for(b"ring-2")]
    assert [row.upstream_response for row in carried] == [answer_to(b"ring-1"), answer_to(b"ring-2")]
    assert (unknown.client_request, unknown.outcome) == (order(b"ring-3"), b"unknown")
    assert len([id for id in every_fact(state_dir) if id > 100]) == len(before)


def test_ids_go_on_after_the_highest_of_an_older_store(start, state_dir):
    older_store.make(state_dir, older_store.special_rows())
    assert start().request("GET", f"{ACTIVE}?clOrdId=next").id == 1_000_004


def test_an_older_store_that_was_not_closed_in_order_is_migrated_with_its_log(start, tmp_path, state_dir):
    rows = older_store.plain_rows(1, 50)
    made = older_store.make(tmp_path / "made", rows[:40])
    with store.closing(store.connect(made)) as database:
        database.execute("INSERT INTO bytes (data) VALUES (x'00')")  # opens the log, and keeps it beside the file
        database.execute("INSERT INTO exchange (id, outcome, status, delivered, is_signed, payload_length, reused, "
                         "attempts) VALUES (7000, 'ok', 200, 1, 0, 0, 0, 1)")
        assert (made / "capture.db-wal").stat().st_size > 0
        state_dir.mkdir(mode=0o700)
        for name in ("capture.db", "capture.db-wal"):
            shutil.copy(made / name, state_dir / name)
    start()
    assert_migrated(state_dir, rows[:40] + [{"id": 7000, "outcome": "ok", "status": 200}])


def test_what_a_killed_older_program_left_in_its_ring_is_carried_over(start, state_dir):
    """The ring is of a run of version 1: an order, a look, and an order whose answer had not come."""
    rows = older_store.plain_rows(100, 10)
    older_store.make(state_dir, rows)
    (state_dir / "ring-0.journal").write_bytes(gzip.decompress(RING_OF_VERSION_1.read_bytes()))
    start()
    *carried, unknown = [row for row in store.exchanges(state_dir) if row.id < 100]
    wanted = [order(b"ring-1", bytes(range(256))), query_for(b"ring-2")]
    assert [row.client_request for row in carried] == wanted
    assert [row.upstream_response for row in carried] == [answer_to(b"ring-1"), answer_to(b"ring-2")]
    assert (unknown.client_request, unknown.outcome) == (order(b"ring-3"), b"unknown")
    assert_migrated(state_dir, rows, after=99)


def test_a_migration_that_is_killed_at_any_moment_is_done_again(launch, start, state_dir):
    rows = older_store.plain_rows(1, 3000)
    older_store.make(state_dir, rows)
    half_made = state_dir / "capture.db.migrating"

    def is_done():
        """By the version in the file's header (https://www.sqlite.org/fileformat.html, offset 60): takes no lock."""
        return (state_dir / "capture.db").read_bytes()[60:64] != b"\0\0\0\1"
    met = 0
    for delay_s in [0.001 * 1.5 ** step for step in range(14)]:
        if is_done():
            break
        proxy = launch()
        child = proxy.proxy_pid
        poll("the new file is begun", lambda: half_made.exists() or is_done())
        time.sleep(delay_s)  # at any moment
        os.kill(child, signal.SIGKILL)
        proxy.wait()
        poll("the proxy process has ended", lambda: not is_alive(child))
        met += half_made.exists()
    assert met > 0
    start()
    assert_migrated(state_dir, rows)
    assert store.is_sound(state_dir)
