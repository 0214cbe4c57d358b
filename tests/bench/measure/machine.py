"""Where, when and of what it was measured."""
import datetime
import os
import platform
import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]


def processor():
    found = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(), re.M)
    return found[1] if found else platform.machine()


def git(*words):
    done = subprocess.run(["git", "-C", ROOT, *words], capture_output=True, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else ""


def commit():
    """The commit that is checked out; "+ changes" where files differ from it."""
    changes = " + changes" if git("status", "--porcelain", "--untracked-files=no") else ""
    return (git("rev-parse", "--short=12", "HEAD") or "unknown") + changes


def facts(binary):
    cores = len(os.sched_getaffinity(0))
    return {"when": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M UTC"), "processor": processor(),
            "cores": cores, "kernel": f"{platform.system()} {platform.release()}", "commit": commit(), "program": str(binary),
            "load": [round(load, 2) for load in os.getloadavg()]}


def describe(machine):
    """Lines for people, with a warning where something else runs here."""
    lines = [f"{machine['when']}, commit {machine['commit']}",
             f"{machine['processor']}, {machine['cores']} cores, {machine['kernel']}",
             "load average " + " ".join(f"{load:.2f}" for load in machine["load"])]
    if is_busy(machine):
        lines.append("WARNING: this machine is busy with something else. The figures will be worse than the program is.")
    return lines


def is_busy(machine):
    return machine["load"][0] > 0.3 * machine["cores"]
