"""`countersign mock` answers each documented endpoint in its documented shape: public ones unsigned, all others signed."""
import json
from decimal import Decimal

import pytest

from mock_exchange import code_of, exact

PUBLIC, PRIVATE = "public", "private"
CONTRACT = "100300034"
LIMIT = {"symbol": "BTCUSDT", "side": "BUY", "ordType": "LIMIT", "ordPrice": "20000", "ordQty": "0.001",
         "timestamp": 1770742394290}
BATCH = {"symbol": "BTCUSDT", "timestamp": 1770742394290, "orders": [{k: v for k, v in LIMIT.items() if k != "symbol"}]}
MANY = {"currencyCode": "USDT", "startDate": "2024-03-01", "endDate": "2024-03-08", "fromId": "", "limit": "10",
        "externalId": "", "label": ""}
WITHDRAWAL = {"currencyCode": "USDT", "amount": "10", "address": "TU4vEruvZwLLkSfV9bNw12EJTPvNr7Pvaa", "tag": "",
              "chainType": "trc20"}
TRANSFER = {"type": "0", "currencyCode": "USDT", "amount": "1", "from": "1", "to": "2", "subAccount": ""}

# The documentation's table of endpoints: class, method, target, body.
ENDPOINTS = [
    (PUBLIC, "GET", "/api/v1/market/tickers", None),
    (PUBLIC, "GET", "/api/v1/market/depth/BTCUSDT?depth=5", None),
    (PUBLIC, "GET", "/api/v1/market/kline/BTCUSDT?period=1week&size=3", None),
    (PUBLIC, "GET", "/api/v1/market/trade/BTCUSDT?size=2", None),
    (PUBLIC, "GET", "/api/v1/ticker/price", None),
    (PUBLIC, "GET", "/api/v1/ticker/price;symbol=btcusdt,ethusdt", None),
    (PUBLIC, "POST", "/api/v2/public/config/spot/symbols", {}),
    (PUBLIC, "GET", "/api/configs/public", None),
    (PUBLIC, "GET", f"/api/v1/futureQuot/queryCandlestick?contractId={CONTRACT}&range=60000", None),
    (PUBLIC, "GET", f"/api/v1/futureQuot/querySnapshot?contractId={CONTRACT}", None),
    (PUBLIC, "GET", f"/api/v1/futureQuot/queryTickTrade?contractId={CONTRACT}", None),
    (PRIVATE, "POST", "/api/spot/accountList", {}),
    (PRIVATE, "GET", "/api/trade/order/active", None),
    (PRIVATE, "GET", "/api/v2/trade/order/active?symbol=btcusdt", None),
    (PRIVATE, "GET", "/api/trade/order/orderInfo?ordId={order}", None),
    (PRIVATE, "GET", "/api/v2/trade/order/orderInfo?ordId={order}", None),
    (PRIVATE, "GET", "/api/trade/match/accountMatches?symbol=btcusdt&pageNum=1&pageSize=10&side=1", None),
    (PRIVATE, "GET", "/api/fi/v1/common/currency?currencyCode=ETH", None),
    (PRIVATE, "POST", "/api/fi/v3/asset/deposit/do", {"currencyCode": "USDTTRX", "chain": "TRX"}),
    (PRIVATE, "POST", "/api/fi/v3/asset/deposit/record/list", MANY),
    (PRIVATE, "POST", "/api/fi/v3/asset/withdraw/record/list", MANY),
    (PRIVATE, "GET", "/api/v2/trade/order/queryHisMatch", None),
    (PRIVATE, "GET", "/api/future/queryAvail", None),
    (PRIVATE, "POST", "/api/future/queryAvail", {}),
    (PRIVATE, "GET", "/api/future/queryPosi", None),
    (PRIVATE, "GET", "/api/future/queryHisMatch", None),
    (PRIVATE, "GET", "/api/future/queryFlOrders", None),
    (PRIVATE, "GET", "/api/future/queryFcOrders", None),
    (PRIVATE, "POST", "/api/trade/order/place", LIMIT),
    (PRIVATE, "POST", "/api/trade/order/placeBatch", BATCH),
    (PRIVATE, "POST", "/api/trade/order/cancel", {"symbol": "BTCUSDT", "ordId": "{order}"}),
    (PRIVATE, "POST", "/api/trade/order/cancelBatch", {"symbol": "BTCUSDT", "orderIds": ["{order}"]}),
    (PRIVATE, "POST", "/api/trade/order/cancelBatchByClOrdId", {"symbol": "BTCUSDT", "clientOrderIds": ["first"]}),
    (PRIVATE, "POST", "/api/trade/order/cancelAll", {"contractId": CONTRACT}),
    (PRIVATE, "POST", "/api/trade/orders/del", {"cancels": [{"contractId": CONTRACT, "originalOrderId": "{order}"}]}),
    (PRIVATE, "POST", "/api/future/adjustMargin", {"contractId": CONTRACT, "margin": "10"}),
    (PRIVATE, "POST", "/api/configs/adjustPositionConfig", {"contractId": CONTRACT, "leverage": 10, "isolated": True}),
    (PRIVATE, "POST", "/api/fi/v3/asset/doWithdraw", WITHDRAWAL),
    (PRIVATE, "POST", "/api/fi/v3/asset/cancelWithdraw", {"withdrawId": "{withdrawal}"}),
    (PRIVATE, "POST", "/api/v1/future/transfer", TRANSFER),
]
NO_ENVELOPE = "/api/v1/futureQuot/"


def named(endpoints):
    return [pytest.param(*endpoint[1:], id=f"{endpoint[1]} {endpoint[2].partition('?')[0]}") for endpoint in endpoints]


@pytest.fixture
def asked(mock):
    """Sends an endpoint's request with an order and a withdrawal that are there for it."""
    order = mock.data("POST", "/api/trade/order/place", {**LIMIT, "clOrdId": "first"})["ordId"]
    withdrawal = mock.data("POST", "/api/fi/v3/asset/doWithdraw", WITHDRAWAL)["id"]

    def fill(text):
        return text.replace("{order}", order).replace("{withdrawal}", withdrawal)

    def ask(method, target, body, **options):
        raw = None if body is None else fill(json.dumps(body)).encode()
        return mock.ask(method, fill(target), raw, **options)
    return ask


@pytest.mark.parametrize("method, target, body", named(e for e in ENDPOINTS if e[0] == PUBLIC))
def test_a_public_endpoint_needs_no_key_and_minds_none(asked, method, target, body):
    for sign in (False, True):
        answer = asked(method, target, body, sign=sign)
        assert answer.status == 200, answer.raw
        assert target.startswith(NO_ENVELOPE) or str(code_of(answer)) == "0", answer.raw
        assert answer.field("Countersign-Mock-Refusal") is None


@pytest.mark.parametrize("method, target, body", named(e for e in ENDPOINTS if e[0] == PRIVATE))
def test_a_private_endpoint_is_answered_signed_and_refused_unsigned(asked, method, target, body):
    unsigned = asked(method, target, body, sign=False)
    assert (unsigned.status, unsigned.json()["code"], unsigned.json()["message"]) == (401, 401, "signature-failed")
    signed = asked(method, target, body)
    assert signed.status == 200 and str(code_of(signed)) == "0", signed.raw


@pytest.mark.parametrize("method, target, body", named(ENDPOINTS))
def test_another_method_or_a_longer_path_is_no_service(asked, method, target, body):
    path = target.partition("?")[0].partition(";")[0]
    for wrong_method, wrong_target in (("PUT", target), (method, path + "/more")):
        answer = asked(wrong_method, wrong_target, body)
        assert (answer.status, code_of(answer)) == (404, 404), answer.raw


@pytest.mark.parametrize("method, target, body", named(e for e in ENDPOINTS if e[1] == "POST" and e[3]))
def test_a_post_with_nothing_in_it_is_refused_with_a_code_or_needs_nothing(asked, method, target, body):
    answer = asked(method, target, {})
    optional = ("withdraw/record/list", "cancelAll")
    if target.endswith(optional):
        assert str(code_of(answer)) == "0"
    else:
        assert (answer.status, code_of(answer), answer.json()["msg"]) == (200, 101040502, "request field missing")


# --- shapes: the members of the documentation's examples, in their places ---

def members(mock, method, target, body=None, sign=True):
    data = mock.data(method, target, body, sign=sign)
    return list((data[0] if isinstance(data, list) else data).items())


def names(mock, *request, **options):
    return [name for name, _ in members(mock, *request, **options)]


def test_a_candle_has_the_documented_members_and_covers_its_period(mock):
    data = mock.data("GET", "/api/v1/market/kline/BTCUSDT?period=60min&size=3", sign=False)
    assert data["channel"] == "4@kline@hour_1"
    assert [int(item["startTime"]) % 3600 for item in data["item"]] == [0, 0, 0]
    assert [int(item["endTime"]) - int(item["startTime"]) for item in data["item"]] == [3599] * 3
    starts = [int(item["startTime"]) for item in data["item"]]
    assert starts == sorted(starts) and starts[2] - starts[0] == 7200
    assert set(data["item"][0]) == {"endTime", "amount", "interval", "startTime", "firstTradeId", "lastTradeId",
                                    "volume", "close", "open", "high", "low"}
    assert mock.get("/api/v1/market/kline/BTCUSDT?period=2min", sign=False).status == 400
    assert mock.get("/api/v1/market/kline/BTCUSDT?size=2001", sign=False).status == 400
    assert code_of(mock.get("/api/v1/market/kline/NOSUCH", sign=False)) == 3011


def test_there_is_always_a_latest_trade(mock):
    trade = mock.data("GET", "/api/v1/market/trade/LUFFYUSDT", sign=False)
    assert [t["price"] for t in trade] == ["9.1E-10"]
    assert set(trade[0]) == {"channel", "time", "volume", "price", "tradeId", "takerSide", "seq", "ts", "symbol",
                             "instrumentId"}
    assert mock.get("/api/v1/market/trade/BTCUSDT?size=101", sign=False).status == 400


def test_a_currency_shows_its_chains(mock):
    shown = dict(members(mock, "GET", "/api/fi/v1/common/currency?currencyCode=eth"))
    assert (shown["name"], shown["code"], shown["showPrecision"]) == ("eth", "eth", "6")
    assert set(shown["chainDataList"][0]) == {
        "currencyCode", "chainName", "contractAddress", "depositOpen", "withdrawOpen", "withdrawFee", "withdrawMin",
        "withdrawMax", "depositMin", "withdrawFeePlatform", "burningState", "withdrawFeeOnChain", "tagType",
        "withdrawFeeMin"}
    assert code_of(mock.get("/api/fi/v1/common/currency?currencyCode=NOSUCH")) == 101040502


def test_deposits_have_the_documented_members(mock):
    address = mock.data("POST", "/api/fi/v3/asset/deposit/do", {"currencyCode": "USDTTRX", "chain": "TRX"})
    assert set(address) == {"address", "tag", "depositMin"}
    listed = mock.data("POST", "/api/fi/v3/asset/deposit/record/list", {"currencyCode": "USDT"})
    assert set(listed) == {"depositList", "externalId", "label"}
    assert set(listed["depositList"][0]) == {"id", "symbol", "chainName", "chainProtocol", "amount", "createdAt",
                                             "status", "explorer", "txId", "internalType", "lockAccount", "noDepositMsg"}


def balance(mock, currency, kind):
    return next(Decimal(entry["balance"]) for entry in mock.data("POST", "/api/spot/accountList", {})
                if (entry["currency"], entry["typeName"]) == (currency, kind))


def test_a_withdrawal_is_frozen_listed_and_can_be_cancelled_once(mock):
    before = balance(mock, "USDT", "AVAILABLE")
    number = mock.data("POST", "/api/fi/v3/asset/doWithdraw", {**WITHDRAWAL, "amount": "10.5", "tag": "698347"})["id"]
    assert balance(mock, "USDT", "AVAILABLE") == before - Decimal("10.5")
    assert balance(mock, "USDT", "FROZEN") == Decimal("10.55001")
    listed = mock.data("POST", "/api/fi/v3/asset/withdraw/record/list", {"currencyCode": "USDT"})["withdrawList"]
    assert set(listed[0]) == {"id", "symbol", "amount", "fee", "createdAt", "status", "showStatus", "explorer", "txId",
                              "addressTo", "tag", "chainName", "chainProtocol", "internalType"}
    assert (listed[0]["id"], listed[0]["amount"], listed[0]["status"], listed[0]["tag"]) == (number, "10.5", "0", "698347")
    assert mock.data("POST", "/api/fi/v3/asset/cancelWithdraw", {"withdrawId": int(number)}) == {"id": number}
    assert balance(mock, "USDT", "AVAILABLE") == before
    assert code_of(mock.post("/api/fi/v3/asset/cancelWithdraw", {"withdrawId": int(number)})) == 3103
    after = mock.data("POST", "/api/fi/v3/asset/withdraw/record/list", {})["withdrawList"]
    assert [entry["status"] for entry in after] == ["6"]


def test_a_withdrawal_is_refused_for_what_is_not_there(mock):
    for change, code in (({"amount": "13297.95"}, 3113), ({"amount": "0"}, 400), ({"amount": "x"}, 400),
                         ({"currencyCode": "NOSUCH"}, 101040502), ({"address": ""}, 101040502)):
        assert code_of(mock.post("/api/fi/v3/asset/doWithdraw", {**WITHDRAWAL, **change})) == code, change


def test_withdrawals_are_listed_from_an_id_on_and_up_to_a_limit(mock):
    ids = [mock.data("POST", "/api/fi/v3/asset/doWithdraw", {**WITHDRAWAL, "amount": "1"})["id"] for _ in range(3)]

    def listed(**request):
        data = mock.data("POST", "/api/fi/v3/asset/withdraw/record/list", request)
        return [entry["id"] for entry in data["withdrawList"]]
    assert listed() == ids
    assert listed(fromId=int(ids[1])) == ids[1:]
    assert listed(limit="2") == ids[:2]
    assert listed(currencyCode="BTC") == []


def test_money_moves_between_spot_and_futures(mock):
    def futures():
        return {entry["currencyId"]: Decimal(entry["available"]) for entry in mock.data("POST", "/api/future/queryAvail", {})}
    spot = balance(mock, "USDT", "AVAILABLE")
    before = futures()["30"]
    answer = mock.post("/api/v1/future/transfer", {**TRANSFER, "amount": "100.25"})
    assert answer.json() == {"code": "0", "message": "Success"}
    assert balance(mock, "USDT", "AVAILABLE") == spot - Decimal("100.25")
    assert futures()["30"] == before + Decimal("100.25")
    mock.data("POST", "/api/v1/future/transfer", {**TRANSFER, "amount": "100.25", "from": 2, "to": 1})
    assert (balance(mock, "USDT", "AVAILABLE"), futures()["30"]) == (spot, before)


@pytest.mark.parametrize("change, code", [
    ({"amount": "99999999"}, 102150808), ({"amount": "0"}, 102150400), ({"amount": "-1"}, 102150400),
    ({"to": "1"}, 101040502), ({"from": "3"}, 101040502), ({"type": "1"}, 101040502), ({"amount": ""}, 101040502),
    ({"currencyCode": "NOSUCH"}, 101040502),
])
def test_a_transfer_fails_with_its_own_codes(mock, change, code):
    assert code_of(mock.post("/api/v1/future/transfer", {**TRANSFER, **change})) == code


def test_futures_quotes_are_no_envelopes(mock):
    snapshot = exact(mock.get(f"/api/v1/futureQuot/querySnapshot?contractId={CONTRACT}", sign=False).body)
    assert set(snapshot) == {"contractId", "result"}
    assert set(snapshot["result"]) == {"bids", "asks", "fr", "mp", "cid", "pv", "ph", "tv", "tt", "pl", "ip", "pfr",
                                       "pcr", "lp"}
    candles = exact(mock.get(f"/api/v1/futureQuot/queryCandlestick?contractId={CONTRACT}", sign=False).body)
    assert candles["success"] is True and len(candles["data"]["lines"][0]) == 6
    ticks = exact(mock.get(f"/api/v1/futureQuot/queryTickTrade?contractId={CONTRACT}", sign=False).body)
    assert ticks["success"] is True and len(ticks["data"]["trades"][0]) == 4
    for contract, code in (("", 101040502), ("1", 3011)):
        wrong = mock.get(f"/api/v1/futureQuot/querySnapshot?contractId={contract}", sign=False)
        assert code_of(wrong) == code
