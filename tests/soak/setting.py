"""Everything around the program under test: its folder and disk, keys, configuration, the exchanges and the clients."""
import json
import os
import secrets
import shutil
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from types import SimpleNamespace

import paths  # noqa: F401, pylint: disable=unused-import
import program
from certificates import Authority
from dropping_network import dropping_network
from evidence import Evidence, Pair
from faults import FaultyUpstream
from held_port import HeldPort
from mock_exchange import MockExchange
from pytest import skip

HERE = Path(__file__).resolve().parent
CLIENT_PROCESSES = 3
DISK_BYTES = 4 << 30  # of memory at most, for the state folder, as far as it is used
SLACK_BYTES = 64 << 10
MOCK_AHEAD = "7s"      # of the mock exchange's clock: within the windows that it takes
PACED = {"count": 45, "window_s": 3}  # of the account paced, which is asked for more; the others' pace stands in nobody's way
RATE = "2000/100ms"
TIMES = {"timeout": "1500ms", "connect_timeout": "700ms"}
WARM = {"one": 2, "lossy": 1}  # connections kept open ahead of requests; the others': none
LISTENERS = {"one": "127.0.0.1:", "two": "127.0.0.1:", "unix": "unix:", "mock": "127.0.0.1:", "lossy": "127.0.0.1:",
             "paced": "127.0.0.1:"}


def new_pair():
    return Pair(secrets.token_hex(16), secrets.token_hex(16))


class KeyFiles:
    """An account's two files, and all pairs that they held: (from when on they were in the files, when they were no more
    in use)."""

    def __init__(self, folder):
        folder.mkdir()
        self.folder, self.pairs, self.replaced_at = folder, [], {}
        self.hold(new_pair())

    @property
    def keys(self):
        return {"api_key": f"file:{self.folder}/key", "api_secret": f"file:{self.folder}/secret"}

    def hold(self, pair):
        for name, text in (("key", pair.key), ("secret", pair.secret)):
            new = self.folder / f"{name}.new"
            new.write_text(text + "\n")
            new.chmod(0o600)
            new.rename(self.folder / name)
        self.pairs.append(pair)

    def in_use_alone(self):
        """From now on nothing is signed with an earlier pair."""
        for pair in self.pairs[:-1]:
            self.replaced_at.setdefault(pair.key, time.monotonic())


class Disk:
    """A file system of its own for the state folder, where this machine lets one be made; it is made full by being made
    small, so it takes no memory that is not used."""

    def __init__(self, folder):
        self.folder = folder
        self.is_mounted = os.geteuid() == 0 and self._mount("size=%d" % DISK_BYTES)

    def _mount(self, options):
        return subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", self.folder], check=False,
                              capture_output=True).returncode == 0

    def resize(self, size):
        subprocess.run(["mount", "-o", f"remount,size={size}", self.folder], check=True, capture_output=True)

    def used(self):
        status = os.statvfs(self.folder)
        return (status.f_blocks - status.f_bfree) * status.f_frsize

    def fill(self):
        """What is written meanwhile may be more than the slack: then the size is refused."""
        def try_it():
            try:
                self.resize(self.used() + SLACK_BYTES)
            except subprocess.CalledProcessError:
                return False
            return True
        program.poll("the disk can be made small", try_it)

    def make_room(self):
        self.resize(DISK_BYTES)

    def move_away(self, to):
        """Copies what is on it, and ends it."""
        if self.is_mounted:
            shutil.copytree(self.folder, to, dirs_exist_ok=True)
            subprocess.run(["umount", "--lazy", self.folder], check=True)


class Process:
    """A Python program of this folder; ends with its standard input."""

    def __init__(self, name, *arguments):
        self.process = subprocess.Popen([sys.executable, str(HERE / name), *map(str, arguments)], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True)

    def line(self):
        return self.process.stdout.readline().strip()

    def ask(self):
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return self.line()

    def end(self):
        if not self.process.stdin.closed:
            self.process.stdin.close()

    def wait(self):
        self.end()
        self.process.wait(120)
        self.process.stdout.close()
        return self.process.returncode


class Setting:
    """`begin` begins all of it, and `end` ends what began."""

    def __init__(self, folder, seed):
        self.folder, self.seed = folder, seed
        self.parts = ExitStack()
        self.binary = Path(shutil.copy(program.binary(), folder / "countersign"))  # a path that nobody else runs
        os.environ["COUNTERSIGN_BIN"] = str(self.binary)
        self.state_home = folder / "disk"
        self.state_home.mkdir()
        self.disk = Disk(self.state_home)
        self.state_dir = self.state_home / "state"
        self.config_file = folder / "countersign.ini"
        self.authority = Authority(folder, "soak")
        self.accounts = {name: KeyFiles(folder / name) for name in ("main", "second", "paced")}
        self.mock_pair = new_pair()
        self.env = program.environment(folder, COINSTORE_API_KEY=self.mock_pair.key, COINSTORE_API_SECRET=self.mock_pair.secret)
        self.variant = SimpleNamespace(workers=2, durability="process", clock="system", listeners={})
        self.network = self.upstreams = self.mock = self.relay = self.addresses = self.admin = None

    def begin(self):
        self.upstreams = self._upstreams()
        self.mock = self.parts.enter_context(closing_program(MockExchange("--clock-offset", MOCK_AHEAD, env=self.env)))
        self.relay = Process("relay.py", self.mock.address, self.chronicle("relay"), self.seed)
        self.relay.address = self.relay.line()
        self.addresses = self._addresses()
        self.admin = f"127.0.0.1:{self._port()}"
        self.write_config()
        return self

    def chronicle(self, name):
        return self.folder / f"arrived-{name}.jsonl"

    def _port(self):
        """Held between the proxy's lives, too."""
        return self.parts.enter_context(HeldPort()).port

    def _upstreams(self):
        certificate = self.authority.issue("localhost", "127.0.0.1")
        made = {name: self.parts.enter_context(FaultyUpstream(certificate, chronicle=self.chronicle(name)))
                for name in ("one", "two")}
        try:
            network = self.network = self.parts.enter_context(dropping_network())
            made["lossy"] = self.parts.enter_context(FaultyUpstream(
                self.authority.issue(network.address), network.address, network.command, chronicle=self.chronicle("lossy")))
        except skip.Exception as why:
            print(f"soak: without a network that drops packets: {why}", flush=True)
        return made

    def _addresses(self):
        made = {}
        for name, kind in LISTENERS.items():
            if name != "lossy" or name in self.upstreams:
                made[name] = f"unix:{self.folder}/bot.sock" if kind == "unix:" else f"{kind}{self._port()}"
        return made

    def _sections(self):
        proxy = {"state_dir": self.state_dir, "admin": self.admin, "body_max": "64KiB", "workers": self.variant.workers,
                 "drain": "5s", "pace_wait": "400ms",
                 "request_timeout": "60s", "answer_timeout": "60s"}  # clients may be slow because the machine is
        made = {"proxy": proxy,
                "capture": {"ring_size": "4MiB", "keep_mib": 0, "durability": self.variant.durability},
                "account mock": {"api_key": "env:COINSTORE_API_KEY", "api_secret": "env:COINSTORE_API_SECRET",
                                 "clock": self.variant.clock, "rate": RATE},
                **{f"account {name}": {**files.keys, "rate": RATE} for name, files in self.accounts.items()},
                "upstream mock": {"url": f"http://{self.relay.address}", **TIMES, "warm": 0, "ip_rate": RATE}}
        made["account paced"]["rate"] = "{count}/{window_s}s".format(**PACED)
        for name, upstream in self.upstreams.items():
            made[f"upstream {name}"] = {"url": upstream.url, "ca_file": self.authority.ca_file, **TIMES, "ip_rate": RATE,
                                        "warm": WARM.get(name, 0), "http": "2" if name == "two" else "1.1"}
        for name, address in self.addresses.items():
            of = {"two": ("two", "second"), "mock": ("mock", "mock"), "unix": ("one", "second"), "lossy": ("lossy", "main"),
                  "paced": ("one", "paced")}
            upstream, account = of.get(name, ("one", "main"))
            made[f"listener {name}"] = {"listen": address, "upstream": upstream, "account": account,
                                        **self.variant.listeners.get(name, {})}
        return made

    def write_config(self, text=None):
        """By rename, as editors do."""
        fresh = program.write_config(self.folder / "fresh.ini", self._sections())
        if text is not None:
            fresh.write_text(text)
        fresh.rename(self.config_file)

    def start_clients(self):
        return [Process("clients.py", json.dumps(self.addresses), self.folder / f"sent-{number}.jsonl", f"c{number}", self.seed)
                for number in range(CLIENT_PROCESSES)]

    def exchange_ports(self):
        ports = {upstream.port: name for name, upstream in self.upstreams.items()}
        return ports | {int(self.relay.address.rpartition(":")[2]): "mock"}

    def evidence(self, windows, last):
        pairs = [pair for files in self.accounts.values() for pair in files.pairs] + [self.mock_pair]
        replaced_at = {key: at for files in self.accounts.values() for key, at in files.replaced_at.items()}
        paced = PACED | {"listener": "paced", "keys": [pair.key for pair in self.accounts["paced"].pairs]}
        return Evidence(self.folder, self.state_dir, pairs, replaced_at, paced, windows, last)

    def end(self):
        if self.relay:
            self.relay.wait()
        self.parts.close()
        self.disk.move_away(self.folder / "record")


class closing_program:  # pylint: disable=invalid-name
    """A program that ends with a block."""

    def __init__(self, running):
        self.running = running

    def __enter__(self):
        return self.running

    def __exit__(self, *_):
        self.running.process.terminate()
        self.running.wait()
