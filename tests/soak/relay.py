"""Between the proxy and `countersign mock`: it hands requests on, one after the other, and now and then loses one, or its
answer. What came and what went back is written down.

    relay.py MOCK-ADDRESS CHRONICLE SEED

It prints its address. A line on standard input: from then on it loses nothing, and writes nothing down."""
import random
import re
import socket
import sys
import threading

import paths  # noqa: F401, pylint: disable=unused-import
from chronicle import Chronicle
from rawhttp import Client, Ended, Stream, connect, field_values, parse_fields

TAG = re.compile(rb'clOrdId(?:"\s*:\s*"|=)([\w-]+)')
LOST_REQUESTS, LOST_ANSWERS = 0.04, 0.04  # shares


class Relay:
    def __init__(self, mock, chronicle, seed):
        self.mock, self.chronicle = mock, chronicle
        self.chance = random.Random(seed)
        self.is_quiet = False
        self.connections = set()
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        threading.Thread(target=self._accept, daemon=True).start()

    def be_quiet(self):
        self.is_quiet = True
        for sock in list(self.connections):
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass  # it has ended

    def _accept(self):
        while True:
            threading.Thread(target=self._serve, args=(self.listener.accept()[0],), daemon=True).start()

    def _serve(self, sock):
        self.connections.add(sock)
        try:
            with sock, Client(connect(self.mock)) as behind:
                stream = Stream(sock)
                while self._hand_on(sock, stream, behind):
                    pass
        except (Ended, OSError):
            pass  # one of both has left
        finally:
            self.connections.discard(sock)

    def _hand_on(self, sock, stream, behind):
        del stream.taken[:]
        head = stream.take_head()
        lengths = field_values(parse_fields(head), "Content-Length")
        if field_values(parse_fields(head), "Transfer-Encoding"):
            stream.take_chunked()
        elif lengths:
            stream.take(int(lengths[0]))
        raw = bytes(stream.taken)
        found = TAG.search(raw)
        tag = found[1] if found and not self.is_quiet else None
        self._note("arrived", tag, raw)
        lot = self.chance.random() if tag else 1
        if lot < LOST_REQUESTS:
            return False
        answer = behind.exchange(raw)
        self._note("did", tag, answer.raw)
        if lot < LOST_REQUESTS + LOST_ANSWERS:
            return False
        sock.sendall(answer.raw)
        return True

    def _note(self, event, tag, raw):
        if tag:
            self.chronicle.note(event, tag, raw, fault="relay")


def main(mock, chronicle_file, seed):
    relay = Relay(mock, Chronicle(chronicle_file), seed)
    print("127.0.0.1:%d" % relay.listener.getsockname()[1], flush=True)
    for _ in sys.stdin:
        relay.be_quiet()
        print("quiet", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
