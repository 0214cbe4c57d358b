"""`serve --demo`: a newcomer without a key pastes what is on the screen."""
import json
import re
import subprocess

import pytest

from program import Program, children, environment, is_alive, poll, run

pytestmark = pytest.mark.both

BALANCE = "/api/spot/accountList"


@pytest.fixture
def demo(tmp_path, programs):
    program = Program("serve", "--demo", "--listen", "127.0.0.1:0", "--state-dir", tmp_path / "state",
                      env=environment(tmp_path, COUNTERSIGN_PROXY_ADMIN="127.0.0.1:0"))  # others may run beside this one
    programs.append(program)
    return program


@pytest.fixture
def paste(tmp_path):
    """Runs a line as a shell would; returns what it prints."""
    def run(line):
        done = subprocess.run(line, shell=True, env=environment(tmp_path), capture_output=True, timeout=30, check=False)
        assert done.returncode == 0, (line, done)
        return done.stdout.decode()
    return run


def printed(demo, beginning):
    """The printed command that begins so."""
    pattern = re.compile(rf"^\s*({beginning}.*)$")
    found = demo.wait_for_line(f"a line with {beginning}", lambda line: pattern.match(line))
    return found.group(1).strip()


def test_the_printed_curl_line_gets_a_balance(demo, paste):
    answer = json.loads(paste(printed(demo, "curl ")))
    assert answer["code"] in (0, "0")
    assert {"currency", "balance", "typeName"} <= set(answer["data"][0])


def test_the_printed_log_lines_show_what_was_recorded(demo, paste):
    paste(printed(demo, "curl "))
    show_list = printed(demo, r"\S*countersign log(?! show)")
    show_one = printed(demo, r"\S*countersign log show")
    assert poll("it is listed", lambda: BALANCE in (listed := paste(show_list)) and listed)
    shown = paste(show_one)
    assert BALANCE in shown
    assert "X-CS-SIGN" in shown


def test_an_order_that_is_placed_is_active_and_can_be_cancelled(demo, paste):
    url = re.search(r"http://[\d.:]+", printed(demo, "curl ")).group()

    def ask(method, path, body=None):
        data = f"-H 'Content-Type: application/json' -d '{json.dumps(body)}'" if body else ""
        return json.loads(paste(f"curl -sS -X {method} {data} '{url}{path}'"))
    order = {"symbol": "BTCUSDT", "side": "BUY", "ordType": "LIMIT", "ordPrice": "20000", "ordQty": "0.001",
             "timestamp": 1770742394290, "clOrdId": "demo-1"}
    placed = ask("POST", "/api/trade/order/place", order)
    assert str(placed["code"]) == "0"  # documented: an integer or a string
    number = placed["data"]["ordId"]
    active = "/api/trade/order/active?symbol=BTCUSDT"
    assert str(number) in [str(item["ordId"]) for item in ask("GET", active)["data"]]
    cancelled = ask("POST", "/api/trade/order/cancel", {"symbol": "BTCUSDT", "ordId": number})
    assert cancelled["data"]["state"] == "CANCELED"
    assert str(number) not in [str(item["ordId"]) for item in ask("GET", active)["data"]]


def test_public_data_is_there_as_well(demo, paste):
    url = re.search(r"http://[\d.:]+", printed(demo, "curl ")).group()
    for path in ("/api/v1/market/tickers", "/api/v1/ticker/price", "/api/v1/market/depth/BTCUSDT?depth=5"):
        assert json.loads(paste(f"curl -sS '{url}{path}'"))["code"] in (0, "0")


def test_the_demo_asks_for_no_key_and_uses_none_that_is_there(tmp_path, programs, account, paste):
    """A demo that signed with a real key would be one wrong URL away from a real order."""
    program = Program("serve", "--demo", "--listen", "127.0.0.1:0", "--state-dir", tmp_path / "state", env=environment(
        tmp_path, COINSTORE_API_KEY=account.key, COINSTORE_API_SECRET=account.secret))
    programs.append(program)
    assert json.loads(paste(printed(program, "curl ")))["code"] in (0, "0")
    assert account.key[-4:] not in program.output()


def test_nothing_is_left_running_behind_a_demo(demo):
    printed(demo, "curl ")
    processes = [demo.pid, *children(demo.pid)]
    assert len(processes) >= 2
    demo.stop()
    poll("all processes have ended", lambda: not any(map(is_alive, processes)))


def test_accounts_of_the_users_own_play_no_part_in_the_demo(tmp_path, programs, paste):
    """Were they used, a real key would be sent to the mock exchange under the words `a made-up key`."""
    key = tmp_path / "key"
    key.write_text("11112222333344445555666677778888")
    key.chmod(0o600)
    variables = {f"COUNTERSIGN_ACCOUNT_MAIN_API_{what}": f"file:{key}" for what in ("KEY", "SECRET")}
    demo = Program("serve", "--demo", "--listen", "127.0.0.1:0", "--state-dir", tmp_path / "state",
                   env=environment(tmp_path, **variables))
    programs.append(demo)
    assert json.loads(paste(printed(demo, "curl ")))["code"] in (0, "0")
    assert "1111" not in demo.output()


def test_why_the_mock_exchange_refused_is_on_the_screen(demo, paste):
    url = re.search(r"http://[\d.:]+", printed(demo, "curl ")).group()
    paste(f"curl -sS -X POST -H 'Content-Type: text/plain' -d '{{}}' '{url}{BALANCE}'")
    demo.wait_for_line("the reason", lambda line: "mock exchange" in line and "Content-Type" in line)


def test_a_demo_that_nobody_asks_warns_of_nothing(demo):
    printed(demo, "curl ")
    demo.stop()
    assert "warning" not in demo.output() and "error" not in demo.output()


def test_over_a_unix_socket_the_printed_curl_line_works_as_well(tmp_path, programs, paste):
    demo = Program("serve", "--demo", "--listen", f"unix:{tmp_path}/s", "--state-dir", tmp_path / "state",
                   env=environment(tmp_path))
    programs.append(demo)
    assert json.loads(paste(printed(demo, "curl ")))["code"] in (0, "0")


def test_log_without_a_folder_points_at_the_demos_record(tmp_path, programs):
    demo = Program("serve", "--demo", "--listen", "127.0.0.1:0", env=environment(tmp_path))
    programs.append(demo)
    printed(demo, "curl ")
    done = run("log", env=environment(tmp_path))
    assert done.returncode == 2
    assert f"--state-dir '{tmp_path}/.local/state/countersign/demo'" in done.stderr.decode()
