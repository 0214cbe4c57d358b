"""An exchange for the tests: TLS, keep-alive, plain sockets and threads. It keeps every request's bytes as they came,
judges the signature on its own (coinstore.py), and answers what a test has scripted for the path.

A behaviour is a function (request, wire) that answers one request with wire.send(bytes) and returns whether the
connection stays open."""
import socket
import ssl
import threading
import time
from dataclasses import dataclass

import coinstore
from rawhttp import DEADLINE_S, Ended, Stream, field_values, parse_fields


@dataclass
class Request:
    connection: int  # 1 for the first connection that was accepted, and up
    head: bytes
    body: bytes      # chunks joined
    raw: bytes       # head and body exactly as they came
    arrived_ms: int  # wall clock, when the last byte had come
    verdict: str     # coinstore.ACCEPTED, coinstore.UNSIGNED, or what is wrong

    @property
    def line(self):
        return self.head.split(b"\r\n", 1)[0]

    @property
    def method(self):
        return self.line.split(b" ")[0].decode("latin-1")

    @property
    def target(self):
        return self.line.split(b" ")[1].decode("latin-1")

    @property
    def path(self):
        return self.target.partition("?")[0]

    @property
    def fields(self):
        return parse_fields(self.head)

    def field(self, name):
        """The field's only value, or None."""
        values = field_values(self.fields, name)
        assert len(values) < 2, f"{name} stands {len(values)} times in {self.head!r}"
        return values[0] if values else None

    @property
    def expires(self):
        return int(self.field("X-CS-EXPIRES"))


@dataclass
class Connection:
    number: int
    peer: tuple
    sock: ssl.SSLSocket
    handshake_began_ms: int
    resumed: bool
    alpn: str


def now_ms():
    return time.time_ns() // 1_000_000


def http_answer(body, status="200 OK", fields=(("Content-Type", "application/json"),)):
    """The bytes of an answer with a Content-Length."""
    lines = [f"HTTP/1.1 {status}"] + [f"{name}: {value}" for name, value in fields] + [f"Content-Length: {len(body)}"]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body


def sends(raw):
    """Answers these bytes and keeps the connection."""
    def behave(_, wire):
        wire.send(raw)
        return True
    return behave


def sends_and_closes(raw):
    """Ends the connection without a TLS close_notify: to the other side the answer may have been cut short."""
    def behave(_, wire):
        wire.send(raw)
        return False
    return behave


def sends_and_ends(raw):
    """Ends the connection as TLS asks for: the end itself is authentic."""
    def behave(_, wire):
        wire.send(raw)
        wire.end()
        return False
    return behave


def closes_without_answer(_request, _wire):
    return False


def waits_for(event, then):
    """Does what `then` does once the test sets the event."""
    def behave(request, wire):
        event.wait(DEADLINE_S)
        return then(request, wire)
    return behave


def never_answers(_request, wire):
    """Holds the request until the other side leaves."""
    wire.wait_for_end()
    return False


SUCCESS = b'{"code":0,"message":"success","data":[]}'
succeeds = sends(http_answer(SUCCESS))


def answers_as_documented(request, wire):
    if request.method == "HEAD":
        wire.send(http_answer(b"").split(b"\r\n\r\n")[0] + b"\r\n\r\n")  # RFC 9110 §9.3.2: a head alone
        return True
    if coinstore.PUBLIC.match(request.path) or request.verdict == coinstore.ACCEPTED:
        return succeeds(request, wire)
    if request.verdict == "wrong API key":
        wire.send(http_answer(b'{"code":401,"message":"signature-failed","data":null}', "401 Unauthorized"))
    else:
        wire.send(http_answer(b'{"code":1401,"message":"unauthorized","data":null}'))
    return True


class Wire:
    """What a behaviour may do to its connection. A HEAD is answered by the head alone (RFC 9110 9.3.2)."""

    def __init__(self, sock, method="GET"):
        self.send = self._send_head if method == "HEAD" else sock.sendall
        self.sock = sock

    def _send_head(self, raw):
        self.sock.sendall(raw[:raw.index(b"\r\n\r\n") + 4])

    def end(self):
        try:
            self.sock.unwrap()
        except OSError:
            pass  # the other side did not wait for it

    def wait_for_end(self):
        try:
            while self.sock.recv(4096):
                pass
        except OSError:
            pass


class Upstream:
    def __init__(self, certificate_file, api_key, api_secret, maximum_tls=None, port=0, address="127.0.0.1"):
        self.api_key = api_key
        self.api_secret = api_secret
        self.handshake_delay_s = 0
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        if maximum_tls is not None:
            self.context.set_ciphers("DEFAULT:@SECLEVEL=0")
            self.context.minimum_version = self.context.maximum_version = maximum_tls
        self.context.load_cert_chain(certificate_file)
        self.context.set_alpn_protocols(["h2", "http/1.1"])
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self.listener = socket.create_server((address, port), family=family, backlog=128)
        self.port = self.listener.getsockname()[1]
        self.host = f"localhost:{self.port}"
        self.url = f"https://{self.host}"
        self.changed = threading.Condition()
        self.everything = []  # every request, also the HEAD / that warms a connection
        self.connections = []
        self.failed_handshakes = []
        self.scripts = {}
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)  # wakes the accepting thread; close alone would not
        self.listener.close()
        self.close_connections()

    def close_connections(self):
        """Ends every connection at once, as a restarted server would."""
        with self.changed:
            connections = list(self.connections)
        for connection in connections:
            try:
                connection.sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass  # it is closed already

    def script(self, path, *behaviours):
        """What requests for `path` meet, in turn; the last behaviour stays."""
        with self.changed:
            self.scripts[path] = list(behaviours)

    def requests(self, path=None):
        with self.changed:
            return [request for request in self.everything
                    if (request.method, request.target) != ("HEAD", "/") and path in (None, request.path)]

    def only_request(self):
        requests = self.requests()
        assert len(requests) == 1, f"expected one request, got {[request.line for request in requests]}"
        return requests[0]

    def wait_for_warm_connections(self, count=1):
        """Connections that were opened ahead by a HEAD / of the proxy's own: how many."""
        def warm():
            return sum((request.method, request.target) == ("HEAD", "/") for request in self.everything)
        with self.changed:
            self.changed.wait_for(lambda: warm() >= count, DEADLINE_S)
            return warm()

    def wait_for_requests(self, count=1, path=None):
        with self.changed:
            enough = self.changed.wait_for(lambda: len(self.requests(path)) >= count, DEADLINE_S)
        assert enough, f"{count} requests expected, came: {[request.line for request in self.requests()]}"
        return self.requests(path)

    def _accept(self):
        while True:
            try:
                sock, peer = self.listener.accept()
            except OSError:
                return  # the listener was closed
            threading.Thread(target=self._serve, args=(sock, peer), daemon=True).start()

    def _serve(self, sock, peer):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        time.sleep(self.handshake_delay_s)
        began = now_ms()
        try:
            tls = self.context.wrap_socket(sock, server_side=True)
        except (OSError, ssl.SSLError) as error:
            self._note(self.failed_handshakes, error)
            sock.close()
            return
        with tls:
            number = self._open(tls, peer, began)
            try:
                while self._serve_one(tls, Stream(tls), number):
                    pass
            except (Ended, OSError):
                pass  # the client left

    def _note(self, log, item):
        with self.changed:
            log.append(item)
            self.changed.notify_all()

    def _open(self, tls, peer, began):
        with self.changed:
            number = len(self.connections) + 1
            self._note(self.connections, Connection(number, peer, tls, began, tls.session_reused,
                                                    tls.selected_alpn_protocol()))
        return number

    def _serve_one(self, tls, stream, connection):
        head = stream.take_head()
        fields = parse_fields(head)
        if field_values(fields, "Expect"):
            tls.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        body = self._take_body(stream, fields)
        assert not stream.buffer, f"bytes behind the request: {stream.buffer!r}"
        request = Request(connection, head, body, bytes(stream.taken), now_ms(), self._judge(head, fields, body))
        self._note(self.everything, request)
        return self._behaviour(request.path)(request, Wire(tls, request.method))

    @staticmethod
    def _take_body(stream, fields):
        if field_values(fields, "Transfer-Encoding"):
            return stream.take_chunked()
        lengths = field_values(fields, "Content-Length")
        return stream.take(int(lengths[0])) if lengths else b""

    def _judge(self, head, fields, body):
        target = head.split(b" ", 2)[1]
        return coinstore.verdict(fields, target, body, self.api_key, self.api_secret, now_ms())

    def _behaviour(self, path):
        with self.changed:
            behaviours = self.scripts.get(path, [answers_as_documented])
            return behaviours.pop(0) if len(behaviours) > 1 else behaviours[0]
