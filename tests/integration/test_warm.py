"""Connections that are open before requests come: how many, at what cost, and what becomes of them."""
import os
import select
import socket
import time

import pytest

import prometheus
from held_port import HeldPort
from load import PLACE, answers_by_tag
from peer import Peer
from program import poll, write_config
from test_admin import ADMIN, metrics_of
from upstream import Upstream, http_answer, succeeds

TICKERS = "/api/v1/market/tickers"
FORGED = http_answer(b'{"code":0,"message":"of nobody","data":{"ordId":1}}')


def is_warming(request):
    return (request.method, request.target) == ("HEAD", "/")


def heads(upstream):
    with upstream.changed:
        return sum(map(is_warming, upstream.everything))


def wait_for_connections(upstream, count):
    poll(f"{count} connections were opened, of {len(upstream.connections)}",
         lambda: len(upstream.connections) >= count)


def started_warm(start, upstream, count, **keys):
    """A proxy whose connections are open, and none of them is taken by its HEAD any more."""
    proxy = start({"upstream spot": {"warm": count, **keys}, **ADMIN})
    wait_for_connections(upstream, count)
    assert upstream.wait_for_warm_connections() == 1
    poll("the HEAD's answer was read", lambda: prometheus.value(metrics_of(proxy), "countersign_upstream_reachable",
                                                                upstream="spot"))
    return proxy


@pytest.mark.parametrize("count", [1, 2, 5])
def test_as_many_are_open_before_any_request_and_one_head_was_sent(start, upstream, count):
    proxy = started_warm(start, upstream, count)
    for _ in range(3):
        assert proxy.request("GET", TICKERS).status == 200
    assert len(upstream.connections) == count and heads(upstream) == 1
    assert {request.connection for request in upstream.requests()} <= set(range(1, count + 1))


def test_none_is_opened_ahead_where_none_is_wanted(start, upstream):
    proxy = start({"upstream spot": {"warm": 0}})
    assert proxy.request("GET", TICKERS).status == 200
    assert len(upstream.connections) == 1 and heads(upstream) == 0


def test_two_are_kept_where_the_configuration_does_not_say(start, upstream, sections):
    del sections["upstream spot"]["warm"]
    started_warm(start, upstream, 2).request("GET", TICKERS)
    assert len(upstream.connections) == 2 and heads(upstream) == 1


def test_no_more_are_kept_than_there_may_be(start, upstream, sections):
    del sections["upstream spot"]["warm"]
    proxy = started_warm(start, upstream, 1, connections=1)
    assert proxy.request("GET", TICKERS).status == 200
    assert len(upstream.connections) == 1


@pytest.mark.both
def test_they_cost_no_turn_but_that_of_the_head(start, upstream):
    """The HEAD has the first of three turns of the address; the orders have the others, whatever else was opened."""
    proxy = start({"proxy": {"pace": "reject"}, "account main": {"rate": "off"},
                   "upstream spot": {"warm": 4, "ip_rate": "3/1m"}})
    wait_for_connections(upstream, 4)
    assert upstream.wait_for_warm_connections() == 1
    upstream.close_connections()
    wait_for_connections(upstream, 8)
    assert [proxy.request("POST", PLACE, [], b"{}").status for _ in range(3)] == [200, 200, 429]


def test_those_that_the_exchange_closes_are_replaced_without_a_request(start, upstream):
    proxy = started_warm(start, upstream, 3)
    for rounds in (1, 2, 3):
        upstream.close_connections()
        wait_for_connections(upstream, 3 + 3 * rounds)
    assert heads(upstream) == 1 and upstream.requests() == []
    assert proxy.request("POST", PLACE, [], b"{}").status == 200
    assert len(upstream.connections) == 12 and upstream.only_request().connection in (10, 11, 12)


def test_one_that_took_its_last_answer_is_replaced_as_well(start, upstream):
    upstream.script(PLACE, lambda request, wire: succeeds(request, wire) and False)  # the exchange closes behind it
    proxy = started_warm(start, upstream, 1)
    for number in (1, 2, 3):
        assert proxy.request("POST", PLACE, [], b"{}").status == 200
        wait_for_connections(upstream, number + 1)
    assert [request.connection for request in upstream.requests()] == [1, 2, 3]
    assert heads(upstream) == 1


# --- what comes unasked ---

class TalksUnasked(Upstream):
    """Sends an answer over each connection that is open when it is told to, and reads on."""

    def __init__(self, *arguments):
        self.talkers = 0  # connections up to this number
        self.heard = []   # which of these have sent, and how they ended
        self.ends = []
        super().__init__(*arguments)

    def talk(self):
        with self.changed:
            self.talkers = len(self.connections)

    def _serve_one(self, tls, stream, connection):
        while not select.select([tls], [], [], 0.02)[0]:
            if connection <= self.talkers and connection not in self.heard:
                tls.sendall(FORGED)
                self._note(self.heard, connection)
        try:
            return super()._serve_one(tls, stream, connection)
        except Exception:
            self._note(self.ends, connection)
            raise


@pytest.fixture
def talking(certificate_file, account):
    with TalksUnasked(certificate_file, account.key, account.secret) as exchange:
        yield exchange


@pytest.mark.both
def test_what_comes_unasked_ends_its_connection_and_answers_nobody(start, talking):
    talking.script(PLACE, answers_by_tag)
    proxy = started_warm(start, talking, 2, url=talking.url)
    talking.talk()
    poll("both connections were ended", lambda: sorted(talking.ends) == [1, 2])
    wait_for_connections(talking, 4)
    body = b'{"clOrdId":"once"}'
    answer = proxy.request("POST", PLACE, [], body)
    assert (answer.status, answer.outcome) == (200, "ok") and b"of nobody" not in answer.raw
    assert body[1:-1] in answer.body
    assert talking.only_request().connection in (3, 4)  # once, over one that said nothing
    assert talking.only_request().body == body
    assert b"of nobody" not in proxy.view(answer.id, "upstream-response")


# --- exchanges that cannot be reached ---

class Slams(Peer):
    """Ends each connection as soon as it comes, until it is told to open; keeps when they came."""

    def __init__(self):
        self.moments = []
        super().__init__()

    def _serve(self, sock):
        self.moments.append(time.monotonic())
        sock.close()


def test_tries_become_rare_where_there_is_no_connection_to_be_had(start):
    """Over so many seconds 100 ms apart would be forty, and far more without a pause."""
    watched_s, most = 4, 24
    with Slams() as exchange:
        proxy = start({"upstream spot": {"url": f"https://localhost:{exchange.port}", "warm": 1,
                                         "connect_timeout": "100ms"}})
        poll("it has been tried", lambda: exchange.moments)
        time.sleep(watched_s)
        assert 3 <= len(exchange.moments) <= most, exchange.moments
        answer = proxy.request("POST", PLACE, [], b"{}")
        assert (answer.status, answer.outcome) == (502, "not_sent")
        told = [line for line in proxy.lines if '"warning"' in line and f"localhost:{exchange.port}" in line]
        assert len(told) <= 2, told  # of the connections, and of the HEAD


def test_connections_come_by_themselves_once_the_exchange_is_there(start, certificate_file, account):
    with HeldPort() as held:
        proxy = start({"upstream spot": {"url": f"https://localhost:{held.port}", "warm": 2, "connect_timeout": "100ms"}})
        with Upstream(certificate_file, account.key, account.secret, port=held.port) as exchange:
            wait_for_connections(exchange, 2)
            assert exchange.requests() == []
            assert proxy.request("POST", PLACE, [], b"{}").status == 200
            assert len(exchange.connections) == 2


def test_an_exchange_that_says_nothing_does_not_keep_the_proxy_from_being_ready(start, tmp_path):
    """It takes connections and never shakes hands. A second, no more, and the listener answers."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        proxy = start({"upstream spot": {"url": f"https://localhost:{silent.getsockname()[1]}", "warm": 2,
                                         "connect_timeout": "300ms", "timeout": "300ms"}})
        answer = proxy.request("POST", PLACE, [], b"{}")
        assert answer.outcome == "not_sent"


# --- readiness ---

def test_it_is_ready_when_its_connections_are_open(start, upstream):
    upstream.handshake_delay_s = 0.3
    proxy = start({"upstream spot": {"warm": 2}})
    assert proxy.request("POST", PLACE, [], b"{}").status == 200
    wait_for_connections(upstream, 2)  # the exchange's end of a handshake is the later one
    assert len(upstream.connections) == 2 and upstream.only_request().connection in (1, 2)


def test_the_admin_address_answers_no_sooner(launch, upstream, tmp_path):
    """Who asks whether it is ready waits as long, and hears yes."""
    upstream.handshake_delay_s = 0.3
    admin = f"unix:{tmp_path}/admin.sock"
    proxy = launch({"upstream spot": {"warm": 2}, "proxy": {"admin": admin}})
    poll("the admin socket is there", lambda: os.path.exists(tmp_path / "admin.sock"))
    with socket.socket(socket.AF_UNIX) as sock:
        sock.connect(str(tmp_path / "admin.sock"))
        sock.sendall(b"GET /readyz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert sock.recv(4096).startswith(b"HTTP/1.1 200 ")
    wait_for_connections(upstream, 2)
    proxy.wait_until_ready()


# --- a configuration that is read again ---

@pytest.fixture
def reconfigure(sections, tmp_path):
    """Has a proxy read a configuration with these changes."""
    def reload(proxy, changes):
        merged = {name: {**keys, **changes.get(name, {})} for name, keys in sections.items()}
        write_config(tmp_path / "fresh.ini", merged).rename(tmp_path / "countersign.ini")
        proxy.signal(1)
        proxy.wait_for_event("configuration-reloaded")
    return reload


def test_a_listener_that_sends_from_now_on_finds_its_connections_open(start, upstream, reconfigure):
    warm = {"warm": 2}
    proxy = start({"listener bot": {"mode": "dry-run"}, "upstream spot": warm})
    assert proxy.request("POST", PLACE, [], b"{}").outcome == "dry_run" and upstream.connections == []
    reconfigure(proxy, {"listener bot": {"mode": "sign"}, "upstream spot": warm})
    wait_for_connections(upstream, 2)
    assert upstream.wait_for_warm_connections() == 1
    assert proxy.request("POST", PLACE, [], b"{}").status == 200 and len(upstream.connections) == 2
