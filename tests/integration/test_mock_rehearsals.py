"""`countersign mock`'s switches: what goes wrong on purpose, seen from a client's end of a real socket."""
import os
import socket
import ssl
import subprocess
import time
from email.utils import parsedate_to_datetime

import pytest

from held_port import HeldPort
from mock_exchange import code_of, refusal
from program import binary, run
from rawhttp import DEADLINE_S, build_request, connect

BALANCE = "/api/spot/accountList"
PRICE = "/api/v1/ticker/price"
PLACE = "/api/trade/order/place"
RESTS = {"symbol": "BTCUSDT", "side": "BUY", "ordType": "LIMIT", "ordPrice": "20000", "ordQty": "0.001"}


def is_reset(client):
    """Whether the connection ends with a reset, and not in order."""
    try:
        return client.sock.recv(1) == b"" and False
    except ConnectionResetError:
        return True


# --- addresses ---

def test_it_listens_at_each_address_and_is_one_exchange(launch_mock):
    mock = launch_mock(listen=("127.0.0.1:0", "[::1]:0"))
    placed = mock.post(PLACE, {**RESTS, "clOrdId": "over-v4"}, index=0)
    assert str(code_of(placed)) == "0"
    assert mock.data("GET", "/api/v2/trade/order/orderInfo?clOrdId=over-v4", index=1)[0]["ordStatus"] == "SUBMITTED"


def test_a_key_bound_to_an_address_works_from_that_one_alone(launch_mock):
    with HeldPort() as held:
        mock = launch_mock("--ip-whitelist", "127.0.0.1", listen=(f"127.0.0.1:{held.port}", f"[::1]:{held.port}"))
    assert code_of(mock.post(BALANCE, {}, index=0)) == 0
    refused = mock.post(BALANCE, {}, index=1)
    assert (refused.status, code_of(refused)) == (200, 1401)
    assert refused.json()["message"] == "unauthorized"
    assert "[::1]" in refusal(refused) and "whitelist" in refusal(refused)
    assert mock.get(PRICE, index=1, sign=False).json()["code"] == 0, "public calls work from anywhere"


def test_a_whitelist_holds_several_addresses_of_both_families(launch_mock):
    mock = launch_mock("--ip-whitelist", "192.0.2.1,0:0:0:0:0:0:0:1", "--ip-whitelist", "127.0.0.1",
                       listen=("127.0.0.1:0", "[::1]:0"))
    assert [code_of(mock.post(BALANCE, {}, index=index)) for index in (0, 1)] == [0, 0]


def test_each_address_is_told_to_who_started_it(env):
    reading, writing = os.pipe()
    with subprocess.Popen([binary(), "mock", "--listen", "127.0.0.1:0", "--listen", "[::1]:0", "--quiet", "--ready-fd",
                           str(writing)], env=env, pass_fds=[writing], stdout=subprocess.DEVNULL) as started:
        os.close(writing)
        with open(reading, encoding="ascii") as pipe:
            told = pipe.read().splitlines()
        for address in told:
            connect(address).close()
        started.terminate()
    assert [address.rpartition(":")[0] for address in told] == ["127.0.0.1", "[::1]"]


# --- the clock ---

@pytest.mark.parametrize("offset, ahead_s", [("+90s", 90), ("-2m", -120), ("45s", 45)])
def test_the_clock_is_off_in_date_and_for_the_window(launch_mock, offset, ahead_s):
    mock = launch_mock("--clock-offset", offset)
    before = time.time()
    answer = mock.get(PRICE, sign=False)
    shown = parsedate_to_datetime(answer.field("Date")).timestamp()
    assert before + ahead_s - 1.5 <= shown <= time.time() + ahead_s + 0.5
    exchange_ms = int((time.time() + ahead_s) * 1000)
    assert code_of(mock.post(BALANCE, {}, now_ms=exchange_ms)) == 0
    if abs(ahead_s) > 60:  # more than two windows, wherever they begin
        refused = mock.post(BALANCE, {})
        assert code_of(refused) == 1401
        assert ("too old by" if ahead_s > 0 else "too far ahead by") in refusal(refused)


@pytest.mark.parametrize("windows, accepted", [(0, [0]), (1, [-1, 0, 1]), (3, [-3, -2, -1, 0, 1, 2, 3])])
def test_so_many_windows_off_are_taken_and_no_more(launch_mock, windows, accepted):
    mock = launch_mock("--windows", windows)

    def taken_in_one_window():
        now_ms = int(time.time() * 1000)
        codes = {off: code_of(mock.post(BALANCE, {}, now_ms=now_ms + off * 30_000)) for off in range(-4, 5)}
        return codes if int(time.time() * 1000) // 30_000 == now_ms // 30_000 else None
    codes = taken_in_one_window() or taken_in_one_window()
    assert [off for off, code in codes.items() if code == 0] == accepted


# --- how often ---

def test_more_requests_than_the_limit_are_answered_429(launch_mock):
    mock = launch_mock("--rate-limit", "3/1h")
    with mock.connect() as client:
        answers = [mock.get(PRICE, sign=False, client=client) for _ in range(4)]
        answers.append(mock.post(BALANCE, {}, client=client))
    assert [answer.status for answer in answers] == [200, 200, 200, 429, 429]
    assert answers[-1].json() == {"code": 429, "message": "too many visits", "data": None}
    assert "more than 3 requests" in refusal(answers[-1])


def test_once_the_time_is_over_requests_are_answered_again(launch_mock):
    mock = launch_mock("--rate-limit", "1/300ms")
    begun = time.monotonic()
    assert mock.get(PRICE, sign=False).status == 200
    statuses = [mock.get(PRICE, sign=False).status]
    while statuses[-1] == 429:
        assert time.monotonic() - begun < DEADLINE_S
        time.sleep(0.02)
        statuses.append(mock.get(PRICE, sign=False).status)
    assert time.monotonic() - begun >= 0.3, statuses


def test_each_address_has_its_own_limit(launch_mock):
    mock = launch_mock("--rate-limit", "1/1h", listen=("127.0.0.1:0", "[::1]:0"))
    assert [mock.get(PRICE, sign=False, index=index).status for index in (0, 1, 0, 1)] == [200, 200, 429, 429]


# --- how late ---

def took_s(mock, path=PRICE):
    begun = time.monotonic()
    assert mock.get(path, sign=False).status == 200
    return time.monotonic() - begun


def test_answers_come_later_by_the_latency(launch_mock):
    assert took_s(launch_mock("--latency", "300ms")) >= 0.3


def test_the_latency_holds_nobody_else_up(launch_mock):
    mock = launch_mock("--latency", "400ms")
    clients = [mock.connect() for _ in range(10)]
    begun = time.monotonic()
    for client in clients:
        client.send(build_request("GET", PRICE))
    assert all(client.read().status == 200 for client in clients)
    assert time.monotonic() - begun < 10 * 0.4
    for client in clients:
        client.close()


def test_the_same_seed_gives_the_same_run(launch_mock):
    def codes(seed):
        mock = launch_mock("--fail", f"{PRICE}=3012:0.5", "--seed", seed)
        with mock.connect() as client:
            return [code_of(mock.get(PRICE, sign=False, client=client)) for _ in range(40)]
    first, again, other = codes("7"), codes("7"), codes("8")
    assert set(first) == {0, 3012}
    assert first == again
    assert first != other


def test_jitter_adds_up_to_as_much_at_random(launch_mock):
    mock = launch_mock("--latency", "50ms", "--jitter", "150ms")
    times = [took_s(mock) for _ in range(8)]
    assert min(times) >= 0.05
    assert max(times) - min(times) > 0.01


def test_a_client_that_leaves_before_its_answer_is_no_trouble(launch_mock):
    mock = launch_mock("--latency", "200ms")
    for _ in range(5):
        with mock.connect() as client:
            client.send(build_request("GET", PRICE))
    assert took_s(mock) >= 0.2


# --- failures ---

def test_a_code_is_answered_with_http_200_its_message_and_nothing_done(launch_mock):
    mock = launch_mock("--fail", f"{PLACE}=3113")
    answer = mock.post(PLACE, {**RESTS, "clOrdId": "never"})
    assert (answer.status, answer.json()) == (200, {"code": 3113, "message": "account-insufficient", "data": None})
    assert refusal(answer) == "rehearsed, as --fail says"
    assert code_of(mock.get("/api/v2/trade/order/orderInfo?clOrdId=never")) == 3103
    mock.wait_for_line("the log says so", lambda line: "3113" in line and "rehearsed" in line)


@pytest.mark.parametrize("code, status, message", [
    ("1401", 200, "unauthorized"), ("401", 200, "signature-failed"), ("6001", 200, "sub-user-operator-business-error"),
    ("3104", 200, "rehearsed failure"), ("http-503", 503, "rehearsed failure"), ("http-429", 429, "too many visits"),
])
def test_codes_and_statuses_are_told_apart(launch_mock, code, status, message):
    answer = launch_mock("--fail", f"*={code}").get(PRICE, sign=False)
    assert answer.status == status
    assert answer.json() == {"code": int(code.removeprefix("http-")), "message": message, "data": None}


def test_a_path_ending_in_a_star_stands_for_all_below_it(launch_mock):
    mock = launch_mock("--fail", "/api/v1/*=http-500", "--fail", f"{BALANCE}=3013")
    assert mock.get(PRICE, sign=False).status == 500
    assert mock.get("/api/v1/market/tickers?x=1", sign=False).status == 500
    assert mock.get(PRICE + ";symbol=btcusdt", sign=False).status == 500
    assert code_of(mock.post(BALANCE, {})) == 3013
    assert code_of(mock.get("/api/trade/order/active")) == 0


@pytest.mark.parametrize("share, least, most", [("25%", 20, 80), ("0", 0, 0), ("1", 200, 200), ("0.9", 160, 199)])
def test_a_share_of_the_requests_fails(launch_mock, share, least, most):
    mock = launch_mock("--fail", f"*=3012:{share}")
    with mock.connect() as client:
        failed = [code_of(mock.get(PRICE, sign=False, client=client)) for _ in range(200)].count(3012)
    assert least <= failed <= most


def test_a_reset_comes_behind_what_was_asked(launch_mock):
    mock = launch_mock("--reset-after-request", PLACE)
    with mock.connect() as client:
        body = b'{"symbol":"BTCUSDT","side":"BUY","ordType":"LIMIT","ordPrice":1,"ordQty":1,"clOrdId":"lost"}'
        client.send(build_request("POST", PLACE, mock.signed(PLACE, body), body))
        assert is_reset(client)
    assert mock.data("GET", "/api/v2/trade/order/orderInfo?clOrdId=lost")[0]["ordStatus"] == "SUBMITTED"
    mock.wait_for_line("the log says so", lambda line: PLACE in line and "reset" in line)


def test_a_reset_can_come_late(launch_mock):
    mock = launch_mock("--reset-after-request", PRICE, "--latency", "200ms")
    begun = time.monotonic()
    with mock.connect() as client:
        client.send(build_request("GET", PRICE))
        assert is_reset(client)
    assert time.monotonic() - begun >= 0.2


def test_a_unix_socket_has_no_resets_and_just_ends(launch_mock, tmp_path):
    mock = launch_mock("--reset-after-request", PRICE, listen=(f"unix:{tmp_path / 'mock.sock'}",))
    with mock.connect() as client:
        client.send(build_request("GET", PRICE))
        assert client.is_closed()
    assert mock.get("/api/v1/market/tickers", sign=False).status == 200


def test_over_tls_a_reset_is_no_end_in_order(launch_mock, tmp_path):
    certificate = tmp_path / "mock.pem"
    mock = launch_mock("--tls", "--write-certificate", certificate, "--reset-after-request", PRICE)
    host, _, port = mock.address.rpartition(":")
    context = ssl.create_default_context(cafile=certificate)
    with context.wrap_socket(socket.create_connection((host, int(port)), 30), server_hostname=host,
                             suppress_ragged_eofs=False) as sock:
        sock.sendall(build_request("GET", PRICE))
        with pytest.raises((ConnectionResetError, ssl.SSLEOFError)):  # an end in order would be b""
            sock.recv(1)


def test_a_stalled_request_is_done_and_never_answered(launch_mock):
    mock = launch_mock("--stall", PLACE)
    with mock.connect() as client:
        body = b'{"symbol":"BTCUSDT","side":"BUY","ordType":"LIMIT","ordPrice":1,"ordQty":1,"clOrdId":"stalled"}'
        client.send(build_request("POST", PLACE, mock.signed(PLACE, body), body))
        client.sock.settimeout(1.5)
        with pytest.raises(TimeoutError):
            client.sock.recv(1)
        assert mock.data("GET", "/api/v2/trade/order/orderInfo?clOrdId=stalled")[0]["ordStatus"] == "SUBMITTED"


def test_a_stalled_connection_is_given_up_once_its_client_left(launch_mock):
    mock = launch_mock("--stall", PRICE)
    with mock.connect() as client:
        client.send(build_request("GET", PRICE))
        mock.wait_for_line("it arrived", lambda line: PRICE in line and "--stall" in line)
        client.sock.shutdown(socket.SHUT_WR)
        assert client.is_closed()


def test_it_ends_while_requests_stall(launch_mock):
    mock = launch_mock("--stall", "*")
    with mock.connect() as client:
        client.send(build_request("GET", PRICE))
        mock.wait_for_line("it arrived", lambda line: PRICE in line and "--stall" in line)
        mock.stop()


def test_garbage_is_html_with_status_200_and_nothing_done(launch_mock):
    mock = launch_mock("--garbage", "*")
    answer = mock.post(PLACE, RESTS)
    assert answer.status == 200
    assert answer.field("Content-Type") == "text/html; charset=utf-8"
    assert answer.body.startswith(b"<!DOCTYPE html>")
    mock.wait_for_line("the log says so", lambda line: PLACE in line and "HTML" in line)


def test_idle_connections_are_closed_and_busy_ones_are_not(launch_mock):
    mock = launch_mock("--close-idle", "2s")
    with mock.connect() as idle, mock.connect() as busy:
        assert mock.get(PRICE, sign=False, client=idle).status == 200
        begun = time.monotonic()
        while time.monotonic() - begun < 2.6:
            assert mock.get(PRICE, sign=False, client=busy).status == 200
            time.sleep(0.1)
        assert idle.is_closed()
        assert mock.get(PRICE, sign=False, client=busy).status == 200


# --- the command line ---

@pytest.mark.parametrize("switch, value, says", [
    ("--ip-whitelist", "localhost", '"localhost" is not an IP address'),
    ("--ip-whitelist", "127.0.0.1,", '"" is not an IP address'),
    ("--ip-whitelist", ",".join(["192.0.2.1"] * 17), "more than 16 addresses"),
    ("--clock-offset", "45", "how far a clock is off"),
    ("--clock-offset", "99999999h", "how far a clock is off"),
    ("--rate-limit", "300", "is not N/DURATION, as in 300/3s"),
    ("--rate-limit", "0/3s", "is not N/DURATION"),
    ("--rate-limit", "3/0s", '"0s" is not a duration'),
    ("--latency", "-1s", '"-1s" is not a duration'),
    ("--latency", "1.5s", '"1.5s" is not a duration'),
    ("--jitter", "ms", '"ms" is not a duration'),
    ("--seed", "x", '"x" is not a whole number'),
    ("--fail", "/api/x", "is not PATH=CODE[:SHARE]"),
    ("--fail", "api/x=1401", '"api/x" is not a path'),
    ("--fail", "/api/*/x=1401", "the * does not stand at the end"),
    ("--fail", "/api/x?y=1401", "leave out parameters, query and blanks"),
    ("--fail", "/api/x=http-99", "neither a code"),
    ("--fail", "/api/x=abc", "neither a code"),
    ("--fail", "/api/x=1401:2", '"2" is not a share'),
    ("--fail", "/api/x=1401:101%", '"101%" is not a share'),
    ("--fail", "/api/x=1401:", '"" is not a share'),
    ("--reset-after-request", "x", '"x" is not a path'),
    ("--stall", "", '"" is not a path'),
    ("--garbage", "/api/**", "the * does not stand at the end"),
    ("--close-idle", "500ms", "whole seconds"),
    ("--close-idle", "0s", "whole seconds"),
    ("--windows", "-1", "is not a number of windows"),
    ("--windows", "1001", "is not a number of windows"),
])
def test_a_bad_value_is_refused_with_the_switch_and_what_it_should_be(env, switch, value, says):
    done = run("mock", "--listen", "127.0.0.1:0", switch, value, env=env)
    assert done.returncode == 2
    assert f"countersign mock: {switch}: " in done.stderr.decode()
    assert says in done.stderr.decode()


def test_more_faults_or_addresses_than_it_keeps_are_refused(env):
    done = run("mock", *["--stall", "*"] * 33, env=env)
    assert done.returncode == 2 and b"more than 32" in done.stderr
    done = run("mock", *["--listen", "127.0.0.1:0"] * 9, env=env)
    assert done.returncode == 2 and b"more than 8" in done.stderr


def test_every_switch_is_in_the_help(env):
    shown = run("mock", "--help", env=env).stdout.decode()
    for switch in ("--ip-whitelist", "--clock-offset", "--rate-limit", "--latency", "--jitter", "--seed", "--fail",
                   "--reset-after-request", "--stall", "--garbage", "--close-idle", "--windows"):
        assert f"\n      {switch} " in shown
