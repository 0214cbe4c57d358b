"""countersign log: filters, ids, following, the terminal's and the pipe's output, replay. Through the real program."""
import gzip
import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import threading
import time
from contextlib import closing

import pytest

from program import binary, fail_on_sanitizer_report, poll
from rawhttp import DEADLINE_S, build_request
from store import held
from terminal import Terminal
from upstream import closes_without_answer, http_answer, sends, succeeds, waits_for

ACTIVE = "/api/trade/order/active"
PLACE = "/api/trade/order/place"
BALANCES = "/api/spot/accountList"
DEPTH = "/api/v1/market/depth/BTCUSDT"
WITHDRAW = "/api/fi/v3/asset/doWithdraw"
JSON = [("Content-Type", "application/json")]
ORDER = b'{"symbol": "BTCUSDT", "ordPrice": 9.1E-10, "ordId": 11594964764657880}'
REFUSAL = b'{"code":1401,"message":"unauthorized","data":null}'
LATENCY_S = 0.1  # what the line of an ended exchange may take


def listed(proxy, *arguments):
    return [entry["id"] for entry in proxy.log(*arguments)]


def lines_of(done, code=0):
    assert done.returncode == code, done
    return done.stdout.decode().splitlines()


def complaint(done):
    """The one line that a command which cannot be done says."""
    assert done.returncode == 2, done
    assert done.stdout == b""
    (line,) = done.stderr.decode().splitlines()
    return line


# --- filters and ids ---

@pytest.fixture
def six(proxy, upstream):
    """Ids of six exchanges, each another than the others."""
    upstream.script(BALANCES, sends(http_answer(REFUSAL)))
    upstream.script(DEPTH, sends(http_answer(gzip.compress(b'{"code":0,"data":"needle"}'),
                                             fields=[("Content-Encoding", "gzip")])))
    upstream.script("/api/slow", slowly(1.2, succeeds))
    upstream.script("/api/lost", closes_without_answer)
    asked = {
        "ok": ("GET", f"{ACTIVE}?symbol=btcusdt", [], None),
        "refusal": ("POST", BALANCES, JSON, b'{"a":"haystack"}'),
        "compressed": ("GET", DEPTH, [], None),
        "slow": ("GET", "/api/slow", [], None),
        "refused": ("POST", WITHDRAW, JSON, b"{}"),
        "unknown": ("POST", "/api/lost", JSON, b"{}"),
    }
    ids = {name: proxy.request(*request).id for name, request in asked.items()}
    for number in ids.values():
        proxy.record(number)
    return ids


def slowly(seconds, then):
    def behave(request, wire):
        threading.Event().wait(seconds)
        return then(request, wire)
    return behave


FILTERS = [
    (["--method", "get"], {"ok", "compressed", "slow"}),
    (["--path", ACTIVE], {"ok"}),
    (["--path", "/api/*/order/*"], {"ok"}),
    (["--status", "4xx"], {"refused"}),
    (["--status", "500-599"], {"unknown"}),
    (["--status", "403"], {"refused"}),
    (["--code", "1401"], {"refusal"}),
    (["--outcome", "api_error,unknown"], {"refusal", "unknown"}),
    (["--outcome", "refused"], {"refused"}),
    (["--slower-than", "1s"], {"slow"}),
    (["--client", "127.0.0."], {"ok", "refusal", "compressed", "slow", "refused", "unknown"}),
    (["--client", "192.0.2."], set()),
    (["--listener", "bot", "--account", "main", "--method", "POST"], {"refusal", "unknown"}),
    (["--grep", "haystack"], {"refusal"}),
    (["--grep", "needle"], {"compressed"}),
    (["--since", "1h", "--limit", "2"], {"refused", "unknown"}),
    (["--until", "1h"], set()),
    (["--imported"], set()),
]


def test_filters_find_what_fits_and_nothing_else(six, proxy):
    found = [(options, set(listed(proxy, *options))) for options, _ in FILTERS]
    assert found == [(options, {six[name] for name in names}) for options, names in FILTERS]


NAMED = [("last", "unknown"), ("last~1", "refused"), ("last:api_error", "refusal"), ("last:1401", "refusal"),
         ("last:ok~1", "compressed"), ("last:ok~2", "ok")]


def test_an_exchange_can_be_named_by_how_long_ago_it_was(six, proxy):
    shown = [lines_of(proxy.command("log", "show", "--json", word)) for word, _ in NAMED]
    assert [json.loads(line)["id"] for (line,) in shown] == [six[name] for _, name in NAMED]


def test_last_is_the_latest_that_the_filters_find(six, proxy):
    (line,) = lines_of(proxy.command("log", "show", "--json", "--path", DEPTH, "last"))
    assert json.loads(line)["id"] == six["compressed"]


BAD_INPUT = [
    (["--since", "wobble"], ["--since", "wobble", "10m"]),
    (["--status", "4x"], ["--status", "4x", "4xx"]),
    (["--status", "9xx"], ["--status", "9xx", "599"]),
    (["--code", "3011,1401"], ["--code", "3011,1401", "one code"]),
    (["--outcome", "api_eror"], ["--outcome", "did you mean `api_error`"]),
    (["--slower-than", "5"], ["--slower-than", "250ms"]),
    (["--path", "api"], ["--path", "'/api/trade/*'"]),
    (["--method", "GE T"], ["--method", "GE T"]),
    (["--limit", "0"], ["--limit", "`0`"]),
    (["--grep", ""], ["--grep"]),
    (["show", "999999"], ["999999"]),
    (["show", "last~999999"], ["last~999999"]),
    (["show", "last:api_eror"], ["did you mean last:api_error"]),
    (["show", "latest"], ["latest", "last~3"]),
    (["show", "i7"], ["i7"]),
    (["sql", "SELEC 1"], ["SELEC"]),
    (["sql", "DELETE FROM record"], ["SELECT"]),
    (["prune"], ["--keep-days"]),
    (["prune", "--keep-count", "1"], ["--yes"]),
    (["ls", "--store", "/nonexistent/capture.db"], ["/nonexistent/capture.db"]),
    (["ls", "--store", "/nonexistent"], ["there is no record /nonexistent", "the file capture.db", "--store FILE"]),
    (["show", "last", "--store", __file__], [f"{__file__} is no capture store", "the file capture.db"]),
]


def test_bad_input_is_told_in_one_line(six, proxy):
    for arguments, said in BAD_INPUT:
        line = complaint(proxy.command("log", *arguments))
        assert line.startswith("countersign log")
        assert all(part in line for part in said), line


@pytest.mark.parametrize("word, said", [
    ("shwo", "did you mean `show`"), ("7", "log show 7"), ("nonsense", "tail"),
])
def test_a_word_that_is_no_subcommand_is_told_with_what_may_be_meant(proxy, word, said):
    done = proxy.command("log", word)
    assert done.returncode == 2
    assert said in done.stderr.decode()


@pytest.mark.parametrize("command", ["ls", "show", "tail", "stats", "sql", "replay", "prune"])
def test_help_names_every_option_that_the_command_takes(proxy, command):
    text = "\n".join(lines_of(proxy.command("log", command, "--help")))
    assert f"countersign log {command}" in text and "--store" in text
    for option in re.findall(r"--([a-z][a-z-]+)", text):
        done = proxy.command("log", command, f"--{option}", "--help")  # for one with a value, the value
        assert "is not an option here" not in done.stderr.decode(), option


# --- a terminal, and what is none ---

COLOUR = re.compile(r"\x1b\[[0-9;]*m")


@pytest.mark.parametrize("arguments", [
    ["log"], ["log", "show", "last"], ["log", "tail"], ["log", "stats"], ["log", "sql", "SELECT * FROM exchange"],
], ids=" ".join)
def test_a_pipe_gets_no_colour_no_pager_and_everything(six, proxy, arguments):
    done = proxy.command(*arguments)
    assert done.returncode == 0
    assert b"\x1b" not in done.stdout and b"\xe2\x80\xa6" not in done.stdout  # nothing is cut with an ellipsis


@pytest.mark.parametrize("columns", [80, 120])
@pytest.mark.parametrize("arguments", [
    ["log"], ["log", "tail"], ["log", "sql", "SELECT id, method, target, client_request_head FROM exchange"],
], ids=" ".join)
def test_a_terminal_gets_colour_and_columns_that_fit(six, proxy, arguments, columns):
    shown = Terminal(proxy, *arguments, columns=columns)
    assert shown.code == 0
    assert COLOUR.search(shown.text)
    lines = COLOUR.sub("", shown.text).splitlines()
    assert len(lines) == 7  # the titles, and six rows that do not wrap
    assert all(len(line) <= columns for line in lines), shown.text


@pytest.mark.parametrize("variables", [{"NO_COLOR": "1"}, {"TERM": "dumb"}], ids=str)
def test_a_terminal_that_wants_no_colour_gets_none(six, proxy, variables):
    shown = Terminal(proxy, "log", **variables)
    assert shown.code == 0 and "\x1b" not in shown.text


def test_long_output_on_a_terminal_goes_through_the_pager_and_short_output_does_not(six, proxy):
    pager = {"COUNTERSIGN_PAGER": "sed s/^/paged:/", "PAGER": "false"}
    assert Terminal(proxy, "log", rows=7, **pager).text.count("paged:") == 7
    assert "paged:" not in Terminal(proxy, "log", rows=8, **pager).text
    assert "paged:" not in Terminal(proxy, "log", "--no-pager", rows=7, **pager).text


def test_lines_that_wrap_count_as_the_rows_they_take(six, proxy):
    pager = {"COUNTERSIGN_PAGER": "sed s/^/paged:/"}
    lines = len(Terminal(proxy, "log", "show", "last", "--no-pager", columns=400).text.splitlines())
    assert "paged:" not in Terminal(proxy, "log", "show", "last", rows=lines + 2, columns=400, **pager).text
    assert "paged:" in Terminal(proxy, "log", "show", "last", rows=lines + 2, columns=30, **pager).text


@pytest.mark.parametrize("pager", ["", "cat", "no-such-program -x"])
def test_without_a_pager_long_output_is_plain(six, proxy, pager):
    shown = Terminal(proxy, "log", rows=5, COUNTERSIGN_PAGER=pager)
    assert shown.code == 0
    assert len(shown.text.splitlines()) == 7, shown.text


def test_a_pager_that_is_left_early_is_no_failure(six, proxy):
    shown = Terminal(proxy, "log", rows=5, PAGER="head -n 1")
    assert shown.code == 0
    assert len(shown.text.splitlines()) == 1


# --- figures and the user's own queries ---

def test_stats_count_what_is_recorded(six, proxy):
    totals = next(entry for entry in map(json.loads, lines_of(proxy.command("log", "stats", "--json")))
                  if entry["kind"] == "totals")
    assert totals["exchanges"] == 6
    assert {name: count for name, count in totals["outcomes"].items() if count} == {
        "ok": 3, "api_error": 1, "refused": 1, "unknown": 1}


def test_sql_is_tabs_in_a_pipe_and_objects_with_json(six, proxy):
    asked = f"SELECT id, target, 11594964764657880 AS big, NULL AS none FROM exchange WHERE id = {six['ok']}"
    assert lines_of(proxy.command("log", "sql", asked)) == [
        "id\ttarget\tbig\tnone", f"{six['ok']}\t{ACTIVE}?symbol=btcusdt\t11594964764657880\t"]
    (line,) = lines_of(proxy.command("log", "sql", asked, "--json"))
    assert json.loads(line) == {"id": six["ok"], "target": f"{ACTIVE}?symbol=btcusdt", "big": 11594964764657880,
                                "none": None}


def test_sql_without_a_statement_explains_what_there_is_to_ask_for(proxy):
    assert "CREATE VIEW exchange" in proxy.command("log", "sql").stdout.decode()
    schema = [json.loads(line) for line in lines_of(proxy.command("log", "sql", "--json"))]
    assert schema[0]["name"] == "exchange" and schema[0]["sql"].startswith("CREATE VIEW exchange")


def test_a_table_of_too_many_rows_says_what_to_do(six, proxy):
    many = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 100002) SELECT i FROM n"
    shown = Terminal(proxy, "log", "sql", many, columns=300)
    assert (shown.code, shown.text.count("\n")) == (2, 1) and "100000 rows" in shown.text and "LIMIT" in shown.text
    assert len(lines_of(proxy.command("log", "sql", many))) == 100003


# --- prune ---

def test_prune_says_what_would_go_and_goes_on_only_with_yes(six, proxy):
    before = listed(proxy)
    done = proxy.command("log", "prune", "--keep-count", "2", "--dry-run")
    assert done.returncode == 0 and b"4 " in done.stdout
    (plan,) = lines_of(proxy.command("log", "prune", "--keep-count", "2", "--dry-run", "--json"))
    assert json.loads(plan) == {"wouldDelete": 4, "andMore": False}
    shown = Terminal(proxy, "log", "prune", "--keep-count", "2", typed=b"no\n")
    assert "4 " in shown.text and listed(proxy) == before
    assert Terminal(proxy, "log", "prune", "--keep-count", "3", typed=b"yes\n").code == 0
    assert listed(proxy) == before[-3:]
    assert proxy.command("log", "prune", "--keep-count", "2", "--yes").returncode == 0
    assert listed(proxy) == before[-2:]


def test_prune_has_nothing_to_ask_where_nothing_would_go(six, proxy):
    done = proxy.command("log", "prune", "--keep-count", "1000")
    assert done.returncode == 0 and b"nothing to delete" in done.stderr


def test_a_plan_to_prune_counts_imported_exchanges_and_nothing_is_a_plan_too(six, proxy):
    assert proxy.command("log", "import", "--format", "http", "-",
                         stdin=b"GET https://api.coinstore.com/a HTTP/1.1\r\n\r\n").returncode == 0
    for options, plan in [(["--imported"], {"wouldDelete": 1, "andMore": False}),
                          (["--imported", "--keep-count", "2"], {"wouldDelete": 5, "andMore": False}),
                          (["--keep-mib", "1"], {"wouldDelete": 0, "andMore": True}),
                          (["--keep-count", "1000"], {"wouldDelete": 0, "andMore": False})]:
        (line,) = lines_of(proxy.command("log", "prune", *options, "--dry-run", "--json"))
        assert json.loads(line) == plan


def test_prune_waits_for_another_writers_transaction(six, proxy, state_dir):
    with held(state_dir):
        pruning = subprocess.Popen([binary(), "log", "prune", "--keep-count", "2", "--yes", "-c", str(proxy.config_file)],
                                   env=proxy.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        with pytest.raises(subprocess.TimeoutExpired):
            pruning.communicate(timeout=1)
    _, said = pruning.communicate(timeout=DEADLINE_S)
    assert pruning.returncode == 0, said.decode()
    assert len(listed(proxy)) == 2


def test_prune_of_a_store_that_stays_locked_says_so_and_deletes_nothing(six, proxy, state_dir):
    with held(state_dir):
        done = proxy.command("log", "prune", "--keep-count", "2", "--yes")
    assert (done.returncode, done.stdout) == (2, b"")
    (line,) = done.stderr.decode().splitlines()
    assert str(state_dir / "capture.db") in line and "locked" in line
    assert len(listed(proxy)) == 6


def test_show_tells_an_answer_without_a_code_from_one_that_did_not_come(proxy, upstream):
    upstream.script(BALANCES, sends(http_answer(b"<html>a captive portal</html>")))
    upstream.script("/api/lost", closes_without_answer)
    told = {}
    for path in (BALANCES, "/api/lost"):
        number = proxy.request("POST", path, JSON, b"{}").id
        assert proxy.record(number)["outcome"] == "unknown"
        told[path] = lines_of(proxy.command("log", "show", number))[0]
    assert "an answer came, HTTP 200, but it has no code" in told[BALANCES] and "no whole answer" not in told[BALANCES]
    assert "no whole answer came" in told["/api/lost"]


# --- tail ---

class Tail:
    """`log tail -f --json`: the exchanges it prints, each with the moment at which its line was there."""

    def __init__(self, config_file, env, *arguments):
        self.process = subprocess.Popen([binary(), "log", "tail", "-f", "--json", *arguments, "-c", str(config_file)],
                                        env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.lines = []
        self.notes = []
        self.changed = threading.Condition()
        self.threads = [threading.Thread(target=self._read, args=(self.process.stdout, self._take_line)),
                        threading.Thread(target=self._read, args=(self.process.stderr, self.notes.append))]
        for thread in self.threads:
            thread.start()

    @staticmethod
    def _read(stream, take):
        for line in stream:
            take(line.decode())

    def _take_line(self, line):
        now = time.monotonic()
        with self.changed:
            self.lines.append((json.loads(line), now))
            self.changed.notify_all()

    def wait_for(self, number):
        """When the exchange's line was there."""
        def moments():
            return [moment for entry, moment in self.lines if entry["id"] == number]
        with self.changed:
            assert self.changed.wait_for(moments, DEADLINE_S), f"no line for {number}: {self.lines} {self.notes}"
            return moments()[0]

    def ids(self):
        with self.changed:
            return [entry["id"] for entry, _ in self.lines]

    def wait_for_note(self, text):
        poll(f"tail says {text}", lambda: text in "".join(self.notes))

    def stop(self):
        self.process.send_signal(signal.SIGTERM)  # SIGINT is ignored where the runner is in the background
        code = self.process.wait(DEADLINE_S)
        for thread in self.threads:
            thread.join()
        self.process.stdout.close()
        self.process.stderr.close()
        fail_on_sanitizer_report("".join(self.notes))
        return code


@pytest.fixture
def tail():
    tails = []

    def start(proxy, *arguments):
        tails.append(Tail(proxy.config_file, proxy.env, *arguments))
        return tails[-1]
    yield start
    for item in tails:
        if not item.process.stdout.closed:
            item.stop()


@pytest.mark.once
def test_tail_shows_an_exchange_within_100_ms_of_its_answer(proxy, tail):
    following = tail(proxy)
    following.wait_for(proxy.request("GET", ACTIVE).id)
    latencies = []
    for _ in range(20):
        number = proxy.request("GET", ACTIVE).id
        answered = time.monotonic()
        latencies.append(following.wait_for(number) - answered)
    latencies.sort()
    assert latencies[17] < LATENCY_S, latencies  # the machine, which runs other things beside, is granted two


def test_tail_shows_each_exchange_once_when_it_has_ended(proxy, upstream, tail):
    let_go = threading.Event()
    upstream.script(PLACE, waits_for(let_go, succeeds))
    following = tail(proxy)
    answers = []
    order = threading.Thread(target=lambda: answers.append(proxy.request("POST", PLACE, JSON, ORDER).id))
    order.start()
    upstream.wait_for_requests(path=PLACE)
    later = [proxy.request("GET", ACTIVE).id for _ in range(3)]
    for number in later:
        following.wait_for(number)
    assert following.ids() == later  # the order, which has a lower id, has not ended
    let_go.set()
    order.join()
    following.wait_for(answers[0])
    assert answers[0] < later[0]
    following.wait_for(proxy.request("GET", ACTIVE).id)
    assert len(following.ids()) == len(set(following.ids())) == 5


def test_tail_begins_with_the_latest_and_follows_what_fits(six, proxy, upstream, tail):
    following = tail(proxy, "-n", "2", "--outcome", "api_error,refused")
    following.wait_for(six["refused"])
    proxy.request("GET", ACTIVE)
    number = proxy.request("POST", BALANCES, JSON, b"{}").id
    following.wait_for(number)
    assert following.ids() == [six["refusal"], six["refused"], number]


def test_tail_waits_for_a_record_and_goes_on_across_a_restart(start, launch, tail):
    waiting = launch()  # the configuration's file is written; the store may be there or not
    following = tail(waiting)
    waiting.wait_until_ready()
    first = waiting.request("GET", ACTIVE).id
    following.wait_for(first)
    waiting.stop()
    second = start()
    number = second.request("GET", ACTIVE).id
    following.wait_for(number)
    assert following.ids() == [first, number]


def test_tail_goes_on_with_a_new_record_where_the_old_one_is_gone(start, state_dir, tail):
    first = start()
    old = [first.request("GET", ACTIVE).id for _ in range(3)]
    following = tail(first)
    following.wait_for(old[-1])
    first.stop()
    shutil.move(state_dir / "capture.db", state_dir / "elsewhere.db")
    second = start()
    new = [second.request("GET", f"{ACTIVE}?new").id for _ in range(2)]
    poll("both are shown", lambda: [entry["id"] for entry, _ in following.lines if "?new" in entry["target"]] == new)
    following.wait_for_note("is a new record")
    assert len(following.lines) == len(old) + len(new)


def test_tail_waits_where_there_is_no_record_yet(configure, env, start, tail):
    class Settings:
        config_file = configure()
    Settings.env = env
    following = tail(Settings)
    following.wait_for_note("waiting")
    proxy = start()
    following.wait_for(proxy.request("GET", ACTIVE).id)


def test_tail_without_follow_shows_the_latest_ten_and_ends(proxy):
    ids = [proxy.request("GET", ACTIVE).id for _ in range(12)]
    proxy.record(ids[-1])
    shown = [json.loads(line)["id"] for line in lines_of(proxy.command("log", "tail", "--json"))]
    assert shown == ids[-10:]


def test_tail_ends_by_the_signal_as_others_do_and_when_nobody_reads_it(proxy, tail):
    following = tail(proxy)
    following.wait_for(proxy.request("GET", ACTIVE).id)
    assert following.stop() == -signal.SIGTERM
    unread = subprocess.Popen([binary(), "log", "tail", "-f", "-c", str(proxy.config_file)], env=proxy.env,
                              stdout=subprocess.PIPE)
    unread.stdout.readline()
    unread.stdout.close()  # nothing more is written, so no SIGPIPE ends it
    assert unread.wait(DEADLINE_S) in (0, -signal.SIGPIPE)


def test_tail_keeps_on_a_terminal_the_widths_that_its_header_has(proxy, upstream):
    number = proxy.request("GET", DEPTH).id
    proxy.record(number)
    upstream.script(PLACE, sends(http_answer(b'{"code":101040502101040502,"message":"no","data":null}')))
    following = Terminal.begun(proxy, "log", "tail", "-f", columns=80)
    text = ""

    def read_to(count):
        nonlocal text
        while text.count("\n") < count:
            text += os.read(following.primary, 65536).decode()

    read_to(2)  # the header and the first row
    proxy.request("POST", PLACE, JSON, ORDER)
    proxy.request("DELETE", "/api/trade/order/active?" + "symbol=BTCUSDT&" * 9)
    read_to(4)
    following.process.send_signal(signal.SIGTERM)  # SIGINT is ignored where the runner is in the background
    following.end()
    header, *rows = re.sub(r"\x1b\[[0-9;]*m", "", text).splitlines()
    assert [row.split()[0] for row in rows] == ["1", "2", "3"], text
    end = header.index("HTTP") + len("HTTP")
    assert [row[end - 4:end + 1] for row in rows] == [" 200 "] * 3, text
    assert max(map(len, rows)) <= len(header) <= 80, text
    assert "api_error" in text


# --- replay ---

def replay(proxy, number, *arguments):
    return proxy.command("log", "replay", number, "--to", proxy.address(), *arguments)


@pytest.mark.parametrize("raw", [
    build_request("GET", f"{ACTIVE}?b=%2F&a=1", [("x-lower", "1"), ("X-UPPER", "2"), ("Connection", "close")]),
    build_request("POST", BALANCES, JSON, b'{ "n": 9.1E-10, "big": 11594964764657880 }'),
    build_request("POST", BALANCES, JSON, bytes(range(256)) * 8),
    build_request("POST", BALANCES, [*JSON, ("Expect", "100-continue")], b'{"large":true}'),
    build_request("POST", BALANCES),
], ids=["GET", "JSON", "bytes that are no text", "Expect", "no body"])
def test_replay_sends_the_recorded_bytes_once_and_signs_them_afresh(proxy, upstream, raw):
    with proxy.client() as client:
        number = client.exchange(raw).id
    proxy.record(number)
    done = replay(proxy, number)
    assert done.returncode == 0, done.stderr.decode()
    assert done.stdout.startswith(b"Alike")
    first, second = upstream.requests()
    assert (second.line, second.body, second.verdict) == (first.line, first.body, first.verdict)
    assert [field for field in second.fields if not field[0].upper().startswith("X-CS-")] == \
        [field for field in first.fields if not field[0].upper().startswith("X-CS-")]
    assert second.field("X-CS-SIGN") and second.expires >= first.expires
    newest = proxy.log()[-1]["id"]
    assert proxy.view(newest, "client-request") == raw
    assert str(newest) in done.stderr.decode()


def test_replay_shows_how_the_answers_differ(proxy, upstream):
    number = proxy.request("POST", BALANCES, JSON, b"{}").id
    proxy.record(number)
    upstream.script(BALANCES, sends(http_answer(REFUSAL)))
    done = replay(proxy, number, "--json")
    verdict, *findings = (json.loads(line) for line in lines_of(done, code=1))
    assert (verdict["alike"], verdict["a"]["id"]) == (False, str(number))
    assert any(finding["section"] == "answer" and "1401" in json.dumps(finding) for finding in findings)


def test_replay_leaves_out_what_is_masked_in_the_record(proxy, upstream, account):
    number = proxy.request("GET", ACTIVE, [("X-CS-APIKEY", account.key), ("Authorization", "Bearer abc")]).id
    proxy.record(number)
    assert replay(proxy, number).returncode in (0, 1)
    sent = proxy.view(proxy.log()[-1]["id"], "client-request")
    assert b"x-cs-apikey" not in sent.lower() and b"authorization" not in sent.lower()
    assert len(upstream.requests()) == 2


@pytest.mark.parametrize("method, target, body", [
    ("POST", PLACE, ORDER), ("POST", WITHDRAW, b"{}"), ("POST", "/api/not/known", b"{}"),
    ("POST", "/api/trade%2Forder/place", b"{}"),
], ids=["trade", "funds", "unknown", "doubtful"])
def test_replay_of_what_may_do_something_is_refused_without_arm(start, upstream, method, target, body):
    proxy = start({"listener bot": {"policy": "all"}})
    number = proxy.request(method, target, JSON, body).id
    proxy.record(number)
    before = len(upstream.requests())
    line = complaint(replay(proxy, number))
    assert "--arm" in line
    assert len(upstream.requests()) == before
    assert len(proxy.log()) == 1


def test_replay_with_arm_sends_an_order_exactly_once(proxy, upstream):
    number = proxy.request("POST", PLACE, JSON, ORDER).id
    proxy.record(number)
    assert replay(proxy, number, "--arm").returncode == 0
    assert [request.body for request in upstream.requests(PLACE)] == [ORDER, ORDER]


def test_replay_with_arm_asks_on_a_terminal(proxy, upstream):
    number = proxy.request("POST", PLACE, JSON, ORDER).id
    proxy.record(number)
    ask = ["log", "replay", str(number), "--arm", "--to", proxy.address()]
    declined = Terminal(proxy, *ask, typed=b"yes\n")
    assert declined.code == 2 and len(upstream.requests(PLACE)) == 1
    assert Terminal(proxy, *ask, typed=PLACE.encode() + b"\n", PAGER="cat").code in (0, 1)
    assert len(upstream.requests(PLACE)) == 2


def test_replay_never_tries_again_and_says_that_it_was_sent(proxy, upstream):
    number = proxy.request("POST", PLACE, JSON, ORDER).id
    proxy.record(number)
    upstream.script(PLACE, closes_without_answer)
    assert replay(proxy, number, "--arm").returncode == 1
    assert len(upstream.requests(PLACE)) == 2
    assert proxy.log()[-1]["outcome"] == "unknown"


def test_replay_that_is_interrupted_says_that_the_request_left(proxy, upstream):
    number = proxy.request("POST", PLACE, JSON, ORDER).id
    proxy.record(number)
    answer = threading.Event()
    upstream.script(PLACE, waits_for(answer, succeeds))
    # Where the runner is in the background, SIGINT is ignored by what it starts.
    command = ["env", "--default-signal=INT", binary(), "log", "replay", number, "--arm", "--to", proxy.address(), "-c",
               proxy.config_file]
    with subprocess.Popen(list(map(str, command)), env=proxy.env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True) as process:
        poll("the order is out", lambda: len(upstream.requests(PLACE)) == 2)
        process.send_signal(signal.SIGINT)
        said, complaints = process.communicate(timeout=DEADLINE_S)
    answer.set()
    assert (process.returncode, said) == (3, "")
    assert re.fullmatch(r"countersign log replay: it left, .*`countersign log` will have its outcome.*: interrupted .*\n",
                        complaints), complaints
    poll("the order's outcome is there", lambda: proxy.log()[-1]["outcome"] == "ok")


def test_replay_goes_to_the_configured_listener_by_a_unix_socket(start, upstream, tmp_path):
    proxy = start({"listener bot": {"listen": f"unix:{tmp_path}/bot.sock"}})
    number = proxy.request("GET", ACTIVE).id
    proxy.record(number)
    done = proxy.command("log", "replay", number)
    assert done.returncode in (0, 1), done.stderr.decode()
    assert len(upstream.requests()) == 2


def test_replay_takes_the_address_as_serve_prints_it(proxy, upstream):
    number = proxy.request("GET", ACTIVE).id
    proxy.record(number)
    assert proxy.command("log", "replay", number, "--to", f"{proxy.url()}/").returncode == 0
    assert len(upstream.requests()) == 2


@pytest.mark.parametrize("address", ["127.0.0.1:1", "192.0.2.1:80", "unix:/nowhere"])
def test_replay_goes_to_no_address_but_the_recording_proxys(proxy, upstream, address):
    number = proxy.request("GET", ACTIVE).id
    proxy.record(number)
    assert address in complaint(proxy.command("log", "replay", number, "--to", address))
    assert len(upstream.requests()) == 1


def test_replay_finds_the_recording_proxy_whatever_its_port(proxy, upstream):
    number = proxy.request("GET", ACTIVE).id  # the configuration says port 0
    proxy.record(number)
    assert proxy.command("log", "replay", number).returncode == 0
    assert len(upstream.requests()) == 2


def test_replay_without_a_running_proxy_sends_nothing(proxy, upstream):
    number = proxy.request("GET", ACTIVE).id
    proxy.record(number)
    address = proxy.address()
    proxy.stop()
    assert "no proxy is at work" in complaint(proxy.command("log", "replay", number, "--to", address))
    assert len(upstream.requests()) == 1


def test_replay_from_a_copy_of_the_record_sends_nothing(proxy, upstream, state_dir):
    number = proxy.request("GET", ACTIVE).id
    proxy.record(number)
    copy = state_dir / "capture.db.damaged-1770742394"
    with closing(sqlite3.connect(state_dir / "capture.db")) as store, closing(sqlite3.connect(copy)) as other:
        store.backup(other)
    done = proxy.command("log", "replay", number, "--store", copy, "--arm")
    assert str(copy) in done.stderr.decode()
    assert done.returncode == 2
    assert len(upstream.requests()) == 1


def own_http(head, body):
    """An exchange as `log export --format http` writes it."""
    return b"### countersign exchange 1 client-request %d+%d\n" % (len(head), len(body)) + head + body + b"\n"


SMUGGLED = build_request("POST", PLACE, JSON, ORDER)


@pytest.mark.parametrize("head, body", [
    (b"GET /api/v1/market/tickers HTTP/1.1\r\nHost: localhost\r\n\r\n", SMUGGLED),
    (b"GET /api/v1/market/tickers HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n", SMUGGLED),
    (b"GET /api/v1/market/tickers HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n", b"0\r\n\r\n" + SMUGGLED),
    (b"GET /api/v1/market/tickers HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n", b""),
], ids=["no length", "another length", "chunks", "chunks that never end"])
def test_replay_of_an_import_sends_nothing_but_the_one_request_it_tells_of(proxy, upstream, head, body):
    proxy.request("GET", "/api/v1/market/tickers")
    imported = proxy.command("log", "import", "--format", "http", "-", stdin=own_http(head, body))
    assert imported.returncode == 0, imported.stderr.decode()
    assert "cannot be sent again" in complaint(replay(proxy, "i1"))
    assert [request.method for request in upstream.requests()] == ["GET"]


def test_replay_looks_at_the_bytes_and_not_at_what_a_file_says_of_them(proxy, upstream, state_dir):
    """A record whose facts say GET and whose bytes are an order."""
    number = proxy.request("POST", PLACE, JSON, ORDER).id
    proxy.record(number)
    har = json.loads(proxy.command("log", "export", number, "--format", "har").stdout)
    own = har["log"]["entries"][0]["_countersign"]
    own["method"], own["target"] = "GET", "/api/v1/market/tickers"
    done = proxy.command("log", "import", "--format", "har", "-", stdin=json.dumps(har).encode())
    if done.returncode == 0:
        assert "cannot be sent again" in complaint(replay(proxy, "i1"))
    assert len(upstream.requests()) == 1


def test_no_message_drives_a_terminal(proxy):
    hostile = "/api/spot/\x1b[2Jx"
    with proxy.client() as client:
        client.send_what_is_taken(f"GET {hostile} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        number = client.read().id
    proxy.record(number)
    for words in (("replay", number), ("show", "\x1b[2J"), ("ls", "--path", "\x1b[2J"), ("export", "--format", "\x1b[2J", number)):
        done = proxy.command("log", *words)
        assert done.returncode != 0 or words[0] == "ls"
        assert b"\x1b" not in done.stderr, done.stderr
