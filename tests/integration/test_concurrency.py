"""Many clients at once. These also run under the thread sanitizer."""
import json
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

import coinstore
from program import poll
from rawhttp import Ended
from upstream import http_answer

pytestmark = [pytest.mark.concurrent, pytest.mark.timeout(300)]

PLACE = "/api/trade/order/place"
ACTIVE = "/api/trade/order/active"
CLIENTS = 16
EACH = 200


def echoes_the_order(request, wire):
    order = json.loads(request.body)["clOrdId"]
    wire.send(http_answer(b'{"code":0,"data":{"clOrdId":"%s"}}' % order.encode()))
    return True


def all_recorded(proxy, count):
    """Every exchange that is recorded once `count` of them are."""
    def look():
        entries = proxy.log("--limit", str(count + 100))
        return entries if len(entries) >= count and all(e["outcome"] != "in_flight" for e in entries) else None
    return poll(f"{count} exchanges are recorded", look, 120)


def test_each_order_of_many_clients_arrives_once_and_gets_its_own_answer(start, upstream):
    upstream.script(PLACE, echoes_the_order)
    proxy = start({"proxy": {"workers": 2}})

    def place_orders(client_number):
        answers = []
        with proxy.client() as client:
            for number in range(EACH):
                order = f"order-{client_number}-{number}"
                answers.append((order, client.request("POST", PLACE, [], json.dumps({"clOrdId": order}).encode())))
        return answers
    with ThreadPoolExecutor(CLIENTS) as pool:
        answers = [pair for part in pool.map(place_orders, range(CLIENTS)) for pair in part]

    assert len(answers) == CLIENTS * EACH
    assert all(answer.status == 200 and answer.json()["data"]["clOrdId"] == order for order, answer in answers)
    requests = upstream.requests()
    assert sorted(json.loads(request.body)["clOrdId"] for request in requests) == sorted(order for order, _ in answers)
    assert {request.verdict for request in requests} == {coinstore.ACCEPTED}
    entries = all_recorded(proxy, len(answers))
    assert sorted(entry["id"] for entry in entries) == sorted(answer.id for _, answer in answers)
    assert {entry["outcome"] for entry in entries} == {"ok"}


def test_each_record_holds_its_own_exchange(start, upstream):
    upstream.script(PLACE, echoes_the_order)
    proxy = start({"proxy": {"workers": 2}})

    def place_order(number):
        body = json.dumps({"clOrdId": f"order-{number}"}).encode()
        return body, proxy.request("POST", PLACE, [], body)
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(place_order, range(40)))
    for body, answer in answers[::5]:
        assert proxy.view(answer.id, "client-request").endswith(body)
        assert proxy.view(answer.id, "upstream-request").endswith(body)
        assert proxy.view(answer.id, "client-response") == answer.raw


def test_requests_beside_a_slow_one_do_not_wait_for_it(proxy, upstream):
    release = threading.Event()

    def slow(request, wire):
        release.wait(60)
        return echoes_the_order(request, wire)
    upstream.script(PLACE, slow)
    with ThreadPoolExecutor(4) as pool:
        waiting = [pool.submit(proxy.request, "POST", PLACE, [], b'{"clOrdId":"slow"}') for _ in range(4)]
        upstream.wait_for_requests(4, PLACE)
        assert all(proxy.request("GET", ACTIVE).status == 200 for _ in range(20))
        assert not any(answer.done() for answer in waiting)
        release.set()
        assert all(answer.result().status == 200 for answer in waiting)


def test_the_log_can_be_read_while_it_is_written(start, upstream):
    proxy = start({"proxy": {"workers": 2}})
    with ThreadPoolExecutor(8) as pool:
        answers = [pool.submit(proxy.request, "GET", ACTIVE) for _ in range(300)]
        while not all(answer.done() for answer in answers):
            proxy.log()
    assert {answer.result().status for answer in answers} == {200}
    assert len(all_recorded(proxy, 300)) == 300


def test_a_stop_amid_many_requests_loses_none_that_was_answered(start, upstream):
    proxy = start({"proxy": {"workers": 2}})
    answered = []

    def send_until_the_end():
        try:
            with proxy.client() as client:
                while (answer := client.request("POST", PLACE, [], b"{}")).status == 200:
                    answered.append(answer.id)
        except (OSError, Ended):  # the proxy has ended
            pass
    senders = [threading.Thread(target=send_until_the_end) for _ in range(8)]
    for sender in senders:
        sender.start()
    upstream.wait_for_requests(100)
    proxy.stop()
    for sender in senders:
        sender.join()
    recorded = {entry["id"]: entry["outcome"] for entry in proxy.log("--limit", str(len(answered) + 1000))}
    assert set(answered) <= set(recorded)
    assert len(upstream.requests()) == sum(outcome in ("ok", "unknown") for outcome in recorded.values())
