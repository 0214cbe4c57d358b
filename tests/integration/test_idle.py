"""A proxy that has nothing to do does nothing: no timer runs but those of the windows' keys, one for each 30 s and account."""
import re
import time
from pathlib import Path

import pytest

import wakeups
from load import PLACE
from program import poll
from rawhttp import DEADLINE_S
from usage import KIB, MIB, own_memory

TICKERS = "/api/v1/market/tickers"
STRETCH_S = 10  # a window may turn in it: the signer's client asks for the next key, and the signer gives it
WOKEN_MAX = 8   # in all threads of all three processes together; a timer of one second alone would be ten


def is_quiet(pids, seen):
    """Whether a whole stretch has passed with next to nothing; notes what was woken."""
    before = wakeups.of_threads(pids)
    time.sleep(STRETCH_S)
    seen.append(wakeups.since(before, pids))
    return sum(seen[-1].values()) <= WOKEN_MAX


def assert_comes_to_rest(proxy):
    seen, pids = [], (proxy.pid, proxy.signer_pid, proxy.proxy_pid)
    for _ in range(DEADLINE_S // STRETCH_S):
        if is_quiet(pids, seen):
            return
    raise AssertionError(f"woken in each {STRETCH_S} s, by process and thread: {seen}")


@pytest.mark.slow
def test_nothing_wakes_where_nothing_has_come_yet(start):
    assert_comes_to_rest(start({"proxy": {"admin": "127.0.0.1:0"}, "upstream spot": {"warm": 2}}))


@pytest.mark.slow
def test_nothing_wakes_once_requests_have_been_answered_recorded_and_learned(start):
    proxy = start({"proxy": {"admin": "127.0.0.1:0", "pace": "queue"}, "upstream spot": {"warm": 2},
                   "listener bot": {"learn": "yes"}, "capture": {"keep_days": 30, "keep_count": 1000}})
    with proxy.client() as client:  # which stays: a bot that waits for its market
        for number in range(20):
            assert client.request("POST", PLACE, [], b'{"n":%d}' % number).status == 200
            assert client.request("GET", TICKERS).status == 200
        proxy.record(40)
        assert_comes_to_rest(proxy)


@pytest.mark.slow
def test_what_was_learned_after_a_rest_is_kept_as_well(start, state_dir):
    proxy = start({"listener bot": {"learn": "yes"}})
    file = state_dir / "learned-0"
    for path in ("/api/v1/market/tickers", "/api/v1/ticker/price"):
        assert proxy.request("GET", path).status == 200
        poll(f"{path} is in {file}", lambda path=path: file.exists() and path in file.read_text())


# --- memory ---

def resident(pid):
    """Bytes of a process that are in memory, shared ones included."""
    text = Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"^VmRSS:\s+(\d+) kB$", text, re.M)[1]) * KIB


@pytest.mark.once
def test_both_processes_together_take_less_than_16_mib_of_memory_before_requests_come(start):
    proxy = start({"upstream spot": {"warm": 2}})
    poll("what the start alone needed is let go",
         lambda: resident(proxy.signer_pid) + resident(proxy.proxy_pid) < 16 * MIB)


@pytest.mark.once
@pytest.mark.slow
def test_what_requests_have_left_in_memory_is_let_go_once_none_comes_for_ten_seconds(start, upstream):
    """When connections to the exchange are replaced, here because it ends them."""
    proxy = start({"upstream spot": {"warm": 2}})
    with proxy.client() as client:
        for number in range(200):
            assert client.request("POST", PLACE, [], b'{"n":%d}' % number).status == 200
        proxy.record(200)
        time.sleep(3)  # what the journal and the store took goes back a second behind the last request
        seen = []

        def is_let_go():
            upstream.close_connections()
            time.sleep(2)  # longer than those live that the exchange does not seem to want
            seen.append(resident(proxy.proxy_pid))
            return seen[-1] < max(seen) - 2 * MIB
        poll("it is let go", is_let_go, 30)
        assert resident(proxy.signer_pid) + resident(proxy.proxy_pid) < 16 * MIB
        assert client.request("POST", PLACE, [], b"{}").status == 200


@pytest.mark.once
def test_the_recorder_touches_none_of_its_memory_before_there_is_something_to_remember(start):
    proxy = start({"upstream spot": {"warm": 2}})
    assert proxy.request("POST", PLACE, [], b"{}").status == 200
    proxy.record(1)
    assert own_memory(proxy.proxy_pid) < 5.5 * MIB
