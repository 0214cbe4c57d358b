"""Random orders at `countersign mock`, judged step by step by an independent model: balances, orders, trades and the book are
to the last digit what they must be, and money is neither made nor lost."""
import random
from decimal import Decimal

import pytest

from mock_exchange import code_of, exact
from mock_model import BUY, PAIRS, SELL, Model

STEPS = 160
PLACE = "/api/trade/order/place"


def balances(mock, kind):
    return {entry["currency"]: Decimal(entry["balance"]) for entry in mock.data("POST", "/api/spot/accountList", {})
            if entry["typeName"] == kind}


def spread(choose, low, high, step):
    return low + step * choose.randrange(int((high - low) / step) + 1)


def random_order(choose):
    """What is asked for: near the price more often than not, so that it fills, fills in part, rests and meets others."""
    name = choose.choice(list(PAIRS))
    pair, side = PAIRS[name], choose.choice([BUY, SELL])
    kind = choose.choice(["LIMIT"] * 6 + ["POST_ONLY", "MARKET", "MARKET"])
    fill = {"pair": name, "side": side, "kind": kind}
    if kind == "MARKET" and side == BUY:
        return {**fill, "amount": spread(choose, Decimal("0.5"), Decimal("1500"), Decimal("0.25"))}
    quantity = spread(choose, pair.lot * 10 ** choose.randrange(4), pair.offered * choose.choice([1, 3, 30]), pair.lot)
    if kind == "MARKET":
        return {**fill, "quantity": quantity}
    levels = choose.choice([choose.randrange(-12, 13), choose.randrange(-150, 151)])
    price = pair.last + pair.step * levels
    return {**fill, "quantity": quantity, "price": price, "time_in_force": choose.choice(["GTC"] * 6 + ["IOC", "FOK"])}


def request_of(order, number):
    body = {"symbol": order["pair"], "side": order["side"], "ordType": order["kind"], "clOrdId": f"random-{number}"}
    names = {"price": "ordPrice", "quantity": "ordQty", "amount": "ordAmt", "time_in_force": "timeInForce"}
    return {**body, **{names[key]: f"{value:f}" if isinstance(value, Decimal) else value
                       for key, value in order.items() if key in names}}


def check_order(mock, shown_id, order):
    shown = mock.data("GET", f"/api/trade/order/orderInfo?ordId={shown_id}")
    assert shown["ordState"] == order.state
    assert Decimal(shown["cumQty"]) == order.done_quantity
    assert Decimal(shown["cumAmt"]) == order.done_amount
    assert Decimal(shown["leavesQty"]) == order.left
    if order.done_quantity:
        average = Decimal(shown["avgPrice"])
        assert abs(average - order.done_amount / order.done_quantity) < Decimal("1E-17")


def check_depth(mock, model, name):
    shown = mock.data("GET", f"/api/v1/market/depth/{name}?depth=50", sign=False)
    for side, member in ((SELL, "a"), (BUY, "b")):
        lines = [[Decimal(price), Decimal(quantity)] for price, quantity, _ in shown[member]]
        assert lines == model.depth(name, side, 50), (name, side)


def check_trades(mock, model, numbers, name):
    shown = mock.data("GET", f"/api/trade/match/accountMatches?symbol={name}&pageSize=100")
    wanted = [trade for trade in reversed(model.trades) if model.orders[trade.order].pair == name][:100]
    assert [(entry["orderId"], entry["side"], Decimal(entry["execQty"]), Decimal(entry["execAmt"]), Decimal(entry["fee"]),
             entry["role"]) for entry in shown] == \
           [(numbers[trade.order], "1" if trade.side == BUY else "-1", trade.quantity, trade.amount, trade.fee,
             "-1" if trade.is_maker else "1") for trade in wanted]


@pytest.mark.parametrize("seed", range(4))
def test_money_orders_trades_and_the_book_are_what_an_independent_model_says(mock, seed):
    choose = random.Random(seed)
    model = Model(balances(mock, "AVAILABLE"), balances(mock, "FROZEN"))
    before = {currency: model.total(currency) for currency in model.available}
    numbers, seen = [], set()
    with mock.connect() as client:
        for step in range(STEPS):
            active = [order for order in model.orders if order.is_active]
            if active and choose.random() < 0.2:
                order = choose.choice(active if choose.random() < 0.9 else model.orders)
                code = model.cancel(order)
                answer = mock.post("/api/trade/order/cancel",
                                   {"symbol": order.pair, "ordId": numbers[order.number]}, client=client)
            else:
                wanted = random_order(choose)
                code, order = model.place(**wanted)
                answer = mock.post(PLACE, request_of(wanted, step), client=client)
                if code == 0:
                    numbers.append(exact(answer.body)["data"]["ordId"])
            assert int(code_of(answer)) == code, (step, answer.raw)
            assert balances(mock, "AVAILABLE") == model.available, step
            assert balances(mock, "FROZEN") == model.frozen, step
            if order is not None:
                check_order(mock, numbers[order.number], order)
                seen.add(order.state)
                check_depth(mock, model, order.pair)
    for order in model.orders:
        check_order(mock, numbers[order.number], order)
    for name in PAIRS:
        check_trades(mock, model, numbers, name)
    assert {currency: model.total(currency) for currency in model.available} == before, "money was made or lost"
    assert {"SUBMITTED", "FILLED", "CANCELED"} <= seen and any(trade.is_maker for trade in model.trades)


def test_cancelling_everything_leaves_nothing_frozen(mock):
    at_first = balances(mock, "FROZEN")
    choose = random.Random(99)
    for number in range(60):
        mock.post(PLACE, request_of(random_order(choose), number))
    mock.data("POST", "/api/trade/order/cancelAll", {})
    assert balances(mock, "FROZEN") == at_first
    assert mock.data("GET", "/api/trade/order/active") == []
