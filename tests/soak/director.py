"""What happens to the program under test, in random order: one table of actions. Each is one method, runs to its end, and
leaves a program that is ready."""
import os
import random
import signal
import subprocess
import time
from collections import Counter, deque
from contextlib import contextmanager

import paths  # noqa: F401, pylint: disable=unused-import
import evidence
import store
from evidence import CLOCK, ENDED, FULL, KILLED, SIGNER, STOPPED, Window
from fault_table import FAULTS, HTTP_1, HTTP_2, NONE
from life import Life
from program import is_alive, poll
from setting import new_pair

PAUSE_S = 1.2            # between two actions, on average
SIGNERS_A_MINUTE = 3     # the supervisor gives up at the sixth
FULL_S = (1.0, 3.5)      # how long the store is locked, or the disk full
STOPPED_S = (0.1, 1.5)
COMMAND_S, HANGS = 90, -1000
LAST_LIFE_S = 15
FATAL = (signal.SIGKILL, signal.SIGSEGV)

# What a listener can be told by SIGHUP, and how often.
VARIANTS = [(6, {}), (2, {"policy": "read-only"}), (2, {"max_notional": "50"}), (2, {"failures": "as-status"}),
            (1, {"deny": "POST /api/trade/order/cancelBatch"})]
BAD = ["[nonsense]\n", "[listener one]\npolicy = everything\nmode = sing\n", "\0\n", "[proxy]\nstate_dir = /proc/none\n"]
ANOTHER = "[listener another]\nlisten = 127.0.0.1:0\nupstream = mock\naccount = mock\n"  # comes with a restart alone
COMMANDS = [("log", "--json"), ("log", "ls", "--outcome", "unknown"), ("log", "stats"), ("config", "check"), ("config", "show"),
            ("doctor", "--help"), ("log", "show", "1"), ("log", "why"), ("verify", "1"), ("policy", "list")]


class Director:
    def __init__(self, setting, watch, seed):
        self.setting, self.watch = setting, watch
        self.chance = random.Random(f"{seed}-director")
        self.done, self.strikes = Counter(), Counter()
        self.windows, self.broken = [], []
        self.signer_kills = deque(maxlen=SIGNERS_A_MINUTE)
        self.lives, self.packets = [], 0
        self.by_exchange = None  # the window of a life that signs by an exchange's clock
        self.faults = {name: NONE for name in setting.upstreams}

    @property
    def life(self):
        return self.lives[-1]

    def start(self, fixed=None):
        """Another life, once all of the last one is gone. `fixed`: what is not left to chance."""
        by_chance = {"workers": self.chance.choice((1, 2, 2, 3)),
                     "durability": self.chance.choice(("process", "process", "power")),
                     "clock": self.chance.choice(("system", "exchange"))}
        vars(self.setting.variant).update(fixed or by_chance)
        self.setting.write_config()
        self.lives.append(Life(self.setting, len(self.lives)))
        self.life.wait_until_ready()
        if self.setting.variant.clock == "exchange":
            self.by_exchange = Window(CLOCK, time.monotonic())
            self.windows.append(self.by_exchange)
        self.watch.life = self.life
        self.signer_kills.clear()

    def act(self):
        name = self.chance.choices(list(ACTIONS), [row[0] for row in ACTIONS.values()])[0]
        if ACTIONS[name][1](self) is not False:
            self.done[name] += 1
        time.sleep(self.chance.expovariate(1 / PAUSE_S))

    # --- the exchange ---

    def change_fault(self):
        name = self.chance.choice([name for name in self.setting.upstreams if name != "lossy"])
        protocol = HTTP_2 if name == "two" else HTTP_1
        self._begin_fault(name, self.chance.choice([fault for fault in FAULTS if protocol in fault.protocols] + [NONE]), protocol)

    def _begin_fault(self, name, fault, protocol):
        upstream = self.setting.upstreams[name]
        self.strikes[self.faults[name].name] += upstream.report()["strikes"]
        upstream.begin(fault, protocol)
        self.faults[name] = fault

    def last_life(self):
        """A while in which nothing ends it, so that what it piles up would be seen."""
        until = time.monotonic() + LAST_LIFE_S
        while time.monotonic() < until:
            self.chance.choice((self.change_fault, self.reload_well, self.rotate, self.kill_signer, self.command))()

    def be_quiet(self):
        """No more faults; connections to the exchanges end."""
        for name in self.setting.upstreams:
            self._begin_fault(name, NONE, HTTP_2 if name == "two" else HTTP_1)
        self.setting.relay.ask()
        if self.setting.network:
            self.packets = self.setting.network.dropped()

    # --- keys and configuration ---

    def _reload(self, *names, **values):
        behind = len(self.life.look())
        self.life.process.send_signal(signal.SIGHUP)
        return self.life.wait_for(*names, behind=behind, **values)

    def reload_well(self):
        name = self.chance.choice(list(self.setting.addresses))
        self.setting.variant.listeners[name] = self.chance.choices([keys for _, keys in VARIANTS],
                                                                   [share for share, _ in VARIANTS])[0]
        self.setting.write_config()
        event = self._reload("configuration-reloaded", "configuration-not-reloaded")
        self.expect(event["event"] == "configuration-reloaded", f"a good configuration was not taken: {event}")

    def reload_badly(self):
        sound = self.setting.config_file.read_text()
        without = sound[:sound.rindex("[listener ")]
        self.setting.write_config(self.chance.choice([*BAD, sound + ANOTHER, without]))
        event = self._reload("configuration-reloaded", "configuration-not-reloaded")
        self.expect(event["event"] == "configuration-not-reloaded", f"a bad configuration was taken: {event}")
        self.setting.write_config()

    def rotate(self):
        name = self.chance.choice(list(self.setting.accounts))
        files = self.setting.accounts[name]
        files.hold(new_pair())
        event = self._reload("keys-reloaded", "keys-not-reloaded", account=name)
        self.expect(event.get("api_key") == files.pairs[-1].masked, f"new keys were not taken: {event}")
        files.in_use_alone()

    # --- ends ---

    @contextmanager
    def _during(self, kind, since=None):
        window = Window(kind, since or time.monotonic())
        self.windows.append(window)
        try:
            yield window
        finally:
            window.ended = time.monotonic()

    def _is_ending(self):
        self.life.is_ending = True
        if self.by_exchange:
            self.by_exchange.ended = time.monotonic()
            self.by_exchange = None

    def _end(self, kind, end, code, fixed=None):
        """Ends this life by `end`, and starts the next one."""
        life = self.life
        life.family()
        self._is_ending()
        with self._during(kind):
            end(life)
            ended_with = life.wait_for_end()
            self.expect(ended_with in code, f"exit code {ended_with}, where {code} was due: {life.log_file.name}")
            if kind == KILLED and self.chance.random() < 0.3:
                self._start_and_kill()
            self.start(fixed)

    def _start_and_kill(self):
        """Perhaps while it carries over what the last one left."""
        self.lives.append(Life(self.setting, len(self.lives)))
        self.life.is_ending = True
        time.sleep(self.chance.uniform(0.001, 0.1))
        kill_all(self.life)
        self.life.wait_for_end()
        self.done["killed while starting"] += 1

    def kill_signer(self):
        now = time.monotonic()
        if len(self.signer_kills) == SIGNERS_A_MINUTE and now - self.signer_kills[0] < 60:
            return False
        self.signer_kills.append(now)
        behind = len(self.life.look())
        with self._during(SIGNER):
            os.kill(self.life.signer_pid, self.chance.choice(FATAL))
            self.life.wait_for("signer-back", behind=behind)
        return True

    def kill_proxy(self):
        self._end(KILLED, lambda life: os.kill(life.proxy_pid, self.chance.choice(FATAL)), (3,))

    def kill_supervisor(self):
        self._end(ENDED, lambda life: os.kill(life.pid, signal.SIGKILL), (-signal.SIGKILL,))

    def kill_whole(self):
        self._end(KILLED, kill_all, (-signal.SIGKILL,))

    def drain(self, fixed=None):
        self._end(ENDED, lambda life: life.process.send_signal(signal.SIGTERM), (0,), fixed)

    def hurry(self):
        def twice(life):
            life.process.send_signal(signal.SIGTERM)
            time.sleep(self.chance.uniform(0, 0.1))
            life.process.send_signal(signal.SIGTERM)
        self._end(KILLED, twice, (0,))

    def stop(self):
        """The end of the last life, with nobody asking."""
        self._is_ending()
        self.life.family()
        self.life.process.send_signal(signal.SIGTERM)
        code = self.life.wait_for_end()
        self.expect(code == 0, f"exit code {code} at the end")

    def end_whatever_runs(self):
        for life in self.lives:
            if not life.has_ended():
                kill_all(life)

    # --- what else a machine does ---

    def stop_and_continue(self):
        pid = self.life.proxy_pid
        with self._during(STOPPED):
            os.kill(pid, signal.SIGSTOP)
            time.sleep(self.chance.uniform(*STOPPED_S))
            os.kill(pid, signal.SIGCONT)

    def _while_full(self):
        time.sleep(self.chance.uniform(*FULL_S))
        if self.chance.random() < 0.2:
            self._is_ending()
            kill_all(self.life)
            self.life.wait_for_end()
            return True
        return False

    def _full(self, make, undo):
        with self._during(FULL) as full:
            make()
            try:
                killed = self._while_full()
            finally:
                undo()
            if not killed:
                time.sleep(0.5)  # there is room again once the recorder has looked
                return
            self.done["killed while the record had no room"] += 1
            with self._during(KILLED, full.begun):
                self.start()

    def lock_store(self):
        held = store.held(self.setting.state_dir)
        self._full(held.__enter__, lambda: held.__exit__(None, None, None))

    def fill_disk(self):
        if not self.setting.disk.is_mounted:
            return False
        self._full(self.setting.disk.fill, self.setting.disk.make_room)
        return True

    def start_a_second(self):
        done = self.run_command("serve")
        self.expect(done.returncode == 3, f"a second one on the same folder: exit code {done.returncode}")

    def command(self):
        done = self.run_command(*self.chance.choice(COMMANDS))
        self.expect(done.returncode in (0, 1, 2), f"{done.args}: exit code {done.returncode}: {done.stderr[-300:]!r}")

    def run_command(self, *arguments):
        """One that does not end in time is a case of its own, with an exit code that none has."""
        command = [self.setting.binary, *map(str, arguments), "-c", self.setting.config_file]
        try:
            done = subprocess.run(command, env=self.setting.env, stdin=subprocess.DEVNULL, capture_output=True,
                                  timeout=COMMAND_S, check=False)
        except subprocess.TimeoutExpired as slow:
            done = subprocess.CompletedProcess(command, HANGS, slow.stdout or b"", slow.stderr or b"")
            self.broken.append(f"not within {COMMAND_S} s: {arguments}")
        with open(self.setting.folder / evidence.OUTPUTS, "ab") as outputs:
            outputs.write(done.stdout + done.stderr)
        return done

    def expect(self, holds, text):
        if not holds:
            self.broken.append(text)


def kill_all(life):
    """All of it, in one go."""
    life.family()
    for pid in life.pids:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass  # one that had ended
    poll("it has ended", lambda: not is_alive(life.pid))


# name: how often, the action
ACTIONS = {
    "another fault": (40, Director.change_fault),
    "reload, good": (9, Director.reload_well),
    "reload, bad": (4, Director.reload_badly),
    "rotation": (9, Director.rotate),
    "signer killed": (7, Director.kill_signer),
    "proxy killed": (3, Director.kill_proxy),
    "supervisor killed": (2, Director.kill_supervisor),
    "all killed": (3, Director.kill_whole),
    "SIGTERM": (3, Director.drain),
    "SIGTERM twice": (1, Director.hurry),
    "stopped, continued": (4, Director.stop_and_continue),
    "store locked": (3, Director.lock_store),
    "disk full": (3, Director.fill_disk),
    "second proxy": (2, Director.start_a_second),
    "command": (8, Director.command),
}
