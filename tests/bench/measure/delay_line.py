"""A line with a delay between two network namespaces, for kernels with or without netem: packets of the one TUN interface come
out of the other some milliseconds later, in order, so that handshakes take as long as they do at a distance.

    delay_line.py DELAY-MS NEAR-ADDRESS FAR-ADDRESS

Prints a line with its process id and the two namespaces' descriptors once the line stands: programs are started in them by
`nsenter --net=/proc/PID/fd/N`. Ends with its standard input."""
import collections
import ctypes
import fcntl
import gc
import os
import select
import struct
import subprocess
import sys
import time

CLONE_NEWNET = 0x40000000
TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x400454CA, 0x0001, 0x1000
PACKET_MAX = 65536
PREFIX = 24
LIBC = ctypes.CDLL(None, use_errno=True)


def new_namespace():
    """This process enters a new one; its descriptor."""
    if LIBC.unshare(CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "a network namespace")
    return os.open("/proc/self/ns/net", os.O_RDONLY | os.O_CLOEXEC)


def open_tun(address):
    """The descriptor of an interface in the namespace that this process is in."""
    tun = os.open("/dev/net/tun", os.O_RDWR | os.O_CLOEXEC | os.O_NONBLOCK)
    fcntl.ioctl(tun, TUNSETIFF, struct.pack("16sH22x", b"line", IFF_TUN | IFF_NO_PI))
    for words in ("addr add {}/{} dev line", "link set line up", "link set lo up"):
        subprocess.run(["ip", *words.format(address, PREFIX).split()], check=True)
    return tun


def carry(near, far, delay_s):
    """Until standard input ends."""
    waiting = {near: collections.deque(), far: collections.deque()}  # (when to put it, packet), by where it came from
    other = {near: far, far: near}
    while True:
        due = [queue[0][0] for queue in waiting.values() if queue]
        timeout = max(0, min(due) - time.monotonic()) if due else None
        ready, _, _ = select.select([near, far, 0], [], [], timeout)
        if 0 in ready and not os.read(0, 1):
            return
        now = time.monotonic()
        for tun, queue in waiting.items():
            if tun in ready:
                take(tun, queue, now + delay_s)
            while queue and queue[0][0] <= now:
                os.write(other[tun], queue.popleft()[1])


def take(tun, queue, when):
    while True:
        try:
            queue.append((when, os.read(tun, PACKET_MAX)))
        except BlockingIOError:
            return


def main():
    delay_s, addresses = float(sys.argv[1]) / 1000, sys.argv[2:]
    lines = [(new_namespace(), open_tun(address)) for address in addresses]
    gc.disable()  # its pauses would be the line's
    print(os.getpid(), *(namespace for namespace, _ in lines), flush=True)
    carry(lines[0][1], lines[1][1], delay_s)


if __name__ == "__main__":
    main()
