"""countersign explain: the catalogue of causes says what is documented and no more, names what users found, and every
command in it is one of this program's. Beside a failure, `log show` prints the first line."""
import json
import re
import shlex
from types import SimpleNamespace

import pytest

from program import ROOT, run
from terminal import Terminal
from upstream import closes_without_answer, http_answer, sends

BALANCES = "/api/spot/accountList"
WITHDRAW = "/api/fi/v3/asset/doWithdraw"

# The exchange's documentation: code (or status), message, and how many causes it names with it.
DOCUMENTED_CODES = {
    "0": (None, set()),
    "200": (None, set()),
    "401": ("signature-failed", {"wrong-key", "sub-account-frozen", "sub-account-deleted"}),
    "1401": ("unauthorized", {"ip-not-whitelisted", "signature", "login-expired"}),
    "3005": ("signature error", {"signature"}),
    "3011": ("symbol not found", {"symbol-not-listed"}),
    "3012": (None, {"restricted-pair"}),
    "3013": (None, {"restricted-account"}),
    "3014": (None, {"restricted-sub-account"}),
    "3015": (None, {"restricted-sub-account-pair"}),
    "3103": ("order-not-found", {"no-such-order"}),
    "3111": ("duplicate-order", set()),
    "3113": ("account-insufficient", {"balance-too-small"}),
    "6001": (None, {"sub-account-business"}),
    "101040502": ("request field missing", {"transfer-field"}),
    "102150400": (None, {"transfer-refused"}),
    "102150808": (None, {"transfer-refused"}),
}
UNDOCUMENTED_CODES = {"3104", "3106"}
DOCUMENTED_STATUSES = {
    "http-400": ("invalid request format", {"request-format"}),
    "http-401": ("signature failed: invalid API key", {"wrong-key", "signature"}),
    "http-404": ("service not found", {"service-not-found"}),
    "http-429": ("too many visits", {"rate-per-address", "rate-per-user"}),
    "http-500": ("internal server error", {"exchange-internal"}),
}
# What people who were stuck at 401 and 1401 found, or tried.
FOUND_BY_USERS = {"ip-family", "egress-address", "body-reserialised", "empty-body", "key-white-space", "body-timestamp",
                  "failure-as-http-200", "order-type", "signed-public-call", "no-record"}
# Commands that a build may not have yet; where it has one, what the catalogue says of it is held like all else.
MAY_BE_MISSING = {("doctor",), ("verify",), ("log", "why")}


@pytest.fixture
def explain(env):
    def ask(*words, code=0):
        done = run("explain", *words, env=env)
        assert done.returncode == code, done
        return (done.stdout if code == 0 else done.stderr).decode()
    return ask


@pytest.fixture
def catalogue(explain):
    return [json.loads(line) for line in explain("--json").splitlines()]


def of_kind(catalogue, kind):
    return {entry["name"]: entry for entry in catalogue if entry["kind"] == kind}


def causes(entry, basis=None):
    return {cause["id"] for cause in entry["causes"] if basis in (None, cause["basis"])}


# --- what it says ---

def test_nothing_is_called_documented_but_what_the_documentation_says(catalogue):
    codes = of_kind(catalogue, "code")
    assert set(codes) == set(DOCUMENTED_CODES) | UNDOCUMENTED_CODES
    told = {name: (entry["message"], causes(entry, "documented")) for name, entry in codes.items()
            if entry["basis"] == "documented"}
    assert told == DOCUMENTED_CODES
    statuses = of_kind(catalogue, "http")
    told = {name: (entry["message"], causes(entry, "documented")) for name, entry in statuses.items()
            if entry["basis"] == "documented"}
    assert told == DOCUMENTED_STATUSES
    assert not any(causes(entry, "documented") for entry in catalogue if entry["basis"] != "documented")


@pytest.mark.parametrize("code", sorted(UNDOCUMENTED_CODES))
def test_a_code_that_is_not_documented_says_so(explain, code):
    assert re.search(r"not documented", explain(code), re.IGNORECASE)


@pytest.mark.parametrize("code", ["401", "1401"])
def test_what_users_found_at_401_and_1401_is_there_and_told_apart_from_the_documentation(catalogue, code):
    entry = of_kind(catalogue, "code")[code]
    assert FOUND_BY_USERS <= causes(entry)
    assert causes(entry, "reported") == FOUND_BY_USERS


def test_an_entry_and_a_cause_say_all_that_they_should(catalogue):
    for entry in catalogue:
        assert re.fullmatch(r"[^\n|]+\.", entry["summary"]), entry["name"]
        assert entry["source"].endswith(".")
        assert entry["causes"] or entry["name"] == "0", entry["name"]
        for cause in entry["causes"]:
            assert all(cause[member].endswith((".", "?")) for member in ("text", "tell", "do")), cause
            assert cause["commands"], cause["id"]


def test_a_cause_is_the_same_under_every_entry_and_no_entry_has_its_name(catalogue):
    seen = {}
    names = {entry["name"] for entry in catalogue}
    for entry in catalogue:
        ids = [cause["id"] for cause in entry["causes"]]
        assert len(ids) == len(set(ids)), entry["name"]
        for cause in entry["causes"]:
            said = {member: value for member, value in cause.items() if member != "basis"}
            assert seen.setdefault(cause["id"], said) == said
            assert cause["id"] not in names
    assert len({(entry["kind"], entry["name"]) for entry in catalogue}) == len(catalogue)


@pytest.mark.parametrize("words, found", [
    ("whitelist", "ip-not-whitelisted"), ("captive", "captive-portal"), ("Captive Portal", "captive-portal"),
    ("portal", "captive-portal"), ("timestamp", "body-timestamp"), ("white space", "key-white-space"),
    ("WHITE-SPACE", "key-white-space"),
])
def test_the_causes_are_searched_by_all_words_of_their_sentences(explain, catalogue, words, found):
    text = explain(*words.split())
    assert re.search(rf"^{found}\b", text, re.MULTILINE), text
    has = {cause["id"] for entry in catalogue for cause in entry["causes"]
           if all(word in " ".join((cause["id"], cause["text"], cause["tell"], cause["do"])).lower()
                  for word in re.split("[ -]", words.lower()))}
    shown = {line.split()[0] for line in text.splitlines() if line} & {
        cause["id"] for entry in catalogue for cause in entry["causes"]}
    assert shown <= has and found in has
    listed = [json.loads(line) for line in explain("--json", *words.split()).splitlines()]
    assert found in [each.get("cause") for each in listed]


@pytest.mark.parametrize("outcome, said", [
    ("ok", "success"), ("api_error", "not success"), ("http_error", "300 or above"), ("refused", "Nothing was sent"),
    ("not_sent", "safe to try again"), ("not sent", "safe to try again"), ("unknown", "look the order up"),
    ("Dry-Run", "nothing was sent"), ("in_flight", "not ended yet"),
])
def test_outcomes_are_explained(explain, outcome, said):
    name = outcome.lower().replace(" ", "_").replace("-", "_")
    text = explain(outcome)
    assert text.startswith(f"{name} is an outcome") and f"log ls --outcome {name}" in text
    assert said in " ".join(text.split())
    told = json.loads(explain("--json", outcome))
    assert told["outcome"] == name and said in told["meaning"]


# --- this proxy's own errors, against the sources that name them ---

def names_in(path, pattern):
    found = set(re.findall(pattern, (ROOT / "proxy" / path).read_text()))
    assert found, f"{path} has nothing like {pattern}"
    return found


def own_names():
    recorded = set()
    for path in (ROOT / "proxy").glob("exchange/*.c"):
        recorded |= set(re.findall(r'error_name = SLICE_LITERAL\("([^"]+)"\)', path.read_text()))
    failures = names_in("upstream/failure.c", r'\[UPSTREAM_\w+\] = "([\w-]+)"') - {"ok"}
    return (failures | recorded | names_in("exchange/refusal.c", r'\[REFUSAL_\w+\] = \{ \d+, "([\w-]+)"')
            | names_in("exchange/refusal.c", r'set_message\(exchange, "([\w-]+)"')
            | names_in("capture/store_notes.c", r"error_name = '([\w-]+)'"))


def test_every_error_that_this_proxy_names_is_explained_and_no_other(catalogue):
    assert set(of_kind(catalogue, "countersign")) == own_names()


def test_every_status_that_this_proxy_answers_with_is_explained(catalogue):
    lines = (ROOT / "proxy" / "exchange" / "refusal.c").read_text().splitlines()
    answered = names_in("exchange/refusal.c", r"\[REFUSAL_\w+\] = \{ (\d+),")
    answered |= {status for line in lines if "build_own_answer(" in line for status in re.findall(r"\b5\d\d\b", line)}
    assert {"403", "413", "502", "503", "504"} <= answered
    assert {f"http-{status}" for status in answered} <= set(of_kind(catalogue, "http"))


def test_every_cause_that_doctor_ranks_is_in_the_catalogue(catalogue):
    tables = sorted((ROOT / "proxy" / "doctor").glob("probe_causes*.c"))
    if not tables:
        pytest.skip("no doctor in this build")
    ranked = {cause for path in tables for cause in re.findall(r'^    \{ "([a-z-]+)", "', path.read_text(), re.MULTILINE)}
    assert len(ranked) > 10
    assert ranked <= {cause["id"] for entry in catalogue for cause in entry["causes"]}


# --- the commands in it ---

def quoted_commands(catalogue):
    """Every command line in the catalogue, those within its sentences too."""
    found = set()
    for entry in catalogue:
        texts = [entry["summary"], entry["source"]]
        for cause in entry["causes"]:
            found |= set(cause["commands"])
            texts += [cause["text"], cause["tell"], cause["do"]]
        found |= {command for text in texts for command in re.findall(r"`(countersign [^`]+)`", text)}
    return sorted(found)


@pytest.fixture
def program_help(env):
    known = {}

    def ask(*command):
        if command not in known:
            known[command] = run(*command, "--help", env=env).stdout.decode()
        return known[command]
    return ask


def command_of(words, program_help):
    """The subcommand that the words begin with, as a tuple; None where this build may be without it."""
    command = tuple(words[:2] if words[0] == "log" else words[:1])
    is_known = all(re.search(rf"^  {word}\b", program_help(*command[:depth]), re.MULTILINE)
                   for depth, word in enumerate(command))
    assert is_known or command in MAY_BE_MISSING, f"there is no `countersign {' '.join(command)}`"
    return command if is_known else None


def test_every_command_is_one_of_this_programs_and_so_are_its_options(catalogue, program_help):
    commands = quoted_commands(catalogue)
    assert len(commands) > 30
    for line in commands:
        program, *words = shlex.split(line)
        assert program == "countersign", line
        command = command_of(words, program_help)
        if command is None:
            continue
        for option in (word for word in words if re.match(r"--?\w", word)):
            assert re.search(rf"(?<![\w-]){option}\b", program_help(*command)), f"{line}: no {option}"


def test_every_command_that_only_looks_is_taken_as_it_stands(catalogue, proxy, upstream, program_help):
    upstream.script(BALANCES, sends(http_answer(b'{"code":1401,"message":"unauthorized","data":null}')))
    proxy.record(proxy.request("POST", BALANCES).id)
    for line in quoted_commands(catalogue):
        words = shlex.split(line)[1:]
        if words[0] not in ("log", "config", "sign", "verify") or command_of(words, program_help) is None:
            continue
        done = proxy.command(*[{"A": "1", "B": "1", "FILE": "/nonexistent"}.get(word, word) for word in words])
        assert b"Try `countersign" not in done.stderr, f"{line}: {done.stderr.decode()}"
        assert done.returncode in (0, 1, 2), line


# --- how it is asked ---

@pytest.mark.parametrize("words, entries", [
    (["1401"], ["1401"]), (["401"], ["401", "http-401"]), (["code", "401"], ["401"]), (["http", "401"], ["http-401"]),
    (["429"], ["http-429"]), (["http-429"], ["http-429"]), (["http 429"], ["http-429"]), (["HTTP", "429"], ["http-429"]),
    (["signature-failed"], ["401"]), (["signature", "failed"], ["401"]), (["401 signature-failed"], ["401"]),
    (["1401 Unauthorized"], ["1401"]), (["Unauthorized"], ["1401"]), (["api_error 1401"], ["1401"]),
    (["Countersign-Error: policy"], ["policy"]), (["connect"], ["connect"]), (["timeout"], ["timeout"]),
    (["symbol not found"], ["3011"]), (["too", "many", "visits"], ["http-429"]), (["insufficient"], ["3113"]),
    (["not", "found"], ["3011", "3103", "http-404"]),
])
def test_an_entry_is_found_by_its_code_its_name_and_its_message(explain, words, entries):
    assert [json.loads(line)["name"] for line in explain("--json", *words).splitlines()] == entries


def test_a_cause_is_found_by_its_id_with_the_entries_that_name_it(explain, catalogue):
    (line,) = explain("--json", "ip-family").splitlines()
    found = json.loads(line)
    assert found["cause"] == "ip-family"
    assert found["of"] == [entry["name"] for entry in catalogue if "ip-family" in causes(entry)]
    text = explain("ip-family")
    assert "ip-family" in text and "1401" in text and "countersign log why" in text


@pytest.mark.parametrize("word, meant", [("1402", "1401"), ("polcy", "policy"), ("signature-faild", "signature-failed"),
                                         ("ip-famly", "ip-family"), ("98765432123456", None)])
def test_what_is_not_there_is_told_so_with_what_was_meant(explain, word, meant):
    said = explain(word, code=2)
    assert f"`{word}` is not in the catalogue" in said and "`countersign explain`" in said
    assert (f"did you mean `{meant}`?" in said) == (meant is not None)
    assert ("did you mean" in said) == (meant is not None)


@pytest.mark.parametrize("arguments", [["--nonsense"], ["--color"], ["--color", "red"], ["x" * 300]], ids=" ".join)
def test_a_wrong_command_line_is_told_so(explain, arguments):
    assert "countersign explain --help" in explain(*arguments, code=2)


def test_without_an_argument_every_entry_has_its_line(explain, catalogue):
    lines = explain().splitlines()
    for entry in catalogue:
        assert sum(line.split() == [entry["name"], *entry["summary"].split()] for line in lines) == 1, entry["name"]


def test_an_entry_shows_its_causes_in_order_with_whole_commands(explain, catalogue):
    text = explain("1401")
    entry = of_kind(catalogue, "code")["1401"]
    assert text.splitlines()[:2] == ["1401 unauthorized", entry["summary"]]
    places = [text.index(f". {cause['id']} (") for cause in entry["causes"]]
    assert places == sorted(places)
    shown = [line.strip() for line in text.splitlines()]
    assert all(command in shown for cause in entry["causes"] for command in cause["commands"])


def test_several_that_fit_are_listed(explain):
    lines = explain("restricted").splitlines()
    assert [line.split()[0] for line in lines] == ["3012", "3013", "3014", "3015"]


# --- the terminal ---

def on_terminal(env, *arguments, **settings):
    shown = Terminal(SimpleNamespace(env=env, config_file=None), "explain", *arguments, **settings)
    assert shown.code == 0, shown.text
    return shown.text


def plain(text):
    return re.sub(r"\x1b\[\d*m", "", text)


@pytest.mark.parametrize("columns", [50, 80, 200])
def test_prose_is_broken_at_the_terminals_width_and_commands_are_not(env, columns):
    lines = plain(on_terminal(env, "1401", "--no-pager", columns=columns)).splitlines()
    commands = [line for line in lines if line.strip().startswith("countersign ")]
    prose = [line for line in lines if line not in commands]
    assert len(commands) > 10
    titles = [line for line in prose if re.match(r" ?\d+\. ", line)]
    assert max(len(line) for line in prose if line not in titles) <= min(columns, 100)
    assert all(line.rstrip() == line for line in lines)


def test_a_list_has_one_row_of_the_terminal_for_each_entry(env, catalogue):
    lines = plain(on_terminal(env, "--no-pager", columns=60)).splitlines()
    assert max(map(len, lines)) <= 60
    assert sum(line.split(" ")[0] in {entry["name"] for entry in catalogue} for line in lines) == len(catalogue)


def test_colour_is_a_terminals_alone_and_no_color_holds(env, explain):
    assert "\x1b[" in on_terminal(env, "1401", "--no-pager")
    assert "\x1b[" not in on_terminal(env, "1401", "--no-pager", NO_COLOR="1")
    assert "\x1b[" not in explain("1401")
    assert "\x1b[" in explain("1401", "--color", "always")


def test_a_long_entry_goes_through_the_pager_and_a_short_one_does_not(env):
    pager = {"COUNTERSIGN_PAGER": "sed s/^/paged:/"}
    assert "paged:" in on_terminal(env, "1401", rows=24, **pager)
    assert "paged:" not in on_terminal(env, "0", rows=24, **pager)


# --- beside a failure ---

def shown(proxy, number):
    proxy.record(number)
    done = proxy.command("log", "show", number)
    assert done.returncode == 0, done
    return done.stdout.decode()


def meaning(text):
    """The first line of the entry and the command, as `log show` has them; None where it has none."""
    found = re.search(r"^  meaning +(.*)\n +(countersign explain \S+)$", text, re.MULTILINE)
    return found and found.groups()


@pytest.mark.parametrize("answer, name", [
    (sends(http_answer(b'{"code":1401,"message":"unauthorized","data":null}')), "1401"),
    (sends(http_answer(b'{"code":"3113","msg":"account-insufficient"}')), "3113"),
    (sends(http_answer(b"slow down", "429 Too Many Requests", ())), "http-429"),
    (sends(http_answer(b"<html>log in</html>")), "no-code"),
    (closes_without_answer, "lost"),
], ids=["1401", "3113", "429", "captive portal", "lost"])
def test_log_show_has_the_first_line_beside_a_failure(proxy, upstream, catalogue, answer, name):
    upstream.script(BALANCES, answer)
    number = proxy.request("POST", BALANCES).id
    summary = next(entry["summary"] for entry in catalogue if entry["name"] == name)
    assert meaning(shown(proxy, number)) == (summary, f"countersign explain {name}")


def test_log_show_has_it_beside_a_refusal_of_this_proxy(proxy, catalogue):
    number = proxy.request("POST", WITHDRAW).id
    assert meaning(shown(proxy, number)) == (of_kind(catalogue, "countersign")["policy"]["summary"],
                                             "countersign explain policy")


@pytest.mark.parametrize("body", [b'{"code":0,"data":[]}', b'{"code":987654,"message":"new"}'],
                         ids=["a success", "a code that nobody knows"])
def test_log_show_has_no_meaning_where_none_is_known(proxy, upstream, body):
    upstream.script(BALANCES, sends(http_answer(body)))
    assert meaning(shown(proxy, proxy.request("POST", BALANCES).id)) is None
