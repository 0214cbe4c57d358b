"""Whatever kills, holds up or stops the proxy: what the exchange received is in the record, what a client got whole is
there whole, nothing is there twice, and what is torn is counted. COUNTERSIGN_SEED repeats a run's random choices,
COUNTERSIGN_KILLS is how often the proxy is killed."""
import os
import random
import signal
import statistics
import time
from dataclasses import dataclass

import pytest

import store
from load import ACTIVE, PLACE, Load, Sent, answers_by_tag, check, order, tag_of
from program import is_alive, poll

pytestmark = [pytest.mark.both, pytest.mark.timeout(600)]

ROUNDS = int(os.environ.get("COUNTERSIGN_KILLS", "50"))
START_MEDIAN_S = 2
# The smallest ring, which some dozens of large bodies fill.
SMALL = {"proxy": {"body_max": "128KiB", "workers": 2}, "capture": {"ring_size": "4MiB"}}
SMALL_ONE = {**SMALL, "proxy": {"body_max": "128KiB"}}


@pytest.fixture
def chance():
    seed = os.environ.get("COUNTERSIGN_SEED", str(time.time_ns()))
    print(f"COUNTERSIGN_SEED={seed}")
    return random.Random(seed)


@pytest.fixture(autouse=True)
def behaviour(upstream):
    for path in (PLACE, ACTIVE):
        upstream.script(path, answers_by_tag)


# --- killed ---

@dataclass
class Life:
    """One run of the proxy: with what it runs, and how it is to end."""
    number: int
    workers: int
    durability: str
    kill_after_s: float
    kills_signer: bool        # else the proxy
    is_held: bool             # the store is locked all along: nothing leaves the ring
    start_cut_after_s: float  # 0, or: a start before this run is killed then, perhaps while it carries over

    @classmethod
    def of(cls, number, chance):
        kind = chance.random()
        return cls(number, chance.choice((1, 2, 2, 3)), chance.choice(("process", "power")),
                   chance.uniform(0.005, 0.25), kind < 0.2, 0.2 <= kind < 0.4,
                   chance.uniform(0.001, 0.06) if chance.random() < 0.3 else 0)

    def changes(self):
        return {"proxy": {"workers": self.workers},
                "capture": {"ring_size": "16MiB", "durability": self.durability}}


def kill(proxy, kills_signer=False):
    child = proxy.proxy_pid
    os.kill(proxy.pid if kills_signer else child, signal.SIGKILL)
    proxy.wait()
    poll("the proxy process has ended", lambda: not is_alive(child))


def kill_while_starting(launch, life):
    proxy = launch(life.changes())
    child = proxy.proxy_pid
    time.sleep(life.start_cut_after_s)
    os.kill(child, signal.SIGKILL)
    proxy.wait()


def kill_under_load(proxy, life, state_dir):
    """Returns what clients sent meanwhile."""
    load = Load(proxy, f"round-{life.number}")
    if life.is_held:
        with store.held(state_dir):
            time.sleep(life.kill_after_s)
            kill(proxy, life.kills_signer)
    else:
        time.sleep(life.kill_after_s)
        kill(proxy, life.kills_signer)
    return load.wait()


@pytest.mark.concurrent
def test_a_proxy_killed_under_load_at_random_moments_loses_nothing(launch, upstream, account, state_dir, chance):
    everything, of_last_run, starts, last_id = [], [], [], 0
    for number in range(ROUNDS + 1):
        life = Life.of(number, chance)
        print(life)
        if life.start_cut_after_s:
            kill_while_starting(launch, life)
        began = time.monotonic()
        proxy = launch(life.changes()).wait_until_ready()
        starts.append(time.monotonic() - began)

        rows = store.exchanges(state_dir, last_id)
        check(rows, of_last_run, upstream, account)
        last_id = rows[-1].id if rows else last_id
        of_last_run = kill_under_load(proxy, life, state_dir) if number < ROUNDS else []
        everything += of_last_run

    proxy.stop()
    rows = store.exchanges(state_dir)
    check(rows, everything, upstream, account)
    assert store.is_sound(state_dir)
    unknown = sum(row.outcome == b"unknown" for row in rows)
    print(f"{len(everything)} sent, {sum(item.answer is not None for item in everything)} answered, {len(rows)} "
          f"recorded, {unknown} unknown; starts: median {statistics.median(starts):.3f} s, longest {max(starts):.3f} s")
    assert unknown > 0, "no request was ever under way when the proxy was killed"
    assert statistics.median(starts) < START_MEDIAN_S, "starting must not take longer as the store grows"


def test_what_was_torn_is_counted_and_told_and_everything_else_is_whole(start, upstream, account, state_dir):
    """As a power failure may leave a ring: the last page that was written is not what it was."""
    proxy = start(SMALL_ONE)
    with proxy.client() as client, store.held(state_dir):
        sent = [exchange(client, order(b"torn-%d" % number)) for number in range(6)]
        kill(proxy)
    damage_last(state_dir / "ring-0.journal", b"torn-5")
    after = start(SMALL_ONE)
    rows = store.exchanges(state_dir)
    check([row for row in rows if row.id != sent[5].seen_id], sent[:5], upstream, account)
    damaged, = (row for row in rows if row.id == sent[5].seen_id)
    assert damaged.client_request in (sent[5].raw, b""), "never guessed"
    assert damaged.outcome == b"unknown"
    after.wait_for_line("the torn frame is counted", lambda line: "1 torn" in line and '"warning"' in line)
    assert sum(count for count, _ in store.incidents(state_dir, "torn")) == 1
    assert after.request("GET", f"{ACTIVE}?clOrdId=later").id == sent[5].seen_id + 1


def damage_last(ring, text):
    """Changes one byte of the last place where the text stands."""
    content = ring.read_bytes()
    at = content.rindex(text)
    with ring.open("r+b") as file:
        file.seek(at)
        file.write(b"T")


def exchange(client, raw):
    sent = Sent(tag_of(raw), raw, client.exchange(raw))
    sent.seen_id = sent.answer.id
    return sent


# --- held up ---

FILLER = b"x" * 60_000


def place_until_full(proxy, name, clients=4):
    """Orders over several connections until each was refused: they are spread over the workers, and so over their
    rings. Returns those that were taken, and those that were refused."""
    sent, refused = [], []
    for number in range(clients):
        with proxy.client() as client:
            for count in range(500):
                item = exchange(client, order(f"{name}-{number}-{count}".encode(), FILLER))
                (refused if item.answer.status != 200 else sent).append(item)
                if refused and refused[-1] is item:
                    break
    assert len(refused) == clients, "the record never got full"
    return sent, refused


def assert_refused(item, upstream):
    answer = item.answer
    assert (answer.status, answer.outcome, answer.error) == (503, "refused", "record-full")
    assert int(answer.field("Retry-After")) > 0
    message = answer.json()["message"]
    assert message.startswith("countersign: ") and "record" in message and "disk" in message and "capture.db" in message
    assert "nothing was sent" in message
    assert item.tag not in {tag_of(request.raw) for request in upstream.requests()}


def orders_recover(proxy, name):
    """Orders are taken again, without a restart. Returns those that were."""
    with proxy.client() as client:
        attempts = []

        def is_taken():
            attempts.append(exchange(client, order(f"{name}-{len(attempts)}".encode())))
            return attempts[-1].answer.status == 200
        poll("orders are taken again", is_taken)
    return attempts[-1:]


def is_recorded(state_dir, sent):
    """Whether the store knows how each of these ended."""
    ended = {number for number, in store.query(state_dir, "SELECT id FROM exchange WHERE replied_us IS NOT NULL")}
    return {item.seen_id for item in sent} <= ended


def test_a_store_that_another_program_holds_fills_the_ring_then_refuses_then_recovers(
        start, upstream, account, state_dir):
    proxy = start(SMALL)
    with store.held(state_dir):
        taken, refused = place_until_full(proxy, "held")
        assert len(taken) > 20, "the ring is there to bridge such times"
        for item in refused:
            assert_refused(item, upstream)
    taken += orders_recover(proxy, "after")
    poll("all is recorded", lambda: is_recorded(state_dir, taken))
    proxy.stop()
    rows = store.exchanges(state_dir)
    check([row for row in rows if row.outcome != b"refused"], taken, upstream, account)
    assert not list(state_dir.glob("ring-*")), "nothing was left over"


def test_a_proxy_that_is_killed_while_its_record_is_full_loses_nothing(start, upstream, account, state_dir):
    proxy = start(SMALL)
    with store.held(state_dir):
        taken, _ = place_until_full(proxy, "full")
        kill(proxy)
    start(SMALL)
    check(store.exchanges(state_dir), taken, upstream, account)


def test_a_proxy_that_ends_while_its_store_is_held_keeps_what_is_not_recorded_for_the_next_start(
        start, upstream, account, state_dir):
    proxy = start(SMALL_ONE)
    with proxy.client() as client, store.held(state_dir):
        sent = [exchange(client, order(b"end-%d" % number)) for number in range(20)]
        proxy.stop()
    assert [row.id for row in store.exchanges(state_dir)] == []
    assert (state_dir / "ring-0.journal").exists()
    start(SMALL_ONE)
    check(store.exchanges(state_dir), sent, upstream, account)


def test_a_locked_store_does_not_hold_up_a_start_for_ever(launch, start, state_dir):
    """It may wait a little; then it either serves or says who stands in its way."""
    start(SMALL_ONE).stop()
    with store.held(state_dir):
        proxy = launch(SMALL_ONE)
        said = proxy.wait_for_line("ready, or what is wrong",
                                   lambda line: line if '"ready"' in line or "capture.db" in line else None)
        if '"ready"' not in said:
            assert proxy.wait() in (2, 3)
            assert "lock" in said


def test_a_reader_that_keeps_a_snapshot_holds_up_nothing(start, upstream, account, state_dir):
    proxy = start({"proxy": {"workers": 2}})
    wal = state_dir / "capture.db-wal"
    with proxy.client() as client:
        sent = [exchange(client, order(b"before"))]
    poll("it is recorded", lambda: is_recorded(state_dir, sent))
    with store.snapshot(state_dir) as reader:
        load = Load(proxy, "snapshot")
        upstream.wait_for_requests(1500)
        during = load.stop()
        assert {item.answer.status for item in during} == {200}
        poll("all is recorded beside the reader", lambda: is_recorded(state_dir, during))
        assert reader.execute("SELECT count(*) FROM exchange").fetchone() == (1,), "the reader's own view stands still"
        grown = wal.stat().st_size
    load = Load(proxy, "later")
    upstream.wait_for_requests(3000)
    later = load.stop()
    poll("what came later is recorded", lambda: is_recorded(state_dir, later))
    assert wal.stat().st_size < 1.5 * grown, "once the reader is gone, its log is used again from the start"
    proxy.stop()
    assert not wal.exists() or wal.stat().st_size == 0
    check(store.exchanges(state_dir), sent + during + later, upstream, account)


def test_a_store_that_is_locked_again_and_again_loses_nothing(start, upstream, account, state_dir, chance):
    proxy = start(SMALL)
    load = Load(proxy, "on-off", largest=2000)
    for _ in range(15):
        with store.held(state_dir):
            time.sleep(chance.uniform(0.01, 0.3))
        time.sleep(chance.uniform(0.01, 0.1))
    sent = load.stop()
    proxy.stop()
    check([row for row in store.exchanges(state_dir) if row.error_name != b"record-full"],
          [item for item in sent if item.answer.error != "record-full"], upstream, account)


# --- stopped ---

@pytest.mark.concurrent
def test_a_proxy_that_is_stopped_and_continued_loses_nothing(start, upstream, account, state_dir, chance):
    """As with Ctrl-Z, a debugger, a laptop's lid. Its signer is stopped too, now and then."""
    proxy = start({"proxy": {"workers": 2}})
    load = Load(proxy, "stopped")
    for _ in range(8):
        stopped = [proxy.proxy_pid] + [proxy.pid] * (chance.random() < 0.5)
        time.sleep(chance.uniform(0.01, 0.15))
        for pid in stopped:
            os.kill(pid, signal.SIGSTOP)
        time.sleep(chance.uniform(0.05, 0.4))
        for pid in stopped:
            os.kill(pid, signal.SIGCONT)
    sent = load.stop()
    assert {item.answer.status for item in sent} == {200}
    proxy.stop()
    check(store.exchanges(state_dir), sent, upstream, account)


# --- when_full = drop ---

def test_with_drop_what_finds_no_room_goes_out_and_is_counted_in_the_store(start, upstream, account, state_dir):
    proxy = start({**SMALL_ONE, "capture": {**SMALL_ONE["capture"], "when_full": "drop"}})
    with proxy.client() as client:
        with store.held(state_dir):
            sent = [exchange(client, order(b"drop-%d" % number, FILLER)) for number in range(120)]
        assert {item.answer.status for item in sent} == {200}
        poll("there is room again", lambda: not is_dropped(again(client, sent)))
    kept = [item for item in sent if not is_dropped(item)]
    dropped = [item for item in sent if is_dropped(item)]
    assert dropped and len(kept) > 20
    proxy.stop()
    check(store.exchanges(state_dir), kept, upstream, account)
    assert {item.tag for item in sent} == {tag_of(request.raw) for request in upstream.requests()}
    told = store.incidents(state_dir, "dropped")
    assert sum(count for count, _ in told) == len(dropped), told


def is_dropped(item):
    return item.answer.field("Countersign-Record") == "dropped"


def again(client, sent):
    sent.append(exchange(client, order(b"again-%d" % len(sent))))
    return sent[-1]
