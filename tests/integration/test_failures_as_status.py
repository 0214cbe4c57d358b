"""failures = as-status: an answer that says no with HTTP 200 is given the status that fits, and nothing else of it changes.
Seen by raw sockets, by Python requests and by curl."""
import gzip
import subprocess

import pytest
import requests

import program
from upstream import SUCCESS, http_answer, sends

PLACE = "/api/trade/order/place"
ACTIVE = "/api/trade/order/active"
AS_STATUS = {"listener bot": {"failures": "as-status"}}
ORDER = b'{"symbol":"BTCUSDT","side":"BUY","ordType":"LIMIT","ordPrice":"1","ordQty":"1","timestamp":1}'

# Written from the exchange's documentation of its codes, and RFC 9110's of statuses.
STATUSES = [("401", 401), ("1401", 401), ("3005", 401), ("3012", 403), ("3013", 403), ("3014", 403), ("3015", 403),
            ("6001", 403), ("3111", 409), ("429", 429), ("3103", 422), ("3113", 422), ("3011", 422), ("101040502", 422),
            ("500", 422), ("-1", 422)]
PHRASES = {401: "Unauthorized", 403: "Forbidden", 409: "Conflict", 429: "Too Many Requests"}


def failure(code, quote=""):
    return b'{"code": %s%s%s ,"message":"no","data":null}' % (quote.encode(), code.encode(), quote.encode())


def own(fields):
    return [(name, value) for name, value in fields
            if name.lower() not in ("countersign-exchange", "connection", "content-length")]


@pytest.mark.both
def test_each_code_gets_the_status_that_fits_whether_it_is_a_number_or_a_text(start, upstream):
    proxy = start(AS_STATUS)
    with proxy.client() as client:
        for code, status in STATUSES:
            for quote in ("", '"'):
                upstream.script(PLACE, sends(http_answer(failure(code, quote))))
                answer = client.request("POST", PLACE, [], ORDER)
                assert (answer.status, answer.field("Countersign-Outcome")) == (status, f"api_error {code}"), code
                assert answer.body == failure(code, quote)


def test_by_default_the_status_stays_and_the_outcome_tells(proxy, upstream):
    upstream.script(PLACE, sends(http_answer(failure("1401"))))
    answer = proxy.request("POST", PLACE, [], ORDER)
    assert (answer.status, answer.outcome) == (200, "api_error 1401")


@pytest.mark.both
def test_nothing_but_the_status_line_changes(start, upstream):
    body = gzip.compress(failure("3111"))
    fields = [("server", "x"), ("Content-Encoding", "gzip"), ("Set-Cookie", "a=1"), ("Set-Cookie", "b=2"), ("ETag", '"e"')]
    proxy = start({"listener bot": {"failures": "as-status"}, "listener plain": {
        "listen": "127.0.0.1:0", "upstream": "spot", "account": "main"}})
    upstream.script(PLACE, sends(http_answer(body, fields=fields)))
    changed = proxy.request("POST", PLACE, [], ORDER)
    with proxy.client("plain") as client:
        plain = client.request("POST", PLACE, [], ORDER)
    assert (plain.status, changed.status) == (200, 409)
    assert changed.body == plain.body == body
    assert own(changed.fields) == own(plain.fields)


def test_the_reason_phrase_fits(start, upstream):
    proxy = start(AS_STATUS)
    for code, status in STATUSES:
        upstream.script(PLACE, sends(http_answer(failure(code))))
        line = proxy.request("POST", PLACE, [], ORDER).raw.split(b"\r\n")[0].decode()
        phrase = line.removeprefix(f"HTTP/1.1 {status} ")
        assert phrase == PHRASES.get(status, phrase) and (status != 422 or phrase.startswith("Unprocessable")), line


@pytest.mark.both
def test_the_record_keeps_what_the_exchange_sent_and_what_the_client_got(start, upstream):
    proxy = start(AS_STATUS)
    upstream.script(PLACE, sends(http_answer(failure("1401"))))
    number = proxy.request("POST", PLACE, [], ORDER).id
    record = proxy.record(number)
    assert (record["outcome"], record["apiCode"], record["status"]) == ("api_error", "1401", 401)
    assert proxy.view(number, "upstream-response").startswith(b"HTTP/1.1 200 OK\r\n")
    assert proxy.view(number, "client-response").startswith(b"HTTP/1.1 401 Unauthorized\r\n")
    shown = proxy.command("log", "show", number).stdout.decode()
    assert 'code 1401 "no", in an answer with HTTP 200; the client got HTTP 401' in shown
    assert "HTTP/1.1 200 OK" in shown and "HTTP/1.1 401 Unauthorized" in shown


@pytest.mark.parametrize("status, body, outcome", [
    ("200 OK", SUCCESS, "ok"), ("200 OK", b'{"code":"0"}', "ok"),
    ("400 Bad Request", failure("400"), "api_error 400"), ("500 Internal Server Error", failure("3111"), "api_error 3111"),
    ("429 Too Many Requests", failure("1401"), "api_error 1401"), ("503 Busy", b"<html>", "http_error"),
    ("200 OK", b"<html>", "unknown"),
])
def test_answers_that_are_no_failure_or_say_so_by_their_status_keep_it(start, upstream, status, body, outcome):
    proxy = start(AS_STATUS)
    upstream.script(PLACE, sends(http_answer(body, status)))
    answer = proxy.request("POST", PLACE, [], ORDER)
    assert (answer.status, answer.outcome, answer.body) == (int(status.split()[0]), outcome, body)


def test_a_large_answer_is_given_its_status_too(start, upstream):
    proxy = start(AS_STATUS)
    body = b'{"data":"' + b"x" * (3 << 20) + b'","code":3113,"message":"account-insufficient"}'
    upstream.script(ACTIVE, sends(http_answer(body)))
    answer = proxy.request("GET", ACTIVE)
    assert (answer.status, answer.outcome) == (422, "api_error 3113") and answer.body == body


def test_a_client_that_signs_for_itself_gets_it_too(start, upstream):
    proxy = start({"listener bot": {"failures": "as-status", "mode": "observe"}})
    upstream.script(ACTIVE, sends(http_answer(failure("6001"))))
    assert proxy.request("GET", ACTIVE).status == 403


def test_what_the_proxy_itself_refuses_is_as_ever(start):
    proxy = start({"listener bot": {"failures": "as-status", "policy": "read-only"}})
    answer = proxy.request("POST", PLACE, [], ORDER)
    assert (answer.status, answer.field("Countersign-Error")) == (403, "policy")


def test_requests_and_curl_see_the_failure_by_the_status_alone(start, upstream):
    proxy = start(AS_STATUS)
    url = proxy.url().rstrip("/") + PLACE
    upstream.script(PLACE, sends(http_answer(failure("3113"))))
    with requests.Session() as session:
        session.trust_env = False
        answer = session.post(url, data=ORDER, headers={"Content-Type": "application/json"}, timeout=30)
        assert answer.status_code == 422 and answer.content == failure("3113")
        with pytest.raises(requests.HTTPError):
            answer.raise_for_status()
    failed = subprocess.run(["curl", "-sS", "--fail", "-d", ORDER.decode(), url], capture_output=True, timeout=30,
                            env={"PATH": "/usr/bin:/bin"}, check=False)
    assert failed.returncode == 22 and b"422" in failed.stderr
    upstream.script(PLACE, sends(http_answer(SUCCESS)))
    passed = subprocess.run(["curl", "-sS", "--fail", "-d", ORDER.decode(), url], capture_output=True, timeout=30,
                            env={"PATH": "/usr/bin:/bin"}, check=False)
    assert passed.returncode == 0 and passed.stdout == SUCCESS


def test_another_word_is_refused_by_name(configure, env):
    done = program.run("config", "check", "-c", configure({"listener bot": {"failures": "as_status"}}), env=env)
    assert done.returncode == 2 and b"failures" in done.stderr and b"as-status" in done.stderr
