"""The clients that bots are written with, pointed at the proxy: what they ask reaches the exchange as it is, signed."""
import gzip
import json
from dataclasses import dataclass, field

import pytest

import coinstore
from clients import CLIENTS
from upstream import http_answer, sends

ACTIVE = "/api/trade/order/active"
INFO = "/api/trade/order/orderInfo"
PLACE = "/api/trade/order/place"
BALANCE = "/api/spot/accountList"
JSON = [("Content-Type", "application/json")]
ORDER = {"symbol": "LUFFYUSDT", "side": "BUY", "ordType": "LIMIT", "ordPrice": "9.1E-10", "ordId": 11594964764657880}
MEBIBYTE = b'{"orders":"' + b"x" * (1024 * 1024 - 13) + b'"}'


@dataclass
class Case:
    name: str
    method: str
    target: str
    body: bytes = None
    fields: list = field(default_factory=list)
    chunked: bool = False
    verdict: str = coinstore.ACCEPTED

    @property
    def reaches(self):
        """The body that the exchange must get."""
        return b"{}" if self.method == "POST" and self.body is None else self.body or b""


def post(name, body, target=PLACE, **options):
    return Case(name, "POST", target, body, JSON, **options)


CASES = [
    Case("GET without query", "GET", ACTIVE),
    Case("GET with query", "GET", ACTIVE + "?symbol=tipusdt&size=10"),
    Case("GET with a query in no sorted order", "GET", ACTIVE + "?size=10&symbol=aaaa88&pageNum=1"),
    Case("GET with percent-encodings", "GET", INFO + "?clOrdId=a%2Fb%20c%2B&x=%E4%BD%A0"),
    Case("GET with plus and semicolon in the query", "GET", INFO + "?clOrdId=a+b;c&flag&empty="),
    Case("GET with a second question mark", "GET", INFO + "?clOrdId=what?&a=1"),
    Case("GET of a public path with a parameter", "GET", "/api/v1/ticker/price;symbol=btcusdt,eosusdt",
         verdict=coinstore.UNSIGNED),
    post("POST with compact JSON", json.dumps(ORDER, separators=(",", ":")).encode()),
    post("POST with JSON as Python writes it", json.dumps(ORDER).encode()),
    post("POST with query and body", b'{"side": "SELL"}', PLACE + "?symbol=aaaa88&size=10"),
    post("POST with UTF-8", '{"clOrdId":"订单-ä-🙂"}'.encode()),
    post("POST with bytes that are no text", bytes(range(256))),
    post("POST with 1 MiB", MEBIBYTE),
    post("POST in chunks", json.dumps(ORDER).encode(), chunked=True),
    Case("POST without a body", "POST", BALANCE),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
@pytest.mark.parametrize("client", CLIENTS)
def test_a_bots_request_reaches_the_exchange_as_it_was_meant(client, case, proxy, upstream):
    answer = CLIENTS[client](proxy.url() + case.target, case.method, case.fields, case.body, case.chunked)
    assert (answer.status, answer.json()["code"]) == (200, 0)
    request = upstream.only_request()
    assert (request.method, request.target, request.body) == (case.method, case.target, case.reaches)
    assert request.verdict == case.verdict
    assert request.field("Transfer-Encoding") is None
    assert request.field("Content-Length") == (str(len(case.reaches)) if case.method == "POST" else None)
    if case.method == "POST":
        assert request.field("Content-Type") == "application/json"
    record = proxy.record(answer.fields["countersign-exchange"])
    assert (record["method"], record["target"], record["outcome"]) == (case.method, case.target, "ok")


@pytest.mark.parametrize("client", CLIENTS)
def test_a_bot_gets_a_compressed_answer_it_can_read(client, proxy, upstream):
    upstream.script(ACTIVE, sends(http_answer(gzip.compress(b'{"code":0,"data":["plain"]}'), fields=[
        ("Content-Type", "application/json"), ("Content-Encoding", "gzip")])))
    answer = CLIENTS[client](proxy.url() + ACTIVE, "GET", [("Accept-Encoding", "gzip")], None, False)
    body = gzip.decompress(answer.body) if client == "curl" else answer.body  # curl decodes with --compressed only
    assert json.loads(body)["data"] == ["plain"]


@pytest.mark.parametrize("client", CLIENTS)
def test_a_bot_is_told_of_a_refusal_in_the_exchanges_own_envelope(client, proxy, upstream):
    answer = CLIENTS[client](proxy.url() + "/api/fi/v3/asset/doWithdraw", "POST", JSON, b"{}", False)
    assert (answer.status, answer.json()["code"], answer.json()["data"]) == (403, 403, None)
    assert answer.json()["message"].startswith("countersign: ")
    assert upstream.requests() == []


@pytest.mark.parametrize("client", CLIENTS)
def test_a_bot_that_sends_fields_of_its_own_has_them_passed_on(client, proxy, upstream):
    fields = [*JSON, ("exch-language", "en_US"), ("User-Agent", "my-bot/1.0")]
    CLIENTS[client](proxy.url() + BALANCE, "POST", fields, b"{}", False)
    request = upstream.only_request()
    assert (request.field("exch-language"), request.field("User-Agent")) == ("en_US", "my-bot/1.0")
