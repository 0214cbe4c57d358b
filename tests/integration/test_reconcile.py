"""countersign reconcile: what became of orders whose answer was lost. The tests' exchange knows, counts what is asked, and
nothing but looks may reach it; `countersign mock` has books and fills of its own."""
import json
from contextlib import closing
from types import SimpleNamespace

import pytest

import older_store
import program
import store
from lost_orders import (ACTIVE, BATCH, CANCEL, CANCEL_ALL, FUTURES_MATCHES, INFO, MATCHES, NO_ORDER, PLACE, LostOrders, order,
                         raw)
from rules import with_rules
from upstream import closes_without_answer, http_answer, sends

BIG = "11594964764657881"  # beyond 2^53: as a double its last digit is another


@pytest.fixture
def lost(upstream):
    return LostOrders(upstream)


@pytest.fixture
def lose(proxy, lost):
    """Sends a request whose answer is lost; gives its exchange's id."""
    def send(body, path=PLACE):
        answer = proxy.request("POST", path, [("Content-Type", "application/json")], body if isinstance(body, bytes) else raw(body))
        assert (answer.status, answer.outcome) == (502, "unknown")
        proxy.record(answer.id)
        return answer.id
    return send


@pytest.fixture
def reconcile(proxy, lost):
    """Runs it with --json; each exchange's object, and the exit code. No POST may come of it."""
    def run(*arguments):
        before = lost.posts()
        done = proxy.command("reconcile", "--json", *arguments)
        assert lost.posts() == before
        lost.looks()
        assert done.returncode in (0, 1), done.stderr.decode()
        return SimpleNamespace(code=done.returncode, all=[json.loads(line) for line in done.stdout.decode().splitlines()])
    return run


@pytest.fixture
def only(reconcile):
    """The one order of the one exchange."""
    def run(*arguments):
        done = reconcile(*arguments)
        [exchange] = done.all
        [found] = exchange["orders"]
        return SimpleNamespace(code=done.code, ids=[seen["ordId"] for seen in found["found"]],
                               seen=(found["found"] or [None])[0], **{name: found[name] for name in (
                                   "verdict", "settled", "reason", "looked")})
    return run


def made_older(proxy):
    """As if what is recorded had been sent two minutes earlier: whoever looks at it after a minute or more."""
    with closing(store.connect(proxy_state(proxy))) as database:
        database.execute("UPDATE record SET received_us = received_us - 120000000")


def proxy_state(proxy):
    return proxy.config_file.parent / "state"


# --- what became of it ---

@pytest.mark.both
def test_an_order_that_arrived_is_found_by_its_client_id(lose, only, lost, proxy):
    lost.has(BIG, clOrdId="abc")
    number = lose(order(clOrdId="abc"))
    found = only(number)
    assert (found.code, found.verdict, found.settled) == (0, "placed", True)
    assert found.seen.items() >= {"ordId": BIG, "clOrdId": "abc", "state": "SUBMITTED", "executed": "0",
                                  "quantity": "0.5"}.items()
    assert lost.looks() == [f"{INFO}?clOrdId=abc"], "what was found at once is not asked for again"
    assert proxy.record(number)["outcome"] == "unknown"


@pytest.mark.parametrize("state, executed", [("FILLED", "0.5"), ("PARTIAL_FILLED", "0.1"), ("CANCELED", "0"),
                                             ("CANCELED", "0.2")])
def test_its_state_and_what_was_executed_are_told(lose, only, lost, state, executed):
    lost.has(17, state, executed, clOrdId="abc")
    found = only(lose(order(clOrdId="abc")))
    assert (found.verdict, found.seen["state"], found.seen["executed"]) == ("placed", state, executed)


def test_an_order_that_was_filled_at_once_is_found_by_matches_that_name_no_client_id(lose, only, lost, upstream):
    upstream.script(INFO, sends(http_answer(NO_ORDER)), lost.info)  # finds by ordId alone
    lost.has(BIG, "FILLED", "0.5", clOrdId="abc")
    lost.has(16, "FILLED", "0.5", clOrdId="other")
    lost.matched(BIG)
    lost.matched(16)
    lost.matched(BIG)
    lost.matched(15, side="-1")
    found = only(lose(order(clOrdId="abc")))
    assert (found.code, found.verdict, found.ids) == (0, "placed", [BIG])
    assert lost.looks(INFO) == [f"{INFO}?clOrdId=abc", f"{INFO}?ordId={BIG}"], "each once; of the other side none"


@pytest.mark.both
def test_one_that_never_arrived_is_not_found_and_what_was_looked_at_is_told(lose, only, lost, proxy, upstream):
    upstream.script(PLACE, sends(http_answer(b'{"code":0,"data":{"ordId":16}}')), closes_without_answer)
    former = proxy.request("POST", PLACE, [], raw(order(clOrdId="former"))).id
    proxy.record(former)
    lost.has(16, clOrdId="former")
    number = lose(order(clOrdId="never"))
    fresh = only(number)
    assert (fresh.code, fresh.verdict, fresh.settled) == (1, "not_found", False)
    assert "No proof" in fresh.reason and "may still arrive" in fresh.reason
    made_older(proxy)
    found = only(number)
    assert (found.code, found.verdict, found.settled) == (0, "not_found", True)
    assert f"found that of exchange {former}" in found.reason and "their beginning" in found.reason
    assert [line.partition("?")[0].removeprefix("GET ") for line in found.looked] == [INFO, ACTIVE, MATCHES, INFO]
    assert found.looked[0].endswith("3103 order-not-found") and "1 active, 0 of them may be it" in found.looked[1]


@pytest.mark.parametrize("body, doubt", [
    (order(clOrdId="never"), "whether orderInfo finds orders by clOrdId could not be tried"),
    (order(), "it carried no clOrdId, and an order that was cancelled or expired unfilled is in neither list"),
])
def test_what_is_no_proof_is_called_none(lose, only, proxy, body, doubt):
    number = lose(body)
    made_older(proxy)
    found = only(number)
    assert (found.code, found.verdict, found.settled) == (1, "not_found", False)
    assert "No proof" in found.reason and doubt in found.reason and "may still arrive" not in found.reason


def test_an_answer_without_an_order_does_not_say_that_there_is_none(lose, only, proxy, upstream):
    upstream.script(INFO, sends(http_answer(b'{"code":0,"data":[]}')))
    number = lose(order(clOrdId="never"))
    made_older(proxy)
    found = only(number)
    assert (found.verdict, found.settled) == ("not_found", False)
    assert "orderInfo did not answer that there is no such order" in found.reason


# --- without a clOrdId ---

def test_one_without_a_client_id_is_found_by_what_was_ordered(lose, only, lost):
    lost.has(10, ordPrice="30000.1")
    lost.has(11, side="SELL")
    lost.has(12, ordQty="0.51")
    lost.has(13, symbol="ETHUSDT")
    lost.has(14, timestamp="1600000000000")
    lost.has(15, ordType="MARKET")
    lost.has(BIG, ordPrice="3E4", ordQty="0.50")
    found = only(lose(order()))
    assert (found.code, found.verdict, found.ids) == (0, "placed", [BIG])
    assert "another program" in found.reason, "what it rests on is said"


def test_one_that_was_filled_is_found_by_matches(lose, only, lost):
    lost.has(BIG, "FILLED", "0.5")
    lost.matched(BIG)
    found = only(lose(order()))
    assert (found.verdict, found.ids, found.seen["state"]) == ("placed", [BIG], "FILLED")


@pytest.mark.parametrize("quantity, price, other, same", [
    ("9007199254740993", "9.1E-10", "9007199254740992", "9007199254740993.0"),
    ("9.1E-10", "0.00000000091", "9.1000000000000000001E-10", "0.00000000091"),
])
def test_numbers_are_compared_as_decimals(lose, only, lost, quantity, price, other, same):
    lost.has(16, ordQty=other, ordPrice="9.1E-10")
    lost.has(17, ordQty=same, ordPrice="9.10E-10")
    body = raw(order()).replace(b'"0.5"', quantity.encode()).replace(b'"30000"', price.encode())
    found = only(lose(body))
    assert (found.verdict, found.ids) == ("placed", ["17"])


@pytest.mark.both
def test_two_equal_orders_in_doubt_cannot_be_told_apart(lose, reconcile, lost):
    lost.has(21)
    lost.has(22)
    numbers = [lose(order()), lose(order(ordQty="0.50"))]
    done = reconcile(*numbers)
    assert done.code == 1
    for exchange in done.all:
        [found] = exchange["orders"]
        assert (found["verdict"], found["settled"]) == ("ambiguous", False)
        assert [seen["ordId"] for seen in found["found"]] == ["21", "22"]
        assert "2 orders in doubt" in found["reason"]
    assert [exchange["orders"][0]["verdict"] for exchange in reconcile().all] == ["ambiguous"] * 2, "nor the second time"


def test_several_that_fit_are_listed(lose, only, lost):
    lost.has(21)
    lost.has(22)
    found = only(lose(order()))
    assert (found.code, found.verdict, found.ids) == (1, "ambiguous", ["21", "22"])


def test_what_another_recorded_order_got_is_not_it(lose, only, lost, proxy, upstream):
    upstream.script(PLACE, sends(http_answer(b'{"code":0,"data":{"ordId":21}}')), closes_without_answer)
    proxy.record(proxy.request("POST", PLACE, [], raw(order())).id)
    lost.has(21)
    lost.has(22)
    found = only(lose(order()))
    assert (found.verdict, found.ids) == ("placed", ["22"])


def test_a_cancel_of_it_does_not_make_it_anothers(lose, only, lost, proxy, upstream):
    number = lose(order())
    lost.has(21)
    upstream.script(CANCEL, sends(http_answer(b'{"code":0,"data":{"state":"CANCELED","ordId":21}}')))
    proxy.record(proxy.request("POST", CANCEL, [], b'{"symbol":"BTCUSDT","ordId":21}').id)
    found = only(number)
    assert (found.verdict, found.ids) == ("placed", ["21"])


def test_the_client_id_of_another_order_in_doubt_says_that_it_is_that_ones(lose, only, lost):
    lost.has(21, clOrdId="mine")
    lost.has(22, clOrdId="made up by the exchange")
    lose(order(clOrdId="mine"))
    found = only(lose(order()))
    assert (found.verdict, found.ids) == ("placed", ["22"])


def test_market_buys_are_told_apart_by_their_amount(lose, only, lost):
    lost.has(21, "FILLED", "0.1", ordType="MARKET", ordPrice="0", ordQty="0", ordAmt="3000")
    lost.has(22, "FILLED", "0.1", ordType="MARKET", ordPrice="0", ordQty="0", ordAmt="3000.5")
    lost.matched(21)
    lost.matched(22)
    found = only(lose({"symbol": "BTCUSDT", "side": "BUY", "ordType": "MARKET", "ordAmt": "3000.50"}))
    assert (found.verdict, found.ids) == ("placed", ["22"])


# --- batches and cancels ---

@pytest.mark.both
def test_each_order_of_a_batch_is_looked_up(lose, reconcile, lost, proxy):
    lost.has(31, clOrdId="one")
    lost.has(33, "FILLED", "0.7", clOrdId="three", ordQty="0.7")
    number = lose({"symbol": "BTCUSDT", "timestamp": 1, "orders": [
        order(clOrdId="one"), order(clOrdId="two"), order(clOrdId="three", ordQty="0.7")]}, BATCH)
    [exchange] = (done := reconcile(number)).all
    assert done.code == 1
    assert [found["verdict"] for found in exchange["orders"]] == ["placed", "not_found", "placed"]
    assert "reconciled: 2 of 3 placed" in proxy.command("log").stdout.decode()


def test_the_same_order_twice_in_a_batch_cannot_be_told_apart(lose, reconcile, lost):
    lost.has(31)
    [exchange] = reconcile(lose({"symbol": "BTCUSDT", "orders": [order(), order()]}, BATCH)).all
    assert [found["verdict"] for found in exchange["orders"]] == ["ambiguous"] * 2


@pytest.mark.parametrize("state, settled", [("CANCELED", True), ("FILLED", True), ("SUBMITTED", False),
                                            ("CANCELING", False)])
def test_of_a_cancel_the_orders_state_is_told(lose, only, lost, state, settled):
    lost.has(BIG, state)
    found = only(lose(f'{{"symbol":"BTCUSDT","ordId":{BIG}}}'.encode(), CANCEL))
    assert (found.verdict, found.seen["state"], found.settled) == ("state", state, settled)
    assert found.code == (0 if settled else 1)
    assert lost.looks() == [f"{INFO}?ordId={BIG}"]


def test_a_cancel_that_did_not_take_effect_is_called_so_once_it_cannot_arrive_any_more(lose, only, lost, proxy):
    lost.has(17)
    number = lose({"symbol": "BTCUSDT", "ordId": 17}, CANCEL)
    made_older(proxy)
    found = only(number)
    assert (found.code, found.settled) == (0, True) and "did not take effect" in found.reason


def test_of_a_cancel_of_all_the_active_orders_are_told(lose, only, lost, proxy):
    lost.has(17)
    number = lose({"symbol": "BTCUSDT"}, CANCEL_ALL)
    assert only(number).ids == ["17"]
    lost.orders.clear()
    made_older(proxy)
    found = only(number)
    assert (found.code, found.verdict, found.settled) == (0, "none_active", True)


def test_a_futures_order_is_looked_for_among_its_matches(lose, only, lost):
    lost.has(51, "FILLED", clOrdId="abc", side="1", ordPrice="40000", ordQty="7", symbol="100300000")
    lost.matched(51)
    found = only(lose({"contractId": 100300000, "side": 1, "orderType": 1, "price": "40000", "quantity": "7"}))
    assert (found.verdict, found.ids) == ("placed", ["51"])
    assert lost.looks(FUTURES_MATCHES)[0].startswith(f"{FUTURES_MATCHES}?contractId=100300000&pageNum=1")
    assert not lost.looks(ACTIVE)


# --- paging ---

def test_matches_are_read_page_by_page_back_to_the_order(lose, only, lost):
    for index in range(5):
        lost.matched(900 + index, after_s=-3600)
    lost.has(BIG, "FILLED", "0.5")
    lost.matched(BIG)
    for index in range(12):
        lost.matched(100, side="-1")
    lost.page_max = 5
    found = only(lose(order()))
    assert (found.verdict, found.ids) == ("placed", [BIG])
    assert [int(target.partition("pageNum=")[2].partition("&")[0]) for target in lost.looks(MATCHES)] == [1, 2, 3], \
        "the fourth is behind the order"


def test_pages_in_another_order_are_read_to_their_end(lose, only, lost):
    lost.has(BIG, "FILLED", "0.5")
    lost.matched(BIG)
    for index in range(9):
        lost.matched(900 + index, after_s=-3600)
    lost.page_max = 5
    found = only(lose(order()))
    assert (found.verdict, found.ids, len(lost.looks(MATCHES))) == ("placed", [BIG], 3)


def test_reading_is_bounded_and_then_proves_nothing(lose, only, lost, proxy):
    for _ in range(30):
        lost.matched(900, side="-1")
    lost.page_max = 1
    number = lose(order(clOrdId="never"))
    made_older(proxy)
    found = only(number)
    assert (found.code, found.verdict, len(lost.looks(MATCHES))) == (1, "not_found", 10)
    assert "more matches" in found.reason


def test_a_page_that_comes_again_ends_the_reading(lose, only, lost, upstream):
    lost.matched(900, side="-1")
    upstream.script(MATCHES, lost._answers(lambda query: lost._matches({**query, "pageNum": "1"})))
    assert only(lose(order())).verdict == "not_found"
    assert len(lost.looks(MATCHES)) == 2


# --- what cannot be asked ---

SAYING_NOTHING = {
    "HTML": sends(http_answer(b"<html>gateway</html>")), "torn": sends(http_answer(b'{"code":0,"data":[{"ordId":')),
    "null": sends(http_answer(b'{"code":0,"data":null}')), "numbers": sends(http_answer(b'{"code":0,"data":[17]}')),
    "no id": sends(http_answer(b'{"code":0,"data":[{"symbol":"BTCUSDT"}]}')),
    "1401": sends(http_answer(b'{"code":1401,"message":"no","data":null}')),
    "429": sends(http_answer(b'{"code":429,"message":"slow","data":null}', "429 Too Many Requests")),
    "503": sends(http_answer(b"", "503 Busy")), "closed": closes_without_answer,
}


@pytest.mark.both
def test_an_answer_that_says_nothing_is_no_finding(lose, only, lost, upstream, proxy):
    number = lose(order(clOrdId="abc"))
    made_older(proxy)
    for path, usual in ((INFO, lost.info), (ACTIVE, lost.active), (MATCHES, lost.matched_orders)):
        for name, behaviour in SAYING_NOTHING.items():
            upstream.script(path, behaviour)
            found = only(number)
            assert (found.code, found.verdict, found.settled) == (1, "not_asked", False), (path, name)
            assert "not everything that had to be asked was answered" in found.reason
        upstream.script(path, usual)
    assert proxy.record(number).get("reconciled") is None, "what was not found out is not noted"
    assert only(number).verdict == "not_found"


def test_a_policy_that_forbids_looking_is_named(start, lost, reconcile_plain):
    proxy = start({"listener bot": with_rules("deny = GET /api/v2/trade/order/*")})
    number = proxy.request("POST", PLACE, [], raw(order(clOrdId="abc"))).id
    proxy.record(number)
    done = reconcile_plain(proxy, number)
    assert done.returncode == 1 and b"could not ask" in done.stdout and b"(rule)" in done.stdout
    assert lost.looks(INFO) + lost.looks(ACTIVE) == []


@pytest.fixture
def reconcile_plain():
    return lambda proxy, *arguments: proxy.command("reconcile", *arguments)


def test_without_a_running_proxy_nothing_can_be_asked(lose, proxy, lost):
    number = lose(order(clOrdId="abc"))
    proxy.stop()
    done = proxy.command("reconcile", number)
    assert done.returncode == 1 and b"could not ask" in done.stdout and b"countersign serve" in done.stdout
    [exchange] = [json.loads(line) for line in proxy.command("reconcile", "--json").stdout.splitlines()]
    assert (exchange["id"], exchange["settled"], exchange["orders"]) == (number, False, []) and exchange["remark"]
    assert lost.looks() == []


def test_a_listener_of_another_account_or_exchange_is_not_asked(start, lost):
    proxy = start({
        "account second": {"api_key": "env:COINSTORE_API_KEY", "api_secret": "env:COINSTORE_API_SECRET"},
        "listener other": {"listen": "127.0.0.1:0", "upstream": "spot", "account": "second"},
        "listener look": {"listen": "127.0.0.1:0", "upstream": "spot", "account": "main", "policy": "read-only"},
        "listener dry": {"listen": "127.0.0.1:0", "upstream": "spot", "account": "main", "mode": "dry-run"}})
    number = proxy.request("POST", PLACE, [], raw(order(clOrdId="abc"))).id
    proxy.record(number)
    lost.has(17, clOrdId="abc")
    for listener, why in (("other", b"account second"), ("dry", b"dry-run"), ("none", b"none")):
        done = proxy.command("reconcile", number, "--listener", listener)
        assert done.returncode == 1 and b"could not ask" in done.stdout and why in done.stdout
    assert lost.looks() == []
    assert proxy.command("reconcile", number, "--listener", "look").returncode == 0
    proxy.record(str(int(number) + 1))  # the look
    assert [record["listener"] for record in proxy.log() if record["method"] == "GET"] == ["look"]


def test_a_listener_that_asks_for_a_token_is_given_it(start, lost, env, tmp_path):
    token = tmp_path / "token"
    token.write_text("0123456789abcdef0123456789abcdef\n")
    token.chmod(0o600)
    proxy = start({"listener bot": {"token": f"file:{token}"}})
    number = proxy.request("POST", PLACE, [("Countersign-Token", token.read_text().strip())], raw(order(clOrdId="abc"))).id
    proxy.record(number)
    lost.has(17, clOrdId="abc")
    done = proxy.command("reconcile", number)
    assert done.returncode == 0, done.stdout.decode()


# --- what is noted and shown ---

@pytest.mark.both
def test_what_was_found_is_noted_beside_the_exchange_and_not_asked_again(lose, reconcile, lost, proxy):
    lost.has(17, "PARTIAL_FILLED", "0.2", clOrdId="abc")
    number = lose(order(clOrdId="abc"))
    assert "reconciled" not in proxy.command("log").stdout.decode()
    before = proxy.record(number)
    assert reconcile().code == 0
    after = proxy.record(number)
    assert after["outcome"] == "unknown" and {**after, "reconciled": None} == {**before, "reconciled": None}
    assert after["reconciled"]["summary"] == "placed" and after["reconciled"]["settled"] is True
    assert after["reconciled"]["detail"] == "placed: ordId 17, PARTIAL_FILLED, executed 0.2 of 0.5"
    assert "reconciled: placed" in proxy.command("log").stdout.decode()
    shown = proxy.command("log", "show", number).stdout.decode()
    assert "placed: ordId 17, PARTIAL_FILLED, executed 0.2 of 0.5" in shown and "what became" not in shown
    asked = len(lost.looks())
    again = reconcile()
    assert again.code == 0 and len(lost.looks()) == asked and "--again" in again.all[0]["remark"]
    lost.has(17, "FILLED", "0.5", clOrdId="abc")
    assert reconcile("--again", number).code == 0 and len(lost.looks()) == asked + 1
    assert "FILLED, executed 0.5" in proxy.record(number)["reconciled"]["detail"]


def test_what_stays_in_doubt_is_asked_again(lose, only, lost):
    number = lose(order(clOrdId="abc"))
    assert only().verdict == "not_found"
    lost.has(17, clOrdId="abc")
    assert only().verdict == "placed"
    assert number


def test_the_list_of_what_is_in_doubt_says_what_was_ordered_and_names_the_command(lose, lost, proxy):
    number = lose(order(clOrdId="abc"))
    proxy.request("POST", "/api/spot/accountList", [], b"{}")
    done = proxy.command("log", "ls", "--outcome", "unknown")
    row = done.stdout.decode().splitlines()[-1]
    assert "BUY 0.5 BTCUSDT at 30000, clOrdId abc" in row
    assert b"1 in doubt: `countersign reconcile`" in done.stderr
    lost.has(17, clOrdId="abc")
    proxy.command("reconcile", number)
    assert b"in doubt" not in proxy.command("log", "ls", "--outcome", "unknown").stderr


def test_the_answer_of_an_order_in_doubt_names_the_command_and_its_id(proxy, lost):
    answer = proxy.request("POST", PLACE, [], raw(order()))
    assert f"`countersign reconcile {answer.id}`" in answer.json()["message"]
    shown = proxy.command("log", "show", str(answer.id)) if proxy.record(answer.id) else None
    assert f"countersign reconcile {answer.id}" in shown.stdout.decode()
    for word in ("unknown", answer.error):
        assert b"countersign reconcile" in program.run("explain", word, env=proxy.env).stdout


def test_people_are_told_what_was_looked_at(lose, lost, proxy):
    number = lose(order(clOrdId="a\x1b[31mb"))
    done = proxy.command("reconcile", number)
    text = done.stdout.decode()
    assert done.returncode == 1 and "not found" in text and "No proof" in text
    assert f"GET {ACTIVE}?symbol=BTCUSDT" in text and f"GET {MATCHES}?symbol=BTCUSDT" in text
    assert "\x1b" not in text and "%1B" in text


def test_what_is_not_in_doubt_is_not_asked_about(proxy, upstream, reconcile, lost):
    fine = proxy.request("POST", "/api/spot/accountList", [], b"{}").id
    upstream.script(PLACE, sends(http_answer(NO_ORDER)))
    refused = proxy.request("POST", PLACE, [], raw(order())).id
    upstream.script(ACTIVE, closes_without_answer)
    looked = proxy.request("GET", ACTIVE).id
    for number in (fine, refused, looked):
        proxy.record(number)
    asked = len(lost.looks())
    done = reconcile(fine, refused, looked)
    assert done.code == 0 and [exchange["orders"] for exchange in done.all] == [[], [], []]
    assert reconcile().all == [] and len(lost.looks()) == asked


@pytest.mark.parametrize("path, body", [(PLACE, b"no JSON"), (PLACE, b'{"symbol":17.5E'), (BATCH, b'{"symbol":"X"}'),
                                        (PLACE, b'{"symbol":"' + b"x" * 500 + b'"}')])
def test_an_order_that_cannot_be_read_stays_in_doubt(lose, reconcile, lost, path, body):
    [exchange] = (done := reconcile(lose(body, path))).all
    assert done.code == 1 and exchange["settled"] is False and "cannot be read" in exchange["remark"]
    assert lost.looks() == []


def test_what_is_no_order_is_left_to_people(start, upstream, lost):
    proxy = start({"listener bot": {"policy": "all"}})
    upstream.script("/api/fi/v3/asset/doWithdraw", closes_without_answer)
    proxy.record(proxy.request("POST", "/api/fi/v3/asset/doWithdraw", [], b"{}").id)
    done = proxy.command("reconcile")
    assert done.returncode == 1 and b"by hand" in done.stdout and lost.looks() == []


# --- the command itself ---

@pytest.mark.parametrize("arguments", [("--outcome", "ok"), ("nonsense",), ("--no-such-option",), ("--limit", "x")])
def test_usage_that_is_wrong_is_refused(lose, proxy, lost, arguments):
    lose(order())
    done = proxy.command("reconcile", *arguments)
    assert done.returncode == 2 and done.stdout == b"" and done.stderr
    assert lost.looks() == []


def test_filters_choose_what_is_asked_about(lose, reconcile, lost):
    lost.has(17, clOrdId="abc")
    lose(order(clOrdId="abc"))
    lose({"symbol": "BTCUSDT", "ordId": 17}, CANCEL)
    assert [exchange["target"] for exchange in reconcile("--path", "*/cancel").all] == [CANCEL]
    assert reconcile("--since", "10:30", "--until", "2020-01-01").all == []
    assert reconcile("--limit", "1").all[0]["target"] == CANCEL, "of the latest"


def test_it_keeps_half_of_the_exchanges_pace_for_bots(lose, only, lost, upstream):
    for index in range(6):
        lost.has(700 + index, "FILLED", "0.4", ordQty="0.4")
        lost.matched(700 + index)
    only(lose(order()))
    arrived = [request.arrived_ms for request in upstream.requests() if request.method == "GET"]
    assert len(arrived) == 9 and arrived[-1] - arrived[0] >= 8 * 50 - 30


def test_a_store_that_was_never_reconciled_is_read_and_gets_its_place(lose, only, lost, proxy):
    lost.has(17, clOrdId="abc")
    number = lose(order(clOrdId="abc"))
    with closing(store.connect(proxy_state(proxy))) as database:
        database.execute("DROP TABLE reconciled")
    assert proxy.record(number)["outcome"] == "unknown"
    assert only(number).verdict == "placed"
    assert proxy.record(number)["reconciled"]["summary"] == "placed"


def test_a_store_of_an_older_version_is_named_as_that(tmp_path, env):
    state = older_store.make(tmp_path / "old", older_store.plain_rows(1, 3))
    done = program.run("reconcile", "--store", state / "capture.db", env=env)
    assert done.returncode in (2, 3) and b"log migrate" in done.stderr


# --- with the mock exchange, whose book fills ---

@pytest.fixture
def rehearse(start, launch_mock):
    """A proxy before a mock that does what is asked of PATH and then resets; places; what reconcile says."""
    def run(path, body, before=None):
        mock = launch_mock("--reset-after-request", path)
        proxy = start({"upstream spot": {"url": f"http://{mock.address}", "ca_file": ""}})
        if before is not None:
            before(mock)
        number = proxy.request("POST", path, [("Content-Type", "application/json")], raw(body)).id
        assert proxy.record(number)["outcome"] == "unknown"
        done = proxy.command("reconcile", "--json", number)
        found = json.loads(done.stdout)["orders"]
        return done.returncode, [(order["verdict"], *(order["found"][0][name] for name in ("state", "executed")))
                                 if order["found"] else (order["verdict"],) for order in found]
    return run


@pytest.mark.both
@pytest.mark.parametrize("change, state, executed", [
    ({"clOrdId": "abc"}, "SUBMITTED", "0"), ({}, "SUBMITTED", "0"),
    ({"clOrdId": "abc", "ordPrice": "40010"}, "FILLED", "0.01"), ({"ordPrice": "40010"}, "FILLED", "0.01"),
    ({"clOrdId": "abc", "ordPrice": "40000.002", "ordQty": "0.05"}, "PARTIAL_FILLED", "0.036288"),
    ({"clOrdId": "abc", "ordPrice": "40000.002", "ordQty": "0.05", "timeInForce": "IOC"}, "CANCELED", "0.036288"),
    ({"ordType": "MARKET", "ordAmt": "400", "ordPrice": None, "ordQty": None}, "FILLED", ...),
], ids=["rests", "rests, no id", "filled", "filled, no id", "in part", "cancelled", "market"])
def test_the_mocks_orders_are_found(rehearse, change, state, executed):
    body = {name: value for name, value in order(ordQty="0.01", **{}).items()}
    body = {name: value for name, value in {**body, **change}.items() if value is not None}
    code, [found] = rehearse(PLACE, body)
    assert code == 0 and found[:2] == ("placed", state)
    assert executed is ... or found[2] == executed


def test_a_batch_that_the_mock_accepted_in_part(rehearse):
    code, found = rehearse(BATCH, {"symbol": "BTCUSDT", "timestamp": 1, "orders": [
        order(ordQty="0.01", clOrdId="one"), order(ordQty="99999", clOrdId="two"),
        order(ordQty="0.01", ordPrice="40010", clOrdId="three")]})
    assert code == 1, "that the second was refused is not told by any answer"
    assert found == [("placed", "SUBMITTED", "0"), ("not_found",), ("placed", "FILLED", "0.01")]
