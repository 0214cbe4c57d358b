"""What reaches the exchange, byte for byte: the client's request, and nothing that the design does not list."""
import socket
import threading

import pytest

import coinstore
from rawhttp import Ended, build_request, chunked, field_values, parse_fields
from upstream import SUCCESS, http_answer, now_ms, sends, sends_and_closes, succeeds, waits_for

pytestmark = pytest.mark.both

ACTIVE = "/api/trade/order/active"
PLACE = "/api/trade/order/place"
BALANCE = "/api/spot/accountList"
TICKERS = "/api/v1/market/tickers"
SYMBOLS = "/api/v2/public/config/spot/symbols"
HOP_BY_HOP = [("Connection", "keep-alive, X-Private"), ("X-Private", "1"), ("Keep-Alive", "timeout=5"),
              ("TE", "trailers"), ("Proxy-Connection", "keep-alive"), ("Proxy-Authorization", "Basic eDp5"),
              ("Upgrade", "websocket"), ("Trailer", "X-End")]


def signed_head(request, upstream, line, fields):
    """The head that must reach the exchange: request line, Host, these fields, then the signature."""
    signature = [(name, request.field(name)) for name in coinstore.FIELDS]
    lines = [line] + [f"{name}: {value}" for name, value in [("Host", upstream.host), *fields, *signature]]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n"


def test_a_get_leaves_with_host_the_clients_fields_and_the_signature_alone(proxy, upstream):
    fields = [("x-lower", "one"), ("User-Agent", "bot"), ("X-UPPER", "two"), ("Accept", "*/*"), ("x-lower", "three")]
    assert proxy.request("GET", f"{ACTIVE}?symbol=btcusdt", fields).status == 200
    request = upstream.only_request()
    assert request.raw == signed_head(request, upstream, f"GET {ACTIVE}?symbol=btcusdt HTTP/1.1", fields)
    assert request.verdict == coinstore.ACCEPTED


def test_a_get_without_any_field_leaves_without_any(proxy, upstream):
    proxy.request("GET", ACTIVE)
    request = upstream.only_request()
    assert request.raw == signed_head(request, upstream, f"GET {ACTIVE} HTTP/1.1", [])


def test_a_post_leaves_with_the_clients_length_where_the_client_put_it(proxy, upstream):
    body = b'{"symbol": "BTCUSDT"}'
    fields = [("content-type", "application/json"), ("Content-Length", str(len(body))), ("X-Last", "z")]
    with proxy.client() as client:
        client.exchange(build_request("POST", PLACE, fields) + body)
    request = upstream.only_request()
    assert request.raw == signed_head(request, upstream, f"POST {PLACE} HTTP/1.1", fields) + body
    assert request.verdict == coinstore.ACCEPTED


def test_a_post_without_content_type_gets_one_before_the_signature(proxy, upstream):
    proxy.request("POST", BALANCE, [("Accept", "*/*")], b"{}")
    request = upstream.only_request()
    fields = [("Accept", "*/*"), ("Content-Length", "2"), ("Content-Type", "application/json")]
    assert request.head == signed_head(request, upstream, f"POST {BALANCE} HTTP/1.1", fields)


def test_a_content_type_of_the_clients_own_is_kept(proxy, upstream):
    proxy.request("POST", BALANCE, [("Content-Type", "text/plain; charset=utf-8")], b"{}")
    assert upstream.only_request().field("Content-Type") == "text/plain; charset=utf-8"


@pytest.mark.parametrize("length", [[], [("Content-Length", "0")]], ids=["no length", "length 0"])
def test_a_post_without_a_body_leaves_with_an_empty_object(proxy, upstream, length):
    with proxy.client() as client:
        assert client.exchange(build_request("POST", BALANCE, length)).status == 200
    request = upstream.only_request()
    assert request.body == b"{}"
    assert sorted(name for name, _ in request.fields) == sorted(
        ["Host", "Content-Length", "Content-Type", *coinstore.FIELDS])
    assert (request.field("Content-Length"), request.field("Content-Type")) == ("2", "application/json")
    assert request.verdict == coinstore.ACCEPTED


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "REPORT"])
def test_any_other_method_passes_with_its_body_and_nothing_added(proxy, upstream, method):
    assert proxy.request(method, PLACE, [], b"x=1").status == 200
    request = upstream.only_request()
    head = signed_head(request, upstream, f"{method} {PLACE} HTTP/1.1", [("Content-Length", "3")])
    assert request.raw == head + b"x=1"


def test_a_delete_without_a_body_stays_without_one(proxy, upstream):
    proxy.request("DELETE", PLACE)
    request = upstream.only_request()
    assert request.raw == signed_head(request, upstream, f"DELETE {PLACE} HTTP/1.1", [])


def test_a_get_with_a_body_leaves_with_it_and_it_is_signed(proxy, upstream):
    proxy.request("GET", f"{ACTIVE}?a=1", [], b'{"b":2}')
    request = upstream.only_request()
    assert (request.body, request.verdict) == (b'{"b":2}', coinstore.ACCEPTED)


def test_a_chunked_body_leaves_whole_with_a_length(proxy, upstream):
    head = build_request("POST", PLACE, [("Content-Type", "application/json"), ("Transfer-Encoding", "chunked")])
    with proxy.client() as client:
        assert client.exchange(head + chunked(b'{"symbol":', b'"BTC', b'USDT"}')).status == 200
    request = upstream.only_request()
    assert request.body == b'{"symbol":"BTCUSDT"}'
    assert (request.field("Content-Length"), request.field("Transfer-Encoding")) == ("20", None)
    assert request.verdict == coinstore.ACCEPTED


@pytest.mark.parametrize("target", [
    "/api/v2/trade/order/active?a=%2fb&c=%2Fd&e=%7E",
    "/api/trade/order/orderInfo?clOrdId=what?&a=1",
    "/api/trade/order/orderInfo?a=1;b=2&&=&c",
    "/api/trade/order/orderInfo?",
    "/api/trade/order/orderInfo?x=[]{}|\\^`\"<>'",
    "/api/trade/order/orderInfo?q=%zz%",
    "/api/trade/order/orderInfo?path=../../etc/./x//y",
    "/api/trade/order/active?symbol=" + "x" * 8000,
])
def test_the_target_leaves_as_it_was_written(proxy, upstream, target):
    assert proxy.request("GET", target).status == 200
    request = upstream.only_request()
    assert (request.target, request.verdict) == (target, coinstore.ACCEPTED)


def test_a_path_that_can_be_read_in_two_ways_passes_unchanged_where_all_is_allowed(start, upstream):
    target = "/api/a/../b/./c//d;x=1/%2e%2E/%2F?e"
    assert start({"listener bot": {"policy": "all"}}).request("GET", target).status == 200
    assert upstream.only_request().target == target


def test_bytes_beyond_ascii_in_the_query_leave_as_they_are(proxy, upstream):
    raw = "GET /api/trade/order/orderInfo?clOrdId=订单 HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()
    with proxy.client() as client:
        assert client.exchange(raw).status == 200
    request = upstream.only_request()
    assert request.line == raw.split(b"\r\n")[0]
    assert request.verdict == coinstore.ACCEPTED


def test_fields_for_one_connection_alone_are_dropped(proxy, upstream):
    proxy.request("GET", ACTIVE, [("X-First", "1"), *HOP_BY_HOP, ("X-Last", "2")])
    request = upstream.only_request()
    assert request.raw == signed_head(request, upstream, f"GET {ACTIVE} HTTP/1.1", [("X-First", "1"), ("X-Last", "2")])


def test_host_is_the_exchanges_own(proxy, upstream):
    with proxy.client() as client:
        client.exchange(build_request("GET", ACTIVE, host="127.0.0.1:8787"))
    assert upstream.only_request().field("Host") == upstream.host


def test_fields_that_are_empty_or_long_or_not_ascii_are_kept(proxy, upstream):
    fields = [("X-Empty", ""), ("X-Long", "y" * 6000), ("Cookie", "a=b; c=d"), ("X-Inner", "a  b\tc")]
    raw = build_request("GET", ACTIVE, fields)[:-2] + "X-Name: ä€\r\n\r\n".encode()
    with proxy.client() as client:
        assert client.exchange(raw).status == 200
    request = upstream.only_request()
    assert {name: request.field(name) for name, _ in fields} == dict(fields)
    assert b"X-Name: " + "ä€".encode() + b"\r\n" in request.head


def test_a_client_that_waits_to_be_told_to_go_on_is_told(proxy, upstream):
    body = b'{"a":1}'
    fields = [("Expect", "100-continue"), ("Content-Length", str(len(body)))]
    with proxy.client() as client:
        client.send(build_request("POST", PLACE, fields))
        assert client.stream.take_head().startswith(b"HTTP/1.1 100 ")
        client.send(body)
        assert client.read("POST").status == 200
    assert upstream.only_request().body == body


def test_signature_fields_that_the_client_brought_are_replaced_and_recorded(proxy, upstream):
    own = [("x-cs-apikey", "0123456789abcdef0123456789abcdef"), ("X-CS-SIGN", "f" * 64),
           ("X-Cs-Expires", "1770742394290"), ("X-CS-Other", "own")]
    answer = proxy.request("GET", ACTIVE, [("X-First", "1"), *own, ("X-Last", "2")])
    request = upstream.only_request()
    assert request.raw == signed_head(request, upstream, f"GET {ACTIVE} HTTP/1.1", [("X-First", "1"), ("X-Last", "2")])
    assert request.verdict == coinstore.ACCEPTED
    recorded = parse_fields(proxy.view(answer.id, "client-request"))
    assert field_values(recorded, "x-cs-apikey") == ["0123" + "*" * 24 + "cdef"]
    assert field_values(recorded, "X-CS-EXPIRES") == ["1770742394290"]
    assert field_values(recorded, "X-CS-SIGN") == ["f" * 64]


@pytest.mark.parametrize("method, target", [("GET", TICKERS), ("GET", "/api/v1/market/depth/btcusdt?depth=5"),
                                            ("GET", "/api/v1/ticker/price;symbol=btcusdt"), ("POST", SYMBOLS)])
def test_public_endpoints_go_unsigned(proxy, upstream, method, target):
    answer = proxy.request(method, target, [("X-CS-SIGN", "own"), ("X-CS-APIKEY", "own")])
    assert (answer.status, answer.outcome) == (200, "ok")
    assert upstream.only_request().verdict == coinstore.UNSIGNED


def test_public_endpoints_are_signed_where_everything_is_to_be(start, upstream):
    start({"listener bot": {"sign": "all"}}).request("GET", TICKERS)
    assert upstream.only_request().verdict == coinstore.ACCEPTED


def test_an_endpoint_that_is_not_known_is_signed(proxy, upstream):
    proxy.request("GET", "/api/v9/new/endpoint?a=b")
    assert upstream.only_request().verdict == coinstore.ACCEPTED


def test_the_expiry_is_the_moment_the_request_leaves_after_any_wait(proxy, upstream):
    """The exchange is slow to shake hands: a signature made before would be older than the connection."""
    upstream.handshake_delay_s = 1.5
    proxy.request("GET", ACTIVE)
    request = upstream.only_request()
    assert upstream.connections[0].handshake_began_ms <= request.expires <= request.arrived_ms


def test_the_expiry_is_now(proxy, upstream):
    before = now_ms()
    proxy.request("GET", ACTIVE)
    assert before <= upstream.only_request().expires <= now_ms()


def test_a_client_keeps_its_connection_over_many_requests(proxy, upstream):
    with proxy.client() as client:
        for number in range(20):
            assert client.request("POST", f"{PLACE}?n={number}", [], b"{}").status == 200
    assert [request.target for request in upstream.requests()] == [f"{PLACE}?n={number}" for number in range(20)]
    assert {request.verdict for request in upstream.requests()} == {coinstore.ACCEPTED}


def test_connections_to_the_exchange_are_used_again(proxy, upstream):
    for _ in range(5):
        proxy.request("GET", ACTIVE)
    assert [request.connection for request in upstream.requests()] == [1] * 5


def test_requests_that_come_in_one_packet_are_answered_in_turn(proxy, upstream):
    for number in range(3):
        upstream.script(f"{ACTIVE}/{number}", sends(http_answer(b'{"code":0,"data":%d}' % number)))
    with proxy.client() as client:
        client.send(b"".join(build_request("GET", f"{ACTIVE}/{number}") for number in range(3)))
        assert [client.read().json()["data"] for _ in range(3)] == [0, 1, 2]


def test_a_request_that_comes_byte_by_byte_is_taken(proxy, upstream):
    raw = build_request("POST", PLACE, [], b'{"slow":true}')
    with proxy.client() as client:
        for position in range(len(raw)):
            client.send(raw[position:position + 1])
        assert client.read("POST").status == 200
    assert upstream.only_request().body == b'{"slow":true}'


def test_a_client_that_asks_for_the_end_of_the_connection_gets_it(proxy):
    with proxy.client() as client:
        assert client.request("GET", ACTIVE, [("Connection", "close")]).status == 200
        assert client.is_closed()


def test_a_client_of_http_1_0_is_answered_and_let_go(proxy, upstream):
    with proxy.client() as client:
        assert client.exchange(f"GET {ACTIVE} HTTP/1.0\r\n\r\n".encode()).status == 200
        assert client.is_closed()
    assert upstream.only_request().line == f"GET {ACTIVE} HTTP/1.1".encode()


def test_a_client_that_leaves_while_waiting_does_not_end_its_request(proxy, upstream):
    """The order may be booked: what becomes of it must be on record."""
    release = threading.Event()
    upstream.script(PLACE, waits_for(release, succeeds))
    with proxy.client() as client:
        client.send(build_request("POST", PLACE, [], b"{}"))
        upstream.wait_for_requests()
    release.set()
    event = proxy.wait_for_event("exchange")
    assert proxy.record(event["id"])["outcome"] == "ok"


def test_tls_sessions_are_resumed(proxy, upstream):
    upstream.script(ACTIVE, sends_and_closes(http_answer(SUCCESS, fields=[("Connection", "close")])))
    for _ in range(3):
        assert proxy.request("GET", ACTIVE).status == 200
    assert [connection.resumed for connection in upstream.connections] == [False, True, True]


def test_http_1_1_is_spoken_to_the_exchange_also_where_it_offers_more(proxy, upstream):
    proxy.request("GET", ACTIVE)
    assert upstream.connections[0].alpn in ("http/1.1", None)


def test_a_connection_is_opened_at_the_start_and_used_by_the_first_request(start, upstream):
    proxy = start({"upstream spot": {"warm": 1}, "proxy": {"log_level": "debug"}})
    assert upstream.wait_for_warm_connections() == 1
    proxy.wait_for_line("the connection is at hand", lambda line: "is at hand" in line)
    proxy.request("GET", ACTIVE)
    assert upstream.only_request().connection == 1


def test_the_local_address_can_be_chosen(start, upstream):
    start({"upstream spot": {"bind_address": "127.0.0.2"}}).request("GET", ACTIVE)
    assert upstream.connections[0].peer[0] == "127.0.0.2"


def test_the_environments_proxy_variables_are_not_followed(start, upstream):
    nowhere = "http://127.0.0.1:1"
    proxy = start(env_changes={"https_proxy": nowhere, "HTTPS_PROXY": nowhere, "all_proxy": nowhere})
    assert proxy.request("GET", ACTIVE).status == 200
    assert len(upstream.requests()) == 1


def test_a_listener_on_a_unix_socket_serves_as_well(start, upstream, tmp_path):
    proxy = start({"listener bot": {"listen": f"unix:{tmp_path}/bot.sock"}})
    assert (tmp_path / "bot.sock").stat().st_mode & 0o777 == 0o600
    assert proxy.request("GET", ACTIVE).status == 200
    assert upstream.only_request().verdict == coinstore.ACCEPTED


def test_two_listeners_sign_with_two_accounts(start, upstream, account):
    proxy = start({"account second": {"api_key": "env:SECOND_KEY", "api_secret": "env:COINSTORE_API_SECRET"},
                   "listener other": {"listen": "127.0.0.1:0", "upstream": "spot", "account": "second"}},
                  env_changes={"SECOND_KEY": "second-key-0123456789"})
    for listener in ("bot", "other"):
        with proxy.client(listener) as client:
            client.request("GET", ACTIVE)
    assert [request.field("X-CS-APIKEY") for request in upstream.requests()] == [account.key, "second-key-0123456789"]


def test_an_absolute_target_for_another_host_is_not_followed(proxy, upstream):
    with proxy.client() as client:
        answer = client.exchange(build_request("GET", f"http://example.invalid{ACTIVE}", host="example.invalid"))
    assert 400 <= answer.status < 500
    assert answer.outcome == "refused"
    assert upstream.requests() == []


def half_a_request():
    return build_request("POST", PLACE, [("Content-Length", "100")]) + b"{"


def test_a_half_sent_request_never_leaves(proxy, upstream):
    with proxy.client() as client:
        client.send(half_a_request())
    proxy.stop()
    assert upstream.requests() == []


def test_a_client_that_will_send_no_more_of_a_half_sent_request_is_let_go_when_idle(start, upstream):
    """libmicrohttpd overlooks an end that arrives together with data; the idle timeout ends it."""
    with start({"proxy": {"idle_timeout": "1s"}}).client() as client:
        client.send(half_a_request())
        client.sock.shutdown(socket.SHUT_WR)
        try:
            client.read("POST")  # an answer is allowed, none is needed
        except (Ended, ConnectionResetError):
            pass
    assert upstream.requests() == []


def test_a_client_that_will_send_no_more_after_its_request_gets_the_answer(proxy):
    with proxy.client() as client:
        client.send(build_request("POST", PLACE, [], b"{}"))
        client.sock.shutdown(socket.SHUT_WR)
        assert client.read("POST").status == 200
