"""How often a program's threads go to sleep, and so are woken: the kernel counts it for each."""
import re
from pathlib import Path

SLEPT = re.compile(r"^voluntary_ctxt_switches:\s+(\d+)$", re.M)


def of_threads(pids):
    """{(process id, thread id): count} so far."""
    counts = {}
    for pid in pids:
        for task in Path(f"/proc/{pid}/task").iterdir():
            counts[pid, int(task.name)] = int(SLEPT.search((task / "status").read_text())[1])
    return counts


def since(before, pids):
    """What has come since, of those that slept at all."""
    return {thread: count - before.get(thread, 0) for thread, count in of_threads(pids).items()
            if count != before.get(thread, 0)}
