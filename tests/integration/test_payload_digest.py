"""What was signed, by its digest: the record gives it of every signed request, of one that left and of one that did not. It is
reckoned here from the bytes that the client sent."""
import hashlib
import json
import signal
import socket

import pytest

import store
from program import poll, preloaded
from rawhttp import build_request
from upstream import never_answers

ACTIVE = "/api/trade/order/active"
PLACE = "/api/trade/order/place"
TICKERS = "/api/v1/market/tickers"
ORDER = b'{"symbol": "BTCUSDT", "ordPrice": 9.1E-10, "ordId": 11594964764657880}'
SIGNED = {
    "an order": ("POST", PLACE, ORDER, b"" + ORDER),
    "an order with a query": ("POST", f"{PLACE}?n=1&a=%2F", ORDER, b"n=1&a=%2F" + ORDER),
    "a POST without a body": ("POST", PLACE, None, b"{}"),
    "a GET": ("GET", ACTIVE, None, b""),
    "a GET with a query": ("GET", f"{ACTIVE}?symbol=btcusdt&a=%2f?b", None, b"symbol=btcusdt&a=%2f?b"),
    "a GET with an empty query": ("GET", f"{ACTIVE}?", None, b""),
    "a GET with a body": ("GET", f"{ACTIVE}?a=1", b'{"b":2}', b'a=1{"b":2}'),
    "bytes that are no text": ("POST", f"{PLACE}?x", bytes(range(256)), b"x" + bytes(range(256))),
}


def sha256(payload):
    return hashlib.sha256(payload).hexdigest()


def assert_digest(proxy, state_dir, number, payload):
    """As shown, as exported, and as the view has it: there NULL where query and body that left give it."""
    signing = proxy.record(number)["signing"]
    exported = proxy.command("log", "export", number, "--format", "jsonl")
    assert exported.returncode == 0, exported.stderr.decode()
    assert (signing["payloadSha256"], signing["payloadLength"]) == (sha256(payload), len(payload))
    assert json.loads(exported.stdout)["signing"]["payloadSha256"] == sha256(payload)
    ((digest, target, body),) = store.query(
        state_dir, "SELECT payload_sha256, CAST(target AS BLOB), upstream_request_body FROM exchange WHERE id = ?", number)
    follows = target.partition(b"?")[2] + (body or b"")
    assert (sha256(follows) if digest is None else digest.hex()) == sha256(payload)
    return digest, body


@pytest.mark.parametrize("kind", SIGNED)
def test_the_digest_of_what_was_forwarded_is_the_payloads(proxy, upstream, state_dir, kind):
    method, target, body, payload = SIGNED[kind]
    answer = proxy.request(method, target, [], body)
    assert answer.outcome == "ok"
    request = upstream.only_request()
    assert request.target.encode().partition(b"?")[2] + request.body == payload
    assert_digest(proxy, state_dir, answer.id, payload)


@pytest.mark.parametrize("kind", SIGNED)
def test_the_digest_of_a_dry_run_is_the_payloads(start, state_dir, kind):
    method, target, body, payload = SIGNED[kind]
    proxy = start({"listener bot": {"mode": "dry-run"}})
    answer = proxy.request(method, target, [], body)
    assert answer.outcome == "dry_run"
    assert_digest(proxy, state_dir, answer.id, payload)


def test_what_is_not_signed_has_no_digest(proxy, state_dir):
    answer = proxy.request("GET", f"{TICKERS}?a=1")
    assert answer.outcome == "ok" and proxy.record(answer.id)["signing"] is None
    assert store.query(state_dir, "SELECT is_signed, payload_sha256 FROM exchange") == [(0, None)]


def test_the_digest_of_an_order_that_was_signed_and_did_not_leave_is_kept(start, env, state_dir):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        proxy = start({"upstream spot": {"url": url, "ca_file": "", "warm": 0, "connect_timeout": "1s"}},
                      env_changes=preloaded(env, "dead_connection", TEST_DEAD_CONNECTION="POST"))
        answer = proxy.request("POST", f"{PLACE}?n=1", [], ORDER)
        assert answer.outcome == "not_sent"
        digest, body = assert_digest(proxy, state_dir, answer.id, b"n=1" + ORDER)
        assert (digest.hex(), body) == (sha256(b"n=1" + ORDER), None)


def test_the_digest_of_an_order_that_is_given_up_at_the_end_is_the_payloads(start, upstream, state_dir):
    upstream.script(PLACE, never_answers)
    proxy = start({"proxy": {"drain": "300ms"}})
    with proxy.client() as client:
        client.send(build_request("POST", f"{PLACE}?n=1", [], ORDER))
        upstream.wait_for_requests(1, PLACE)
        proxy.signal(signal.SIGTERM)
        assert client.read("POST").outcome == "unknown"
    assert proxy.wait() == 0
    assert_digest(proxy, state_dir, 1, b"n=1" + ORDER)


def test_the_digest_of_an_order_whose_proxy_was_killed_is_the_payloads(start, upstream, state_dir):
    upstream.script(PLACE, never_answers)
    proxy = start()
    with proxy.client() as client:
        client.send(build_request("POST", f"{PLACE}?n=1", [], ORDER))
        upstream.wait_for_requests(1, PLACE)
        proxy.kill()
    again = start()
    assert poll("it is recorded", lambda: again.record(1))["outcome"] == "unknown"
    assert_digest(again, state_dir, 1, b"n=1" + ORDER)
