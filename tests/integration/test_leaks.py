"""Nothing leaks: the whole program runs with a canary for a secret, and all that it writes, says, sends, maps and leaves
behind is searched for that, in every form it could have taken. That the search would find it is shown, too."""
import os
import re
import resource
import signal
from pathlib import Path

import pytest

import coinstore
from canary import Canary, in_folder, in_memory, in_proc, memory
from program import Program, is_alive, poll, run
from rawhttp import Client, build_request, connect
from upstream import Upstream, closes_without_answer, http_answer, never_answers, now_ms, sends, succeeds

ACTIVE = "/api/trade/order/active"
PLACE = "/api/trade/order/place"
WITHDRAW = "/api/fi/v3/asset/doWithdraw"
LISTENS = re.compile(r"http://(127\.0\.0\.1:\d+)")
SOURCES = ["env", "file", "credential", "command"]
PROXYS_FILES = ["environ", "cmdline", "comm", "status", "maps", "auxv", "fd/*", "fdinfo/*", "task/*/comm", "stat", "limits"]
SIGNERS_FILES = ["environ", "cmdline", "comm", "status"]
MORE_LISTENERS = {
    "listener watch": {"listen": "127.0.0.1:0", "upstream": "spot", "account": "main", "mode": "observe"},
    "listener dry": {"listen": "127.0.0.1:0", "upstream": "spot", "account": "main", "mode": "dry-run"},
    "upstream spot": {"timeout": "1s"},
}
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root may read the memory of a process that is not dumpable")


@pytest.fixture
def canary():
    return Canary()


@pytest.fixture
def upstream(certificate_file, account, canary):
    with Upstream(certificate_file, account.key, canary.text) as exchange:
        yield exchange


@pytest.fixture(params=SOURCES)
def source(request, tmp_path, canary, env):
    """The account's secret from one of the sources; returns its text, and adds what it needs to the environment."""
    path = tmp_path / "credentials" / "secret"
    path.parent.mkdir()
    path.write_text(canary.text + "\n")
    path.chmod(0o600)
    env.update(CREDENTIALS_DIRECTORY=str(path.parent), COINSTORE_API_SECRET="unused" if request.param != "env" else canary.text)
    return {"env": "env:COINSTORE_API_SECRET", "file": f"file:{path}", "credential": "credential:secret",
            "command": f"command:cat {path}"}[request.param]


def settings(source, **changes):
    return {**MORE_LISTENERS, "account main": {"api_secret": source}, **changes}


class Everything:
    """Requests that end in each way, and what the client got for them."""

    def __init__(self, proxy, upstream, account, canary):
        self.proxy, self.upstream = proxy, upstream
        self.account, self.canary = account, canary
        self.answers = []

    def ask(self, *request, listener="bot"):
        with self.proxy.client(listener) as client:
            self.answers.append(client.request(*request))
        return self.answers[-1]

    def run(self):
        order = b'{"symbol":"BTCUSDT","side":"BUY","ordType":"LIMIT","ordPrice":"1","ordQty":"1"}'
        self.upstream.script(PLACE, succeeds, sends(http_answer(b'{"code":1401,"message":"unauthorized"}')),
                             closes_without_answer, never_answers, sends(b"no HTTP\r\n\r\n"), succeeds)
        for _ in range(5):
            self.ask("POST", PLACE, [("Authorization", "Bearer x"), ("X-CS-SIGN", "0" * 64)], order)
        own = coinstore.signature_fields(self.account.key, self.canary.text, now_ms(), PLACE.encode(), order)
        for listener in ("bot", "watch", "dry"):
            self.ask("POST", PLACE, own, order, listener=listener)
            self.ask("POST", PLACE, own[:2], order, listener=listener)
            self.ask("GET", ACTIVE + "?symbol=%22", [], None, listener=listener)
        self.ask("POST", WITHDRAW, [], b"{}")
        self.ask("POST", PLACE, [("Origin", "https://evil.example")], order)
        self.ask("GET", ACTIVE, [("X-Bad", "a\x01b")])
        with self.proxy.client() as client:
            client.send(build_request("POST", PLACE, [], order))  # and leaves
        outcomes = {answer.outcome.split()[0] for answer in self.answers}
        assert outcomes == {"ok", "api_error", "unknown", "refused", "dry_run"}
        return b"".join(answer.raw for answer in self.answers)


THAT_READ_THE_SECRET = [
    ["sign", "--target", ACTIVE + "?a=1"], ["sign", "--target", PLACE, "--body", "{}", "--json"],
    ["sign", "--target", PLACE, "--body", "{}", "--curl", "--show-key", "--log-level", "debug"], ["verify", "1"],
    ["verify", "6", "--view", "client"], ["verify", "last", "--json"], ["doctor", "--log-level", "debug"],
    ["doctor", "--offline", "--json"]]
OTHERS = [
    ["doctor", "--json"], ["log"], ["log", "--json"], ["log", "show", "1"], ["log", "show", "2", "--json"],
    ["log", "show", "1", "--raw", "--view", "upstream-request"], ["log", "diff", "1", "2"],
    ["log", "diff", "1", "2", "--json"], ["log", "why"], ["log", "stats"], ["log", "sql"],
    ["config", "show"], ["config", "check"]]


def say_all(proxy, commands):
    """What these commands say."""
    poll("the first are recorded", lambda: proxy.command("log", "show", "6").returncode == 0)
    said = []
    for arguments in commands:
        done = proxy.command(*arguments)
        assert done.returncode in (0, 1, 2) and done.stdout, (arguments, done.stderr.decode())
        said.append(done.stdout + done.stderr)
    return b"".join(said)


def export_and_import(proxy, tmp_path):
    """Leaves export.* and share.* in the folder, and imported exchanges in the store."""
    said = []

    def command(*arguments):
        done = proxy.command(*arguments)
        assert done.returncode in (0, 1, 2), (arguments, done.stderr.decode())
        said.append(done.stdout + done.stderr)

    for form in ("har", "jsonl", "http", "curl", "python"):
        command("log", "export", "--format", form, "-o", str(tmp_path / f"export.{form}"))
        command("log", "export", "--format", form, "--share", "-o", str(tmp_path / f"share.{form}"))
    command("log", "import", str(tmp_path / "export.har"))
    command("log", "replay", "3", "--yes")
    return b"".join(said)


def check_running(canary, proxy, upstream, state_dir):
    assert in_proc(canary, proxy.proxy_pid, PROXYS_FILES) == []
    for pid in (proxy.pid, proxy.signer_pid):
        assert in_proc(canary, pid, SIGNERS_FILES) == []
    assert in_folder(canary, state_dir) == []
    assert canary.forms_in(b"".join(request.raw for request in upstream.everything)) == []


def check_ended(canary, proxy, state_dir):
    proxy.stop()
    assert canary.forms_in(proxy.output().encode()) == []
    assert in_folder(canary, state_dir) == []


@pytest.mark.both
def test_the_secret_is_nowhere_but_in_the_signer(start, source, canary, upstream, account, state_dir):
    proxy = start(settings(source), "--log-level", "debug")
    answered = Everything(proxy, upstream, account, canary).run()
    said = say_all(proxy, THAT_READ_THE_SECRET)
    assert canary.forms_in(answered) == []
    assert canary.forms_in(said) == []
    check_running(canary, proxy, upstream, state_dir)
    check_ended(canary, proxy, state_dir)


@pytest.mark.both
def test_no_command_and_no_export_tells_the_secret(start, canary, env, upstream, account, state_dir, tmp_path):
    env.update(COINSTORE_API_SECRET=canary.text)
    proxy = start(settings("env:COINSTORE_API_SECRET"), "--log-level", "debug")
    Everything(proxy, upstream, account, canary).run()
    said = say_all(proxy, OTHERS) + export_and_import(proxy, tmp_path) + run("explain", "1401", env=env).stdout
    assert b"1401" in said
    assert canary.forms_in(said) == []
    exports = [path for path in tmp_path.iterdir() if path.name.startswith(("export.", "share."))]
    assert len(exports) == 10
    assert [form for path in exports for form in canary.forms_in(path.read_bytes())] == []
    check_running(canary, proxy, upstream, state_dir)
    check_ended(canary, proxy, state_dir)


@pytest.mark.both
def test_a_log_for_people_tells_no_secret(programs, configure, canary, env, upstream, state_dir):
    env.update(COINSTORE_API_SECRET=canary.text)
    proxy = Program("serve", "-c", configure(), "--log-level", "debug", "--log-format", "text", env=env)
    programs.append(proxy)
    address = proxy.wait_for_line("it listens", LISTENS.search).group(1)
    for behaviour in (succeeds, closes_without_answer):
        upstream.script(PLACE, behaviour)
        with Client(connect(address)) as client:
            client.request("POST", PLACE, [("Origin", "null")], b"{}")
            client.close()
        with Client(connect(address)) as client:
            client.request("POST", PLACE, [], b"{}")
    check_ended(canary, proxy, state_dir)


# --- memory ---

@pytest.mark.once  # a sanitizer's own memory is terabytes
@needs_root
def test_no_byte_of_the_secret_is_in_the_proxys_memory(start, source, canary, upstream, account):
    proxy = start(settings(source), "--log-level", "debug")
    Everything(proxy, upstream, account, canary).run()
    found, size = in_memory(canary, proxy.proxy_pid)
    assert found == []
    assert size > 1 << 20


@pytest.mark.once
@needs_root
def test_the_search_finds_the_secret_in_the_signers_memory_and_a_copy_in_the_proxys(start, canary, env):
    """Else the tests above would prove nothing."""
    env.update(COINSTORE_API_SECRET=canary.text)
    proxy = start()
    found, _ = in_memory(canary, proxy.signer_pid)
    assert any(place.startswith("itself: ") for place in found)
    with proxy.client() as client:
        client.request("GET", ACTIVE, [("X-Planted", canary.text)])
        found, _ = in_memory(canary, proxy.proxy_pid)
    assert any(place.startswith("itself: ") for place in found)


@pytest.mark.once
@needs_root
def test_the_secret_stands_in_one_place_of_the_signers_memory(start, source, canary):
    """The page that is locked, left out of dumps and of forked children; no copy in a buffer beside it."""
    proxy = start(settings(source))
    found, _ = in_memory(canary, proxy.signer_pid)
    assert {place.split(": ", 1)[0] for place in found} == {"itself", "its first half", "its second half"}
    places = {place.split(": ", 1)[1] for place in found}
    assert len(places) == 1, places
    assert sum(data.count(canary.text.encode()) for _, data in memory(proxy.signer_pid)) == 1


def test_a_planted_copy_is_found_in_the_record_and_in_each_form(start, canary, state_dir, env):
    env.update(COINSTORE_API_SECRET=canary.text)
    proxy = start()
    answer = proxy.request("GET", ACTIVE, [("X-Planted", canary.text)])
    proxy.record(answer.id)
    assert in_folder(canary, state_dir)
    for name, form in canary.forms.items():
        assert name in canary.forms_in(b"before" + form + b"behind")


# --- crashes ---

@pytest.fixture
def core_files(tmp_path, monkeypatch):
    """Where a core would be written, were it not switched off; with no limit of ours in the way."""
    folder = tmp_path / "cores"
    folder.mkdir()
    monkeypatch.chdir(folder)
    before = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (before[1], before[1]))
    yield folder
    resource.setrlimit(resource.RLIMIT_CORE, before)


@pytest.mark.both
@pytest.mark.parametrize("who", ["proxy", "signer", "supervisor"])
@pytest.mark.parametrize("number", [signal.SIGSEGV, signal.SIGABRT], ids=["SIGSEGV", "SIGABRT"])
def test_a_crash_leaves_no_core_and_says_no_secret(launch, canary, env, account, state_dir, core_files, programs, who, number):
    env.update(COINSTORE_API_SECRET=canary.text)
    proxy = launch(None, "--log-level", "debug").wait_until_ready()
    proxy.request("POST", PLACE, [], b"{}")
    proxy_pid = proxy.proxy_pid
    programs.remove(proxy)
    signer_pid = proxy.signer_pid
    os.kill({"proxy": proxy_pid, "signer": signer_pid, "supervisor": proxy.pid}[who], number)
    if who == "signer":
        proxy.wait_for_event("signer-back")
        proxy.stop()
    else:
        assert proxy.wait() != 0
    for pid in (signer_pid, proxy_pid):
        poll("the others have ended, too", lambda pid=pid: not is_alive(pid))
    assert canary.forms_in(proxy.output().encode()) == []
    assert list(core_files.iterdir()) == []
    assert in_folder(canary, state_dir) == []


@pytest.mark.both
@pytest.mark.parametrize("who", ["proxy", "signer", "supervisor"])
def test_no_process_may_dump_core(start, canary, env, who):
    env.update(COINSTORE_API_SECRET=canary.text)
    proxy = start()
    pid = {"proxy": proxy.proxy_pid, "signer": proxy.signer_pid, "supervisor": proxy.pid}[who]
    limits = dict(line.split("  ", 1) for line in Path(f"/proc/{pid}/limits").read_text().splitlines())
    assert limits["Max core file size"].split() == ["0", "0", "bytes"]


# --- the commands that read a secret ---

@pytest.mark.both
def test_a_command_source_gets_no_secret_in_its_arguments(start, tmp_path, canary, env):
    """Of two accounts: the first one's secret is read from a variable, the second one's by a command that looks around."""
    env.update(COINSTORE_API_SECRET=canary.text, OTHER_KEY="k" * 32)
    seen = tmp_path / "seen"
    script = tmp_path / "looks"
    script.write_text(f"cat /proc/self/cmdline /proc/$$/cmdline /proc/$PPID/cmdline > {seen}\necho {'z' * 32}\n")
    start({"account second": {"api_key": "env:OTHER_KEY", "api_secret": f"command:sh {script}"}})
    assert canary.forms_in(seen.read_bytes()) == []


@pytest.mark.both
@pytest.mark.parametrize("broken", ["{}\nsecond line", "{}\x01", " {}", "{}" * 600], ids=["two lines", "a control byte",
                                                                                         "a blank", "too long"])
@pytest.mark.parametrize("command", [["serve"], ["sign", "--target", "/a"], ["doctor", "--offline"], ["config", "check"]],
                         ids=lambda command: command[0])
def test_a_secret_that_cannot_be_used_is_not_shown_by_what_says_so(configure, env, canary, broken, command):
    done = run(*command, "-c", configure(), env={**env, "COINSTORE_API_SECRET": broken.replace("{}", canary.text)})
    assert canary.forms_in(done.stdout + done.stderr) == []
    assert command[0] == "config" or done.returncode != 0
