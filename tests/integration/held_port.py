"""A port that is this test's for as long as it wants it. One that was merely let go is another test's a moment later."""
import socket

TRIES = 50


class HeldPort:
    """Bound on both loopbacks and not listening: connections are refused. A server that is told to may listen at it (both set
    SO_REUSEADDR); whoever asks the kernel for any port is given another."""

    def __init__(self):
        for _ in range(TRIES):
            self.four, self.six = socket.socket(), socket.socket(socket.AF_INET6)
            for sock in (self.four, self.six):
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self.four.bind(("127.0.0.1", 0))
            self.port = self.four.getsockname()[1]
            try:
                self.six.bind(("::1", self.port))
                return
            except OSError:
                self.close()
        raise AssertionError("no port is free on both loopbacks")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.four.close()
        self.six.close()
