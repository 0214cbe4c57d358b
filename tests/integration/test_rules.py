"""allow and deny: the first line that matches decides, whatever the spelling, and a refusal says which line it was."""
import re

import pytest

from program import run
from rawhttp import build_request
from rules import with_rules
from test_refusals import ACTIVE, BALANCE, PLACE, WITHDRAW, check_refusal

CANCEL_ALL = "/api/trade/order/cancelAll"
TRANSFER = "/api/v1/future/transfer"


@pytest.fixture
def ruled(start):
    """A proxy whose listener has these lines."""
    return lambda *lines, **keys: start({"listener bot": with_rules(*lines, **keys)})


def status_of(proxy, method, path, fields=()):
    return proxy.request(method, path, fields, b"{}" if method == "POST" else None).status


@pytest.mark.both
def test_the_order_of_the_lines_counts_across_both_kinds(ruled, upstream):
    proxy = ruled("deny = POST /api/trade/order/cancelAll", "allow = * /api/trade/order/c*", "deny = * /api/trade/**",
                  policy="read-only")
    statuses = [status_of(proxy, "POST", path) for path in
                (CANCEL_ALL, "/api/trade/order/cancel", "/api/trade/order/cancelBatch", PLACE, "/api/not/known")]
    assert statuses == [403, 200, 200, 403, 403]
    assert status_of(proxy, "GET", ACTIVE) == 403  # policy read-only would let it pass
    assert status_of(proxy, "POST", BALANCE) == 200
    assert [request.path for request in upstream.requests()] == [
        "/api/trade/order/cancel", "/api/trade/order/cancelBatch", BALANCE]


@pytest.mark.both
def test_a_refusal_by_a_rule_names_the_line_and_how_to_let_it_pass(ruled, upstream):
    proxy = ruled("deny = POST /api/trade/order/cancelAll")
    answer = proxy.request("POST", CANCEL_ALL, [], b"{}")
    check_refusal(proxy, upstream, answer, 403)
    assert answer.error == "rule"
    message = answer.json()["message"]
    assert 'rule "deny POST /api/trade/order/cancelAll" of listener bot (countersign.ini:' in message
    line = int(re.search(r"countersign\.ini:(\d+)", message)[1])
    assert proxy.config_file.read_text().splitlines()[line - 1] == "deny = POST /api/trade/order/cancelAll"
    assert f"`allow = POST {CANCEL_ALL}`" in message
    assert proxy.record(answer.id)["error"] == "rule"


def test_a_refusal_by_policy_names_the_line_that_would_let_it_pass(ruled, upstream):
    proxy = ruled()
    answer = proxy.request("POST", WITHDRAW, [], b"{}")
    check_refusal(proxy, upstream, answer, 403)
    assert answer.error == "policy"
    line = re.search(r"`(allow = POST [^`]+)`", answer.json()["message"])[1]
    proxy.stop()
    assert status_of(ruled(line), "POST", WITHDRAW) == 200


@pytest.mark.both
@pytest.mark.parametrize("rule, passes", [
    ("allow = * /**", False), ("allow = POST /api/fi/v3/asset/*", False), ("allow = POST /api/fi/v3/asset/d*", False),
    (f"allow = POST {WITHDRAW}", True), (f"allow = * {WITHDRAW.lower()}", True), (f"allow = GET {WITHDRAW}", False),
])
def test_moving_funds_passes_by_a_line_that_names_it_alone(ruled, rule, passes):
    answer = ruled(rule).request("POST", WITHDRAW, [], b"{}")
    assert answer.status == (200 if passes else 403)
    if not passes:
        assert answer.error == "policy"
        assert ("does not name it" in answer.json()["message"]) == ("GET" not in rule)


def test_a_star_at_the_end_names_a_transfer(ruled):
    proxy = ruled("allow = POST /api/v1/future/transfer*")
    assert status_of(proxy, "POST", TRANSFER) == 200
    assert status_of(proxy, "POST", TRANSFER + "Out") == 200
    assert status_of(proxy, "POST", WITHDRAW) == 403


SPELLINGS = [
    CANCEL_ALL.upper().replace("/API", "/api"), CANCEL_ALL + "/", CANCEL_ALL + ";x=1", CANCEL_ALL + ".json",
    CANCEL_ALL + "?a=1", CANCEL_ALL.replace("order/", "order//"), CANCEL_ALL.replace("order/", "order/./"),
    CANCEL_ALL.replace("order/", "x/../order/"), CANCEL_ALL.replace("order/", "order%2F"),
    CANCEL_ALL.replace("order/", "order/%2e/"), CANCEL_ALL.replace("cancel", "c%61ncel"),
    CANCEL_ALL.replace("cancel", "c%2561ncel"), CANCEL_ALL.replace("order/", "order;x/"), "/" + CANCEL_ALL,
    "//host" + CANCEL_ALL, CANCEL_ALL + "%00", CANCEL_ALL + "%20", CANCEL_ALL.replace("/order/", "\\order\\"),
    CANCEL_ALL.replace("/trade", "%c0%aftrade"), CANCEL_ALL + "%3fx", CANCEL_ALL + "%23x", "/api/x/..;" + CANCEL_ALL[4:],
    CANCEL_ALL + "/.", CANCEL_ALL + "//",
]


@pytest.mark.both
@pytest.mark.parametrize("policy", ["trade", "all"])
def test_no_spelling_slips_past_a_deny_line(ruled, upstream, policy):
    proxy = ruled(f"deny = POST {CANCEL_ALL}", policy=policy)
    for path in SPELLINGS:
        answer = proxy.request("POST", path, [], b"{}")
        assert (answer.status, answer.outcome) == (403, "refused"), path
        assert answer.error in ("rule", "policy"), path
    assert upstream.everything == []
    assert status_of(proxy, "POST", "/api/trade/order/cancel") == 200


@pytest.mark.both
def test_no_spelling_widens_an_allow_line(ruled, upstream):
    proxy = ruled(f"allow = POST {CANCEL_ALL}", "deny = * /**", policy="all")
    for path in SPELLINGS:
        status_of(proxy, "POST", path)
    # The same path to any router: another case, an escape of a plain character, a query.
    assert [request.target for request in upstream.requests()] == [
        SPELLINGS[0], CANCEL_ALL + "?a=1", CANCEL_ALL.replace("cancel", "c%61ncel")]


def test_a_bare_all_lets_any_spelling_pass(ruled, upstream):
    proxy = ruled(policy="all")
    for path in ("/api/x/%2e%2e/y", "/api/x/../y", "//api/x;y/z"):
        assert status_of(proxy, "GET", path) == 200
    assert len(upstream.requests()) == 3


def test_a_path_that_reads_otherwise_is_told_how_to_be_sent(ruled):
    message = ruled(policy="read-only").request("POST", BALANCE + "/").json()["message"]
    assert f"send it as {BALANCE.lower()}" in message


@pytest.mark.both
@pytest.mark.parametrize("field", ["X-Original-URL", "X-HTTP-Method-Override", "x-rewrite-url"])
def test_a_field_that_names_another_path_or_method_is_refused_unless_all_passes(start, upstream, field):
    fields = [(field, "/api/fi/v3/asset/doWithdraw")]
    proxy = start({"listener bot": {"policy": "trade"}, "listener all": {
        "listen": "127.0.0.1:0", "upstream": "spot", "account": "main", "policy": "all"}})
    answer = proxy.request("POST", BALANCE, fields, b"{}")
    check_refusal(proxy, upstream, answer, 403)
    assert field in answer.json()["message"]
    with proxy.client("all") as client:
        assert client.request("POST", BALANCE, fields, b"{}").status == 200


@pytest.mark.parametrize("method", ["get", "HEAD"])
def test_a_method_in_another_form_does_not_slip_past_a_deny_line(ruled, upstream, method):
    proxy = ruled(f"deny = GET {ACTIVE}")
    assert proxy.request(method, ACTIVE).status == 403
    assert upstream.requests() == []


def test_each_listener_has_its_own_lines(start):
    proxy = start({"listener bot": with_rules(f"deny = POST {PLACE}"), "listener other": {
        "listen": "127.0.0.1:0", "upstream": "spot", "account": "main", **with_rules(f"deny = GET {ACTIVE}")}})
    with proxy.client("other") as other:
        assert [status_of(proxy, "POST", PLACE), status_of(proxy, "GET", ACTIVE)] == [403, 200]
        assert [other.request("POST", PLACE, [], b"{}").status, other.request("GET", ACTIVE).status] == [200, 403]


def test_a_connection_goes_on_after_a_refusal_by_a_rule(ruled):
    with ruled(f"deny = POST {PLACE}").client() as client:
        assert client.exchange(build_request("POST", PLACE, [], b"{}")).status == 403
        assert client.request("GET", ACTIVE).status == 200


@pytest.mark.parametrize("mode", ["observe", "dry-run"])
def test_rules_hold_in_every_mode(ruled, upstream, mode):
    answer = ruled(f"deny = POST {PLACE}", mode=mode).request("POST", PLACE, [], b"{}")
    assert (answer.status, answer.error) == (403, "rule")
    assert upstream.requests() == []


# --- where rules come from ---

def test_flags_come_before_variables_and_those_before_the_file(start):
    proxy = start({"listener bot": with_rules(f"deny = POST {PLACE}", f"deny = GET {ACTIVE}", f"deny = POST {BALANCE}")},
                  "--set", f"listener.bot.allow=POST {PLACE}",
                  env_changes={"COUNTERSIGN_LISTENER_BOT_ALLOW": f"GET {ACTIVE} | POST {CANCEL_ALL}",
                               "COUNTERSIGN_LISTENER_BOT_DENY": f"POST {CANCEL_ALL}"})
    statuses = [status_of(proxy, *request) for request in
                (("POST", PLACE), ("GET", ACTIVE), ("POST", BALANCE), ("POST", CANCEL_ALL))]
    assert statuses == [200, 200, 403, 403]
    message = proxy.request("POST", CANCEL_ALL, [], b"{}").json()["message"]
    assert "(environment COUNTERSIGN_LISTENER_BOT_DENY)" in message


def test_the_start_says_which_rules_are_in_force(ruled):
    proxy = ruled(f"deny = POST {PLACE}", "allow = * /api/v2/public/**")
    event = proxy.wait_for_event("rules", listener="bot")
    assert event["count"] == 2
    assert re.fullmatch(rf"deny POST {PLACE} \(countersign\.ini:\d+\), allow \* /api/v2/public/\*\* \(\S+:\d+\)",
                        event["rules"])


def test_config_show_prints_rules_in_their_order_and_reads_them_back(ruled):
    lines = [f"allow = GET,POST {PLACE}", "deny = * /api/trade/**", "allow = POST /api/v1/future/transfer*"]
    proxy = ruled(*lines)
    shown = proxy.command("config", "show")
    assert "\n".join(lines) in shown.stdout.decode()
    proxy.config_file.write_bytes(shown.stdout)
    assert proxy.command("config", "show").stdout == shown.stdout
    checked = proxy.command("config", "check").stdout.decode()
    assert all(line.replace(" = ", " ", 1) in checked for line in lines)


@pytest.mark.parametrize("lines, number, words", [
    (["deny = POST /trade/order/place"], 0, ["write /api/trade/order/place"]),
    (["deny = post /api/x"], 0, ["capitals"]),
    (["deny = POST /api//x"], 0, ["single slashes"]),
    (["deny = POST /api/x?y=1"], 0, ["query"]),
    (["deny = POST /api/../x"], 0, ["segment .."]),
    (["deny = POST /api/%78"], 0, ["%-escape"]),
    (["allow = /api/x"], 0, ["a method and a path"]),
    (["deny ="], 0, ["a method and a path"]),
    (["allow = * /api/spot/**", "deny = POST /api/spot/accountList"], 1, ["never decides", "* /api/spot/**", "before"]),
    (["deny = * /api/x*", "deny = POST /api/xy"], 1, ["never decides", "leave it out"]),
])
def test_a_line_that_could_never_decide_is_refused_where_it_stands(configure, env, lines, number, words):
    path = configure({"listener bot": with_rules(*lines)})
    done = run("config", "check", "-c", path, env=env)
    assert done.returncode == 2
    said = done.stderr.decode().splitlines()[0]
    line = int(re.search(r"countersign\.ini:(\d+):", said)[1])
    assert path.read_text().splitlines()[line - 1] == lines[number]
    assert all(word in said for word in words), said


def test_a_variable_that_denies_everything_may_stand_before_the_files_lines(start):
    proxy = start({"listener bot": with_rules(f"allow = GET {ACTIVE}")},
                  env_changes={"COUNTERSIGN_LISTENER_BOT_DENY": "* /**"})
    assert status_of(proxy, "GET", ACTIVE) == 403



def test_explain_knows_the_refusal(env):
    done = run("explain", "rule", env=env)
    assert done.returncode == 0
    assert b"allow = METHOD PATH" in done.stdout
