"""What clients ask for: one table of kinds, and how often each comes. Each request carries a tag of its own, as the first
clOrdId in it."""
import json
import time
from collections import namedtuple

Request = namedtuple("Request", "tag kind method target fields body")

JSON = [("Content-Type", "application/json")]
SYMBOLS = ("BTCUSDT", "ETHUSDT")
FILLERS = (0, 0, 0, 0, 0, 30, 200, 700, 2000, 20_000)  # bytes, to have bodies of several sizes
BATCH_AT_MOST = 5


def an_order(chance, tag):
    """Mostly far from the mock exchange's price: one that waits is what `reconcile` has to find."""
    side = chance.choice(("BUY", "SELL"))
    price = chance.choice((10, 20, 100, 1000)) if side == "BUY" or chance.random() < 0.05 else chance.choice((200_000, 900_000))
    return {"clOrdId": tag, "side": side, "ordType": "LIMIT", "ordPrice": str(price),
            "ordQty": chance.choice(("0.00001", "0.00002", "0.0003", "0.1"))}


def place(chance, tag):
    body = {**an_order(chance, tag), "symbol": chance.choice(SYMBOLS), "timestamp": int(time.time() * 1000)}
    filler = chance.choice(FILLERS)
    return {**body, "filler": "x" * filler} if filler else body


def place_batch(chance, tag):
    orders = [an_order(chance, tag if number == 0 else f"{tag}-{number}") for number in range(chance.randint(1, BATCH_AT_MOST))]
    return {"orders": orders, "symbol": chance.choice(SYMBOLS), "timestamp": int(time.time() * 1000)}


def cancel(chance, _):
    return {"symbol": chance.choice(SYMBOLS), "ordId": chance.randint(1 << 53, 1 << 60)}


def cancel_batch(chance, _):
    return {"symbol": chance.choice(SYMBOLS), "orderIds": [chance.randint(1 << 53, 1 << 60) for _ in range(3)]}


def cancel_all(chance, _):
    return {"symbol": chance.choice(SYMBOLS)}


def nothing(_chance, _tag):
    return {}


# kind: how often, method, path, body; a tag that is not in the body stands in the query.
KINDS = {
    "order": (42, "POST", "/api/trade/order/place", place),
    "batch": (8, "POST", "/api/trade/order/placeBatch", place_batch),
    "cancel": (10, "POST", "/api/trade/order/cancel", cancel),
    "cancel batch": (4, "POST", "/api/trade/order/cancelBatch", cancel_batch),
    "cancel all": (3, "POST", "/api/trade/order/cancelAll", cancel_all),  # the mock exchange takes 50 orders at once
    "read": (14, "GET", "/api/trade/order/active", None),
    "read by POST": (8, "POST", "/api/spot/accountList", nothing),
    "public": (10, "GET", "/api/v1/market/depth/btcusdt", None),
    "public by POST": (4, "POST", "/api/v2/public/config/spot/symbols", nothing),
}
PUBLIC = ("public", "public by POST")
PLACES = ("order", "batch")


def make(chance, tag):
    kind = chance.choices(list(KINDS), [row[0] for row in KINDS.values()])[0]
    _, method, path, body_of = KINDS[kind]
    body = json.dumps(body_of(chance, tag)).encode() if body_of else None
    target = path if kind in PLACES else f"{path}?clOrdId={tag}"
    return Request(tag, kind, method, target, JSON if body is not None else [], body)
