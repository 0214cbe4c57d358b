"""Limits for orders placed: what is beyond them, or cannot be read with certainty, does not reach the exchange; what is
within them does, byte for byte."""
import json

import pytest

from program import run
from rawhttp import build_request, chunked

PLACE, BATCH = "/api/trade/order/place", "/api/trade/order/placeBatch"
JSON = [("Content-Type", "application/json")]
LIMITS = {"max_notional": "500", "symbols": "BTCUSDT, ETHUSDT", "sides": "BUY"}
GOOD = {"symbol": "BTCUSDT", "side": "BUY", "ordType": "LIMIT", "ordPrice": "50000", "ordQty": "0.01", "timestamp": 1}


def order(**changes):
    """GOOD with these members instead; None leaves one out."""
    return {name: value for name, value in {**GOOD, **changes}.items() if value is not None}


def body_of(value):
    return value if isinstance(value, bytes) else json.dumps(value).encode()


def batch(*orders, **more):
    items = [{name: value for name, value in each.items() if name not in ("symbol", "timestamp")} for each in orders]
    return {"symbol": "BTCUSDT", "orders": items, "timestamp": 1, **more}


@pytest.fixture
def limited(start):
    return start({"listener bot": LIMITS})


def place(proxy, body, target=PLACE, fields=JSON, method="POST"):
    return proxy.request(method, target, fields, body_of(body))


def refused(answer, name):
    assert (answer.status, answer.outcome, answer.error) == (403, "refused", name), answer.raw
    message = answer.json()["message"]
    assert message.startswith("countersign: ") and answer.json()["code"] == 403
    return message


WITHIN = [
    (PLACE, GOOD),
    (PLACE, b'{ "ordQty":1e-2 , "symbol":"ethusdt","side":"BUY","ordType":"POST_ONLY","ordPrice":5.0E4}\n'),
    (PLACE, order(ordType="MARKET", ordPrice=None, ordQty=None, ordAmt="500.000")),
    (PLACE, order(ordAmt="499", clOrdId="a-1", timeInForce="IOC")),
    (BATCH, batch(GOOD, order(ordPrice=1), order(clOrdId="x"))),
]


@pytest.mark.both
def test_an_order_within_the_limits_arrives_byte_for_byte(limited, upstream):
    for target, body in WITHIN:
        assert place(limited, body, target).status == 200, body
    arrived = [(request.target, request.body, request.verdict) for request in upstream.requests()]
    assert arrived == [(target, body_of(body), "accepted") for target, body in WITHIN]


def test_an_order_in_chunks_is_judged_whole(limited, upstream):
    sent = body_of(GOOD)
    with limited.client() as client:
        head = build_request("POST", PLACE, [*JSON, ("Transfer-Encoding", "chunked")])
        assert client.exchange(head + chunked(sent[:40], sent[40:])).status == 200
        answer = client.exchange(head + chunked(sent[:40], sent[40:].replace(b"0.01", b"0.02")))
    refused(answer, "order-limit")
    assert upstream.only_request().body == sent


BEYOND = [
    (PLACE, order(ordQty="0.0100000000000000000001"), ["listener bot", "max_notional = 500", "50000 x ordQty"]),
    (PLACE, order(ordQty=0.02), ["= 1000"]),
    (PLACE, order(ordAmt=501), ["ordAmt 501"]),
    (PLACE, order(ordType="MARKET", ordPrice=None, ordQty=None, ordAmt="500.01"), ["ordAmt 500.01"]),
    (PLACE, order(ordType="MARKET", ordPrice=None), ["without ordAmt"]),
    (PLACE, order(ordType="MARKET", ordAmt=1), ["which of them counts"]),
    (PLACE, order(ordPrice=0), ["above 0"]),
    (PLACE, order(ordQty=None), ["above 0"]),
    (PLACE, order(symbol="DOGEUSDT"), ["symbols = BTCUSDT, ETHUSDT", "is for DOGEUSDT"]),
    (PLACE, order(side="SELL"), ["sides = BUY", "is a SELL"]),
    (BATCH, batch(GOOD, GOOD, order(ordQty=1, clOrdId="third")), ["orders[2] (clOrdId third)", "= 50000"]),
    (BATCH, batch(GOOD, order(side="SELL")), ["orders[1]", "SELL"]),
    (BATCH, batch(GOOD, symbol="DOGEUSDT"), ["is for DOGEUSDT"]),
    (PLACE, {"contractId": 1, "side": 1, "orderType": 1, "price": "1", "quantity": "1"}, ["is for 1"]),
]


@pytest.mark.both
def test_an_order_beyond_a_limit_is_refused_and_told_which(limited, upstream):
    for target, body, words in BEYOND:
        answer = place(limited, body, target)
        message = refused(answer, "order-limit")
        assert all(word in message for word in words), message
    record = limited.record(answer.id)
    assert (record["outcome"], record["error"], record["errorMessage"]) == ("refused", "order-limit", message)
    assert upstream.requests() == []


def test_a_market_order_that_sells_has_no_notional_and_is_refused_where_that_is_limited(start, upstream):
    proxy = start({"listener bot": {"max_notional": "1000000"}})
    sell = order(side="SELL", ordType="MARKET", ordPrice=None, ordQty="0.0001")
    assert "send a LIMIT order" in refused(place(proxy, sell), "order-limit")
    futures = {"contractId": 100300034, "side": -1, "orderType": 1, "price": "1", "quantity": "1"}
    assert "futures contract" in refused(place(proxy, futures), "order-limit")
    assert upstream.requests() == []


def test_a_futures_order_is_judged_by_contract_and_side(start, upstream):
    proxy = start({"listener bot": {"symbols": "100300034", "sides": "SELL"}})
    good = {"contractId": 100300034, "side": -1, "orderType": 1, "price": "1", "quantity": "1", "leverage": 10,
            "marginType": 1, "orderSubType": 0, "positionEffect": 1}
    assert place(proxy, good).status == 200
    assert "is a BUY" in refused(place(proxy, {**good, "side": 1}), "order-limit")
    assert "is for 7" in refused(place(proxy, {**good, "contractId": "7"}), "order-limit")
    item = {"contractId": 100300034, "side": -1, "orderType": 3, "orderQty": "1", "initRate": "0.1", "marginType": 1,
            "orderSubType": 0, "positionEffect": 2}
    assert place(proxy, {"orders": [item, item]}, BATCH).status == 200
    assert "orders[1]" in refused(place(proxy, {"orders": [item, {**item, "side": "1"}]}, BATCH), "order-limit")
    assert len(upstream.requests()) == 2


UNREADABLE = [
    b"", b"[]", b"null", b"{", body_of(GOOD) + b"x", body_of(GOOD) * 2, b"\xef\xbb\xbf" + body_of(GOOD),
    body_of(GOOD)[:-1] + b', "symbol": "BTCUSDT"}', body_of(GOOD)[:-1] + b', "Symbol": "DOGEUSDT"}',
    body_of(GOOD)[:-1] + rb', "\u0073ymbol": "DOGEUSDT"}', body_of(GOOD).replace(b"BTCUSDT", rb"\u0042TCUSDT"),
    body_of(GOOD).replace(b"50000", "５00".encode()), body_of(GOOD).decode().encode("utf-16"),
    body_of(GOOD)[:-1] + b', "price": 1}', body_of(GOOD)[:-1] + b', "orders": []}',
    body_of(order(symbol=["BTCUSDT"])), body_of(order(symbol="")), body_of(order(side="buy")), body_of(order(side=1)),
    body_of(order(ordType="limit")), body_of(order(ordType=None)), body_of(order(ordPrice="0x10")),
    body_of(order(ordPrice="-1")), body_of(order(ordPrice=" 1")), body_of(order(ordPrice="1,0")),
    body_of(order(ordPrice="1e999")), body_of(order(ordPrice={"value": 1})), body_of(order(ordPrice=True)),
    body_of(order(ordPrice="NaN")), body_of(GOOD).replace(b'"50000"', b"050000"),
    body_of(GOOD).replace(b'"50000"', b"NaN"), body_of(GOOD).replace(b'"50000"', b"[" * 10000 + b"]" * 10000),
    body_of(order(clOrdId="é")), body_of(order(clOrdId="x" * 70000)), body_of(order(contractId=1)),
]


@pytest.mark.both
def test_an_order_that_can_be_read_in_two_ways_is_refused(limited, upstream):
    for body in UNREADABLE:
        assert "certainty" in refused(place(limited, body), "order-unreadable"), body
    assert upstream.requests() == []


OTHER_BATCHES = [batch(), {"symbol": "BTCUSDT", "timestamp": 1}, {"symbol": "BTCUSDT", "orders": {}},
                 batch(GOOD, orders=[GOOD]), batch(GOOD, orders=[[1]]), batch(GOOD, orders=[None]),
                 batch(GOOD, symbol=None), batch(GOOD, ordPrice=1), GOOD, [GOOD], batch(*[GOOD] * 101)]


def test_a_batch_of_another_form_is_refused(limited, upstream):
    for body in OTHER_BATCHES:
        refused(place(limited, body, BATCH), "order-unreadable")
    assert upstream.requests() == []


DISGUISED = [
    ("POST", PLACE + "?symbol=DOGEUSDT", JSON), ("POST", PLACE + "?", JSON), ("POST", PLACE + ";symbol=DOGEUSDT", JSON),
    ("POST", PLACE, [*JSON, ("Content-Encoding", "gzip")]), ("POST", PLACE, [*JSON, *JSON]),
    ("POST", PLACE, [("Content-Type", "application/json; charset=gbk")]),
    ("POST", PLACE, [("Content-Type", "application/x-www-form-urlencoded")]),
    ("POST", PLACE, [*JSON, ("X-HTTP-Method-Override", "PUT")]), ("POST", PLACE, [*JSON, ("x-original-url", "/x")]),
    ("POST", "/api/trade/order/cancel", [*JSON, ("X-Rewrite-URL", PLACE)]),
    ("PUT", PLACE, JSON), ("GET", PLACE, JSON), ("POST", "/api/v2/trade/order/place", JSON),
    ("POST", "/api/trade/orders/new", JSON), ("PATCH", "/api/trade/order/cancel", JSON), ("POST", "/trade/order/place", JSON),
]


@pytest.mark.both
def test_what_may_be_another_order_than_it_looks_is_refused(limited, upstream):
    for method, target, fields in DISGUISED:
        answer = place(limited, GOOD, target, fields, method)  # some are in doubt for the policy already
        assert answer.status == 403 and answer.error in ("policy", "order-unreadable"), answer.raw
    assert upstream.requests() == []


def test_another_spelling_of_the_path_is_no_way_around_a_limit(limited, upstream):
    for target in ("/api/trade//order/place", "/API/Trade/Order/PLACE", "/api/trade/order/plac%65",
                   "/api/trade/order/place/", "/api/trade;x/order/place"):
        answer = place(limited, order(ordQty=1), target)
        assert answer.error in ("policy", "order-limit", "order-unreadable"), answer.raw
    assert upstream.requests() == []


def test_what_places_no_order_passes_whatever_the_limits(limited, upstream):
    asked = [("GET", "/api/trade/order/active?symbol=DOGEUSDT", None), ("POST", "/api/spot/accountList", b"{}"),
             ("POST", "/api/trade/order/cancel", b'{"symbol":"DOGEUSDT","ordId":1,"ordId":2}'),
             ("POST", "/api/trade/order/cancelAll", b"not json"), ("POST", "/api/trade/orders/del", b"{}"),
             ("GET", "/api/v1/market/tickers", None), ("GET", "/api/something/new", None)]
    for method, target, body in asked:
        assert limited.request(method, target, JSON, body).status == 200, target
    assert [(request.method, request.target) for request in upstream.requests()] == [each[:2] for each in asked]


def test_the_log_says_at_start_what_orders_are_limited_to(limited):
    assert {(event["key"], event["value"]) for event in limited.events("order-limit")} == set(LIMITS.items())


def test_without_limits_an_order_is_not_read_at_all(proxy, upstream):
    assert place(proxy, b"not json, and no matter").status == 200
    assert upstream.only_request().body == b"not json, and no matter"


@pytest.mark.parametrize("mode", ["observe", "dry-run"])
def test_the_limits_hold_in_every_mode(start, upstream, mode):
    proxy = start({"listener bot": {**LIMITS, "mode": mode}})
    refused(place(proxy, order(ordQty=1)), "order-limit")
    refused(place(proxy, b"{}"), "order-unreadable")
    assert place(proxy, GOOD).error in (None, "dry-run")
    assert len(upstream.requests()) == (1 if mode == "observe" else 0)


def test_each_listener_has_its_own_limits(start, upstream):
    proxy = start({"listener bot": {"sides": "BUY"},
                   "listener other": {"listen": "127.0.0.1:0", "upstream": "spot", "account": "main"}})
    sell = build_request("POST", PLACE, JSON, body_of(order(side="SELL")))
    with proxy.client("bot") as bot, proxy.client("other") as other:
        refused(bot.exchange(sell), "order-limit")
        assert other.exchange(sell).status == 200
    assert len(upstream.requests()) == 1


def test_a_limit_that_is_none_is_an_error_of_the_configuration(configure, env):
    for key, value, words in (("max_notional", "0", "above 0"), ("max_notional", "-1", "above 0"),
                              ("max_notional", "5OO", "above 0"), ("symbols", "BTC USDT", "commas"),
                              ("symbols", "BTCUSDT,", "commas"), ("sides", "buy", "`BUY`"),
                              ("sides", "BUY SELL", "BUY, SELL")):
        done = run("config", "check", "-c", configure({"listener bot": {key: value}}), env=env)
        assert done.returncode == 2
        assert f"[listener bot] {key}: " in done.stderr.decode() and words in done.stderr.decode()
