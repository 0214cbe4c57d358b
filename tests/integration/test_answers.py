"""What the client gets: the exchange's answer as it came, and two fields of the proxy's own."""
import gzip

import pytest

from rawhttp import chunked, parse_fields
from upstream import SUCCESS, http_answer, sends, sends_and_closes, sends_and_ends

ACTIVE = "/api/trade/order/active"
PLACE = "/api/trade/order/place"
PLACED_BY_THE_PROXY = {"content-length", "connection", "keep-alive", "transfer-encoding", "trailer",
                       "countersign-exchange", "countersign-outcome"}


@pytest.fixture
def ask(proxy, upstream):
    """Scripts the exchange's answer, and asks for it."""
    def ask(answer, method="GET", path=ACTIVE, body=None, behaviour=sends):
        upstream.script(path, behaviour(answer))
        return proxy.request(method, path, [], body)
    return ask


def end_to_end(fields):
    return [(name, value) for name, value in fields if name.lower() not in PLACED_BY_THE_PROXY]


def test_fields_come_in_the_order_and_case_the_exchange_sent(ask):
    sent = [("server", "tests"), ("Date", "Tue, 10 Feb 2026 16:53:14 GMT"), ("X-UPPER", "1"), ("x-lower", "2"),
            ("Set-Cookie", "a=1"), ("Content-Type", "application/json;charset=UTF-8"), ("Set-Cookie", "b=2"),
            ("ETag", 'W/"x"'), ("X-Empty", "")]
    answer = ask(http_answer(SUCCESS, fields=sent))
    assert end_to_end(answer.fields) == sent
    assert answer.body == SUCCESS


def test_nothing_is_added_but_the_proxys_own_two_fields(ask):
    answer = ask(http_answer(SUCCESS, fields=[]))
    assert end_to_end(answer.fields) == []
    assert answer.id >= 1
    assert answer.outcome == "ok"


def test_fields_for_one_connection_alone_are_dropped(ask):
    answer = ask(http_answer(SUCCESS, fields=[("Connection", "keep-alive, X-Private"), ("X-Private", "1"),
                                              ("Keep-Alive", "timeout=60"), ("X-Kept", "1")]))
    assert end_to_end(answer.fields) == [("X-Kept", "1")]
    assert answer.field("Keep-Alive") is None


def test_a_compressed_answer_is_not_touched(ask):
    body = gzip.compress(b'{"code":0,"data":"' + b"a" * 5000 + b'"}')
    answer = ask(http_answer(body, fields=[("Content-Type", "application/json"), ("Content-Encoding", "gzip")]))
    assert (answer.body, answer.field("Content-Encoding"), answer.outcome) == (body, "gzip", "ok")


def test_a_chunked_answer_comes_whole(ask):
    head = b"HTTP/1.1 200 OK\r\nX-Before: 1\r\nTransfer-Encoding: chunked\r\nX-After: 2\r\n\r\n"
    answer = ask(head + chunked(b'{"code":', b"0,", b'"data":1}'))
    assert answer.body == b'{"code":0,"data":1}'
    assert end_to_end(answer.fields) == [("X-Before", "1"), ("X-After", "2")]
    assert answer.outcome == "ok"


def test_a_chunked_answer_with_trailers_comes_whole(ask):
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-End\r\n\r\n"
    answer = ask(head + b"2;extension=1\r\n{}\r\n0\r\nX-End: 1\r\n\r\n")
    assert answer.body == b"{}"


def test_an_answer_that_ends_with_its_connection_comes_whole(ask):
    answer = ask(b'HTTP/1.1 200 OK\r\nX-A: 1\r\n\r\n{"code":0,"data":"to the end"}', behaviour=sends_and_ends)
    assert answer.body == b'{"code":0,"data":"to the end"}'
    assert answer.outcome == "ok"


def test_an_answer_of_http_1_0_comes_whole(ask):
    answer = ask(b"HTTP/1.0 200 OK\r\n\r\n" + SUCCESS, behaviour=sends_and_ends)
    assert (answer.status, answer.body) == (200, SUCCESS)


def test_an_answer_whose_end_is_not_authentic_is_not_taken_for_whole(ask):
    """Anyone on the way can end a TCP connection: without TLS's own end or a length, the answer may have been cut."""
    answer = ask(b"HTTP/1.1 200 OK\r\n\r\n" + SUCCESS, behaviour=sends_and_closes)
    assert (answer.status, answer.outcome) == (502, "unknown")


def test_204_has_neither_body_nor_length(ask):
    answer = ask(b"HTTP/1.1 204 No Content\r\nX-A: 1\r\n\r\n", "DELETE")
    assert (answer.status, answer.body, answer.field("Content-Length")) == (204, b"", None)
    assert (answer.field("X-A"), answer.outcome) == ("1", "unknown")  # a private call's answer has a code


def test_304_has_no_body(ask):
    answer = ask(b'HTTP/1.1 304 Not Modified\r\nETag: "a"\r\n\r\n')
    assert (answer.status, answer.field("ETag")) == (304, '"a"')


def test_an_answer_to_head_has_the_length_and_no_body(proxy, upstream):
    upstream.script(ACTIVE, sends(b"HTTP/1.1 200 OK\r\nX-A: 1\r\nContent-Length: 12345\r\n\r\n"))
    with proxy.client() as client:
        for _ in range(2):  # a body would stand before the second answer
            answer = client.request("HEAD", ACTIVE)
            assert (answer.status, answer.field("Content-Length"), answer.field("X-A")) == (200, "12345", "1")


def test_an_empty_answer_is_passed(ask):
    answer = ask(http_answer(b""))
    assert (answer.status, answer.body, answer.field("Content-Length")) == (200, b"", "0")


def test_an_interim_answer_is_not_taken_for_the_answer(ask):
    answer = ask(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + http_answer(SUCCESS, fields=[("X-A", "1")]))
    assert (answer.status, answer.body, end_to_end(answer.fields)) == (200, SUCCESS, [("X-A", "1")])


@pytest.mark.parametrize("body", [
    b'{"code":0,"data":{"ordId":11594964764657880,"price":9.1E-10,"zero":0E-18,"sum":1.10}}',
    b'{ "code" : 0 ,\r\n\t"data": [ ] }\n',
    '{"code":0,"data":"ä 订单 🙂 \\u00e4 \\/"}'.encode(),
    b'{"code":0,"code":0,"data":{}}',
    b'{"code":0,"data":"\xff\xfe\x00"}',
], ids=["numbers as written", "white space", "UTF-8 and escapes", "a key twice", "bytes that are no text"])
def test_a_body_is_never_written_anew(ask, body):
    assert ask(http_answer(body)).body == body


def test_an_answer_of_many_megabytes_comes_whole(ask):
    body = b'{"code":0,"data":"' + bytes(range(48, 123)) * 100_000 + b'"}'
    assert ask(http_answer(body.replace(b"\\", b"/"))).body == body.replace(b"\\", b"/")


@pytest.mark.parametrize("code, outcome", [
    (b"0", "ok"), (b'"0"', "ok"), (b"1401", "api_error 1401"), (b'"1401"', "api_error 1401"), (b"-1", "api_error -1"),
    (b"101040502", "api_error 101040502"), (b"null", "unknown"), (b"[0]", "unknown"), (b'"0 "', "unknown"),
])
def test_the_envelopes_code_is_the_outcome_whatever_its_type(ask, proxy, code, outcome):
    body = b'{"code":' + code + b',"message":"said","data":null}'
    answer = ask(http_answer(body), "POST", PLACE, b"{}")
    assert (answer.status, answer.body, answer.outcome) == (200, body, outcome)
    event = proxy.wait_for_event("exchange", id=answer.id)
    assert (event["outcome"], event["status"]) == (outcome.split()[0], 200)
    if " " in outcome:
        assert event["code"] == outcome.split()[1]


def test_a_failure_that_calls_its_message_msg_is_seen_as_well(ask, proxy):
    answer = ask(http_answer(b'{"msg":"signature error","code":3005,"data":null}'))
    assert answer.outcome == "api_error 3005"
    assert b"signature error" in proxy.command("log", "show", proxy.record(answer.id)["id"]).stdout


def test_a_transfer_that_answers_200_is_a_success(start, upstream):
    """Documented for this endpoint alone."""
    upstream.script("/api/v1/future/transfer", sends(http_answer(b'{"code":200,"message":"ok","data":{}}')))
    answer = start({"listener bot": {"policy": "all"}}).request("POST", "/api/v1/future/transfer", [], b"{}")
    assert answer.outcome == "ok"


@pytest.mark.parametrize("status, body, outcome", [
    ("401 Unauthorized", b'{"code":401,"message":"signature-failed","data":null}', "api_error 401"),
    ("500 Internal Server Error", b"<html>sorry</html>", "http_error"),
    ("404 Not Found", b"", "http_error"),
    ("429 Too Many Requests", b'{"error":"slow down"}', "http_error"),
    ("302 Found", b"", "http_error"),
    ("204 No Content", b"", "unknown"),
    ("200 OK", b"<html>a captive portal</html>", "unknown"),
    ("200 OK", b'{"data":[]}', "unknown"),
    ("200 OK", b'\xef\xbb\xbf{"code":0}', "unknown"),
    ("200 OK", b"", "unknown"),
])
def test_any_status_is_passed_unchanged(ask, status, body, outcome):
    answer = ask(http_answer(body, status))
    assert (answer.status, answer.body, answer.outcome) == (int(status[:3]), body, outcome)


@pytest.mark.parametrize("coding", ["zstd", "gzip, gzip", "br"])
def test_a_private_answer_that_cannot_be_looked_into_is_unknown_and_passed_unchanged(ask, coding):
    body = gzip.compress(b'{"code":0,"data":[]}')
    answer = ask(http_answer(body, fields=[("Content-Encoding", coding)]), "POST", PLACE, b"{}")
    assert (answer.status, answer.body, answer.outcome) == (200, body, "unknown")


def test_what_the_exchange_says_under_our_own_names_is_not_passed_on(ask):
    answer = ask(http_answer(b'{"code":1401}', fields=[("Countersign-Outcome", "ok"), ("countersign-error", "none")]))
    assert [value for name, value in answer.fields if name.lower() == "countersign-outcome"] == ["api_error 1401"]
    assert not [value for name, value in answer.fields if name.lower() == "countersign-error"]


@pytest.mark.parametrize("answer", [
    b"HTTP/1.1 600 Odd\r\nContent-Length: 2\r\n\r\n{}",
    b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n" + b"X-Long: %s\r\n" % (b"x" * 9000) * 8 + b'\r\n{"code":0}',
], ids=["a status beyond 599", "a head of 70 kB"])
def test_an_answer_that_cannot_be_passed_on_is_a_502_that_says_so_and_is_recorded(ask, proxy, answer):
    got = ask(answer, "POST", PLACE, b"{}")
    assert (got.status, got.field("Countersign-Error")) == (502, "answer-unsendable")
    assert proxy.view(got.id, "upstream-response") == answer
    assert proxy.request("GET", "/api/trade/order/active").status == 200


def test_a_failure_in_a_compressed_envelope_is_seen(ask):
    body = gzip.compress(b'{"code":1401,"message":"unauthorized","data":null}')
    answer = ask(http_answer(body, fields=[("Content-Encoding", "gzip")]))
    assert (answer.body, answer.outcome) == (body, "api_error 1401")


def test_each_answer_names_its_own_exchange(proxy):
    with proxy.client() as client:
        ids = [client.request("GET", ACTIVE).id for _ in range(5)]
    assert ids == list(range(ids[0], ids[0] + 5))


def test_what_the_exchange_says_about_exchanges_and_outcomes_is_not_taken_for_the_proxys_word(ask):
    """Else an exchange could tell a bot that its order was never sent."""
    answer = ask(http_answer(SUCCESS, fields=[("Countersign-Outcome", "not_sent"), ("X-A", "1")]))
    assert [value for name, value in parse_fields(answer.head) if name == "Countersign-Outcome"][-1:] == ["ok"]
