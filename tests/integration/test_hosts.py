"""What a listener may be called by, where it may be, and what no page may read."""
import os
import secrets
import shutil
import socket
import subprocess

import pytest

from program import poll, run
from upstream import http_answer, sends
from users import NOBODY, curl, needs_root

ACTIVE = "/api/trade/order/active"
PLACE = "/api/trade/order/place"
TOKEN = secrets.token_hex(20)
GUARD = ("Countersign-Token", TOKEN)


def ask(proxy, host, fields=(), listener="bot", method="GET"):
    with proxy.client(listener) as client:
        lines = [f"{method} {ACTIVE} HTTP/1.1", f"Host: {host}", *(f"{name}: {value}" for name, value in fields)]
        return client.exchange("\r\n".join(lines).encode() + b"\r\n\r\n")


def test_allowed_hosts_are_let_in_and_nothing_like_them(start, upstream):
    proxy = start({"listener bot": {"allowed_hosts": "bot.internal, other.internal:8443"}})
    for host in ("bot.internal", "BOT.internal:9", "other.internal:8443", "localhost:1", "127.0.0.1"):
        assert ask(proxy, host).status == 200, host
    for host in ("evil.example", "bot.internal.evil.example", "xbot.internal", "other.internal", "other.internal:80", ""):
        answer = ask(proxy, host)
        assert (answer.status, answer.error) == (403, "host"), host
        assert "allowed_hosts" in answer.json()["message"]
    assert len(upstream.requests()) == 5


def test_a_page_under_an_allowed_name_is_a_page_all_the_same(start, upstream):
    proxy = start({"listener bot": {"allowed_hosts": "bot.internal"}})
    for fields in ([("Origin", "http://bot.internal")], [("Sec-Fetch-Site", "same-origin")]):
        assert ask(proxy, "bot.internal", fields).error == "browser"
    assert upstream.everything == []


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "HEAD", "PROPFIND"])
@pytest.mark.parametrize("field", [("Origin", "http://localhost:3000"), ("origin", ""), ("Sec-Fetch-Site", "same-site")])
def test_no_method_of_a_page_gets_through_preflights_included(proxy, upstream, method, field):
    preflight = [("Access-Control-Request-Method", "POST"), ("Access-Control-Request-Headers", "countersign-token")]
    answer = proxy.request(method, PLACE, [field, *preflight])
    assert (answer.status, answer.error, answer.outcome) == (403, "browser", "refused")
    assert [name for name, _ in answer.fields if name.lower().startswith("access-control")] == []
    assert upstream.everything == []


def test_what_would_let_a_page_read_an_answer_is_taken_off_the_exchanges_answers(proxy, upstream):
    cors = [("Access-Control-Allow-Origin", "*"), ("access-control-allow-credentials", "true"), ("Vary", "Origin"),
            ("ACCESS-CONTROL-EXPOSE-HEADERS", "*"), ("Access-Control-Allow-Private-Network", "true")]
    upstream.script(ACTIVE, sends(http_answer(b'{"code":0}', fields=cors)))
    answer = proxy.request("GET", ACTIVE)
    assert (answer.status, answer.field("Vary")) == (200, "Origin")
    assert [name for name, _ in answer.fields if name.lower().startswith("access-control")] == []
    assert b"Access-Control-Allow-Origin: *" in proxy.view(answer.id, "upstream-response")  # the record has what came


# --- exposed ---

def exposed(address, **keys):
    return {"listener bot": {"listen": address, "expose": "yes", "token": "env:BOT_TOKEN", **keys}}


@pytest.mark.parametrize("address", ["0.0.0.0:0", "[::]:0", "192.0.2.1:8787", "[::ffff:127.0.0.1]:8787"])
@pytest.mark.parametrize("keys, missing", [
    ({}, "set expose = yes and a token"), ({"expose": "yes"}, "give it a token"), ({"token": "env:BOT_TOKEN"}, "set expose = yes")])
def test_an_address_that_is_not_loopback_needs_expose_and_a_token(configure, env, address, keys, missing):
    for command in ("serve", ("config", "check")):
        words = (command,) if isinstance(command, str) else command
        done = run(*words, "-c", configure({"listener bot": {"listen": address, **keys}}), env={**env, "BOT_TOKEN": TOKEN})
        assert done.returncode == 2
        said = (done.stdout + done.stderr).decode()
        assert missing in said and address in said and "listen" in said


def own_address(family):
    """This machine's address towards others, or None."""
    with socket.socket(family, socket.SOCK_DGRAM) as sock:
        try:
            sock.connect(("2001:db8::1" if family == socket.AF_INET6 else "192.0.2.1", 9))
        except OSError:
            return None
        return sock.getsockname()[0]


def test_an_exposed_listener_is_called_by_the_address_that_was_connected_to(start, upstream):
    proxy = start(exposed("0.0.0.0:0"), env_changes={"BOT_TOKEN": TOKEN})
    assert proxy.wait_for_event("exposed", listener="bot")["level"] == "warning"
    port = proxy.address().rpartition(":")[2]
    for host in (f"127.0.0.1:{port}", "127.0.0.1", "localhost"):
        assert ask(proxy, host, [GUARD]).status == 200
    assert ask(proxy, f"0.0.0.0:{port}", [GUARD]).error == "host"
    if address := own_address(socket.AF_INET):
        code, status, _ = curl(f"{address}:{port}", "-H", f"Countersign-Token: {TOKEN}")
        assert (code, status) == (0, 200)
        for host, status in ((address, 200), (f"{address}:1", 403), ("evil.example", 403)):
            assert curl(f"{address}:{port}", "-H", f"Host: {host}", "-H", f"Countersign-Token: {TOKEN}")[1] == status
        assert curl(f"{address}:{port}")[1] == 403  # no token
    assert ask(proxy, "localhost").error == "token"


@needs_root
@pytest.mark.parametrize("address", ["0.0.0.0:0", "[::]:0"])
def test_another_user_of_this_machine_is_refused_also_with_the_token_and_through_any_of_its_addresses(
        start, upstream, address):
    proxy = start(exposed(address), env_changes={"BOT_TOKEN": TOKEN})
    port = proxy.address().rpartition(":")[2]
    ways = ["127.0.0.1", own_address(socket.AF_INET)] + (["[::1]"] if "[" in address else [])
    for way in filter(None, ways):
        code, status, body = curl(f"{way}:{port}", "-H", f"Countersign-Token: {TOKEN}", uid=NOBODY)
        assert (code, status, f"uid {NOBODY}" in body) == (0, 403, True), way
        assert upstream.everything == []
    for way in filter(None, ways):
        assert curl(f"{way}:{port}", "-H", f"Countersign-Token: {TOKEN}")[1] == 200, way
    addresses = [proxy.record(entry["id"])["client"]["address"] for entry in proxy.log()]
    assert all("ffff" not in text for text in addresses)  # IPv4 reads as IPv4


@pytest.fixture
def other_machine():
    """A network namespace of its own, joined to this one by a cable: for the kernel, another machine. Gives its end's command
    prefix and this end's address."""
    if os.geteuid() != 0 or not all(map(shutil.which, ("ip", "unshare", "nsenter"))):
        pytest.skip("needs root, ip and unshare, to make a network of its own")
    name = f"cs{os.getpid() % 100000}"
    holder = subprocess.Popen(["unshare", "--net", "sleep", "600"])
    here, there = "198.51.100.1", "198.51.100.2"
    enter = ("nsenter", f"--net=/proc/{holder.pid}/ns/net")

    def ip(*words, inside=False):
        subprocess.run([*(enter if inside else ()), "ip", *words], check=True, capture_output=True, timeout=30)
    try:
        own = os.readlink("/proc/self/ns/net")
        poll("the namespace is made", lambda: os.readlink(f"/proc/{holder.pid}/ns/net") != own)
        try:
            ip("link", "add", f"{name}a", "type", "veth", "peer", "name", f"{name}b", "netns", str(holder.pid))
        except subprocess.CalledProcessError as failure:
            pytest.skip(f"no virtual network here: {failure.stderr.decode().strip()}")
        ip("addr", "add", f"{here}/30", "dev", f"{name}a")
        ip("link", "set", f"{name}a", "up")
        ip("addr", "add", f"{there}/30", "dev", f"{name}b", inside=True)
        ip("link", "set", f"{name}b", "up", inside=True)
        yield enter, here
    finally:
        subprocess.run(["ip", "link", "del", f"{name}a"], capture_output=True, check=False, timeout=30)
        holder.kill()
        holder.wait()


def test_on_another_machine_the_token_decides(start, upstream, other_machine):
    """There is no user to find; whoever has the token may ask, and no one else."""
    enter, here = other_machine
    proxy = start(exposed("0.0.0.0:0"), env_changes={"BOT_TOKEN": TOKEN})
    port = proxy.address().rpartition(":")[2]

    def status(*arguments):
        done = subprocess.run([*enter, "curl", "-s", "-m", "20", "-o", "/dev/null", "-w", "%{http_code}", *arguments,
                               f"http://{here}:{port}{ACTIVE}"], capture_output=True, text=True, timeout=30, check=False)
        return int(done.stdout or 0)
    assert poll("the cable carries", lambda: status()) == 403
    assert status("-H", "Countersign-Token: " + TOKEN[::-1] + "x") == 403
    assert upstream.everything == []
    assert status("-H", f"Countersign-Token: {TOKEN}") == 200
    served, = poll("it is recorded", lambda: proxy.log("--outcome", "ok"))
    client = proxy.record(served["id"])["client"]
    assert client["address"].startswith("198.51.100.2:")
    assert client.get("uid") is None
    assert len(upstream.requests()) == 1
