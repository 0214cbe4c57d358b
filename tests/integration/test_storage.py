"""What recording costs in bytes, and that the record keeps to the bounds it is given, by the real program."""
import json
import os
import re
import sqlite3

import pytest

from program import Program, environment, poll, run
from rawhttp import Client, connect
from upstream import http_answer, sends

EXCHANGES = 4000
PLACE = "/api/trade/order/place"
JSON = [("Content-Type", "application/json")]


def a_bots_round(number):
    """Ten requests, as bots send them: orders, cancels, looks at balances, orders and the book."""
    order = {"symbol": "BTCUSDT", "side": "BUY", "ordType": "LIMIT", "ordPrice": "20000", "ordQty": "0.0001",
             "clOrdId": f"bot-{number}", "timestamp": 1795546000000 + number}
    return [
        ("POST", PLACE, json.dumps(order).encode()),
        ("GET", "/api/trade/order/active?symbol=BTCUSDT", None),
        ("GET", f"/api/v2/trade/order/orderInfo?clOrdId=bot-{number}", None),
        ("POST", "/api/trade/order/cancel", b'{"symbol":"BTCUSDT","ordId":%d}' % (11594964764657880 + number)),
        ("POST", "/api/spot/accountList", b"{}"),
        ("GET", "/api/v1/market/depth/BTCUSDT?depth=5", None),
        ("GET", "/api/v1/ticker/price?symbol=btcusdt", None),
        ("POST", PLACE, json.dumps({**order, "clOrdId": f"market-{number}", "symbol": "NOSUCH"}).encode()),
        ("GET", "/api/trade/order/active?symbol=BTCUSDT", None),
        ("POST", "/api/spot/accountList", b"{}"),
    ]


def used_bytes(store):
    with sqlite3.connect(store) as database:
        pages, unused, size = (database.execute(f"PRAGMA {name}").fetchone()[0]
                               for name in ("page_count", "freelist_count", "page_size"))
    return (pages - unused) * size


def recorded(store):
    with sqlite3.connect(store) as database:
        return database.execute("SELECT count(*) FROM exchange WHERE replied_us IS NOT NULL").fetchone()[0]


@pytest.mark.slow
@pytest.mark.once
def test_an_exchange_of_the_mocks_traffic_costs_less_than_400_bytes(tmp_path, programs):
    store = tmp_path / "state" / "capture.db"
    demo = Program("serve", "--demo", "--listen", "127.0.0.1:0", "--state-dir", store.parent, "--set", "proxy.pace=off",
                   env=environment(tmp_path))
    programs.append(demo)
    address = demo.wait_for_line("the listener", lambda line: re.search(r"listens at http://([\d.:]+\d)", line)).group(1)
    sizes = []
    with Client(connect(address)) as client:
        for number in range(2 * EXCHANGES // 10):
            for method, target, body in a_bots_round(number):
                assert client.request(method, target, JSON if body else (), body).status == 200
            if (number + 1) % (EXCHANGES // 10) == 0:  # tables that are nearly empty cost a page each: not an exchange's
                wanted = (number + 1) * 10
                poll(f"{wanted} exchanges are recorded", lambda: recorded(store) == wanted)
                sizes.append(used_bytes(store))
    each = (sizes[1] - sizes[0]) / EXCHANGES
    print(f"{each:.0f} bytes an exchange")
    assert each < 400


def test_the_record_keeps_to_keep_count_while_it_grows(start):
    proxy = start({"capture": {"keep_count": 100}})
    with proxy.client() as client:
        for number in range(300):
            assert client.request("POST", PLACE, JSON, b'{"n":%d}' % number).status == 200

    def kept():
        ids = [entry["id"] for entry in proxy.log("--limit", "1000")]
        return ids if len(ids) == 100 and ids[-1] == 300 else None  # not the first hundred, before the next are recorded
    assert poll("only the latest hundred are left", kept) == list(range(201, 301))
    assert proxy.view(300, "client-request").endswith(b'{"n":299}')


@pytest.mark.once
def test_the_file_becomes_smaller_where_keep_mib_is_exceeded(start, upstream, state_dir):
    proxy = start({"capture": {"keep_mib": 64}})
    body_of_a_mebibyte = 150
    with proxy.client() as client:
        for number in range(body_of_a_mebibyte):
            upstream.script("/api/v1/market/tickers", sends(http_answer(os.urandom(1024 * 1024))))
            assert client.request("GET", "/api/v1/market/tickers").status == 200

    def is_small():
        return (state_dir / "capture.db").stat().st_size < 80 * 1024 * 1024
    last = body_of_a_mebibyte
    poll("all is recorded", lambda: [each["id"] for each in proxy.log("--limit", "1")] == [last])
    poll("the file is back at its bound", is_small)
    assert len(proxy.view(last, "upstream-response")) > 1024 * 1024
    proxy.stop()
    with sqlite3.connect(state_dir / "capture.db") as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_pruned_exchanges_are_said_to_be_out_of_range(start):
    proxy = start({"capture": {"keep_count": 10}})
    with proxy.client() as client:
        for _ in range(30):
            client.request("GET", "/api/trade/order/active")
    poll("the first are gone", lambda: [each["id"] for each in proxy.log("--limit", "100")][:1] == [21])
    done = run("log", "show", "1", "-c", proxy.config_file, env=proxy.env)
    assert done.returncode == 2
    assert b"21 to 30" in done.stderr
