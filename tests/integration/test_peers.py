"""Who may ask, by whose process it is: the kernel is asked once for each connection, and what it does not tell is refused."""
import errno
import json
import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
from pathlib import Path

import pytest

import program
from rawhttp import Client, build_request, connect
from traced import TracedProxy
from users import NOBODY, OTHER, as_user, curl, home_of, needs_root  # noqa: F401 (a fixture)

ACTIVE = "/api/trade/order/active"
PLACE = "/api/trade/order/place"
UID = os.geteuid()

needs_strace = pytest.mark.skipif(shutil.which("strace") is None, reason="needs strace")


def listener(**keys):
    return {"listener bot": keys}


def check_refused(proxy, upstream, answer, *words):
    """A 403 that says what was found; on record with its reason; and nothing left."""
    code, status, body = answer
    assert (code, status) == (0, 403), answer
    envelope = json.loads(body)
    assert (envelope["code"], envelope["data"]) == (403, None)
    assert [word for word in words if word not in envelope["message"]] == [], envelope
    record = proxy.record(1)
    assert (record["outcome"], record["error"]) == ("refused", "peer")
    assert record["errorMessage"] == envelope["message"]
    assert upstream.everything == []
    return record


# --- over TCP ---

@needs_root
@pytest.mark.both
@pytest.mark.parametrize("address", ["127.0.0.1:0", "127.9.8.7:0", "[::1]:0"])
def test_a_second_users_curl_is_refused_with_its_uid_and_the_first_ones_passes(start, upstream, address):
    proxy = start(listener(listen=address))
    refused = check_refused(proxy, upstream, curl(proxy.address(), uid=NOBODY),
                            f"uid {NOBODY}", f"uid {UID} alone (peer = same-user)", f"peer = {UID}, {NOBODY}")
    assert refused["client"]["uid"] == NOBODY
    assert curl(proxy.address())[:2] == (0, 200)
    assert len(upstream.requests()) == 1
    assert proxy.record(2)["client"]["uid"] == UID


@needs_root
@pytest.mark.both
def test_root_is_a_user_as_any_other(programs, sections, upstream, env, home_of, monkeypatch):
    """The proxy of an ordinary user takes that user's requests, and not root's."""
    home = home_of(NOBODY)
    sections["proxy"]["state_dir"] = home.path / "state"
    sections["upstream spot"]["ca_file"] = home.ca_file
    file = program.write_config(home.path / "countersign.ini", sections)
    monkeypatch.setenv("COUNTERSIGN_BIN", str(home.program))
    proxy = program.Proxy(file, {**env, "HOME": str(home.path)}, command=as_user(NOBODY))
    programs.append(proxy)
    proxy.wait_until_ready()
    code, status, body = curl(proxy.address())
    assert (code, status) == (0, 403)
    assert "uid 0" in json.loads(body)["message"] and f"uid {NOBODY} alone" in json.loads(body)["message"]
    assert upstream.everything == []
    assert curl(proxy.address(), uid=OTHER)[:2] == (0, 403)
    assert upstream.everything == []
    assert curl(proxy.address(), uid=NOBODY)[:2] == (0, 200)
    assert len(upstream.requests()) == 1
    proxy.stop()


@needs_root
@pytest.mark.parametrize("rule, passes", [
    ("any", {UID: True, NOBODY: True, OTHER: True}),
    (f"{NOBODY}", {UID: False, NOBODY: True, OTHER: False}),
    (f"{UID}, {OTHER}", {UID: True, NOBODY: False, OTHER: True}),
])
def test_the_rule_says_which_users_pass(start, upstream, rule, passes):
    proxy = start(listener(peer=rule))
    for uid, may_pass in passes.items():
        assert (uid, curl(proxy.address(), uid=uid)[:2]) == (uid, (0, 200 if may_pass else 403))
    assert len(upstream.requests()) == sum(passes.values())
    became = ["ok" if may_pass else "refused" for may_pass in passes.values()]
    program.poll("each is recorded", lambda: [entry["outcome"] for entry in reversed(proxy.log())] == became)


@needs_root
def test_every_method_of_another_user_is_refused_and_the_connection_closed(start, upstream):
    proxy = start(listener(peer=str(OTHER)))
    for method in ("GET", "POST", "PUT", "DELETE", "OPTIONS", "HEAD"):
        with proxy.client() as client:
            answer = client.request(method, PLACE, [], b"{}" if method in ("POST", "PUT") else None)
            assert (answer.status, answer.error) == (403, "peer")
            assert client.is_closed()
    assert upstream.everything == []


@needs_root
def test_each_worker_asks(start, upstream):
    proxy = start({"proxy": {"workers": 3}})
    assert {curl(proxy.address(), uid=NOBODY)[1] for _ in range(8)} == {403}
    assert {curl(proxy.address())[1] for _ in range(8)} == {200}
    assert len(upstream.requests()) == 8


@needs_root
def test_a_socket_that_was_handed_on_stays_its_makers(start, upstream):
    """What the kernel knows is who made the socket: a process that makes it and then becomes another user is the first."""
    proxy = start()
    script = ("import os, socket, sys\n"
              "sock = socket.create_connection(('127.0.0.1', int(sys.argv[1])))\n"
              f"os.setresuid({NOBODY}, {NOBODY}, {NOBODY})\n"
              "sock.sendall(b'GET /api/trade/order/active HTTP/1.1\\r\\nHost: localhost\\r\\nConnection: close\\r\\n\\r\\n')\n"
              "print(sock.makefile('rb').read(12).decode())\n")
    done = subprocess.run([sys.executable, "-c", script, proxy.address().rpartition(":")[2]], capture_output=True,
                          text=True, timeout=30, check=True)
    assert done.stdout.strip() == "HTTP/1.1 200"
    assert proxy.record(1)["client"]["uid"] == 0
    assert len(upstream.requests()) == 1


# --- who cannot be found ---

def send_while_it_sleeps(proxy, send):
    """What `send` does to a new connection happens before the proxy can look at it."""
    os.kill(proxy.proxy_pid, signal.SIGSTOP)
    try:
        program.poll("the proxy sleeps", lambda: "State:\tT" in Path(f"/proc/{proxy.proxy_pid}/status").read_text())
        send()
    finally:
        os.kill(proxy.proxy_pid, signal.SIGCONT)


@pytest.mark.both
@pytest.mark.parametrize("ending", ["closed", "exited"])
def test_a_client_that_is_gone_before_it_was_looked_at_is_refused(start, upstream, ending):
    """Its socket is an orphan by then: the kernel calls such a one root's, or knows its user and not that nobody holds it."""
    proxy = start()
    raw = build_request("POST", PLACE, [], b'{"clOrdId":"orphan"}')

    def send():
        if ending == "closed":
            with connect(proxy.address()) as sock:
                sock.sendall(raw)
            return
        host, _, port = proxy.address().rpartition(":")
        script = ("import os, socket, sys\nsock = socket.create_connection((sys.argv[1], int(sys.argv[2])))\n"
                  "sock.sendall(bytes.fromhex(sys.argv[3]))\nos._exit(0)\n")
        subprocess.run([sys.executable, "-c", script, host, port, raw.hex()], check=True, timeout=30)
    send_while_it_sleeps(proxy, send)
    record = proxy.record(1)
    assert (record["outcome"], record["error"], record["client"].get("uid")) == ("refused", "peer", None)
    assert "no process holds its socket" in record["errorMessage"]
    assert proxy.request("GET", ACTIVE).status == 200
    assert [request.target for request in upstream.requests()] == [ACTIVE]


def test_a_client_that_sends_no_more_but_waits_is_found(start, upstream):
    """shutdown(2) is not close(2): its process still holds the socket."""
    proxy = start()
    with proxy.client() as client:
        def send():
            client.sock.close()
            client.sock = connect(proxy.address())
            client.sock.sendall(build_request("GET", ACTIVE))
            client.sock.shutdown(socket.SHUT_WR)
        send_while_it_sleeps(proxy, send)
        record = proxy.record(1)
    assert (record["client"]["uid"], record["outcome"]) == (UID, "ok")


@pytest.fixture
def trace(programs, configure, env, tmp_path):
    def start(changes, *options):
        proxy = TracedProxy(configure(changes), env, tmp_path / "trace", *options)
        programs.append(proxy)
        return proxy.wait_until_ready()
    return start


@pytest.fixture
def start_on_kernel(start, env):
    """Starts on a kernel that answers each question over netlink with this error."""
    def begin(number, changes=None):
        return start(changes, env_changes=program.preloaded(env, "silent_kernel", TEST_SILENT_KERNEL=str(number)))
    return begin


def test_a_curl_of_whom_the_kernel_does_not_tell_is_refused_and_the_start_said_so(start_on_kernel, upstream):
    """A kernel that fails at it: the same user's curl is refused then, too."""
    proxy = start_on_kernel(errno.EPERM)
    warning = proxy.wait_for_event("peer-unknown", listener="bot")
    assert warning["level"] == "warning"
    assert "Operation not permitted" in warning["message"] and "unix socket" in warning["message"]
    record = check_refused(proxy, upstream, curl(proxy.address()), "cannot be found", "unix socket")
    assert record["client"].get("uid") is None


def test_a_kernel_without_the_module_is_told_of_at_start_with_what_to_do(start_on_kernel, upstream):
    proxy = start_on_kernel(errno.ENOENT)
    assert "modprobe -a inet_diag tcp_diag" in proxy.wait_for_event("peer-unknown", listener="bot")["message"]
    check_refused(proxy, upstream, curl(proxy.address()), "cannot be found", "unix socket")


def test_where_any_user_may_ask_a_kernel_that_does_not_tell_stops_nobody(start_on_kernel, upstream):
    proxy = start_on_kernel(errno.EPERM, listener(peer="any"))
    assert curl(proxy.address())[:2] == (0, 200)
    assert len(upstream.requests()) == 1
    assert proxy.events("peer-unknown") == []


@needs_strace
@pytest.mark.once
def test_the_kernel_is_asked_once_for_each_connection(trace, upstream):
    proxy = trace(None, "-e", "trace=sendmsg,getsockopt")

    def questions():
        return sum(call == "sendmsg" and moment == "begin" and "NETLINK:[SOCK_DIAG" in text
                   for moment, call, text in proxy.calls())
    before = questions()  # the start's own
    for connections in (1, 2):
        with proxy.client() as client:
            for _ in range(10):
                assert client.request("GET", ACTIVE).status == 200
        program.poll("the question is in the trace", lambda: questions() >= before + connections)
    assert len(upstream.requests()) == 20
    assert questions() == before + 2


@needs_root
@pytest.mark.parametrize("rule", ["same-user", f"{NOBODY}"])
def test_a_user_without_a_number_in_the_proxys_user_namespace_is_refused_by_any_list(start, upstream, rule):
    """In there every such user looks like 65534: naming that one must not let all of them in."""
    unshare = ("unshare", "--user", "--map-root-user")
    if subprocess.run([*unshare, "true"], capture_output=True, check=False).returncode != 0:
        pytest.skip("no user namespaces here")
    proxy = start(listener(peer=rule), command=unshare)
    assert curl(proxy.address())[1] == (200 if rule == "same-user" else 403)
    for uid in (NOBODY, OTHER):
        code, status, body = curl(proxy.address(), uid=uid)
        assert (code, status, "user namespace" in body) == (0, 403, True)
    assert len(upstream.requests()) == (rule == "same-user")


# --- over a unix socket ---

@pytest.fixture
def shared(home_of):
    """A folder that other users can look into."""
    home = home_of(UID)
    home.path.chmod(0o755)
    return home.path


@needs_root
@pytest.mark.both
def test_over_a_unix_socket_the_user_is_the_one_that_connected(start, upstream, shared):
    proxy = start(listener(listen=f"unix:{shared}/bot.sock"))
    assert curl(proxy.address())[:2] == (0, 200)
    code, status, _ = curl(proxy.address(), uid=NOBODY)
    assert (code != 0, status) == (True, 0)  # its mode keeps others out
    (shared / "bot.sock").chmod(0o666)
    code, status, body = curl(proxy.address(), uid=NOBODY)
    assert (code, status) == (0, 403)
    assert f"uid {NOBODY}" in json.loads(body)["message"]
    assert [entry["client"]["uid"] for entry in (proxy.record(1), proxy.record(2))] == [UID, NOBODY]
    assert len(upstream.requests()) == 1


@needs_root
def test_a_unix_socket_takes_the_users_that_its_rule_names(start, upstream, shared):
    proxy = start(listener(listen=f"unix:{shared}/bot.sock", peer=f"{NOBODY}"))
    (shared / "bot.sock").chmod(0o666)
    assert curl(proxy.address(), uid=NOBODY)[:2] == (0, 200)
    assert curl(proxy.address())[:2] == (0, 403)
    assert len(upstream.requests()) == 1


@pytest.mark.parametrize("mask", ["000", "022", "077"])
def test_a_unix_socket_is_its_owners_alone_whatever_the_umask(start, tmp_path, mask):
    path = tmp_path / "bot.sock"
    start(listener(listen=f"unix:{path}"), command=("sh", "-c", f'umask {mask}; exec "$@"', "sh"))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@needs_strace
@pytest.mark.once
def test_a_unix_socket_is_never_for_a_moment_wider(trace, tmp_path):
    """The mask is there before the socket is, and no mode is changed afterwards."""
    path = tmp_path / "bot.sock"
    proxy = trace(listener(listen=f"unix:{path}"), "-e", "trace=umask,bind,chmod,fchmod,fchmodat")
    calls = [(call, text) for moment, call, text in proxy.calls() if moment == "begin"]
    bound, = [number for number, (call, text) in enumerate(calls) if call == "bind" and str(path) in text]
    masks = [text for call, text in calls[:bound] if call == "umask"]
    assert masks[-1].startswith("0177)")
    assert not [call for call, text in calls if "chmod" in call and "bot.sock" in text]


# --- many ---

@pytest.mark.concurrent
def test_many_connections_at_once_are_each_found(start, upstream):
    proxy = start({"proxy": {"workers": 2}})
    clients = [Client(connect(proxy.address())) for _ in range(40)]
    for client in clients:
        client.send(build_request("GET", ACTIVE))
    assert [client.read().status for client in clients] == [200] * 40
    for client in clients:
        client.close()
    assert {proxy.record(number)["client"]["uid"] for number in range(1, 41)} == {UID}
    assert len(upstream.requests()) == 40
