"""The ten situations that people were stuck in, each rehearsed with a bot, the proxy and an exchange over real sockets, and the
command that names it. The exchange is `countersign mock`; where its switches cannot play a part, it is the tests' own."""
import json
import socket
import threading
from contextlib import contextmanager

import pytest
import requests

import coinstore
import store
from egress import relay
from peer import Peer
from program import run
from rawhttp import DEADLINE_S
from test_doctor import Diagnosis
from test_log_why import (ACTIVE, BALANCES, COMPACT, DEPTH, JSON, ORDER, PLACE, SPACED, ask, body_of, egress_elsewhere,
                          first_fact, interleaved, names_beside, refuses_where, why)
from test_verify import names_of
from upstream import now_ms

TIMES = 12  # of each kind: enough for `log why` to tell it from chance
OBSERVE = {"mode": "observe"}


def listener(upstream="spot", **keys):
    return {"listen": "127.0.0.1:0", "upstream": upstream, "account": "main", **keys}


@pytest.fixture
def practise(start, launch_mock):
    """Starts a mock exchange with these switches, and a proxy that leads to it."""
    def launch(*switches, mode="sign", more=None):
        mock = launch_mock(*switches)
        return start({"upstream spot": {"url": f"http://{mock.address}", "ca_file": ""}, "listener bot": {"mode": mode},
                      **(more or {})})
    return launch


@pytest.fixture
def doctor(env):
    """What `countersign doctor` finds with a running proxy's configuration."""
    def examine(proxy, *arguments):
        return Diagnosis(run("doctor", "-c", proxy.config_file, "--json", "--timeout", 5, *arguments, env=env))
    return examine


def verify(proxy, answer, code=1):
    """The names of the recipes that `verify` finds in what this answer's request was signed with."""
    proxy.record(answer_id(answer))
    done = proxy.command("verify", answer_id(answer), "--json")
    assert done.returncode == code, (done.stdout, done.stderr)
    return names_of(json.loads(done.stdout))


def code_of(answer):
    """The exchange documents a number, and sends a text as well."""
    return int(answer.json()["code"])


def answer_id(answer):
    return int(answer.headers["Countersign-Exchange"]) if isinstance(answer, requests.Response) else answer.id


class Bot:
    """A bot of somebody else's, with Python's `requests`, that signs for itself. Its base URL is the proxy's."""

    def __init__(self, proxy, key, secret):
        self.base, self.key, self.secret = proxy.url(), key, secret
        self.session = requests.Session()

    def fields(self, signed, expires=None, window_of=None):
        """The fields for the bytes it signs; `window_of` is the moment that it takes the window from."""
        expires = now_ms() if expires is None else expires
        signature = coinstore.sign(self.secret, expires if window_of is None else window_of, signed)
        return {**dict(zip(coinstore.FIELDS, (self.key, signature, str(expires)))), "Content-Type": "application/json"}

    def post(self, path, signed, **sent):
        return self.session.post(self.base + path, headers=self.fields(signed), timeout=DEADLINE_S, **sent)


@contextmanager
def bot_of(proxy, account, **other):
    bot = Bot(proxy, **{"key": account.key, "secret": account.secret, **other})
    with bot.session:
        yield bot


# 1
def test_the_client_prefers_ipv6_and_the_whitelist_holds_the_ipv4_address(start, dual_stack, doctor):
    upstream = dual_stack("--ip-whitelist", "127.0.0.1")
    proxy = start({"upstream spot": upstream, "upstream four": {**upstream, "ip_family": "ipv4"},
                   "upstream six": {**upstream, "ip_family": "ipv6"},
                   "listener four": listener("four"), "listener six": listener("six")})
    picked = proxy.request("POST", BALANCES, JSON, b"{}")  # over whichever of both was picked
    assert (picked.outcome == "ok") == (proxy.record(picked.id)["connection"]["ipFamily"] == 4)

    requests_of = {name: [(name, "GET", DEPTH, (), None), (name, "POST", BALANCES, JSON, b"{}")] for name in ("four", "six")}
    failed, well = ask(proxy, interleaved(*requests_of["four"], TIMES) + interleaved(*requests_of["six"], TIMES))
    assert (failed, well) == (TIMES, 3 * TIMES), "public calls work over both"
    assert {(row["status"], row["apiCode"]) for row in proxy.log("--outcome", "api_error", "--limit", 100)} == {(200, "1401")}
    latest = ("--limit", failed + well)
    assert f"1401: {TIMES} of {TIMES} over IPv6; success: {TIMES} of {TIMES} over IPv4" in why(proxy, *latest)
    assert first_fact(proxy, *latest)[0]["name"] == "ip-family"

    found = doctor(proxy, "--upstream", "spot").names("ip-family")
    assert [found.status("signed", family) for family in ("ipv4", "ipv6")] == ["ok", "failed"]
    assert "ip_family = ipv4" in found.verdict["todo"]
    assert "IPv4 (from 127.0.0.1)" in found.verdict["sentence"] and "IPv6 (from ::1)" in found.verdict["sentence"]


# 2
def test_one_of_two_egress_addresses_is_on_the_whitelist(start, dual_stack, doctor):
    direct = {**dual_stack("--ip-whitelist", "127.0.0.1"), "ip_family": "ipv4"}
    with egress_elsewhere() as egress:
        proxy = start({"upstream spot": {**direct, "proxy": egress.url}, "upstream direct": direct,
                       "upstream other": {**direct, "bind_address": "127.0.0.2"},
                       "listener direct": listener("direct"), "listener other": listener("other")})
        balance = ("POST", BALANCES, JSON, b"{}")
        assert ask(proxy, interleaved(("bot", *balance), ("direct", *balance), TIMES)) == (TIMES, TIMES)
        fact, failures, successes = first_fact(proxy, "--limit", 2 * TIMES)
        assert fact["name"] == "egress"
        assert ["127.0.0.3" in value for value in (*failures, *successes)] == [True, False], "the HTTP proxy's address"

        ask(proxy, interleaved(("other", *balance), ("direct", *balance), TIMES))
        fact, failures, successes = first_fact(proxy, "--limit", 2 * TIMES)
        assert fact["name"] == "egress"
        assert ["127.0.0.2" in value for value in (*failures, *successes)] == [True, False], "the second address"

        found = doctor(proxy, "--upstream", "spot").names("egress-address")
        assert (found.status("signed", "proxy"), found.status("signed", "ipv4")) == ("failed", "ok")


def assert_laid_on_the_clients_signature(fact, failures, successes):
    """`log why` sends to `verify`, which says what was signed; what comes with it stands beside it."""
    assert (fact["name"], failures, successes) == (
        "client-signature", {"with a client's signature that is judged as `wrong`": TIMES},
        {"with a client's signature that is judged as `right`": TIMES})
    assert "countersign verify" in fact["next"]


# 3
def test_the_body_is_serialised_twice_and_the_second_time_with_other_separators(practise, account, state_dir):
    """`json=` writes its own JSON: another one than was signed."""
    proxy = practise(mode="observe")
    with bot_of(proxy, account) as bot:
        for number in range(TIMES):
            order = {**ORDER, "clOrdId": f"twice-{number}"}
            signed = body_of(order)
            wrong = bot.post(PLACE, signed, json=order)
            well = bot.post(PLACE, signed, data=signed)
            assert (code_of(wrong), code_of(well)) == (3005, 0)
    assert verify(proxy, wrong) == ("json-compact",)
    assert verify(proxy, well, code=0) == ()
    shown = proxy.command("verify", answer_id(wrong)).stdout.decode()
    assert "data=body" in shown and "the body was signed as JSON without white space" in shown.splitlines()[0]
    fact, failures, successes = first_fact(proxy)
    assert_laid_on_the_clients_signature(fact, failures, successes)
    assert "body-form" in names_beside(fact)
    assert "(json-compact)" in mock_said(state_dir, answer_id(wrong))


def mock_said(state_dir, number):
    """The mock's own reason, which stands in what came back; no Countersign- field but the proxy's own goes on."""
    recorded, = [one for one in store.exchanges(state_dir) if one.id == number]
    return recorded.upstream_response.decode()


# 4
def test_an_empty_post_is_signed_as_nothing_and_sent_as_braces_or_the_other_way_round(practise, account):
    proxy = practise(mode="observe")
    with bot_of(proxy, account) as bot:
        as_nothing, as_braces = bot.post(BALANCES, b"", data=b"{}"), bot.post(BALANCES, b"{}")
        assert code_of(bot.post(BALANCES, b"{}", data=b"{}")) == 0
    assert [code_of(answer) for answer in (as_nothing, as_braces)] == [3005, 3005]
    assert verify(proxy, as_nothing) == ("body-left-out",)
    assert verify(proxy, as_braces) == ("body-braces",)


# 5
@pytest.mark.parametrize("name, pasted, place", [
    ("COINSTORE_API_SECRET", "{}\n", "1 line feed at the end"), ("COINSTORE_API_SECRET", " {}", "1 blank at the start"),
    ("COINSTORE_API_KEY", "{}\t", "1 tab at the end"), ("COINSTORE_API_KEY", "\ufeff{} ", "1 byte order mark at the start"),
])
def test_white_space_is_pasted_around_the_key_or_the_secret(launch, configure, env, account, name, pasted, place):
    hidden = env[name]
    changed = {**env, name: pasted.format(hidden)}
    proxy = launch(env_changes={name: changed[name]})
    assert proxy.wait() == 2
    assert place in proxy.output() and name in proxy.output()
    done = run("doctor", "-c", configure(), "--json", "--offline", env=changed)
    found = Diagnosis(done).names("key-white-space")
    assert place in found.output
    for output in (proxy.output(), found.output):
        assert account.secret not in output and account.key not in output


def test_a_bot_of_its_own_signs_with_white_space_behind_the_secret(practise, account):
    proxy = practise(mode="observe")
    expected = {"\n": "secret-newline", "\r\n": "secret-crlf", " ": "secret-blank-behind", "\t": "secret-tab"}
    for pasted, recipe in expected.items():
        with bot_of(proxy, account, secret=account.secret + pasted) as bot:
            answer = bot.post(BALANCES, b"{}", data=b"{}")
        assert code_of(answer) == 3005
        assert verify(proxy, answer) == (recipe,)


# 6
def test_timestamp_and_expires_are_taken_at_two_moments(practise, account):
    """The order's timestamp is of the window before, and the window is taken from it."""
    proxy = practise(mode="observe")
    with bot_of(proxy, account) as bot:
        def place(number, late_ms):
            expires = now_ms()
            body = body_of({**ORDER, "timestamp": expires - late_ms, "clOrdId": f"two-{number}-{late_ms}"})
            fields = bot.fields(body, expires, window_of=expires - late_ms)
            return bot.session.post(bot.base + PLACE, data=body, headers=fields, timeout=DEADLINE_S)
        answers = [(place(number, 45_000), place(number, 0)) for number in range(TIMES)]
    late, at_once = answers[-1]
    assert {(code_of(one), code_of(other)) for one, other in answers} == {(3005, 0)}
    assert verify(proxy, late) == ("window-of-timestamp",)
    assert verify(proxy, at_once, code=0) == ()
    fact, failures, successes = first_fact(proxy)
    assert_laid_on_the_clients_signature(fact, failures, successes)
    assert "timestamp-distance" in names_beside(fact)


# 7
def test_failures_that_come_as_http_200_are_no_successes(practise):
    """Half of the orders fail; a bot that looks at the status alone books all of them."""
    proxy = practise("--fail", f"{PLACE}=1401:50%")
    with proxy.client() as client:
        answers = [client.request("POST", PLACE, JSON, body_of({**ORDER, "clOrdId": f"phantom-{number}"}))
                   for number in range(40)]
    booked = [answer for answer in answers if answer.status == 200]
    phantoms = [answer for answer in booked if code_of(answer) != 0]
    assert (len(booked), 0 < len(phantoms) < 40) == (40, True)
    assert {answer.outcome for answer in phantoms} == {"api_error 1401"}
    assert {answer.outcome for answer in answers if answer not in phantoms} == {"ok"}
    proxy.record(answers[-1].id)
    found = proxy.log("--outcome", "api_error", "-n", 100)
    assert [(row["id"], row["status"], row["apiCode"]) for row in found] == [
        (answer.id, 200, "1401") for answer in phantoms]
    listed = proxy.command("log", "ls", "-n", 100).stdout.decode().splitlines()
    assert sum("api_error" in line and "1401" in line for line in listed) == len(phantoms)


# 8
def test_market_orders_work_and_limit_orders_answer_1401_with_the_same_key(start, upstream):
    """An exchange that refuses by the order's type is the tests' own: the mock's switches choose paths."""
    upstream.script(PLACE, refuses_where(lambda request, _: json.loads(request.body)["ordType"] == "LIMIT"))
    proxy = start()
    market = {"symbol": "BTCUSDT", "side": "BUY", "ordType": "MARKET", "ordAmt": "10"}
    orders = interleaved(("bot", "POST", PLACE, JSON, body_of(ORDER)), ("bot", "POST", PLACE, JSON, body_of(market)), TIMES)
    assert ask(proxy, orders) == (TIMES, TIMES)
    fact, failures, successes = first_fact(proxy)
    assert (fact["name"], failures, successes) == (
        "order-type", {"with ordType LIMIT": TIMES}, {"with ordType MARKET": TIMES})
    one, other = fact["pair"]
    assert f"compare: countersign log diff -c {proxy.config_file} {one} {other}\n" in why(proxy)
    done = proxy.command("log", "diff", one, other)
    assert done.returncode == 1
    shown = done.stdout.decode()
    types = [line for line in shown.splitlines() if "$.ordType" in line]
    assert types and "LIMIT" in shown and "MARKET" in shown, shown
    assert "1401" in shown and "unauthorized" in shown, shown


# 9
def test_a_public_endpoint_fails_with_signature_fields_and_works_without(start, upstream, account):
    """The mock takes public calls either way; an exchange that does not is the tests' own."""
    upstream.script(DEPTH, refuses_where(lambda request, _: request.field("X-CS-SIGN") is not None))
    proxy = start({"listener bot": OBSERVE, "listener signs": listener()})
    with bot_of(proxy, account) as bot:
        signed = [tuple(field) for field in bot.fields(b"").items()]
    calls = interleaved(("bot", "GET", DEPTH, signed, None), ("bot", "GET", DEPTH, (), None), TIMES)
    assert ask(proxy, calls) == (TIMES, TIMES)
    fact, failures, successes = first_fact(proxy)
    assert (fact["name"], failures, successes) == ("signed", {"signed by the client": TIMES}, {"not signed": TIMES})
    assert "public calls unsigned" in fact["next"]
    assert ask(proxy, [("signs", "GET", DEPTH, signed, None)]) == (0, 1), "the proxy leaves the fields out by itself"


# 10
class Recorder(Peer):
    """Stands on the way to an exchange, passes every byte on, and keeps it."""

    def __init__(self, port):
        self.onward_port = port
        self.asked, self.answered = bytearray(), bytearray()
        super().__init__()

    def _serve(self, sock):
        with sock, socket.create_connection(("127.0.0.1", self.onward_port)) as onward:
            back = threading.Thread(target=relay, args=(Tapped(onward, self.answered), sock), daemon=True)
            back.start()
            relay(Tapped(sock, self.asked), onward)
            back.join()


class Tapped:
    """A socket whose received bytes are kept."""

    def __init__(self, sock, kept):
        self.sock, self.kept = sock, kept

    def recv(self, size):
        data = self.sock.recv(size)
        self.kept += data
        return data


@pytest.mark.once
def test_the_raw_request_and_the_raw_answer_are_on_record(start, launch_mock, account):
    mock = launch_mock("--fail", f"{PLACE}=1401:50%")
    with Recorder(int(mock.address.rpartition(":")[2])) as way:
        proxy = start({"upstream spot": {"url": f"http://127.0.0.1:{way.port}", "ca_file": ""}})
        for number in range(8):
            body = json.dumps({**ORDER, "clOrdId": f"raw-{number}", "ordPrice": 100.0}, indent=number % 3).encode()
            way.asked.clear()
            way.answered.clear()
            answer = proxy.request("POST", f"{PLACE}?n=%2f{number}", JSON, body)
            asked, answered = (proxy.view(answer.id, f"upstream-{name}") for name in ("request", "response"))
            assert bytes(way.asked).replace(account.key.encode(), account.masked.encode()) == asked
            assert asked.endswith(b"\r\n\r\n" + body)
            assert bytes(way.answered) == answered
            assert answer.body == answered.partition(b"\r\n\r\n")[2]
            assert proxy.record(answer.id)["outcome"] == ("ok" if code_of(answer) == 0 else "api_error")
    outcomes = {row["outcome"] for row in proxy.log()}
    assert outcomes == {"ok", "api_error"}
    compared = proxy.command("log", "diff", "last:api_error", "last:ok")
    assert compared.returncode == 1 and b"1401" in compared.stdout
