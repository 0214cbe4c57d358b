"""What a service manager is told, and sockets that it hands over: sd_notify(3), sd_watchdog_enabled(3), sd_listen_fds(3)."""
import os
import signal
import socket
import subprocess
import threading
import time
from pathlib import Path

import pytest

from load import PLACE, answers_by_tag, order
from notify_socket import NotifySocket, environment_of, hands_over
from program import ROOT, poll
from rawhttp import Client, Ended, build_request, connect
from traced import held_thread
from upstream import succeeds, waits_for
from users import needs_root

pytestmark = pytest.mark.both

BALANCE = "/api/spot/accountList"


@pytest.fixture
def notify(tmp_path):
    with NotifySocket(tmp_path / "notify") as made:
        yield made


# --- what is told ---

def test_it_is_told_when_every_listener_accepts_and_when_it_stops(launch, notify, upstream):
    release = threading.Event()
    upstream.script(PLACE, waits_for(release, succeeds))
    proxy = launch(env_changes=environment_of(notify))
    ready = notify.wait_for(READY="1")
    assert ready["STATUS"] == "ready" and ready["sender"] == proxy.pid  # NotifyAccess=main is enough
    with connect(proxy.address()) as raw:
        client = Client(raw)
        client.send(build_request("POST", PLACE, [], b"{}"))
        upstream.wait_for_requests()
        proxy.signal(signal.SIGTERM)
        assert notify.wait_for(STOPPING="1")["STATUS"] == "finishing what is in flight"
        assert proxy.process.poll() is None
        release.set()
        assert client.read("POST").outcome == "ok"
    assert proxy.wait() == 0
    assert notify.count("WATCHDOG") == 0


def test_a_start_that_fails_is_never_ready(launch, notify, tmp_path):
    proxy = launch({"account main": {"api_secret": f"file:{tmp_path}/missing"}}, env_changes=environment_of(notify))
    assert proxy.wait() == 2 and notify.count("READY") == 0


def test_reading_again_is_told_from_its_begin_to_its_end(start, notify, tmp_path, account):
    source = tmp_path / "secret"
    source.write_text(account.secret)
    source.chmod(0o600)
    proxy = start({"account main": {"api_secret": f"file:{source}"}}, env_changes=environment_of(notify))
    notify.wait_for(READY="1")
    for count in (1, 2):
        before = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
        proxy.signal(signal.SIGHUP)
        reloading = notify.wait_for(count, RELOADING="1")
        assert before <= int(reloading["MONOTONIC_USEC"]) <= time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
        again = notify.wait_for(count + 1, READY="1")
        assert notify.messages.index(reloading) < notify.messages.index(again)
    proxy.stop()


def test_a_signer_that_dies_while_it_reads_again_leaves_no_reload_unfinished(start, notify, tmp_path, account):
    source = tmp_path / "secret"
    source.write_text(account.secret)
    proxy = start({"account main": {"api_secret": f"command:cat {source}"}}, env_changes=environment_of(notify))
    notify.wait_for(READY="1")
    source.unlink()
    os.mkfifo(source)
    proxy.signal(signal.SIGHUP)
    notify.wait_for(RELOADING="1")
    with source.open("w", encoding="ascii"):  # the command reads, and gets nothing: another one is not held up by it
        other = tmp_path / "other"
        other.write_text(account.secret)
        other.rename(source)
        os.kill(proxy.signer_pid, signal.SIGKILL)
        proxy.wait_for_event("process-ended", process="signer")
        notify.wait_for(2, READY="1")
    assert proxy.request("POST", BALANCE).outcome == "ok"
    proxy.stop()


def test_a_name_in_the_abstract_namespace_is_served_too(start):
    with NotifySocket(f"@countersign-test-{os.getpid()}") as notify:
        proxy = start(env_changes=environment_of(notify))
        notify.wait_for(READY="1")
        proxy.stop()


def test_a_manager_that_cannot_be_told_is_told_of_and_not_needed(start, tmp_path):
    proxy = start(env_changes={"NOTIFY_SOCKET": str(tmp_path / "nobody")})
    assert "NOTIFY_SOCKET" in proxy.output() and proxy.request("POST", BALANCE).outcome == "ok"


def test_no_process_of_it_keeps_the_managers_variables(start, notify):
    proxy = start(env_changes=environment_of(notify, 10_000_000))
    for pid in (proxy.proxy_pid,):
        seen = Path(f"/proc/{pid}/environ").read_bytes()
        assert b"NOTIFY_SOCKET" not in seen and b"WATCHDOG" not in seen


# --- the watchdog ---

WATCHDOG_US = 400_000


def test_the_watchdog_hears_of_it_at_least_twice_in_its_time(start, notify):
    proxy = start({"proxy": {"workers": 2}}, env_changes=environment_of(notify, 4_000_000))
    pings = [notify.wait_for(count, WATCHDOG="1")["at"] for count in (1, 2, 3)]
    assert all(later - earlier < 2 for earlier, later in zip(pings, pings[1:]))
    proxy.stop()


def test_another_processs_watchdog_is_not_its_own(start, notify):
    proxy = start(env_changes={**environment_of(notify, WATCHDOG_US), "WATCHDOG_PID": "1"})
    notify.wait_for(READY="1")
    time.sleep(1)
    proxy.stop()
    assert notify.count("WATCHDOG") == 0


@needs_root
@pytest.mark.once
def test_a_stuck_worker_lets_the_watchdog_expire(start, notify):
    proxy = start(env_changes=environment_of(notify, WATCHDOG_US))
    notify.wait_for(2, WATCHDOG="1")
    with held_thread(proxy.proxy_pid):
        time.sleep(0.3)  # one that was on its way
        before = notify.count("WATCHDOG")
        time.sleep(3 * WATCHDOG_US / 1_000_000)
        assert notify.count("WATCHDOG") == before
    notify.wait_for(before + 2, WATCHDOG="1")
    proxy.stop()


# --- sockets that are handed over ---

@pytest.fixture
def listening():
    """Sockets as a service manager has them, TCP or at a path."""
    made = []

    def open_one(path=None, address="127.0.0.1"):
        if path is None:
            item = socket.create_server((address, 0), backlog=128)
        else:
            item = socket.socket(socket.AF_UNIX)
            item.bind(str(path))
            item.listen(128)
        made.append(item)
        return item
    yield open_one
    for item in made:
        item.close()


def address_of(item):
    name = item.getsockname()
    return f"unix:{name}" if isinstance(name, str) else f"{name[0]}:{name[1]}"


@pytest.fixture
def handed(launch):
    def begin(sockets, names="", changes=None, **variables):
        return launch(changes, command=hands_over(sockets, names), env_changes=variables,
                      descriptors=[item.fileno() for item in sockets])
    return begin


def test_a_socket_is_found_by_its_address_or_by_its_name(handed, listening, tmp_path):
    first, second, third = listening(), listening(tmp_path / "two.sock"), listening()
    more = {"listener two": {"listen": address_of(second), "upstream": "spot", "account": "main"},
            "listener three": {"listen": "127.0.0.1:1", "upstream": "spot", "account": "main"}}
    inode = (tmp_path / "two.sock").stat().st_ino
    proxy = handed([third, first, second], "three:x:y", {"listener bot": {"listen": address_of(first)}, **more})
    proxy.wait_until_ready()
    for name, item in (("bot", first), ("two", second), ("three", third)):
        assert proxy.address(name) == address_of(item)
        with proxy.client(name) as client:
            assert client.request("POST", BALANCE).outcome == "ok"
    proxy.stop()
    assert (tmp_path / "two.sock").stat().st_ino == inode  # the manager's, not this program's to remove
    connect(address_of(second)).close()  # it waits for the next start


def test_sockets_for_another_process_are_not_touched(handed, listening):
    item = listening()
    proxy = handed([item], "bot", WRONG_PID="1").wait_until_ready()
    assert proxy.address() != address_of(item)
    proxy.stop()


def test_wrong_sockets_are_refused_and_named(handed, listening):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams, socket.socket() as deaf:
        datagrams.bind(("127.0.0.1", 0))
        deaf.bind(("127.0.0.1", 0))
        for item, name, words in ((datagrams, "udp", 'the socket "udp" of the service manager is no listening stream'),
                                  (deaf, "deaf", 'the socket "deaf" of the service manager is no listening stream'),
                                  (listening(), "mine", 'no listener takes the service manager\'s socket "mine"')):
            proxy = handed([item], name)
            assert proxy.wait() == 2 and words in proxy.output(), proxy.output()


def test_a_socket_that_other_machines_reach_needs_expose(handed, listening):
    item = listening(address="0.0.0.0")
    proxy = handed([item], "bot")
    assert proxy.wait() == 2 and "which other machines can reach" in proxy.output()


class Callers:
    """Each connects anew for every request, until stopped; a connection that is refused or ends without an answer is noted."""

    def __init__(self, address, count):
        self.stopped, self.done, self.lost = threading.Event(), [], []
        self.threads = [threading.Thread(target=self._call, args=(address, number)) for number in range(count)]
        for thread in self.threads:
            thread.start()

    def _call(self, address, caller):
        number = 0
        while not self.stopped.is_set():
            tag = f"caller-{caller}-{number}".encode()
            number += 1
            try:
                with Client(connect(address)) as client:
                    self.done.append((tag, client.exchange(order(tag))))
            except (Ended, OSError) as failure:
                self.lost.append((tag, repr(failure)))

    def stop(self):
        self.stopped.set()
        for thread in self.threads:
            thread.join()


def test_a_restart_under_load_refuses_no_connection(handed, listening, upstream):
    upstream.script(PLACE, answers_by_tag)
    item = listening()
    callers = None
    for turn in range(3):
        proxy = handed([item], "bot", {"proxy": {"workers": 2}}).wait_until_ready()
        callers = callers or Callers(address_of(item), 4)
        poll("requests go on", lambda proxy=proxy, goal=len(callers.done) + 40: len(callers.done) > goal)
        if turn < 2:
            proxy.stop()
    callers.stop()
    proxy.stop()
    assert not callers.lost
    outcomes = {answer.outcome for _, answer in callers.done}
    assert outcomes <= {"ok", "refused"}  # what came on a connection that was accepted as the drain began
    received = {request.raw.partition(b"\r\n\r\n")[2] for request in upstream.requests(PLACE)}
    assert len(received) == len(upstream.requests(PLACE)) == sum(answer.outcome == "ok" for _, answer in callers.done)


# --- the units that come with the program ---

UNITS = ROOT / "conf" / "systemd"


def values_of(unit):
    lines = (UNITS / unit).read_text().splitlines()
    return [line.partition("=")[::2] for line in lines if "=" in line and not line.startswith("#")]


def test_the_units_say_what_the_program_does(configure, launch, notify):
    service, sockets = dict(values_of("countersign.service")), dict(values_of("countersign.socket"))
    assert service["Type"] == "notify" and service["NotifyAccess"] == "main" and service["KillMode"] == "mixed"
    variables = dict(value.split("=", 1) for name, value in values_of("countersign.service") if name == "Environment")
    sample = (ROOT / "conf" / "countersign.ini").read_text()
    assert f";listen = {sockets['ListenStream']}\n" in sample and sockets["FileDescriptorName"] == "bot"
    proxy = launch(env_changes={**variables, **environment_of(notify), "COUNTERSIGN_PROXY_STATE_DIR": str(notify.path) + ".d",
                                "COUNTERSIGN_ACCOUNT_MAIN_API_KEY": "env:COINSTORE_API_KEY",
                                "COUNTERSIGN_ACCOUNT_MAIN_API_SECRET": "env:COINSTORE_API_SECRET"})
    notify.wait_for(READY="1")  # every name of these variables is one that the configuration knows
    subprocess.run(["/bin/sh", "-c", service["ExecReload"].replace("$MAINPID", str(proxy.pid))], check=True)
    notify.wait_for(RELOADING="1")
    proxy.stop()
