"""The faulty upstream's HTTP/2 (RFC 9113): frames written by hand, so that it can send what no library would."""
import itertools
import random
import struct
import time

import hpack

from fault_table import ANSWERED, LATE, REQUEST
from faulty_http1 import IDLE_AT_MOST_S, body_for
from faulty_line import ENDS

DATA, HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY, WINDOW_UPDATE = 0, 1, 3, 4, 6, 7, 8
END_STREAM, ACK, END_HEADERS, PADDED, PRIORITY = 1, 1, 4, 8, 32
NO_ERROR, REFUSED_STREAM, ENHANCE_YOUR_CALM, HTTP_1_1_REQUIRED = 0, 7, 11, 13
OTHER_ERRORS = itertools.cycle(sorted(set(range(14)) - {REFUSED_STREAM, HTTP_1_1_REQUIRED}))
LAST_STREAM = (1 << 31) - 1
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
SETTINGS_FRAME = struct.pack(">HIHI", 3, 100, 4, 1 << 20)  # at most 100 streams, windows of 1 MiB


def frame(kind, flags, stream, payload=b""):
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


def head(stream, length=None, flags=END_HEADERS):
    """":status: 200" is entry 8 of the static table, content-length 28 (RFC 7541, appendix A)."""
    block = b"\x88"
    if length is not None:
        digits = b"%d" % length
        block += b"\x0f\x0d" + bytes([len(digits)]) + digits
    return frame(HEADERS, flags, stream, block)


def answer(stream, tag, length_off_by=0):
    body = body_for(tag)
    return head(stream, len(body) + length_off_by) + frame(DATA, END_STREAM, stream, body)


def half_a_body(stream, tag, length=None):
    return head(stream, length) + frame(DATA, 0, stream, body_for(tag)[:-100])


def go_away(last, error=NO_ERROR):
    return frame(GOAWAY, 0, 0, struct.pack(">II", last, error))


def end_stream(stream, error):
    return frame(RST_STREAM, 0, stream, struct.pack(">I", error))


# What is sent where a request was read.
PIECES = {
    "half a head": lambda stream, tag: head(stream, 100, flags=0),  # its CONTINUATION never comes
    "half a body": lambda stream, tag: half_a_body(stream, tag, len(body_for(tag))),
    "length too large": lambda stream, tag: answer(stream, tag, 50),
    "length too small": lambda stream, tag: answer(stream, tag, -50),
    LATE.name: answer,
    "GOAWAY, all answered": lambda stream, tag: go_away(LAST_STREAM) + answer(stream, tag),
    "GOAWAY at it": lambda stream, tag: go_away(stream),
    "GOAWAY with an error": lambda stream, tag: go_away(stream, ENHANCE_YOUR_CALM),
    "RST_STREAM, REFUSED_STREAM": lambda stream, tag: end_stream(stream, REFUSED_STREAM),
    "RST_STREAM, HTTP_1_1_REQUIRED": lambda stream, tag: end_stream(stream, HTTP_1_1_REQUIRED),
    "RST_STREAM, each other error": lambda stream, tag: end_stream(stream, next(OTHER_ERRORS)),
    "half a body, RST_STREAM": lambda stream, tag: half_a_body(stream, tag) + end_stream(stream, next(OTHER_ERRORS)),
    "answered, RST_STREAM": lambda stream, tag: answer(stream, tag) + end_stream(stream, NO_ERROR),
}


def as_http1(fields):
    """A request's head as HTTP/1.1 has it, to be looked at and written down."""
    pseudo = dict(fields)
    lines = [f"{name}: {value}" for name, value in fields if not name.startswith(":")]
    lines = [f"{pseudo[':method']} {pseudo[':path']} HTTP/2"] + lines
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n"


class Http2:
    def __init__(self, sock, plan, tally):
        self.sock, self.plan, self.tally = sock, plan, tally
        self.stage, _, self.end = plan.name.partition(", ")
        self.buffer = b""
        self.fields = hpack.Decoder()
        self.streams = {}
        self.answers = 0
        self.last = LAST_STREAM  # of a GOAWAY; it must not grow (RFC 9113 §6.8)
        self.is_open = True

    def serve(self):
        self._take(len(PREFACE))
        self.sock.sendall(frame(SETTINGS, 0, 0, SETTINGS_FRAME) +
                          frame(WINDOW_UPDATE, 0, 0, struct.pack(">I", 1 << 28)))
        while self.is_open:
            length, kind, flags, stream = struct.unpack(">IBBI", b"\0" + self._take(9))
            self._frame(kind, flags, stream, self._take(length))

    def _take(self, length):
        while len(self.buffer) < length:
            data = self.sock.recv(65536)
            if not data:
                raise EOFError
            self.buffer += data
        part, self.buffer = self.buffer[:length], self.buffer[length:]
        return part

    def _frame(self, kind, flags, stream, payload):
        if kind in (SETTINGS, PING) and not flags & ACK:
            self.sock.sendall(frame(kind, ACK, 0, payload if kind == PING else b""))
        elif kind == HEADERS:
            assert flags & END_HEADERS and not flags & PADDED, "a head in one piece"
            self.streams[stream] = as_http1(self.fields.decode(payload[5:] if flags & PRIORITY else payload))
        elif kind == DATA:
            self.streams[stream] += payload
        elif kind == RST_STREAM:
            self.streams.pop(stream, None)
        if kind in (HEADERS, DATA) and flags & END_STREAM:
            self._request(stream, self.streams.pop(stream))

    def _request(self, stream, request):
        tag = self.tally.arrive(request)
        if self.plan.where == REQUEST and self.tally.strikes():
            self._strike(stream, tag)
            return
        self.tally.answer(tag)
        self.answers += 1
        self.sock.sendall((go_away(LAST_STREAM) if self.answers == self.plan.after else b"") + answer(stream, tag))
        if self.plan.where == ANSWERED and self.tally.strikes(tag):
            self._strike_idle(stream)

    def _strike_idle(self, stream):
        time.sleep(random.random() * IDLE_AT_MOST_S)
        if self.stage == "GOAWAY when idle":
            self.sock.sendall(go_away(stream))
        self._end()

    def _strike(self, stream, tag):
        self.tally.strike(tag)
        if self.stage == LATE.name:
            time.sleep(self.tally.late_s)
        piece = PIECES.get(self.plan.name) or PIECES.get(self.stage)
        if self.stage == "GOAWAY below":
            self.last = min(self.last, max(stream - 2, 0))
            self.sock.sendall(go_away(self.last))
        elif piece:
            self.tally.answer(tag)  # or a part of it
            self.sock.sendall(piece(stream, tag))
        # a stream can stall alone; behind half a head nothing else may be sent
        if self.end in ENDS and (self.end != "stall" or self.stage == "half a head"):
            self._end()

    def _end(self):
        ENDS[self.end](self.sock)
        self.is_open = False
