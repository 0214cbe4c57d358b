"""Many client connections that send their requests in every way that the kernel may tell of: pipelined, in pieces, half-closed, reset, slowly.
Each request is answered, or its connection ends; soon, and not because an idle timeout ran out."""
import os
import random
import socket
import struct
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from rawhttp import build_request, chunked, connect

pytestmark = [pytest.mark.timeout(400)]

SOON_S = 12  # far below proxy.idle_timeout and proxy.request_timeout
SEED = int(os.environ.get("STRESS_SEED", "0")) or random.randrange(1 << 30)
SECONDS = float(os.environ.get("STRESS_SECONDS", "8"))
THREADS = int(os.environ.get("STRESS_THREADS", "32"))
ORDER = b'{"symbol":"BTCUSDT","side":"BUY","ordType":"LIMIT","ordPrice":"20000","ordQty":"0.001","timestamp":1770742394290}'


def request(dice):
    kind = dice.randrange(7)
    if kind == 0:
        return build_request("GET", "/api/v1/ticker/price")
    if kind == 1:
        return build_request("GET", "/api/trade/order/active")
    if kind == 2:
        return build_request("POST", "/api/trade/order/active", [("Content-Type", "application/json")], b"x" * dice.choice((1, 1000, 70000)))
    if kind == 3:
        parts = [b"y" * dice.randrange(1, 5000) for _ in range(dice.randrange(1, 5))]
        return build_request("POST", "/api/x", [("Transfer-Encoding", "chunked")]) + chunked(*parts)
    if kind == 4:
        return build_request("GET", "/api/v1/market/depth/BTCUSDT?depth=5", [("X-Long", "z" * dice.choice((10, 3000, 8000)))])
    if kind == 5:
        return build_request("GET", "/api/v1/ticker/price")
    return build_request("POST", "/api/trade/order/place", [("Content-Type", "application/json"), ("Expect", "100-continue")][: dice.randrange(1, 3)], ORDER)


def pieces(dice, data):
    style = dice.randrange(4)
    if style == 0:
        return [data]
    if style == 1:
        cuts = sorted(dice.randrange(len(data)) for _ in range(dice.randrange(1, 6)))
    elif style == 2:
        cuts = list(range(0, min(len(data), 300), 7))
    else:
        cuts = [len(data) - dice.randrange(1, min(len(data), 60))]
    cuts = [0, *cuts, len(data)]
    return [data[a:b] for a, b in zip(cuts, cuts[1:]) if b > a]


class Answers:
    """Counts whole answers."""
    def __init__(self):
        self.data = b""
        self.count = 0
        self.statuses = []

    def feed(self, more):
        self.data += more
        while b"\r\n\r\n" in self.data:
            head, _, rest = self.data.partition(b"\r\n\r\n")
            status = int(head.split()[1])
            if status == 100:
                self.data = rest
                continue
            length = next((int(l.split(b":")[1]) for l in head.split(b"\r\n") if l.lower().startswith(b"content-length:")), 0)
            if len(rest) < length:
                return
            self.data = rest[length:]
            self.count += 1
            self.statuses.append(status)


def one_connection(address, seed):
    dice = random.Random(seed)
    sock = connect(address)
    sock.settimeout(0.002)
    if not address.startswith("unix:"):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    count = dice.randrange(1, 7)
    requests = [request(dice) for _ in range(count)]
    end = dice.choice(("kept", "kept", "half", "half", "half-partial", "reset", "close"))
    if dice.randrange(2):
        todo = pieces(dice, b"".join(requests))  # pipelined
        waits = False
    else:
        todo = [part for one in requests for part in pieces(dice, one)]
        waits = dice.randrange(2)
    if end == "half-partial":
        todo.append(request(dice)[: dice.randrange(1, 30)])
    answers = Answers()
    started = time.monotonic()
    what = f"seed {seed} end {end} count {count} parts {len(todo)}"
    try:
        sent = 0
        for index, part in enumerate(todo):
            view = part
            if index == len(todo) - 1 and end.startswith("half") and dice.randrange(2):
                sock.setsockopt(socket.IPPROTO_TCP, 3, 1) if not address.startswith("unix:") else None  # TCP_CORK: FIN with it
            while view:
                try:
                    done = sock.send(view)
                    view = view[done:]
                except (TimeoutError, BlockingIOError):
                    pass
                if view:
                    try:
                        more = sock.recv(65536)
                        if not more:
                            return what, None if end != "kept" else "ended early"
                        answers.feed(more)
                    except (TimeoutError, BlockingIOError):
                        assert time.monotonic() < started + 60, "cannot send: " + what
            sent += len(part)
            if dice.randrange(3) == 0:
                time.sleep(dice.choice((0, 0.0003, 0.002, 0.03)))
        if end == "reset":
            if dice.randrange(2):
                time.sleep(0.01)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            return what, None
        if end == "close":
            return what, None
        if end.startswith("half"):
            try:
                sock.shutdown(socket.SHUT_WR)
            except OSError:
                return what, None  # it ended
        last = time.monotonic()
        while True:
            if end == "kept" and answers.count == count:
                break
            try:
                more = sock.recv(dice.choice((100, 65536)))
                if not more:
                    if end == "kept":
                        return what, f"ended after {answers.count} answers {answers.statuses}"
                    break
                answers.feed(more)
                last = time.monotonic()
            except (TimeoutError, BlockingIOError):
                if time.monotonic() - last > SOON_S:
                    return what, f"HANG: {answers.count} answers of {count} {answers.statuses}, nothing since {SOON_S} s"
        if end == "kept" and answers.count != count:
            return what, f"{answers.count} answers"
        return what, None
    except (ConnectionResetError, BrokenPipeError) as failure:
        return what, None if end != "kept" or any(status >= 500 or status in (400, 408, 413) for status in answers.statuses) else f"{failure!r} after {answers.count} {answers.statuses}"
    finally:
        sock.close()


@pytest.mark.parametrize("kind", ["tcp", "unix"])
def test_each_request_is_answered_or_its_connection_ended(start, launch_mock, tmp_path, kind):
    mock = launch_mock("--latency", "1ms", "--jitter", "8ms")
    listen = {"tcp": "127.0.0.1:0", "unix": f"unix:{tmp_path}/bot"}[kind]
    proxy = start({"proxy": {"workers": 2, "state_dir": tmp_path / "state", "admin": "", "pace": "off"},
                   "upstream spot": {"url": f"http://{mock.address}", "ca_file": "", "warm": 0},
                   "listener bot": {"listen": listen}})
    address = proxy.address() if kind == "tcp" else listen
    dice = random.Random(SEED)
    end = time.monotonic() + SECONDS

    def worker(seed):
        own = random.Random(seed)
        found = []
        done = 0
        while time.monotonic() < end:
            what, fault = one_connection(address, own.randrange(1 << 40))
            done += 1
            if fault:
                found.append((what, fault))
        return done, found
    with ThreadPoolExecutor(THREADS) as pool:
        results = list(pool.map(worker, [dice.randrange(1 << 40) for _ in range(THREADS)]))
    print("connections", sum(done for done, _ in results), "seed", SEED)
    faults = [fault for _, found in results for fault in found]
    assert not faults, f"seed {SEED}: {len(faults)}\n" + "\n".join(map(str, faults[:40]))
