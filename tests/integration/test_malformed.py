"""Requests that parse in two ways are refused, each with one answer and the end of its connection; what could be hidden
behind them never leaves."""
import fcntl
import re
import ssl
import struct
import termios

import pytest

import store
from malformed import ACTIVE, MALFORMED, ORDER, STATUS, WELL_FORMED
from program import poll
from rawhttp import Client, Ended, build_request, connect, parse_fields

# Broken by each of the grammar's parts once, short enough to be sent cut at every byte.
CUT = ["two lengths, different", "a length with a sign", "an empty length", "a list of lengths", "chunked with a vertical tab",
       "gzip, chunked", "a chunk size with 0x", "a blank behind a chunk size", "an extension with NUL",
       "a chunk longer than its size", "a chunk ended by CR", "a trailer without colon", "a trailer with NUL", "HTTP/0.9",
       "HTTP/1.2", "a blank behind the version", "a tab before the version", "an empty line before", "a request behind a NUL",
       "a target with NUL", "a line ended by LF", "a folded field", "a blank before a length's colon", "a value with a lone CR",
       "fields ended by NUL LF", "a head ended by LF", "a huge chunk"]


def expected(name):
    raw, error = MALFORMED[name]
    return raw, error, STATUS.get(error, 400)


def read_to_end(client):
    try:
        client.stream.take_to_end()
    except ConnectionResetError:
        pass  # bytes that were not read; what was answered has come all the same
    return bytes(client.stream.taken) + client.stream.buffer


def judge(name, came):
    """What is wrong with the bytes that came back, if anything; else the exchange's id."""
    raw, error, status = expected(name)
    head, _, body = came.partition(b"\r\n\r\n")
    fields = dict(parse_fields(head + b"\r\n"))
    if not head.startswith(b"HTTP/1.1 %d " % status) or fields.get("Countersign-Error") != error:
        return f"{name}: {came[:160]!r}"
    if len(body) != int(fields["Content-Length"]) or fields["Connection"] != "close":
        return f"{name}: not one answer: {came!r}"
    if not body.startswith(b'{"code":%d,"message":"countersign: ' % status):
        return f"{name}: {body!r}"
    return int(fields["Countersign-Exchange"])


def check_all(ask, names):
    verdicts = {name: judge(name, ask(name)) for name in names}
    wrong = [verdict for verdict in verdicts.values() if isinstance(verdict, str)]
    assert not wrong, "\n".join(wrong)
    return verdicts


def without_blanks(raw):
    """The record has one blank behind each colon."""
    return re.sub(rb":[ \t]*", b":", raw)


def check_recorded(state_dir, ids):
    """Each is on record with its reason, with what the client sent up to the fault, and with nothing sent."""
    recorded = poll("each is recorded", lambda: (found := {e.id: e for e in store.exchanges(state_dir)}) and
                    set(ids.values()) <= set(found) and all(e.outcome == b"refused" for e in found.values()) and found)
    assert len(recorded) == len(ids)
    for name, number in ids.items():
        raw, error, status = expected(name)
        exchange = recorded[number]
        assert (exchange.error_name, exchange.status) == (error.encode(), status), name
        assert exchange.upstream_request == b"", name
        assert without_blanks(raw).startswith(without_blanks(exchange.client_request)), (name, exchange.client_request)


@pytest.mark.both
def test_each_malformed_request_is_refused_recorded_and_its_connection_closed(proxy, upstream, state_dir):
    def ask(name):
        with proxy.client() as client:
            client.send_what_is_taken(MALFORMED[name][0])
            return read_to_end(client)
    assert len(MALFORMED) > 100
    ids = check_all(ask, MALFORMED)
    check_recorded(state_dir, ids)
    assert upstream.everything == []
    assert proxy.request("GET", ACTIVE).status == 200


@pytest.mark.both
def test_nothing_that_is_hidden_behind_a_malformed_request_leaves(proxy, upstream, state_dir):
    def ask(name):
        with proxy.client() as client:
            client.send_what_is_taken(MALFORMED[name][0] + ORDER + ORDER)
            return read_to_end(client)
    ids = check_all(ask, MALFORMED)
    proxy.stop()
    assert upstream.everything == []
    assert len(store.exchanges(state_dir)) == len(ids)


@pytest.mark.both
def test_each_is_refused_behind_a_good_request_on_the_same_connection(proxy, upstream):
    def ask(name):
        with proxy.client() as client:
            assert client.request("GET", ACTIVE).status == 200
            client.stream.taken.clear()
            client.send_what_is_taken(MALFORMED[name][0] + ORDER)
            return read_to_end(client)
    check_all(ask, MALFORMED)
    assert len(upstream.requests(ACTIVE)) == len(upstream.requests()) == len(MALFORMED)


@pytest.mark.both
def test_a_good_request_goes_out_whole_though_a_malformed_one_came_with_it(proxy, upstream):
    """Both in one write: the fault is known before the first is even looked at."""
    def ask(name):
        with proxy.client() as client:
            client.send_what_is_taken(build_request("POST", "/api/spot/accountList", [], b'{"body":1}') + MALFORMED[name][0] + ORDER)
            assert client.read("POST").status == 200
            client.stream.taken.clear()
            return read_to_end(client)
    check_all(ask, MALFORMED)
    assert {request.body for request in upstream.requests()} == {b'{"body":1}'}
    assert len(upstream.requests()) == len(MALFORMED)


def is_read(client):
    """Whether the proxy has taken everything that was sent: unix sockets tell."""
    waiting = fcntl.ioctl(client.sock, termios.TIOCOUTQ, b"\0" * 4)
    return struct.unpack("i", waiting)[0] == 0


def send_in_pieces(client, pieces):
    for piece in pieces:
        try:
            client.send(piece)
        except (BrokenPipeError, ConnectionResetError):
            return  # refused by now
        while not is_read(client):
            pass


@pytest.fixture
def on_a_unix_socket(start, tmp_path):
    address = f"unix:{tmp_path}/s"
    start({"listener bot": {"listen": address}})
    return lambda: Client(connect(address))


@pytest.mark.once
def test_a_malformed_request_is_refused_wherever_it_is_cut(on_a_unix_socket, upstream):
    for name in CUT:
        raw = MALFORMED[name][0]
        for at in range(1, len(raw)):
            with on_a_unix_socket() as client:
                send_in_pieces(client, (raw[:at], raw[at:] + ORDER))
                verdict = judge(name, read_to_end(client))
            assert not isinstance(verdict, str), f"cut at {at}: {verdict}"
    assert upstream.everything == []


@pytest.mark.both
def test_a_malformed_request_is_refused_byte_by_byte(on_a_unix_socket, upstream):
    for name in CUT:
        with on_a_unix_socket() as client:
            send_in_pieces(client, (bytes([byte]) for byte in MALFORMED[name][0] + ORDER))
            verdict = judge(name, read_to_end(client))
        assert not isinstance(verdict, str), verdict
    assert upstream.everything == []


def well_formed(upstream):
    own = f"GET https://{upstream.host}/api/trade/order/active HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()
    return {name: own if raw is None else raw for name, raw in WELL_FORMED.items()}


def body_of(raw):
    """As this test reads it."""
    head, _, body = raw.partition(b"\r\n\r\n")
    if b"chunked" not in head.lower():
        return body
    joined = b""
    while size := int((line := body.partition(b"\r\n"))[0].split(b";")[0], 16):
        joined, body = joined + line[2][:size], line[2][size + 2:]
    return joined


def check_passed(name, raw, answer, requests):
    assert answer.status == 200, (name, answer.raw)
    assert len(requests) == 1, name
    assert requests[0].body == (body_of(raw) or (b"{}" if raw.startswith(b"POST") else b"")), name


@pytest.mark.both
def test_well_formed_neighbours_pass(proxy, upstream):
    for name, raw in well_formed(upstream).items():
        before = len(upstream.requests())
        with proxy.client() as client:
            answer = client.exchange(raw)
        check_passed(name, raw, answer, upstream.requests()[before:])


@pytest.mark.once
def test_well_formed_neighbours_pass_wherever_they_are_cut(on_a_unix_socket, upstream):
    for name, raw in well_formed(upstream).items():
        for at in range(max(1, len(raw) - 60), len(raw), 4):
            before = len(upstream.requests())
            with on_a_unix_socket() as client:
                send_in_pieces(client, (raw[:at], raw[at:]))
                answer = client.read(raw.split(b" ", 1)[0].decode())
            check_passed((name, at), raw, answer, upstream.requests()[before:])


@pytest.mark.both
def test_well_formed_neighbours_pass_one_behind_the_other(proxy, upstream):
    """All in one write, as a client that pipelines sends them; HTTP/1.0 would end the connection."""
    all_of_them = {name: raw for name, raw in well_formed(upstream).items() if "HTTP/1.0" not in name}
    with proxy.client() as client:
        client.send(b"".join(all_of_them.values()))
        for name, raw in all_of_them.items():
            assert client.read(raw.split(b" ", 1)[0].decode()).status == 200, name
    assert len(upstream.requests()) == len(all_of_them)
    assert [request.body for request in upstream.requests()] == [
        body_of(raw) or (b"{}" if raw.startswith(b"POST") else b"") for raw in all_of_them.values()]


def test_the_answer_says_what_is_wrong_and_where(proxy):
    """So that a person finds it in what the client wrote."""
    wanted = {
        "HTTP/1.2": "neither HTTP/1.1 nor HTTP/1.0 (byte 36 of the request is 0x32)",
        "a TLS hello": "use http://, not https://",
        "a blank before a length's colon": "a blank between a field's name and its colon",
        "a folded field": "obs-fold",
        "a length with a sign": "Content-Length is not digits alone (byte 72 of the request is 0x2B)",
        "HTTP/0.9": "HTTP/0.9",
    }
    for name, words in wanted.items():
        with proxy.client() as client:
            client.send_what_is_taken(MALFORMED[name][0])
            answer = client.read()
        assert words in answer.json()["message"], name
        assert words in proxy.record(answer.id)["errorMessage"], name


def test_a_client_that_speaks_tls_is_told(proxy):
    context = ssl.create_default_context()
    with proxy.client() as client, pytest.raises(ssl.SSLError):
        context.wrap_socket(client.sock, server_hostname="localhost")
    entry = poll("it is recorded", proxy.log)[0]
    assert proxy.record(entry["id"])["error"] == "malformed-request"


def test_a_client_that_leaves_within_a_request_is_no_refusal(on_a_unix_socket, programs):
    for raw in (b"GET", b"GET / HTTP/1.1\r\nHost: localhost\r\n", b"GET / HTTP/1.1\r\nHost: localhost\r\nX: 1"):
        with on_a_unix_socket() as client:
            send_in_pieces(client, [raw])
    with on_a_unix_socket() as client:
        assert client.request("GET", ACTIVE).status == 200
    assert [entry["outcome"] for entry in poll("the last is recorded", programs[0].log)] == ["ok"]
