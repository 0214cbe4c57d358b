"""Connections to the exchange on which nothing comes any more, though neither end was told: the order that waits there is
unknown, and the next ones take new connections."""
import time
from types import SimpleNamespace

import pytest

import faults
from dropping_network import dropping_network
from fault_table import BOTH, HTTP_2, LATE, NONE, PATIENT, find

pytestmark = pytest.mark.both

over_http_2 = pytest.mark.parametrize("line", [HTTP_2], indirect=True)  # one connection, many orders
KEPT = 3  # connections, over HTTP/1.1


@pytest.fixture(scope="module")
def network():
    with dropping_network(percent=0) as made:
        yield made


@pytest.fixture(scope="module")
def faulty(tmp_path_factory, network, authority, account):
    certificate = authority.issue(network.address)
    with faults.running(tmp_path_factory.mktemp("silent"), authority.ca_file, certificate, account,
                        address=network.address, command=network.command) as both:
        yield SimpleNamespace(network=network, **vars(both))


@pytest.fixture(params=BOTH)
def line(request, faulty):
    return Line(faulty, request.param)


class Line:
    """A listener whose upstream speaks this protocol; its orders are numbered."""

    def __init__(self, faulty, protocol):
        self.faulty, self.protocol = faulty, protocol
        self.begin(NONE)

    def begin(self, fault, **chances):
        self.faulty.upstream.begin(fault, self.protocol, **chances)
        self.last = faults.last_id(self.faulty.state_dir)

    def client(self):
        return self.faulty.proxy.client(faults.listener_of(PATIENT, self.protocol))

    def order(self, tag, build=faults.order):
        with self.client() as client:
            return str(faults.take(client, tag, build(tag)))

    def start(self, tag):
        """An order whose answer is not waited for."""
        client = self.client()
        client.send(faults.order(tag))
        return client

    def rows(self, count):
        return {row.tag: row for row in faults.rows_after(self.faulty.state_dir, self.last, count)}

    def arrivals(self, tag):
        return self.faulty.upstream.report()["arrived"].count(tag)

    def keep_connections(self):
        """Connections that have served an order each, at the same time, and are idle: their ports."""
        count = 1 if self.protocol == HTTP_2 else KEPT
        self.begin(LATE, limit=count)
        clients = [self.start(f"kept-{number}") for number in range(count)]
        assert all(client.read("POST").status == 200 for client in clients)
        for client in clients:
            client.close()
        ports = {row.local_port for row in self.rows(count).values()}
        assert len(ports) == count
        return ports


def test_behind_one_order_that_is_unknown_the_next_take_new_connections(line):
    gone = line.keep_connections()
    line.faulty.network.vanish(gone)
    assert line.order("lost") == "504 unknown timeout"
    assert [line.order(f"next-{number}") for number in range(KEPT)] == ["200 ok"] * KEPT
    rows = line.rows(len(gone) + 1 + KEPT)
    assert rows["lost"].local_port in gone and line.arrivals("lost") == 0
    for number in range(KEPT):
        row = rows[f"next-{number}"]
        assert row.local_port not in gone and row.attempts == 1 and line.arrivals(row.tag) == 1
    assert rows[f"next-{KEPT - 1}"].reused == 1  # and no new one for each


def of_order(told):
    answer = told.read("POST")
    told.close()
    return (answer.status, answer.outcome)


@over_http_2
def test_who_still_waits_on_a_silent_connection_is_not_cut_off(line):
    """The exchange is silent for longer than the first order's time, not for longer than the second one's."""
    line.begin(LATE, limit=1, late_s=1.1)
    first = line.start("first")
    time.sleep(0.6)
    second = line.start("second")
    assert of_order(first) == (504, "unknown")
    assert line.order("third") == "200 ok"
    assert of_order(second) == (200, "ok")
    rows = line.rows(3)
    assert rows["first"].local_port == rows["second"].local_port != rows["third"].local_port
    assert [line.arrivals(tag) for tag in ("first", "second", "third")] == [1, 1, 1]


@over_http_2
def test_an_order_that_waits_in_vain_where_others_are_answered_makes_no_connection_silent(line):
    line.begin(find("read, stall", HTTP_2), limit=1, share=1)
    stalled = line.start("stalled")
    time.sleep(0.2)
    assert line.order("beside") == "200 ok"
    assert of_order(stalled) == (504, "unknown")
    assert line.order("next") == "200 ok"
    rows = line.rows(3)
    assert len({row.local_port for row in rows.values()}) == 1 and rows["next"].reused == 1


def test_a_get_is_no_other_case(line):
    gone = line.keep_connections()
    line.faulty.network.vanish(gone)
    assert line.order("lost", faults.query) == "504 unknown timeout"
    assert line.order("next", faults.query) == "200 ok"
    rows = line.rows(len(gone) + 2)  # also lest they be recorded within the next test
    assert rows["lost"].local_port in gone and rows["next"].local_port not in gone
