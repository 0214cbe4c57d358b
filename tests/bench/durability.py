#!/usr/bin/python3
"""What durability costs: requests a second, latency and processor time of POSTs through the proxy to the mock exchange
(TLS), with durability = process and power, at 1 and 16 clients.

    tests/bench/durability.py [--seconds S] [--rounds N] [--folder FOLDER] [--binary FILE] [--only process|power]

FOLDER is where the records are written: it names the disk that is measured (default: here). The clients run in this one
process; where it is the bottleneck, look at the processor time."""
import argparse
import os
import selectors
import shutil
import signal
import socket
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

from measure.processes import children, free_port, role

ROOT = Path(__file__).resolve().parents[2]
KEY, SECRET = "0" * 31 + "1", "f" * 31 + "e"  # the mock's and the proxy's; of no account
REQUEST = (b"POST /api/spot/accountList HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
           b"Content-Length: 2\r\n\r\n{}")
WARM_UP_S = 0.5


def start(port, *command, **environment):
    """Starts a program and waits until it listens."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, env={**os.environ, **environment})
    end = time.monotonic() + 30
    while True:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            return process
        except ConnectionRefusedError:
            assert process.poll() is None and time.monotonic() < end, f"{command} did not start"
            time.sleep(0.02)


def stop(process):
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == 0


def configuration(binary, folder, port, upstream_port, durability):
    lines = ["[proxy]", f"state_dir = {folder}/state", "log_level = warning",
             "[upstream mock]", f"url = https://localhost:{upstream_port}", f"ca_file = {folder}/mock.pem",
             "[account main]", "[listener bot]", f"listen = 127.0.0.1:{port}", "upstream = mock", "account = main"]
    if durability != "process":  # an older program knows no such key; likewise the next
        lines += ["[capture]", f"durability = {durability}"]
    if " pace " in subprocess.run([binary, "config", "keys"], capture_output=True, text=True, check=True).stdout:
        lines.insert(1, "pace = off")
    path = folder / "countersign.ini"
    path.write_text("\n".join(lines) + "\n")
    return path


class Client:
    def __init__(self, port):
        self.sock = socket.create_connection(("127.0.0.1", port))
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.answer = b""

    def send(self):
        self.began = time.perf_counter()
        self.answer = b""
        self.sock.sendall(REQUEST)

    def is_answered(self):
        self.answer += self.sock.recv(65536)
        head, mark, body = self.answer.partition(b"\r\n\r\n")
        if not mark:
            return False
        length = int(head.lower().rpartition(b"content-length:")[2].split(b"\r\n")[0])
        assert head.startswith(b"HTTP/1.1 200 "), head
        return len(body) == length


def run_clients(port, count, seconds):
    """Each client sends its next request when the last one is answered. Returns the latencies in seconds."""
    clients = [Client(port) for _ in range(count)]
    selector = selectors.DefaultSelector()
    for client in clients:
        selector.register(client.sock, selectors.EVENT_READ, client)
        client.send()
    latencies, end = [], time.perf_counter() + seconds
    while time.perf_counter() < end:
        for key, _ in selector.select(1):
            if key.data.is_answered():
                latencies.append(time.perf_counter() - key.data.began)
                key.data.send()
    for client in clients:
        client.sock.close()
    return latencies


def processor_s(pid):
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def proxy_pid(supervisor):
    return next(child for child in children(supervisor) if role(child) == "proxy")


def measure(options, durability, count):
    """(requests a second, p50 in µs, p99 in µs, processor time in µs for each request)"""
    folder = Path(tempfile.mkdtemp(prefix="countersign-bench-", dir=options.folder))
    keys = {"COINSTORE_API_KEY": KEY, "COINSTORE_API_SECRET": SECRET}
    port, upstream_port = free_port(), free_port()
    mock = start(upstream_port, options.binary, "mock", "--listen", f"127.0.0.1:{upstream_port}", "--tls",
                 "--write-certificate", folder / "mock.pem", "--log-level", "warning", "--quiet", **keys)
    supervisor = start(port, options.binary, "serve", "-c", configuration(options.binary, folder, port, upstream_port, durability), **keys)
    run_clients(port, count, WARM_UP_S)
    pid = proxy_pid(supervisor.pid)
    before = processor_s(pid)
    latencies = sorted(run_clients(port, count, options.seconds))
    used = processor_s(pid) - before
    stop(supervisor)
    stop(mock)
    shutil.rmtree(folder)
    return (len(latencies) / options.seconds, statistics.median(latencies) * 1e6,
            latencies[len(latencies) * 99 // 100] * 1e6, used / len(latencies) * 1e6)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=3)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--folder", default=".")
    parser.add_argument("--binary", default=str(ROOT / "build" / "release" / "countersign"))
    parser.add_argument("--only", choices=["process", "power"])
    options = parser.parse_args()
    print(f"{'durability':12} {'clients':>7} {'requests/s':>10} {'p50 us':>8} {'p99 us':>8} {'processor us':>12}")
    for count in (1, 16):
        for durability in [options.only] if options.only else ["process", "power"]:
            rounds = [measure(options, durability, count) for _ in range(options.rounds)]
            figures = [statistics.median(figure) for figure in zip(*rounds)]
            print("{:12} {:7} {:10.0f} {:8.0f} {:8.0f} {:12.1f}".format(durability, count, *figures), flush=True)


if __name__ == "__main__":
    main()
