"""A network namespace, joined to this machine's own by a pair of interfaces, that drops packets (nftables): by chance, or all of
chosen connections."""
import fcntl
import json
import os
import shutil
import subprocess
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

DROP_PERCENT = 5  # of all packets, in each direction
HERE, THERE = "198.18.{}.1", "198.18.{}.2"  # RFC 2544: for tests of networks
NUMBERS = 254
RULES = """
table ip faults {{
    chain come {{ type filter hook input priority 0; numgen random mod 100 < {percent} counter drop; }}
    chain leave {{ type filter hook output priority 0; numgen random mod 100 < {percent} counter drop; }}
}}
"""
VANISH = """
add rule ip faults come tcp sport {port} counter drop
add rule ip faults leave tcp dport {port} counter drop
"""


@dataclass
class Network:
    name: str
    address: str

    @property
    def command(self):
        """What goes before a command line, to run it there."""
        return ("ip", "netns", "exec", self.name)

    def vanish(self, ports):
        """From now on nothing passes on the connections from these ports, and neither end is told."""
        run(*self.command, "nft", "-f", "-", stdin="".join(VANISH.format(port=port) for port in ports))

    def dropped(self):
        """Packets so far."""
        done = run(*self.command, "nft", "-j", "list", "ruleset")
        rules = [item["rule"]["expr"] for item in json.loads(done.stdout)["nftables"] if "rule" in item]
        return sum(part["counter"]["packets"] for rule in rules for part in rule if "counter" in part)


def run(*command, stdin=None):
    return subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=30, check=True)


def set_up(name, number, percent):
    """Interfaces' names are those of the whole machine, and have 15 bytes at most."""
    outer, inner = f"csf{os.getpid()}", f"csg{os.getpid()}"
    run("ip", "link", "add", outer, "type", "veth", "peer", "name", inner, "netns", name)
    run("ip", "addr", "add", HERE.format(number) + "/24", "dev", outer)
    run("ip", "link", "set", outer, "up")
    run("ip", "-n", name, "addr", "add", THERE.format(number) + "/24", "dev", inner)
    run("ip", "-n", name, "link", "set", inner, "up")
    run("ip", "netns", "exec", name, "nft", "-f", "-", stdin=RULES.format(percent=percent))


@contextmanager
def claimed_number():
    """One that no other test has, of whatever run on this machine: two of one number would take each other's packets."""
    for number in range(1, NUMBERS + 1):
        with (Path(tempfile.gettempdir()) / f"countersign-network-{number}.lock").open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            yield number
            return
    pytest.skip(f"{NUMBERS} tests drop packets on this machine already")


@contextmanager
def dropping_network(percent=DROP_PERCENT):
    """Skips the test where this machine does not let it be made."""
    if os.geteuid() != 0 or not shutil.which("nft"):
        pytest.skip("needs root and nft, to drop packets in a network namespace")
    name = f"countersign-faults-{os.getpid()}"
    with claimed_number() as number:
        try:
            run("ip", "netns", "add", name)
        except subprocess.CalledProcessError as error:
            pytest.skip(f"this machine gives no network namespace: {error.stderr}")
        try:
            try:
                set_up(name, number, percent)
            except subprocess.CalledProcessError as error:
                pytest.skip(f"this machine lets no packets be dropped in a network namespace: {error.stderr}")
            yield Network(name, THERE.format(number))
        finally:
            # Both interfaces are gone when this returns; those of a namespace that ends go some time later.
            subprocess.run(["ip", "link", "del", f"csf{os.getpid()}"], capture_output=True, check=False)
            run("ip", "netns", "del", name)
