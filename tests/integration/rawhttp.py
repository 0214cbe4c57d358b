"""HTTP/1.1 on a socket, byte for byte: nothing is added, normalised or re-ordered. Used by the tests' exchange to read
requests and by the tests to send them and read answers."""
import json
import socket
from dataclasses import dataclass

DEADLINE_S = 30  # for anything that must happen; sanitizer builds on a busy machine are slow


class Ended(Exception):
    """The peer closed the connection before what was expected had come."""


def parse_fields(head):
    """(name, value) pairs of a head as they stand in it, values without surrounding blanks."""
    lines = head.decode("latin-1").split("\r\n")[1:]
    return [(name, value.strip(" \t")) for name, _, value in (line.partition(":") for line in lines if line)]


def field_values(fields, name):
    return [value for given, value in fields if given.lower() == name.lower()]


def build_request(method, target, fields=(), body=None, host="localhost"):
    """A request's bytes: Host, the fields as given, a Content-Length behind them where there is a body."""
    lines = [f"{method} {target} HTTP/1.1", f"Host: {host}"] + [f"{name}: {value}" for name, value in fields]
    if body is not None:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + (body or b"")


def chunked(*parts):
    """Parts as a chunked body."""
    return b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"


class Stream:
    """Reads a socket in terms of HTTP; `taken` keeps every byte handed out, exactly as it came."""

    def __init__(self, sock):
        self.sock = sock
        self.buffer = b""
        self.taken = bytearray()

    def fill(self):
        data = self.sock.recv(65536)
        if not data:
            raise Ended(f"closed with {len(self.buffer)} bytes unread: {self.buffer[:200]!r}")
        self.buffer += data

    def take(self, length):
        while len(self.buffer) < length:
            self.fill()
        part, self.buffer = self.buffer[:length], self.buffer[length:]
        self.taken += part
        return part

    def take_through(self, mark):
        while mark not in self.buffer:
            self.fill()
        return self.take(self.buffer.index(mark) + len(mark))

    def take_head(self):
        return self.take_through(b"\r\n\r\n")

    def take_chunked(self):
        """The chunks joined; trailers are read and dropped."""
        body = bytearray()
        while size := int(self.take_through(b"\r\n").split(b";")[0], 16):
            body += self.take(size)
            self.take(2)
        while self.take_through(b"\r\n") != b"\r\n":
            pass
        return bytes(body)

    def take_to_end(self):
        try:
            while True:
                self.fill()
        except Ended:
            return self.take(len(self.buffer))


@dataclass
class Response:
    head: bytes
    body: bytes  # with transfer coding removed, content coding kept
    raw: bytes   # every byte as read from the socket

    @property
    def status(self):
        return int(self.head.split(b" ", 2)[1])

    @property
    def fields(self):
        return parse_fields(self.head)

    def field(self, name):
        """The field's only value, or None."""
        values = field_values(self.fields, name)
        assert len(values) < 2, f"{name} stands {len(values)} times in {self.head!r}"
        return values[0] if values else None

    @property
    def id(self):
        return int(self.field("Countersign-Exchange"))

    @property
    def outcome(self):
        return self.field("Countersign-Outcome")

    @property
    def error(self):
        return self.field("Countersign-Error")

    def json(self):
        return json.loads(self.body)


class Client:
    """One connection, over a connected socket."""

    def __init__(self, sock):
        self.sock = sock
        self.stream = Stream(sock)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.sock.close()

    def send(self, raw):
        self.sock.sendall(raw)

    def send_what_is_taken(self, raw):
        """Sends, and does not mind where the proxy answers and closes before it has read everything."""
        try:
            self.sock.sendall(raw)
        except (BrokenPipeError, ConnectionResetError):
            pass

    def read(self, method="GET"):
        """One whole answer to a request of `method`; interim answers (1xx) are read and dropped."""
        status = 100
        while 100 <= status < 200:
            del self.stream.taken[:]
            head = self.stream.take_head()
            status = int(head.split(b" ", 2)[1])
        body = self._body(parse_fields(head), method, status)
        return Response(head, body, bytes(self.stream.taken))

    def _body(self, fields, method, status):
        if method == "HEAD" or status in (204, 304):
            return b""
        if field_values(fields, "Transfer-Encoding"):
            return self.stream.take_chunked()
        lengths = field_values(fields, "Content-Length")
        return self.stream.take(int(lengths[0])) if lengths else self.stream.take_to_end()

    def exchange(self, raw):
        """Sends a request and reads its answer."""
        self.send(raw)
        return self.read(raw.split(b" ", 1)[0].decode("latin-1"))

    def request(self, method, target, fields=(), body=None):
        return self.exchange(build_request(method, target, fields, body))

    def is_closed(self):
        """Whether the proxy closes this connection with nothing more on it. Waits for it."""
        try:
            return self.sock.recv(1) == b""
        except ConnectionResetError:
            return True


def connect(address, timeout=DEADLINE_S):
    """A socket to "127.0.0.1:PORT" or "unix:/path"."""
    if address.startswith("unix:"):
        sock = socket.socket(socket.AF_UNIX)
        sock.settimeout(timeout)
        sock.connect(address.removeprefix("unix:"))
        return sock
    host, _, port = address.rpartition(":")
    sock = socket.create_connection((host.strip("[]"), int(port)), timeout=timeout)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return sock
