"""What a process takes of the machine, as the kernel counts it."""
import os
import re
import resource
from pathlib import Path

KIB = 1024
MIB = 1024 * KIB


def own_memory(pid):
    """Bytes that are its own: anonymous memory, without mapped files (the ring is one)."""
    text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    return int(re.search(r"^Pss_Anon:\s+(\d+) kB", text, re.M)[1]) * KIB


def processor_seconds(pid):
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def open_descriptors(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


def descriptor_table(pid):
    """How many the kernel's table has room for."""
    return int(re.search(r"^FDSize:\s+(\d+)", Path(f"/proc/{pid}/status").read_text(), re.M)[1])


def may_open(count):
    """Lets this process have that many descriptors, as far as its hard limit goes; returns whether it does."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < count:
        return False
    if soft != resource.RLIM_INFINITY and soft < count:
        resource.setrlimit(resource.RLIMIT_NOFILE, (count, hard))
    return True
