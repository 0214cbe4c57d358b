"""Part roundtrip: an exchange that is 50 ms away, and a client that opens a new connection for each order, straight to the exchange
and through the proxy. The exchange closes connections that were idle for KEEPALIVE_S."""
import json
import os
import subprocess
import sys
import time
from contextlib import contextmanager

from . import delay_line, order_client, ours
from .open_loop import REQUEST
from .processes import Keeper, Missing, listens_there, wait_until
from .rig import TARGET, certificates, environment, start_nginx, tool
from .table import say, show, table

ONE_WAY_MS = 25
NEAR, FAR, PORT = "198.18.0.1", "198.18.0.2", 9443  # RFC 2544: for tests of networks; namespaces of our own
KEEPALIVE_S = 10
TLS = "ssl_protocols TLSv1.2 TLSv1.3;"  # the latter saves whoever goes direct a round trip
BURST = 50
PACE_WINDOW_S = 3.2  # after so long the exchange's limits have room for a burst again
MINUTE_S = 60


@contextmanager
def line(keeper, folder):
    """The commands that start a program near to the client and far from it."""
    tool("ip", "iproute2")
    own_user = [] if os.geteuid() == 0 else [tool("unshare", "util-linux"), "--user", "--map-root-user"]
    log = folder / "line.log"
    with log.open("wb") as errors:
        process = keeper.start(*own_user, sys.executable, delay_line.__file__, ONE_WAY_MS, NEAR, FAR, env=environment(),
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors)
    said = process.stdout.readline().decode().split()
    if len(said) != 3:
        raise Missing(f"this machine gives no network namespace with a TUN interface ({log.read_text().strip().splitlines()[-1]}): "
                      "run it as root, with /dev/net/tun")
    user = [f"--user=/proc/{said[0]}/ns/user", "--preserve-credentials"] if own_user else []
    yield tuple([tool("nsenter"), *user, f"--net=/proc/{said[0]}/fd/{descriptor}"] for descriptor in said[1:])


class Client:
    """order_client.py, near."""

    def __init__(self, keeper, folder, near):
        request = folder / "request"
        request.write_text(REQUEST)
        self.process = keeper.start(*near, sys.executable, order_client.__file__, folder / "ca.pem", request, env=environment(),
                                    stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def _ask(self, *words):
        self.process.stdin.write((" ".join(words) + "\n").encode())
        self.process.stdin.flush()
        answer = json.loads(self.process.stdout.readline() or '{"error": "the client ended"}')
        if isinstance(answer, dict):
            raise RuntimeError(f"{' '.join(words)}: {answer['error']}")
        return answer

    def order(self, url):
        return self._ask("order", url)

    def last_of_burst(self, url):
        return max(self._ask("burst", str(BURST), url))


class Scene:
    """The exchange far away, some proxies near, each with a folder of its own, and the client."""

    def __init__(self, keeper, binary, folder, near, far):
        self.keeper, self.binary, self.folder, self.near = keeper, binary, folder, near
        certificates(folder, f"IP:{FAR}")
        process, log = start_nginx(keeper, folder, "upstream", f"{FAR}:{PORT}", before=far, KEEPALIVE=f"{KEEPALIVE_S}s", TLS=TLS)
        wait_until("nginx listens", lambda: listens_there(process.pid, PORT), process, log)
        self.exchange = f"https://{FAR}:{PORT}"
        self.direct = f"{self.exchange}{TARGET}"
        self.client = Client(keeper, folder, near)
        self.took = {}

    def start(self, name, **upstream):
        """Returns when it listens."""
        own = self.folder / str(name)
        own.mkdir(exist_ok=True)
        (own / "ca.pem").write_bytes((self.folder / "ca.pem").read_bytes())
        proxy = ours.Countersign(self.keeper, self.binary, own, self.exchange, before=self.near, wait=False, upstream=upstream)
        wait_until("countersign listens", lambda: listens_there(proxy.pid, proxy.port), proxy.process, proxy.log)
        return proxy

    def note(self, what, milliseconds):
        self.took.setdefault(what, []).append(milliseconds)

    def order(self, what, proxy):
        self.note(what, self.client.order(proxy.url))

    def starts(self, count):
        """The first order after each start; the proxies, which go on."""
        proxies = []
        for number in range(count):
            proxy = self.start(number)
            self.order("first order, once it listens", proxy)
            self.keeper.end(proxy.process)
            proxy = self.start(number)
            time.sleep(1)
            self.order("first order, 1 s after the start", proxy)
            proxies.append(proxy)
        return proxies

    def orders(self, count, proxy):
        for _ in range(count):
            self.note("direct", self.client.order(self.direct))
            self.order("through the proxy", proxy)

    def bursts(self, proxies):
        """The first burst meets the connections that the proxy has without one; the second those of the first. Others have as many
        from the start."""
        ready = [self.start(f"ready-{number}", warm=BURST) for number in range(len(proxies))]
        time.sleep(PACE_WINDOW_S)
        for proxy, other in zip(proxies, ready):
            self.note(f"burst of {BURST}, last answer, direct", self.client.last_of_burst(self.direct))
            self.note(f"burst of {BURST}, last answer, first", self.client.last_of_burst(proxy.url))
            self.note(f"burst of {BURST}, last answer, first, warm = {BURST}", self.client.last_of_burst(other.url))
        for other in ready:
            self.keeper.end(other.process)
        time.sleep(PACE_WINDOW_S)
        for proxy in proxies:
            self.note(f"burst of {BURST}, last answer, again", self.client.last_of_burst(proxy.url))

    def pause(self, what, seconds, proxies):
        time.sleep(seconds)
        for proxy in proxies:
            self.order(what, proxy)


def print_figures(rows):
    cells = [(what, of["orders"], *(show(of[key], 1) for key in ("p50_ms", "least_ms", "most_ms"))) for what, of in rows.items()]
    say(table(f"an exchange {2 * ONE_WAY_MS} ms away, a new connection for each order, ms", ("", "n", "p50", "least", "most"), cells))


def figures_of(took):
    found = {}
    for what, each in took.items():
        ordered = sorted(each)
        found[what] = {"orders": len(each), "p50_ms": ordered[(len(ordered) - 1) // 2], "least_ms": ordered[0], "most_ms": ordered[-1]}
    return found


def run(options):
    count = 3 if options.quick else 5
    say(f"\nround trip: {2 * ONE_WAY_MS} ms away; the exchange closes connections that are idle for {KEEPALIVE_S} s")
    with options.scratch() as folder, Keeper() as keeper, line(keeper, folder) as (near, far):
        scene = Scene(keeper, options.binary, folder, near, far)
        proxies = scene.starts(count)
        scene.orders(10 if options.quick else 30, proxies[0])
        scene.bursts(proxies)
        scene.pause("after the exchange closed an idle connection", KEEPALIVE_S + 2, proxies)
        if not options.quick:
            scene.pause("after a minute without traffic", MINUTE_S, proxies)
    result = {"round_trip_ms": 2 * ONE_WAY_MS, "exchange_closes_idle_after_s": KEEPALIVE_S, "rows": figures_of(scene.took)}
    print_figures(result["rows"])
    return result
