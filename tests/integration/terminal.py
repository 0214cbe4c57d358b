"""The program with a terminal as its standard streams."""
import os
import pty
import select
import subprocess

from program import binary, fail_on_sanitizer_report
from rawhttp import DEADLINE_S


class Terminal:
    """Runs a command with a terminal of this size as its standard streams, but for those given as others; `text` is all that
    it wrote there."""

    def __init__(self, proxy, *arguments, **settings):
        self.begin(proxy, *arguments, **settings)
        self.end()

    @classmethod
    def begun(cls, proxy, *arguments, **settings):
        """One that still runs: to be ended by end()."""
        made = cls.__new__(cls)
        made.begin(proxy, *arguments, **settings)
        return made

    def begin(self, proxy, *arguments, rows=24, columns=80, typed=b"", stdin=None, stdout=None, before=(), **variables):
        self.primary, secondary = pty.openpty()
        os.set_blocking(self.primary, True)
        subprocess.run(["stty", "rows", str(rows), "cols", str(columns), "-echo"], stdin=secondary, check=True)
        if before:  # the leak sanitizer cannot work beside strace
            variables["ASAN_OPTIONS"] = proxy.env.get("ASAN_OPTIONS", "") + ":detect_leaks=0"
        configuration = [] if proxy.config_file is None else ["-c", str(proxy.config_file)]
        self.process = subprocess.Popen([*before, binary(), *map(str, arguments), *configuration],
                                        env={"TERM": "xterm", **proxy.env, **variables}, stdin=stdin or secondary,
                                        stdout=stdout or secondary, stderr=secondary, start_new_session=True)
        os.close(secondary)
        os.write(self.primary, typed)

    def end(self):
        self.text = self._read()
        self.code = self.process.wait(DEADLINE_S)
        os.close(self.primary)
        fail_on_sanitizer_report(self.text)

    def _read(self):
        read = b""
        while True:
            assert select.select([self.primary], [], [], DEADLINE_S)[0], f"hangs after: {read!r}"
            try:
                part = os.read(self.primary, 65536)
            except OSError:
                return read.decode().replace("\r\n", "\n")  # the last that had it open has ended
            read += part
