"""An exchange that fails as it is told to: TLS, HTTP/1.1 and HTTP/2, a process of its own. It counts on its own what
arrives, and judges nothing.

    faulty_upstream.py CERTIFICATE ADDRESS [CHRONICLE]

With a third argument, each request is written down in that file (chronicle.py). It prints its port. Then it reads a JSON
object a line and answers each with one: {"fault", "protocol"} begins anew, and may say which chances are taken ("share",
"skip", "limit") and how late "answered late" is ("late_s"); {"report": true} tells what has come since."""
import json
import re
import socket
import ssl
import sys
import threading
from dataclasses import replace

from chronicle import Chronicle
from fault_table import ACCEPT, LATE_S, NONE, SHAKEN, find
from faulty_http1 import Http1
from faulty_http2 import Http2
from faulty_line import ENDS, before_the_handshake

TAG = re.compile(rb'clOrdId(?:"\s*:\s*"|=)([\w-]+)')


class Tally:
    """What happened since a fault began. Any thread."""

    def __init__(self, plan, skip=0, limit=None, late_s=LATE_S, chronicle=None):
        self.plan, self.skip, self.limit, self.late_s, self.chronicle = plan, skip, limit, late_s, chronicle
        self.lock = threading.Lock()
        self.chances = 0
        self.arrived = []     # tags, in the order in which their requests had come whole
        self.answered = []    # tags that were answered, at least in part
        self.struck = []      # tags that the fault struck
        self.struck_ports = []  # clients' ports of requests that it struck before they could be read
        self.strikes_made = 0

    def strikes(self, tag=None):
        """Whether this chance is taken: behind the first `skip`, one in `share` is, up to `limit`."""
        with self.lock:
            self.chances += 1
            counted = self.chances - self.skip
            taken = (self.plan is not NONE and counted > 0 and counted % self.plan.share == 0 and
                     (self.limit is None or self.strikes_made < self.limit))
            self.strikes_made += taken
            if taken and tag is not None:
                self.struck.append(tag)
            return taken

    def strikes_unread(self, sock):
        taken = self.strikes()
        if taken:
            with self.lock:
                self.struck_ports.append(sock.getpeername()[1])
        return taken

    def arrive(self, request):
        tag = TAG.search(request)[1]
        if self.chronicle:
            self.chronicle.note("arrived", tag, request, fault=self.plan.name)
        with self.lock:
            self.arrived.append(tag)
        return tag

    def answer(self, tag):
        with self.lock:
            self.answered.append(tag)

    def strike(self, tag):
        with self.lock:
            self.struck.append(tag)

    def report(self):
        with self.lock:
            return {**{name: [tag.decode() for tag in getattr(self, name)] for name in ("arrived", "answered", "struck")},
                    "struck_ports": self.struck_ports, "strikes": self.strikes_made}


class FaultyUpstream:
    def __init__(self, certificate_file, address, chronicle):
        self.chronicle = chronicle
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(certificate_file)
        self.context.set_alpn_protocols(["h2", "http/1.1"])
        self.tally = Tally(NONE, chronicle=chronicle)
        self.connections = set()
        self.listener = socket.create_server((address, 0), backlog=256)
        threading.Thread(target=self._accept, daemon=True).start()

    def begin(self, plan, **options):
        self.tally = Tally(plan, chronicle=self.chronicle, **options)
        for sock in list(self.connections):
            try:
                socket.socket.shutdown(sock, socket.SHUT_RDWR)  # SSLSocket's own would have what is read next be ciphertext
            except OSError:
                pass  # it has ended

    def _accept(self):
        while True:
            sock, _ = self.listener.accept()
            threading.Thread(target=self._serve, args=(sock,), daemon=True).start()

    def _serve(self, sock):
        try:
            self._talk(sock, self.tally)
        except (OSError, ssl.SSLError, EOFError, ValueError):
            pass  # the other side has left, or this one has closed the socket (ValueError)
        finally:
            sock.close()

    def _talk(self, sock, tally):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        plan = tally.plan
        stage, _, end = plan.name.partition(", ")
        if plan.where == ACCEPT and tally.strikes():
            before_the_handshake(sock, self.context, stage)
            ENDS[end](sock)
            return
        with self.context.wrap_socket(sock, server_side=True) as tls:
            if plan.where == SHAKEN and tally.strikes():
                ENDS[end](tls)
                return
            self.connections.add(tls)
            try:
                (Http2 if tls.selected_alpn_protocol() == "h2" else Http1)(tls, plan, tally).serve()
            finally:
                self.connections.discard(tls)


def main(certificate_file, address, chronicle_file=None):
    upstream = FaultyUpstream(certificate_file, address, Chronicle(chronicle_file) if chronicle_file else None)
    print(upstream.listener.getsockname()[1], flush=True)
    for line in sys.stdin:
        asked = json.loads(line)
        if "fault" in asked:
            plan = find(asked["fault"], asked["protocol"])
            if plan is not NONE:
                plan = replace(plan, share=asked.get("share") or plan.share)
            upstream.begin(plan, skip=asked.get("skip", 0), limit=asked.get("limit"), late_s=asked.get("late_s", LATE_S))
        print(json.dumps(upstream.tally.report() if asked.get("report") else {}), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
