"""Slow clients, many clients, large requests and answers, a slow exchange: what the proxy holds stays within the bound that it
states, well-behaved clients are served meanwhile, and what is refused is refused at once."""
import os
import resource
import socket
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from program import ROOT, binary, poll
from rawhttp import Client, Ended, build_request, connect
from upstream import http_answer, never_answers, succeeds
from usage import MIB, descriptor_table, may_open, open_descriptors, own_memory, processor_seconds

PLACE = "/api/trade/order/place"
ACTIVE = "/api/trade/order/active"
SANITIZED = "asan" in os.environ.get("COUNTERSIGN_BIN", "") or "tsan" in os.environ.get("COUNTERSIGN_BIN", "")


def assert_bounded(proxy):
    """The bound that it stated at its start holds for what it has now. A sanitizer's own memory is beside the point."""
    bound = proxy.wait_for_event("bounds")["memory"]
    used = own_memory(proxy.proxy_pid)
    print(f"own memory {used / MIB:.1f} MiB, stated bound {bound / MIB:.0f} MiB")
    assert SANITIZED or used < bound


def assert_serves(proxy):
    began = time.monotonic()
    assert proxy.request("GET", ACTIVE).status == 200
    assert time.monotonic() - began < 5


def close_all(clients):
    for client in clients:
        client.close()


@pytest.mark.parametrize("beginning", [
    b"GET /api/trade/order/act", b"GET / HTTP/1.1\r\nHost: lo",
    b"POST /api/trade/order/place HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99\r\n\r\n{",
], ids=["in the line", "in a field", "in the body"])
def test_a_request_that_comes_byte_by_byte_is_refused_when_its_time_is_over(start, upstream, beginning):
    proxy = start({"proxy": {"request_timeout": "500ms"}})
    with proxy.client() as client:
        client.send(beginning)
        began = time.monotonic()
        client.sock.settimeout(0.05)
        while time.monotonic() - began < 20:
            try:
                client.send_what_is_taken(b"a")  # each byte would begin an idle timeout anew
                client.stream.fill()
                break
            except TimeoutError:
                pass
        client.sock.settimeout(20)
        answer = client.read()
        assert (answer.status, answer.error, answer.outcome) == (408, "request-timeout", "refused")
        assert client.is_closed()
    assert time.monotonic() - began >= 0.4
    assert proxy.record(answer.id)["outcome"] == "refused"
    assert not upstream.requests()


def test_a_client_that_does_not_read_its_answer_loses_its_connection(start, upstream):
    proxy = start({"proxy": {"answer_timeout": "500ms"}})
    with proxy.client() as client:
        client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)  # else the kernel may read all of it for the client
        assert client.request("GET", ACTIVE).status == 200
        before = open_descriptors(proxy.proxy_pid)  # its own, and the one to the exchange
        upstream.script(ACTIVE, lambda _, wire: wire.send(http_answer(b'{"code":0,"data":"' + b"a" * 12 * MIB + b'"}')) or True)
        client.send(build_request("GET", ACTIVE))
        poll("its descriptor is free", lambda: open_descriptors(proxy.proxy_pid) < before)
        with pytest.raises((Ended, ConnectionResetError)):
            client.read()
    poll("the answer is recorded", lambda: [entry["outcome"] for entry in proxy.log()] == ["ok", "ok"])


def test_connections_over_the_bound_are_told_so_at_once_and_others_are_served(start):
    proxy = start({"proxy": {"connections_max": 20}})
    kept = [proxy.client() for _ in range(20)]
    assert all(client.request("GET", ACTIVE).status == 200 for client in kept)
    for _ in range(100):  # more than are looked after at a time
        began = time.monotonic()
        answer = proxy.request("POST", PLACE, [], b"{}")
        assert time.monotonic() - began < 2
        assert (answer.status, answer.error, answer.outcome) == (503, "too-many-connections", "refused")
        assert answer.json()["code"] == 503 and b"\r\nRetry-After: 1\r\n" in answer.raw
    assert all(client.request("GET", ACTIVE).status == 200 for client in kept)
    kept.pop().close()
    poll("there is a place again", lambda: proxy.request("GET", ACTIVE).status == 200)
    close_all(kept)


def test_idle_connections_in_any_number_leave_room_for_those_that_speak(start):
    idle = 10_000
    if not may_open(idle + 500):
        pytest.skip("the hard limit of descriptors is too low here")
    proxy = start()
    host, _, port = proxy.address().rpartition(":")
    sockets = []
    for _ in range(idle):
        sock = socket.socket()
        sock.setblocking(False)
        sock.connect_ex((host, int(port)))
        sockets.append(sock)
    poll("a new client is served", lambda: proxy.request("GET", ACTIVE).status == 200, 20)
    assert_bounded(proxy)
    for sock in sockets:
        sock.close()


def test_many_large_bodies_at_once_are_bounded_together_and_orders_pass(start, upstream):
    proxy = start({"proxy": {"buffer_max": "4MiB", "body_max": "1MiB", "response_max": "1MiB", "request_timeout": "30s"}})
    body = b"a" * (MIB - 1)
    bombs = [proxy.client() for _ in range(30)]
    for client in bombs:
        client.send(build_request("POST", PLACE, [], body)[:-1])  # all but the last byte
    assert proxy.request("POST", PLACE, [], b'{"clOrdId":"1"}').status == 200
    assert_bounded(proxy)
    for client in bombs:
        client.send_what_is_taken(b"a")
    answers = [client.read() for client in bombs]
    refused = [answer for answer in answers if answer.status == 503]
    assert refused and all(answer.error == "no-room-for-body" and b"\r\nRetry-After:" in answer.raw for answer in refused)
    assert len(upstream.requests(PLACE)) == 1 + len(answers) - len(refused)
    close_all(bombs)


def test_large_answers_are_bounded_together_and_small_ones_pass(start, upstream):
    upstream.script(ACTIVE, lambda _, wire: wire.send(http_answer(b'{"code":0,"data":"' + b"a" * 3 * MIB + b'"}')) or True)
    upstream.script(PLACE, succeeds)
    proxy = start({"proxy": {"buffer_max": "8MiB", "response_max": "8MiB", "body_max": "1MiB", "answer_timeout": "1m"}})
    deaf = []
    for _ in range(12):
        client = proxy.client()
        client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.send(build_request("GET", ACTIVE))
        deaf.append(client)
    upstream.wait_for_requests(12, ACTIVE)
    assert proxy.request("POST", PLACE, [], b"{}").status == 200
    assert_bounded(proxy)
    entries = poll("all have ended", lambda: (found := proxy.log("--limit", "50")) and len(found) >= 13 and
                   all(entry["outcome"] != "in_flight" for entry in found) and found)
    assert "unknown" in {entry["outcome"] for entry in entries}, "some had no room"
    close_all(deaf)


def test_while_the_exchange_is_slow_more_is_refused_at_once(start, upstream):
    upstream.script(PLACE, never_answers)
    proxy = start({"proxy": {"in_flight_max": 8}, "upstream spot": {"timeout": "30s"}})
    waiting = [proxy.client() for _ in range(8)]
    for client in waiting:
        client.send(build_request("POST", PLACE, [], b"{}"))
    upstream.wait_for_requests(8, PLACE)
    for _ in range(20):
        began = time.monotonic()
        answer = proxy.request("POST", PLACE, [], b"{}")
        assert time.monotonic() - began < 2
        assert (answer.status, answer.error) == (503, "too-many-in-flight") and b"\r\nRetry-After: 1\r\n" in answer.raw
    assert len(upstream.requests(PLACE)) == 8
    close_all(waiting)


def test_an_exchange_that_takes_half_a_minute_holds_as_many_as_are_let_in_within_the_bound(start, upstream):
    """Each waits with a body, and with its room in the ring: 64 MiB have it for 227 of these."""
    count = int(os.environ.get("IN_FLIGHT", "200"))
    if not may_open(4 * count + 500):
        pytest.skip("the hard limit of descriptors is too low here")
    upstream.script(PLACE, never_answers)
    proxy = start({"proxy": {"in_flight_max": count}, "upstream spot": {"timeout": "30s", "connections": count}})
    body = b'{"clOrdId":"' + b"a" * 30_000 + b'"}'
    waiting = [proxy.client() for _ in range(count)]
    for client in waiting:
        client.send(build_request("POST", PLACE, [], body))
    upstream.wait_for_requests(count, PLACE)
    refused = proxy.request("POST", PLACE, [], b"{}")
    assert (refused.status, refused.error) == (503, "too-many-in-flight")
    assert_bounded(proxy)
    close_all(waiting)


def test_heads_as_large_as_may_be_that_never_end_are_held_within_the_bound(start):
    count = int(os.environ.get("HEAD_BOMBS", "200"))
    if not may_open(2 * count + 500):
        pytest.skip("the hard limit of descriptors is too low here")
    proxy = start({"proxy": {"request_timeout": "30s", "connections_max": count + 10}})
    head = b"GET " + ACTIVE.encode() + b" HTTP/1.1\r\nHost: localhost\r\n" + b"X-Long: " + b"a" * 14_000
    bombs = [proxy.client() for _ in range(count)]
    for client in bombs:
        client.send_what_is_taken(head)
    assert_serves(proxy)
    assert_bounded(proxy)
    close_all(bombs)


def test_one_listeners_flood_leaves_another_its_places(start, upstream):
    upstream.script(PLACE, never_answers)
    proxy = start({"proxy": {"in_flight_max": 8, "connections_max": 40},
                   "listener other": {"listen": "127.0.0.1:0", "upstream": "spot", "account": "main"}})
    flood = [proxy.client() for _ in range(30)]
    for client in flood:
        client.send(build_request("POST", PLACE, [], b"{}"))
    upstream.wait_for_requests(6, PLACE)  # two of eight are the other's
    with Client(connect(proxy.address("other"))) as other:
        for _ in range(10):
            assert other.request("GET", ACTIVE).status == 200
    assert len(upstream.requests(PLACE)) == 6
    close_all(flood)


def test_a_burst_of_requests_gets_an_answer_each(start, upstream):
    count = int(os.environ.get("BURST", "1000"))
    if not may_open(2 * count + 500):
        pytest.skip("the hard limit of descriptors is too low here")
    proxy = start({"proxy": {"connections_max": 300}})
    ready = threading.Barrier(20)

    def burst(_):
        ready.wait()
        clients = []
        for _ in range(count // 20):
            clients.append(proxy.client())
            clients[-1].send_what_is_taken(build_request("GET", ACTIVE))
        answers = [client.read() for client in clients]
        close_all(clients)
        return answers
    with ThreadPoolExecutor(20) as pool:
        answers = [answer for part in pool.map(burst, range(20)) for answer in part]
    assert len(answers) == count
    assert {answer.status for answer in answers} <= {200, 503}
    assert any(answer.status == 200 for answer in answers)
    assert_bounded(proxy)
    assert_serves(proxy)


@pytest.mark.once
@pytest.mark.timeout(300)
def test_memory_does_not_grow_with_the_number_of_requests(env):
    """The short form of tests/memory.sh: 4 MiB, of which the store's page cache takes most while it fills, over 20,000 requests.
    What loses 100 bytes a request is found."""
    done = subprocess.run([ROOT / "tests" / "memory.sh", os.environ.get("MEMORY_REQUESTS", "30000")], check=False,
                          env={**env, "COUNTERSIGN_BIN": str(binary()), "GROWTH_KIB": "4096"}, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_descriptors_running_out_is_survived(start, upstream):
    proxy = start()
    pid = proxy.proxy_pid
    with proxy.client() as kept:
        assert kept.request("GET", ACTIVE).status == 200  # its connection to the exchange is open
        before = resource.prlimit(pid, resource.RLIMIT_NOFILE)
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (8, before[1]))  # whose numbers are all taken
        clients = [proxy.client() for _ in range(20)]
        used = processor_seconds(pid)
        time.sleep(1)  # a busy loop would take all of it
        assert processor_seconds(pid) - used < 0.3
        assert kept.request("GET", ACTIVE).status == 200
        upstream.close_connections()
        # whether trading is stopped cannot be read either by now, so orders are refused
        lost = poll("descriptors are out", lambda: (answer := kept.request("GET", ACTIVE)).status != 200 and answer)
        assert (lost.status, lost.error, lost.outcome) == (503, "no-descriptor", "not_sent")
        assert b"\r\nRetry-After: 1\r\n" in lost.raw and "RLIMIT_NOFILE" in lost.json()["message"]
        number = len(upstream.requests())
        resource.prlimit(pid, resource.RLIMIT_NOFILE, before)
        assert kept.request("GET", ACTIVE).status == 200
        assert len(upstream.requests()) == number + 1
        poll("orders pass again", lambda: kept.request("POST", PLACE, [], b"{}").status == 200)
    close_all(clients)
    assert proxy.record(lost.id)["outcome"] == "not_sent"
    poll("new connections are taken again", lambda: proxy.request("GET", ACTIVE).status == 200)


def test_the_table_of_descriptors_need_not_grow_while_orders_come(start):
    """Whoever makes it grow sleeps for an RCU grace period, as threads share it: 16 ms were seen."""
    proxy = start()
    assert descriptor_table(proxy.proxy_pid) >= proxy.wait_for_event("bounds")["descriptors"] > 1024


def test_where_the_limit_of_descriptors_is_too_low_clients_leave_some_for_the_exchange(start, upstream):
    proxy = start(command=("prlimit", "--nofile=300:300"))
    told = proxy.wait_for_event("descriptors")
    assert told["limit"] == 300 < told["needed"] and told["level"] == "warning"
    assert descriptor_table(proxy.proxy_pid) >= 300
    flood = [proxy.client() for _ in range(300)]
    time.sleep(0.3)  # older than what is spared
    poll("a client that speaks is served", lambda: proxy.request("GET", ACTIVE).status == 200, 10)
    with proxy.client() as client:
        assert client.request("POST", PLACE, [], b"{}").status == 200
    assert open_descriptors(proxy.proxy_pid) < 300
    assert len(upstream.requests(PLACE)) == 1
    close_all(flood)
