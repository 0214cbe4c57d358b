"""`countersign policy`: endpoints by class against the exchange's documentation, requests checked against a configuration, and
the tightest rules for what was used: fed back, they let the same traffic pass, and nothing else."""
import json
import os
import re
import signal
import stat

import pytest

from program import poll, run, write_config
from rules import with_rules
from test_refusals import ACTIVE, BALANCE, PLACE, WITHDRAW

# The documentation's endpoints, below its base URL, which ends in /api. `{...}` differs from call to call.
DOCUMENTED = """
public GET  /v1/market/tickers
public GET  /v1/market/depth/{symbol}
public GET  /v1/market/kline/{symbol}
public GET  /v1/market/trade/{symbol}
public GET  /v1/ticker/price
public GET  /v1/ticker/price;symbol=btcusdt,eosusdt
public POST /v2/public/config/spot/symbols
public GET  /configs/public
public GET  /v1/futureQuot/querySnapshot
public GET  /v1/futureQuot/queryCandlestick
read   POST /spot/accountList
read   GET  /trade/order/active
read   GET  /v2/trade/order/active
read   GET  /trade/order/orderInfo
read   GET  /v2/trade/order/orderInfo
read   GET  /trade/match/accountMatches
read   GET  /fi/v1/common/currency
read   POST /fi/v3/asset/deposit/do
read   POST /fi/v3/asset/deposit/record/list
read   POST /fi/v3/asset/withdraw/record/list
read   GET  /v2/trade/order/queryHisMatch
read   GET  /future/queryPosi
read   POST /future/queryAvail
trade  POST /trade/order/place
trade  POST /trade/order/placeBatch
trade  POST /trade/order/cancel
trade  POST /trade/order/cancelBatch
trade  POST /trade/order/cancelBatchByClOrdId
trade  POST /trade/order/cancelAll
trade  POST /trade/orders/del
trade  POST /future/changeLeverage
trade  POST /future/adjustMargin
funds  POST /fi/v3/asset/doWithdraw
funds  POST /fi/v3/asset/cancelWithdraw
funds  POST /v1/future/transfer
"""
ENDPOINTS = [(kind, method, "/api" + path.replace("{symbol}", "BTCUSDT"))
             for kind, method, path in map(str.split, DOCUMENTED.strip().splitlines())]


@pytest.fixture
def check(configure, env):
    """`policy check --json` with these lines in the listener: {path: answer}."""
    def ask(method, *paths, lines=(), policy="trade", code=None):
        path = configure({"listener bot": with_rules(*lines, policy=policy)})
        done = run("policy", "check", "-c", path, "--json", method, *paths, env=env)
        answers = [json.loads(line) for line in done.stdout.decode().splitlines()]
        assert done.returncode == (not all(answer["passes"] for answer in answers)), done
        return {answer["path"]: answer for answer in answers}
    return ask


# --- endpoints ---

@pytest.mark.parametrize("method", ["GET", "POST"])
def test_every_documented_endpoint_has_its_documented_class(check, method):
    expected = {path: kind for kind, own, path in ENDPOINTS if own == method}
    assert {path: answer["class"] for path, answer in check(method, *expected).items()} == expected


def test_the_list_names_every_documented_endpoint_and_no_other(env):
    done = run("policy", "list", "--json", env=env)
    rows = [json.loads(line) for line in done.stdout.decode().splitlines()]
    for kind, method, path in ENDPOINTS:
        globs = [row for row in rows if row["method"] == method and re.fullmatch(
            re.escape(row["path"]).replace(r"/\*\*", "(/.*)?").replace(r"\*", "[^/]*"), path)]
        if "Leverage" in path or "Margin" in path:
            assert not globs  # the documentation names them without their paths
        else:
            assert [row["class"] for row in globs] == [kind], path
    for row in rows:
        assert any(re.fullmatch(re.escape(row["path"]).replace(r"/\*\*", "(/.*)?").replace(r"\*", "[^/]*"), path)
                   for _, _, path in ENDPOINTS), row


def test_another_method_does_not_make_an_order_or_a_withdrawal_something_else(check):
    for method in ("GET", "PUT", "DELETE", "post"):
        answers = check(method, *(path for kind, _, path in ENDPOINTS if kind in ("trade", "funds")
                                  and "Leverage" not in path and "Margin" not in path))
        assert {answer["class"] for answer in answers.values()} == {"trade", "funds"}


def test_the_list_says_what_each_policy_lets_pass(env):
    text = run("policy", "list", env=env).stdout.decode()
    assert re.search(r"^policy read-only +lets pass: public read$", text, re.MULTILINE)
    assert re.search(r"^policy trade +lets pass: public read trade unknown$", text, re.MULTILINE)


# --- check ---

def test_check_says_for_each_listener_which_line_decides(configure, env):
    path = configure({"listener bot": with_rules(f"deny = POST {PLACE}"),
                      "listener other": {"listen": "127.0.0.1:0", "upstream": "spot", "account": "main"}})
    done = run("policy", "check", "-c", path, "POST", PLACE, env=env)
    text = done.stdout.decode()
    assert done.returncode == 1
    line = path.read_text().splitlines().index(f"deny = POST {PLACE}") + 1
    assert f"bot: POST {PLACE} (trade) is refused by `deny = POST {PLACE}` (countersign.ini:{line})" in text
    assert f"other: POST {PLACE} (trade) passes by `policy = trade`" in text
    assert run("policy", "check", "-c", path, "--listener", "other", "POST", PLACE, env=env).returncode == 0


def test_check_gives_the_answer_that_the_proxy_gives(start, check):
    lines = ("allow = POST /api/trade/order/c*", "deny = * /api/trade/**", "deny = GET /api/future/**")
    requests = [("POST", PLACE), ("POST", "/api/trade/order/cancel"), ("POST", BALANCE), ("POST", WITHDRAW),
                ("GET", "/api/future/x"), ("GET", "/api//future/x"), ("GET", "/api/%2e/x"), ("GET", ACTIVE + "/")]
    proxy = start({"listener bot": with_rules(*lines)})
    for method, path in requests:
        answer = proxy.request(method, path, [], b"{}" if method == "POST" else None)
        foretold = check(method, path, lines=lines)[path]
        assert (answer.status == 200) == foretold["passes"], path
        if answer.status != 200:
            assert foretold["message"] in answer.json()["message"]


def test_what_a_terminal_could_act_on_is_escaped(configure, env):
    done = run("policy", "check", "-c", configure(), "GET", "/api/\x1b[31m", env=env)
    assert b"\x1b" not in done.stdout and b"\\x1b" in done.stdout


@pytest.mark.parametrize("arguments, words", [
    (["policy"], "which?"), (["policy", "chek"], "did you mean `check`"), (["policy", "check"], "which request?"),
    (["policy", "check", "POST"], "which request?"), (["policy", "check", "POST", "api/x"], "begins with /"),
    (["policy", "check", "P T", "/x"], "no method"), (["policy", "check", "--listener", "x", "GET", "/x"], "no listener `x`"),
    (["policy", "list", "x"], "what is `x`"), (["policy", "suggest", "--from", "x"], "learned or record"),
    (["policy", "suggest", "--since", "x"], "--since"), (["policy", "suggest", "--from", "learned", "--since", "1h"], "--since"),
])
def test_a_wrong_command_line_is_told_so(env, arguments, words):
    done = run(*arguments, env=env)
    assert done.returncode == 2
    assert words in done.stderr.decode()


@pytest.mark.parametrize("word", [[], ["list"], ["check"], ["suggest"]])
def test_help_is_there(env, word):
    done = run("policy", *word, "--help", env=env)
    assert done.returncode == 0
    assert b"Usage: countersign policy" in done.stdout


# --- suggest ---

TRAFFIC = [("GET", "/api/v1/market/depth/BTCUSDT?depth=5"), ("GET", "/api/v1/market/depth/ETHUSDT"), ("POST", BALANCE),
           ("GET", ACTIVE + "?symbol=BTCUSDT"), ("POST", PLACE), ("POST", "/api/trade/order/cancel"),
           ("GET", "/api/v1/ticker/price;symbol=btcusdt,eosusdt"), ("GET", "/api/future/queryPosi"),
           ("DELETE", "/api/v9/not/documented"), ("HEAD", ACTIVE)]


def replay(proxy, traffic=TRAFFIC):
    return [proxy.request(method, target, [], b"{}" if method == "POST" else None).status for method, target in traffic]


def suggested(proxy, *arguments):
    """The lines of the section that is suggested, comments apart."""
    done = proxy.command("policy", "suggest", *arguments)
    assert done.returncode == 0, done.stderr.decode()
    header, _, section = done.stdout.decode().partition("[listener bot]\n")
    lines = section.splitlines()
    return header, [line for line in lines if not line.startswith("#")], [line for line in lines if line.startswith("#")]


def rules_of(lines):
    policy, *rest = lines
    return policy.removeprefix("policy = "), rest


def wait_for_learned(proxy, state_dir, requests):
    """The file follows what was learned by some seconds."""
    def look():
        done = proxy.command("policy", "suggest", "--from", "learned", "--json")
        rows = [json.loads(line) for line in done.stdout.decode().splitlines()]
        return sum(row["passed"] + row["refused"] for row in rows) >= requests
    poll("what was learned is in the file", look)


@pytest.mark.both
@pytest.mark.parametrize("learn", ["yes", "no"])
def test_what_is_suggested_lets_the_same_pass_and_nothing_else(start, check, learn):
    proxy = start({"listener bot": {"learn": learn}})
    assert replay(proxy) == [200] * len(TRAFFIC)
    proxy.stop()
    header, lines, _ = suggested(proxy)
    policy, rules = rules_of(lines)
    assert f"from {len(TRAFFIC)} requests " in header
    assert ("learned" in header) == (learn == "yes")
    assert replay(start({"listener bot": with_rules(*rules, policy=policy)})) == [200] * len(TRAFFIC)
    # Whatever else there is, is refused.
    used = {re.sub(r"[?;].*|[A-Z]+USDT", "", target) for _, target in TRAFFIC}
    others = [(method, path) for _, method, path in ENDPOINTS if re.sub(r"[?;].*|[A-Z]+USDT", "", path) not in used]
    assert len(others) > 20
    for method, path in [*others, ("POST", ACTIVE), ("GET", PLACE), ("GET", "/api/v9/not/documented"), ("GET", "/")]:
        assert not check(method, path, lines=rules, policy=policy)[path]["passes"], path
    # And without any one of the lines, something that was used would be.
    for line in rules[:-1]:
        rest = [other for other in rules if other != line]
        assert not all(check(method, target, lines=rest, policy=policy)[target]["passes"] for method, target in TRAFFIC)


@pytest.mark.both
def test_what_was_only_refused_stays_a_comment_unless_asked_for(start, check):
    proxy = start({"listener bot": {"learn": "yes"}})
    assert replay(proxy, [("POST", PLACE), ("POST", WITHDRAW)]) == [200, 403]
    proxy.stop()
    _, lines, comments = suggested(proxy)
    policy, rules = rules_of(lines)
    assert not any("doWithdraw" in line for line in rules)
    comment = next(line for line in comments if "doWithdraw" in line)
    assert comment.startswith(f"# allow = POST {WITHDRAW} ; 1 request, all refused: withdraws")
    assert not check("POST", WITHDRAW, lines=rules, policy=policy)[WITHDRAW]["passes"]
    policy, rules = rules_of(suggested(proxy, "--include-refused")[1])
    assert check("POST", WITHDRAW, lines=rules, policy=policy)[WITHDRAW]["passes"]


def test_learning_lets_nothing_pass_that_would_not(start, upstream):
    proxy = start({"listener bot": with_rules(f"deny = POST {PLACE}", learn="yes")})
    assert replay(proxy, [("POST", PLACE), ("POST", WITHDRAW), ("GET", "/api/%2e/x")]) == [403, 403, 403]
    assert upstream.requests() == []


def test_what_no_line_can_name_is_told(start):
    proxy = start({"listener bot": {"learn": "yes", "policy": "all"}})
    assert replay(proxy, [("POST", BALANCE + "/"), ("GET", "/api/%2e/x"), ("FETCH", ACTIVE)]) == [200] * 3
    proxy.stop()
    header, lines, _ = suggested(proxy)
    assert f"POST {BALANCE.lower()}/ ; 1 request" in header.replace("accountList", "accountlist")
    assert f"FETCH {ACTIVE}" in header
    assert "1 request whose path can be read in two ways" in header
    assert not any("FETCH" in line for line in lines)


@pytest.mark.both
def test_what_was_learned_outlives_restarts_and_pruning(start, state_dir):
    keys = {"listener bot": {"learn": "yes"}}
    proxy = start(keys)
    assert replay(proxy, [("POST", PLACE)]) == [200]
    proxy.stop()
    file = state_dir / "learned-0"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    again = start(keys)
    assert replay(again, [("POST", BALANCE), ("POST", PLACE)]) == [200, 200]
    again.stop()
    assert again.command("log", "prune", "--keep-count", "1", "--yes").returncode == 0
    header, lines, _ = suggested(again)
    assert "from 3 requests" in header
    assert [line.split(" ; ")[0] for line in lines] == ["policy = read-only", f"allow = POST {BALANCE}",
                                                        f"allow = POST {PLACE}", "deny = * /**"]
    assert not list(state_dir.glob("learned-*.new"))


def test_what_is_learned_reaches_the_file_while_the_proxy_runs_and_survives_its_death(start, state_dir):
    proxy = start({"listener bot": {"learn": "yes"}})
    assert replay(proxy, [("POST", PLACE)]) == [200]
    wait_for_learned(proxy, state_dir, 1)
    proxy_pid = proxy.proxy_pid
    os.kill(proxy_pid, signal.SIGKILL)
    proxy.wait()
    assert suggested(proxy)[1][1].startswith(f"allow = POST {PLACE}")


def test_two_workers_learn_together(start, state_dir):
    proxy = start({"proxy": {"workers": "2"}, "listener bot": {"learn": "yes"}})
    assert replay(proxy, [("POST", PLACE)] * 8 + [("POST", BALANCE)] * 8) == [200] * 16
    proxy.stop()
    assert "from 16 requests" in suggested(proxy)[0]


def test_the_record_serves_since_a_time_and_each_listener(start):
    proxy = start({"listener other": {"listen": "127.0.0.1:0", "upstream": "spot", "account": "main"}})
    assert replay(proxy, [("POST", PLACE)]) == [200]
    with proxy.client("other") as client:
        assert client.request("POST", BALANCE, [], b"{}").status == 200
    proxy.stop()
    done = proxy.command("policy", "suggest", "--json", "--since", "1h")
    rows = {row["listener"]: row for row in map(json.loads, done.stdout.decode().splitlines())}
    assert {name: [use["path"] for use in row["allow"]] for name, row in rows.items()} == {"bot": [PLACE], "other": [BALANCE]}
    assert rows["bot"]["source"] == "record"
    assert (rows["bot"]["passed"], rows["bot"]["policy"], rows["bot"]["deny"]) == (1, "read-only", "* /**")
    later = proxy.command("policy", "suggest", "--since", "2099-01-01")
    assert later.returncode == 2 and b"no request is known" in later.stderr


def test_without_any_request_there_is_nothing_to_suggest(configure, env, tmp_path):
    done = run("policy", "suggest", "-c", configure(), env=env)
    assert done.returncode == 2
    assert done.stderr


def test_a_learned_file_that_somebody_wrote_into_is_read_with_care(start, state_dir):
    proxy = start({"listener bot": {"learn": "yes"}})
    assert replay(proxy, [("POST", PLACE)]) == [200]
    proxy.stop()
    file = state_dir / "learned-0"
    file.write_bytes(file.read_bytes() + b"use\tbot\tPOST\t/api/\x1b[31m\t1\t0\t1\t2\nnonsense\n\x00\xff" + b"use\tbot\t" * 9)
    assert [line.split(" ; ")[0] for line in suggested(proxy)[1]] == [
        "policy = read-only", f"allow = POST {PLACE}", "deny = * /**"]
    assert replay(start({"listener bot": {"learn": "yes"}}), [("POST", PLACE)]) == [200]
