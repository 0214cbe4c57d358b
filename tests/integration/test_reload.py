"""SIGHUP: the configuration is read again, whole or not at all, and no request notices but by what it says."""
import json
import os
import signal
import threading

import pytest

from program import write_config
from rawhttp import DEADLINE_S, Client, connect, field_values
from upstream import Upstream, succeeds, waits_for

pytestmark = [pytest.mark.both, pytest.mark.concurrent, pytest.mark.timeout(300)]

PLACE = "/api/trade/order/place"
CLIENTS = 24
PAUSE_S = 0.03  # between two orders of a client: the load is steady, and this interpreter keeps up with the log
RELOADS = int(os.environ.get("RELOADS", "50"))
ORDER = json.dumps({"symbol": "BTCUSDT", "side": "BUY", "ordType": "LIMIT", "ordPrice": "100", "ordQty": "1"}).encode()
JSON = [("Content-Type", "application/json")]


@pytest.fixture
def rewrite(tmp_path, sections):
    """Puts another file in the configuration's place, as editors do: by rename."""
    def put(changes=None, text=None):
        merged = {name: {**keys, **(changes or {}).get(name, {})} for name, keys in sections.items()}
        fresh = write_config(tmp_path / "fresh.ini", merged)
        if text is not None:
            fresh.write_text(text)
        fresh.rename(tmp_path / "countersign.ini")
    return put


def reload(proxy, event="configuration-reloaded"):
    """Sends SIGHUP; returns the line that says how it went."""
    seen = len(proxy.lines)

    def look():
        nonlocal seen
        for line in proxy.lines[seen:]:
            seen += 1
            if event in line and json.loads(line).get("event") == event:
                return json.loads(line)
        return None

    proxy.signal(signal.SIGHUP)
    with proxy.said:
        found = proxy.said.wait_for(look, DEADLINE_S)
    assert found, f"no {event}. Output:\n{proxy.output()}"
    return found


def place(client):
    answer = client.request("POST", PLACE, JSON, ORDER)
    return answer.status, (field_values(answer.fields, "Countersign-Error") or [""])[0]


def test_a_policy_changes_on_an_open_connection_and_the_line_says_what_changed(start, rewrite):
    proxy = start()
    with proxy.client() as client:
        assert place(client) == (200, "")
        rewrite({"listener bot": {"policy": "read-only"}})
        assert "listener bot: policy trade -> read-only" in reload(proxy)["changes"]
        assert place(client) == (403, "policy")
        rewrite({"listener bot": {"policy": "trade", "max_notional": "50"}})
        reload(proxy)
        assert place(client) == (403, "order-limit")
        rewrite()
        reload(proxy)
        assert place(client) == (200, "")


def test_a_bad_configuration_is_told_with_all_its_problems_and_the_old_one_stays(start, rewrite):
    proxy = start({"listener bot": {"policy": "read-only"}})
    rewrite(text="[listener bot]\npolicy = everything\nmode = sing\n")
    reload(proxy, "configuration-not-reloaded")
    proxy.wait_for_line("both problems", lambda line: "countersign.ini:3" in line)
    assert any("countersign.ini:2" in line for line in proxy.lines)
    with proxy.client() as client:
        assert place(client) == (403, "policy")


def test_sections_that_come_or_go_need_a_restart_and_nothing_changes(start, rewrite, sections):
    proxy = start()
    sections["listener other"] = {**sections["listener bot"], "policy": "read-only"}
    rewrite({"listener bot": {"policy": "read-only"}})
    assert "restart" in reload(proxy, "configuration-not-reloaded")["message"]
    with proxy.client() as client:
        assert place(client) == (200, "")


def test_keys_that_need_a_restart_are_named_and_stay(start, rewrite):
    proxy = start()
    rewrite({"proxy": {"workers": 2}, "upstream spot": {"timeout": "20s"}, "listener bot": {"policy": "read-only"}})
    reload(proxy)
    named = {(event["section"], event["key"]) for event in proxy.events("needs-restart")}
    assert named == {("proxy", "workers"), ("upstream spot", "timeout")}
    with proxy.client() as client:
        assert place(client) == (403, "policy")


def test_a_request_in_flight_ends_under_the_configuration_it_began_with(start, rewrite, sections, upstream, account,
                                                                           certificate_file):
    """Its policy, and the exchange that it went to."""
    with Upstream(certificate_file, account.key, account.secret) as other:
        sections["upstream other"] = {**sections["upstream spot"], "url": other.url}
        proxy = start()
        goes_on, ended = threading.Event(), []
        upstream.script(PLACE, waits_for(goes_on, succeeds))
        with proxy.client() as client, proxy.client() as second:
            thread = threading.Thread(target=lambda: ended.append(place(client)))
            thread.start()
            upstream.wait_for_requests(1, PLACE)
            rewrite({"listener bot": {"upstream": "other"}})
            reload(proxy)
            assert place(second) == (200, "")
            rewrite({"listener bot": {"policy": "read-only"}})
            reload(proxy)
            assert place(second) == (403, "policy")
            goes_on.set()
            thread.join()
            assert ended == [(200, "")]
            assert place(client) == (403, "policy")
            assert (len(upstream.requests(PLACE)), len(other.requests(PLACE))) == (1, 1)


def test_no_connection_and_no_request_is_lost_over_many_reloads(start, rewrite):
    """Each order is let through or refused for the one reason that one of the configurations has."""
    generations = [({}, (200, "")), ({"policy": "read-only"}, (403, "policy")), ({"max_notional": "50"}, (403, "order-limit"))]
    allowed = {answer for _, answer in generations}
    proxy = start({"proxy": {"workers": 2}})
    stop, wrong = threading.Event(), []

    def ask():
        try:
            with Client(connect(proxy.address())) as client:
                while not stop.wait(PAUSE_S):
                    answer = place(client)
                    if answer not in allowed:
                        wrong.append(answer)
        except Exception as failure:  # a connection that was dropped
            wrong.append(repr(failure))

    threads = [threading.Thread(target=ask) for _ in range(CLIENTS)]
    for thread in threads:
        thread.start()
    with proxy.client() as client:
        for number in range(RELOADS):
            changes, answer = generations[number % len(generations)]
            if number % 10 == 5:
                rewrite(text="[nonsense]\n")
                reload(proxy, "configuration-not-reloaded")
            rewrite({"proxy": {"workers": 2}, "listener bot": changes})
            reload(proxy)
            assert place(client) == answer
    stop.set()
    for thread in threads:
        thread.join()
    assert wrong == []
