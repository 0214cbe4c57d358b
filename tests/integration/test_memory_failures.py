"""When memory is out: a library between the program and its allocator makes allocations fail in the proxy process, one
after the other and many at once. The proxy does not crash, sends nothing twice, answers in whole answers or not at all,
knows afterwards of every request that left, and serves as before."""
import mmap
import re
import struct

import pytest

import store
from program import binary, is_alive, poll
from rawhttp import Client, Ended, build_request, connect
from upstream import SUCCESS, closes_without_answer, http_answer, sends, sends_and_closes

ACTIVE = "/api/trade/order/active"
PLACE = "/api/trade/order/place"
LIBRARY = binary().parent / "tests" / "libfailing_memory.so"
TAG = re.compile(rb"tag=([a-z0-9-]+)")
QUICK = {"upstream spot": {"timeout": "2s", "connect_timeout": "1s"}}

# The sanitizers bring allocators of their own, which no library can stand before.
pytestmark = [pytest.mark.once, pytest.mark.skipif(not LIBRARY.exists(), reason=f"there is no {LIBRARY.name} in this build")]


class Memory:
    """The file that the library obeys: see tests/inject/failing_memory.c."""

    EVERY, ONLY, COUNTED, FAILED = range(4)

    def __init__(self, path):
        self.path = path
        path.write_bytes(bytes(32))
        with path.open("r+b") as file:
            self.map = mmap.mmap(file.fileno(), 32)

    def get(self, what):
        return struct.unpack_from("<Q", self.map, 8 * what)[0]

    def set(self, what, value):
        struct.pack_into("<Q", self.map, 8 * what, value)

    def fail_once(self, ahead):
        """The allocation so many ahead of those that were made."""
        self.set(self.ONLY, self.get(self.COUNTED) + ahead)

    def fail_every(self, number):
        self.set(self.EVERY, number)

    def give(self):
        self.set(self.EVERY, 0)
        self.set(self.ONLY, 0)


@pytest.fixture
def memory(tmp_path, env):
    memory = Memory(tmp_path / "memory")
    env.update(LD_PRELOAD=str(LIBRARY), TEST_FAILING_MEMORY=str(memory.path))
    yield memory
    memory.give()


class Orders:
    """Requests with a tag each, and what became of them: an answer, or None where the connection ended without one."""

    def __init__(self, proxy):
        self.proxy = proxy
        self.address = proxy.address()
        self.became = {}

    def send(self, tag, method="POST"):
        self.became[tag] = self._ask(tag, method)
        return self.became[tag]

    def _ask(self, tag, method):
        try:
            with Client(connect(self.address)) as client:
                body = b'{"clOrdId":"%s"}' % tag.encode() if method == "POST" else None
                return client.exchange(build_request(method, f"{PLACE}?tag={tag}", [("X-A", "b")], body))
        except (Ended, ConnectionError):
            return None

    def check(self, upstream, state_dir):
        """After the end: against what the exchange received and what the record says."""
        arrived = [tag for request in upstream.requests(PLACE) for tag in TAG.findall(request.line)]
        orders = [tag for request in upstream.requests(PLACE) for tag in TAG.findall(request.line)
                  if request.method == "POST"]
        assert sorted(orders) == sorted(set(orders)), "an order was sent twice"
        recorded = {TAG.search(row.target).group(1): row for row in store.exchanges(state_dir) if TAG.search(row.target)}
        lost = [tag for tag in arrived if tag not in recorded]
        assert lost == [], f"left, and nowhere in the record: {lost}"
        wrong = [str(recorded[tag]) for tag in arrived if recorded[tag].outcome in (b"refused", b"not_sent", b"in_flight")]
        assert wrong == []
        for tag, answer in self.became.items():
            if answer is not None:
                check_answer(answer, tag.encode() in arrived)
        assert store.is_sound(state_dir)


def check_answer(answer, has_arrived):
    """Whole (the client has read it by its length), and true."""
    if answer.status == 200:
        assert has_arrived
        assert (answer.body, answer.outcome) == (SUCCESS, "ok") or answer.outcome == "api_error 1401"  # unsigned: observe
    elif answer.error == "answer-unsendable":
        assert answer.status == 502 and has_arrived
    elif answer.outcome in ("refused", "not_sent"):
        assert not has_arrived
    elif answer.outcome is None:  # no memory for more than a status line; 503 says that nothing was sent
        assert answer.body == b"" and (answer.status == 502 or (answer.status, has_arrived) == (503, False))
    else:
        assert answer.outcome == "unknown" and answer.status in (502, 504)


def serves(proxy):
    with proxy.client() as client:
        return all(client.request("GET", ACTIVE).body == SUCCESS for _ in range(3))


def checked_end(proxy, pid, orders, upstream, state_dir):
    assert is_alive(pid), "the proxy crashed"
    assert serves(proxy)
    proxy.stop()
    orders.check(upstream, state_dir)


@pytest.mark.parametrize("method", ["POST", "GET"])
def test_any_single_allocation_of_a_request_may_fail(start, memory, upstream, state_dir, method):
    proxy = start(QUICK)
    pid, orders = proxy.proxy_pid, Orders(proxy)
    assert serves(proxy)
    for ahead in range(1, 120):
        memory.fail_once(ahead)
        orders.send(f"n-{ahead}", method)
    memory.give()
    assert memory.get(memory.FAILED) > 60
    checked_end(proxy, pid, orders, upstream, state_dir)


@pytest.mark.parametrize("behaviour", [sends_and_closes(http_answer(SUCCESS)), closes_without_answer,
                                       sends(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n{}1234")],
                         ids=["a new connection each time", "no answer", "an answer that is none"])
def test_allocations_of_connecting_and_of_failing_may_fail(start, memory, upstream, state_dir, behaviour):
    upstream.script(PLACE, behaviour)
    proxy = start(QUICK)
    pid, orders = proxy.proxy_pid, Orders(proxy)
    before = memory.get(memory.COUNTED)
    orders.send("measured")
    whole = memory.get(memory.COUNTED) - before
    for ahead in [*range(1, 20), *range(20, whole + 40, max(1, whole // 25))]:
        memory.fail_once(ahead)
        orders.send(f"n-{ahead}")
    memory.give()
    checked_end(proxy, pid, orders, upstream, state_dir)


@pytest.mark.parametrize("changes", [{}, {"capture": {"durability": "power"}}, {"listener bot": {"mode": "dry-run"}},
                                     {"listener bot": {"mode": "observe"}}, {"proxy": {"workers": 2}}],
                         ids=["sign", "power", "dry-run", "observe", "two workers"])
def test_many_allocations_at_once_may_fail(start, memory, upstream, state_dir, changes):
    proxy = start({**QUICK, **changes})
    pid, orders = proxy.proxy_pid, Orders(proxy)
    assert serves(proxy) or changes
    for every in (2, 3, 5, 7, 11, 17, 29, 47, 83, 131, 211, 401):
        memory.fail_every(every)
        for number in range(8):
            orders.send(f"e-{every}-{number}")
        memory.give()
        orders.send(f"between-{every}")
    assert memory.get(memory.FAILED) > 30
    assert is_alive(pid), "the proxy crashed"
    if changes.get("listener bot", {}).get("mode") == "dry-run":
        assert orders.send("afterwards").outcome == "dry_run" and upstream.requests(PLACE) == []
        return
    assert poll("it serves again", lambda: orders.send("afterwards") is not None)
    proxy.stop()
    orders.check(upstream, state_dir)


def test_any_allocation_at_start_may_fail(launch, programs, memory, sections):
    """Without the sandbox, whose library (libseccomp 2.5) crashes or turns in circles where its own allocations fail: then
    nothing was served yet."""
    sections["proxy"]["sandbox"] = "off"
    launch().wait_until_ready().stop()
    whole = memory.get(memory.COUNTED)
    for number in [*range(1, 10), *range(10, whole, max(1, whole // 20))]:
        memory.set(memory.COUNTED, 0)
        memory.set(memory.ONLY, number)
        proxy = launch()
        poll("it is ready, or has ended", lambda: proxy.events("ready") or proxy.process.poll() is not None)
        memory.give()
        if proxy.process.poll() is None:
            assert serves(proxy), f"allocation {number}"
            proxy.stop()
        else:
            assert proxy.wait() in (2, 3), f"allocation {number}: {proxy.output()}"
            assert "memory" in proxy.output(), f"allocation {number}: {proxy.output()}"
    programs.clear()  # they have ended
