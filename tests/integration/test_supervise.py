"""The three processes: which one's death means what, what is told of it, and that none is ever left over."""
import os
import secrets
import signal
import socket
import subprocess
import threading
from pathlib import Path

import pytest

import coinstore
from keys import Asked
from keystore_file import Entry, Keystore
from load import ACTIVE, PLACE, Load, answers_by_tag
from program import children, is_alive, poll, process_name, run
from rawhttp import Ended, build_request, connect
from upstream import never_answers, succeeds, waits_for

pytestmark = pytest.mark.both

BALANCE = "/api/spot/accountList"
FATAL = [signal.SIGKILL, signal.SIGSEGV]


@pytest.fixture
def env(env):
    """A sanitizer leaves SIGSEGV to the kernel: here it is sent, and no defect."""
    return {**env, **{name: f"{env.get(name, '')}:handle_segv=0" for name in ("ASAN_OPTIONS", "TSAN_OPTIONS")}}


def family(proxy):
    """All that belongs to it, by process id."""
    return [proxy.pid, *children(proxy.pid)]


def all_have_ended(pids):
    poll(f"none of {pids} is left", lambda: not any(map(is_alive, pids)))


def kill_signer(proxy, number=signal.SIGKILL):
    """Kills the one that is at work, and waits until another one has told the proxy that it is."""
    before = len(proxy.events("signer-back"))
    killed = proxy.signer_pid
    os.kill(killed, number)
    poll("another one is at work", lambda: len(proxy.events("signer-back")) > before)
    assert proxy.signer_pid != killed and not is_alive(killed)


# --- the signer ---

@pytest.mark.parametrize("number", FATAL)
def test_a_signer_that_dies_is_started_again_and_it_is_told(proxy, number):
    kill_signer(proxy, number)
    told = proxy.wait_for_event("process-ended", process="signer")
    assert (told["signal"], told["exit_code"], told["level"]) == (number.name, 128 + number, "error")
    assert told["lived_ms"] > 0 and "starting another at once (1 of 5 times in a minute)" in told["message"]
    assert proxy.request("POST", BALANCE).outcome == "ok"
    proxy.stop()


@pytest.mark.concurrent
def test_no_request_is_lost_under_steady_load_when_signers_die(start, upstream):
    for path in (PLACE, ACTIVE):
        upstream.script(path, answers_by_tag)
    proxy = start({"proxy": {"workers": 2}})
    load = Load(proxy, "steady", clients=4, largest=500)
    for number in (*FATAL, signal.SIGKILL):
        done = len(upstream.requests())
        kill_signer(proxy, number)
        poll("requests go on", lambda goal=done + 50: len(upstream.requests()) > goal)
    sent = load.stop()
    assert len(sent) > 150 and all(one.answer is not None and one.answer.outcome == "ok" for one in sent)
    assert {request.verdict for request in upstream.requests()} == {coinstore.ACCEPTED}
    assert len(upstream.requests()) == len(sent)
    proxy.stop()


def test_a_signer_that_dies_too_often_ends_the_whole_with_exit_code_3(proxy):
    pids = set(family(proxy))
    for count in range(6):
        killed = proxy.signer_pid
        os.kill(killed, signal.SIGKILL)
        poll("its end is told", lambda goal=count: len(proxy.events("process-ended")) > goal)
        pids |= set(children(proxy.pid))
    assert proxy.wait() == 3
    assert "started again 5 times within a minute" in proxy.events("process-ended")[-1]["message"]
    all_have_ended(pids)


def test_a_signer_whose_source_has_gone_is_tried_again_and_then_ends_the_whole(start, tmp_path, account):
    source = tmp_path / "secret"
    source.write_text(account.secret)
    source.chmod(0o600)
    proxy = start({"account main": {"api_secret": f"file:{source}"}})
    source.unlink()
    os.kill(proxy.signer_pid, signal.SIGKILL)
    proxy.wait_for_line("it says which", lambda line: str(source) in line and "api_secret of account main" in line)
    source.write_text(account.secret)
    source.chmod(0o600)
    proxy.wait_for_event("signer-back")
    assert proxy.request("POST", BALANCE).outcome == "ok"
    proxy.stop()


def test_another_signer_reads_a_commands_output(start, upstream, tmp_path, account):
    source = tmp_path / "secret"
    source.write_text(account.secret)
    proxy = start({"account main": {"api_secret": f"command:cat {source}"}})
    for _ in range(2):
        kill_signer(proxy)
        assert proxy.request("POST", BALANCE).outcome == "ok"
    assert {request.verdict for request in upstream.requests(BALANCE)} == {coinstore.ACCEPTED}
    proxy.stop()


def test_another_signer_reads_its_keys_anew_on_sighup(start, upstream, tmp_path, account):
    source = tmp_path / "secret"
    source.write_text(secrets.token_hex(16))
    source.chmod(0o600)
    proxy = start({"account main": {"api_secret": f"file:{source}"}})
    kill_signer(proxy)
    source.write_text(account.secret)
    proxy.signal(signal.SIGHUP)
    proxy.wait_for_event("keys-reloaded")
    poll("it signs with it", lambda: proxy.request("POST", BALANCE) and
         upstream.requests(BALANCE)[-1].verdict == coinstore.ACCEPTED)
    proxy.stop()


@pytest.fixture
def keystore(account, state_dir):
    made = Keystore(f"pass {secrets.token_hex(16)}", [Entry("main", account.key, account.secret)])
    made.write(state_dir / "keystore")
    return made


@pytest.fixture
def passphrase_file(tmp_path, keystore):
    path = tmp_path / "pass"
    path.write_text(keystore.passphrase + "\n")
    path.chmod(0o600)
    return path


FROM_KEYSTORE = {"api_key": "keystore:main", "api_secret": "keystore:main"}


def test_a_passphrase_that_could_be_read_once_alone_is_not_needed_again(start, upstream, passphrase_file):
    """The supervisor holds the keystore's key, in locked memory: it says so."""
    proxy = start({"account main": FROM_KEYSTORE, "proxy": {"keystore_passphrase": "fd:9"}},
                  command=("/bin/sh", "-c", f'exec "$@" 9<{passphrase_file}', "sh"))
    passphrase_file.unlink()
    kill_signer(proxy)
    proxy.request("POST", BALANCE)
    assert upstream.only_request().verdict == coinstore.ACCEPTED
    proxy.stop()


def test_a_passphrase_that_was_typed_is_not_asked_for_again(configure, env, upstream, keystore):
    config = configure({"account main": FROM_KEYSTORE, "proxy": {"keystore_passphrase": "prompt", "log_format": "json"}})
    asked = Asked("serve", "-c", config, env=env)
    try:
        asked.answer("passphrase of the keystore", keystore.passphrase).wait_for('"event":"ready"')
        signer, = [pid for pid in children(asked.process.pid) if process_name(pid) == "signer"]
        os.kill(signer, signal.SIGKILL)
        asked.wait_for('"event":"signer-back"')
        assert asked.text.count("passphrase of the keystore") == 1
        os.kill(asked.process.pid, signal.SIGTERM)
        assert asked.end() == 0
    finally:
        asked.close()


# --- the proxy and the supervisor ---

@pytest.mark.parametrize("number", FATAL)
def test_a_proxy_that_dies_takes_the_others_with_it(proxy, number):
    pids = family(proxy)
    os.kill(proxy.proxy_pid, number)
    assert proxy.wait() == 3
    told = proxy.wait_for_event("process-ended", process="proxy")
    assert told["signal"] == number.name and "the signer goes with it; exit code 3" in told["message"]
    all_have_ended(pids)


@pytest.mark.parametrize("number", FATAL)
def test_a_supervisor_that_dies_takes_both_with_it(start, tmp_path, account, upstream, number):
    """The proxy finishes what is in flight; a command that is being run for a secret goes, too."""
    release = threading.Event()
    source = tmp_path / "secret"
    source.write_text(account.secret)
    upstream.script(BALANCE, waits_for(release, succeeds))
    proxy = start({"account main": {"api_secret": f"command:cat {source}"}})
    pids = family(proxy)
    assert len(pids) == 4
    with proxy.client() as client:
        client.send(build_request("POST", BALANCE, [], b"{}"))
        upstream.wait_for_requests()
        os.kill(proxy.pid, number)
        release.set()
        assert client.read("POST").outcome == "ok"
    assert proxy.wait() == -number
    all_have_ended(pids)


def test_a_proxy_that_cannot_start_leaves_nobody(launch):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        proxy = launch({"listener bot": {"listen": f"127.0.0.1:{taken.getsockname()[1]}"}})
        pids = [proxy.pid]
        poll("it has ended", lambda: pids.extend(children(proxy.pid)) or proxy.process.poll() is not None)
        assert proxy.wait() == 3
    all_have_ended(set(pids))
    assert not proxy.events("process-ended")  # it said itself why


def test_the_end_of_the_terminal_ends_all(configure, env):
    asked = Asked("serve", "-c", configure({"proxy": {"log_format": "json"}}), env=env)
    asked.wait_for('"event":"ready"')
    pids = [asked.process.pid, *children(asked.process.pid)]
    os.close(asked.secondary)
    os.close(asked.primary)
    assert asked.process.wait(30) == 0
    all_have_ended(pids)


# --- the end ---

def test_a_second_sigterm_ends_at_once_and_what_was_in_flight_is_unknown(start, upstream):
    upstream.script(PLACE, never_answers)
    proxy = start({"proxy": {"drain": "100s"}})
    pids = family(proxy)
    with proxy.client() as client:
        client.send(build_request("POST", PLACE, [], b"{}"))
        upstream.wait_for_requests()
        proxy.signal(signal.SIGTERM)
        proxy.wait_for_event("stopping")
        proxy.signal(signal.SIGTERM)
        proxy.wait_for_event("hurrying")
        try:
            assert client.read("POST").outcome == "unknown"
        except (Ended, ConnectionError):
            pass
    assert proxy.wait() == 0
    all_have_ended(pids)
    assert [entry["outcome"] for entry in proxy.log()] == ["unknown"]


def test_sigterms_without_end_end_it_in_order(proxy):
    """Also those that come while it has nothing to do any more but to end."""
    pids = family(proxy)
    while proxy.process.poll() is None:
        proxy.signal(signal.SIGTERM)
    assert proxy.wait() == 0
    all_have_ended(pids)


def test_while_it_drains_a_kept_connections_new_request_is_refused(proxy, upstream):
    release = threading.Event()
    upstream.script(PLACE, waits_for(release, succeeds))
    with proxy.client() as client, proxy.client() as other:
        assert other.request("POST", BALANCE).outcome == "ok"
        other.send(b"POST ")  # begun: it is no idle connection
        client.send(build_request("POST", PLACE, [], b"{}"))
        upstream.wait_for_requests(1, PLACE)
        proxy.signal(signal.SIGTERM)
        proxy.wait_for_event("stopping")
        poll("it takes no new connections", lambda: not accepts(proxy.address()))
        other.send(build_request("POST", BALANCE, [], b"{}")[len(b"POST "):])
        refused = other.read("POST")
        assert refused.status == 503 and refused.outcome == "refused"
        release.set()
        assert client.read("POST").outcome == "ok"
    assert proxy.wait() == 0
    assert len(upstream.requests(BALANCE)) == 1


def accepts(address):
    try:
        connect(address).close()
        return True
    except OSError:
        return False


def test_a_signer_that_dies_while_the_proxy_drains_is_not_started_again(proxy, upstream):
    release = threading.Event()
    upstream.script(PLACE, waits_for(release, succeeds))
    with proxy.client() as client:
        client.send(build_request("POST", PLACE, [], b"{}"))
        upstream.wait_for_requests()
        proxy.signal(signal.SIGTERM)
        proxy.wait_for_event("stopping")
        os.kill(proxy.signer_pid, signal.SIGKILL)
        told = proxy.wait_for_event("process-ended", process="signer")
        assert "the proxy is ending anyway" in told["message"]
        release.set()
        assert client.read("POST").outcome == "ok"
    assert proxy.wait() == 0


# --- two proxies on one state folder ---

def test_a_second_proxy_on_a_state_folder_says_so_and_touches_nothing(start, configure, env, tmp_path, state_dir):
    path = tmp_path / "bot.sock"
    proxy = start({"listener bot": {"listen": f"unix:{path}"}})
    proxy.request("POST", BALANCE)
    proxy.log()
    before = {item: item.stat().st_ino for item in (path, *state_dir.iterdir())}
    done = run("serve", "-c", configure({"listener bot": {"listen": f"unix:{path}"}}), env=env)
    said = done.stderr.decode()
    assert done.returncode == 3 and str(state_dir) in said and str(proxy.proxy_pid) in said, said
    assert {item: item.stat().st_ino for item in before} == before
    assert (state_dir / "listeners").read_text()
    assert proxy.request("POST", BALANCE).outcome == "ok"
    proxy.stop()


def test_what_people_see_of_the_processes_names_them(proxy):
    shown = subprocess.run(["ps", "-o", "comm=", "-p", f"{proxy.signer_pid},{proxy.proxy_pid}"], capture_output=True,
                           text=True, check=True).stdout.split()
    assert sorted(shown) == ["countersign", "signer"]
    assert Path(f"/proc/{proxy.signer_pid}/status").read_text().splitlines()[6].startswith("PPid:")
