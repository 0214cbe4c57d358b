"""An exchange, or whoever sits in its place, that answers with malice: whatever it sends, the client gets one well-formed
answer that says what is known, an order leaves once, and others on the same worker are served meanwhile."""
import ssl
import threading
from pathlib import Path

import pytest

from hostile import CHUNKED, MIB, OK, TlsPeer, endlessly, then, zeros
from rawhttp import DEADLINE_S, chunked
from upstream import SUCCESS, http_answer, sends, sends_and_ends

ACTIVE = "/api/trade/order/active"
PLACE = "/api/trade/order/place"
FORGED = http_answer(b'{"code":0,"message":"forged","data":[]}')
LENGTH = b"Content-Length: %d\r\n" % len(SUCCESS)
SMALL = {"proxy": {"response_max": MIB}, "upstream spot": {"timeout": "2s"}}


class Bystander(threading.Thread):
    """Another client of the same worker: asks again and again until it is stopped."""

    def __init__(self, proxy):
        super().__init__(daemon=True)
        self.client = proxy.client()
        self.over = threading.Event()
        self.answers = [self.client.request("GET", ACTIVE)]

    def run(self):
        while not self.over.is_set():
            self.answers.append(self.client.request("GET", ACTIVE))

    def stop(self):
        self.over.set()
        self.join(DEADLINE_S)
        self.client.close()
        return {(answer.status, answer.body, answer.outcome) for answer in self.answers}


def closes(answer):
    return answer.field("Connection") == "close"


@pytest.fixture
def attack(start, upstream):
    """One order into a hostile answer. Checks all that holds whatever that is, and returns what the client got."""
    def attack(behaviour, changes=None):
        upstream.script(PLACE, behaviour)
        proxy = start({**SMALL, **(changes or {})})
        bystander = Bystander(proxy)
        bystander.start()
        with proxy.client() as client:
            answer = client.request("POST", PLACE, [], b"{}")
            if not closes(answer):  # else a byte too much or too few would spoil this one
                assert client.request("GET", ACTIVE).body == SUCCESS
        assert bystander.stop() == {(200, SUCCESS, "ok")}
        assert len(upstream.requests(PLACE)) == 1
        record = proxy.record(answer.id)
        assert (record["outcome"], record["status"]) == (answer.outcome.split()[0], answer.status)
        return answer
    return attack


def check_unknown(answer, error, status=502):
    assert (answer.status, answer.outcome, answer.error) == (status, "unknown", error)
    assert "look it up" in answer.json()["message"]


# --- without end ---

@pytest.mark.parametrize("behaviour", [
    endlessly(OK, b"X-A: 1\r\n" * 500),
    endlessly(OK + b"X-A: ", b"a" * 60000),
    endlessly(b"HTTP/1.1 200 ", b"a" * 60000),
    endlessly(b"", b"a" * 60000),
    endlessly(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 500),
    endlessly(b"", b"HTTP/1.1 102 Processing\r\n\r\n" * 500),
    endlessly(b"", b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" * 500),
    endlessly(b"HTTP/1.1 200 OK\r\n\r\n", b"a" * 60000),
    endlessly(CHUNKED, b"1\r\na\r\n" * 500),
    endlessly(CHUNKED, b"0" * 60000),
    endlessly(CHUNKED + b"28\r\n" + SUCCESS + b"\r\n0\r\n", b"X-T: a\r\n" * 500),
    endlessly(CHUNKED + b"28\r\n" + SUCCESS + b"\r\n0\r\nX-T: ", b"a" * 60000),
    endlessly(CHUNKED + b"1;a=", b"a" * 60000),
], ids=["fields", "a field", "a status line", "junk", "100", "102", "103", "a body", "chunks", "a chunk's length", "trailers",
        "a trailer", "a chunk's extension"])
def test_what_never_ends_is_cut_off_and_unknown(attack, behaviour):
    answer = attack(behaviour)
    assert answer.outcome == "unknown"
    assert (answer.status, answer.error) in {
        (502, "response-too-large"), (502, "response-malformed"), (502, "lost"), (502, "internal"), (504, "timeout")}


def test_thousands_of_interim_answers_do_not_hide_the_answer(attack):
    answer = attack(sends(b"HTTP/1.1 100 Continue\r\n\r\n" * 2000 + b"HTTP/1.1 103 Early Hints\r\n\r\n" * 2000 +
                          http_answer(SUCCESS)))
    assert (answer.status, answer.body, answer.outcome) == (200, SUCCESS, "ok")


def test_another_protocol_that_nobody_asked_for_is_not_followed(attack):
    check_unknown(attack(sends(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n" +
                               http_answer(SUCCESS))), "response-malformed")


# --- lengths ---

@pytest.mark.parametrize("head, body", [
    (LENGTH + b"Content-Length: 5\r\n", SUCCESS),
    (b"Content-Length: 5\r\n" + LENGTH, SUCCESS),
    (b"Content-Length: 5, 40\r\n", SUCCESS),
    (b"Content-Length: +5\r\n", SUCCESS),
    (b"Content-Length: 0x28\r\n", SUCCESS),
    (b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", chunked(SUCCESS)),
    (b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", chunked(SUCCESS)),
    (b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", chunked(SUCCESS)),
    (b"Content-Length: -1\r\n", SUCCESS),
    (b"Content-Length: \r\n", SUCCESS),
    (b"Transfer-Encoding: xchunked\r\n", SUCCESS),
], ids=["two, long first", "two, short first", "a list", "a plus", "hexadecimal", "with chunks", "with chunks before",
        "chunked twice", "negative", "empty", "an unknown coding"])
def test_a_length_that_can_be_read_in_two_ways_makes_the_answer_unknown(attack, head, body):
    """RFC 9112 §6.3: what the client would be given may not be what the exchange said."""
    check_unknown(attack(sends(OK + head + b"\r\n" + body)), "response-malformed")


@pytest.mark.parametrize("head", [b"Content-Length: 99999999999999999999999\r\n", b"Content-Length: 9223372036854775807\r\n",
                                  b"Content-Length : 40\r\n"], ids=["beyond 64 bits", "2^63-1", "a blank before the colon"])
def test_a_length_that_never_comes_ends_by_the_timeout(attack, head):
    check_unknown(attack(sends(OK + head + b"\r\n" + SUCCESS)), "timeout", 504)


def test_the_same_length_twice_is_one_length(attack):
    """RFC 9112 §6.3, rule 5."""
    answer = attack(sends(OK + LENGTH + LENGTH + b"\r\n" + SUCCESS))
    assert (answer.status, answer.body, answer.outcome) == (200, SUCCESS, "ok")


@pytest.mark.parametrize("chunk", [b"zz\r\n" + SUCCESS, b"-5\r\n" + SUCCESS, b"f" * 17 + b"\r\n" + SUCCESS,
                                   b"5\r\nhelloxx0\r\n\r\n"], ids=["no number", "negative", "beyond 64 bits", "no line end"])
def test_chunks_that_are_none_make_the_answer_unknown(attack, chunk):
    check_unknown(attack(sends(CHUNKED + chunk)), "response-malformed")


# --- heads ---

@pytest.mark.parametrize("answer", [
    OK + b"X-A: a\0b\r\n" + LENGTH + b"\r\n" + SUCCESS,
    OK + b"X-A: a\r\n folded\r\n" + LENGTH + b"\r\n" + SUCCESS,
    OK + b"no colon\r\n" + LENGTH + b"\r\n" + SUCCESS,
    OK + b"".join(b"X-%d: 1\r\n" % number for number in range(300)) + LENGTH + b"\r\n" + SUCCESS,
    b"HTTP/9.9 200 OK\r\n" + LENGTH + b"\r\n" + SUCCESS,
    b"HTTP/1.1 2000 OK\r\n" + LENGTH + b"\r\n" + SUCCESS,
    b"HTTP/1.1 99 OK\r\n" + LENGTH + b"\r\n" + SUCCESS,
    b"HTTP/1.1 000 OK\r\n" + LENGTH + b"\r\n" + SUCCESS,
    b"HTTP/1.1 -20 OK\r\n" + LENGTH + b"\r\n" + SUCCESS,
    b"\r\n\r\n" + http_answer(SUCCESS),
    b"junk" + http_answer(SUCCESS),
], ids=["NUL", "a folded line", "no colon", "300 fields", "HTTP/9.9", "a status of four digits", "of two", "of zeros", "negative",
        "empty lines first", "junk first"])
def test_a_head_that_is_none_makes_the_answer_unknown(attack, answer):
    check_unknown(attack(sends(answer)), "response-malformed")


def test_an_answer_of_http_0_9_is_none(attack):
    check_unknown(attack(sends_and_ends(SUCCESS)), "response-malformed")


@pytest.mark.parametrize("line", [
    b"X-A: a\rCountersign-Outcome: not_sent\r\n", b"X-A: a\r\n Countersign-Outcome: not_sent\r\n",
    b" Countersign-Outcome: not_sent\r\n", b"Countersign-Outcome : not_sent\r\n", b"Countersign Outcome: not_sent\r\n",
    b"Countersign-Outcome(): not_sent\r\n",
], ids=["a carriage return", "a folded line", "a folded line first", "a blank before the colon", "a blank within", "brackets"])
def test_no_field_of_the_exchange_passes_for_one_of_the_proxys_own(attack, line):
    answer = attack(sends(OK + line + LENGTH + b"\r\n" + SUCCESS))
    if answer.status == 200:
        assert answer.head.count(b"ountersign-Outcome") == 1 and b"not_sent" not in answer.head
        assert (answer.body, answer.outcome) == (SUCCESS, "ok")
    else:
        check_unknown(answer, "response-malformed")


# --- bodies ---

@pytest.mark.parametrize("body, outcome", [
    (b'{"a":' * 100_000 + b"0", "unknown"),
    (b'{"data":' + b"[" * 100_000 + b"]" * 100_000 + b',"code":0}', "unknown"),
    (b'{"code":0,"data":' + b"[" * 100_000 + b"]" * 100_000 + b"}", "ok"),
    (b'{"code":' + b"9" * 100_000 + b"}", "unknown"),
    (b'{"code":0e999}', "api_error 0e999"),
    (b'{"code":"0\r\nCountersign-Error: x"}', "unknown"),
    (b'{"code":"0\\r\\nCountersign-Error: x"}', "unknown"),
    (b'{"code":1,"message":"\xff\xfe\x80"}', "api_error 1"),
    (b'{"code":1,"message":"\\u001b[2J\\u0000\\ud800"}', "api_error 1"),
], ids=["objects in objects", "lists before the code", "lists behind the code", "a code of 100000 digits", "an exponent",
        "a line end", "an escaped line end", "no UTF-8", "control characters"])
def test_a_body_of_any_kind_is_passed_and_read_as_far_as_it_can_be(attack, body, outcome):
    answer = attack(sends(http_answer(body)))
    assert (answer.status, answer.body, answer.error) == (200, body, None if outcome != "unknown" else "no-code")
    assert answer.outcome == outcome


# --- compressed bombs ---

# What one may cost: its own bytes (while its buffer grows, in the record and in the answer), and what it may unfold to for
# being looked into (envelope.h: 32 MiB, twice while that grows).
MEMORY_OF_A_BOMB = 160 * MIB
GIB_IN_A_BOMB = 10


@pytest.fixture(scope="module")
def bombs():
    return {coding: zeros(coding, GIB_IN_A_BOMB) for coding in ("gzip", "deflate", "br")}


def memory(pid, kind):
    """In bytes."""
    line = next(line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith(kind))
    return int(line.split()[1]) * 1024


@pytest.mark.once  # the sanitizers' own memory hides what is measured
@pytest.mark.parametrize("coding", ["gzip", "deflate", "br"])
def test_a_compressed_bomb_costs_bounded_memory_and_little_time(start, upstream, bombs, coding):
    bomb = bombs[coding]
    upstream.script(PLACE, sends(http_answer(bomb, fields=[("Content-Encoding", coding)])))
    proxy = start()
    with proxy.client() as client, proxy.client() as other:
        assert other.request("GET", ACTIVE).status == 200
        before = memory(proxy.proxy_pid, "VmHWM")
        answer = client.request("POST", PLACE, [], b"{}")
        assert (answer.status, answer.body, answer.outcome) == (200, bomb, "unknown")
        assert memory(proxy.proxy_pid, "VmHWM") - before < MEMORY_OF_A_BOMB
        other.sock.settimeout(5)
        assert other.request("GET", ACTIVE).status == 200
    assert len(upstream.requests(PLACE)) == 1


@pytest.mark.parametrize("coding", ["gzip, gzip, gzip", "br, gzip", "gzip", "deflate", "br"])
def test_codings_on_codings_and_what_is_no_coding_are_passed_and_unknown(attack, coding):
    answer = attack(sends(http_answer(SUCCESS, fields=[("Content-Encoding", coding)])))
    assert (answer.status, answer.body, answer.outcome) == (200, SUCCESS, "unknown")


@pytest.mark.once
def test_hostile_answers_leave_no_memory_behind(start, upstream):
    kinds = [endlessly(OK, b"X-A: 1\r\n" * 5000), endlessly(CHUNKED, b"a000\r\n" + b"a" * 0xa000 + b"\r\n"),
             endlessly(b"", b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" * 500), sends(CHUNKED + b"zz\r\n"),
             sends(OK + b" X-A: a\r\n" + LENGTH + b"\r\n" + SUCCESS)]
    upstream.script(PLACE, *kinds * 20)
    proxy = start(SMALL)
    with proxy.client() as client:
        used = [own_memory(client, proxy, 25) for _ in range(4)]
        assert client.request("GET", ACTIVE).body == SUCCESS
    assert used[3] - used[1] < 8 * MIB, used
    assert len(upstream.requests(PLACE)) == 100


def own_memory(client, proxy, requests):
    """In bytes, after so many more; without the ring, which is a file."""
    for _ in range(requests):
        assert client.request("POST", PLACE, [], b"{}").outcome == "unknown"
    return memory(proxy.proxy_pid, "RssAnon")


# --- bytes that nobody asked for ---

def answers_its_own(request, wire):
    wire.send(http_answer(b'{"code":0,"data":"' + request.target.encode() + b'"}'))
    return True


HEAD, BODY = (part + end for part, end in zip(http_answer(SUCCESS).split(b"\r\n\r\n"), (b"\r\n\r\n", b"")))
IDLE = {
    "in the same record": ("GET", http_answer(SUCCESS) + FORGED, b""),
    "in the next record": ("GET", http_answer(SUCCESS), FORGED),
    "in the body's record": ("GET", HEAD, BODY + FORGED),
    "many": ("GET", http_answer(SUCCESS), FORGED * 100),
    "a part": ("GET", http_answer(SUCCESS), FORGED[:10]),
    "an interim one": ("GET", http_answer(SUCCESS), b"HTTP/1.1 100 Continue\r\n\r\n"),
    "a 408": ("GET", http_answer(SUCCESS), http_answer(b"", "408 Request Timeout")),
    "behind chunks": ("GET", CHUNKED + chunked(SUCCESS), FORGED),
    "behind chunks, in their record": ("GET", CHUNKED + chunked(SUCCESS) + FORGED, FORGED),
    "a body behind a 204": ("GET", b"HTTP/1.1 204 No Content\r\n\r\n", FORGED),
    "a body behind a HEAD": ("HEAD", HEAD, BODY + FORGED),
}


@pytest.mark.both
@pytest.mark.parametrize("case", IDLE)
def test_an_answer_that_nobody_asked_for_never_becomes_the_next_orders(start, upstream, case):
    """It stands on the kept connection before the order's own: "placed" where nothing was, or the other way round."""
    method, answer, surplus = IDLE[case]
    left = threading.Event()
    upstream.script(ACTIVE, then(left, answer, surplus))
    upstream.script(PLACE, answers_its_own)
    proxy = start()
    with proxy.client() as client:
        client.request(method, ACTIVE)
    assert left.wait(DEADLINE_S)
    with proxy.client() as client:
        for number in range(4):
            answer = client.request("POST", f"{PLACE}?n={number}", [], b"{}")
            assert (answer.status, answer.outcome) == (200, "ok")
            assert answer.json()["data"] == f"{PLACE}?n={number}"
    assert [request.target for request in upstream.requests(PLACE)] == [f"{PLACE}?n={number}" for number in range(4)]


@pytest.mark.both
def test_an_order_after_the_exchange_ended_an_idle_connection_in_order_is_placed_over_a_new_one(start, upstream):
    """TLS's own end are bytes, too: what servers send when their keep-alive time is over."""
    ended = threading.Event()

    def answers_and_ends(_, wire):
        wire.send(http_answer(SUCCESS))
        wire.sock.setblocking(False)
        with pytest.raises(ssl.SSLWantReadError):  # it does not wait for the other side's
            wire.sock.unwrap()
        ended.set()
        return False
    upstream.script(ACTIVE, answers_and_ends)
    proxy = start()
    assert proxy.request("GET", ACTIVE).status == 200
    assert ended.wait(DEADLINE_S)
    answer = proxy.request("POST", PLACE, [], b"{}")
    assert (answer.status, answer.outcome) == (200, "ok")
    assert [request.connection for request in upstream.requests()] == [1, 2]


def test_an_answer_before_the_request_is_read_is_one_answer_to_it(start, upstream):
    """A server may refuse a body that it has not read (RFC 9112 §9.3)."""
    def refuses_early(_request, wire):
        wire.send(http_answer(b'{"code":413,"message":"too large"}', "413 Content Too Large"))
        return False
    upstream.script(PLACE, refuses_early)
    proxy = start()
    answer = proxy.request("POST", PLACE, [], b"a" * MIB)
    assert (answer.status, answer.outcome) in {(413, "api_error 413"), (502, "unknown")}
    assert len(upstream.requests(PLACE)) == 1


# --- TLS ---

def talk_to(start, peer, **options):
    return start({**SMALL, "upstream spot": {"url": peer.url, "timeout": "2s", **options}})


@pytest.mark.parametrize("begun", [b"", OK + b"Content-Le", OK + b"Content-Length: 100\r\n\r\n{"],
                         ids=["before the answer", "in the head", "in the body"])
@pytest.mark.parametrize("end", ["a fatal alert", "records that are none", "a record cut short", "a record of no size",
                                 "a reset in the clear"])
def test_tls_that_breaks_in_mid_answer_makes_an_order_unknown_and_is_not_tried_again(
        start, certificate_file, begun, end):
    def script(line):
        if begun:
            line.send(begun)
        if end == "a fatal alert":
            line.send_fatal_alert()
        elif end == "records that are none":
            line.sock.sendall(b"\x17\x03\x03\x01\x00" + bytes(256))
        elif end == "a record cut short":
            line.sock.sendall(line.records_of(http_answer(SUCCESS))[:-5])
        elif end == "a record of no size":
            line.sock.sendall(b"\x17\x03\x03\xff\xff" + bytes(70000))
        else:
            line.sock.sendall(b"\x15\x03\x03\x00\x02\x02\x28")
    with TlsPeer(certificate_file, script) as peer:
        proxy = talk_to(start, peer)
        answer = proxy.request("POST", PLACE, [], b"{}")
        assert (answer.status, answer.outcome) == (502, "unknown")
        assert proxy.record(answer.id)["outcome"] == "unknown"
        proxy.stop()
        assert len(peer.requests) == 1


def test_an_answer_in_records_of_one_byte_comes_whole(start, certificate_file):
    def script(line):
        records = b"".join(line.records_of(bytes([byte])) for byte in http_answer(SUCCESS))
        for at in range(0, len(records), 7):
            line.sock.sendall(records[at:at + 7])
    with TlsPeer(certificate_file, script) as peer:
        answer = talk_to(start, peer).request("POST", PLACE, [], b"{}")
        assert (answer.status, answer.body, answer.outcome) == (200, SUCCESS, "ok")


# --- HTTP/2 ---

def frame(kind, flags, stream, payload):
    return len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + payload


DATA, HEADERS, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = 0, 1, 3, 4, 5, 6, 7, 8, 9
FIELD = b"\x00\x03x-a\x7f\x00" + b"a" * 127  # a literal, never indexed
STATUS_200 = b"\x88"
FRAMES = {
    "settings": (b"", frame(SETTINGS, 0, 0, b"\x00\x04\x00\x00\xff\xff" * 100)),
    "pings": (b"", frame(PING, 0, 0, bytes(8)) * 500),
    "continuations": (frame(HEADERS, 0, 1, STATUS_200), frame(CONTINUATION, 0, 1, FIELD * 100)),
    "interim answers": (b"", frame(HEADERS, 4, 1, b"\x08\x03103") * 500),
    "streams that nobody opened": (b"", frame(HEADERS, 5, 2, STATUS_200) * 100),
    "resets": (b"", frame(RST_STREAM, 0, 1, bytes(4)) * 500),
    "window updates": (b"", frame(WINDOW_UPDATE, 0, 0, b"\x00\x00\x00\x01") * 500),
    "a window beyond its bound": (b"", frame(WINDOW_UPDATE, 0, 1, b"\x7f\xff\xff\xff") * 10),
    "empty data": (frame(HEADERS, 4, 1, STATUS_200), frame(DATA, 0, 1, b"") * 500),
    "data": (frame(HEADERS, 4, 1, STATUS_200), frame(DATA, 0, 1, b"a" * 16000)),
    "pushes": (b"", frame(PUSH_PROMISE, 4, 1, b"\x00\x00\x00\x02" + STATUS_200)),
    "unknown frames": (b"", frame(99, 255, 1, bytes(1000)) * 50),
    "an unknown table entry": (b"", frame(HEADERS, 4, 1, b"\xff\xff\xff\x7f")),
    "goodbyes": (b"", frame(GOAWAY, 0, 0, bytes(8)) * 100),
    "bytes that are no frames": (b"", b"HTTP/1.1 200 OK\r\n\r\n" * 100),
}


@pytest.mark.parametrize("attack_with", FRAMES)
def test_endless_http_2_frames_end_as_an_unknown_order_that_left_once(start, certificate_file, attack_with):
    first, piece = FRAMES[attack_with]

    def flood(line):
        line.send(frame(SETTINGS, 0, 0, b"") + first)
        while True:
            line.send(piece)
    with TlsPeer(certificate_file, flood) as peer:
        peer.context.set_alpn_protocols(["h2"])
        proxy = talk_to(start, peer, http=2)
        answer = proxy.request("POST", PLACE, [], b"{}")
        assert answer.status in (502, 504) and answer.outcome == "unknown"
        assert proxy.record(answer.id)["outcome"] == "unknown"
        proxy.stop()
        assert len(peer.requests) == 1
