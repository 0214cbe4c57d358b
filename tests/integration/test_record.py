"""The record: an exchange's four views hold the bytes that were on the wire, and the facts beside them agree."""
import gzip
import hashlib
import stat

import pytest

import coinstore
from program import poll
from rawhttp import build_request
from upstream import closes_without_answer, http_answer, now_ms, sends, succeeds

ACTIVE = "/api/trade/order/active"
PLACE = "/api/trade/order/place"
WITHDRAW = "/api/fi/v3/asset/doWithdraw"
ORDER = b'{"symbol": "BTCUSDT", "ordPrice": 9.1E-10, "ordId": 11594964764657880}'


def masked(raw, account):
    """What may be written down of these bytes: the API key is shown by its ends."""
    assert account.key.encode() in raw
    return raw.replace(account.key.encode(), account.masked.encode())


@pytest.mark.parametrize("raw", [
    build_request("GET", f"{ACTIVE}?a=%2F;b?", [("x-lower", "1"), ("X-UPPER", "2")]),
    build_request("POST", PLACE, [("Content-Type", "application/json")], ORDER),
    build_request("POST", PLACE, [], bytes(range(256)) * 16),
    build_request("POST", PLACE, [], b""),
], ids=["GET", "POST", "bytes that are no text", "POST without a body"])
def test_requests_are_recorded_as_they_came_and_as_they_left(proxy, upstream, account, raw):
    with proxy.client() as client:
        answer = client.exchange(raw)
    assert proxy.view(answer.id, "client-request") == raw
    assert proxy.view(answer.id, "upstream-request") == masked(upstream.only_request().raw, account)


def test_a_body_of_1_mib_is_recorded_whole(proxy, upstream, account):
    raw = build_request("POST", PLACE, [], bytes(range(256)) * 4096)
    with proxy.client() as client:
        answer = client.exchange(raw)
    assert proxy.view(answer.id, "client-request") == raw
    assert proxy.view(answer.id, "upstream-request") == masked(upstream.only_request().raw, account)


@pytest.mark.parametrize("method, sent", [
    ("GET", http_answer(b'{"code":0,"data":{"ordId":11594964764657880}}', fields=[("x-lower", "1"), ("X-UPPER", "")])),
    ("GET", http_answer(gzip.compress(b'{"code":0}'), fields=[("Content-Encoding", "gzip")])),
    ("GET", http_answer(b"x" * 300_000)),
    ("GET", http_answer(b"", "404 Not Found")),
    ("GET", http_answer(b"", "299 Its Own Reason")),
    ("DELETE", b"HTTP/1.1 204 No Content\r\nX-A: 1\r\n\r\n"),
    ("HEAD", b"HTTP/1.1 200 OK\r\nContent-Length: 12345\r\n\r\n"),
], ids=["JSON", "gzip", "300 kB", "404", "a reason of its own", "204", "HEAD"])
def test_answers_are_recorded_as_they_came_and_as_the_client_got_them(proxy, upstream, method, sent):
    upstream.script(ACTIVE, sends(sent))
    answer = proxy.request(method, ACTIVE)
    assert proxy.view(answer.id, "upstream-response") == sent
    assert proxy.view(answer.id, "client-response") == answer.raw


@pytest.mark.parametrize("ask", [
    ("POST", WITHDRAW), ("TRACE", ACTIVE), ("POST", PLACE), ("HEAD", WITHDRAW),
], ids=["refused by policy", "refused by method", "failed", "HEAD refused"])
def test_the_proxys_own_answers_are_recorded_as_the_client_got_them(proxy, upstream, ask):
    upstream.script(PLACE, closes_without_answer)
    answer = proxy.request(*ask)
    assert answer.status >= 400 or ask[0] == "HEAD"
    assert proxy.view(answer.id, "client-response") == answer.raw


def test_the_answer_on_a_connection_that_is_closed_is_recorded_as_the_client_got_it(proxy):
    answer = proxy.request("GET", ACTIVE, [("Connection", "close")])
    assert proxy.view(answer.id, "client-response") == answer.raw


def test_a_repeated_get_is_recorded_as_it_left_the_second_time(proxy, upstream, account):
    upstream.script(ACTIVE, succeeds, closes_without_answer, succeeds)
    proxy.request("GET", ACTIVE)
    answer = proxy.request("GET", ACTIVE)
    assert proxy.view(answer.id, "upstream-request") == masked(upstream.requests()[-1].raw, account)


def test_the_facts_of_a_signature_are_recorded(proxy, upstream, account):
    answer = proxy.request("POST", f"{PLACE}?a=1", [], ORDER)
    request = upstream.only_request()
    record = proxy.record(answer.id)
    signed_bytes = b"a=1" + ORDER
    assert record["signing"] == {
        "payloadLength": len(signed_bytes),
        "payloadSha256": hashlib.sha256(signed_bytes).hexdigest(),
        "expiresMs": request.expires,
        "window": coinstore.window(request.expires),
        "signature": request.field("X-CS-SIGN"),
    }
    assert (record["account"], record["apiKeyMasked"]) == ("main", account.masked)


def test_an_unsigned_exchange_is_recorded_as_one(proxy):
    assert proxy.record(proxy.request("GET", "/api/v1/market/tickers").id)["signing"] is None


def test_the_facts_of_the_connection_are_recorded(proxy, upstream):
    ids = [proxy.request("GET", ACTIVE).id for _ in range(2)]
    first, second = (proxy.record(number)["connection"] for number in ids)
    assert (first["remoteAddress"], first["remotePort"], first["ipFamily"]) == ("127.0.0.1", upstream.port, 4)
    assert (first["localAddress"], first["localPort"]) == upstream.connections[0].peer
    assert (first["tlsVersion"], first["httpVersion"]) == ("TLSv1.3", "HTTP/1.1")
    assert (first["reused"], second["reused"]) == (False, True)
    assert second["localPort"] == first["localPort"]


def replied(times):
    return times if times["repliedUs"] else None


def test_the_timings_are_in_the_order_things_happened(proxy):
    before = now_ms() * 1000
    number = proxy.request("POST", PLACE, [], ORDER).id
    recorded = poll("the reply's moment is recorded", lambda: replied(proxy.record(number)["times"]))
    times = [recorded[name] for name in ("receivedUs", "signedUs", "sentUs", "firstByteUs", "completeUs", "repliedUs")]
    assert times == sorted(times)
    assert before <= times[0] and times[-1] <= (now_ms() + 1) * 1000


def test_log_lists_exchanges_with_what_became_of_them(proxy, upstream):
    upstream.script(PLACE, sends(http_answer(b'{"code":3113,"message":"account-insufficient","data":null}')))
    proxy.request("GET", f"{ACTIVE}?symbol=btcusdt")
    last = proxy.request("POST", PLACE, [], ORDER)
    proxy.record(last.id)
    listed = {entry["id"]: entry for entry in proxy.log()}
    assert len(listed) == 2
    first, second = listed[last.id - 1], listed[last.id]
    assert (first["method"], first["target"], first["outcome"]) == ("GET", f"{ACTIVE}?symbol=btcusdt", "ok")
    assert (second["listener"], second["status"]) == ("bot", 200)
    assert (second["outcome"], second["apiCode"]) == ("api_error", "3113")


def test_log_is_readable_without_json_too(proxy, upstream):
    answer = proxy.request("POST", PLACE, [], ORDER)
    proxy.record(answer.id)
    listed = proxy.command("log").stdout.decode()
    assert f"{PLACE}" in listed and "ok" in listed
    shown = proxy.command("log", "show", answer.id).stdout.decode()
    assert PLACE in shown
    assert "11594964764657880" in shown and "9.1E-10" in shown  # never through a double
    assert "\x1b[" not in shown  # no colours where it is not a terminal


def test_log_show_last_is_the_latest(proxy):
    answer = proxy.request("GET", f"{ACTIVE}?last")
    proxy.record(answer.id)
    assert f"{ACTIVE}?last" in proxy.command("log", "show", "last").stdout.decode()


def test_an_exchange_that_is_not_there_is_said_to_be_missing(proxy):
    done = proxy.command("log", "show", "999999")
    assert done.returncode == 2
    assert b"999999" in done.stderr


def test_log_works_when_the_proxy_has_ended(proxy):
    answer = proxy.request("GET", ACTIVE)
    proxy.stop()
    assert [entry["id"] for entry in proxy.log()] == [answer.id]


def test_ids_go_on_after_a_restart(start):
    first = start()
    before = first.request("GET", ACTIVE).id
    first.stop()
    second = start()
    after = second.request("GET", ACTIVE).id
    assert after == before + 1
    second.record(after)
    assert sorted(entry["id"] for entry in second.log()) == [before, after]


def test_one_line_is_written_for_each_exchange(proxy, upstream):
    upstream.script(PLACE, sends(http_answer(b'{"code":1401,"message":"unauthorized"}')))
    answer = proxy.request("POST", PLACE, [], ORDER)
    event = proxy.wait_for_event("exchange", id=answer.id)
    assert (event["listener"], event["method"], event["target"]) == ("bot", "POST", PLACE)
    assert (event["status"], event["outcome"], event["code"]) == (200, "api_error", "1401")
    assert event["us"] > 0


def test_the_record_is_readable_by_its_owner_alone(proxy, state_dir):
    proxy.record(proxy.request("GET", ACTIVE).id)
    assert stat.S_IMODE(state_dir.stat().st_mode) == 0o700
    modes = {path.name: stat.S_IMODE(path.lstat().st_mode) for path in state_dir.rglob("*") if path.is_file()}
    assert modes
    assert set(modes.values()) == {0o600}, modes
