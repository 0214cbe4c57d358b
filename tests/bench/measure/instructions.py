"""Part instructions: what the proxy process executes for one order, by thread, as valgrind (callgrind) counts it. Counts hardly
depend on what else the machine does. The supervisor and the signer, which have no part in an order, run as ever."""
import contextlib
import re
import socket
import subprocess

from . import ours
from .machine import ROOT
from .open_loop import REQUEST
from .order_client import take
from .processes import Keeper, children, free_port, listens, role, wait_until
from .rig import KEY, SECRET, environment, tool
from .table import median, say, table

SHIM = ROOT / "tests" / "bench" / "under_valgrind.c"
START_S = 120
WARM_UP = 160
LOADS = 3
CONNECTIONS = (1, 16)


def start(keeper, binary, folder, upstream):
    """The program, its proxy process under callgrind, and that process's id."""
    library = folder / "under_valgrind.so"
    subprocess.run([tool("cc", "gcc"), "-shared", "-fPIC", "-O1", "-std=c17", "-D_GNU_SOURCE", "-o", library, SHIM], check=True)
    command = [tool("valgrind"), "-q", "--tool=callgrind", "--separate-threads=yes", f"--callgrind-out-file={folder}/counts.%p", binary]
    shim = {"LD_PRELOAD": str(library), "BENCH_COMMAND": "\n".join(map(str, command))}
    # Behind valgrind a system call is not the program's own, so that no filter fits; and nothing is as fast as its bounds expect.
    own = ours.Countersign(keeper, binary, folder, upstream, env=shim, proxy={**ours.NO_PACE, "sandbox": "off", "admin": ""},
                           upstream={"connect_timeout": f"{START_S}s", "timeout": f"{START_S}s"}, wait=False)
    wait_until("countersign listens under valgrind", lambda: listens(own.port), own.process, own.log, START_S)
    return own, next(child for child in children(own.pid) if role(child) == "proxy")


def control(keeper, action, pid):
    keeper.run(tool("callgrind_control", "valgrind"), action, pid, env=environment())


def totals(folder, pid, part):
    """{thread's number, in the order in which they began: instructions} of one dump."""
    found = {}
    for path in folder.glob(f"counts.{pid}.{part}-*"):
        text = path.read_text()
        found[int(re.search(r"^thread: (\d+)", text, re.M)[1])] = int(re.search(r"^(?:totals|summary): (\d+)", text, re.M)[1])
    return found


def names(pid):
    """Of the threads, in the order in which they began."""
    tasks = sorted(ROOT.joinpath("/proc", str(pid), "task").iterdir(), key=lambda task: int(task.name))
    return ["main" if task.name == str(pid) else (task / "comm").read_text().strip() for task in tasks]


def is_answered(port):
    """The first connection's TLS takes so long under valgrind that the proxy may give it up."""
    try:
        send(port, 1, 1)
        return True
    except (OSError, ValueError):
        return False


def send(port, count, connections):
    """So many orders in all; each connection sends its next one when all have their answers."""
    request = REQUEST.encode()
    with contextlib.ExitStack() as stack:
        socks = [stack.enter_context(socket.create_connection(("127.0.0.1", port), START_S)) for _ in range(connections)]
        for _ in range(count // connections):
            for sock in socks:
                sock.sendall(request)
            for sock in socks:
                take(sock)


def measure(keeper, binary, folder, upstream, connections, count):
    """{number of connections: [what each load took: {thread: instructions for each order}]}"""
    own, pid = start(keeper, binary, folder, upstream)
    wait_until("an answer under valgrind", lambda: is_answered(own.port), own.process, own.log, START_S)
    found, part = {}, 0
    for at_once in connections:
        send(own.port, WARM_UP, at_once)
        for _ in range(LOADS):
            control(keeper, "--zero", pid)
            send(own.port, count, at_once)
            control(keeper, "--dump", pid)
            part += 1
            found.setdefault(at_once, []).append(totals(folder, pid, part))
    labels = names(pid)
    return {at_once: [{labels[number - 1]: total / count for number, total in sorted(each.items())} for each in loads]
            for at_once, loads in found.items()}


def start_exchange(keeper, binary, folder, tls=True):
    """`countersign mock`, which takes any order. Its URL; its certificate is ca.pem."""
    port = free_port()
    words = ["--tls", "--write-certificate", folder / "ca.pem"] if tls else []
    log = folder / "mock.log"
    process = keeper.start(binary, "mock", "--listen", f"127.0.0.1:{port}", *words, "--quiet", "--log-level", "warning", log=log,
                           env=environment(COINSTORE_API_KEY=KEY, COINSTORE_API_SECRET=SECRET))
    wait_until("the mock exchange listens", lambda: listens(port), process, log)
    return f"https://localhost:{port}" if tls else f"http://127.0.0.1:{port}"


def run(options):
    tool("valgrind")
    count = 320 if options.quick else 1600
    say(f"\ninstructions: {LOADS} times {count} orders under callgrind, the mock exchange over TLS")
    with options.scratch() as folder, Keeper() as keeper:
        upstream = start_exchange(keeper, options.binary, folder)
        found = measure(keeper, options.binary, folder, upstream, CONNECTIONS, count)
    result = {str(at_once): {thread: median([each[thread] for each in loads]) for thread in loads[0]} for at_once, loads in found.items()}
    rows = [(thread, *(result[str(at_once)][thread] for at_once in CONNECTIONS)) for thread in next(iter(result.values()))]
    rows.append(("all", *(sum(result[str(at_once)].values()) for at_once in CONNECTIONS)))
    say(table("instructions for each order, in the proxy process", ("", *(f"{at_once} at once" for at_once in CONNECTIONS)), rows))
    return {"orders": count, "connections": result}
