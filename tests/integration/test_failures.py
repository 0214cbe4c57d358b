"""When the exchange or the way to it fails: what is known is said, what is not is called unknown, and nothing that
may have booked an order is ever sent twice."""
import socket
import ssl
import threading
import time

import pytest

import coinstore
from certificates import Authority
from held_port import HeldPort
from program import preloaded
from rawhttp import build_request
from upstream import (SUCCESS, Upstream, closes_without_answer, http_answer, never_answers, sends, sends_and_closes,
                      succeeds)

pytestmark = pytest.mark.both

ACTIVE = "/api/trade/order/active"
PLACE = "/api/trade/order/place"
BALANCE = "/api/spot/accountList"


def check_failure(proxy, answer, status, outcome):
    """An error of the proxy's own; returns its message."""
    assert (answer.status, answer.outcome) == (status, outcome)
    assert answer.error
    envelope = answer.json()
    assert list(envelope) == ["code", "message", "data"]
    assert (envelope["code"], envelope["data"]) == (status, None)
    assert envelope["message"].startswith("countersign: ")
    record = proxy.record(answer.id)
    assert (record["outcome"], record["status"]) == (outcome, status)
    return envelope["message"]


@pytest.mark.parametrize("path", [PLACE, BALANCE])
def test_a_post_whose_kept_connection_dies_is_sent_once_and_called_unknown(proxy, upstream, path):
    """libcurl by itself would send it again, silently: one order would arrive twice."""
    upstream.script(path, closes_without_answer, succeeds)
    assert proxy.request("GET", ACTIVE).status == 200
    answer = proxy.request("POST", path, [], b'{"clOrdId":"once"}')
    message = check_failure(proxy, answer, 502, "unknown")
    assert "unknown" in message.lower()
    proxy.stop()
    assert [request.connection for request in upstream.requests()] == [1, 1]
    assert len(upstream.requests(path)) == 1


def test_a_post_whose_new_connection_dies_is_sent_once_and_called_unknown(proxy, upstream):
    upstream.script(PLACE, closes_without_answer, succeeds)
    check_failure(proxy, proxy.request("POST", PLACE, [], b"{}"), 502, "unknown")
    proxy.stop()
    assert len(upstream.requests()) == 1


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH"])
def test_no_other_method_that_changes_something_is_sent_twice(proxy, upstream, method):
    upstream.script(PLACE, closes_without_answer, succeeds)
    assert proxy.request("GET", ACTIVE).status == 200
    check_failure(proxy, proxy.request(method, PLACE, [], b"{}"), 502, "unknown")
    proxy.stop()
    assert len(upstream.requests(PLACE)) == 1


def test_a_post_whose_kept_connection_dies_tells_to_look_the_order_up(proxy, upstream):
    upstream.script(PLACE, closes_without_answer)
    proxy.request("GET", ACTIVE)
    message = proxy.request("POST", PLACE, [], b"{}").json()["message"].lower()
    assert "look" in message
    assert "order" in message


def test_a_get_whose_kept_connection_dies_is_repeated_once_on_a_new_one(proxy, upstream):
    upstream.script(ACTIVE, succeeds, closes_without_answer, succeeds)
    assert proxy.request("GET", ACTIVE).status == 200
    answer = proxy.request("GET", ACTIVE + "?again")
    assert (answer.status, answer.outcome) == (200, "ok")
    first, died, repeated = upstream.requests()
    assert (first.connection, died.connection, repeated.connection) == (1, 1, 2)
    assert repeated.target == died.target
    assert repeated.verdict == coinstore.ACCEPTED
    assert proxy.record(answer.id)["attempts"] == 2


def test_a_get_whose_repeat_dies_as_well_is_unknown(proxy, upstream):
    upstream.script(ACTIVE, succeeds, closes_without_answer)
    proxy.request("GET", ACTIVE)
    check_failure(proxy, proxy.request("GET", ACTIVE), 502, "unknown")
    proxy.stop()
    assert len(upstream.requests()) == 3


@pytest.fixture
def plain_upstream():
    """Without TLS; closes each connection once a request has come, and a moment has passed. Heads of what came, and its port."""
    arrived = []
    listener = socket.create_server(("127.0.0.1", 0))

    def serve():
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return  # the test has ended
            head = b""
            with connection:
                while b"\r\n\r\n" not in head and (more := connection.recv(4096)):
                    head += more
                if not head:
                    continue  # a connection over which nothing came
                arrived.append(head)
                time.sleep(0.02)  # what a repeat would be signed with is another time's
    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield arrived, listener.getsockname()[1]
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    thread.join()


def test_a_get_whose_repeat_no_connection_takes_is_recorded_as_it_left(plain_upstream, start, env):
    arrived, port = plain_upstream
    proxy = start({"upstream spot": {"url": f"http://127.0.0.1:{port}", "ca_file": "", "warm": 0}},
                  env_changes=preloaded(env, "dead_connection", TEST_DEAD_CONNECTION="1"))
    answer = proxy.request("GET", ACTIVE)
    check_failure(proxy, answer, 502, "unknown")
    record = proxy.record(answer.id)
    head, = arrived
    sent = {name.lower(): value for name, value in (line.split(b": ", 1) for line in head.split(b"\r\n")[1:-2])}
    recorded = proxy.view(answer.id, "upstream-request")
    assert [line for line in recorded.split(b"\r\n") if not line.lower().startswith(b"x-cs-apikey")] == \
        [line for line in head.split(b"\r\n") if not line.lower().startswith(b"x-cs-apikey")]
    assert record["attempts"] == 1
    assert record["signing"]["signature"] == sent[b"x-cs-sign"].decode()
    assert record["signing"]["expiresMs"] == int(sent[b"x-cs-expires"])


def test_a_get_that_was_answered_in_part_is_not_repeated(proxy, upstream):
    upstream.script(ACTIVE, succeeds, sends_and_closes(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"), succeeds)
    proxy.request("GET", ACTIVE)
    check_failure(proxy, proxy.request("GET", ACTIVE), 502, "unknown")
    proxy.stop()
    assert len(upstream.requests()) == 2


def test_connections_that_the_exchange_closed_meanwhile_cost_no_order(proxy, upstream):
    assert proxy.request("GET", ACTIVE).status == 200
    upstream.close_connections()
    answer = proxy.request("POST", PLACE, [], b"{}")
    assert (answer.status, answer.outcome) == (200, "ok")
    proxy.stop()
    assert len(upstream.requests(PLACE)) == 1


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_no_answer_in_time_is_a_504_and_unknown(start, upstream, method):
    upstream.script(PLACE, never_answers)
    proxy = start({"upstream spot": {"timeout": "1s"}})
    message = check_failure(proxy, proxy.request(method, PLACE, [], b"{}"), 504, "unknown")
    assert "1" in message
    proxy.stop()
    assert len(upstream.requests()) == 1


def test_half_an_answer_in_time_is_a_504_and_unknown(start, upstream):
    def half(request, wire):
        wire.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{")
        return never_answers(request, wire)
    upstream.script(PLACE, half)
    proxy = start({"upstream spot": {"timeout": "1s"}})
    check_failure(proxy, proxy.request("POST", PLACE, [], b"{}"), 504, "unknown")


@pytest.mark.parametrize("half, recorded", [
    (b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n" + SUCCESS,
     b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n" + SUCCESS),
    (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n" % len(SUCCESS) + SUCCESS,
     b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + SUCCESS),
    (b"HTTP/1.1 200 OK\r\nX-Head: cut", b"HTTP/1.1 200 OK\r\nX-Head: cut"),
    (b"HTTP/1.1 200", b"HTTP/1.1 200"),
], ids=["body shorter than its length", "no last chunk", "cut within the head", "cut within the first line"])
def test_half_an_answer_is_a_502_and_unknown(proxy, upstream, half, recorded):
    upstream.script(PLACE, sends_and_closes(half), succeeds)
    answer = proxy.request("POST", PLACE, [], b"{}")
    check_failure(proxy, answer, 502, "unknown")
    assert proxy.view(answer.id, "upstream-response") == recorded
    proxy.stop()
    assert len(upstream.requests()) == 1


def test_an_answer_that_is_not_http_is_a_502_and_unknown(proxy, upstream):
    upstream.script(PLACE, sends_and_closes(b"SSH-2.0-OpenSSH_9.2\r\n" * 3))
    check_failure(proxy, proxy.request("POST", PLACE, [], b"{}"), 502, "unknown")


def test_an_answer_over_the_limit_is_a_502_and_unknown(start, upstream):
    upstream.script(PLACE, sends(http_answer(b"x" * 100_000)))
    proxy = start({"proxy": {"response_max": 65536}})
    check_failure(proxy, proxy.request("POST", PLACE, [], b"{}"), 502, "unknown")


@pytest.fixture
def deserted():
    with HeldPort() as held:
        yield held.port


def test_a_refused_connection_is_not_sent_and_says_what_to_do(start, deserted):
    proxy = start({"upstream spot": {"url": f"https://localhost:{deserted}", "connect_timeout": "1s"}})
    message = check_failure(proxy, proxy.request("POST", PLACE, [], b"{}"), 502, "not_sent")
    assert f"localhost:{deserted}" in message or f"port {deserted}" in message
    assert "refused" in message.lower() or "connect" in message.lower()


def test_a_post_waits_for_an_exchange_that_comes_back_within_the_connect_timeout(
        start, certificate_file, account, deserted):
    """Nothing had left, so that trying again is safe."""
    proxy = start({"upstream spot": {"url": f"https://localhost:{deserted}", "connect_timeout": "20s",
                                     "timeout": "25s"}})
    with proxy.client() as client:
        client.send(build_request("POST", PLACE, [], b"{}"))
        with Upstream(certificate_file, account.key, account.secret, port=deserted) as late:
            answer = client.read("POST")
            assert (answer.status, answer.outcome) == (200, "ok")
            assert late.only_request().verdict == coinstore.ACCEPTED


def test_a_host_that_does_not_resolve_is_not_sent_and_named(start):
    proxy = start({"upstream spot": {"url": "https://does-not-exist.invalid", "connect_timeout": "1s"}})
    message = check_failure(proxy, proxy.request("POST", BALANCE), 502, "not_sent")
    assert "does-not-exist.invalid" in message
    assert "resol" in message.lower()


def test_a_certificate_of_an_unknown_authority_is_not_trusted(start, upstream, tmp_path):
    stranger = Authority(tmp_path, "stranger")
    proxy = start({"upstream spot": {"ca_file": stranger.ca_file, "connect_timeout": "1s"}})
    message = check_failure(proxy, proxy.request("POST", PLACE, [], b"{}"), 502, "not_sent")
    assert "certificate" in message.lower()
    assert upstream.everything == []


def test_a_certificate_that_is_not_the_systems_own_is_not_trusted_without_ca_file(start, upstream):
    proxy = start({"upstream spot": {"ca_file": "", "connect_timeout": "1s"}})
    check_failure(proxy, proxy.request("POST", PLACE, [], b"{}"), 502, "not_sent")
    assert upstream.everything == []


def test_a_certificate_for_another_host_is_not_trusted(start, authority, account):
    with Upstream(authority.issue("elsewhere.invalid"), account.key, account.secret) as elsewhere:
        proxy = start({"upstream spot": {"url": elsewhere.url, "connect_timeout": "1s"}})
        message = check_failure(proxy, proxy.request("POST", PLACE, [], b"{}"), 502, "not_sent")
        assert "localhost" in message
        assert elsewhere.everything == []


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_tls_below_1_2_is_not_spoken(start, certificate_file, account):
    with Upstream(certificate_file, account.key, account.secret, maximum_tls=ssl.TLSVersion.TLSv1_1) as old:
        proxy = start({"upstream spot": {"url": old.url, "connect_timeout": "1s"}})
        check_failure(proxy, proxy.request("POST", PLACE, [], b"{}"), 502, "not_sent")
        assert old.everything == []


def test_tls_1_2_is_spoken_where_there_is_no_more(start, certificate_file, account):
    with Upstream(certificate_file, account.key, account.secret, maximum_tls=ssl.TLSVersion.TLSv1_2) as older:
        assert start({"upstream spot": {"url": older.url}}).request("POST", PLACE, [], b"{}").status == 200
        assert older.only_request().verdict == coinstore.ACCEPTED


def test_a_port_that_does_not_speak_tls_is_not_sent_to(start):
    received = []

    def speak_plainly():
        sock, _ = listener.accept()
        with sock:
            received.append(sock.recv(4096))
            sock.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=speak_plainly, daemon=True).start()
        url = f"https://localhost:{listener.getsockname()[1]}"
        proxy = start({"upstream spot": {"url": url, "connect_timeout": "1s"}})
        check_failure(proxy, proxy.request("POST", PLACE, [], b"{}"), 502, "not_sent")
    assert b"POST" not in received[0]


def test_the_next_request_after_a_failure_is_served(proxy, upstream):
    upstream.script(PLACE, closes_without_answer)
    with proxy.client() as client:
        assert client.request("POST", PLACE, [], b"{}").status == 502
        assert client.request("GET", ACTIVE).status == 200


def test_a_failure_reaches_a_head_request_without_a_body(start):
    proxy = start({"upstream spot": {"url": "https://does-not-exist.invalid", "connect_timeout": "1s"}})
    with proxy.client() as client:
        for _ in range(2):  # a body would stand before the second answer
            answer = client.request("HEAD", ACTIVE)
            assert (answer.status, answer.outcome) == (502, "not_sent")
