"""A client that opens a new connection for each order, as the exchange's own Python examples do; runs inside the namespace that is
far from the exchange. Takes commands on standard input, one a line, and answers each with one line of JSON: milliseconds.

    order URL                one order: from before the connection is opened until the answer is whole
    burst COUNT URL          so many at once, each on a connection of its own: each one's time from the moment that all may begin
"""
import json
import selectors
import socket
import ssl
import sys
import threading
import time
from urllib.parse import urlsplit

TIMEOUT_S = 15


class Client:
    def __init__(self, ca_file, request):
        self.context = ssl.create_default_context(cafile=ca_file)  # once: reading it is no part of an order
        self.request = request

    def order(self, url):
        """Milliseconds."""
        parts = urlsplit(url)
        begun = time.perf_counter()
        with socket.create_connection((parts.hostname, parts.port), TIMEOUT_S) as plain:
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if parts.scheme == "https":
                with self.context.wrap_socket(plain, server_hostname=parts.hostname) as sock:
                    ask(sock, self.request)
                    return (time.perf_counter() - begun) * 1000
            ask(plain, self.request)
            return (time.perf_counter() - begun) * 1000

    def burst(self, count, url):
        """Milliseconds of each, from when all may begin."""
        parts = urlsplit(url)
        if parts.scheme == "http":
            return burst_without_threads(count, (parts.hostname, parts.port), self.request)
        ended, begun = [None] * count, []
        gate = threading.Barrier(count, action=lambda: begun.append(time.perf_counter()))

        def one(number):
            gate.wait()
            self.order(url)
            ended[number] = time.perf_counter()
        threads = [threading.Thread(target=one, args=(number,)) for number in range(count)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if None in ended:
            raise ConnectionError(f"{ended.count(None)} orders of the burst got no answer")
        return [(end - begun[0]) * 1000 for end in ended]


def burst_without_threads(count, address, request):
    """Connecting on this machine takes no time worth a thread, and threads would take more of it than the proxy."""
    took, begun = [], time.perf_counter()
    with selectors.DefaultSelector() as selector:
        for _ in range(count):
            sock = socket.create_connection(address, TIMEOUT_S)
            sock.sendall(request)
            selector.register(sock, selectors.EVENT_READ)
        while selector.get_map():
            ready = selector.select(TIMEOUT_S)
            if not ready:
                raise TimeoutError(f"{len(selector.get_map())} orders of the burst got no answer")
            for key, _ in ready:
                take(key.fileobj)  # it is small: what has begun is there
                took.append((time.perf_counter() - begun) * 1000)
                selector.unregister(key.fileobj)
                key.fileobj.close()
    return took


def ask(sock, request):
    """Sends it and takes the whole answer, which must be 200."""
    sock.sendall(request)
    take(sock)


def take(sock):
    answer = b""
    while not is_whole(answer):
        more = sock.recv(65536)
        if not more:
            raise ConnectionError(f"the connection ended behind {answer!r}")
        answer += more
    if not answer.startswith(b"HTTP/1.1 200 "):
        raise ValueError(f"not 200: {answer!r}")


def is_whole(answer):
    head, mark, body = answer.partition(b"\r\n\r\n")
    if not mark:
        return False
    return len(body) >= int(head.lower().rpartition(b"content-length:")[2].split(b"\r\n")[0])


def main():
    sys.setswitchinterval(0.0005)  # threads of a burst wait for the network, not for one another
    client = Client(sys.argv[1], open(sys.argv[2], "rb").read())  # pylint: disable=consider-using-with
    for line in sys.stdin:
        words = line.split()
        try:
            took = client.order(words[1]) if words[0] == "order" else client.burst(int(words[1]), words[2])
            print(json.dumps(took), flush=True)
        except (OSError, ValueError) as error:
            print(json.dumps({"error": str(error)}), flush=True)


if __name__ == "__main__":
    main()
