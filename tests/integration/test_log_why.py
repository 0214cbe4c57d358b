"""`countersign log why`, by the real program on what the real proxy recorded: a cause is planted at the exchange, which then
answers as if it were so, and must be the first that is named. What a loopback cannot show is imported."""
import json
import random
import re
import socket
import threading
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime

import pytest

import coinstore
from egress import Egress
from program import run
from terminal import Terminal
from upstream import Upstream, answers_as_documented, http_answer, now_ms, succeeds

BALANCES = "/api/spot/accountList"
ACTIVE = "/api/trade/order/active"
PLACE = "/api/trade/order/place"
CANCEL = "/api/trade/order/cancel"
DEPTH = "/api/v1/market/depth/BTCUSDT"
JSON = (("Content-Type", "application/json"),)
UNAUTHORIZED = http_answer(b'{"code":1401,"message":"unauthorized","data":null}')
ORDER = {"symbol": "BTCUSDT", "side": "BUY", "ordType": "LIMIT", "ordPrice": "100", "ordQty": "0.01"}
COMPACT, SPACED = (",", ":"), (", ", ": ")


def body_of(order, separators=COMPACT):
    return json.dumps(order, separators=separators).encode()


def refuses_where(is_so):
    """1401 where is_so(request, wire), and success elsewhere."""
    def behave(request, wire):
        if not is_so(request, wire):
            return succeeds(request, wire)
        wire.send(UNAUTHORIZED)
        return True
    return behave


def ask(proxy, requests):
    """Sends (listener, method, target, fields, body) in turn; returns how many failed and how many went well."""
    outcomes = []
    for listener, *request in requests:
        with proxy.client(listener) as client:
            answer = client.request(*request)
        outcomes.append(answer.outcome.split()[0])
    proxy.record(answer.id)
    return outcomes.count("api_error"), outcomes.count("ok")


def why(proxy, *arguments, ends_with=1):
    done = proxy.command("log", "why", *arguments)
    assert (done.returncode, done.stderr) == (ends_with, b""), (done.stdout + done.stderr).decode()
    return done.stdout.decode()


def lines(text, kind):
    return [line for line in map(json.loads, text.splitlines()) if line["type"] == kind]


def first_fact(proxy, *arguments):
    """The strongest fact, with how often its values stand: {"with ...": 12}."""
    fact = lines(why(proxy, "--json", *arguments), "fact")[0]
    sides = [{value["value"]: value["count"] for value in fact[side]["values"]} for side in ("failures", "successes")]
    return fact, *sides


def names_beside(fact):
    return {other["name"] for other in fact["together"]}


def interleaved(one, other, count):
    """One of each in turn, so that time sets nothing apart."""
    return [request for _ in range(count) for request in (one, other)]


# --- the ten situations, as far as the record can tell them ---

class DualStack(Upstream):
    """Listens on 127.0.0.1 and on ::1, at one port."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.second = socket.create_server(("::1", self.port), family=socket.AF_INET6, backlog=128)
        threading.Thread(target=self._accept_second, daemon=True).start()

    def _accept_second(self):
        while True:
            try:
                sock, peer = self.second.accept()
            except OSError:
                return  # the listener was closed
            threading.Thread(target=self._serve, args=(sock, peer), daemon=True).start()

    def close(self):
        self.second.shutdown(socket.SHUT_RDWR)
        self.second.close()
        super().close()


@pytest.fixture
def two_families(certificate_file, account, authority, start):
    """A proxy whose listener `bot` goes out over IPv4 and `six` over IPv6, to an exchange whose whitelist has the IPv4
    address alone."""
    def is_refused(request, wire):
        return request.path != DEPTH and wire.sock.family == socket.AF_INET6

    with DualStack(certificate_file, account.key, account.secret) as exchange:
        for path in (BALANCES, ACTIVE, DEPTH):
            exchange.script(path, refuses_where(is_refused))
        common = {"url": exchange.url, "ca_file": authority.ca_file, "warm": 0}
        yield start({"upstream spot": {**common, "ip_family": "ipv4"}, "upstream v6": {**common, "ip_family": "ipv6"},
                     "listener six": {"listen": "127.0.0.1:0", "upstream": "v6", "account": "main"}})


def test_requests_whose_own_signature_is_wrong_are_told_by_it(start, upstream, account):
    proxy = start({"listener bot": {"mode": "observe"}})
    upstream.script(BALANCES, answers_as_documented)

    def signed_over(body):
        """A POST of `{}`, signed over `body`."""
        return "POST", BALANCES, [*JSON, *coinstore.signature_fields(
            account.key, account.secret, now_ms(), BALANCES.encode(), body)], b"{}"

    assert ask(proxy, interleaved(("bot", *signed_over(b"")), ("bot", *signed_over(b"{}")), 12)) == (12, 12)
    fact, failures, successes = first_fact(proxy)
    assert fact["name"] == "client-signature" and "countersign verify" in fact["next"]
    assert failures == {"with a client's signature that is judged as `wrong`": 12}
    assert successes == {"with a client's signature that is judged as `right`": 12}


def test_private_calls_over_ipv6_fail_where_the_whitelist_holds_the_ipv4_address(two_families):
    proxy = two_families
    requests = [(listener, "GET", target, (), None) for _ in range(6) for target in (ACTIVE, DEPTH)
                for listener in ("bot", "six")]
    requests += [(listener, "POST", BALANCES, JSON, b"{}") for _ in range(6) for listener in ("bot", "six")]
    assert ask(proxy, requests) == (12, 24)
    fact, failures, successes = first_fact(proxy)
    assert (fact["name"], failures, successes) == ("ip-family", {"over IPv6": 12}, {"over IPv4": 12})
    assert names_beside(fact) >= {"egress", "local-address", "remote-address", "listener"}
    assert fact["effect"] == 1 and 0 < fact["chance"] < 1e-3

    text = why(proxy)
    assert "1401: 12 of 12 over IPv6; success: 12 of 12 over IPv4" in text
    assert "next: set ip_family = ipv4 in [upstream ...], or add the IPv6 address to the key's whitelist" in text
    a, b = re.search(rf"compare: countersign log diff -c {re.escape(str(proxy.config_file))} (\d+) (\d+)\n", text).groups()
    assert [a, b] == fact["pair"]
    assert proxy.record(a)["outcome"] == "api_error" and proxy.record(b)["outcome"] == "ok"
    assert proxy.record(a)["target"] == proxy.record(b)["target"], "the pair differs in more than it must"


def egress_elsewhere():
    """At an address of its own, and goes on from a third."""
    return Egress(address="127.0.0.3", leaves_from="127.0.0.2")


def refuses_address(address):
    return refuses_where(lambda request, wire: wire.sock.getpeername()[0] == address)


def test_one_of_two_addresses_to_go_out_from_is_not_on_the_whitelist(start, upstream, authority):
    upstream.script(BALANCES, refuses_address("127.0.0.2"))
    proxy = start({"upstream other": {"url": upstream.url, "ca_file": authority.ca_file, "warm": 0,
                                      "bind_address": "127.0.0.2"},
                   "listener other": {"listen": "127.0.0.1:0", "upstream": "other", "account": "main"}})
    ask(proxy, interleaved(("bot", "POST", BALANCES, JSON, b"{}"), ("other", "POST", BALANCES, JSON, b"{}"), 12))
    fact, failures, successes = first_fact(proxy)
    assert (fact["name"], len(failures), len(successes)) == ("egress", 1, 1)
    assert "127.0.0.2" in next(iter(failures)) and "127.0.0.2" not in next(iter(successes))
    assert {"local-address", "listener"} <= names_beside(fact)


def test_the_way_through_an_egress_proxy_is_not_on_the_whitelist(start, upstream, authority):
    upstream.script(BALANCES, refuses_address("127.0.0.2"))
    with egress_elsewhere() as egress:
        proxy = start({"upstream other": {"url": upstream.url, "ca_file": authority.ca_file, "warm": 0,
                                          "proxy": egress.url},
                       "listener other": {"listen": "127.0.0.1:0", "upstream": "other", "account": "main"}})
        ask(proxy, interleaved(("bot", "POST", BALANCES, JSON, b"{}"), ("other", "POST", BALANCES, JSON, b"{}"), 12))
        fact, failures, successes = first_fact(proxy)
        assert (fact["name"], list(failures.values()), list(successes.values())) == ("egress", [12], [12])
        assert "by way of 127.0.0.3" in next(iter(failures)) and "by way of 127.0.0.1" in next(iter(successes))
        assert {"remote-address", "listener"} <= names_beside(fact)


@pytest.fixture
def orders(start, upstream):
    """Sends orders whose bodies are given, to an exchange that refuses those of which `is_refused(body)` holds."""
    def send(bodies, is_refused):
        upstream.script(PLACE, refuses_where(lambda request, _: is_refused(request.body)))
        proxy = start()
        failed, well = ask(proxy, [("bot", "POST", PLACE, JSON, body) for body in bodies])
        assert failed and well
        return proxy
    return send


def test_a_body_that_is_serialised_with_other_separators(orders):
    proxy = orders(interleaved(body_of(ORDER), body_of(ORDER, SPACED), 12), lambda body: b": " in body)
    fact, failures, successes = first_fact(proxy)
    assert (fact["name"], failures, successes) == (
        "body-form", {"with JSON spaced as Python's json.dumps does": 12}, {"with compact JSON": 12})
    done = proxy.command("log", "diff", *fact["pair"], "--json")
    assert done.returncode == 1 and b'"white-space"' in done.stdout


def test_a_timestamp_that_is_taken_at_another_moment_than_expires(orders):
    def order(offset_s):
        moment = datetime.now(timezone.utc) + timedelta(seconds=offset_s)
        return body_of(ORDER | {"timestamp": int(moment.timestamp() * 1000)})
    stale = [order(-45) for _ in range(12)]
    proxy = orders([body for pair in zip(stale, [order(0) for _ in range(12)]) for body in pair],
                   lambda body: body in stale)
    fact, failures, successes = first_fact(proxy)
    assert (fact["name"], failures) == ("timestamp-distance", {"with a timestamp 30 s to 5 min before X-CS-EXPIRES": 12})
    assert sum(successes.values()) == 12 and "30 s" not in str(successes)


def test_a_timestamp_that_is_missing(orders):
    proxy = orders(interleaved(body_of(ORDER), body_of(ORDER | {"timestamp": 1}), 12), lambda body: b"time" not in body)
    fact, failures, successes = first_fact(proxy)
    assert (fact["name"], failures, successes) == (
        "timestamp", {"without a timestamp in the body": 12}, {"with a timestamp in the body": 12})


def test_limit_orders_are_refused_and_market_orders_are_not(orders):
    market = {"symbol": "BTCUSDT", "side": "BUY", "ordType": "MARKET", "ordAmt": "10"}
    proxy = orders(interleaved(body_of(ORDER), body_of(market), 12), lambda body: b"LIMIT" in body)
    fact, failures, successes = first_fact(proxy)
    assert (fact["name"], failures, successes) == ("order-type", {"with ordType LIMIT": 12}, {"with ordType MARKET": 12})
    assert {"order-price", "order-amount"} <= names_beside(fact)
    assert "a limit order ordPrice and ordQty" in fact["next"]


def test_a_price_as_a_json_number(orders):
    proxy = orders(interleaved(body_of(ORDER), body_of(ORDER | {"ordPrice": 100}), 12), lambda body: b":100" in body)
    fact, failures, successes = first_fact(proxy)
    assert (fact["name"], failures, successes) == (
        "order-price", {"with ordPrice as a JSON number": 12}, {"with ordPrice as a string": 12})


def test_a_public_endpoint_fails_when_it_is_called_with_signature_fields(start, upstream):
    upstream.script(DEPTH, refuses_where(lambda request, _: request.field("X-CS-SIGN") is not None))
    proxy = start({"listener all": {"listen": "127.0.0.1:0", "upstream": "spot", "account": "main", "sign": "all"}})
    ask(proxy, interleaved(("bot", "GET", DEPTH, (), None), ("all", "GET", DEPTH, (), None), 12))
    fact, failures, successes = first_fact(proxy)
    assert (fact["name"], failures, successes) == ("signed", {"signed by countersign": 12}, {"not signed": 12})
    assert fact["endpoints"] == "public" and "sign = private" in fact["next"]


def test_failures_that_came_as_http_200_are_found_as_failures(start, upstream):
    upstream.script(PLACE, refuses_where(lambda request, _: b"LIMIT" in request.body))
    proxy = start()
    ask(proxy, interleaved(("bot", "POST", PLACE, JSON, body_of(ORDER)), ("bot", "POST", PLACE, JSON, b"{}"), 3))
    found = proxy.log("--outcome", "api_error")
    assert [(entry["status"], entry["apiCode"]) for entry in found] == [(200, "1401")] * 3


# --- made elsewhere: what no loopback shows ---

def har_entry(number, code, body="{}", date=None):
    """An exchange of a client that signed for itself, at an exchange whose clock says `date`."""
    started = datetime(2026, 2, 10, 16, 53, tzinfo=timezone.utc) + timedelta(minutes=number)
    expires = str(int(started.timestamp() * 1000))
    fields = {"Host": "api.coinstore.com", "X-CS-APIKEY": "0123456789abcdef0123456789abcdef", "X-CS-SIGN": "0" * 64,
              "X-CS-EXPIRES": expires, "Content-Type": "application/json"}
    answer = json.dumps({"code": code, "message": "unauthorized" if code else "success"})
    dated = [{"name": "Date", "value": format_datetime(started + date, usegmt=True)}] if date is not None else []
    request = {"method": "POST", "url": "https://api.coinstore.com" + BALANCES, "httpVersion": "HTTP/1.1",
               "headers": [{"name": name, "value": value} for name, value in fields.items()]}
    if body:
        request["postData"] = {"mimeType": "application/json", "text": body}
    return {"startedDateTime": started.isoformat().replace("+00:00", "Z"), "time": 30, "request": request,
            "response": {"status": 200, "statusText": "OK", "httpVersion": "HTTP/1.1", "headers": dated,
                         "content": {"size": len(answer), "text": answer}},
            "timings": {"send": 0, "wait": 30, "receive": 0}}


@pytest.fixture
def imported(env, tmp_path):
    """What `log why --imported --json` says of such exchanges."""
    def search(entries):
        har = json.dumps({"log": {"version": "1.2", "entries": entries}}).encode()
        assert run("log", "import", "-", "--state-dir", tmp_path / "state", env=env, stdin=har).returncode == 0
        done = run("log", "why", "--imported", "--json", "--state-dir", tmp_path / "state", env=env)
        assert done.returncode == 1, done
        return lines(done.stdout.decode(), "fact")[0]
    return search


def test_an_empty_post_that_is_sent_without_a_body(imported):
    fact = imported([har_entry(i, 1401 * (i % 2), "" if i % 2 else "{}") for i in range(24)])
    assert fact["name"] == "body-form"
    assert fact["failures"]["values"] == [{"count": 12, "value": "with no body"}]
    assert fact["successes"]["values"] == [{"count": 12, "value": "with the body {}"}]
    assert all(re.fullmatch(r"i\d+", exchange) for exchange in fact["pair"])


def test_a_clock_that_is_off_some_of_the_time(imported):
    off = timedelta(seconds=45)
    fact = imported([har_entry(i, 1401 * (i % 2), date=off if i % 2 else timedelta(0)) for i in range(24)])
    assert fact["name"] == "clock-offset"
    assert fact["failures"]["values"] == [{"count": 12, "value": "with our clock 30 to 60 s behind the exchange's"}]
    assert "NTP" in fact["next"]


# --- fields and endpoints ---

def test_a_header_field_that_only_the_successes_have(start, upstream):
    upstream.script(BALANCES, refuses_where(lambda request, _: request.field("X-Tenant") is None))
    proxy = start()
    ask(proxy, interleaved(("bot", "POST", BALANCES, JSON, b"{}"),
                           ("bot", "POST", BALANCES, JSON + (("X-Tenant", "1"),), b"{}"), 12))
    fact, failures, successes = first_fact(proxy)
    assert (fact["name"], fact["field"], failures, successes) == (
        "field", "X-Tenant", {"without X-Tenant": 12}, {"with X-Tenant": 12})
    assert {"name": "client-field", "field": "X-Tenant"} in fact["together"]


def test_connections_that_were_used_before(start, upstream):
    seen = set()

    def is_used_before(request, _):
        return request.connection in seen or seen.add(request.connection)
    upstream.script(ACTIVE, refuses_where(is_used_before))
    proxy = start()
    for _ in range(12):
        upstream.close_connections()
        ask(proxy, [("bot", "GET", ACTIVE, (), None)] * 2)
    fact, failures, successes = first_fact(proxy)
    assert (fact["name"], failures, successes) == (
        "reused", {"on a connection used before": 12}, {"on a new connection": 12})


def test_what_never_left_is_told_by_where_it_was_to_go(start, upstream, authority):
    proxy = start({"upstream nowhere": {"url": upstream.url, "ca_file": authority.ca_file, "warm": 0, "ip_family": "ipv6",
                                        "connect_timeout": "150ms"},
                   "listener six": {"listen": "127.0.0.1:0", "upstream": "nowhere", "account": "main"}})
    ask(proxy, interleaved(("bot", "POST", BALANCES, JSON, b"{}"), ("six", "POST", BALANCES, JSON, b"{}"), 10))
    facts = lines(why(proxy, "--json"), "fact")
    assert [(fact["code"].split()[0], fact["name"]) for fact in facts] == [("not_sent", "listener")]


def test_what_mostly_comes_with_the_cause_is_told_behind_it(orders):
    """Spaced bodies fail; of twenty, eighteen are sell orders, as are two of the others."""
    def body(number, separators):
        return body_of(ORDER | {"side": "SELL" if (number < 18) == (separators == SPACED) else "BUY"}, separators)
    proxy = orders([body(i, separators) for i in range(20) for separators in (SPACED, COMPACT)], lambda sent: b": " in sent)
    text = why(proxy)
    first, second = lines(why(proxy, "--json"), "fact")
    assert (first["name"], first["effect"], second["name"]) == ("body-form", 1, "side") and second["effect"] < 0.9
    ahead, _, behind = text.partition("The first divides them without exception; what follows does so less clearly:")
    assert "1. body form" in ahead and "2. side" in behind
    assert "1401: 18 of 20 with side SELL, 2 with side BUY; success: 18 of 20 with side BUY, 2 with side SELL" in behind


def test_an_endpoint_that_always_fails_is_named_before_what_follows_from_it(start, upstream):
    upstream.script(PLACE, refuses_where(lambda *_: True))
    proxy = start()
    ask(proxy, interleaved(("bot", "POST", PLACE, JSON, body_of(ORDER)), ("bot", "POST", CANCEL, JSON, b'{"ordId":1}'), 12))
    fact, failures, successes = first_fact(proxy)
    assert (fact["name"], failures, successes) == ("endpoint", {f"to POST {PLACE}": 12}, {f"to POST {CANCEL}": 12})
    assert {"order-type", "side", "symbol"} <= names_beside(fact)
    assert "Where they failed nothing went well: there is nothing to compare with" in why(proxy)


def test_the_search_goes_on_within_an_endpoint_that_sets_failures_apart(start, upstream):
    upstream.script(PLACE, refuses_where(lambda request, _: b": " in request.body))
    proxy = start()
    place = interleaved(("bot", "POST", PLACE, JSON, body_of(ORDER)), ("bot", "POST", PLACE, JSON, body_of(ORDER, SPACED)), 10)
    cancel = [("bot", "POST", CANCEL, JSON, b'{"ordId": 1, "symbol": "BTCUSDT"}')] * 60
    ask(proxy, place + cancel)
    text = why(proxy, "--json")
    whole, within = lines(text, "comparison")
    facts = lines(text, "fact")
    assert (whole["failures"], whole["successes"], whole["within"]) == (10, 70, None)
    assert (within["failures"], within["successes"], within["within"]) == (10, 10, f"POST {PLACE}")
    assert [fact["name"] for fact in facts] == ["endpoint", "body-form"]
    assert f"within POST {PLACE}: 10 failures, beside 10 successes" in why(proxy)


# --- nothing to tell ---

def test_failures_at_random_are_set_apart_by_nothing(start, upstream):
    drawn = random.Random(20260210)
    failing = {number for number in range(120) if drawn.random() < 0.3}
    numbers = iter(range(120))
    for path in (PLACE, CANCEL, BALANCES):
        upstream.script(path, refuses_where(lambda *_: next(numbers) in failing))
    proxy = start()
    bodies = [b"{}", body_of(ORDER), body_of(ORDER, SPACED), body_of(ORDER | {"ordType": "MARKET"})]
    requests = [("bot", "POST", drawn.choice((PLACE, CANCEL, BALANCES)),
                 JSON + ((("X-Other", "1"),) if drawn.random() < 0.5 else ()), drawn.choice(bodies)) for _ in range(120)]
    assert ask(proxy, requests) == (len(failing), 120 - len(failing))
    comparison, = lines(why(proxy, "--json", ends_with=0), "comparison")
    assert (comparison["verdict"], comparison["facts"]) == ("nothing", 0) and comparison["tried"] > 5
    assert "nothing sets them apart" in why(proxy, ends_with=0)


def test_too_few_are_said_to_be(two_families):
    proxy = two_families
    requests = [(listener, "GET", ACTIVE, (), None) for listener in ("bot", "bot", "six", "six")]
    assert ask(proxy, requests) == (2, 2)
    comparison, = lines(why(proxy, "--json", ends_with=0), "comparison")
    assert comparison["verdict"] == "too-few" and comparison["needed"] > 5
    text = why(proxy, ends_with=0)
    assert f"too few to tell: with 2 failures and 2 successes, whatever sets them apart could be chance; " \
           f"{comparison['needed']} of each would do" in text
    assert "over IPv6" not in text
    for listener in ("bot", "six"):
        ask(proxy, [(listener, "GET", ACTIVE, (), None)] * comparison["needed"])
    assert first_fact(proxy)[0]["name"] == "ip-family"


def test_failures_without_any_success_are_too_few_to_tell(start, upstream):
    upstream.script(BALANCES, refuses_where(lambda *_: True))
    proxy = start()
    ask(proxy, [("bot", "POST", BALANCES, JSON, b"{}")] * 20 + [("bot", "GET", DEPTH, (), None)] * 20)
    comparison, = lines(why(proxy, "--json", ends_with=0), "comparison")
    assert (comparison["verdict"], comparison["failures"], comparison["successes"]) == ("no-success", 20, 0)
    text = why(proxy, ends_with=0)
    assert "there is no success to compare them with" in text
    assert f"`countersign doctor -c {proxy.config_file}`" in text
    assert f"`countersign log diff last FILE -c {proxy.config_file}`" in text


def test_a_burst_of_failures_is_not_laid_on_the_moment_at_which_it_came(start, upstream):
    """Good orders for a while, then failing ones all at once: they are one moment, whatever was special about it."""
    failing = threading.Event()
    upstream.script(PLACE, refuses_where(lambda *_: failing.is_set()))
    proxy = start()
    assert ask(proxy, [("bot", "POST", PLACE, JSON, body_of(ORDER))] * 98) == (0, 98)
    failing.set()
    burst = [threading.Thread(target=ask, args=(proxy, [("bot", "POST", PLACE, JSON, body_of(ORDER))])) for _ in range(20)]
    for thread in burst:
        thread.start()
    for thread in burst:
        thread.join()
    comparison, = lines(why(proxy, "--json", ends_with=0), "comparison")
    assert (comparison["verdict"], comparison["failures"], comparison["successes"]) == ("nothing", 20, 98)


def test_what_is_proposed_leads_to_the_same_record(start, upstream, state_dir):
    upstream.script(BALANCES, refuses_where(lambda *_: True))
    proxy = start()
    ask(proxy, [("bot", "POST", BALANCES, JSON, b"{}")] * 3)
    store_file = state_dir / "capture.db"
    text = why(proxy, "--store", str(store_file), ends_with=0)
    assert f"`countersign doctor -c {proxy.config_file}`" in text
    assert f"`countersign log diff last FILE -c {proxy.config_file} --store {store_file}`" in text


def test_without_failures_there_is_nothing_to_tell(proxy):
    ask(proxy, [("bot", "POST", BALANCES, JSON, b"{}")] * 3)
    assert why(proxy, ends_with=0) == "3 exchanges: 3 went well, 0 failed\n"
    done = proxy.command("log", "why", "--account", "nobody")
    assert (done.returncode, done.stdout) == (0, b"0 exchanges: 0 went well, 0 failed\n")
    assert done.stderr.startswith(b"no exchange in ")


# --- choosing ---

def test_the_code_chooses_failures_and_leaves_the_successes(start, upstream):
    def behave(request, wire):
        if b"LIMIT" in request.body:
            wire.send(UNAUTHORIZED)
        elif b"POST_ONLY" in request.body:
            wire.send(http_answer(b'{"code":3113,"message":"account-insufficient"}', "400 Bad Request"))
        else:
            return succeeds(request, wire)
        return True
    upstream.script(PLACE, behave)
    proxy = start()
    bodies = [body_of(ORDER | {"ordType": kind}) for kind in ("MARKET", "LIMIT", "LIMIT", "POST_ONLY") * 12]
    assert ask(proxy, [("bot", "POST", PLACE, JSON, body) for body in bodies]) == (36, 12)
    both = lines(why(proxy, "--json"), "comparison")
    assert [(one["code"], one["failures"], one["successes"]) for one in both] == [("1401", 24, 12), ("3113", 12, 12)]
    for chosen in (["--code", "3113"], ["--status", "400"]):
        one, = lines(why(proxy, "--json", *chosen), "comparison")
        assert (one["code"], one["failures"], one["successes"]) == ("3113", 12, 12)
        fact, failures, _ = first_fact(proxy, *chosen)
        assert (fact["name"], failures) == ("order-type", {"with ordType POST_ONLY": 12})
    assert why(proxy, "--outcome", "unknown", ends_with=0).startswith("48 exchanges: 12 went well, 0 failed")
    few, = lines(why(proxy, "--json", "--limit", "4", "--code", "1401", ends_with=0), "comparison")
    assert (few["failures"], few["successes"]) == (2, 1)


def test_other_filters_choose_among_all_exchanges(two_families):
    proxy = two_families
    ask(proxy, interleaved(("bot", "GET", ACTIVE, (), None), ("six", "GET", ACTIVE, (), None), 12))
    assert why(proxy, "--listener", "six", ends_with=0).startswith("12 exchanges: 0 went well, 12 failed")


def test_words_are_refused(proxy):
    done = proxy.command("log", "why", "not")
    assert done.returncode == 2 and b"what is `not`? `log why` takes options alone" in done.stderr


# --- what is shown ---

def test_what_an_exchange_says_acts_on_no_terminal_and_no_key_is_shown(start, upstream, account):
    hostile = http_answer(b'{"code":"9","message":"a\\u001b]0;x\\u0007b"}')

    def behave(request, wire):
        if request.field("X-Evil") is None:
            return succeeds(request, wire)
        wire.send(hostile)
        return True
    upstream.script(BALANCES, behave)
    proxy = start()
    ask(proxy, interleaved(("bot", "POST", BALANCES, JSON, b"{}"),
                           ("bot", "POST", BALANCES, JSON + (("X-Evil", "\x9b2J"),), b"{}"), 12))
    shown = Terminal(proxy, "log", "why", "--no-pager", COUNTERSIGN_PAGER="")
    assert shown.code == 1 and "\x1b[1m" in shown.text
    assert not re.search(r"\x1b(?!\[\d*m)|\x07|\x9b", shown.text), shown.text
    plain = Terminal(proxy, "log", "why", "--no-pager", NO_COLOR="1")
    assert plain.code == 1 and "\x1b" not in plain.text
    for text in (shown.text, why(proxy), why(proxy, "--json")):
        assert account.key not in text and account.secret not in text
    assert "\x1b" not in why(proxy) and "\x1b" not in why(proxy, "--json")


def test_the_help_says_how_it_ends(proxy):
    text = proxy.command("log", "why", "--help").stdout.decode()
    assert "Ends with 1 where a fact was found" in text and max(map(len, text.splitlines())) <= 120
    assert "\n  why      " in proxy.command("log", "--help").stdout.decode()
