"""How long it takes from the start of the program to its first signed answer, without a connection that is opened ahead.

    COUNTERSIGN_BIN=build/release/countersign python3 tests/bench/startup.py [STARTS]

The exchange is on this machine, speaks TLS and judges each signature; its own time is in what is measured."""
import secrets
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "integration"))

import coinstore  # noqa: E402
import program  # noqa: E402
from certificates import Authority  # noqa: E402
from measure.processes import free_port  # noqa: E402
from rawhttp import Client, connect  # noqa: E402
from upstream import Upstream  # noqa: E402


def first_answer(process, address):
    while process.poll() is None:
        try:
            with Client(connect(address)) as client:
                return client.request("POST", "/api/spot/accountList", body=b"{}")
        except ConnectionRefusedError:
            time.sleep(0.0005)
    sys.exit("the program ended")


def measure(folder, authority, upstream, env):
    address = f"127.0.0.1:{free_port()}"
    config = program.write_config(folder / "countersign.ini", {
        "proxy": {"log_level": "error", "state_dir": folder / "state", "admin": "", "pace": "off"},
        "account main": {"api_key": "env:COINSTORE_API_KEY", "api_secret": "env:COINSTORE_API_SECRET"},
        "upstream spot": {"url": upstream.url, "ca_file": authority.ca_file, "warm": 0},
        "listener bot": {"listen": address, "upstream": "spot", "account": "main"}})
    begun = time.monotonic()
    with subprocess.Popen([program.binary(), "serve", "-c", config], env=env, stdin=subprocess.DEVNULL,
                          stdout=subprocess.DEVNULL) as process:
        answer = first_answer(process, address)
        took = time.monotonic() - begun
        process.send_signal(signal.SIGTERM)
    assert answer.outcome == "ok" and process.returncode == 0
    return 1000 * took


def main():
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    key, secret = secrets.token_hex(16), secrets.token_hex(16)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "authority").mkdir()
        authority = Authority(folder / "authority", "tests")
        env = program.environment(folder, COINSTORE_API_KEY=key, COINSTORE_API_SECRET=secret)
        with Upstream(authority.issue("localhost", "127.0.0.1"), key, secret) as upstream:
            took = sorted(measure(folder, authority, upstream, env) for _ in range(count))
            assert {request.verdict for request in upstream.requests()} == {coinstore.ACCEPTED}
    print(f"{count} starts: first signed answer after {statistics.median(took):.0f} ms (median), "
          f"{took[0]:.0f} to {took[-1]:.0f} ms")


main()
