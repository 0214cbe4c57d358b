"""What the proxy refuses by itself: the exchange never sees it, the client is told why, and it is on record."""
import threading

import pytest

from program import poll
from rawhttp import build_request, chunked
from upstream import succeeds, waits_for

ACTIVE = "/api/trade/order/active"
PLACE = "/api/trade/order/place"
BALANCE = "/api/spot/accountList"
TICKERS = "/api/v1/market/tickers"
WITHDRAW = "/api/fi/v3/asset/doWithdraw"


@pytest.fixture
def refused(proxy, upstream):
    """Sends raw bytes that must be refused with `status`; returns the answer."""
    def send(raw, status, closes=False, method=None):
        with proxy.client() as client:
            client.send_what_is_taken(raw)
            answer = client.read(method or "POST")
            assert not closes or client.is_closed()
        check_refusal(proxy, upstream, answer, status)
        return answer
    return send


def check_refusal(proxy, upstream, answer, status):
    assert (answer.status, answer.outcome) == (status, "refused")
    assert answer.error
    envelope = answer.json()
    assert list(envelope) == ["code", "message", "data"]
    assert (envelope["code"], envelope["data"]) == (status, None)
    assert envelope["message"].startswith("countersign: ")
    record = proxy.record(answer.id)
    assert (record["outcome"], record["status"]) == ("refused", status)
    assert upstream.everything == []


@pytest.mark.parametrize("line", ["CONNECT api.coinstore.com:443", f"CONNECT {ACTIVE}", f"TRACE {ACTIVE}"])
def test_connect_and_trace_are_not_allowed(refused, line):
    refused(f"{line} HTTP/1.1\r\nHost: x\r\n\r\n".encode(), 405)


@pytest.mark.parametrize("lengths", [("2", "3"), ("2", "2"), ("0", "2")])
def test_two_lengths_are_refused_and_the_connection_closed(refused, lengths):
    refused(build_request("POST", PLACE, [("Content-Length", length) for length in lengths]) + b"{} ", 400, closes=True)


@pytest.mark.parametrize("fields", [
    [("Content-Length", "2"), ("Transfer-Encoding", "chunked")],
    [("Transfer-Encoding", "chunked"), ("Content-Length", "2")],
])
def test_a_length_beside_chunks_is_refused_and_the_connection_closed(refused, fields):
    refused(build_request("POST", PLACE, fields) + chunked(b"{}"), 400, closes=True)


def test_a_transfer_coding_that_is_not_chunked_is_refused(refused):
    refused(build_request("POST", PLACE, [("Transfer-Encoding", "gzip, chunked")]) + chunked(b"{}"), 400, closes=True)


def test_a_request_hidden_behind_two_lengths_is_not_answered(proxy, upstream):
    """Request smuggling: what one reader takes for a body, another takes for a request."""
    hidden = build_request("POST", PLACE, [], b'{"hidden":1}')
    raw = build_request("POST", ACTIVE, [("Content-Length", "0"), ("Content-Length", str(len(hidden)))]) + hidden
    with proxy.client() as client:
        client.send_what_is_taken(raw)
        assert client.read("POST").status == 400
        assert client.is_closed()
    proxy.stop()
    assert upstream.everything == []


@pytest.mark.parametrize("target", [b"/api/trade/order/active\x00/hidden", b"api/trade/order/active", b"/a\x01b"])
def test_a_target_that_is_none_is_refused(refused, target):
    refused(b"GET " + target + b" HTTP/1.1\r\nHost: x\r\n\r\n", 400, method="GET")


def test_a_body_over_the_limit_is_refused(refused):
    refused(build_request("POST", PLACE, [], b"x" * (1024 * 1024 + 1)), 413)


def test_a_chunked_body_over_the_limit_is_refused(refused):
    head = build_request("POST", PLACE, [("Transfer-Encoding", "chunked")])
    refused(head + chunked(*[b"x" * 65536] * 17), 413)


def test_a_body_over_the_limit_is_refused_by_its_length_alone(refused):
    """Nothing of the body is sent: the client must not have to."""
    refused(build_request("POST", PLACE, [("Content-Length", "1099511627776")]), 413)


def test_the_limit_on_bodies_is_the_configurations(start, upstream):
    proxy = start({"proxy": {"body_max": 4096}})
    assert proxy.request("POST", PLACE, [], b"x" * 4096).status == 200
    assert proxy.request("POST", PLACE, [], b"x" * 4097).status == 413
    assert len(upstream.requests()) == 1


@pytest.mark.parametrize("fields", [
    [("X-Long", "y" * 20_000)],
    [(f"X-{number}", "y" * 1000) for number in range(20)],
    [(f"X-{number}", "y") for number in range(300)],
], ids=["one long field", "many fields of some length", "too many fields"])
def test_a_head_over_the_limit_is_refused(refused, fields):
    refused(build_request("GET", ACTIVE, fields), 431, method="GET")


def test_a_target_over_the_heads_limit_is_refused(proxy, upstream):
    with proxy.client() as client:
        client.send_what_is_taken(build_request("GET", ACTIVE + "?" + "x" * 20_000))
        assert client.read().status in (414, 431)
    assert upstream.everything == []


def test_a_head_just_under_the_limit_passes(proxy, upstream):
    raw = build_request("GET", ACTIVE, [("X-Long", "")])
    with proxy.client() as client:
        assert client.exchange(build_request("GET", ACTIVE, [("X-Long", "y" * (16 * 1024 - len(raw)))])).status == 200
    assert len(upstream.requests()) == 1


@pytest.mark.parametrize("path", [
    WITHDRAW, "/api/fi/v3/asset/cancelWithdraw", "/api/v1/future/transfer",
    WITHDRAW.upper().replace("/API", "/api"), WITHDRAW.replace("doWithdraw", "do%57ithdraw"), WITHDRAW + ";x=1",
    WITHDRAW + "/", WITHDRAW.replace("/asset", "//asset"), WITHDRAW.replace("/asset/", "/asset/./"),
    WITHDRAW.replace("asset/", "asset%2F"), "/api/x/.." + WITHDRAW.removeprefix("/api"), WITHDRAW + "?a=1",
    WITHDRAW.replace("do", "%2564o"),
])
def test_moving_funds_is_refused_however_it_is_written(proxy, upstream, path):
    answer = proxy.request("POST", path, [], b"{}")
    check_refusal(proxy, upstream, answer, 403)


def test_moving_funds_passes_where_all_is_allowed(start, upstream):
    assert start({"listener bot": {"policy": "all"}}).request("POST", WITHDRAW, [], b"{}").status == 200
    assert upstream.only_request().path == WITHDRAW


@pytest.mark.parametrize("method, path", [
    ("POST", PLACE), ("POST", "/api/trade/order/cancel"), ("POST", "/api/trade/order/placeBatch"), ("POST", WITHDRAW),
    ("POST", "/api/trade/order/cancelBatchByClOrdId"), ("POST", "/api/not/in/the/documentation"),
])
def test_read_only_refuses_what_changes_something(start, upstream, method, path):
    proxy = start({"listener bot": {"policy": "read-only"}})
    check_refusal(proxy, upstream, proxy.request(method, path, [], b"{}"), 403)


@pytest.mark.parametrize("method, path", [("POST", BALANCE), ("GET", ACTIVE), ("GET", TICKERS)])
def test_read_only_lets_pass_what_only_looks(start, upstream, method, path):
    proxy = start({"listener bot": {"policy": "read-only"}})
    assert proxy.request(method, path).status == 200
    assert len(upstream.requests()) == 1


def test_a_refusal_names_the_policy_and_what_was_asked(proxy):
    message = proxy.request("POST", WITHDRAW, [], b"{}").json()["message"]
    assert "trade" in message
    assert "doWithdraw" in message or "funds" in message


def test_a_connection_goes_on_after_a_refusal_by_policy(proxy, upstream):
    with proxy.client() as client:
        assert client.request("POST", WITHDRAW, [], b"{}").status == 403
        assert client.request("GET", ACTIVE).status == 200
    assert len(upstream.requests()) == 1


def test_a_refused_request_is_recorded_with_what_the_client_sent(proxy):
    raw = build_request("POST", WITHDRAW, [("X-A", "1")], b'{"amount":1}')
    with proxy.client() as client:
        answer = client.exchange(raw)
    assert proxy.view(answer.id, "client-request") == raw
    assert proxy.view(answer.id, "client-response") == answer.raw
    assert proxy.view(answer.id, "upstream-request") == b""


def test_requests_over_the_limit_in_flight_are_refused_with_503(start, upstream):
    """One more than may be in flight: it is told to come again, the other goes on."""
    release = threading.Event()
    upstream.script(PLACE, waits_for(release, succeeds))
    proxy = start({"proxy": {"in_flight_max": 1}})
    with proxy.client() as first:
        first.send(build_request("POST", PLACE, [], b"{}"))
        upstream.wait_for_requests()
        answer = proxy.request("GET", ACTIVE)
        assert (answer.status, answer.outcome) == (503, "refused")
        assert int(answer.field("Retry-After")) >= 0
        release.set()
        assert first.read("POST").status == 200
    assert poll("the next is served", lambda: proxy.request("GET", ACTIVE).status == 200)


def test_the_largest_body_passes_with_the_smallest_ring_that_is_allowed_for_it(launch, start, upstream):
    least = 8 * 2**20 + 2**20
    refused = launch({"proxy": {"body_max": "1MiB"}, "capture": {"ring_size": least}})
    assert refused.wait() == 2
    proxy = start({"proxy": {"body_max": "1MiB"}, "capture": {"ring_size": least + 1}})
    assert proxy.request("POST", PLACE, [], b"x" * 2**20).status == 200
    assert len(upstream.only_request().body) == 2**20


@pytest.mark.parametrize("fields", [
    [("Origin", "https://evil.example")], [("Origin", "null")], [("Sec-Fetch-Site", "cross-site")],
    [("Sec-Fetch-Site", "same-origin"), ("Sec-Fetch-Mode", "no-cors")],
])
@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS"])
def test_a_web_page_gets_nothing_through(proxy, upstream, method, fields):
    answer = proxy.request(method, "/api/trade/order/place", fields, b"{}" if method == "POST" else None)
    assert (answer.status, answer.field("Countersign-Error"), answer.outcome) == (403, "browser", "refused")
    assert not [name for name, _ in answer.fields if name.lower().startswith("access-control")]
    assert upstream.requests() == []


@pytest.mark.parametrize("host", ["evil.example:8787", "127.0.0.1.evil.example", "0.0.0.0"])
def test_a_name_that_was_made_to_resolve_to_this_machine_gets_nothing_through(proxy, upstream, host):
    with proxy.client() as client:
        answer = client.exchange(f"GET /api/trade/order/active HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
    assert (answer.status, answer.field("Countersign-Error")) == (403, "host")
    assert upstream.requests() == []
