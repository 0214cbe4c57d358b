"""Pieces of hostile answers, and an exchange that has its TLS in its own hands: it sends what no library would."""
import ssl
import zlib

import brotli

from peer import Peer
from rawhttp import Ended, Stream

MIB = 1 << 20
OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"


def endlessly(first, piece):
    """Sends the first bytes, then the piece again and again until the other side has had enough."""
    def behave(_, wire):
        wire.send(first)
        while True:
            wire.send(piece)
    return behave


def then(event, first, rest):
    """The answer; then more, unasked, while the connection is idle. Sets the event when that is on its way."""
    def behave(_, wire):
        wire.send(first)
        wire.send(rest)
        event.set()
        return True
    return behave


def zeros(coding, gibibytes):
    """So many GiB of zeros, compressed: a block of them again and again. (brotli: 256 MiB; its window spans blocks.)"""
    if coding == "br":
        packer = brotli.Compressor(quality=1)
        return b"".join([packer.process(bytes(MIB)) for _ in range(256)] + [packer.finish()])
    packer = zlib.compressobj(9, zlib.DEFLATED, 31 if coding == "gzip" else 15)
    first, block = (packer.compress(bytes(16 * MIB)) + packer.flush(zlib.Z_FULL_FLUSH) for _ in range(2))
    return first + block * (64 * gibibytes - 1) + packer.flush()


class TlsPeer(Peer):
    """TLS over two buffers in memory, so that a script holds the records before they leave. It reads one request, then
    calls `script(peer)`, and ends the connection."""

    def __init__(self, certificate_file, script):
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(certificate_file)
        self.script = script
        self.requests = []
        super().__init__()
        self.url = f"https://localhost:{self.port}"

    def _serve(self, sock):
        with sock:
            try:
                TlsLine(self, sock).serve()
            except (OSError, ssl.SSLError, Ended):
                pass  # the other side has left


class TlsLine:
    """One connection of a TlsPeer; reads like a socket, for Stream."""

    def __init__(self, peer, sock):
        self.peer, self.sock = peer, sock
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = peer.context.wrap_bio(self.incoming, self.outgoing, server_side=True)

    def serve(self):
        self._drive(self.tls.do_handshake)
        self.peer.requests.append(Stream(self).take_head())
        self.peer.script(self)

    def recv(self, size):
        return self._drive(lambda: self.tls.read(size))

    def _drive(self, step):
        while True:
            try:
                return step()
            except ssl.SSLWantReadError:
                self._flush()
                data = self.sock.recv(65536)
                if not data:
                    raise Ended("closed") from None
                self.incoming.write(data)
            finally:
                self._flush()

    def _flush(self):
        if self.outgoing.pending:
            self.sock.sendall(self.outgoing.read())

    def send(self, data):
        self.tls.write(data)
        self._flush()

    def records_of(self, data):
        """The records that would carry the data, not sent."""
        self.tls.write(data)
        return self.outgoing.read()

    def send_fatal_alert(self):
        """A record that nobody sent makes OpenSSL say bad_record_mac, encrypted as all else."""
        self.incoming.write(b"\x17\x03\x03\x00\x20" + bytes(32))
        try:
            self.tls.read(1)
        except ssl.SSLError:
            pass
        self._flush()
