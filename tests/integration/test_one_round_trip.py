"""An order takes one round trip to the exchange: no handshake is part of it, whatever its client does and whatever came before.
The client opens a connection for each order, as the exchange's own examples do; what is counted is what passes between proxy
and exchange while the order is under way."""
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from delayed_line import Line
from load import PLACE
from program import poll

pytestmark = pytest.mark.both

KEPT = 2
BURST = 50


@pytest.fixture
def line(upstream):
    with Line(upstream.port) as made:
        yield made


@pytest.fixture
def far(start, line):
    """Starts a proxy whose exchange is 50 ms away."""
    return lambda kept=KEPT: start({"upstream spot": {"url": line.url, "warm": kept}})


def wait_until_quiet(line, count=KEPT):
    poll(f"{count} connections are open and nothing passes; open are {sorted(line.writers)}",
         lambda: line.is_quiet(count))


def assert_one_round_trip(proxy, line, upstream, others=0):
    """`others`: connections over which something of the proxy's own may pass meanwhile, its HEAD."""
    sent, mark = len(upstream.requests()), line.mark()
    answer = proxy.request("POST", PLACE, [], b"{}")
    opened, trips = line.opened_since(mark), line.round_trips_since(mark)
    assert answer.status == 200 and len(upstream.requests()) == sent + 1
    assert opened == 0, f"{opened} connections were opened while the order was under way"
    assert set(trips.values()) == {1} and len(trips) <= 1 + others, trips


def test_the_first_order_after_the_start(far, line, upstream):
    assert_one_round_trip(far(), line, upstream, others=1)


def test_one_order_after_another(far, line, upstream):
    proxy = far()
    wait_until_quiet(line)
    for _ in range(5):
        assert_one_round_trip(proxy, line, upstream)


def test_an_order_after_the_exchange_closed_what_was_idle(far, line, upstream):
    proxy = far()
    wait_until_quiet(line)
    for _ in range(3):
        line.close_connections()
        poll("what was closed is replaced", lambda before=line.accepted: line.accepted >= before + KEPT)
        wait_until_quiet(line)
        assert_one_round_trip(proxy, line, upstream)


def test_an_order_after_a_while_in_which_the_exchange_closed_everything_again_and_again(far, line, upstream):
    proxy = far()
    for round_of_closing in range(1, 6):
        wait_until_quiet(line)
        assert line.accepted == KEPT * round_of_closing  # each is replaced once
        line.close_connections()
        poll("what was closed is replaced",
             lambda count=KEPT * (round_of_closing + 1): line.accepted >= count)
    wait_until_quiet(line)
    assert_one_round_trip(proxy, line, upstream)
    assert upstream.requests(PLACE) == upstream.requests()  # nothing but the order went to the exchange


def test_an_order_after_some_rest(far, line, upstream):
    proxy = far()
    wait_until_quiet(line)
    time.sleep(5)
    assert_one_round_trip(proxy, line, upstream)


def test_a_burst_of_orders_for_which_connections_are_kept(far, line, upstream):
    proxy = far(kept=BURST)
    wait_until_quiet(line, BURST)
    mark = line.mark()
    with ThreadPoolExecutor(BURST) as clients:
        answers = list(clients.map(lambda number: proxy.request("POST", PLACE, [], b'{"n":%d}' % number), range(BURST)))
    assert [answer.status for answer in answers] == BURST * [200]
    assert line.opened_since(mark) == 0
    assert len({request.body for request in upstream.requests(PLACE)}) == len(upstream.requests(PLACE)) == BURST
