"""Other users of this machine, for tests that run as root: clients and proxies that are theirs."""
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

from program import binary
from rawhttp import DEADLINE_S

NOBODY = 65534  # a user that owns nothing
OTHER = 54321   # and one that is in no list of users

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to be another user")


def as_user(uid):
    """What goes before a command line."""
    return ("setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups", "--inh-caps=-all")


def curl(address, *arguments, uid=None, target="/api/trade/order/active", **options):
    """curl of this user, or of another one: its exit code, and the answer's status and body."""
    unix = ("--unix-socket", address.removeprefix("unix:")) if address.startswith("unix:") else ()
    host = "localhost" if unix else address
    done = subprocess.run([*(as_user(uid) if uid is not None else ()), "curl", "-sS", "-g", "-w", "\n%{http_code}", *unix,
                           *map(str, arguments), f"http://{host}{target}"], stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=DEADLINE_S, check=False, cwd="/", **options)
    body, _, status = done.stdout.rpartition("\n")
    return done.returncode, int(status or 0), body


class Home:
    """A folder that another user owns, with the program and a certificate in it, for proxies of that user's."""

    def __init__(self, uid, ca_file):
        self.path = Path(tempfile.mkdtemp(prefix="countersign-user-"))
        self.program = Path(shutil.copy(binary(), self.path / "countersign"))
        self.ca_file = Path(shutil.copy(ca_file, self.path / "ca.pem"))
        self.ca_file.chmod(0o644)
        os.chown(self.path, uid, uid)

    def remove(self):
        shutil.rmtree(self.path)


@pytest.fixture
def home_of(authority):
    made = []

    def make(uid):
        made.append(Home(uid, authority.ca_file))
        return made[-1]
    yield make
    for home in made:
        home.remove()
