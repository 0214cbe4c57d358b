"""durability = power: an order's intent is on the disk before a byte of the order leaves; and what becomes of it when the
disk is slow or fails. strace is the judge: it sees the syncs, and can make them fail."""
import re
import shutil
import signal
import sqlite3
import threading
import time

import pytest

from rawhttp import build_request
from traced import TracedProxy

pytestmark = pytest.mark.skipif(shutil.which("strace") is None, reason="needs strace")

PLACE = "/api/trade/order/place"
ACTIVE = "/api/trade/order/active"
BOTH = "trace=fdatasync,fsync,msync,recvfrom,read,write,writev,sendto,sendmsg"
POWER = {"capture": {"durability": "power"}}


@pytest.fixture
def ring(state_dir):
    return state_dir / "ring-0.journal"


@pytest.fixture
def trace(programs, configure, env, tmp_path):
    """Starts the program under strace: configure's changes, strace's options."""
    def start(changes, *options):
        proxy = TracedProxy(configure(changes), env, tmp_path / f"trace-{len(programs)}", *options)
        programs.append(proxy)
        return proxy.wait_until_ready()
    return start


@pytest.fixture
def slow_disk(trace, ring):
    """Syncs of the ring take so long (not the fsync at start)."""
    def start(delay_s, changes=None):
        merged = {**(changes or {}), **POWER}
        return trace(merged, "-P", ring, "-e", "trace=fdatasync",
                     "-e", f"inject=fdatasync:delay_exit={int(delay_s * 1e6)}:when=1+")
    return start


def is_sync(call, text, path):
    return call in ("fdatasync", "fsync", "msync") and f"<{path}>" in text


def test_an_order_leaves_once_a_sync_that_began_after_it_came_has_ended(trace, upstream, ring):
    proxy = trace(POWER, "-e", BOTH)
    with proxy.client() as client:
        client.request("GET", ACTIVE)  # the connection to the exchange is there from now on
        for number in range(5):
            assert client.request("POST", f"{PLACE}?n={number}", [], b'{"n":%d}' % number).status == 200
    proxy.stop()
    steps = order_of_steps(proxy.calls(), ring, upstream.port)
    for number in range(5):
        came = next(at for at, step in enumerate(steps) if step == f"came {number}")
        rest = steps[came + 1:]
        assert rest.index("sync begins") < rest.index("sync done") < rest.index("sent"), steps


def order_of_steps(calls, ring, port):
    steps = []
    for moment, call, text in calls:
        came = re.search(rf'"POST {PLACE}\?n=(\d+) ', text)
        if moment == "end" and call in ("recvfrom", "read") and came:
            steps.append(f"came {came[1]}")
        elif is_sync(call, text, ring):
            if moment == "begin":
                steps.append("sync begins")
            elif text.rstrip().endswith("= 0"):
                steps.append("sync done")
        elif moment == "begin" and call in ("write", "writev", "sendto", "sendmsg") and f":{port}]>" in text:
            steps.append("sent")
    return steps


def test_with_durability_process_no_ring_is_ever_synced(trace, ring):
    proxy = trace(None, "-e", "trace=fdatasync,fsync,msync,sync_file_range")
    with proxy.client() as client:
        for _ in range(5):
            assert client.request("POST", PLACE, [], b"{}").status == 200
    proxy.stop()
    assert not [text for _, call, text in proxy.calls() if is_sync(call, text, ring)]


def synced(proxy):
    """What was synced so far, as strace shows it."""
    return [text for moment, _, text in proxy.calls() if moment == "end" and text.rstrip().endswith("= 0")]


def test_with_durability_power_folder_and_ring_are_synced_before_the_first_request(trace, ring, state_dir):
    proxy = trace(POWER, "-e", "trace=fdatasync,fsync")
    assert any(f"<{ring}>" in text for text in synced(proxy))
    assert any(f"<{state_dir}>" in text for text in synced(proxy))


def test_what_the_ring_gives_free_is_synced_in_the_store(trace, state_dir):
    proxy = trace(POWER, "-e", "trace=fdatasync,fsync")
    before = len(synced(proxy))  # making the store synced it, too
    done = proxy.request("POST", PLACE, body=b"{}")
    proxy.record(done.id)
    assert any(f"<{state_dir}/capture.db-wal>" in text for text in synced(proxy)[before:])


def test_a_disk_that_fails_refuses_orders_and_nothing_else(trace, upstream, ring):
    proxy = trace(POWER, "-P", ring, "-e", "trace=fdatasync", "-e", "inject=fdatasync:error=EIO:when=1..2")
    with proxy.client() as client:
        for _ in range(2):
            refused = client.request("POST", PLACE, [], b'{"clOrdId":"first"}')
            assert (refused.status, refused.error, refused.outcome) == (503, "record-not-synced", "refused")
            assert refused.field("Retry-After") == "1"
            assert "nothing was sent" in refused.json()["message"]
            assert client.request("GET", ACTIVE).status == 200
        accepted = client.request("POST", PLACE, [], b'{"clOrdId":"second"}')
        assert (accepted.status, accepted.error) == (200, None)
    assert [request.body for request in upstream.requests(PLACE)] == [b'{"clOrdId":"second"}']
    record = proxy.record(refused.id)
    assert (record["outcome"], record["error"]) == ("refused", "record-not-synced")
    assert proxy.view(refused.id, "upstream-request") == b""
    errors = [line for line in proxy.lines if "Input/output error" in line]
    assert len(errors) == 1, "told once, not for each request"


@pytest.mark.concurrent
def test_one_sync_serves_all_that_wait(slow_disk, upstream):
    proxy = slow_disk(0.4)
    clients = [proxy.client() for _ in range(12)]
    for number, client in enumerate(clients):
        client.send(build_request("POST", f"{PLACE}?n={number}", [], b"{}"))
    assert [client.read("POST").status for client in clients] == [200] * 12
    for client in clients:
        client.close()
    assert len(upstream.requests(PLACE)) == 12
    syncs = [call for moment, call, _ in proxy.calls() if moment == "begin"]
    assert len(syncs) <= 4, "one under way when most came, one or two for the rest"


def test_reads_are_answered_while_an_order_waits_for_the_disk(slow_disk, upstream):
    proxy = slow_disk(1.5)
    with proxy.client() as order, proxy.client() as other:
        order.send(build_request("POST", PLACE, [], b"{}"))
        proxy.wait_for_call("fdatasync")
        assert other.request("GET", ACTIVE).status == 200
        assert not upstream.requests(PLACE)
        assert order.read("POST").status == 200


def test_an_order_whose_client_leaves_while_it_waits_is_sent_and_recorded_all_the_same(slow_disk, upstream):
    proxy = slow_disk(0.5)
    with proxy.client() as client:
        client.send(build_request("POST", PLACE, [], b'{"n":1}'))
        proxy.wait_for_call("fdatasync")
    assert upstream.wait_for_requests(1, PLACE)[0].body == b'{"n":1}'
    assert proxy.record(1)["outcome"] == "ok"


@pytest.mark.slow
def test_an_order_is_refused_when_the_disk_takes_too_long(slow_disk, upstream):
    proxy = slow_disk(6)
    begun = time.monotonic()
    refused = proxy.request("POST", PLACE, body=b"{}")
    assert 4.5 < time.monotonic() - begun < 6
    assert (refused.status, refused.error) == (503, "record-not-synced")
    assert "too long" in refused.json()["message"]
    assert proxy.record(refused.id)["outcome"] == "refused"
    assert not upstream.requests(PLACE)


@pytest.mark.slow
def test_an_order_that_waits_for_the_disk_at_the_end_is_given_up_unsent(slow_disk, upstream):
    proxy = slow_disk(2, {"proxy": {"drain": "300ms"}})
    with proxy.client() as client:
        client.send(build_request("POST", PLACE, [], b"{}"))
        proxy.wait_for_call("fdatasync")
        proxy.signal(signal.SIGTERM)
        answer = client.read("POST")
    assert (answer.status, answer.error, answer.outcome) == (503, "shutting-down", "not_sent")
    assert proxy.wait() == 0
    assert not upstream.requests(PLACE)
    assert proxy.log()[0]["outcome"] == "not_sent"


def test_an_order_that_waits_for_the_disk_at_the_end_is_finished_within_the_drain(slow_disk, upstream):
    proxy = slow_disk(0.5)
    with proxy.client() as client:
        client.send(build_request("POST", PLACE, [], b"{}"))
        proxy.wait_for_call("fdatasync")
        proxy.signal(signal.SIGTERM)
        assert client.read("POST").status == 200
    assert proxy.wait() == 0
    assert len(upstream.requests(PLACE)) == 1


def test_a_proxy_killed_while_an_order_waits_leaves_its_intent(slow_disk, start, upstream):
    proxy = slow_disk(3)
    with proxy.client() as client:
        client.send(build_request("POST", PLACE, [], b'{"clOrdId":"mine"}'))
        proxy.wait_for_call("fdatasync")
        proxy.kill()
    assert not upstream.requests(PLACE)
    record = start().record(1)
    assert (record["outcome"], record["error"]) == ("unknown", "process-ended")
    assert record["signing"] is None


@pytest.mark.concurrent
def test_many_clients_and_workers_lose_nothing_with_durability_power(start, state_dir):
    proxy = start({"proxy": {"workers": 2}, **POWER})

    def work():
        with proxy.client() as client:
            for _ in range(20):
                assert client.request("POST", PLACE, [], b"{}").status == 200
    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    proxy.stop()
    with sqlite3.connect(f"file:{state_dir}/capture.db?mode=ro", uri=True) as store:
        assert store.execute("SELECT count(*) FROM exchange WHERE outcome = 'ok'").fetchone()[0] == 160
