"""Pace: never more requests leave than the exchange allows, and hardly less; who waits, in which order, and who is refused."""
import json
import os
import re
import secrets
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

import program
from pace_judge import CountingExchange, most_in, share_of_allowed
from program import poll, write_config
from rawhttp import Client, build_request, connect
from upstream import SUCCESS, closes_without_answer, http_answer, sends, succeeds

JSON = [("Content-Type", "application/json")]
READ, ORDER, CANCEL = "/api/trade/order/active", "/api/trade/order/place", "/api/trade/order/cancel"
PUBLIC = "/api/v1/market/tickers"

pytestmark = pytest.mark.timeout(120)


@pytest.fixture
def counting():
    with CountingExchange() as exchange:
        yield exchange


@pytest.fixture
def several(sections, account, upstream):
    """Adds accounts with keys of their own, each with a listener; returns the environment and the keys by listener. The
    exchange answers whatever their signatures are: it knows one account alone."""
    for path in (READ, ORDER, CANCEL):
        upstream.script(path, succeeds)

    def add(*names, keys=None):
        environment, found = {}, {"bot": account.key}
        for name in names:
            found[name], variable = secrets.token_hex(16), name.upper()
            environment.update({f"{variable}_KEY": found[name], f"{variable}_SECRET": secrets.token_hex(16)})
            sections[f"account {name}"] = {"api_key": f"env:{variable}_KEY", "api_secret": f"env:{variable}_SECRET",
                                           **(keys or {})}
            sections[f"listener {name}"] = {"listen": "127.0.0.1:0", "upstream": "spot", "account": name}
        return environment, found
    return add


def paced(rate="off", ip_rate="off", **proxy):
    """The changes to the configuration."""
    return {"proxy": {"pace": "queue", **proxy}, "account main": {"rate": rate}, "upstream spot": {"ip_rate": ip_rate}}


def post(proxy, path, body=b"{}", listener="bot"):
    with proxy.client(listener) as client:
        return client.request("POST", path, JSON, body)


def get(proxy, path=READ, listener="bot"):
    with proxy.client(listener) as client:
        return client.request("GET", path)


def metrics(proxy):
    """Sums of all listeners' samples, by the sample's name."""
    address = proxy.wait_for_event("admin")["address"]
    with Client(connect(address)) as client:
        text = client.request("GET", "/metrics").body.decode()
    found = {}
    for name, number in re.findall(r"^(countersign_pace_\w+)(?:\{[^}]*\})? (\S+)$", text, re.M):
        found[name] = found.get(name, 0) + float(number)
    return found


def wait_until_waiting(proxy, count):
    poll(f"{count} wait for a turn", lambda: metrics(proxy)["countersign_pace_waiting"] == count)


class Asked:
    """Requests that are under way, each on a thread and a connection of its own, begun one after the other."""

    def __init__(self, proxy):
        self.proxy = proxy
        self.pool = ThreadPoolExecutor(32)
        self.count = 0

    def ask(self, ask, *arguments, **options):
        """Begins one that has to wait, and returns once it does."""
        future = self.pool.submit(ask, self.proxy, *arguments, **options)
        self.count += 1
        wait_until_waiting(self.proxy, self.count)
        return future


def hammer(proxy, listeners, ends_at, clients):
    """Requests without a pause from `clients` connections until then."""
    def run(number):
        with proxy.client(listeners[number % len(listeners)]) as client:
            statuses = []
            while time.monotonic() < ends_at:
                answer = client.request("POST", ORDER, JSON, b"{}") if number % 3 else client.request("GET", READ)
                statuses.append(answer.status)
        return statuses
    with ThreadPoolExecutor(clients) as pool:
        return [status for part in pool.map(run, range(clients)) for status in part]


# --- never more, hardly less ---

@pytest.mark.once
def test_the_exchange_s_own_limits_are_kept_to_and_made_use_of(start, counting, several):
    environment, keys = several("second", "third")
    proxy = start({"proxy": {"pace": "queue", "pace_wait": "10s", "workers": 2}, "upstream spot": {"url": counting.url}},
                  env_changes=environment)
    answered = hammer(proxy, list(keys), time.monotonic() + 9.2, 18)
    assert set(answered) == {200}
    assert len(counting.of()) == len(answered)
    for key in keys.values():
        assert most_in(counting.of(key), 3) <= 120
    assert most_in(counting.of(), 3) <= 300
    assert share_of_allowed(counting.of(), 300, 3) >= 0.95


@pytest.mark.concurrent
def test_limits_hold_between_many_accounts_and_workers(start, counting, several):
    environment, keys = several("second", "third", keys={"rate": "25/300ms"})
    changes = paced("25/300ms", "60/300ms", pace_wait="20s", workers=3)
    proxy = start({**changes, "upstream spot": {**changes["upstream spot"], "url": counting.url}}, env_changes=environment)
    answered = hammer(proxy, list(keys), time.monotonic() + 3, 24)
    assert set(answered) == {200} and len(counting.of()) == len(answered) > 120
    for key in keys.values():
        assert most_in(counting.of(key), 0.3) <= 25
    assert most_in(counting.of(), 0.3) <= 60


@pytest.mark.both
def test_one_account_at_one_worker_never_goes_beyond_its_rate(start, counting):
    changes = paced("20/500ms", pace_wait="10s")
    proxy = start({**changes, "upstream spot": {**changes["upstream spot"], "url": counting.url}})
    hammer(proxy, ["bot"], time.monotonic() + 2, 16)
    assert most_in(counting.of(), 0.5) <= 20 < len(counting.of())


# --- who goes first ---

@pytest.mark.both
def test_cancels_go_before_orders_and_orders_before_reads_and_none_holds_a_connection(start, upstream):
    proxy = start(paced("1/300ms", pace_wait="30s", admin="127.0.0.1:0"))
    assert get(proxy, READ + "?n=first").status == 200
    asked = Asked(proxy)
    futures = [asked.ask(*request) for request in [
        (get, READ + "?n=1"), (post, ORDER, b'{"n":1}'), (post, CANCEL, b'{"n":1}'),
        (get, READ + "?n=2"), (post, ORDER, b'{"n":2}'), (post, CANCEL, b'{"n":2}')]]
    assert {future.result().status for future in futures} == {200}
    assert [(request.path, request.body or request.target[-1:].encode()) for request in upstream.requests()[1:]] == [
        (CANCEL, b'{"n":1}'), (CANCEL, b'{"n":2}'), (ORDER, b'{"n":1}'), (ORDER, b'{"n":2}'), (READ, b"1"), (READ, b"2")]
    assert len(upstream.connections) == 1


@pytest.mark.both
def test_who_waits_for_its_own_account_keeps_nobody_else_waiting(start, upstream, several):
    environment, _ = several("second")
    proxy = start(paced("1/1s", "100/1s", pace_wait="5s", admin="127.0.0.1:0"), env_changes=environment)
    assert get(proxy).status == 200
    waiting = Asked(proxy).ask(post, CANCEL)
    others = [get(proxy, listener="second") for _ in range(5)]
    assert all(answer.status == 200 and answer.field("Countersign-Waited") is None for answer in others)
    assert [request.path for request in upstream.requests()] == 6 * [READ]
    assert waiting.result().status == 200


@pytest.mark.both
def test_public_requests_count_for_the_address_alone(start, upstream):
    proxy = start(paced("1/10s", "3/10s", pace="reject"))
    assert [get(proxy, path).status for path in (READ, READ, PUBLIC, PUBLIC, PUBLIC)] == [200, 429, 200, 200, 429]
    assert len(upstream.requests()) == 3


def test_upstreams_that_leave_from_one_address_share_its_rate(start, upstream, sections):
    for name, own in (("twin", {}), ("apart", {"bind_address": "127.0.0.1"})):
        sections[f"upstream {name}"] = {**sections["upstream spot"], "ip_rate": "4/10s", **own}
        sections[f"listener {name}"] = {"listen": "127.0.0.1:0", "upstream": name, "account": "main"}
    proxy = start(paced("off", "4/10s", pace="reject"))
    statuses = [get(proxy, listener=name).status for name in ("bot", "twin", "bot", "twin", "bot", "twin")]
    assert statuses == [200, 200, 200, 200, 429, 429]
    assert [get(proxy, listener="apart").status for _ in range(5)] == [200, 200, 200, 200, 429]
    assert len(upstream.requests()) == 8


# --- waiting, and refusing ---

@pytest.mark.both
def test_the_signature_s_time_is_that_of_leaving_and_the_wait_is_told(start, upstream):
    proxy = start(paced("1/700ms"))
    assert get(proxy).field("Countersign-Waited") is None
    asked_ms = time.time_ns() // 1_000_000
    answer = post(proxy, ORDER)
    waited_ms = int(answer.field("Countersign-Waited"))
    request = upstream.requests()[1]
    assert answer.status == 200 and 400 <= waited_ms <= 5000
    assert request.expires - asked_ms >= 400
    assert request.arrived_ms - request.expires < request.arrived_ms - asked_ms - 300
    record = proxy.record(answer.id)
    assert 0 <= waited_ms * 1000 - record["times"]["waitedUs"] < 1000
    assert re.search(r"waited +\d\.\d{3} s for its turn", proxy.command("log", "show", answer.id).stdout.decode())


@pytest.mark.both
def test_what_could_not_leave_in_time_is_refused_at_once_and_nothing_is_sent(start, upstream):
    proxy = start(paced("1/2s", pace_wait="200ms"))
    assert get(proxy).status == 200
    answer = post(proxy, ORDER)
    assert (answer.status, answer.error, answer.outcome) == (429, "pace", "refused")
    assert answer.json()["code"] == 429 and "rate = 1/2s" in answer.json()["message"]
    assert answer.field("Countersign-Waited") is None
    assert answer.field("Retry-After") in ("2", "3")
    record = proxy.record(answer.id)
    assert (record["outcome"], record["error"], record["times"]["waitedUs"]) == ("refused", "pace", None)
    assert len(upstream.requests()) == 1
    time.sleep(int(answer.field("Retry-After")))
    assert post(proxy, ORDER).status == 200


@pytest.mark.both
def test_who_waited_in_vain_is_refused_behind_pace_wait(start, upstream, several):
    environment, _ = several("second")
    proxy = start(paced("off", "1/2s", pace_wait="3s", admin="127.0.0.1:0"), env_changes=environment)
    assert get(proxy).status == 200
    asked = Asked(proxy)
    read = asked.ask(get, listener="second")  # would have the next turn
    cancel = asked.ask(post, CANCEL)          # but for this one
    answer = read.result()
    assert (answer.status, answer.error) == (429, "pace") and "ip_rate = 1/2s" in answer.json()["message"]
    assert 3000 <= int(answer.field("Countersign-Waited")) < 10_000
    assert int(answer.field("Retry-After")) in (1, 2)
    assert cancel.result().status == 200
    assert [request.path for request in upstream.requests()] == [READ, CANCEL]
    assert metrics(proxy) == {**metrics(proxy), "countersign_pace_waits_total": 2, "countersign_pace_waiting": 0,
                              "countersign_pace_wait_seconds_count": 2, "countersign_pace_refused_total": 1,
                              "countersign_pace_pauses_total": 0}
    assert metrics(proxy)["countersign_pace_wait_seconds_sum"] > 4


@pytest.mark.both
def test_reject_lets_nobody_wait(start, upstream):
    proxy = start(paced("3/1s", pace="reject"))
    answers = [get(proxy) for _ in range(6)]
    assert [answer.status for answer in answers] == [200, 200, 200, 429, 429, 429]
    assert len(upstream.requests()) == 3
    time.sleep(int(answers[3].field("Retry-After")))
    assert get(proxy).status == 200


def test_a_client_that_leaves_while_it_waits_is_asked_for_all_the_same(start, upstream):
    proxy = start(paced("1/500ms", admin="127.0.0.1:0"))
    assert get(proxy).status == 200
    with proxy.client() as client:
        client.send(build_request("POST", ORDER, JSON, b"{}"))
        wait_until_waiting(proxy, 1)
    poll("it has arrived", lambda: len(upstream.requests()) == 2)
    record = proxy.record(2)
    assert record["outcome"] == "ok" and not record["delivered"] and record["times"]["waitedUs"] > 0


@pytest.mark.both
def test_an_order_that_waits_when_trading_is_stopped_is_not_sent(start, upstream):
    proxy = start(paced("1/1s", pace_wait="5s", admin="127.0.0.1:0"))
    assert get(proxy).status == 200
    asked = Asked(proxy)
    order, cancel = asked.ask(post, ORDER), asked.ask(post, CANCEL)
    assert proxy.command("stop-trading", "--reason", "drill").returncode == 0
    assert (order.result().status, order.result().error) == (403, "trading-stopped")
    assert cancel.result().status == 200
    assert [request.path for request in upstream.requests()] == [READ, CANCEL]


@pytest.mark.both
def test_the_drain_waits_for_turns_and_gives_up_at_its_end(start, upstream):
    proxy = start(paced("1/1s", pace_wait="30s", drain="1500ms", admin="127.0.0.1:0"))
    assert get(proxy).status == 200
    asked = Asked(proxy)
    first, second = asked.ask(post, ORDER), asked.ask(post, ORDER)
    proxy.stop()
    assert first.result().status == 200
    assert (second.result().status, second.result().outcome) == (503, "not_sent")
    assert len(upstream.requests()) == 2


@pytest.mark.parametrize("allowed, outcome", [(2, "unknown"), (3, "ok")])
@pytest.mark.parametrize("rates", [("{}/10s", "off"), ("off", "{}/10s")], ids=["account", "address"])
def test_a_lost_read_is_asked_for_again_only_with_a_turn_of_its_own(start, upstream, rates, allowed, outcome):
    """The exchange counts both."""
    upstream.script(READ, succeeds, closes_without_answer, succeeds)
    proxy = start(paced(*(rate.format(allowed) for rate in rates), pace="reject"))
    assert get(proxy).outcome == "ok"
    answer = get(proxy)
    assert answer.outcome == outcome
    assert proxy.record(answer.id)["attempts"] == allowed - 1
    assert get(proxy).status == 429
    assert len(upstream.requests()) == allowed


def test_without_pace_nothing_is_slowed(start, upstream):
    upstream.script(READ, sends(http_answer(b'{"code":"429","message":"too many visits"}', "429 Too Many Requests",
                                            [("Retry-After", "30")])), succeeds)
    proxy = start(paced("1/10s", "1/10s", pace="off"))
    assert [get(proxy).status for _ in range(4)] == [429, 200, 200, 200]


def test_a_dry_run_takes_no_turn(start):
    changes = paced("1/10s", "1/10s", pace="reject")
    proxy = start({**changes, "listener bot": {"mode": "dry-run"}})
    assert [post(proxy, ORDER).outcome for _ in range(3)] == 3 * ["dry_run"]


# --- the exchange says that there were too many ---

@pytest.mark.both
@pytest.mark.parametrize("answer, pause_s", [
    (http_answer(b'{"code":"429","message":"too many visits"}', "429 Too Many Requests", [("Retry-After", "1")]), 1),
    (http_answer(b'{"code":429,"message":"too many visits","data":null}'), 0.5),
], ids=["a status, and how long", "a code in an answer 200"])
def test_a_429_keeps_everything_back_until_it_is_past(start, upstream, several, answer, pause_s):
    environment, _ = several("second", keys={"rate": "50/1500ms"})
    upstream.script(ORDER, sends(answer), succeeds)
    proxy = start(paced("50/1500ms", "100/1500ms", admin="127.0.0.1:0"), env_changes=environment)
    told = post(proxy, ORDER)
    assert told.status == int(answer.split()[1])
    told_at = time.time_ns() // 1_000_000
    with ThreadPoolExecutor(2) as pool:  # it does not say whether the account or the address was meant
        answers = [future.result() for future in [pool.submit(get, proxy), pool.submit(get, proxy, listener="second")]]
    assert [other.status for other in answers] == [200, 200]
    assert len(upstream.requests()) == 3, "it was sent again"
    assert all(request.arrived_ms - told_at >= pause_s * 1000 - 100 for request in upstream.requests()[1:])
    assert get(proxy).field("Countersign-Waited") is None
    event, = proxy.events("too-many-requests")
    assert event["level"] == "warning" and event["id"] == told.id and "rate" in event["message"]
    assert metrics(proxy)["countersign_pace_pauses_total"] == 1


def test_during_a_pause_that_is_longer_than_pace_wait_requests_are_refused_at_once(start, upstream):
    upstream.script(ORDER, sends(http_answer(SUCCESS, "429 Too Many Requests", [("Retry-After", "30")])))
    proxy = start(paced("50/1s"))
    assert post(proxy, ORDER).status == 429
    answer = get(proxy)
    assert (answer.status, answer.error) == (429, "pace") and 28 <= int(answer.field("Retry-After")) <= 30
    assert "answered 429" in answer.json()["message"] and answer.field("Countersign-Waited") is None


# --- from one life, and one configuration, to the next ---

@pytest.mark.both
def test_what_a_killed_proxy_sent_counts_for_the_next(start, counting):
    changes = paced("10/3s", "11/3s", pace_wait="10s")
    changes["upstream spot"].update(url=counting.url, warm=1)  # the HEAD / that opens it counts for the address
    first = start(changes)
    with first.client() as client:
        assert [client.request("POST", ORDER, JSON, b"{}").status for _ in range(10)] == 10 * [200]
    os.kill(first.proxy_pid, signal.SIGKILL)
    first.wait()
    second = start(changes)
    answers = [post(second, ORDER) for _ in range(3)]
    assert [answer.status for answer in answers] == 3 * [200] and answers[0].field("Countersign-Waited")
    assert most_in(counting.of(), 3) <= 11
    assert most_in([moment for key in counting.arrivals if key for moment in counting.of(key)], 3) <= 10


def test_a_configuration_that_is_read_again_keeps_the_counts_and_takes_the_new_rate(start, upstream, sections, tmp_path):
    proxy = start(paced("5/20s", pace="reject"))
    assert [get(proxy).status for _ in range(6)] == 5 * [200] + [429]
    for rate, statuses in (("5/20s", [429]), ("8/20s", [200, 200, 200, 429]), ("off", 5 * [200]), ("9/20s", [429])):
        changes = paced(rate, pace="reject")
        merged = {name: {**keys, **changes.get(name, {})} for name, keys in sections.items()}
        write_config(tmp_path / "fresh.ini", merged).rename(tmp_path / "countersign.ini")
        seen = len(proxy.events("configuration-reloaded"))
        proxy.signal(signal.SIGHUP)
        poll("it is in force", lambda seen=seen: len(proxy.events("configuration-reloaded")) > seen)
        assert [get(proxy).status for _ in statuses] == statuses
    assert len(upstream.requests()) == 13
    assert not proxy.events("needs-restart")


def test_what_waits_goes_as_soon_as_a_new_rate_lets_it(start, upstream, sections, tmp_path):
    proxy = start(paced("1/30s", pace_wait="60s", admin="127.0.0.1:0"))
    assert get(proxy).status == 200
    waiting = Asked(proxy).ask(post, ORDER)
    changes = paced("2/30s", pace_wait="60s", admin="127.0.0.1:0")
    merged = {name: {**keys, **changes.get(name, {})} for name, keys in sections.items()}
    write_config(tmp_path / "fresh.ini", merged).rename(tmp_path / "countersign.ini")
    proxy.signal(signal.SIGHUP)
    assert waiting.result(program.DEADLINE_S).status == 200
    assert len(upstream.requests()) == 2


def test_rates_that_cannot_be_are_told_with_their_line(tmp_path, env):
    path = write_config(tmp_path / "wrong.ini", {"account main": {"rate": "120"}, "upstream spot": {"ip_rate": "300/hour"}})
    done = program.run("config", "check", "-c", path, env=env)
    assert done.returncode == 2
    for line, key, text in ((2, "[account main] rate", "120"), (5, "[upstream spot] ip_rate", "300/hour")):
        assert f"wrong.ini:{line}: {key}: expected COUNT/TIME" in done.stderr.decode() and f'"{text}"' in done.stderr.decode()
    shown = program.run("config", "show", env=env).stdout.decode()
    for setting in ("rate = 120/3s", "ip_rate = 300/3s", "pace = queue", "pace_wait = 2s"):
        assert f"\n{setting}\n" in shown
