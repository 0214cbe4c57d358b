"""What all processes gave up, seen from outside; and that the proxy works where the kernel grants less."""
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

import coinstore
from program import Proxy, binary, children, is_alive, poll, write_config

BALANCE = "/api/spot/accountList"
OLDER_KERNEL = Path(__file__).with_name("older_kernel.py")
NOBODY = 65534
LINUX = tuple(map(int, re.match(r"(\d+)\.(\d+)", os.uname().release).groups()))


def status(pid):
    """/proc/PID/status as a dictionary."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return dict(line.split(":\t", 1) for line in lines)


def state(proxy, process):
    return proxy.wait_for_event("sandbox", process=process)


def missing(proxy, process):
    """The warnings of this process about what it could not give up."""
    state(proxy, process)  # the line behind them
    return [event for event in proxy.events("sandbox_missing") if event["process"] == process]


def signs(proxy, upstream):
    answer = proxy.request("POST", BALANCE)
    return answer.status == 200 and upstream.requests()[-1].verdict == coinstore.ACCEPTED


@pytest.mark.both
def test_all_processes_run_with_filter_and_without_new_privileges(proxy, upstream):
    assert signs(proxy, upstream)
    for pid in (proxy.pid, proxy.signer_pid, proxy.proxy_pid):
        assert (status(pid)["Seccomp"], status(pid)["NoNewPrivs"]) == ("2", "1")
        core = re.search(r"Max core file size +(\S+) +(\S+)", Path(f"/proc/{pid}/limits").read_text())
        assert core.groups() == ("0", "0")


@pytest.mark.once  # sanitizers lock nothing
def test_the_signers_and_the_supervisors_memory_is_locked(proxy):
    for pid, process in ((proxy.pid, "supervisor"), (proxy.signer_pid, "signer")):
        assert state(proxy, process)["memory_locked"] in ("all", "writable")
        assert int(status(pid)["VmLck"].split()[0]) > 0


@pytest.mark.both
def test_every_thread_of_the_proxy_is_limited(start):
    proxy = start({"proxy": {"workers": 3}})
    threads = list(Path(f"/proc/{proxy.proxy_pid}/task").iterdir())
    assert len(threads) > 4
    assert {re.search(r"^Seccomp:\t(\d)", (thread / "status").read_text(), re.M)[1] for thread in threads} == {"2"}


@pytest.mark.once
def test_every_thread_of_the_proxy_has_its_name(proxy):
    """Each names itself: the sandbox keeps another's name in /proc closed."""
    def names():
        return {(task / "comm").read_text().strip() for task in Path(f"/proc/{proxy.proxy_pid}/task").iterdir()}
    poll("all threads have their names", lambda: {"worker", "recorder", "keys", "trading"} <= names())


@pytest.mark.once
@pytest.mark.skipif(LINUX < (5, 13), reason="the kernel has no Landlock")
def test_each_process_says_what_it_gave_up_and_nothing_is_missing(proxy):
    for process, least in (("supervisor", 50), ("signer", 40), ("proxy", 100)):
        event = state(proxy, process)
        assert event["seccomp_calls"] > least and event["landlock_abi"] >= 1
        assert event["no_new_privileges"] == event["not_dumpable"] == event["no_core_dumps"] == 1
        assert event["level"] == "info" and f"{process}: sandboxed: " in event["message"]
        if os.geteuid() == 0:
            assert missing(proxy, process) == []


@pytest.mark.once
@pytest.mark.parametrize("lacks", ["landlock", "seccomp", "landlock,seccomp"])
def test_what_the_kernel_lacks_is_a_warning_and_not_a_failure(start, upstream, lacks):
    proxy = start(command=(sys.executable, str(OLDER_KERNEL), lacks))
    for process in ("supervisor", "signer", "proxy"):
        warnings = [event["message"] for event in missing(proxy, process)]
        assert len(warnings) == len(lacks.split(","))
        assert all(any(name in text.lower() for text in warnings) for name in lacks.split(","))
        assert (state(proxy, process)["landlock_abi"] == 0) == ("landlock" in lacks)
        assert (state(proxy, process)["seccomp_calls"] == 0) == ("seccomp" in lacks)
    assert signs(proxy, upstream)


@pytest.mark.both
def test_the_way_out_is_taken_and_told(start, upstream):
    proxy = start({"proxy": {"sandbox": "off"}})
    for pid, process in ((proxy.pid, "supervisor"), (proxy.signer_pid, "signer"), (proxy.proxy_pid, "proxy")):
        assert status(pid)["Seccomp"] == "0"
        assert any("sandbox = off" in event["message"] for event in missing(proxy, process))
        assert state(proxy, process)["not_dumpable"] == 1
    assert signs(proxy, upstream)


# --- commands as sources ---

@pytest.fixture
def with_command(tmp_path, account):
    path = tmp_path / "secret"
    path.write_text(account.secret + "\n")
    return {"account main": {"api_secret": f"command:cat {path}"}}


def runner_of(proxy):
    found = [child for child in children(proxy.pid) if Path(f"/proc/{child}/comm").read_text() == "commands\n"]
    assert len(found) == 1
    return found[0]


def memory(pid):
    """All that a process holds, as root sees it."""
    with open(f"/proc/{pid}/mem", "rb", buffering=0) as file:
        for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
            begin, end = (int(part, 16) for part in line.split()[0].split("-"))
            if " rw" in line:
                file.seek(begin)
                yield file.read(end - begin)


@pytest.mark.once
@pytest.mark.skipif(os.geteuid() != 0, reason="looks into another process's memory, which takes root")
def test_the_process_that_runs_commands_keeps_no_secret(start, upstream, account, with_command):
    proxy = start(with_command, env_changes={"COINSTORE_API_SECRET": ""})
    assert signs(proxy, upstream)
    held = b"".join(memory(runner_of(proxy)))
    assert b"COINSTORE_API_KEY" in held  # the variable's name in the configuration: this is its memory
    assert account.key.encode() not in held  # comes from a variable, and was wiped there
    assert account.secret.encode() not in held  # comes from its own command, and was wiped after


@pytest.mark.both
def test_the_process_that_runs_commands_ends_with_the_supervisor(start, upstream, with_command):
    proxy = start(with_command)
    assert signs(proxy, upstream)
    runner = runner_of(proxy)
    assert status(runner)["NoNewPrivs"] == "1"
    proxy.stop()
    assert not is_alive(runner)


@pytest.mark.both
def test_the_process_that_runs_commands_dies_with_the_supervisor(start, with_command):
    proxy = start(with_command)
    runner, child = runner_of(proxy), proxy.proxy_pid
    proxy.signal(signal.SIGKILL)
    proxy.wait()
    poll("the runner is gone", lambda: not is_alive(runner))
    poll("the proxy is gone", lambda: not is_alive(child))


# --- as an ordinary user ---

@pytest.fixture
def ordinary(programs, env, sections):
    """Starts the program as a user without rights of its own: `nobody` where the tests run as root, else this one."""
    is_root = os.geteuid() == 0
    folder = Path(tempfile.mkdtemp(prefix="countersign-"))
    program = Path(shutil.copy(binary(), folder / "countersign"))
    authority = shutil.copy(sections["upstream spot"]["ca_file"], folder / "ca.pem")
    sections["proxy"]["state_dir"], sections["upstream spot"]["ca_file"] = folder / "state", authority
    if is_root:
        for path in (folder, *folder.iterdir()):
            os.chown(path, NOBODY, NOBODY)

    def start(locked_bytes=None):
        limit = ["prlimit", f"--memlock={locked_bytes}:{locked_bytes}"] if locked_bytes is not None else []
        user = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"] if is_root else []
        sections["listener bot"]["peer"] = "any"  # the tests' own requests are another user's
        proxy = Proxy(write_config(folder / "countersign.ini", sections), env, command=[*user, *limit],
                      program=program)
        programs.append(proxy)
        return proxy.wait_until_ready()
    yield start
    shutil.rmtree(folder)


def read_as_ordinary(path):
    as_user = {"user": NOBODY, "group": NOBODY, "extra_groups": []} if os.geteuid() == 0 else {}
    return subprocess.run(["head", "-c", "1", path], capture_output=True, check=False, timeout=30, **as_user)


@pytest.mark.both
def test_the_same_user_reads_no_process(ordinary, upstream):
    proxy = ordinary()
    assert signs(proxy, upstream)
    for pid in (proxy.pid, proxy.signer_pid, proxy.proxy_pid):
        for name in ("mem", "environ", "maps", "auxv"):
            done = read_as_ordinary(f"/proc/{pid}/{name}")
            assert done.returncode != 0 and b"ermission denied" in done.stderr, (pid, name)
        assert read_as_ordinary(f"/proc/{pid}/cmdline").returncode == 0  # it is that user's to look at otherwise


@pytest.mark.once
def test_a_limit_of_no_locked_memory_is_a_warning_and_not_a_failure(ordinary, upstream):
    proxy = ordinary(locked_bytes=0)
    assert signs(proxy, upstream)
    for pid, process in ((proxy.pid, "supervisor"), (proxy.signer_pid, "signer")):
        warning, = missing(proxy, process)
        assert "locked" in warning["message"] and "ulimit -l" in warning["message"]
        assert state(proxy, process)["memory_locked"] == "part"
        assert status(pid)["VmLck"].split()[0] == "0"


@pytest.mark.once
def test_a_usual_limit_is_enough_for_all_that_could_hold_a_secret(ordinary, upstream):
    if resource.getrlimit(resource.RLIMIT_MEMLOCK)[1] not in range(8 << 20, 1 << 62) and os.geteuid() != 0:
        pytest.skip("this user may lock less than 8 MiB")
    proxy = ordinary(locked_bytes=8 << 20)
    assert signs(proxy, upstream)
    for process in ("supervisor", "signer"):
        assert missing(proxy, process) == []
        assert state(proxy, process)["memory_locked"] == "writable"
