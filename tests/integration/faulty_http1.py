"""The faulty upstream's HTTP/1.1: requests in turn, each answered whole or struck by the fault of the day."""
import random
import select
import socket
import time

from fault_table import ANSWERED, LATE, REQUEST, UNREAD
from faulty_line import ENDS

IDLE_AT_MOST_S = 0.002
RECORD_HEADER, ALERT_AT_MOST = 5, 64  # bytes
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


def body_for(tag):
    return b'{"code":0,"data":{"clOrdId":"%s"},"filler":"%s"}' % (tag, b"x" * 200)


def answer(tag, length_off_by=0, more=b""):
    body = body_for(tag)
    return HEAD + b"Content-Length: %d\r\n%s\r\n" % (len(body) + length_off_by, more) + body


def half_a_body(tag):
    whole = answer(tag)
    return whole[:len(whole) - 100]


# What comes of the answer before the connection ends, or stays.
PIECES = {
    "half a status line": lambda tag: b"HTTP/1.1 20",
    "half a head": lambda tag: HEAD + b"Content-Le",
    "half a body": half_a_body,
    "half a chunk": lambda tag: HEAD + b"Transfer-Encoding: chunked\r\n\r\n%x\r\n" % 1000 + body_for(tag),
    "length too large": lambda tag: answer(tag, 50),
    "length too small": lambda tag: answer(tag, -50),
    "length within the code": lambda tag: answer(tag, 5 - len(body_for(tag))),
    LATE.name: answer,
    "answered twice": lambda tag: answer(tag) + answer(b"nobody"),
}


class Http1:
    def __init__(self, sock, plan, tally):
        self.sock, self.plan, self.tally = sock, plan, tally
        self.stage, _, self.end = plan.name.partition(", ")
        self.buffer = b""

    def serve(self):
        answers = 0
        while self._serve_one(answers + 1 == self.plan.after):
            answers += 1

    def _take(self, enough):
        while not enough():
            data = self.sock.recv(65536)
            if not data:
                raise EOFError
            self.buffer += data

    def _request(self):
        self._take(lambda: b"\r\n\r\n" in self.buffer)
        head = self.buffer.index(b"\r\n\r\n") + 4
        name = self.buffer[:head].lower().find(b"\r\ncontent-length:")
        length = int(self.buffer[name + 17:head].split(b"\r\n")[0]) if name >= 0 else 0
        self._take(lambda: len(self.buffer) >= head + length)
        request, self.buffer = self.buffer[:head + length], self.buffer[head + length:]
        return request

    def _serve_one(self, is_last):
        if self.plan.where == UNREAD and not self.buffer and self._is_struck_unread():
            return False
        request = self._request()
        if request.startswith(b"HEAD / "):  # the proxy's own, which asks for the clock
            self.sock.sendall(HEAD + b"Content-Length: 0\r\n\r\n")
            return True
        tag = self.tally.arrive(request)
        if self.plan.where == REQUEST and self.tally.strikes():
            return self._strike(tag)
        self.tally.answer(tag)
        self.sock.sendall(answer(tag, more=b"Connection: close\r\n" if is_last else b""))
        if is_last:
            ENDS["end of TLS"](self.sock)
        elif self.plan.where == ANSWERED and self.tally.strikes(tag):
            time.sleep(random.random() * IDLE_AT_MOST_S)
            ENDS[self.end](self.sock)
            return False
        return not is_last

    def _request_has_come(self):
        """Waits for a TLS record in the socket's buffer, and reads nothing: an alert is much shorter than a request."""
        select.select([self.sock], [], [])
        header = socket.socket.recv(self.sock, RECORD_HEADER, socket.MSG_PEEK)
        return len(header) == RECORD_HEADER and int.from_bytes(header[3:]) > ALERT_AT_MOST

    def _is_struck_unread(self):
        if not self._request_has_come() or not self.tally.strikes_unread(self.sock):
            return False
        if self.stage == "a byte read":
            self.sock.recv(1)
        ENDS[self.end](self.sock)
        return True

    def _strike(self, tag):
        self.tally.strike(tag)
        if self.stage == LATE.name:
            time.sleep(self.tally.late_s)
        if self.stage in PIECES:
            self.tally.answer(tag)  # or a part of it
            self.sock.sendall(PIECES[self.stage](tag))
        if self.end in ENDS:
            ENDS[self.end](self.sock)
        return self.end not in ENDS
