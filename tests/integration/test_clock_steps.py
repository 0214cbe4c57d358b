"""A machine whose clock steps or drifts while the proxy runs, with a library between the program and its clock. With
clock = system that is warned about, and what to do; with clock = exchange requests go on being accepted."""
import mmap
import struct
import time

import pytest

import coinstore
import prometheus
import store
from program import poll, preloaded
from rawhttp import Client, build_request, connect

TICKERS = "/api/v1/market/tickers"
BALANCE = "/api/spot/accountList"
SECOND_US = 1_000_000
FOLLOWS = {"account main": {"clock": "exchange"}}

pytestmark = pytest.mark.both


class MachineClock:
    """The file that the library obeys: see tests/inject/stepping_clock.c."""

    def __init__(self, path):
        self.path = path
        path.write_bytes(bytes(24))
        with path.open("r+b") as file:
            self.map = mmap.mmap(file.fileno(), 24)

    def step(self, ahead_s):
        struct.pack_into("<q", self.map, 0, int(ahead_s * SECOND_US))

    def drift(self, seconds_per_second):
        struct.pack_into("<q", self.map, 16, time.monotonic_ns() // 1000)
        struct.pack_into("<q", self.map, 8, int(seconds_per_second * SECOND_US))


@pytest.fixture
def machine(tmp_path):
    return MachineClock(tmp_path / "clock")


@pytest.fixture
def begin(start, launch_mock, machine, env):
    """Starts a mock exchange, whose clock is right, and a proxy before it on the machine with the clock."""
    variables = preloaded(env, "stepping_clock", TEST_STEPPING_CLOCK=str(machine.path))

    def launch(changes=None, *switches):
        mock = launch_mock(*switches)
        changes = {**(changes or {}), "upstream spot": {"url": f"http://{mock.address}", "ca_file": ""}}
        return start(changes, env_changes=variables)
    return launch


def code_of(client):
    return client.request("POST", BALANCE, [("Content-Type", "application/json")], b"{}").json()["code"]


def signed(state_dir):
    """X-CS-EXPIRES of each signed request, in the order in which they were sent."""
    return [expires for expires, in store.query(state_dir, "SELECT expires_ms FROM exchange WHERE is_signed ORDER BY id")]


@pytest.mark.parametrize("step_s", [60, -60])
def test_with_the_systems_clock_a_step_is_warned_about_with_what_to_do(begin, machine, step_s):
    proxy = begin()
    with proxy.client() as client:
        assert code_of(client) == 0
        machine.step(step_s)
        assert code_of(client) != 0  # one window and more away from the exchange's
    event = proxy.wait_for_event("clock-offset", level="warning")
    assert abs(event["offset_us"] + step_s * SECOND_US) <= event["bound_us"] < 2 * SECOND_US
    assert event["verdict"] == "outside"
    assert "timedatectl" in event["message"] and "clock = exchange" in event["message"]


@pytest.mark.parametrize("step_s", [60, -60, 299, -299])
def test_with_the_exchanges_clock_requests_are_accepted_after_a_step_and_no_time_goes_back(begin, machine, state_dir,
                                                                                          step_s):
    proxy = begin(FOLLOWS, "--windows", "0")
    before_ms = time.time() * 1000
    with proxy.client() as client:
        client.request("GET", TICKERS)
        client.request("GET", TICKERS)
        codes = [code_of(client) for _ in range(20)]
        machine.step(step_s)
        codes += [code_of(client) for _ in range(20)]
        machine.step(0)
        codes += [code_of(client) for _ in range(20)]
    after_ms = time.time() * 1000
    proxy.stop()
    times = signed(state_dir)
    assert len(times) == 60 and times == sorted(times)
    assert all(before_ms - 1100 <= at <= after_ms + 1100 for at in times)
    accept_all_but_of_a_turn(codes, times)


def accept_all_but_of_a_turn(codes, times):
    """What is known of the exchange's clock can be a second off: next to a window's turn the mock may be in the other one."""
    for code, at in zip(codes, times):
        assert code == 0 or min(at % coinstore.WINDOW_MS, -at % coinstore.WINDOW_MS) <= 1200


@pytest.mark.parametrize("rate", [12, -12])
def test_with_the_exchanges_clock_requests_are_accepted_while_the_machines_drifts_by_a_minute(begin, machine, state_dir, rate):
    proxy = begin(FOLLOWS, "--windows", "0")
    codes = []
    with proxy.client() as client:
        client.request("GET", TICKERS)
        machine.drift(rate)
        end = time.monotonic() + 5
        while time.monotonic() < end:
            codes.append(code_of(client))
            time.sleep(0.05)  # a pace, not a wait for something
    event = proxy.wait_for_event("clock-offset", level="warning")
    assert "clock = exchange" in event["message"] and "timedatectl" in event["message"]
    proxy.stop()
    times = signed(state_dir)
    assert len(times) == len(codes) and times == sorted(times)
    accept_all_but_of_a_turn(codes, times)


def test_the_signer_gives_no_keys_for_a_clock_more_than_five_minutes_off(begin, machine):
    machine.step(310)
    proxy = begin(FOLLOWS)
    with proxy.client() as client:
        client.request("GET", TICKERS)
        answer = client.request("POST", BALANCE, [], b"{}")
        assert (answer.status, answer.error, answer.outcome) == (503, "signer-gone", "refused")
        assert "5 minutes" in answer.json()["message"]
        machine.step(290)
        poll("the signer's client has seen that the clock was set", lambda: code_of(client) == 0, deadline_s=3)


def test_keys_for_the_new_time_are_fetched_as_soon_as_the_clock_is_set(begin, machine):
    """Also where nobody asks for anything, and by a timer that the kernel ends when the clock is set."""
    machine.step(60)
    proxy = begin({"proxy": {"admin": "127.0.0.1:0"}})

    def left_s():
        with Client(connect(proxy.wait_for_event("admin")["address"])) as admin:
            metrics = prometheus.parse(admin.exchange(build_request("GET", "/metrics")).body)
        value, = metrics["countersign_signer_key_remaining_seconds"].samples.values()
        return value
    assert left_s() > 0
    for step_s in (7200, -7200):
        machine.step(step_s)
        poll(f"the keys of the time after a step of {step_s} s", lambda: left_s() > 0, deadline_s=5)


def test_before_the_exchanges_clock_is_known_the_machines_signs(begin, machine, state_dir):
    machine.step(20)
    proxy = begin(FOLLOWS)
    with proxy.client() as client:
        assert [code_of(client), code_of(client)] == [0, 0]
    proxy.stop()
    first, second = signed(state_dir)
    now_ms = time.time() * 1000
    assert abs(first - 20_000 - now_ms) < 10_000
    assert abs(second - now_ms) < 10_000


def test_metrics_have_offset_and_bound_of_each_upstream(begin, machine):
    machine.step(20)
    proxy = begin({**FOLLOWS, "proxy": {"admin": "127.0.0.1:0"}})

    def read(name):
        with Client(connect(proxy.wait_for_event("admin")["address"])) as admin:
            samples = prometheus.parse(admin.exchange(build_request("GET", "/metrics")).body)
        return samples[f"countersign_exchange_clock_{name}_seconds"].samples
    assert read("offset") == read("bound") == {}
    with proxy.client() as client:
        client.request("GET", TICKERS)
    (_, labels), = read("offset")
    assert labels == (("upstream", "spot"),)
    offset, = read("offset").values()
    bound, = read("bound").values()
    assert abs(offset + 20) <= bound < 2
