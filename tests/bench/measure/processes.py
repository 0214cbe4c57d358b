"""Starts programs and ends each of them, whatever happens; reads what the kernel counts for them."""
import contextlib
import ctypes
import os
import signal
import socket
import subprocess
import time
from pathlib import Path

START_S = 30
END_S = 15
PR_SET_PDEATHSIG = 1
LIBC = ctypes.CDLL(None, use_errno=True)


class Missing(Exception):
    """What a part needs and this machine does not have, and what to do."""


HELD = []


def free_port():
    """Bound until this process ends, and not listening: nobody else is given it, and a server that sets SO_REUSEADDR may listen."""
    held = socket.socket()
    held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    held.bind(("127.0.0.1", 0))
    HELD.append(held)
    return held.getsockname()[1]


def _end_with_parent():
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


class Keeper:
    """All that one part started. Each child is in a session of its own, so that Ctrl-C reaches this process alone, which then
    ends them in turn; should this one be killed, the kernel ends them."""

    def __init__(self):
        self.running = []

    def __enter__(self):
        return self

    def __exit__(self, *error):
        while self.running:
            self.end(self.running[-1])

    def start(self, *command, log=None, env=None, **options):
        output = log.open("ab") if log else subprocess.DEVNULL
        options.setdefault("stdout", output)
        options.setdefault("stderr", output)
        options.setdefault("stdin", subprocess.DEVNULL)
        process = subprocess.Popen([str(word) for word in command], env=env, start_new_session=True,
                                   preexec_fn=_end_with_parent, **options)
        if log:
            output.close()
        self.running.append(process)
        return process

    def end(self, process):
        """SIGTERM, to the process and then to what it left behind; SIGKILL where that does not help. Its exit code."""
        if process in self.running:
            self.running.remove(process)
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            if not has_ended(process.pid, END_S):
                signal_session(process.pid, signal.SIGKILL)
                has_ended(process.pid, END_S)
            signal_session(process.pid, signal.SIGTERM)
        return process.wait()

    def run(self, *command, **options):
        """Runs a command to its end, and gives what it printed."""
        process = self.start(*command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options)
        try:
            output, errors = process.communicate()
        finally:
            self.end(process)
        if process.returncode != 0:
            raise RuntimeError(f"{command[0]}: exit code {process.returncode}: {errors.decode(errors='replace').strip()}")
        return output.decode()


def has_ended(pid, deadline_s):
    """Waits for a child, and leaves it to be waited for: until then nobody else gets its number."""
    end = time.monotonic() + deadline_s
    while not os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT | os.WNOHANG):
        if time.monotonic() > end:
            return False
        time.sleep(0.005)
    return True


def signal_session(pid, number):
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, number)


def wait_until(what, look, process=None, log=None, deadline_s=START_S):
    """Calls `look` until it gives something true, and returns that; ends early where the process has ended."""
    end = time.monotonic() + deadline_s
    while not (found := look()):
        if time.monotonic() > end or (process is not None and process.poll() is not None):
            said = log.read_text(errors="replace").strip() if log and log.exists() else ""
            raise RuntimeError(f"{what}: not within {deadline_s} s. {said}")
        time.sleep(0.01)
    return found


def listens(port, address="127.0.0.1"):
    try:
        socket.create_connection((address, port), 1).close()
        return True
    except OSError:
        return False


def listens_there(pid, port):
    """The same, in the network namespace of that process."""
    lines = Path(f"/proc/{pid}/net/tcp").read_text().splitlines()[1:]
    return any(line.split()[1].endswith(f":{port:04X}") and line.split()[3] == "0A" for line in lines)


def children(pid):
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except (FileNotFoundError, ProcessLookupError):
        return []


def tree(pid):
    return [pid, *(below for child in children(pid) for below in tree(child))]


def role(pid):
    """What a process is, for people: ours by its job, another by its name."""
    name = Path(f"/proc/{pid}/comm").read_text().strip()
    if b"\0proxy-process\0" in Path(f"/proc/{pid}/cmdline").read_bytes():
        return "proxy"
    return "supervisor" if name == "countersign" else name


def tasks(pid):
    """(label, the folder below /proc) of each thread of each process below and including this one."""
    for process in tree(pid):
        label = role(process)
        for task in Path(f"/proc/{process}/task").iterdir():
            if task.name == str(process):
                yield f"{label} (main)" if label == "proxy" else label, task
            else:
                yield f"{label}/{(task / 'comm').read_text().strip()}", task


def ticks_us(fields):
    return [int(value) * 1_000_000 // os.sysconf("SC_CLK_TCK") for value in fields]


def processor_us(pid):
    """Of all processes below and including this one: {"user": µs, "system": µs, "threads": {label: µs}}."""
    used = {"user": 0, "system": 0, "threads": {}}
    for label, task in tasks(pid):
        user, system = ticks_us((task / "stat").read_text().rpartition(")")[2].split()[11:13])
        used["user"] += user
        used["system"] += system
        try:  # nanoseconds, where the kernel counts them
            spent = int((task / "schedstat").read_text().split()[0]) // 1000
        except FileNotFoundError:
            spent = user + system
        used["threads"][label] = used["threads"].get(label, 0) + spent
    return used


def settle(pid, quiet_s=0.2, deadline_s=10):
    """Waits until the processes have nothing more to do: a recorder is behind the answers."""
    end = time.monotonic() + deadline_s
    before = sum(processor_us(pid)["threads"].values())
    while time.monotonic() < end:
        time.sleep(quiet_s)
        now = sum(processor_us(pid)["threads"].values())
        if now - before < 0.01 * quiet_s * 1e6:
            return
        before = now
