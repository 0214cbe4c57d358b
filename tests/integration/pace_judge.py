"""An exchange that counts: it takes the kernel's word for when each request's last byte came, so that a slow test run cannot
make requests look closer together, or further apart, than they were. And a judge of such moments."""
import bisect
import re
import socket
import struct
import threading
from collections import defaultdict

from peer import Peer
from upstream import SUCCESS, http_answer

SO_TIMESTAMPNS = 35  # socket(7); of TCP it is the moment of the last byte that was read
TIMESPEC = struct.Struct("@qq")


class CountingExchange(Peer):
    """Plain HTTP with keep-alive on a loopback port. A request at a time on each connection, none over 64 KiB."""

    def __init__(self):
        self.lock = threading.Lock()
        self.arrivals = defaultdict(list)  # by API key ("": unsigned): seconds
        super().__init__()
        self.listener.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)  # each connection's, too
        self.url = f"http://127.0.0.1:{self.port}"

    def _serve(self, sock):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with sock:
            while True:
                try:
                    request, ancillary, _, _ = sock.recvmsg(65536, 256)
                except ConnectionResetError:
                    return
                if not request:
                    return
                self._note(request, next(TIMESPEC.unpack(data[:16]) for _, kind, data in ancillary if kind == SO_TIMESTAMPNS))
                sock.sendall(http_answer(SUCCESS))

    def _note(self, request, moment):
        assert b"\r\n\r\n" in request
        key = re.search(rb"\r\nX-CS-APIKEY: ([0-9a-f]+)\r\n", request)
        with self.lock:
            self.arrivals[key[1].decode() if key else ""].append(moment[0] + moment[1] / 1e9)

    def of(self, *keys):
        """When requests with these keys (none named: all) arrived, in order."""
        with self.lock:
            return sorted(moment for key, moments in self.arrivals.items() if not keys or key in keys for moment in moments)


def most_in(moments, window_s):
    """The largest number of moments in any stretch of that length, its end left out."""
    return max((bisect.bisect_left(moments, moment + window_s) - index for index, moment in enumerate(moments)), default=0)


def share_of_allowed(moments, count, window_s):
    """How much of what is allowed left: over as many whole counts of requests as there are, from the first on."""
    rounds = (len(moments) - 1) // count
    assert rounds >= 2, f"{len(moments)} are too few to tell"
    return rounds * window_s / (moments[rounds * count] - moments[0])
