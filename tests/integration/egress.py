"""An egress proxy of the tests' own, and the bytes that it passes on."""
import socket
import threading

from peer import Peer
from rawhttp import Stream


def relay(source, sink):
    try:
        while data := source.recv(65536):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        pass  # one of both ends is gone


class Egress(Peer):
    """An HTTP proxy at `address` that answers CONNECT with `status` and then passes bytes on to `leads_to`, from
    `leaves_from` (empty: from where the kernel says)."""

    def __init__(self, status="200 Connection established", address="127.0.0.1", leads_to="127.0.0.1", leaves_from=""):
        self.status = status
        self.leads_to = leads_to
        self.leaves_from = leaves_from
        self.asked = []
        super().__init__(address)
        self.url = f"http://{address}:{self.port}"

    def _serve(self, sock):
        with sock:
            line = Stream(sock).take_head().split(b"\r\n")[0].decode()
            self.asked.append(line)
            sock.sendall(f"HTTP/1.1 {self.status}\r\n\r\n".encode())
            if self.status.startswith("200"):
                self._tunnel(sock, int(line.split()[1].rpartition(":")[2]))

    def _tunnel(self, sock, port):
        source = (self.leaves_from, 0) if self.leaves_from else None
        with socket.create_connection((self.leads_to, port), source_address=source) as onward:
            back = threading.Thread(target=relay, args=(onward, sock), daemon=True)
            back.start()
            relay(sock, onward)
            back.join()
