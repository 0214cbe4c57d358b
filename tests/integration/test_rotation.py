"""SIGHUP: keys are read anew and take the old ones' place, and no request notices."""
import json
import os
import pty
import secrets
import signal
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

import coinstore
import store
from program import Program, is_alive, poll
from rawhttp import DEADLINE_S, build_request, field_values
from upstream import Upstream, now_ms, succeeds, waits_for

pytestmark = [pytest.mark.both, pytest.mark.timeout(300)]

ACTIVE = "/api/trade/order/active"
PLACE = "/api/trade/order/place"
BALANCE = "/api/spot/accountList"
CLIENTS = 24
ROTATIONS = 50
COMMAND_BOUND_S = 10  # how long a command may take at most


@dataclass(frozen=True)
class Pair:
    key: str
    secret: str

    @property
    def masked(self):
        return self.key[:4] + "*" * 24 + self.key[-4:]


def new_pair():
    return Pair(secrets.token_hex(16), secrets.token_hex(16))


class Exchange(Upstream):
    """Accepts what is signed with any pair that it was told of; a key with another pair's secret is a wrong signature."""

    def __init__(self, certificate_file):
        self.secrets = {}
        self.arrived = Counter()  # by API key
        super().__init__(certificate_file, "", "")

    def _judge(self, head, fields, body):
        keys = field_values(fields, "X-CS-APIKEY")
        key = keys[0] if len(keys) == 1 else ""
        with self.changed:
            self.arrived[key] += 1
        return coinstore.verdict(fields, head.split(b" ", 2)[1], body, key if key in self.secrets else "unknown",
                                 self.secrets.get(key, ""), now_ms())

    def wait_for_use_of(self, pair, count=1):
        with self.changed:
            assert self.changed.wait_for(lambda: self.arrived[pair.key] >= count, DEADLINE_S)


class KeyFiles:
    """An account's two files; each content takes its predecessor's place at once, as a careful person does it."""

    def __init__(self, folder, exchange):
        folder.mkdir()
        self.folder = folder
        self.exchange = exchange
        self.pair = None

    @property
    def keys(self):
        return {"api_key": f"file:{self.folder}/key", "api_secret": f"file:{self.folder}/secret"}

    def hold(self, pair):
        self.exchange.secrets[pair.key] = pair.secret
        self.write("key", pair.key)
        self.write("secret", pair.secret)
        self.pair = pair
        return pair

    def write(self, name, text, mode=0o600):
        new = self.folder / f"{name}.new"
        new.write_text(text + "\n")
        new.chmod(mode)
        new.rename(self.folder / name)


@pytest.fixture
def upstream(certificate_file):
    with Exchange(certificate_file) as exchange:
        yield exchange


@pytest.fixture
def files(tmp_path, upstream):
    made = KeyFiles(tmp_path / "main", upstream)
    made.hold(new_pair())
    return made


@pytest.fixture
def sections(sections, files):
    sections["account main"] = dict(files.keys)
    return sections


def wait_for_events(proxy, name, count=1, behind=0):
    """The first `count` log lines of an event behind so many lines. Looks at each line once: there are many under load."""
    found = []

    def look():
        nonlocal behind
        for line in proxy.lines[behind:]:
            behind += 1
            if f'"event":"{name}"' in line:
                found.append(json.loads(line))
        return len(found) >= count
    with proxy.said:
        assert proxy.said.wait_for(look, DEADLINE_S), f"{count} {name} expected:\n{proxy.output()}"
    return found


def reload(proxy, accounts=1):
    """SIGHUP; waits until every account is said to have been looked after, and gives what is said of each."""
    behind = len(proxy.lines)
    proxy.signal(signal.SIGHUP)
    return wait_for_events(proxy, "keys-reloaded", accounts, behind)


def key_used(proxy, upstream, listener="bot"):
    """Sends one request; the API key that it arrives with, rightly signed."""
    with proxy.client(listener) as client:
        answer = client.request("POST", BALANCE, [], b"{}")
    assert (answer.status, answer.outcome) == (200, "ok"), answer.raw
    arrived = upstream.requests(BALANCE)[-1]
    assert arrived.verdict == coinstore.ACCEPTED
    return arrived.field("X-CS-APIKEY")


# --- under load ---

@pytest.mark.concurrent
def test_no_request_is_lost_or_signed_with_halves_of_two_pairs_while_keys_rotate(start, upstream, files, state_dir):
    upstream.script(PLACE, succeeds)
    proxy = start({"proxy": {"workers": 2}})
    pairs = [files.pair]
    in_use = 0  # the last pair that the program said is in use
    stopped = threading.Event()

    def place_orders(number):
        """Each order says which pair its client knew to be in use when it was sent."""
        answers = []
        with proxy.client() as client:
            while not stopped.is_set():
                order = json.dumps({"clOrdId": f"{number}-{len(answers)}", "pair": in_use}).encode()
                answers.append((order, client.request("POST", PLACE, [], order)))
        return answers
    with ThreadPoolExecutor(CLIENTS) as pool:
        senders = [pool.submit(place_orders, number) for number in range(CLIENTS)]
        try:
            for rotation in range(1, ROTATIONS + 1):
                upstream.wait_for_use_of(pairs[-1], CLIENTS)
                pairs.append(files.hold(new_pair()))
                said = reload(proxy)[0]
                assert (said["api_key"], said["was"]) == (pairs[-1].masked, pairs[-2].masked)
                in_use = rotation
            upstream.wait_for_use_of(pairs[-1])
        finally:
            stopped.set()
        answers = [pair for sender in senders for pair in sender.result()]
    proxy.stop()

    assert {(answer.status, answer.outcome) for _, answer in answers} == {(200, "ok")}
    requests = upstream.requests()
    assert sorted(request.body for request in requests) == sorted(order for order, _ in answers)
    assert {request.verdict for request in requests} == {coinstore.ACCEPTED}
    number_of = {pair.key: number for number, pair in enumerate(pairs)}
    used = [(number_of[request.field("X-CS-APIKEY")], json.loads(request.body)["pair"]) for request in requests]
    assert [pair for pair in used if pair[0] < pair[1]] == []
    assert {pair[0] for pair in used} == set(range(ROTATIONS + 1))
    check_records(state_dir, requests, {pair.key: pair for pair in pairs}, {answer.id for _, answer in answers})


def check_records(state_dir, requests, pairs, ids):
    """Each exchange's record names the key that signed it, and holds what left."""
    rows = store.query(state_dir, "SELECT id, outcome, account, api_key_masked, signature, expires_ms FROM exchange")
    assert {row[0] for row in rows} == ids and {row[1] for row in rows} == {"ok"}
    arrived = sorted(("main", pairs[request.field("X-CS-APIKEY")].masked, request.field("X-CS-SIGN"), request.expires)
                     for request in requests)
    assert sorted(row[2:] for row in rows) == arrived


def test_a_request_in_flight_ends_as_it_was_signed(start, upstream, files):
    release = threading.Event()
    upstream.script(PLACE, waits_for(release, succeeds))
    proxy = start()
    before = files.pair
    with proxy.client() as client:
        client.send(build_request("POST", PLACE, [], b"{}"))
        in_flight = upstream.wait_for_requests(1, PLACE)[0]
        after = files.hold(new_pair())
        reload(proxy)
        assert key_used(proxy, upstream) == after.key
        release.set()
        answer = client.read("POST")
    assert (answer.status, answer.outcome, in_flight.field("X-CS-APIKEY")) == (200, "ok", before.key)
    assert proxy.record(answer.id)["apiKeyMasked"] == before.masked


def test_a_refusal_of_the_old_key_is_recorded_and_nothing_is_sent_again(start, upstream, files):
    proxy = start()
    del upstream.secrets[files.pair.key]  # revoked at the exchange before the program is told
    refused = proxy.request("POST", PLACE, [], b"{}")
    files.hold(new_pair())
    reload(proxy)
    assert (refused.status, refused.outcome) == (401, "api_error 401")
    assert len(upstream.requests(PLACE)) == 1
    assert key_used(proxy, upstream) == files.pair.key


# --- what is said ---

def test_each_account_is_said_to_have_changed_or_not(start, upstream, files, tmp_path):
    second, third = KeyFiles(tmp_path / "second", upstream), KeyFiles(tmp_path / "third", upstream)
    second.hold(new_pair())
    third.hold(new_pair())
    proxy = start({"account second": second.keys, "account third": third.keys})
    before = files.pair
    files.hold(new_pair())
    second.hold(Pair(second.pair.key, secrets.token_hex(16)))
    said = {line["account"]: line for line in reload(proxy, 3)}
    assert {name: (line["changed"], line["was"], line["api_key"]) for name, line in said.items()} == {
        "main": ("key", before.masked, files.pair.masked),
        "second": ("secret", second.pair.masked, second.pair.masked),
        "third": ("nothing", third.pair.masked, third.pair.masked)}
    assert "now uses key" in said["main"]["message"] and "new secret" in said["second"]["message"]
    assert "unchanged" in said["third"]["message"]
    proxy.stop()
    for pair in (before, files.pair, second.pair, third.pair):
        assert pair.key not in proxy.output() and pair.secret not in proxy.output()


def test_a_new_secret_for_the_same_key_is_taken(start, upstream, files):
    proxy = start()
    files.hold(Pair(files.pair.key, secrets.token_hex(16)))  # the exchange knows the new one alone
    reload(proxy)
    assert key_used(proxy, upstream) == files.pair.key


def test_people_read_it_in_plain_words(programs, configure, env, files):
    program = Program("serve", "-c", configure(), env=env)
    programs.append(program)
    program.wait_for_line("ready", lambda line: "is ready" in line)
    before, after = files.pair, files.hold(new_pair())
    program.signal(signal.SIGHUP)
    program.wait_for_line("the new key and the old", lambda line: line.endswith(
        f"keys reloaded: account main now uses key {after.masked} (was {before.masked})"))


# --- sources ---

def test_what_comes_from_variables_stays_and_that_is_said(start, upstream, account):
    upstream.secrets[account.key] = account.secret
    proxy = start({"account main": {"api_key": "env:COINSTORE_API_KEY", "api_secret": "env:COINSTORE_API_SECRET"}})
    assert reload(proxy)[0]["changed"] == "nothing"
    assert "from a variable" in proxy.wait_for_event("keys-in-variables")["message"]
    assert key_used(proxy, upstream) == account.key


@pytest.mark.parametrize("source", ["command:cat {}/secret", "credential:secret"])
def test_every_other_source_is_read_anew(start, upstream, files, source):
    proxy = start({"account main": {"api_secret": source.format(files.folder)}},
                  env_changes={"CREDENTIALS_DIRECTORY": str(files.folder)})
    files.hold(new_pair())
    reload(proxy)
    assert key_used(proxy, upstream) == files.pair.key


# --- failures ---

def is_missing(files):
    (files.folder / "secret").unlink()
    return "cannot open"


def others_may_read_it(files):
    files.write("secret", new_pair().secret, 0o644)
    return "chmod 600"


def is_empty(files):
    files.write("secret", "")
    return "empty"


def has_white_space(files):
    files.write("secret", new_pair().secret + " ")
    return "white space"


def is_the_key(files):
    files.write("secret", (files.folder / "key").read_text().strip())
    return "the same text"


@pytest.mark.parametrize("spoil", [is_missing, others_may_read_it, is_empty, has_white_space, is_the_key])
def test_what_cannot_be_used_leaves_the_keys_of_all_accounts_as_they_are(start, upstream, files, tmp_path, spoil):
    second = KeyFiles(tmp_path / "second", upstream)
    before = second.hold(new_pair())
    listener = {"listen": "127.0.0.1:0", "upstream": "spot", "account": "second"}
    proxy = start({"account second": second.keys, "listener other": listener})
    old = files.pair
    files.hold(new_pair())
    second.hold(new_pair())
    reason = spoil(second)
    proxy.signal(signal.SIGHUP)
    said = proxy.wait_for_event("keys-not-reloaded")
    assert said["level"] == "error" and "account second" in said["message"] and reason in said["message"]
    assert [key_used(proxy, upstream), key_used(proxy, upstream, "other")] == [old.key, before.key]

    second.hold(new_pair())
    reload(proxy, 2)
    assert [key_used(proxy, upstream), key_used(proxy, upstream, "other")] == [files.pair.key, second.pair.key]


def test_every_source_that_cannot_be_read_has_its_line(start, files, tmp_path, upstream):
    second = KeyFiles(tmp_path / "second", upstream)
    second.hold(new_pair())
    proxy = start({"account second": second.keys})
    is_missing(files)
    is_missing(second)
    proxy.signal(signal.SIGHUP)
    said = "\n".join(line["message"] for line in wait_for_events(proxy, "keys-not-reloaded", 2))
    assert f"api_secret of account main (file:{files.folder}/secret)" in said
    assert f"api_secret of account second (file:{second.folder}/secret)" in said


# --- a source that takes its time ---

class Pipe:
    """A named pipe that an account's command reads its secret from: the test gives it when it wants to."""

    def __init__(self, path, upstream):
        os.mkfifo(path, 0o600)
        self.path = path
        self.upstream = upstream

    def wait_for_reader(self):
        """Opens it, which takes until a command is there to read."""
        return open(self.path, "w", encoding="ascii")

    def give(self, files, pair, writer=None):
        self.upstream.secrets[pair.key] = pair.secret
        files.pair = pair
        with writer or self.wait_for_reader() as out:
            out.write(pair.secret + "\n")


@pytest.fixture
def pipe(tmp_path, upstream):
    return Pipe(tmp_path / "pipe", upstream)


@pytest.fixture
def slow(launch, pipe, files):
    """A proxy whose account's secret is given through the pipe, once so far."""
    proxy = launch({"account main": {"api_secret": f"command:cat {pipe.path}"}})
    pipe.give(files, files.pair)
    return proxy.wait_until_ready()


def new_key(files):
    """A new pair whose key stands in its file; the secret is to be given."""
    pair = new_pair()
    files.write("key", pair.key)
    return pair


def test_requests_are_signed_with_the_old_pair_while_a_source_is_slow(slow, upstream, files, pipe):
    before, after = files.pair, new_key(files)
    slow.signal(signal.SIGHUP)
    writer = pipe.wait_for_reader()
    assert {key_used(slow, upstream) for _ in range(20)} == {before.key}
    assert slow.events("keys-reloaded") == []
    pipe.give(files, after, writer)
    slow.wait_for_event("keys-reloaded", api_key=after.masked)
    assert key_used(slow, upstream) == after.key


def test_a_second_signal_amid_a_reading_has_another_follow(slow, upstream, files, pipe):
    first = new_key(files)
    slow.signal(signal.SIGHUP)
    writer = pipe.wait_for_reader()
    slow.signal(signal.SIGHUP)
    assert key_used(slow, upstream) == files.pair.key  # by now it has taken the signal, which came before the request
    second = new_key(files)
    pipe.give(files, first, writer)
    slow.wait_for_event("keys-reloaded", api_key=first.masked)
    pipe.give(files, second)
    slow.wait_for_event("keys-reloaded", api_key=second.masked)
    assert key_used(slow, upstream) == second.key


def test_a_signal_during_the_start_is_followed_once_it_has_started(launch, upstream, files, pipe):
    proxy = launch({"account main": {"api_secret": f"command:cat {pipe.path}"}})
    writer = pipe.wait_for_reader()
    before, after = files.pair, new_key(files)  # the old key is read already
    proxy.signal(signal.SIGHUP)
    pipe.give(files, before, writer)
    proxy.wait_for_event("reloading-keys")  # the first command has ended
    pipe.give(files, after)
    proxy.wait_for_event("keys-reloaded", api_key=after.masked)
    proxy.wait_until_ready()
    assert key_used(proxy, upstream) == after.key


def all_children(pid):
    """Of each of its threads."""
    return {int(child) for task in Path(f"/proc/{pid}/task").iterdir()
            for child in (task / "children").read_text().split()}


def test_the_end_does_not_wait_for_a_slow_source_nor_leave_it_running(slow, pipe):
    slow.signal(signal.SIGHUP)
    with pipe.wait_for_reader() as writer:
        commands = all_children(slow.pid) - {slow.proxy_pid, slow.signer_pid}
        begun = time.monotonic()
        slow.stop()
        assert time.monotonic() - begun < COMMAND_BOUND_S
        assert len(commands) == 1
        poll("the command has ended", lambda: not any(map(is_alive, commands)))
        with pytest.raises(BrokenPipeError):
            os.write(writer.fileno(), b"to nobody")


def test_a_signal_during_the_drain_changes_nothing_about_the_end(start, upstream, files):
    release = threading.Event()
    upstream.script(PLACE, waits_for(release, succeeds))
    proxy = start()
    with proxy.client() as client:
        client.send(build_request("POST", PLACE, [], b"{}"))
        upstream.wait_for_requests(1, PLACE)
        proxy.signal(signal.SIGTERM)
        proxy.wait_for_event("stopping")
        proxy.signal(signal.SIGHUP)
        release.set()
        assert client.read("POST").status == 200
    assert proxy.wait() == 0


# --- processes ---

def test_a_signal_to_the_proxy_process_says_which_one_it_is_for(start, upstream, files):
    proxy = start()
    before = files.pair
    files.hold(new_pair())
    os.kill(proxy.proxy_pid, signal.SIGHUP)
    said = proxy.wait_for_event("wrong-process")
    assert said["pid"] == proxy.pid and f"kill -HUP {proxy.pid}" in said["message"]
    assert key_used(proxy, upstream) == before.key
    assert proxy.events("reloading-keys") == []


def test_a_proxy_that_stands_still_takes_the_new_keys_when_it_goes_on(start, upstream, files):
    proxy = start()
    os.kill(proxy.proxy_pid, signal.SIGSTOP)
    for number in range(1, 4):
        files.hold(new_pair())
        proxy.signal(signal.SIGHUP)
        wait_for_events(proxy, "reloading-keys", min(number, 2))
    os.kill(proxy.proxy_pid, signal.SIGCONT)
    proxy.wait_for_event("keys-reloaded", api_key=files.pair.masked)
    assert key_used(proxy, upstream) == files.pair.key


def test_the_end_of_its_terminal_ends_it_and_a_signal_before_that_does_not(programs, configure, env, files):
    master, terminal = pty.openpty()
    command = ["bash", "-c", f"exec \"$@\" 0<>{os.ttyname(terminal)}", "bash"]
    program = Program("serve", "-c", configure(), "--log-format", "json", env=env, command=command)
    programs.append(program)
    program.wait_for_event("ready")
    os.close(terminal)
    files.hold(new_pair())
    program.signal(signal.SIGHUP)
    program.wait_for_event("keys-reloaded", api_key=files.pair.masked)
    os.close(master)
    program.signal(signal.SIGHUP)
    program.wait_for_event("stopping")
    assert program.wait() == 0


# --- observe ---

def test_observe_checks_against_the_pair_in_use(start, upstream, files):
    proxy = start({"listener bot": {"mode": "observe"}})

    def verdict(pair):
        fields = coinstore.signature_fields(pair.key, pair.secret, now_ms(), BALANCE.encode(), b"{}")
        answer = proxy.request("POST", BALANCE, fields, b"{}")
        record = proxy.record(answer.id)
        return record["clientSignature"], record["apiKeyMasked"]
    before = files.pair
    assert verdict(before) == ("right", before.masked)
    after = files.hold(new_pair())
    reload(proxy)
    assert verdict(after) == ("right", after.masked)
    assert verdict(before) == ("other_key", None)
    assert verdict(Pair(after.key, before.secret)) == ("wrong", after.masked)


# --- memory ---

def memory_holds(pid, text):
    """Whether the text stands anywhere in the process's memory."""
    with open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
        for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
            place, rights = line.split()[:2]
            begin, end = (int(number, 16) for number in place.split("-"))
            if "r" not in rights or line.endswith(("[vvar]", "[vsyscall]")) or end - begin > 1 << 32:
                continue
            memory.seek(begin)
            try:
                if text in memory.read(end - begin):
                    return True
            except OSError:
                continue  # a guard page, or a sanitizer's
    return False


@pytest.mark.once  # a sanitizer's memory is too much to look through
@pytest.mark.skipif(os.geteuid() != 0, reason="another process's memory is root's to read")
@pytest.mark.parametrize("source", ["file:{}/secret", "command:cat {}/secret"])
def test_the_old_secret_is_in_no_memory_once_it_is_replaced(start, upstream, files, source):
    proxy = start({"account main": {"api_secret": source.format(files.folder)}})
    before = files.pair
    assert key_used(proxy, upstream) == before.key
    assert memory_holds(proxy.signer_pid, before.secret.encode())
    after = files.hold(new_pair())
    reload(proxy)
    assert memory_holds(proxy.signer_pid, after.secret.encode())
    assert not memory_holds(proxy.signer_pid, before.secret.encode())
    for secret in (before.secret, after.secret):
        assert not memory_holds(proxy.pid, secret.encode())
    assert not memory_holds(proxy.proxy_pid, before.secret.encode())
    assert not memory_holds(proxy.proxy_pid, after.secret.encode())
