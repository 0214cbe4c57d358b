"""A real browser with pages that would like to trade: nothing of what they try gets to the exchange, and nothing of an answer
gets to them. The pages do the same to a server that lets them, first: what does not arrive there proves nothing here."""
import html
import http.server
import json
import shutil
import socket
import subprocess
import threading
import time
import urllib.parse
from contextlib import contextmanager
from pathlib import Path

import pytest

import store
from program import poll
from rawhttp import DEADLINE_S

PAGES = Path(__file__).parent / "pages"
TICKERS = "/api/v1/market/tickers"
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync", "--disable-extensions", "--disable-popup-blocking", "--mute-audio",
         "--disable-dev-shm-usage", "--disable-renderer-backgrounding", "--disable-background-timer-throttling",
         "--disable-backgrounding-occluded-windows", "--autoplay-policy=no-user-gesture-required"]
REBOUND_ADDRESS = "127.0.0.9"  # where the attacker's name leads, at the proxy's own port, before and after it is rebound

PATIENCE_S = 100

ATTACKERS = {"same-site", "localhost", "plain-name", "rebound-site", "rebound"}
# What needs nobody's consent, what asks first by a preflight, what a page can do to its own origin alone, and what no
# browser lets it say.
SIMPLE = {"fetch-cors-GET", "fetch-cors-POST", "fetch-cors-plain", "fetch-no-cors-POST", "fetch-no-cors-plain",
          "fetch-keepalive", "fetch-no-referrer", "beacon", "xhr-GET-none", "xhr-POST-plain", "event-source", "web-socket",
          "image", "script", "module", "style", "font", "frame", "frame-refresh", "frame-location", "form-get",
          "form-plain", "form-urlencoded", "form-multipart", "window", "window-form", "worker-fetch"}
ASKS_FIRST = {"fetch-cors-PUT", "fetch-cors-PATCH", "fetch-cors-DELETE", "fetch-cors-json", "fetch-own-field",
              "xhr-POST-json", "xhr-DELETE-none"}
ITS_OWN = {f"fetch-same-origin-{what}" for what in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "json", "plain",
                                                    "form")}
NEEDS_ITS_ORIGIN = {"service-worker"}
CANNOT_BE_SAID = {f"fetch-no-cors-{method}" for method in ("PUT", "PATCH", "DELETE", "OPTIONS")}
MAY_BE_PUT_OFF = {"video", "audio"}  # until somebody can see them
READABLE = {"fetch-cors-GET", "fetch-cors-json", "xhr-POST-json", "fetch-cors-DELETE"}


def attack_of(target):
    query = urllib.parse.parse_qs(urllib.parse.urlsplit(target).query)
    return query.get("page", [""])[0], query.get("attack", [""])[0]


class Page(http.server.BaseHTTPRequestHandler):
    """The attacker's server: its pages, and what they report."""
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, status, body=b"", kind="text/plain", fields=()):
        self.send_response(status)
        for name, value in [("Content-Type", kind), ("Content-Length", str(len(body))), ("Connection", "close"),
                            ("Cache-Control", "no-store"), *fields]:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body if self.command != "HEAD" else b"")
        self.close_connection = True

    def do_GET(self):
        name = urllib.parse.urlsplit(self.path).path.lstrip("/")
        if name in ("attack.html", "attack.js"):
            self.answer(200, (PAGES / name).read_bytes(), "text/html" if name.endswith("html") else "text/javascript")
        elif name == "all.html":
            frames = "".join(f'<iframe src="{html.escape(address)}"></iframe>\n' for address in self.server.pages)
            self.answer(200, f"<!doctype html>{frames}".encode(), "text/html")
        else:
            self.answer(404)

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.answer(200)
        if self.path == "/rebind":
            self.server.rebound.set()
        else:
            self.server.reports.append((self.path.strip("/"), json.loads(body)))


class Willing(Page):
    """A server that allows everything to everyone: what a page can do arrives here."""

    def take(self):
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.command != "OPTIONS" or attack_of(self.path)[1].endswith("OPTIONS"):
            self.server.reports.append((self.command, self.path))
        origin = self.headers.get("Origin", "*")
        self.answer(200, b'{"code":0}', "application/json", [
            ("Access-Control-Allow-Origin", origin), ("Access-Control-Allow-Credentials", "true"),
            ("Access-Control-Allow-Methods", "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"),
            ("Access-Control-Allow-Headers", "content-type, x-cs-apikey"),
            ("Access-Control-Allow-Private-Network", "true"), ("Access-Control-Allow-Local-Network", "true")])

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = take


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, handler, address=("127.0.0.1", 0)):
        super().__init__(address, handler)
        self.pages = []
        self.reports = []
        self.rebound = threading.Event()
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    @property
    def place(self):
        return f"127.0.0.1:{self.server_address[1]}"

    def handle_error(self, *_):
        pass  # a browser leaves as it likes


class Rebinding(Server):
    """The attacker's name at the proxy's own port: first it leads to the attacker's page, and once that asks for it, to the
    proxy, as where DNS answers anew. To the browser both are one origin."""

    def __init__(self, port):
        super().__init__(Page, (REBOUND_ADDRESS, port))

    def process_request_thread(self, request, client_address):
        if not self.rebound.is_set():
            super().process_request_thread(request, client_address)
            return
        with socket.create_connection(("127.0.0.1", self.server_address[1])) as proxy, request:
            back = threading.Thread(target=pump, args=(proxy, request), daemon=True)
            back.start()
            pump(request, proxy)
            back.join()


def pump(source, sink):
    try:
        while data := source.recv(65536):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        pass  # one of the two left


def command(profile, *arguments):
    browser = shutil.which("chromium")
    assert browser, "chromium is not installed (tests/run.sh installs it)"
    return [browser, *FLAGS, f"--user-data-dir={profile}", *arguments]


@contextmanager
def browsing(profile, *arguments):
    """A browser of its own, which stays as long as the block."""
    with open(profile.with_suffix(".log"), "wb") as log, \
            subprocess.Popen(command(profile, "--remote-debugging-port=0", *arguments), stdout=log, stderr=log) as process:
        try:
            yield
        finally:
            process.terminate()
            process.wait(DEADLINE_S)


def wait_until_nothing_is_missing(missing):
    """Waits for missing() to be empty. A busy machine lets a browser take its time."""
    deadline = time.monotonic() + PATIENCE_S
    while left := missing():
        assert time.monotonic() < deadline, f"these did not arrive, though they may: {left}"
        time.sleep(0.1)


def address_of(page, origin, target, report, rebind):
    query = {"page": page, "target": target, "report": f"http://{report}", **({"rebind": 1} if rebind else {})}
    return f"http://{origin}/attack.html?{urllib.parse.urlencode(query)}"


@pytest.mark.once
@pytest.mark.timeout(240)
def test_no_page_gets_anything_through_or_reads_anything(proxy, upstream, state_dir, tmp_path):
    port = proxy.address().rpartition(":")[2]
    attacker, willing, rebinding = Server(Page), Server(Willing), Rebinding(int(port))
    here, there = attacker.place, f"127.0.0.1:{port}"
    its_port = here.rpartition(":")[2]
    attacker.pages = [address_of(page, origin, target, here, page == "rebound") for page, origin, target in [
        ("willing", f"localhost:{its_port}", willing.place),
        ("same-site", here, there),                                     # another program's page on this machine
        ("localhost", f"localhost:{its_port}", there),                  # cross-site, a secure context
        ("plain-name", f"attacker.test:{its_port}", there),             # any page on the web
        ("rebound-site", f"rebound.test:{its_port}", f"rebound.test:{port}"),
        ("rebound", f"evil.test:{port}", f"evil.test:{port}")]]         # one origin, by a name that was made to lead here
    with browsing(tmp_path / "profile", "--host-resolver-rules=MAP attacker.test 127.0.0.1, MAP rebound.test 127.0.0.1, "
                  f"MAP evil.test {REBOUND_ADDRESS}", f"http://{here}/all.html"):
        wait_until_nothing_is_missing(lambda: what_is_missing(attacker, willing, proxy))
    proxy.stop()
    check_what_was_read(attacker)
    check_what_arrived(store.exchanges(state_dir), upstream)


def reports(attacker, kind):
    return [report for given, report in list(attacker.reports) if given == kind]


def what_is_missing(attacker, willing, proxy):
    """What has not arrived yet, for each page. Where it is let, every attack must arrive, or it is a mistake in this test;
    at the proxy, what needs nobody's consent."""
    tried = {report["page"]: set(report["text"].split()) for report in reports(attacker, "tried")}
    over = {report["page"] for report in reports(attacker, "over")}
    seen = seen_by((event["method"], event["target"]) for event in proxy.events("exchange"))
    missing = {page: {"to begin"} for page in ATTACKERS | {"willing"} if page not in tried}
    missing |= {page: {"to end"} for page in set(tried) - over}
    wanted = {page: SIMPLE | ASKS_FIRST | (ITS_OWN if page == "rebound" else set()) for page in ATTACKERS}
    wanted["willing"] = tried.get("willing", set()) - NEEDS_ITS_ORIGIN - CANNOT_BE_SAID - ITS_OWN - MAY_BE_PUT_OFF
    came = {**seen, **seen_by(list(willing.reports))}
    missing |= {page: left for page, names in wanted.items() if (left := names - came.get(page, set()))}
    read = {report["attack"] for report in reports(attacker, "read") if report["page"] == "willing"}
    return missing or READABLE - read


def seen_by(requests):
    """{page: attacks}. At the proxy a preflight counts, which it refuses; the willing server notes what comes behind it."""
    seen = {}
    for _, target in requests:
        page, attack = attack_of(target)
        seen.setdefault(page, set()).add(attack)
    return seen


def check_what_arrived(exchanges, upstream):
    assert upstream.everything == []
    assert len(exchanges) > 100
    for exchange in exchanges:
        assert (exchange.outcome, exchange.status) == (b"refused", 403), exchange
        assert exchange.error_name in (b"browser", b"host"), exchange
        assert exchange.upstream_request == b""
        assert b"access-control" not in exchange.client_response.lower()


def check_what_was_read(attacker):
    """A rebound page reads what its own name answers: the refusal. The others read nothing."""
    read = [report for report in reports(attacker, "read") if report["page"] != "willing"]
    assert {report["page"] for report in read} == {"rebound"}
    for report in read:
        assert json.loads(report["text"])["message"].startswith("countersign: the Host field names neither"), report


@pytest.mark.once
def test_an_address_that_the_user_typed_is_the_users_own(proxy, upstream, tmp_path):
    done = subprocess.run(command(tmp_path / "profile", "--dump-dom", proxy.url() + TICKERS), capture_output=True,
                          timeout=PATIENCE_S, check=True)
    assert b'"code":0' in done.stdout
    assert [request.path for request in upstream.requests()] == [TICKERS]
    entries = poll("it is recorded", lambda: [entry for entry in proxy.log() if entry["target"] == TICKERS])
    assert [entry["outcome"] for entry in entries] == ["ok"]
