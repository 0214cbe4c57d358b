"""Start, end, and sudden death."""
import os
import shutil
import signal
import socket
import subprocess
import threading

import pytest

from program import Program, binary, fail_on_sanitizer_report, is_alive, poll, run
from rawhttp import Client, Ended, build_request
from upstream import never_answers, succeeds, waits_for

pytestmark = pytest.mark.both

ACTIVE = "/api/trade/order/active"
PLACE = "/api/trade/order/place"
BALANCE = "/api/spot/accountList"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_request_in_flight_is_answered_and_recorded_before_the_end(proxy, upstream, number):
    release = threading.Event()
    upstream.script(PLACE, waits_for(release, succeeds))
    with proxy.client() as client:
        client.send(build_request("POST", PLACE, [], b"{}"))
        upstream.wait_for_requests()
        proxy.signal(number)
        poll("it takes no new connections", lambda: not accepts(proxy.address()))
        release.set()
        answer = client.read("POST")
        assert (answer.status, answer.outcome) == (200, "ok")
    assert proxy.wait() == 0
    assert [(entry["id"], entry["outcome"]) for entry in proxy.log()] == [(answer.id, "ok")]


def accepts(address):
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host, int(port)), timeout=5).close()
        return True
    except OSError:
        return False


@pytest.mark.slow
def test_a_request_that_does_not_end_does_not_hold_the_end_up(start, upstream):
    upstream.script(PLACE, never_answers)
    proxy = start({"proxy": {"drain": "1s"}})
    with proxy.client() as client:
        client.send(build_request("POST", PLACE, [], b"{}"))
        upstream.wait_for_requests()
        proxy.stop()
    entry, = proxy.log()
    assert entry["outcome"] == "unknown"
    left = upstream.only_request().raw
    recorded = proxy.view(entry["id"], "upstream-request")  # the very bytes to look up, but for the key
    assert len(recorded) == len(left)
    assert recorded.split(b"\r\n", 1)[0] == left.split(b"\r\n", 1)[0]


def test_an_idle_kept_connection_does_not_hold_the_end_up(proxy):
    with proxy.client() as client:
        assert client.request("GET", ACTIVE).status == 200
        proxy.stop()
        assert client.is_closed()


def test_a_second_start_in_the_same_folder_is_refused(proxy, configure, env, state_dir):
    proxy.request("GET", ACTIVE)
    done = run("serve", "-c", configure(), env=env)
    said = (done.stdout + done.stderr).decode()
    assert done.returncode in (2, 3)
    assert str(state_dir) in said
    assert proxy.request("GET", ACTIVE).status == 200


def test_an_address_in_use_is_refused_and_named(start, configure, env, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        config = configure({"listener bot": {"listen": address}, "proxy": {"state_dir": tmp_path / "other"}})
        done = run("serve", "-c", config, env=env)
    assert done.returncode == 3
    assert address in done.stderr.decode()
    assert "in use" in done.stderr.decode()


def test_a_killed_proxys_request_is_unknown_after_the_next_start(start, upstream):
    """The order may have been booked: the record must know of it although nobody could write the end down."""
    upstream.script(PLACE, never_answers)
    proxy = start()
    done = proxy.request("GET", ACTIVE)
    with proxy.client() as client:
        client.send(build_request("POST", PLACE, [], b'{"clOrdId":"in flight"}'))
        in_flight = upstream.wait_for_requests(1, PLACE)[0]
        os.kill(proxy.proxy_pid, signal.SIGKILL)
        with pytest.raises((Ended, ConnectionResetError)):
            client.read("POST")
    assert proxy.wait() != 0

    after = start()
    outcomes = {entry["id"]: entry["outcome"] for entry in after.log()}
    assert outcomes == {done.id: "ok", done.id + 1: "unknown"}
    assert after.view(done.id + 1, "client-request").endswith(b'{"clOrdId":"in flight"}')
    assert after.record(done.id + 1)["signing"]["signature"] == in_flight.field("X-CS-SIGN")
    assert after.request("GET", ACTIVE).id == done.id + 2


def test_what_a_killed_proxy_had_answered_is_all_recorded(start):
    proxy = start()
    with proxy.client() as client:
        ids = [client.request("POST", PLACE, [], b'{"n":%d}' % number).id for number in range(200)]
    os.kill(proxy.proxy_pid, signal.SIGKILL)
    assert proxy.wait() != 0
    after = start()
    for number in (ids[0], ids[-1]):
        assert after.record(number)["outcome"] == "ok"
    assert after.record(ids[-1])["status"] == 200


def test_the_proxy_does_not_outlive_a_killed_signer(proxy):
    child = proxy.proxy_pid
    os.kill(proxy.pid, signal.SIGKILL)
    proxy.wait()
    poll("the proxy process has ended", lambda: not is_alive(child))


def test_start_up_succeeds_without_a_network_and_a_request_says_what_is_missing(launch, tmp_path):
    """As on a machine with a real account's variables and no way out: the real host's name, in an empty network
    namespace. The unix socket reaches into it."""
    alone = ["unshare", "--net"] if os.geteuid() == 0 else ["unshare", "--map-root-user", "--net"]
    if not shutil.which("unshare") or subprocess.run([*alone, "true"], capture_output=True, check=False).returncode:
        pytest.skip("no network namespace can be made here")
    real = {"url": "https://api.coinstore.com", "ca_file": "", "warm": 1, "connect_timeout": "2s"}
    proxy = launch({"upstream spot": real, "listener bot": {"listen": f"unix:{tmp_path}/bot.sock"}}, command=alone)
    proxy.wait_until_ready()
    answer = proxy.request("POST", BALANCE)
    assert (answer.status, answer.outcome) == (502, "not_sent")
    assert "api.coinstore.com" in answer.json()["message"]
    assert "resol" in answer.json()["message"].lower()
    assert proxy.record(answer.id)["outcome"] == "not_sent"


def test_start_up_tells_people_where_it_listens_and_what_it_does(programs, configure, env, account, state_dir):
    program = Program("serve", "-c", configure(), env=env)
    programs.append(program)
    program.wait_for_line("the listener's address", lambda line: "127.0.0.1:" in line)
    program.wait_for_line("the account by its masked key", lambda line: account.masked in line)
    program.wait_for_line("where it records", lambda line: str(state_dir) in line)
    program.wait_for_line("the policy", lambda line: "trade" in line)
    program.stop()


def test_no_file_at_all_is_fine(programs, env, tmp_path):
    program = Program("serve", "--listen", "127.0.0.1:0", "--log-format", "json", "--set", "upstream.spot.warm=0",
                      env=env, command=["env", "-C", str(tmp_path)])
    programs.append(program)
    program.wait_for_line("ready", lambda line: '"ready"' in line)
    assert (tmp_path / ".local/state/countersign/capture.db").exists()


def test_flags_override_variables_and_these_the_file(start, tmp_path):
    variables = {"COUNTERSIGN_PROXY_LOG_LEVEL": "info", "COUNTERSIGN_PROXY_STATE_DIR": str(tmp_path / "variable")}
    proxy = start({"proxy": {"log_level": "error"}}, "--state-dir", str(tmp_path / "flag"), env_changes=variables)
    assert proxy.request("GET", ACTIVE).status == 200
    proxy.wait_for_event("exchange")
    assert (tmp_path / "flag" / "capture.db").exists()
    assert not (tmp_path / "variable").exists()


def test_a_log_that_nobody_reads_holds_no_request_up(configure, env, upstream):
    """A terminal held by Ctrl-S, a pager, a stuck log collector: standard error is full after some hundred lines."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    config = configure({"listener bot": {"listen": f"127.0.0.1:{port}"}})
    process = subprocess.Popen([binary(), "serve", "-c", config], env=env, stdin=subprocess.DEVNULL,
                               stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    try:
        poll("it listens", lambda: accepts(f"127.0.0.1:{port}"))
        with Client(socket.create_connection(("127.0.0.1", port))) as client:
            for _ in range(1500):  # 64 KiB is what a pipe holds
                assert client.request("GET", ACTIVE).status == 200
    finally:
        process.send_signal(signal.SIGTERM)
        _, said = process.communicate(timeout=60)
    assert process.returncode == 0
    fail_on_sanitizer_report(said.decode(errors="replace"))
    assert b"stopped" in said or b"lost" in said
