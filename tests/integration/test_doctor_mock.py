"""`countersign doctor` against `countersign mock`: what its users are to rehearse, and what the exchange documents."""
import pytest

from held_port import HeldPort
from mock_exchange import MockExchange
from program import environment, run
from test_doctor import MOST_REQUESTS, Diagnosis, keeps_its_word


@pytest.fixture
def mock(programs, env):
    """Starts a mock on loopback addresses; its switches."""
    def start(*switches, listen=("127.0.0.1:0",)):
        programs.append(MockExchange(*switches, env=env, listen=listen))
        return programs[-1]
    return start


@pytest.fixture
def doctor(configure, tmp_path, account, programs):
    """Runs `countersign doctor --json` against what listens at an address."""
    def examine(address, key=account.key, secret=account.secret, **upstream):
        config = configure({"upstream spot": {"url": f"http://{address}", "ca_file": "", **upstream}})
        env = environment(tmp_path, COINSTORE_API_KEY=key, COINSTORE_API_SECRET=secret)
        done = run("doctor", "-c", config, "--json", "--timeout", 5, env=env)
        found = Diagnosis(done)
        keeps_its_word([], {key, secret, account.key, account.secret}, found.output)
        assert found.verdict["requests"] <= MOST_REQUESTS
        return found
    return examine


@pytest.fixture
def other(account):
    return account.secret[::-1]


def test_a_mock_that_runs_well(doctor, mock):
    found = doctor(mock().address)
    assert (found.code, found.verdict["verdict"]) == (0, "well"), found.output


def test_what_the_mock_answered_is_what_is_told(doctor, mock):
    exchange = mock("--log-format", "json")
    told = doctor(exchange.address).verdict["requests"]
    exchange.stop()
    asked = [line for line in exchange.lines if "/api/" in line and line.startswith("{")]
    assert len(asked) == told
    assert all("/api/v1/ticker/price" in line or "/api/spot/accountList" in line for line in asked)


def test_no_mock(doctor):
    with HeldPort() as deserted:
        found = doctor(f"127.0.0.1:{deserted.port}").names("nobody-listens")
    assert f"127.0.0.1:{deserted.port}" in found.verdict["sentence"]


def test_a_wrong_secret(doctor, mock, other):
    found = doctor(mock().address, secret=other).names("wrong-secret")
    assert found.standing("wrong-key") == "ruled out"


def test_a_wrong_key(doctor, mock, other):
    doctor(mock().address, key=other).names("wrong-key")


@pytest.mark.parametrize("offset", ["45s", "-45s"])
def test_a_clock_that_is_45_seconds_off(doctor, mock, offset):
    found = doctor(mock("--clock-offset", offset).address).names("clock")
    assert found.status("clock") == "failed"
    said = found.check("clock")["says"]
    assert ("behind" in said) == (offset == "45s")
    assert 44.5 < float(said.split(" clock is ")[1].split(" s ")[0]) < 45.5


def test_a_clock_that_is_minutes_off_is_shown_by_the_exchanges_time(doctor, mock):
    found = doctor(mock("--clock-offset", "5m").address).names("clock")
    assert found.check("their-time")["code"] == "0"


def test_a_captive_portal_that_answers_html(doctor, mock):
    found = doctor(mock("--garbage", "*").address).names("captive-portal")
    assert all(check["check"] != "signed" for check in found.checks)


def test_a_whitelist_that_does_not_hold_the_address(doctor, mock):
    found = doctor(mock("--ip-whitelist", "192.0.2.1").address)
    assert found.code == 1
    assert found.standing("ip-not-whitelisted") == "likely"
    assert found.standing("clock") == "ruled out"


@pytest.mark.parametrize("held, address, missing", [("ipv4", "127.0.0.1", "ipv6"), ("ipv6", "::1", "ipv4")])
def test_a_whitelist_of_one_family_on_a_dual_stack_loopback(doctor, dual_stack, held, address, missing):
    """By name, as the exchange is: localhost has both addresses."""
    found = doctor("", **dual_stack("--ip-whitelist", address)).names("ip-family")
    assert (found.status("signed", held), found.status("signed", missing)) == ("ok", "failed")
    assert (found.status("public", held), found.status("public", missing)) == ("ok", "ok")


def test_a_failure_with_a_code_of_another_kind(doctor, mock):
    found = doctor(mock("--fail", "/api/spot/accountList=6001").address).names("sub-account-business")
    assert found.verdict["code"] == "6001"


def test_an_exchange_that_never_answers(doctor, mock):
    found = doctor(mock("--stall", "*").address)
    assert (found.code, found.verdict["verdict"]) == (2, "unclear")
    assert found.standing("slow-exchange") == "possible"
