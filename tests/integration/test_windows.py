"""The turn from one 30 s window to the next, in real time."""
import threading
import time

import pytest

import coinstore
from upstream import now_ms

pytestmark = pytest.mark.both

BALANCE = "/api/spot/accountList"
BEFORE_MS = 500  # how long before and after the turn requests are sent
CLIENTS = 3


def next_turn_ms():
    """The next window's first millisecond, far enough away to be ready for it."""
    return (coinstore.window(now_ms() + 2 * BEFORE_MS) + 1) * coinstore.WINDOW_MS


@pytest.mark.slow
@pytest.mark.once
def test_requests_on_both_sides_of_a_windows_turn_are_accepted(proxy, upstream):
    turn = next_turn_ms()
    answers = []

    def send_steadily():
        with proxy.client() as client:
            client.request("GET", "/api/v1/market/tickers")
            time.sleep(max(0, turn - BEFORE_MS - now_ms()) / 1000)  # the turn is a moment, not a guess
            while now_ms() < turn + BEFORE_MS:
                answers.append(client.request("POST", BALANCE, [], b"{}").json()["code"])
    senders = [threading.Thread(target=send_steadily) for _ in range(CLIENTS)]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join()

    requests = upstream.requests(BALANCE)
    assert set(answers) == {0}
    assert len(requests) == len(answers)
    assert {request.verdict for request in requests} == {coinstore.ACCEPTED}
    offsets = [request.expires - turn for request in requests]
    assert any(offset < 0 for offset in offsets) and any(offset >= 0 for offset in offsets)
    print(f"{len(offsets)} requests; nearest to the turn: {max(o for o in offsets if o < 0)} ms and "
          f"{min(o for o in offsets if o >= 0)} ms")


@pytest.mark.slow
@pytest.mark.once
def test_the_first_request_after_a_window_without_any_is_accepted(proxy, upstream):
    """The key of a window is there although nobody asked for anything in the window before."""
    turn = next_turn_ms()
    time.sleep(max(0, turn - now_ms()) / 1000)
    assert proxy.request("POST", BALANCE).json()["code"] == 0
    request = upstream.only_request()
    assert coinstore.window(request.expires) == coinstore.window(turn)
    assert request.verdict == coinstore.ACCEPTED
