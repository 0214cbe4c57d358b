"""`countersign stop-trading` and `resume-trading`: what is stopped does not leave, from the moment the command returns, over
every end of the proxy, and where the switch cannot be read."""
import json
import os
import pwd
import signal
import subprocess
import tempfile
import threading
import time
from pathlib import Path

import pytest

from program import binary, environment, poll, run
from rawhttp import build_request

PLACE, CANCEL = "/api/trade/order/place", "/api/trade/order/cancel"
JSON = [("Content-Type", "application/json")]
CLIENTS = 32

root_alone = pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to act as another user")


def order(name="a"):
    return json.dumps({"symbol": "BTCUSDT", "side": "BUY", "ordType": "LIMIT", "ordPrice": "1", "ordQty": "1",
                       "clOrdId": name}).encode()


def place(proxy, name="a"):
    return proxy.request("POST", PLACE, JSON, order(name))


def cancel(proxy):
    return proxy.request("POST", CANCEL, JSON, b'{"symbol":"BTCUSDT","ordId":1}')


def command(proxy, *arguments, code=0):
    done = proxy.command(*arguments)
    assert done.returncode == code, done
    return done.stdout.decode() + done.stderr.decode()


def assert_stopped(answer):
    assert (answer.status, answer.outcome, answer.error) == (403, "refused", "trading-stopped"), answer.raw
    return answer.json()["message"]


def names(upstream):
    return [json.loads(request.body)["clOrdId"] for request in upstream.requests(PLACE)]


def switch(state_dir):
    return Path(state_dir) / "trading"


# --- at once ---

class Trader(threading.Thread):
    """Places orders one after the other, as fast as it can; each name says whether the command had returned before."""

    def __init__(self, proxy, number, returned, enough):
        super().__init__(daemon=True)
        self.proxy, self.number, self.returned, self.enough = proxy, number, returned, enough
        self.late, self.failure, self.cancelled = [], None, []

    def run(self):
        try:
            with self.proxy.client() as client:
                count = 0
                while len(self.late) < 20:
                    is_late = self.returned.is_set()
                    name = f"{'late' if is_late else 'before'}-{self.number}-{count}"
                    answer = client.request("POST", PLACE, JSON, order(name))
                    count += 1
                    if is_late:
                        self.late.append(answer.error)
                        self.cancelled.append(client.request("POST", CANCEL, JSON, b"{}").status)
                    elif answer.status == 200:
                        self.enough.release()
        except Exception as failure:  # told by the test
            self.failure = failure


@pytest.mark.concurrent
@pytest.mark.both
def test_after_the_command_returned_no_order_leaves_and_cancels_do(start, upstream):
    proxy = start({"proxy": {"workers": 2}})
    returned, enough = threading.Event(), threading.Semaphore(0)
    traders = [Trader(proxy, number, returned, enough) for number in range(CLIENTS)]
    for trader in traders:
        trader.start()
    for _ in range(2 * CLIENTS):
        assert enough.acquire(timeout=30)
    command(proxy, "stop-trading", "--reason", "drill")
    returned.set()
    for trader in traders:
        trader.join(60)
        assert trader.failure is None and not trader.is_alive()
        assert trader.late == ["trading-stopped"] * 20 and trader.cancelled == [200] * 20
    arrived = names(upstream)
    assert len(arrived) >= 2 * CLIENTS and not [name for name in arrived if name.startswith("late")]
    assert len(upstream.requests(CANCEL)) == 20 * CLIENTS


@pytest.mark.both
@pytest.mark.parametrize("durability", ["process", "power"])
def test_an_order_that_waits_for_a_connection_does_not_leave_either(start, upstream, durability):
    upstream.handshake_delay_s = 1
    proxy = start({"capture": {"durability": durability}})
    with proxy.client() as client:
        client.send(build_request("POST", PLACE, JSON, order()))
        poll("the proxy connects", lambda: is_connecting(upstream))
        command(proxy, "stop-trading", "--reason", "too late")
        answer = client.read("POST")
    assert "too late" in assert_stopped(answer)
    assert proxy.record(answer.id)["outcome"] == "refused"
    assert upstream.requests() == []


def is_connecting(upstream):
    """Whether a connection to the exchange is there that has shown no TLS yet."""
    port = f":{upstream.port:04X}"
    lines = Path("/proc/net/tcp").read_text().splitlines()[1:]
    return any(line.split()[2].endswith(port) and line.split()[3] == "01" for line in lines)


def test_the_refusal_says_since_when_by_whom_why_and_what_lifts_it(proxy):
    said = command(proxy, "stop-trading", "--reason", "a bot went mad")
    assert "trading is stopped for all listeners" in said and "refuses orders from now on" in said
    assert f"resume-trading -c {proxy.config_file}" in said
    answer = place(proxy)
    message = assert_stopped(answer)
    assert all(word in message for word in (f"by user id {os.getuid()}: a bot went mad", time.strftime("since %Y-"),
                                            "`countersign resume-trading`")), message
    record = proxy.record(answer.id)
    assert (record["outcome"], record["error"], record["errorMessage"]) == ("refused", "trading-stopped", message)
    assert proxy.wait_for_event("trading-stopped")["reason"] == "a bot went mad"
    command(proxy, "resume-trading")
    assert place(proxy).status == 200
    assert proxy.wait_for_event("trading-resumed")


def test_reads_pass_and_what_may_be_an_order_does_not(proxy, upstream):
    command(proxy, "stop-trading")
    passing = [("GET", "/api/trade/order/active", None), ("POST", "/api/spot/accountList", b"{}"),
               ("POST", "/api/future/queryAvail", b"{}"), ("POST", "/api/trade/order/cancelBatch", b"{}"),
               ("POST", "/api/trade/order/cancelBatchByClOrdId", b"{}"), ("POST", "/api/trade/order/cancelAll", b"{}"),
               ("POST", "/api/trade/orders/del", b"{}"), ("POST", "/API/trade//order/cancel", b"{}")]
    for method, target, body in passing:
        assert proxy.request(method, target, JSON, body).status == 200, target
    for method, target, fields in [("POST", "/api/trade/order/placeBatch", []), ("POST", "/api/trade//order/PLACE", []),
                                   ("POST", "/api/v9/orders", []), ("PUT", CANCEL, []), ("POST", CANCEL + "/x", []),
                                   ("GET", PLACE, []),
                                   ("POST", "/api/future/adjustMargin", [])]:
        assert_stopped(proxy.request(method, target, JSON + fields, order()))
    rewritten = proxy.request("POST", CANCEL, [*JSON, ("X-Original-URL", PLACE)], order())
    assert (rewritten.status, rewritten.error) == (403, "policy")
    assert [request.target for request in upstream.requests()] == [target for _, target, _ in passing]


@pytest.mark.parametrize("mode", ["observe", "dry-run"])
def test_a_stop_holds_in_every_mode(start, upstream, mode):
    proxy = start({"listener bot": {"mode": mode}})
    command(proxy, "stop-trading")
    assert_stopped(place(proxy))
    assert upstream.requests() == []


def test_one_listener_is_stopped_and_the_others_trade(start, upstream):
    proxy = start({"listener two": {"listen": "127.0.0.1:0", "upstream": "spot", "account": "main"}})
    request = build_request("POST", PLACE, JSON, order())
    with proxy.client("bot") as bot, proxy.client("two") as two:
        command(proxy, "stop-trading", "--listener", "two")
        assert bot.exchange(request).status == 200
        assert "--listener two" in assert_stopped(two.exchange(request))
        command(proxy, "stop-trading", "--listener", "bot")
        assert_stopped(bot.exchange(request))
        command(proxy, "resume-trading", "--listener", "two")
        assert_stopped(bot.exchange(request))
        assert two.exchange(request).status == 200
        command(proxy, "stop-trading")
        assert "stopped for all listeners" in command(proxy, "resume-trading", "--listener", "two", code=2)
        assert_stopped(two.exchange(request))
    assert "no listener `tow`, so nothing was done" in command(proxy, "stop-trading", "--listener", "tow", code=2)
    assert len(upstream.requests()) == 2


# --- over ends and beginnings ---

@pytest.mark.both
def test_a_stop_outlives_a_killed_proxy(start, upstream):
    first = start()
    command(first, "stop-trading", "--reason", "before the crash")
    first.kill()
    second = start()
    assert second.wait_for_event("trading-stopped")["reason"] == "before the crash"
    assert_stopped(place(second))
    assert cancel(second).status == 200
    second.stop()
    assert "stopped for all" in command(second, "stop-trading", "--status", code=1)
    assert "no proxy is at work" in command(second, "resume-trading")
    assert place(start()).status == 200
    assert names(upstream) == ["a"]


def test_it_can_be_stopped_while_no_proxy_runs(start, upstream):
    first = start()
    first.stop()
    assert "the next one will refuse orders" in command(first, "stop-trading")
    assert_stopped(place(start()))
    assert upstream.requests() == []


def test_a_proxy_on_another_folder_trades_on(start, tmp_path):
    one, other = start(), start(None, "--state-dir", tmp_path / "other")
    command(one, "stop-trading")
    assert_stopped(place(one))
    assert place(other).status == 200
    assert run("stop-trading", "--state-dir", tmp_path / "other", env=one.env).returncode == 0
    assert_stopped(place(other))


# --- a switch that cannot be believed ---

def take_away(path):
    path.unlink()


def cut_to_nothing(path):
    os.truncate(path, 0)


def cut_short(path):
    os.truncate(path, 100)


def overwrite(path):
    with path.open("r+b") as file:
        file.write(os.urandom(4096))


def overwrite_behind_the_word(path):
    with path.open("r+b") as file:
        file.seek(50)
        file.write(b"garbage")


def replace(path):
    fresh = path.with_name("fresh")
    fresh.write_bytes(b"RUNNING\n" + bytes(4088))
    fresh.rename(path)


def let_others_write(path):
    path.chmod(0o666)


def give_away(path):
    if os.geteuid() != 0:
        pytest.skip("only root can give a file away")
    os.chown(path, 12345, 12345)


DAMAGES = [take_away, cut_to_nothing, cut_short, overwrite, overwrite_behind_the_word, replace, let_others_write, give_away]


@pytest.mark.both
@pytest.mark.parametrize("damage", DAMAGES)
def test_a_switch_that_is_damaged_under_way_stops_orders_until_it_is_mended(proxy, state_dir, upstream, damage):
    assert place(proxy, "before").status == 200
    damage(switch(state_dir))
    assert "orders are refused" in proxy.wait_for_event("trading-switch-damaged")["message"]
    assert "resume-trading" in assert_stopped(place(proxy))
    assert cancel(proxy).status == 200
    assert "refused" in command(proxy, "stop-trading", "--status", code=1)
    if damage is give_away or damage is let_others_write:  # whoever holds it could change it again
        assert "nothing" not in command(proxy, "resume-trading", code=2)
        switch(state_dir).unlink()
    command(proxy, "resume-trading")
    poll("orders leave again", lambda: place(proxy, "after").status == 200)
    assert set(names(upstream)) == {"before", "after"}


def test_a_file_that_is_cut_to_nothing_is_seen_by_the_next_order(proxy, state_dir):
    assert place(proxy).status == 200
    cut_to_nothing(switch(state_dir))
    assert_stopped(place(proxy))
    assert cancel(proxy).status == 200


@pytest.mark.both
@pytest.mark.parametrize("damage", DAMAGES)
def test_a_proxy_does_not_start_on_a_switch_that_is_damaged(start, launch, state_dir, damage):
    first = start()
    command(first, "stop-trading")
    first.stop()
    damage(switch(state_dir))
    second = launch()
    assert second.wait() == 2
    assert str(switch(state_dir)) in second.output() and not second.events("ready")
    assert damage is let_others_write or "resume-trading" in second.output()


def test_a_switch_that_was_left_half_changed_stops_orders(proxy, state_dir, launch):
    with switch(state_dir).open("r+b") as file:
        file.write(b"CHANGING")
    assert_stopped(place(proxy))
    proxy.stop()
    second = launch()
    assert second.wait() == 2 and "half changed" in second.output()
    command(proxy, "stop-trading")  # what mends it
    assert "stopped for all" in command(proxy, "stop-trading", "--status", code=1)


def test_commands_at_the_same_time_leave_a_whole_switch(proxy, state_dir):
    def run_all(word):
        return [subprocess.Popen([binary(), word, "-c", proxy.config_file], env=proxy.env, stdout=subprocess.DEVNULL,
                                 stderr=subprocess.DEVNULL) for _ in range(6)]
    started = run_all("stop-trading") + run_all("resume-trading") + run_all("stop-trading")
    assert [process.wait(30) for process in started] == [0] * 18
    assert switch(state_dir).stat().st_size == 4096
    assert not list(Path(state_dir).glob(".trading.*"))
    is_stopped = json.loads(proxy.command("stop-trading", "--status", "--json").stdout)["stopped"]
    assert (place(proxy).error == "trading-stopped") == is_stopped
    assert not proxy.events("trading-switch-damaged")


# --- the command ---

def test_status_and_json(proxy, state_dir):
    def status(code):
        done = proxy.command("stop-trading", "--status", "--json")
        assert done.returncode == code
        return json.loads(done.stdout)
    common = {"stateDir": str(state_dir), "proxyAtWork": True}
    assert status(0) == {"stopped": False, "stops": [], **common}
    said = json.loads(command(proxy, "stop-trading", "--json", "--listener", "bot", "--reason", "é"))
    stop = said["stops"][0]
    assert {name: stop[name] for name in ("listener", "uid", "reason")} == {"listener": "bot", "uid": os.getuid(),
                                                                           "reason": "é"}
    assert status(1) == said == {"stopped": True, "stops": [stop], **common}
    switch(state_dir).unlink()
    damaged = status(1)
    assert damaged["stopped"] and "trading" in damaged["damaged"]


def test_a_broken_configuration_does_not_keep_anybody_from_stopping(start, tmp_path, env, state_dir):
    proxy = start()
    broken = tmp_path / "broken.ini"
    broken.write_text("[proxy\nstate_dir == ?\n[nonsense]\n")
    done = run("stop-trading", "-c", broken, "--state-dir", state_dir, env=env)
    assert done.returncode == 0 and b"the state folder was named" in done.stderr
    assert_stopped(place(proxy))
    default = Path(env["HOME"]) / ".local/state/countersign"
    done = run("stop-trading", "-c", broken, env=env)
    assert done.returncode == 2 and str(default).encode() in done.stderr
    default.mkdir(parents=True)
    done = run("stop-trading", "-c", broken, env=env)
    assert done.returncode == 3 and b"may trade on: name its folder with --state-dir" in done.stderr
    assert switch(default).read_bytes().startswith(b"STOPPED\n")
    done = run("resume-trading", "-c", broken, env=env)
    assert done.returncode == 2 and b"nothing was done" in done.stderr


@pytest.mark.parametrize("arguments, words", [
    (["--reason", "two\nlines"], "on one line"), (["--reason", "x" * 161], "at most 160 bytes"),
    (["now"], "--reason"), (["--lisener", "bot"], "not an option"), (["--listener", ""], "listener's name")])
def test_what_the_command_does_not_take_changes_nothing(proxy, arguments, words):
    assert words in command(proxy, "stop-trading", *arguments, code=2)
    assert place(proxy).status == 200


def test_a_folder_that_is_not_there_is_not_made(tmp_path, env):
    done = run("stop-trading", "--state-dir", tmp_path / "typo", env=env)
    assert done.returncode == 2 and b"--state-dir" in done.stderr
    assert not (tmp_path / "typo").exists()


def test_the_files_are_for_their_owner_alone(proxy, state_dir):
    command(proxy, "stop-trading")
    for name in ("trading", "trading.stopped"):
        assert (Path(state_dir) / name).stat().st_mode & 0o777 == 0o600
    assert switch(state_dir).read_text().startswith("STOPPED\n")
    command(proxy, "resume-trading")
    assert not (Path(state_dir) / "trading.stopped").exists()


NOBODY = pwd.getpwnam("nobody")


@pytest.fixture
def folder():
    """One that every user can reach."""
    with tempfile.TemporaryDirectory() as name:
        os.chmod(name, 0o755)
        yield Path(name)


def as_nobody(folder, *arguments):
    try:
        return subprocess.run([binary(), *arguments], env=environment(folder), capture_output=True, timeout=30, check=False,
                              user=NOBODY.pw_uid, group=NOBODY.pw_gid, extra_groups=[], cwd="/")
    except PermissionError:
        pytest.skip("the program is where other users cannot run it")


@root_alone
def test_another_user_can_neither_stop_nor_resume(start, folder):
    state_dir = folder / "state"
    proxy = start({"proxy": {"state_dir": state_dir}})
    os.chmod(state_dir, 0o755)
    for word in ("stop-trading", "resume-trading"):
        done = as_nobody(folder, word, "--state-dir", state_dir)
        assert done.returncode == 3 and b"belongs to another user" in done.stderr, done
    assert place(proxy).status == 200


@root_alone
def test_its_owner_stops_and_resumes_also_what_root_stopped(folder):
    state_dir = folder / "theirs"
    state_dir.mkdir(0o700)
    os.chown(state_dir, NOBODY.pw_uid, NOBODY.pw_gid)
    assert run("stop-trading", "--state-dir", state_dir, env=environment(folder)).returncode == 0
    assert {path.stat().st_uid for path in state_dir.iterdir()} == {NOBODY.pw_uid}
    assert as_nobody(folder, "stop-trading", "--status", "--state-dir", state_dir).returncode == 1
    assert as_nobody(folder, "resume-trading", "--state-dir", state_dir).returncode == 0
    assert as_nobody(folder, "stop-trading", "--state-dir", state_dir, "--reason", "mine").returncode == 0
    done = run("stop-trading", "--status", "--json", "--state-dir", state_dir, env=environment(folder))
    assert json.loads(done.stdout)["stops"][0]["uid"] == NOBODY.pw_uid


def test_a_signal_to_end_is_heeded_while_trading_is_stopped(proxy):
    command(proxy, "stop-trading")
    proxy.signal(signal.SIGTERM)
    assert proxy.wait() == 0
