"""What a tests' exchange writes down of every request, so that it can be judged when all is over: one JSON object a line,
written before anything is answered."""
import json
import threading
import time


class Chronicle:
    """Appends to a file. Any thread."""

    def __init__(self, path):
        self.file = open(path, "a", encoding="ascii", buffering=1)  # pylint: disable=consider-using-with
        self.lock = threading.Lock()

    def note(self, event, tag, raw=b"", **more):
        """`raw` is a request or an answer; HTTP/2's as HTTP/1.1 would have it. Times are the machine's monotonic clock, which
        all processes share, and the wall clock in milliseconds, which signatures are judged by."""
        line = json.dumps({"event": event, "tag": tag.decode(), "at": time.monotonic(), "wall_ms": time.time_ns() // 1_000_000,
                           "raw": raw.decode("latin-1"), **more})
        with self.lock:
            self.file.write(line + "\n")
