"""The exchange's clock, learned from the Date of its answers: what is said of it, and when."""
import signal
import threading
import time
from email.utils import formatdate

import pytest

import store
from upstream import SUCCESS, http_answer, sends

pytestmark = pytest.mark.both

TICKERS = "/api/v1/market/tickers"
SECOND_US = 1_000_000


class Clock:
    """Behaviours for the upstream whose Date is this clock's."""

    def __init__(self, ahead_s, fields=()):
        self.ahead_s = ahead_s
        self.fields = list(fields)

    def __call__(self, request, wire):
        date = formatdate(time.time() + self.ahead_s, usegmt=True)
        return sends(http_answer(SUCCESS, fields=[("Date", date), *self.fields]))(request, wire)


def ask(proxy, times=1):
    with proxy.client() as client:
        for _ in range(times):
            assert client.request("GET", TICKERS).json()["code"] == 0


def all_said(proxy):
    """Every line of the clock, to the program's end."""
    proxy.stop()
    return proxy.events("clock-offset")


def assert_holds(event, ahead_s):
    """The true offset lies within what is said; a little over a second is said of one answer."""
    assert abs(event["offset_us"] - ahead_s * SECOND_US) <= event["bound_us"]
    assert event["bound_us"] < 2 * SECOND_US


def test_the_offset_is_said_once_when_it_is_first_known(proxy, upstream):
    upstream.script(TICKERS, Clock(0))
    ask(proxy, 5)
    event = proxy.wait_for_event("clock-offset", upstream="spot")
    assert_holds(event, 0)
    assert (event["level"], event["verdict"]) == ("info", "fine")
    assert len(all_said(proxy)) == 1


def test_the_warm_connections_answer_tells_the_offset_before_any_request(start, upstream):
    upstream.script("/", Clock(-7))
    proxy = start({"upstream spot": {"warm": 1}})
    event = proxy.wait_for_event("clock-offset")
    assert_holds(event, -7)
    assert upstream.requests(TICKERS) == []


@pytest.mark.parametrize("ahead_s, verdict", [(12, "off"), (-12, "off"), (45, "outside"), (-3600, "outside")])
def test_a_clock_that_is_far_off_is_warned_about_once_with_what_to_do(proxy, upstream, ahead_s, verdict):
    upstream.script(TICKERS, Clock(ahead_s))
    ask(proxy, 5)
    event = proxy.wait_for_event("clock-offset", level="warning")
    assert_holds(event, ahead_s)
    assert event["verdict"] == verdict
    assert "timedatectl" in event["message"] and "chronyc" in event["message"]
    assert ("behind" if ahead_s < 0 else "ahead of") in event["message"]
    assert len(all_said(proxy)) == 1


def test_a_step_that_fewer_than_three_answers_tell_of_is_not_believed(proxy, upstream):
    clock = Clock(0)
    upstream.script(TICKERS, clock)
    ask(proxy, 3)
    clock.ahead_s = 60
    ask(proxy, 2)
    assert [event["verdict"] for event in all_said(proxy)] == ["fine"]


@pytest.mark.parametrize("step_s", [60, -60])
def test_a_step_of_the_exchanges_clock_is_followed_once_three_answers_agree(proxy, upstream, step_s):
    clock = Clock(0)
    upstream.script(TICKERS, clock)
    ask(proxy, 3)
    clock.ahead_s = step_s
    ask(proxy, 3)
    event = proxy.wait_for_event("clock-offset", level="warning")
    assert_holds(event, step_s)
    assert event["verdict"] == "outside"


def test_one_odd_date_and_the_dates_of_caches_change_nothing(proxy, upstream):
    clock = Clock(0)
    upstream.script(TICKERS, clock)
    ask(proxy, 2)
    clock.ahead_s = -600
    ask(proxy)
    clock.ahead_s = 0
    ask(proxy, 2)
    clock.ahead_s, clock.fields = -600, [("Age", "600")]
    ask(proxy, 5)
    clock.fields = [("Date", formatdate(0, usegmt=True))]
    ask(proxy, 5)
    assert [event["verdict"] for event in all_said(proxy)] == ["fine"]


def test_answers_without_a_date_that_can_be_read_tell_nothing(proxy, upstream):
    for date in ("", "yesterday", "Sunday, 06-Nov-94 08:49:37 GMT"):
        upstream.script(TICKERS, sends(http_answer(SUCCESS, fields=[("Date", date)])))
        ask(proxy)
    assert all_said(proxy) == []


@pytest.mark.concurrent
def test_workers_share_what_they_learn(start, upstream):
    upstream.script(TICKERS, Clock(45))
    proxy = start({"proxy": {"workers": 4}})
    askers = [threading.Thread(target=ask, args=(proxy, 50)) for _ in range(8)]
    for asker in askers:
        asker.start()
    for asker in askers:
        asker.join()
    assert [event["verdict"] for event in all_said(proxy)] == ["outside"]


def test_what_is_known_outlasts_a_reload_of_which_clock_is_no_part(start, configure, upstream, state_dir):
    upstream.script(TICKERS, Clock(7))
    proxy = start()
    ask(proxy, 2)
    upstream.script(TICKERS, sends(http_answer(SUCCESS)))  # no Date any more: nothing new is learned
    configure({"account main": {"clock": "exchange"}})
    proxy.signal(signal.SIGHUP)
    proxy.wait_for_event("configuration-reloaded")
    assert proxy.wait_for_event("needs-restart")["key"] == "clock"
    ask(proxy)
    with proxy.client() as client:
        assert client.request("POST", "/api/spot/accountList", body=b"{}").json()["code"] == 0
    proxy.stop()
    first, *others = store.query(state_dir, "SELECT clock_offset_us, clock_bound_us FROM exchange ORDER BY id")
    assert first == (None, None) and len(others) == 3
    assert all(abs(offset - 7 * SECOND_US) <= bound < 2 * SECOND_US for offset, bound in others)
    signed_us, expires_ms = store.query(state_dir, "SELECT signed_us, expires_ms FROM exchange WHERE is_signed")[0]
    assert signed_us // 1000 == expires_ms  # by this machine's clock
