"""`http = 2` and `auto`: an exchange that speaks HTTP/2, written on the h2 library; names are in lower case there."""
import json
import ssl

import h2.config
import h2.connection
import h2.errors
import h2.events
import pytest

import coinstore
from peer import Peer
from upstream import now_ms

PLACE = "/api/trade/order/place"
BODY = b'{"symbol": "BTCUSDT", "ordId": 11594964764657881}'


class Http2Exchange(Peer):
    """Answers each stream once it has ended; keeps (fields, body) of each."""

    def __init__(self, certificate_file):
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(certificate_file)
        self.context.set_alpn_protocols(["h2"])
        self.requests = []
        super().__init__()
        self.url = f"https://localhost:{self.port}"

    def _serve(self, sock):
        try:
            with self.context.wrap_socket(sock, server_side=True) as tls:
                self._talk(tls)
        except (ssl.SSLError, OSError):
            pass  # the other end has left

    def _talk(self, tls):
        connection = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False, header_encoding="latin-1"))
        connection.initiate_connection()
        tls.sendall(connection.data_to_send())
        streams = {}
        while data := tls.recv(65536):
            for event in connection.receive_data(data):
                self._take(connection, streams, event)
            tls.sendall(connection.data_to_send())

    def _take(self, connection, streams, event):
        if isinstance(event, h2.events.RequestReceived):
            streams[event.stream_id] = (event.headers, bytearray())
        elif isinstance(event, h2.events.DataReceived):
            streams[event.stream_id][1].extend(event.data)
            connection.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        elif isinstance(event, h2.events.StreamEnded):
            fields, body = streams.pop(event.stream_id)
            self.requests.append((list(fields), bytes(body)))
            connection.send_headers(event.stream_id, [(":status", "200"), ("content-type", "application/json")])
            connection.send_data(event.stream_id, json.dumps({"code": 0, "data": {"n": len(self.requests)}}).encode(),
                                 end_stream=True)


class DemandsHttp1(Http2Exchange):
    """Ends each stream with HTTP_1_1_REQUIRED (RFC 9113 §7), which libcurl takes as a call to come again over HTTP/1.1."""

    def _take(self, connection, streams, event):
        if isinstance(event, h2.events.StreamEnded):
            self.requests.append(streams.pop(event.stream_id))
            connection.reset_stream(event.stream_id, h2.errors.ErrorCodes.HTTP_1_1_REQUIRED)
        else:
            super()._take(connection, streams, event)


@pytest.fixture
def exchange(certificate_file):
    with Http2Exchange(certificate_file) as running:
        yield running


@pytest.mark.parametrize("http", ["2", "auto"])
def test_orders_over_http_2_are_signed_exact_and_recorded(start, exchange, account, http):
    proxy = start({"upstream spot": {"url": exchange.url, "http": http}})
    with proxy.client() as client:
        answers = [client.request("POST", PLACE, [("X-Case", "Kept Value")], BODY) for _ in range(3)]
    assert [answer.json()["data"]["n"] for answer in answers] == [1, 2, 3]
    for fields, body in exchange.requests:
        given = {name: value for name, value in fields}
        assert (given[":method"], given[":path"], given["x-case"], body) == ("POST", PLACE, "Kept Value", BODY)
        signature = [(name, value) for name, value in fields if name.startswith("x-cs-")]
        assert coinstore.verdict(signature, PLACE.encode(), body, account.key, account.secret, now_ms()) == \
            coinstore.ACCEPTED
    assert proxy.record(answers[0].id)["connection"]["httpVersion"] == "HTTP/2"


def test_an_exchange_that_does_not_speak_the_http_2_that_is_demanded_gets_nothing(start, upstream):
    upstream.context.set_alpn_protocols(["http/1.1"])
    answer = start({"upstream spot": {"http": "2"}}).request("POST", PLACE, [], BODY)
    assert (answer.status, answer.outcome) == (502, "not_sent")
    assert "HTTP/2" in answer.json()["message"]
    assert upstream.requests() == []


def test_auto_falls_back_to_http_1_1(start, upstream):
    upstream.context.set_alpn_protocols(["http/1.1"])
    answer = start({"upstream spot": {"http": "auto"}}).request("POST", PLACE, [], BODY)
    assert (answer.status, answer.outcome) == (200, "ok")
    assert upstream.only_request().verdict == coinstore.ACCEPTED


def test_a_read_that_left_and_may_not_be_repeated_is_recorded_as_it_left(start, certificate_file):
    with DemandsHttp1(certificate_file) as exchange:
        proxy = start({"upstream spot": {"url": exchange.url, "http": "2"}})
        answer = proxy.request("GET", "/api/trade/order/active?n=1")
    assert (answer.status, answer.outcome) == (502, "unknown")
    [(fields, _)] = exchange.requests
    signature = dict(fields)["x-cs-sign"].encode()
    left = proxy.view(answer.id, "upstream-request")
    assert left.startswith(b"GET /api/trade/order/active?n=1 HTTP/2\r\n") and signature in left
    assert proxy.record(answer.id)["connection"]["httpVersion"] == "HTTP/2"
