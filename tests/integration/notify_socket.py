"""A service manager's side of sd_notify(3) and sd_listen_fds(3), for programs that are started by tests."""
import socket
import sys
import time

from program import poll

# Runs what is named with sockets at 3 and up, as a service manager does: LISTEN_PID is the very process.
HANDS_OVER = """
import os, sys
sources, names, rest = sys.argv[1].split(","), sys.argv[2], sys.argv[3:]
high = [os.dup2(int(source), 100 + index) for index, source in enumerate(sources)]
for index, source in enumerate(high):
    os.dup2(source, 3 + index, inheritable=True)
    os.close(source)
os.environ.update(LISTEN_FDS=str(len(sources)), LISTEN_PID=str(os.getpid() + int(os.environ.pop("WRONG_PID", "0"))))
if names:
    os.environ["LISTEN_FDNAMES"] = names
os.execvp(rest[0], rest)
"""


def hands_over(sockets, names=""):
    """What goes before a command line that inherits these; they stay the caller's."""
    return (sys.executable, "-c", HANDS_OVER, ",".join(str(item.fileno()) for item in sockets), names)


class NotifySocket:
    """Takes what a program says; each message as {name: value}, with the moment at which it came and who sent it."""

    def __init__(self, path):
        self.path = path
        self.messages = []
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        self.socket.bind(f"\0{path[1:]}" if str(path).startswith("@") else str(path))
        self.socket.setblocking(False)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def take(self):
        """All that has come by now."""
        while True:
            try:
                data, control, _, _ = self.socket.recvmsg(4096, 64)
            except BlockingIOError:
                return self.messages
            values = dict(line.split("=", 1) for line in data.decode().splitlines())
            sender = int.from_bytes(control[0][2][:4], sys.byteorder)
            self.messages.append({**values, "at": time.monotonic(), "sender": sender})

    def wait_for(self, count=1, **values):
        """The `count`th message that says this."""
        def look():
            found = [message for message in self.take() if values.items() <= message.items()]
            return found[count - 1:count]
        return poll(f"{values} is told", look)[0]

    def count(self, name):
        return sum(name in message for message in self.take())


def environment_of(notify, watchdog_us=0):
    """WATCHDOG_PID is left out: the program's own id is known once it runs."""
    watchdog = {"WATCHDOG_USEC": str(watchdog_us)} if watchdog_us else {}
    return {"NOTIFY_SOCKET": str(notify.path), **watchdog}
