"""Orders at `countersign mock`: how they rest, fill, fill in part, meet each other and end; one by one and in batches."""
from decimal import Decimal

import pytest

from mock_exchange import code_of, exact, refusal

PLACE = "/api/trade/order/place"
LAST, OFFERED = Decimal("40000"), Decimal("0.018144")  # of BTCUSDT; others offer that much at each step of 0.001


def order(**change):
    return {"symbol": "BTCUSDT", "side": "BUY", "ordType": "LIMIT", "ordPrice": "30000", "ordQty": "0.01",
            "timestamp": 1770742394290, **change}


@pytest.fixture
def place(mock):
    return lambda **change: mock.data("POST", PLACE, order(**change))["ordId"]


@pytest.fixture
def info(mock):
    return lambda number: mock.data("GET", f"/api/trade/order/orderInfo?ordId={number}")


@pytest.fixture
def balance(mock):
    def look(currency, kind="AVAILABLE"):
        return next(Decimal(entry["balance"]) for entry in mock.data("POST", "/api/spot/accountList", {})
                    if (entry["currency"], entry["typeName"]) == (currency, kind))
    return look


def matches(mock, **query):
    text = "&".join(f"{name}={value}" for name, value in {"symbol": "BTCUSDT", **query}.items())
    return mock.data("GET", f"/api/trade/match/accountMatches?{text}")


# --- one order's life ---

def test_a_resting_order_freezes_what_it_spends_and_gives_it_back(place, mock, balance):
    available, frozen = balance("USDT"), balance("USDT", "FROZEN")
    number = place()
    assert balance("USDT") == available - 300
    assert balance("USDT", "FROZEN") == frozen + 300
    mock.data("POST", "/api/trade/order/cancel", {"symbol": "BTCUSDT", "ordId": int(number)})
    assert (balance("USDT"), balance("USDT", "FROZEN")) == (available, frozen)


def test_a_crossing_order_fills_at_the_books_price_and_pays_a_fee_of_what_it_gets(place, info, mock, balance):
    usdt, btc = balance("USDT"), balance("BTC")
    number = place(ordPrice="40010", ordQty="0.01")
    shown = info(number)
    assert (shown["ordState"], shown["cumQty"], shown["avgPrice"]) == ("FILLED", "0.01", "40000.001")
    assert balance("USDT") == usdt - Decimal("400.00001")
    assert balance("BTC") == btc + Decimal("0.01") - Decimal("0.00003")
    trade = matches(mock)[0]
    assert trade.items() >= {"orderId": number, "side": "1", "role": "1", "execQty": "0.01", "execAmt": "400.00001",
                             "fee": "0.00003", "acturalFeeRate": "0.003", "feeCurrencyId": trade["baseCurrencyId"],
                             "instrumentId": "4"}.items()
    assert set(trade) >= {"id", "remainingQty", "matchRole", "matchId", "tradeId", "selfDealingQty", "matchTime", "seq",
                          "orderState", "accountId", "quoteCurrencyId"}


def test_what_the_book_has_not_rests_partly_filled_until_it_is_cancelled(place, info, mock, balance):
    price = LAST + Decimal("0.002")
    number = place(ordPrice=str(price), ordQty="0.05")
    shown = info(number)
    assert (shown["ordState"], Decimal(shown["cumQty"]), Decimal(shown["leavesQty"])) == \
        ("PARTIAL_FILLED", 2 * OFFERED, Decimal("0.05") - 2 * OFFERED)
    assert [entry["ordStatus"] for entry in mock.data("GET", "/api/v2/trade/order/active")] == ["PARTIAL_FILLED"]
    book = mock.data("GET", "/api/v1/market/depth/BTCUSDT?depth=5", sign=False)
    assert book["b"][0] == [str(price), str(Decimal("0.05") - 2 * OFFERED), "1"], "its rest is in the book"
    assert book["a"][0][0] == "40000.003", "what it took is gone"
    assert balance("USDT", "FROZEN") == Decimal("0.05001") + price * (Decimal("0.05") - 2 * OFFERED)
    mock.data("POST", "/api/trade/order/cancel", {"symbol": "BTCUSDT", "ordId": number})
    assert info(number)["ordState"] == "CANCELED"
    assert balance("USDT", "FROZEN") == Decimal("0.05001")
    assert mock.data("GET", "/api/v1/market/depth/BTCUSDT?depth=5", sign=False)["a"][0][0] == "40000.001"


def test_a_resting_order_meets_a_later_order_of_ones_own(place, info, mock, balance):
    resting = place(ordPrice="39999.9995", ordQty="0.01")
    selling = place(side="SELL", ordPrice="39999.9995", ordQty="0.004")
    assert (info(resting)["ordState"], info(selling)["ordState"]) == ("PARTIAL_FILLED", "FILLED")
    mine = matches(mock)
    assert [(entry["orderId"], entry["role"], entry["side"]) for entry in mine] == \
        [(selling, "1", "-1"), (resting, "-1", "1")]
    assert len({entry["matchId"] for entry in mine}) == 1
    assert [entry["selfDealingQty"] for entry in mine] == ["0.004", "0.004"]
    rest = place(side="SELL", ordPrice="39999.9995", ordQty="0.01")
    assert info(resting)["ordState"] == "FILLED"
    assert (info(rest)["ordState"], info(rest)["leavesQty"]) == ("PARTIAL_FILLED", "0.004")


def test_a_market_order_that_the_book_cannot_fill_is_filled_in_part_and_ends(mock, place, info):
    number = place(side="SELL", ordType="MARKET", symbol="SHARPUSDT", ordQty="1000000")
    shown = info(number)
    assert (shown["ordState"], Decimal(shown["cumQty"])) == ("CANCELED", 100 * Decimal("1000.5"))
    assert mock.data("GET", "/api/trade/order/active") == []


def test_ioc_fills_what_it_can_and_fok_all_or_nothing(place, info, balance):
    within = {"ordPrice": str(LAST + Decimal("0.001")), "ordQty": "0.02"}
    ioc = info(place(**within, timeInForce="IOC"))
    assert (ioc["ordState"], Decimal(ioc["cumQty"])) == ("CANCELED", OFFERED)
    fok = info(place(**within, timeInForce="FOK"))
    assert (fok["ordState"], fok["cumQty"]) == ("CANCELED", "0")
    whole = info(place(ordPrice=within["ordPrice"], ordQty="0.018", timeInForce="FOK"))
    assert (whole["ordState"], whole["cumQty"]) == ("FILLED", "0.018")
    assert balance("USDT", "FROZEN") == Decimal("0.05001")


def test_post_only_never_takes(place, info, mock):
    assert info(place(ordType="POST_ONLY", ordPrice="40010"))["ordState"] == "REJECTED"
    resting = place(ordType="POST_ONLY", ordPrice="39999.9999")
    assert info(resting)["ordState"] == "SUBMITTED"
    assert info(place(side="SELL", ordType="POST_ONLY", ordPrice="39999.9999"))["ordState"] == "REJECTED"
    assert matches(mock) == []


@pytest.mark.parametrize("change, status, code", [
    ({"symbol": "NOSUCH"}, 200, 3011),
    ({"ordQty": "100"}, 200, 3113),
    ({"side": "SELL", "ordQty": "1.6"}, 200, 3113),
    ({"ordType": "MARKET", "ordAmt": "13298"}, 200, 3113),
    ({"ordPrice": None}, 200, 101040502),
    ({"ordType": "STOP"}, 400, 400),
    ({"ordQty": "0.000000000000000000001"}, 400, 400),
])
def test_a_refused_order_changes_nothing(mock, balance, change, status, code):
    before = [balance("USDT"), balance("BTC")]
    answer = mock.post(PLACE, order(**change))
    assert (answer.status, int(code_of(answer))) == (status, code)
    assert refusal(answer)
    assert [balance("USDT"), balance("BTC")] == before
    assert mock.data("GET", "/api/trade/order/active") == []


def test_a_client_id_is_used_once(place, mock):
    place(clOrdId="mine")
    assert code_of(mock.post(PLACE, order(clOrdId="mine"))) == 3111
    assert [entry["clOrdId"] for entry in mock.data("GET", "/api/trade/order/active")] == ["mine"]


def test_an_order_for_futures_is_refused_and_says_that_it_is_one(mock):
    answer = mock.post(PLACE, {"contractId": 100300034, "side": 1, "orderType": 1, "price": "1", "quantity": "1"})
    assert code_of(answer) == 101040502
    assert "futures" in refusal(answer)


# --- batches ---

def test_a_batch_answers_each_of_its_orders(mock):
    orders = [order(clOrdId="a"), order(clOrdId="a"), order(ordQty="99"), order(side="HOLD"), order(clOrdId="b")]
    for item in orders:
        del item["symbol"]
    answer = mock.post("/api/trade/order/placeBatch", {"symbol": "BTCUSDT", "orders": orders, "timestamp": 1})
    data = exact(answer.body)["data"]
    assert [set(entry) for entry in data] == [{"ordId", "clOrdId"}] + [{"errno", "errMsg"}] * 3 + [{"ordId", "clOrdId"}]
    assert [entry.get("errno") for entry in data] == [None, "3111", "3113", "400", None]
    assert data[2]["errMsg"] == "account-insufficient"
    assert "one of the batch" in refusal(answer)
    assert len(mock.data("GET", "/api/trade/order/active")) == 2


@pytest.mark.parametrize("body, code", [
    ({"orders": [{}]}, 101040502), ({"symbol": "NOSUCH", "orders": [{}]}, 3011), ({"symbol": "BTCUSDT"}, 101040502),
    ({"symbol": "BTCUSDT", "orders": [{}] * 51}, 400),
])
def test_a_batch_that_is_none_is_refused_whole(mock, body, code):
    assert code_of(mock.post("/api/trade/order/placeBatch", body)) == code


def test_a_batch_is_cancelled_by_id_and_says_which_were_not(place, mock, info):
    first, second, other = place(), place(), place(symbol="ETHUSDT", ordPrice="1000")
    data = mock.data("POST", "/api/trade/order/cancelBatch",
                     {"symbol": "BTCUSDT", "orderIds": [int(second), first, 1, "no-id", int(other)]})
    assert data == {"success": [second, first], "reject": ["1", "no-id", other]}
    assert [info(number)["ordState"] for number in (first, second, other)] == ["CANCELED", "CANCELED", "SUBMITTED"]


def test_a_batch_is_cancelled_by_client_id(place, mock):
    place(clOrdId="a"), place(clOrdId="b"), place(clOrdId="c")
    data = mock.data("POST", "/api/trade/order/cancelBatchByClOrdId",
                     {"symbol": "BTCUSDT", "clientOrderIds": ["c", "nobody's", "a"]})
    assert data == {"success": ["c", "a"]}
    assert [entry["clOrdId"] for entry in mock.data("GET", "/api/trade/order/active")] == ["b"]


@pytest.mark.parametrize("body, left", [({"symbol": "BTCUSDT"}, ["ETHUSDT"]), ({"contractId": 100300027}, ["BTCUSDT"]),
                                        ({}, [])])
def test_all_orders_are_cancelled_of_a_pair_or_of_all(place, mock, body, left):
    place(), place(symbol="ETHUSDT", ordPrice="1000")
    assert mock.data("POST", "/api/trade/order/cancelAll", body) == "cancel all order success"
    assert [entry["symbol"] for entry in mock.data("GET", "/api/trade/order/active")] == left


def test_the_futures_way_to_cancel_names_contracts(place, mock):
    number = place(clOrdId="mine")
    data = mock.data("POST", "/api/trade/orders/del", {"cancels": [
        {"contractId": 100300034, "originalOrderId": int(number)}, {"contractId": 100300034, "originalOrderId": 7}]})
    assert data == {"succ": [["mine", number]], "reject": [["", "1019", "7"]]}


# --- trades ---

def test_trades_are_listed_newest_first_by_page_side_and_order(place, mock):
    numbers = [place(ordPrice="40010", side=side, ordQty=f"0.00{i}") for i, side in enumerate(["BUY"] * 3, 1)]
    sold = place(side="SELL", ordPrice="39990", ordQty="0.009")
    assert [entry["orderId"] for entry in matches(mock)] == [sold, *reversed(numbers)]
    assert [entry["orderId"] for entry in matches(mock, side=-1)] == [sold]
    assert [entry["orderId"] for entry in matches(mock, ordId=numbers[1])] == [numbers[1]]
    assert [entry["orderId"] for entry in matches(mock, pageNum=2, pageSize=3)] == [numbers[0]]
    assert matches(mock, pageNum=3, pageSize=3) == []
    assert code_of(mock.get("/api/trade/match/accountMatches")) == 101040502
    assert mock.get("/api/trade/match/accountMatches?symbol=BTCUSDT&side=0").status == 400
    latest = mock.data("GET", "/api/v1/market/trade/BTCUSDT?size=2", sign=False)
    assert [(entry["takerSide"], entry["volume"]) for entry in latest] == [("SELL", "0.009"), ("BUY", "0.003")]
    futures = mock.data("GET", "/api/v2/trade/order/queryHisMatch?contractId=100300034&side=-1")
    assert [(entry["orderId"], entry["orderRole"], entry["execSize"]) for entry in futures] == [(sold, "TAKER", "0.009")]
