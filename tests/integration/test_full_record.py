"""A record without room, here because another program holds the store: requests are refused, or go out unrecorded, as
capture.when_full says; and it recovers by itself. What was recorded before and after is whole."""
import os
import signal

import pytest

from program import poll
from store import held

PLACE = "/api/trade/order/place"
# The smallest ring, and bodies of which some dozens fill it.
SMALL = {"proxy": {"body_max": "64KiB"}, "capture": {"ring_size": "4MiB"}}
DROP = {**SMALL, "capture": {**SMALL["capture"], "when_full": "drop"}}


def order(number):
    return b'{"n":%d,"filler":"%s"}' % (number, b"x" * 60000)


def place(client, number):
    return client.request("POST", f"{PLACE}?n={number}", [], order(number))


def place_until(client, is_reached, first=0):
    """Orders one after the other until one's answer is as wanted: all answers, that one the last."""
    answers = []
    while not answers or not is_reached(answers[-1]):
        assert len(answers) < 500, "the record never got full"
        answers.append(place(client, first + len(answers)))
    return answers


def is_dropped(answer):
    return answer.field("Countersign-Record") == "dropped"


def assert_whole(proxy, upstream, answer, number):
    """The record of this answer holds every byte of the exchange."""
    sent = next(request for request in upstream.requests(PLACE) if request.target == f"{PLACE}?n={number}")
    assert proxy.view(answer.id, "client-request").endswith(b"\r\n\r\n" + order(number))
    assert proxy.view(answer.id, "upstream-request").endswith(b"\r\n\r\n" + sent.body)
    assert proxy.view(answer.id, "client-response") == answer.raw
    assert proxy.record(answer.id)["outcome"] == "ok"


def warnings(proxy, words):
    return [line for line in proxy.lines if '"warning"' in line and words in line]


def test_a_full_record_refuses_with_503_and_recovers_by_itself(start, upstream, state_dir):
    proxy = start(SMALL)
    with proxy.client() as client:
        with held(state_dir):
            before = place_until(client, lambda answer: answer.status != 200)
            refused = before.pop()
            assert (refused.status, refused.error, refused.outcome) == (503, "record-full", "refused")
            assert refused.field("Retry-After") == "1"
            assert "nothing was sent" in refused.json()["message"]
        assert len(upstream.requests()) == len(before), "nothing of what was refused was sent"
        after = poll("it recovers", lambda: (answer := place(client, 1000)).status == 200 and answer)
    for number in (0, len(before) - 1):
        assert_whole(proxy, upstream, before[number], number)
    assert_whole(proxy, upstream, after, 1000)
    assert {entry["id"] for entry in proxy.log("--limit", "1000")} >= {answer.id for answer in [*before, after]}


@pytest.mark.parametrize("durability", ["process", "power"])
def test_with_drop_requests_go_out_unrecorded_and_are_counted(start, upstream, state_dir, durability):
    proxy = start({**DROP, "capture": {**DROP["capture"], "durability": durability}})
    with proxy.client() as client:
        with held(state_dir):
            before = place_until(client, is_dropped)
            dropped = [before.pop()] + [place(client, 500 + number) for number in range(5)]
            assert all(is_dropped(answer) and answer.status == 200 for answer in dropped)
        after = poll("it recovers", lambda: not is_dropped(answer := place(client, 1000)) and answer)
        poll("it says so", lambda: place(client, 2000) and warnings(proxy, "went unrecorded"))
    assert all(not is_dropped(answer) and answer.status == 200 for answer in before)
    assert len({request.target for request in upstream.requests(PLACE)}) == len(before) + 6 + 2
    for number in (0, len(before) - 1):
        assert_whole(proxy, upstream, before[number], number)
    assert_whole_last(proxy, upstream, after)

    lost = [event for event in proxy.events("exchange") if event.get("record") == "dropped"]
    assert {event["id"] for event in lost} >= {answer.id for answer in dropped}
    assert all(event["level"] == "warning" and event["method"] == "POST" and event["target"].startswith(PLACE)
               and event["outcome"] == "ok" for event in lost)
    assert len(warnings(proxy, "the journal has no room")) == 1, "told once, not for each request"
    assert warnings(proxy, f"has room again: {len(lost)} requests went unrecorded")
    assert not {entry["id"] for entry in proxy.log("--limit", "1000")} & {event["id"] for event in lost}


def assert_whole_last(proxy, upstream, answer):
    """As assert_whole, for an order that was tried until it was recorded."""
    sent = [request for request in upstream.requests(PLACE) if request.target == f"{PLACE}?n=1000"][-1]
    assert proxy.view(answer.id, "upstream-request").endswith(b"\r\n\r\n" + sent.body)
    assert proxy.view(answer.id, "client-response") == answer.raw


def test_what_went_unrecorded_up_to_the_end_is_told_at_the_end(start, state_dir):
    proxy = start(DROP)
    with proxy.client() as client, held(state_dir):
        place_until(client, is_dropped)
    proxy.stop()
    assert warnings(proxy, "1 requests went unrecorded")
    assert not list(state_dir.glob("ring-*"))


def test_what_went_unrecorded_before_the_proxy_was_killed_is_told_at_the_next_start(start, state_dir):
    proxy = start(DROP)
    with proxy.client() as client, held(state_dir):
        answers = place_until(client, is_dropped)
        place(client, 500)
        os.kill(proxy.proxy_pid, signal.SIGKILL)
        proxy.wait()
    after = start(DROP)
    assert warnings(after, "let 2 requests go unrecorded")
    recorded = {entry["id"]: entry["outcome"] for entry in after.log("--limit", "1000")}
    assert recorded == {answer.id: "ok" for answer in answers[:-1]}
