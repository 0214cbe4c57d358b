"""The failure table of the design, row by row, towards an exchange of either protocol: what the client gets, the outcome,
and whether it is sent again."""
import signal
import socket

import pytest

import faults
from fault_table import BOTH, HTTP_2, LATE, PATIENT, QUICK, STALL, find
from program import poll
from rawhttp import build_request

pytestmark = [pytest.mark.both, pytest.mark.parametrize("protocol", BOTH)]

GET, POST = faults.query, faults.order
EITHER = pytest.mark.parametrize("build", [GET, POST], ids=["GET", "POST"])
CLOSED = ["accept, close", "accept, reset", "hello read, close", "hello read, reset", "half a handshake, close",
          "half a handshake, reset"]
LOSSES = ["read, close", "read, reset", "read, end of TLS"]
STALLS = ["read, stall", "half a head, stall", "half a body, stall"]


class Rehearsal:
    """Requests under one fault, and what became of them."""

    def __init__(self, faulty, protocol, section):
        self.faulty, self.protocol = faulty, protocol
        self.listener = faults.listener_of(section, protocol)
        self.begin(None)

    def begin(self, name, **chances):
        """What strikes from now on: every chance, unless `chances` says less."""
        self.faulty.upstream.begin(find(name, self.protocol), self.protocol, share=1, **chances)
        self.last = faults.last_id(self.faulty.state_dir)

    def client(self):
        return self.faulty.proxy.client(self.listener)

    def ask(self, build, tag="once"):
        """One request: what its client was told."""
        with self.client() as client:
            return faults.take(client, tag, build(tag))

    def row(self, count=1):
        """The last record of so many."""
        return faults.rows_after(self.faulty.state_dir, self.last, count)[-1]

    def arrivals(self, tag="once"):
        return self.faulty.upstream.report()["arrived"].count(tag)

    def strikes(self):
        return self.faulty.upstream.report()["strikes"]


@pytest.fixture(scope="module")
def faulty(tmp_path_factory, authority, certificate_file, account):
    with faults.running(tmp_path_factory.mktemp("table"), authority.ca_file, certificate_file, account) as both:
        yield both


@pytest.fixture
def rehearse(faulty, protocol):
    return lambda section=QUICK: Rehearsal(faulty, protocol, section)


@EITHER
@pytest.mark.parametrize("name", [*CLOSED, "accept, stall", "half a handshake, stall"])
def test_row_1_no_connection_is_a_502_and_not_sent(rehearse, name, build):
    rehearsal = rehearse(STALL)
    rehearsal.begin(name)
    told = rehearsal.ask(build)
    assert (told.status, told.outcome) == (502, "not_sent")
    assert "nothing was sent" in told.answer.json()["message"]
    row = rehearsal.row()
    assert (row.outcome, row.status, row.error, row.attempts) == ("not_sent", 502, told.error, 0)
    assert rehearsal.arrivals() == 0


@EITHER
@pytest.mark.parametrize("name", CLOSED)
def test_row_1_a_connection_is_tried_for_again_while_connect_timeout_lasts(rehearse, name, build):
    rehearsal = rehearse()
    rehearsal.begin(name, limit=2)
    told = rehearsal.ask(build)
    assert (str(told), rehearsal.row().attempts, rehearsal.arrivals()) == ("200 ok", 1, 1)
    assert rehearsal.strikes() == 2


@pytest.mark.parametrize("kept", [True, False], ids=["kept connection", "new connection"])
@pytest.mark.parametrize("name", LOSSES)
def test_row_2_a_get_that_is_lost_is_answered_by_its_repeat_on_a_new_connection(rehearse, name, kept):
    rehearsal = rehearse()
    rehearsal.begin(name, skip=int(kept), limit=1)
    if kept:
        assert str(rehearsal.ask(GET, "first")) == "200 ok"
    told = rehearsal.ask(GET)
    row = rehearsal.row(1 + kept)
    assert (str(told), row.outcome, row.attempts, row.reused) == ("200 ok", "ok", 2, 0)
    assert (rehearsal.arrivals(), rehearsal.strikes()) == (2, 1)


@pytest.mark.parametrize("kept", [True, False], ids=["kept connection", "new connection"])
@pytest.mark.parametrize("name", LOSSES)
def test_row_2_a_get_whose_repeat_is_lost_too_is_a_502_and_unknown(rehearse, name, kept):
    rehearsal = rehearse()
    rehearsal.begin(name, skip=int(kept))
    if kept:
        assert str(rehearsal.ask(GET, "first")) == "200 ok"
    told = rehearsal.ask(GET)
    row = rehearsal.row(1 + kept)
    assert (str(told), row.outcome, row.attempts, row.reused) == ("502 unknown lost", "unknown", 2, 0)
    assert rehearsal.arrivals() == 2


@pytest.mark.parametrize("name", ["RST_STREAM, REFUSED_STREAM", "GOAWAY below, close"])
def test_row_2_a_get_that_http_2_refuses_is_repeated_once_on_a_new_connection(rehearse, protocol, name):
    if protocol != HTTP_2:
        pytest.skip("HTTP/1.1 has no streams")
    rehearsal = rehearse()
    rehearsal.begin(name, limit=1)
    told = rehearsal.ask(GET)
    row = rehearsal.row()
    assert (str(told), row.attempts, row.reused, rehearsal.arrivals()) == ("200 ok", 2, 0, 2)
    rehearsal.begin(name)
    assert str(rehearsal.ask(GET)) == "502 unknown lost"
    assert (rehearsal.row().attempts, rehearsal.arrivals()) == (2, 2)


@pytest.mark.parametrize("kept", [True, False], ids=["kept connection", "new connection"])
@pytest.mark.parametrize("name", LOSSES)
def test_row_3_a_post_that_is_lost_is_a_502_that_says_to_look_it_up_and_never_sent_again(rehearse, name, kept):
    rehearsal = rehearse()
    rehearsal.begin(name, skip=int(kept), limit=1)
    if kept:
        assert str(rehearsal.ask(POST, "first")) == "200 ok"
    told = rehearsal.ask(POST)
    row = rehearsal.row(1 + kept)
    assert (str(told), row.outcome, row.attempts) == ("502 unknown lost", "unknown", 1)
    message = told.answer.json()["message"]
    assert "unknown" in message and "look it up" in message and f"countersign reconcile {row.id}" in message
    assert rehearsal.arrivals() == 1


@EITHER
@pytest.mark.parametrize("name", STALLS)
def test_row_4_no_whole_answer_in_time_is_a_504_and_never_sent_again(rehearse, name, build):
    rehearsal = rehearse(PATIENT)
    rehearsal.begin(name, limit=1)
    told = rehearsal.ask(build)
    row = rehearsal.row()
    assert (str(told), row.outcome, row.attempts) == ("504 unknown timeout", "unknown", 1)
    assert "in time" in told.answer.json()["message"]
    assert rehearsal.arrivals() == 1


@EITHER
def test_row_5_a_request_whose_client_leaves_is_finished_and_recorded_as_it_ends(rehearse, build):
    rehearsal = rehearse()
    rehearsal.begin(LATE.name)
    with rehearsal.client() as client:
        client.send(build("once"))
        poll("it arrives", rehearsal.arrivals)
    row = rehearsal.row()
    assert (row.outcome, row.status, row.attempts, row.delivered) == ("ok", 200, 1, 0)
    assert rehearsal.arrivals() == 1


@pytest.mark.parametrize("raw, status, error", [
    (build_request("POST", faults.PLACE, [("Content-Length", str(1 << 30))]), 413, "body-too-large"),
    (build_request("POST", faults.PLACE, [("Content-Length", "2"), ("Content-Length", "3")], b"{}"), 400,
     "ambiguous-length"),
    (build_request("POST", "/api/fi/v3/asset/doWithdraw", [], b"{}"), 403, "policy"),
], ids=["too large", "malformed", "refused"])
def test_row_6_too_large_malformed_refused_is_answered_at_home(rehearse, raw, status, error):
    rehearsal = rehearse()
    rehearsal.begin(None)
    with rehearsal.client() as client:
        client.send_what_is_taken(raw)
        answer = client.read("POST")
    assert (answer.status, answer.outcome, answer.error) == (status, "refused", error)
    assert faults.store.query(rehearsal.faulty.state_dir, "SELECT count(*) FROM exchange WHERE id > ? AND attempts > 0",
                              rehearsal.last) == [(0,)]
    assert rehearsal.faulty.upstream.report()["arrived"] == []


def takes_no_connection(address):
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host, int(port)), timeout=5).close()
        return False
    except OSError:
        return True


def test_row_7_shutting_down_is_a_503_with_retry_after_and_what_was_in_flight_is_unknown(
        tmp_path, authority, certificate_file, account, protocol):
    """The row's other causes do not depend on the exchange: test_full_record.py has the full journal."""
    with faults.running(tmp_path, authority.ca_file, certificate_file, account) as faulty:
        rehearsal = Rehearsal(faulty, protocol, QUICK)
        rehearsal.begin("read, stall")
        whole, late = POST("whole"), POST("late")
        with rehearsal.client() as first, rehearsal.client() as second:
            first.send(whole)
            second.send(late[:-10])
            poll("it arrives", lambda: rehearsal.arrivals("whole"))
            faulty.proxy.signal(signal.SIGTERM)
            poll("it drains", lambda: takes_no_connection(faulty.proxy.address(rehearsal.listener)))
            second.send(late[-10:])
            refused, given_up = second.read("POST"), first.read("POST")
        assert (refused.status, refused.outcome, refused.error) == (503, "refused", "shutting-down")
        assert refused.field("Retry-After") == "1"
        assert (given_up.status, given_up.outcome, given_up.error) == (502, "unknown", "shutting-down")
        assert faulty.proxy.wait() == 0
        assert (rehearsal.arrivals("whole"), rehearsal.arrivals("late")) == (1, 0)
