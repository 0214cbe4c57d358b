"""The exchange's stand-in and the programs a user might run instead of ours: nginx with the configurations of tests/bench/rig."""
import json
import os
import random
import shutil
import subprocess
from pathlib import Path

from .processes import Missing, free_port, listens, wait_until
from .table import say

RIG = Path(__file__).resolve().parents[1] / "rig"
BODY = '{"symbol":"SHARPUSDT","side":"SELL","ordType":"MARKET","timestamp":1770742394290,"ordQty":"1386.193512614361"}'
TARGET = "/api/trade/order/place"
KEY, SECRET = "0" * 31 + "1", "f" * 31 + "e"  # of no account
INSTALL = "tests/bench/run.sh --install"
SBIN = ":/usr/sbin:/sbin"


def environment(**more):
    """Of what is started: no setting of the user's own proxy."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("COUNTERSIGN_", "COINSTORE_", "PYTHON"))}
    return {**kept, "PATH": kept.get("PATH", "/usr/bin:/bin") + SBIN, **more}


def tool(name, package=None):
    """Where a program is."""
    found = shutil.which(name, path=environment()["PATH"])
    if not found:
        raise Missing(f"there is no {name} here: `{INSTALL}` installs {package or name}")
    return found


def in_turn(targets, number):
    """The targets in the order of round NUMBER, another one each time: who comes next finds the disk and the caches as the one before
    left them."""
    return random.Random(number).sample(list(targets), len(targets))


def has_tool(name):
    return shutil.which(name, path=environment()["PATH"]) is not None


def lua_modules():
    """Where nginx has its modules, or None where the one for Lua is not among them."""
    for folder in ("/usr/lib/nginx/modules", "/usr/lib64/nginx/modules", "/usr/share/nginx/modules"):
        if all((Path(folder) / f"{name}_http{kind}_module.so").exists() for name, kind in (("ndk", ""), ("ngx", "_lua"))):
            return folder
    return None


def certificates(folder, *names):
    """ca.pem, server.pem and server.key, for localhost, the exchange's own name and these."""
    openssl = tool("openssl")

    def call(*words):
        subprocess.run([openssl, *map(str, words)], check=True, capture_output=True)

    key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
    call("req", "-x509", *key, "-days", 30, "-subj", "/CN=countersign bench", "-keyout", folder / "ca.key", "-out", folder / "ca.pem")
    call("req", *key, "-subj", "/CN=localhost", "-keyout", folder / "server.key", "-out", folder / "server.csr")
    (folder / "names").write_text("subjectAltName=" + ",".join(("DNS:localhost", "DNS:api.coinstore.com", "IP:127.0.0.1", *names)))
    call("x509", "-req", "-in", folder / "server.csr", "-CA", folder / "ca.pem", "-CAkey", folder / "ca.key", "-CAcreateserial",
         "-days", 30, "-extfile", folder / "names", "-out", folder / "server.pem")


def fill_in(name, folder, **values):
    """A file of tests/bench/rig with its @NAMES@ filled in, in the folder."""
    text = (RIG / name).read_text()
    for key, value in {"RIG": folder, "BODY": BODY, "KEY": KEY, "SECRET": SECRET, **values}.items():
        text = text.replace(f"@{key}@", str(value))
    path = folder / name
    path.write_text(text)
    return path


def start_nginx(keeper, folder, name, address, before=(), **values):
    """An nginx with that configuration at ADDRESS (HOST:PORT)."""
    nginx = tool("nginx")
    log = folder / f"{name}.log"
    user = "user root;" if os.geteuid() == 0 or before else ""  # or its worker could not read the folder
    fill_in("folders.conf", folder)
    config = fill_in(f"{name}.conf", folder, LISTEN=address, **values)
    process = keeper.start(*before, nginx, "-e", log, "-c", config, "-g", f"daemon off; {user}", log=log, env=environment())
    return process, log


class Rig:
    """The exchange's stand-in and the peers, each at a port of its own; `targets` is {name: URL}, `pids` {name: process id}."""

    def __init__(self, keeper, folder):
        self.folder = folder
        self.targets, self.pids = {}, {}
        tool("wrk")
        certificates(folder)
        self.upstream_port = self._nginx(keeper, "upstream", KEEPALIVE="75s", TLS="")
        self.upstream_url = f"https://localhost:{self.upstream_port}"
        self.targets["direct"] = self.upstream_url
        self._peer(keeper, "nginx")
        modules = lua_modules()
        if modules:
            self._peer(keeper, "nginx-lua", MODULES=modules, LUA="/usr/share/lua/5.1")
        else:
            say(f"nginx has no Lua module here, so that nothing is compared with it: `{INSTALL}` installs it")

    def _nginx(self, keeper, name, **values):
        port = free_port()
        process, log = start_nginx(keeper, self.folder, name, f"127.0.0.1:{port}", **values)
        wait_until(f"nginx ({name}) listens", lambda: listens(port), process, log)
        self.pids[name] = process.pid
        return port

    def _peer(self, keeper, name, **values):
        port = self._nginx(keeper, name, UPSTREAM=f"127.0.0.1:{self.upstream_port}", **values)
        self.targets[name] = f"http://127.0.0.1:{port}"

    def forget(self):
        """Empties the peer's log, so that it does not fill the disk."""
        capture = self.folder / "nginx-lua.capture"
        if capture.exists():
            os.truncate(capture, 0)

    def wrk(self, keeper, url, connections, seconds):
        """What one run of wrk measured, as order.lua prints it."""
        script = fill_in("order.lua", self.folder)
        output = keeper.run(tool("wrk"), "-t1", f"-c{connections}", f"-d{seconds}s", "--latency", "-s", script, url + TARGET,
                            env=environment())
        self.forget()
        return json.loads(output.strip().splitlines()[-1])
