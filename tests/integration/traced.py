"""The program under strace: what it asks of the kernel, in order, and a kernel that answers late or with an error."""
import contextlib
import ctypes
import os
import re
import signal
from pathlib import Path

from program import Proxy, children, command_line, poll, process_name

LINE = re.compile(r"^(?P<pid>\d+) +(?P<text>.*)$")
UNFINISHED = re.compile(r"^(?P<call>\w+)\((?P<rest>.*) <unfinished \.\.\.>$")
RESUMED = re.compile(r"^<\.\.\. (?P<call>\w+) resumed>(?P<rest>.*)$")
WHOLE = re.compile(r"^(?P<call>\w+)\((?P<rest>.*)$")


class TracedProxy(Proxy):
    """As Proxy; the process that is started here is strace, the supervisor its child, signer and proxy its child's."""

    def __init__(self, config_file, env, trace_file, *options):
        # The leak sanitizer cannot work beside strace.
        env = {**env, "ASAN_OPTIONS": env.get("ASAN_OPTIONS", "") + ":detect_leaks=0"}
        command = ("strace", "-f", "-qq", "-yy", "-s", "256", "-o", str(trace_file), *map(str, options))
        self.trace_file = trace_file
        super().__init__(config_file, env, command=command)

    @property
    def supervisor_pid(self):
        return poll("strace has a child", lambda: children(self.pid))[0]

    def _child(self, what, pick):
        return poll(f"the supervisor has a child: {what}", lambda: list(filter(pick, children(self.supervisor_pid))))[0]

    @property
    def signer_pid(self):
        return self._child("signer", lambda pid: process_name(pid) == "signer")

    @property
    def proxy_pid(self):
        return self._child("proxy", lambda pid: b"\0proxy-process\0" in command_line(pid))

    def signal(self, number):
        os.kill(self.supervisor_pid, number)

    def kill(self):
        for supervisor in children(self.pid):
            for pid in [*children(supervisor), supervisor]:
                os.kill(pid, signal.SIGKILL)
        super().kill()

    def calls(self):
        """(moment, call, text) with moment "begin" or "end", in the order in which they happened. `text` is the whole call's
        as far as it is known by then."""
        begun, moments = {}, []
        for line in self.trace_file.read_text(errors="replace").splitlines():
            pid, text = LINE.match(line).group("pid", "text")
            if found := UNFINISHED.match(text):
                begun[pid] = found["rest"]
                moments.append(("begin", found["call"], found["rest"]))
            elif found := RESUMED.match(text):
                moments.append(("end", found["call"], begun.pop(pid, "") + found["rest"]))
            elif found := WHOLE.match(text):
                moments.append(("begin", found["call"], found["rest"]))
                moments.append(("end", found["call"], found["rest"]))
        return moments

    def wait_for_call(self, name):
        """Waits until one has begun."""
        poll(f"a call of {name}", lambda: [call for _, call, _ in self.calls() if call == name])


@contextlib.contextmanager
def held_thread(pid):
    """Holds the worker of a proxy process, and no other of its threads, by ptrace(2). Needs root: the process cannot be traced
    by its own user."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
    libc.ptrace.restype = ctypes.c_long
    seize, interrupt, detach, all_children = 0x4206, 0x4207, 17, 0x40000000
    worker = poll("a worker has its name", lambda: [int(task.name) for task in Path(f"/proc/{pid}/task").iterdir()
                                                    if (task / "comm").read_text().strip() == "worker"])[0]
    assert libc.ptrace(seize, worker, None, None) == 0, os.strerror(ctypes.get_errno())
    try:
        assert libc.ptrace(interrupt, worker, None, None) == 0, os.strerror(ctypes.get_errno())
        os.waitpid(worker, all_children)
        yield
    finally:
        assert libc.ptrace(detach, worker, None, None) == 0, os.strerror(ctypes.get_errno())
