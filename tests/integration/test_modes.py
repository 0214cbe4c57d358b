"""Modes of a listener: `observe` passes on what clients signed themselves, `dry-run` sends nothing, and in every mode the
client's own signature is checked in passing. What is right is decided by coinstore.py."""
import base64
import os
import signal
import socket
import time

import pytest

import coinstore
import store
from program import is_alive, poll
from rawhttp import build_request, chunked, parse_fields
from test_http2 import Http2Exchange
from upstream import closes_without_answer, now_ms, succeeds

ACTIVE = "/api/trade/order/active"
PLACE = "/api/trade/order/place"
BALANCE = "/api/spot/accountList"
TICKERS = "/api/v1/market/tickers"
WITHDRAW = "/api/fi/v3/asset/doWithdraw"
ORDER = b'{"symbol": "BTCUSDT", "ordPrice": 9.1E-10, "ordId": 11594964764657880}'
OBSERVE = {"listener bot": {"mode": "observe"}}
DRY_RUN = {"listener bot": {"mode": "dry-run"}}
MARGIN_MS = 3000  # a test's requests are in the window that it took them to be in


@pytest.fixture
def observing(start):
    return start(OBSERVE)


@pytest.fixture
def dry(start):
    return start({**DRY_RUN, "upstream spot": {"warm": 2}})


def within_a_window():
    """Now, with time left until the window turns."""
    left = coinstore.WINDOW_MS - now_ms() % coinstore.WINDOW_MS
    if left < MARGIN_MS:
        time.sleep(left / 1000)
    return now_ms()


def signed(account, target, body=b"", expires=None):
    expires = within_a_window() if expires is None else expires
    return coinstore.signature_fields(account.key, account.secret, expires, target.encode(), body)


def replaced(fields, name, *values):
    """The field's value changed; without one the field left out, with two the field twice."""
    return [pair for given, value in fields
            for pair in ([(given, changed) for changed in values] if given == name else [(given, value)])]


# --- observe ---

def odd_fields(account):
    key, sign, expires = signed(account, f"{ACTIVE}?symbol=btcusdt&a=%2f")
    return [("x-cs-sign", sign[1]), ("X-Odd", "1"), ("X-CS-Expires", expires[1]), ("accept", "*/*"), ("x-odd", "2"),
            ("X-CS-APIKEY", key[1]), ("X-CS-OTHER", "its own"), ("X-Odd", "1")]


BINARY = bytes(range(256)) * 16
OBSERVED = {
    "GET, odd case, order and repetition": lambda a: build_request("GET", f"{ACTIVE}?symbol=btcusdt&a=%2f", odd_fields(a)),
    "POST": lambda a: build_request("POST", f"{PLACE}?n=1", [*signed(a, f"{PLACE}?n=1", ORDER),
                                                             ("content-type", "Application/JSON")], ORDER),
    "POST, its length first": lambda a: build_request("POST", PLACE, [("content-length", str(len(ORDER))),
                                                                      *signed(a, PLACE, ORDER)]) + ORDER,
    "POST without a body": lambda a: build_request("POST", BALANCE, signed(a, BALANCE)),
    "POST of length 0": lambda a: build_request("POST", BALANCE, [("Content-Length", "0"), *signed(a, BALANCE)]),
    "POST of bytes that are no text": lambda a: build_request("POST", PLACE, signed(a, PLACE, BINARY), BINARY),
    "DELETE": lambda a: build_request("DELETE", PLACE, signed(a, PLACE)),
    "PUT": lambda a: build_request("PUT", PLACE, signed(a, PLACE, b"x=1"), b"x=1"),
}


@pytest.mark.parametrize("kind", OBSERVED)
def test_observe_passes_a_signed_request_byte_for_byte(observing, upstream, account, kind):
    raw = OBSERVED[kind](account)
    with observing.client() as client:
        answer = client.exchange(raw)
    request = upstream.only_request()
    assert request.raw == raw.replace(b"Host: localhost\r\n", f"Host: {upstream.host}\r\n".encode(), 1)
    assert answer.status == 200
    record = observing.record(answer.id)
    assert (record["clientSignature"], record["signing"], record["account"]) == ("right", None, "main")
    assert record["apiKeyMasked"] == account.masked
    masked = request.raw.replace(account.key.encode(), account.masked.encode()).replace(b"its own", b"*" * 7)
    assert observing.view(answer.id, "upstream-request") == masked


def test_observe_adds_nothing_to_what_is_not_signed(observing, upstream):
    with observing.client() as client:
        answer = client.exchange(build_request("POST", BALANCE))
    assert upstream.only_request().raw == build_request("POST", BALANCE, host=upstream.host)
    assert answer.outcome == "api_error 1401"
    record = observing.record(answer.id)
    assert (record["clientSignature"], record["account"], record["apiKeyMasked"]) == ("none", None, None)


def test_observe_passes_a_chunked_body_with_a_length(observing, upstream, account):
    head = build_request("POST", PLACE, [*signed(account, PLACE, ORDER), ("Transfer-Encoding", "chunked")])
    with observing.client() as client:
        answer = client.exchange(head + chunked(ORDER[:10], ORDER[10:]))
    assert (upstream.only_request().body, upstream.only_request().verdict) == (ORDER, coinstore.ACCEPTED)
    assert observing.record(answer.id)["clientSignature"] == "right"


def test_observe_leaves_out_what_belongs_to_one_connection(observing, upstream, account):
    fields = signed(account, ACTIVE)
    observing.request("GET", ACTIVE, [("Connection", "keep-alive, X-Private"), ("X-Private", "1"), *fields])
    assert upstream.only_request().raw == build_request("GET", ACTIVE, fields, host=upstream.host)


def test_a_get_that_is_observed_is_sent_again_as_it_was(observing, upstream, account):
    upstream.script(ACTIVE, succeeds, closes_without_answer, succeeds)
    fields = signed(account, ACTIVE)
    assert [observing.request("GET", ACTIVE, fields).outcome for _ in range(2)] == ["ok", "ok"]
    assert {request.raw for request in upstream.requests()} == {build_request("GET", ACTIVE, fields, host=upstream.host)}


@pytest.mark.parametrize("mode", ["sign", "observe", "dry-run"])
def test_a_policy_holds_in_every_mode(start, upstream, account, mode):
    proxy = start({"listener bot": {"mode": mode}})
    answer = proxy.request("POST", WITHDRAW, signed(account, WITHDRAW, b"{}"), b"{}")
    assert (answer.status, answer.outcome, answer.error) == (403, "refused", "policy")
    assert upstream.requests() == []
    assert proxy.record(answer.id)["clientSignature"] == "right"


# --- the check ---

def wrong_character(fields):
    return replaced(fields, "X-CS-SIGN", fields[1][1][:-1] + ("0" if fields[1][1][-1] != "0" else "1"))


VERDICTS = {
    "right": ("right", lambda a: signed(a, PLACE, ORDER)),
    "right, of the window before": ("right", lambda a: signed(a, PLACE, ORDER, within_a_window() - 30_000)),
    "another character": ("wrong", lambda a: wrong_character(signed(a, PLACE, ORDER))),
    "upper case": ("wrong", lambda a: replaced(signed(a, PLACE, ORDER), "X-CS-SIGN",
                                               signed(a, PLACE, ORDER)[1][1].upper())),
    "another length": ("wrong", lambda a: replaced(signed(a, PLACE, ORDER), "X-CS-SIGN", "f" * 63)),
    "signed for the compact body": ("wrong", lambda a: signed(a, PLACE, ORDER.replace(b" ", b""))),
    "signed for an empty body": ("wrong", lambda a: signed(a, PLACE)),
    "expires moved by a window": ("wrong", lambda a: replaced(signed(a, PLACE, ORDER), "X-CS-EXPIRES",
                                                             str(within_a_window() - 30_000))),
    "another key": ("other_key", lambda a: replaced(signed(a, PLACE, ORDER), "X-CS-APIKEY", a.key[::-1])),
    "another key's beginning": ("other_key", lambda a: replaced(signed(a, PLACE, ORDER), "X-CS-APIKEY", a.key[:8])),
    "no signature": ("none", lambda a: replaced(signed(a, PLACE, ORDER), "X-CS-SIGN")),
    "nothing": ("none", lambda a: []),
    "no expires": ("unreadable", lambda a: replaced(signed(a, PLACE, ORDER), "X-CS-EXPIRES")),
    "an expires that is no number": ("unreadable", lambda a: replaced(signed(a, PLACE, ORDER), "X-CS-EXPIRES",
                                                                     "1770742394290.5")),
    "an expires beyond every time": ("unreadable", lambda a: replaced(signed(a, PLACE, ORDER), "X-CS-EXPIRES",
                                                                     "9" * 19)),
    "no key": ("unreadable", lambda a: replaced(signed(a, PLACE, ORDER), "X-CS-APIKEY")),
    "two signatures": ("unreadable", lambda a: replaced(signed(a, PLACE, ORDER), "X-CS-SIGN",
                                                        signed(a, PLACE, ORDER)[1][1], "f" * 64)),
    "an hour old": ("unknown", lambda a: signed(a, PLACE, ORDER, now_ms() - 3_600_000)),
    "seconds": ("unknown", lambda a: signed(a, PLACE, ORDER, now_ms() // 1000)),
}


@pytest.mark.parametrize("mode", ["sign", "observe"])
def test_the_clients_own_signature_is_judged_as_it_came(start, upstream, account, mode):
    """All verdicts through one proxy; none of them stops a request."""
    proxy = start({"listener bot": {"mode": mode}})
    for name, (verdict, make) in VERDICTS.items():
        fields = make(account)
        answer = proxy.request("POST", PLACE, fields, ORDER)
        assert answer.error is None, name
        assert proxy.record(answer.id)["clientSignature"] == verdict, name
        sent = upstream.requests()[-1]
        if mode == "sign":
            assert sent.verdict == coinstore.ACCEPTED, name
            continue
        assert [field for field in sent.fields if field[0].startswith("X-CS-")] == fields, name
        assert (sent.verdict == coinstore.ACCEPTED) == (verdict == "right"), name


@pytest.mark.slow
@pytest.mark.once
def test_a_right_signature_for_a_window_too_far_away_is_stale(observing, account):
    """The key of the window before the start is at hand for a while after it is too old to sign for."""
    expires = now_ms() - coinstore.WINDOW_MS
    time.sleep((coinstore.WINDOW_MS - now_ms() % coinstore.WINDOW_MS) / 1000)
    answer = observing.request("POST", PLACE, signed(account, PLACE, ORDER, expires), ORDER)
    assert observing.record(answer.id)["clientSignature"] == "stale"


def test_the_signature_is_checked_over_what_the_client_sent_not_over_what_is_added(proxy, upstream, account):
    """An empty POST gets its `{}` here: a client that signed the empty body signed what it sent."""
    answers = [proxy.request("POST", BALANCE, signed(account, BALANCE, body)) for body in (b"", b"{}")]
    assert [proxy.record(answer.id)["clientSignature"] for answer in answers] == ["right", "wrong"]
    assert [(request.body, request.verdict) for request in upstream.requests()] == [(b"{}", coinstore.ACCEPTED)] * 2


def test_what_was_signed_is_recorded_of_an_observed_exchange(observing, state_dir, account):
    fields = wrong_character(signed(account, PLACE, ORDER))
    answer = observing.request("POST", PLACE, fields, ORDER)
    observing.record(answer.id)
    row = store.query(state_dir, "SELECT client_signature, is_signed, account, signature, expires_ms, window "
                                 "FROM exchange WHERE id = ?", answer.id)[0]
    expires = int(fields[2][1])
    assert row == ("wrong", 0, "main", fields[1][1], expires, coinstore.window(expires))


def test_an_observed_exchange_of_another_key_names_no_account(observing, account):
    answer = observing.request("GET", ACTIVE, replaced(signed(account, ACTIVE), "X-CS-APIKEY", "k" * 32))
    record = observing.record(answer.id)
    assert (record["account"], record["apiKeyMasked"]) == (None, None)


def test_the_verdict_is_shown_and_found(observing, account):
    good = observing.request("GET", ACTIVE, signed(account, ACTIVE))
    bad = observing.request("GET", ACTIVE, wrong_character(signed(account, ACTIVE)))
    observing.record(bad.id)
    shown = observing.command("log", "show", bad.id).stdout.decode()
    assert f"own signature: wrong: see `countersign verify {bad.id}`" in shown
    assert "own signature: right" in observing.command("log", "show", good.id).stdout.decode()
    rows = observing.command("log", "ls").stdout.decode().splitlines()
    assert [("own signature wrong" in row) for row in rows if ACTIVE in row] == [False, True]
    for words, ids in {"wrong": [bad.id], "right,wrong": [good.id, bad.id], "stale": []}.items():
        assert [row["id"] for row in observing.log("--client-signature", words)] == ids
    assert observing.log("--client-signature", "wrong")[0]["clientSignature"] == "wrong"


def test_a_difference_of_verdicts_is_one_where_nobody_else_signed(start, account):
    proxy = start({**OBSERVE, "listener signs": {"listen": "127.0.0.1:0", "upstream": "spot", "account": "main"}})
    ids = {}
    for listener in ("bot", "signs"):
        with proxy.client(listener) as client:
            fields = signed(account, ACTIVE)
            ids[listener] = [client.request("GET", ACTIVE, sent).id for sent in (fields, wrong_character(fields))]
            for number in ids[listener]:
                proxy.record(number)
    observed = proxy.command("log", "diff", *ids["bot"])
    assert (observed.returncode, b"own signatures were judged differently" in observed.stdout) == (1, True)
    here_signed = proxy.command("log", "diff", *ids["signs"])
    assert (here_signed.returncode, b"judged differently" in here_signed.stdout) == (0, False)
    assert b"client's own signature" in proxy.command("log", "diff", "--all", *ids["signs"]).stdout


def test_the_log_says_each_kind_of_trouble_once(observing, account):
    wrong = wrong_character(signed(account, ACTIVE))
    other = replaced(signed(account, ACTIVE), "X-CS-APIKEY", "k" * 32)
    answers = [observing.request("GET", ACTIVE, fields) for fields in (wrong, wrong, other, wrong, other)]
    for answer in answers:
        observing.wait_for_event("exchange", id=answer.id)
    told = [(event["client_signature"], event["level"]) for event in observing.events("client-signature")]
    assert told == [("wrong", "warning"), ("other_key", "warning")]
    assert [event["client_signature"] for event in observing.events("exchange")] == [
        "wrong", "wrong", "other_key", "wrong", "other_key"]


@pytest.mark.parametrize("mode, outcome", [("sign", "ok"), ("observe", "api_error"), ("dry-run", "dry_run")])
def test_the_verdict_outlives_a_killed_proxy(start, state_dir, account, mode, outcome):
    changes = {"listener bot": {"mode": mode}}
    proxy = start(changes)
    with store.held(state_dir):
        answer = proxy.request("POST", PLACE, wrong_character(signed(account, PLACE, ORDER)), ORDER)
        child = proxy.proxy_pid
        os.kill(child, signal.SIGKILL)
        proxy.wait()
        poll("the proxy process has ended", lambda: not is_alive(child))
    record = start(changes).record(answer.id)
    assert (record["clientSignature"], record["outcome"]) == ("wrong", outcome)


def test_the_verdict_comes_back_from_an_export(observing, account, tmp_path):
    answer = observing.request("GET", ACTIVE, wrong_character(signed(account, ACTIVE)))
    observing.record(answer.id)
    exported = observing.command("log", "export", "--format", "har", answer.id)
    (tmp_path / "one.har").write_bytes(exported.stdout)
    assert observing.command("log", "import", tmp_path / "one.har").returncode == 0
    assert observing.log("--imported", "--client-signature", "wrong")[0]["target"] == ACTIVE


# --- dry-run ---

def shown_request(answer):
    """The request that a dry run's answer shows: head and body as bytes."""
    data = answer.json()["data"]
    head, body = (base64.b64decode(data[name]) if data[f"{name}Encoding"] == "base64" else data[name].encode()
                  for name in ("head", "body"))
    return head, body


def test_a_dry_run_shows_a_signed_request_and_sends_nothing(dry, upstream, account):
    answer = dry.request("POST", f"{PLACE}?n=1", [("X-Mine", "1")], ORDER)
    head, body = shown_request(answer)
    data = answer.json()["data"]
    assert (data["method"], data["url"]) == ("POST", f"{upstream.url}{PLACE}?n=1")
    assert (body, account.key.encode() in answer.raw) == (ORDER, False)
    whole = [(name, account.key if value == account.masked else value) for name, value in parse_fields(head)]
    assert coinstore.verdict(whole, head.split(b" ")[1], body, account.key, account.secret, now_ms()) == \
        coinstore.ACCEPTED
    assert dry.view(answer.id, "upstream-request") == head + body
    record = dry.record(answer.id)
    assert (record["outcome"], record["connection"], record["attempts"]) == ("dry_run", None, 0)
    assert record["signing"]["signature"] == dict(whole)["X-CS-SIGN"]
    assert record["times"]["sentUs"] is None
    dry.stop()
    assert (upstream.connections, upstream.failed_handshakes) == ([], [])


@pytest.mark.parametrize("method, target, body", [("POST", PLACE, ORDER), ("GET", ACTIVE, None), ("GET", TICKERS, None)])
def test_nothing_that_a_bot_looks_at_calls_a_dry_run_a_success(dry, method, target, body):
    answer = dry.request(method, target, [], body)
    assert answer.status == 403
    assert answer.json()["code"] == 403
    assert "dry run" in answer.json()["message"]
    assert (answer.outcome, answer.error) == ("dry_run", None)


REQUESTS = {
    "GET": build_request("GET", f"{ACTIVE}?symbol=btcusdt&a=%2f&b", [("x-lower", "1"), ("X-UPPER", "2")]),
    "GET with a body": build_request("GET", ACTIVE, [], b'{"b":2}'),
    "GET of what is public": build_request("GET", TICKERS, [("User-Agent", "bot"), ("Accept", "*/*")]),
    "POST": build_request("POST", PLACE, [("Content-Type", "application/json")], ORDER),
    "POST without a body": build_request("POST", BALANCE),
    "POST of length 0": build_request("POST", BALANCE, [("content-length", "0"), ("X-Last", "z")]),
    "POST in chunks": build_request("POST", PLACE, [("Transfer-Encoding", "chunked")]) + chunked(ORDER),
    "POST of bytes that are no text": build_request("POST", PLACE, [], bytes(range(256)) * 512),
    "DELETE": build_request("DELETE", PLACE),
    "PUT": build_request("PUT", PLACE, [("Content-Type", "text/plain")], b"x=1"),
    "HEAD": build_request("HEAD", ACTIVE),
    "an empty field, blanks, repetition": build_request(
        "GET", ACTIVE, [("X-Empty", ""), ("X-Blank", " \t a  b \t"), ("Accept", ""), ("Cookie", "a=b"), ("X-A", "1"),
                        ("x-a", "1"), ("Connection", "X-A, close"), ("Expect", "100-continue")]),
    "bytes beyond ASCII": build_request("GET", f"{ACTIVE}?clOrdId=订单", [("X-Name", "größe")]),
    "bytes that are no UTF-8": build_request("GET", f"{ACTIVE}?clOrdId=@").replace(b"@", b"\xff\xfe"),
    "a signature of its own": build_request("GET", ACTIVE, [("X-CS-SIGN", "f" * 64), ("X-Cs-ApiKey", "own"),
                                                            ("X-CS-EXPIRES", "1")]),
}


def but_for_the_moment(raw):
    """The bytes with this signature's values taken out: they differ from one moment to the next."""
    head, _, body = raw.partition(b"\r\n\r\n")
    lines = [line.split(b": ")[0] if line.lower().startswith((b"x-cs-sign", b"x-cs-expires")) else line
             for line in head.split(b"\r\n")]
    return b"\r\n".join(lines), body


def ask_both(start, changes, requests):
    """Each request to a listener that sends and to one that does not: (name, what left, what would have left)."""
    proxy = start({**changes, "listener dry": {"listen": "127.0.0.1:0", "upstream": "spot", "account": "main",
                                               "mode": "dry-run"}})
    for name, raw in requests.items():
        views = []
        for listener in ("bot", "dry"):
            with proxy.client(listener) as client:
                answer = client.exchange(raw)
            views.append(proxy.view(answer.id, "upstream-request"))
        head_is_shown = raw.startswith(b"HEAD") or b"".join(shown_request(answer)) == views[1]
        assert (answer.outcome, head_is_shown) == ("dry_run", True), name
        yield name, *map(but_for_the_moment, views)


def test_a_dry_runs_request_is_the_one_that_would_have_left(start):
    for name, left, would_have_left in ask_both(start, {}, REQUESTS):
        assert would_have_left == left, name


def test_a_dry_runs_request_over_http_2_is_the_one_that_would_have_left(start, certificate_file):
    kinds = {name: REQUESTS[name] for name in ("GET", "POST", "POST without a body")}
    with Http2Exchange(certificate_file) as exchange:
        for name, left, would_have_left in ask_both(start, {"upstream spot": {"url": exchange.url, "http": "2"}}, kinds):
            assert would_have_left == left, name


@pytest.fixture
def closed_port():
    """One that nobody listens on, held so that nobody will."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        yield sock.getsockname()[1]


@pytest.mark.parametrize("durability", ["process", "power"])
def test_a_dry_run_needs_no_exchange_that_listens(start, closed_port, durability):
    proxy = start({**DRY_RUN, "upstream spot": {"url": f"https://localhost:{closed_port}", "warm": 2},
                   "capture": {"durability": durability}})
    answer = proxy.request("POST", PLACE, [], ORDER)
    assert (answer.outcome, shown_request(answer)[1]) == ("dry_run", ORDER)
    assert "cannot be reached" not in proxy.output()


def test_a_dry_run_is_found_and_told(dry):
    answer = dry.request("POST", PLACE, [], ORDER)
    dry.record(answer.id)
    assert [row["id"] for row in dry.log("--outcome", "dry_run")] == [answer.id]
    assert dry.log("--outcome", "ok,unknown,not_sent") == []
    shown = dry.command("log", "show", answer.id).stdout.decode()
    assert "a dry run: nothing left for the exchange" in shown
    assert "upstream request, as it would have left" in shown
    assert "dry_run" in dry.command("log", "stats").stdout.decode()


@pytest.mark.once
def test_the_largest_body_is_shown_whole(start):
    proxy = start({**DRY_RUN, "proxy": {"body_max": "1MiB"}})
    body = b'{"a": "\\\\b"}\r\n' * (64 * 1024)
    answer = proxy.request("POST", PLACE, [], body)
    assert shown_request(answer)[1] == body
    assert proxy.view(answer.id, "upstream-request").endswith(body)


def test_a_dry_run_refuses_what_cannot_be_sent(dry):
    with dry.client() as client:
        answer = client.exchange(build_request("HEAD", ACTIVE, [], b"{}"))
    assert (answer.status, answer.outcome, answer.error) == (400, "refused", "unsendable")


# --- replayed ---

def test_an_observed_exchange_is_replayed_where_it_is_signed(start, upstream, account):
    proxy = start({**OBSERVE, "listener signs": {"listen": "127.0.0.1:0", "upstream": "spot", "account": "main"}})
    answer = proxy.request("GET", ACTIVE, wrong_character(signed(account, ACTIVE)))
    proxy.record(answer.id)
    refused = proxy.command("log", "replay", answer.id)
    assert (refused.returncode, b"mode observe" in refused.stderr) == (2, True)
    assert len(upstream.requests()) == 1
    assert proxy.command("log", "replay", answer.id, "--to", proxy.address("signs")).returncode == 1
    assert upstream.requests()[-1].verdict == coinstore.ACCEPTED


# --- what is said ---

def test_the_start_names_each_listeners_mode(start):
    other = {"listen": "127.0.0.1:0", "upstream": "spot", "account": "main"}
    proxy = start({"listener watched": {**other, "mode": "observe"}, "listener dry": {**other, "mode": "dry-run"}})
    for listener, mode in {"bot": "sign", "watched": "observe", "dry": "dry-run"}.items():
        event = proxy.wait_for_event("listening", listener=listener)
        assert event["mode"] == mode
        assert f"mode {mode}" in event["message"]


def test_a_flag_decides_the_mode_as_a_file_does(start, upstream):
    assert start({}, "--set", "listener.bot.mode=dry-run").request("GET", ACTIVE).outcome == "dry_run"
    assert upstream.requests() == []
