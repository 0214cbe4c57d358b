"""Orders at the tests' exchange: what became of each is the test's to say, and the answer to placing is lost. Answers are
written by hand from the documentation's examples, numbers as texts, so that none passes through a double."""
import json
import re
import time
from urllib.parse import parse_qs

from upstream import closes_without_answer, http_answer, now_ms

PLACE = "/api/trade/order/place"
BATCH = "/api/trade/order/placeBatch"
CANCEL = "/api/trade/order/cancel"
CANCEL_ALL = "/api/trade/order/cancelAll"
INFO = "/api/v2/trade/order/orderInfo"
ACTIVE = "/api/v2/trade/order/active"
MATCHES = "/api/trade/match/accountMatches"
FUTURES_MATCHES = "/api/v2/trade/order/queryHisMatch"
LOOKS = {INFO, ACTIVE, MATCHES, FUTURES_MATCHES, "/api/trade/order/orderInfo", "/api/trade/order/active"}
NO_ORDER = b'{"code":3103,"message":"order-not-found","data":null}'
IS_ACTIVE = ("SUBMITTED", "PARTIAL_FILLED")


def order(**change):
    return {"symbol": "BTCUSDT", "side": "BUY", "ordType": "LIMIT", "ordPrice": "30000", "ordQty": "0.5",
            "timestamp": 1770742394290, **change}


def raw(members):
    return json.dumps(members).encode()


def as_written(text):
    """A member of an answer: a number stays as it is written."""
    return text if re.fullmatch(r"-?[0-9.]+(E-?[0-9]+)?", text) else json.dumps(text)


class LostOrders:
    """Scripts the exchange: orders that it has, matches as pages, and answers to placing that never come."""

    def __init__(self, upstream):
        self.upstream = upstream
        self.orders = {}  # ordId: members as texts
        self.matches = []  # (orderId, side, time in s), as they are listed
        self.page_max = 100
        for path in (PLACE, BATCH, CANCEL, CANCEL_ALL):
            upstream.script(path, closes_without_answer)
        self.info, self.active = self._answers(self._info), self._answers(self._active)
        self.matched_orders = self._answers(self._matches)
        for path in (INFO, "/api/trade/order/orderInfo"):
            upstream.script(path, self.info)
        for path in (ACTIVE, "/api/trade/order/active"):
            upstream.script(path, self.active)
        for path in (MATCHES, FUTURES_MATCHES):
            upstream.script(path, self.matched_orders)

    @staticmethod
    def _answers(find):
        def behave(request, wire):
            query = {name: values[0] for name, values in parse_qs(request.target.partition("?")[2]).items()}
            wire.send(http_answer(find(query)))
            return True
        return behave

    def has(self, number, state="SUBMITTED", cumQty="0", **members):
        """The exchange has this order."""
        self.orders[str(number)] = {
            "symbol": "BTCUSDT", "side": "BUY", "ordType": "LIMIT", "ordPrice": "30000", "ordQty": "0.5", "clOrdId": "",
            "timestamp": str(now_ms()), "ordStatus": state, "cumQty": cumQty, **members}

    def matched(self, number, side="1", after_s=0):
        self.matches.insert(0, (str(number), side, int(time.time()) + after_s))

    def _shown(self, number):
        members = {"ordId": number, **self.orders[number]}
        return "{" + ",".join(f'"{name}":{as_written(text)}' if name in ("ordId", "timestamp", "ordPrice")
                              else f'"{name}":{json.dumps(text)}' for name, text in members.items()) + "}"

    def _list(self, numbers):
        return f'{{"code":0,"message":"success","data":[{",".join(map(self._shown, numbers))}]}}'.encode()

    def _info(self, query):
        if "clOrdId" in query:
            found = [number for number, order in self.orders.items() if order["clOrdId"] == query["clOrdId"]]
        else:
            found = [query["ordId"]] if query["ordId"] in self.orders else []
        return self._list(found) if found else NO_ORDER

    def _active(self, query):
        return self._list(number for number, order in self.orders.items()
                          if order["ordStatus"] in IS_ACTIVE and query.get("symbol", order["symbol"]) == order["symbol"])

    def _matches(self, query):
        size = min(self.page_max, int(query["pageSize"]))
        start = (int(query["pageNum"]) - 1) * size
        items = ",".join(f'{{"tradeId":{10**16 + index},"orderId":{number},"side":{side},"execQty":0.1,"matchTime":{at}}}'
                         for index, (number, side, at) in list(enumerate(self.matches))[start:start + size])
        return f'{{"code":0,"message":"success","data":[{items}]}}'.encode()

    def looks(self, path=None):
        """What was asked after the orders were sent; nothing may have been but looks."""
        asked = [request for request in self.upstream.requests() if request.method != "POST"]
        assert {(request.method, request.path) for request in asked} <= {("GET", look) for look in LOOKS}
        return [request.target for request in asked if path in (None, request.path)]

    def posts(self):
        return [request.path for request in self.upstream.requests() if request.method == "POST"]
