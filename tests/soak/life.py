"""One life of the program under test, from its start to its end, and what the kernel says of its processes meanwhile."""
import json
import os
import re
import subprocess
import threading
import time
from pathlib import Path

import paths  # noqa: F401, pylint: disable=unused-import
from program import children, command_line, is_alive, poll, process_name
from scrape import Scraper
from usage import KIB, open_descriptors, own_memory

LOOK_S = 0.25       # between two looks at the processes
START_S, END_S = 60, 60
ZOMBIE_S = 5        # a child that has ended is waited for within that


class Life:
    def __init__(self, setting, number):
        self.setting, self.number = setting, number
        self.log_file = setting.folder / f"log-{number:03}.jsonl"
        self.begun_us = time.time_ns() // 1000
        self.read_at, self.events, self.rest = 0, [], b""
        with open(self.log_file, "wb") as log:
            self.process = subprocess.Popen([setting.binary, "serve", "-c", setting.config_file, "--log-format", "json"],
                                            env=setting.env, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self.pids = {self.pid}
        self.is_ending = False

    @property
    def pid(self):
        return self.process.pid

    @property
    def proxy_pid(self):
        return poll("there is a proxy process", lambda: [
            pid for pid in children(self.pid) if b"\0proxy-process\0" in command_line(pid)])[0]

    @property
    def signer_pid(self):
        return poll("there is a signer", lambda: [pid for pid in children(self.pid) if process_name(pid) == "signer"])[0]

    def family(self):
        self.pids |= {self.pid, *children(self.pid)}
        return self.pids

    def look(self):
        """Reads on in the log. Lines for each exchange are not looked at: there are many."""
        with open(self.log_file, "rb") as log:
            log.seek(self.read_at)
            data = self.rest + log.read()
            self.read_at = log.tell()
        *lines, self.rest = data.split(b"\n")
        for line in lines:
            if line.startswith(b"{") and b'"event":"exchange"' not in line:
                event = json.loads(line)
                if "event" in event:
                    self.events.append(event)
        return self.events

    def wait_for(self, *names, behind=0, deadline_s=START_S, **values):
        def found():
            return next((event for event in self.look()[behind:]
                         if event["event"] in names and values.items() <= event.items()), None) or self.has_ended() and "end"
        event = poll(f"one of the events {names} {values} in {self.log_file}", found, deadline_s)
        if event == "end":
            raise AssertionError(f"it ended before one of the events {names}: {self.log_file}")
        return event

    def has_ended(self):
        return self.process.poll() is not None

    def wait_until_ready(self):
        self.wait_for("ready")
        self.family()
        return self

    def wait_for_end(self):
        """Its exit code, once none of its processes is left."""
        code = self.process.wait(END_S)
        poll(f"none of {self.pids} is left", lambda: not any(map(is_alive, self.pids)), END_S)
        return code


def resident(pid):
    return int(re.search(r"^VmRSS:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text(), re.M)[1]) * KIB


def state(pid):
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


class Watch:
    """Looks at a life's processes again and again, in a thread of its own."""

    def __init__(self):
        self.life = None
        self.looks = 0
        self.most = {"own": 0, "resident": 0, "others": 0, "descriptors": 0}
        self.beyond, self.zombies, self.sudden = [], [], []
        self.seen_dead = {}
        self.stopped = threading.Event()
        self.scraper = Scraper(self)
        self.threads = [threading.Thread(target=run, daemon=True) for run in (self._run, self.scraper.run)]
        for thread in self.threads:
            thread.start()

    def stop(self):
        self.stopped.set()
        for thread in self.threads:
            thread.join()

    def _run(self):
        while not self.stopped.wait(LOOK_S):
            life = self.life
            if life is None or life.is_ending:
                continue
            try:
                self._look(life)
            except (OSError, TypeError, AssertionError):
                pass  # it is ending: what it was reading is gone
            if life.has_ended() and not life.is_ending:
                self.sudden.append(f"{life.log_file.name}: exit code {life.process.returncode}")
                life.is_ending = True

    def _look(self, life):
        for pid in life.family() - {life.pid}:
            self._look_for_zombie(life, pid)
        bounds = next((event for event in life.events if event["event"] == "bounds"), None)
        proxies = [pid for pid in children(life.pid) if b"\0proxy-process\0" in command_line(pid)]
        if not bounds or not proxies:
            return
        found = {"own": own_memory(proxies[0]), "resident": resident(proxies[0]), "descriptors": open_descriptors(proxies[0]),
                 "others": max(resident(pid) for pid in {life.pid, *children(life.pid)} - {proxies[0]})}
        self.looks += 1
        self.most = {name: max(value, self.most[name]) for name, value in found.items()}
        allowed = {"own": bounds["memory"], "resident": bounds["memory"] + bounds["rings"], "descriptors": bounds["descriptors"],
                   "others": 64 << 20}
        self.beyond += [f"{life.log_file.name}: {name} {found[name]}, where {allowed[name]} is allowed"
                        for name in found if found[name] > allowed[name]]

    def _look_for_zombie(self, life, pid):
        try:
            is_zombie = state(pid) == "Z"
        except OSError:
            return
        since = self.seen_dead.setdefault(pid, time.monotonic()) if is_zombie else time.monotonic()
        if time.monotonic() - since > ZOMBIE_S:
            self.zombies.append(f"{life.log_file.name}: {pid}")
            self.seen_dead[pid] = time.monotonic()


def left_over(binary):
    """Processes of this very file."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                if os.readlink(entry / "exe").removesuffix(" (deleted)") == str(binary):
                    found.append(f"{entry.name} {command_line(int(entry.name))!r}")
            except OSError:
                continue  # it has ended
    return found
