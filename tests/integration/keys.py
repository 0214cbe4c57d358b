"""Runs `countersign keys`, its passphrase and its keys on standard input, and answers it on a terminal."""
import fcntl
import os
import pty
import select
import signal
import subprocess
import termios
import time

import program
from rawhttp import DEADLINE_S

FROM_INPUT = ("--passphrase-fd", "0")
PAIR_FROM_INPUT = ("--api-key-from", "fd:0", "--api-secret-from", "fd:0")


def lines(*texts):
    return "".join(f"{text}\n" for text in texts).encode()


class Keys:
    def __init__(self, config_file, env, passphrase):
        self.config_file, self.env, self.passphrase = config_file, env, passphrase

    def run(self, *arguments, typed=(), passphrase=None, **options):
        return program.run("keys", *arguments, "-c", self.config_file, *FROM_INPUT, env=self.env,
                           stdin=lines(passphrase or self.passphrase, *typed), **options)

    def change(self, word, name, api_key, api_secret, **options):
        return self.run(word, name, *PAIR_FROM_INPUT, typed=(api_key, api_secret), **options)

    def add(self, *pair, **options):
        done = self.change("add", *pair, **options)
        assert done.returncode == 0, done.stderr.decode()
        return done


def take_terminal():
    """As a shell at that terminal starts its programs; a test runner in the background ignores the keyboard's signals."""
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGTSTP):
        signal.signal(number, signal.SIG_DFL)


class Asked:
    """A program with a controlling terminal of its own that somebody types on; `text` is all that stood there."""

    def __init__(self, *arguments, env, stdout=None, command=()):
        self.primary, self.secondary = pty.openpty()
        self.text = ""
        self.process = subprocess.Popen(
            [*command, program.binary(), *map(str, arguments)], env=env, stdin=self.secondary, stdout=stdout or self.secondary,
            stderr=self.secondary, start_new_session=True,
            preexec_fn=take_terminal)  # pylint: disable=subprocess-popen-preexec-fn

    def has_echo(self):
        return bool(termios.tcgetattr(self.secondary)[3] & termios.ECHO)

    def settings(self):
        return termios.tcgetattr(self.secondary)

    def wait_for(self, text, times=1):
        end = time.monotonic() + DEADLINE_S
        while self.text.count(text) < times:
            assert time.monotonic() < end, f"no {text!r} in {self.text!r}"
            if select.select([self.primary], [], [], 0.1)[0]:
                self.text += os.read(self.primary, 65536).decode(errors="replace").replace("\r\n", "\n")
        return self

    def type(self, text):
        os.write(self.primary, text.encode())
        return self

    def answer(self, question, text, times=1):
        return self.wait_for(question, times).type(f"{text}\n")

    def end(self):
        """Waits for the end; returns the exit code."""
        code = None
        end = time.monotonic() + DEADLINE_S
        while code is None or select.select([self.primary], [], [], 0)[0]:
            assert time.monotonic() < end, f"hangs after {self.text!r}"
            if select.select([self.primary], [], [], 0.05)[0]:
                self.text += os.read(self.primary, 65536).decode(errors="replace").replace("\r\n", "\n")
            code = self.process.poll()
        program.fail_on_sanitizer_report(self.text)
        return code

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        os.close(self.primary)
        os.close(self.secondary)
