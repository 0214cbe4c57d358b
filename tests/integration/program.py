"""Starts and ends the program under test, and reads what it says and records."""
import json
import os
import re
import signal
import subprocess
import threading
import time
from pathlib import Path

from rawhttp import DEADLINE_S, Client, connect

ROOT = Path(__file__).resolve().parents[2]
SANITIZER_REPORT = re.compile(r"ERROR: (Address|Leak)Sanitizer|WARNING: ThreadSanitizer|runtime error:")


def binary():
    return Path(os.environ.get("COUNTERSIGN_BIN", ROOT / "build" / "debug" / "countersign")).absolute()


def preloaded(env, library, **variables):
    """Changes of the environment that put this library of tests/inject between the program and the kernel. A sanitizer wants to
    be its program's first library, and can do without."""
    return {"LD_PRELOAD": str(binary().parent / "tests" / f"lib{library}.so"), **variables,
            "ASAN_OPTIONS": ":".join(filter(None, [env.get("ASAN_OPTIONS"), "verify_asan_link_order=0"]))}


def poll(what, attempt, deadline_s=DEADLINE_S):
    """Calls `attempt` until it gives something true, and returns that."""
    end = time.monotonic() + deadline_s
    while not (result := attempt()):
        assert time.monotonic() < end, f"not within {deadline_s} s: {what}"
        time.sleep(0.02)
    return result


def write_config(path, sections):
    """`sections` is {"proxy": {...}, "listener bot": {...}}."""
    lines = []
    for section, keys in sections.items():
        lines += [f"[{section}]"] + [f"{key} = {value}" for key, value in keys.items()] + [""]
    path.write_text("\n".join(lines))
    return path


def environment(home, **variables):
    """What a program starts with: nothing of the test run's own but the sanitizers' options and the path."""
    kept = {name: value for name, value in os.environ.items() if name.endswith("SAN_OPTIONS")}
    return {"PATH": f"{binary().parent}:{os.environ['PATH']}", "HOME": str(home), "LANG": "C.UTF-8",
            **kept, **variables}


def fail_on_sanitizer_report(output):
    assert not SANITIZER_REPORT.search(output), f"a sanitizer reported:\n{output}"


def run(*arguments, env, stdin=b"", **options):
    """Runs a subcommand to its end. Output is bytes."""
    done = subprocess.run([binary(), *map(str, arguments)], env=env, input=stdin, capture_output=True,
                          timeout=DEADLINE_S, check=False, **options)
    fail_on_sanitizer_report(done.stderr.decode(errors="replace"))
    return done


def children(pid):
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except FileNotFoundError:
        return []


def command_line(pid):
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return b""


def process_name(pid):
    try:
        return Path(f"/proc/{pid}/comm").read_text().rstrip("\n")
    except (FileNotFoundError, ProcessLookupError):
        return ""


def is_alive(pid):
    """Whether the process runs. A zombie does not, unless another of its threads does: one that waits for the disk ends late, and
    holds what the process has open until then."""
    try:
        is_over = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in "ZX"
        return not is_over or len(list(Path(f"/proc/{pid}/task").iterdir())) > 1
    except (FileNotFoundError, ProcessLookupError):
        return False


class Program:
    """A running `countersign`: the supervisor, which is the process started here, and its children: signer and proxy."""

    def __init__(self, *arguments, env, command=(), program=None, descriptors=()):
        self.arguments = [*map(str, command), str(program or binary()), *map(str, arguments)]
        self.lines = []
        self.said = threading.Condition()
        self.process = subprocess.Popen(self.arguments, env=env, stdin=subprocess.DEVNULL, text=True,
                                        errors="replace", stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                        pass_fds=descriptors)
        self.readers = [threading.Thread(target=self._read, args=(pipe,), daemon=True)
                        for pipe in (self.process.stdout, self.process.stderr)]
        for reader in self.readers:
            reader.start()
        self.exit_code = None  # set once a test or the fixture has waited for the end

    def _read(self, pipe):
        with pipe:
            for line in pipe:
                with self.said:
                    self.lines.append(line.rstrip("\n"))
                    self.said.notify_all()
        with self.said:
            self.said.notify_all()

    @property
    def pid(self):
        return self.process.pid

    @property
    def proxy_pid(self):
        """There may be other children: the one that runs commands for secrets, the demo's mock exchange."""
        return poll("the supervisor has started the proxy", lambda: [
            child for child in children(self.pid) if b"\0proxy-process\0" in command_line(child)])[0]

    @property
    def signer_pid(self):
        """The one that is at work now; after its end another one's."""
        return poll("the supervisor has started the signer", lambda: [
            child for child in children(self.pid) if process_name(child) == "signer"])[0]

    def output(self):
        with self.said:
            return "\n".join(self.lines)

    def _ended(self):
        return not any(reader.is_alive() for reader in self.readers)

    def wait_for_line(self, what, pick):
        """The first true pick(line) over all lines, those to come included."""
        def look():
            return next(filter(None, map(pick, self.lines)), None) or (self._ended() and ...)
        with self.said:
            found = self.said.wait_for(look, DEADLINE_S)
        assert found not in (None, False, ...), f"no line: {what}. Output:\n{self.output()}"
        return found

    def events(self, name):
        with self.said:
            lines = list(self.lines)
        found = [json.loads(line) for line in lines if line.startswith("{")]
        return [event for event in found if event.get("event") == name]

    def wait_for_event(self, name, **values):
        """The first log line (JSON) of this event whose values are these."""
        def pick(line):
            event = json.loads(line) if line.startswith("{") else {}
            return event if {"event": name, **values}.items() <= event.items() else None
        return self.wait_for_line(f"event {name} {values}", pick)

    def signal(self, number):
        self.process.send_signal(number)

    def wait(self):
        """Waits for the end; returns the exit code."""
        self.exit_code = self.process.wait(DEADLINE_S)
        for reader in self.readers:
            reader.join(DEADLINE_S)
        return self.exit_code

    def stop(self):
        """SIGTERM, and the end it should bring: everything flushed, exit code 0."""
        self.signal(signal.SIGTERM)
        assert self.wait() == 0, f"exit code {self.exit_code}. Output:\n{self.output()}"

    def kill(self):
        """The last resort: ends the program and its children by their ids."""
        for pid in [*children(self.pid), self.pid]:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        self.wait()

    def finish(self):
        """For fixtures: ends what still runs, shows the output, and finds what no test may have."""
        try:
            if self.exit_code is None:
                self.stop()
        finally:
            if self.process.poll() is None:
                self.kill()
            print(f"--- {' '.join(self.arguments)}: exit code {self.process.returncode}\n{self.output()}")
        fail_on_sanitizer_report(self.output())


class Proxy(Program):
    """`countersign serve -c FILE` with one JSON line for each thing it says."""

    def __init__(self, config_file, env, *arguments, command=(), program=None, descriptors=()):
        super().__init__("serve", "-c", config_file, "--log-format", "json", *arguments, env=env, command=command,
                         program=program, descriptors=descriptors)
        self.config_file = config_file
        self.env = env

    def wait_until_ready(self):
        self.wait_for_event("ready")
        return self

    def address(self, listener="bot"):
        return self.wait_for_event("listening", listener=listener)["address"]

    def url(self, listener="bot"):
        return self.wait_for_event("listening", listener=listener)["url"]

    def client(self, listener="bot"):
        return Client(connect(self.address(listener)))

    def request(self, method, target, fields=(), body=None):
        """One request on a connection of its own."""
        with self.client() as client:
            return client.request(method, target, fields, body)

    def command(self, *arguments, stdin=b""):
        """Runs another subcommand on the same configuration."""
        return run(*arguments, "-c", self.config_file, env=self.env, stdin=stdin)

    def log(self, *arguments):
        """The exchanges that `countersign log` lists, as they are recorded by now."""
        done = self.command("log", "--json", *arguments)
        assert done.returncode == 0, done.stderr.decode()
        return [json.loads(line) for line in done.stdout.decode().splitlines()]

    def record(self, number):
        """One exchange's whole record, waited for: the recorder runs behind the answer."""
        def look():
            done = self.command("log", "show", number, "--json")
            record = json.loads(done.stdout) if done.returncode == 0 else None
            return record if record and record["outcome"] != "in_flight" else None
        return poll(f"exchange {number} is recorded", look)

    def view(self, number, name):
        """One view's raw bytes: client-request, upstream-request, upstream-response, client-response."""
        self.record(number)
        done = self.command("log", "show", number, "--raw", "--view", name)
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout
