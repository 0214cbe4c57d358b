"""The tests' own exchange and signature code, before anything is judged by them."""
import ssl

import pytest
import requests

import coinstore
from rawhttp import Client, build_request, chunked, connect
from upstream import http_answer, now_ms, sends_and_closes
from vectors import VECTORS, body_of, secret_of, target_of

BALANCE = "/api/spot/accountList"


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["name"])
def test_the_tests_own_signature_agrees_with_the_vector(vector):
    secret = secret_of(vector)
    signed_bytes = coinstore.payload(target_of(vector).encode(), body_of(vector))
    assert coinstore.window_key(secret, int(vector["window"])) == vector["window_key"]
    assert coinstore.sign(secret, vector["expires_ms"], signed_bytes) == vector["signature"]


@pytest.fixture
def post_balance(upstream, authority, account):
    def post(key=account.key, secret=account.secret, at=None, drop=()):
        signature = coinstore.signature_fields(key, secret, at or now_ms(), BALANCE.encode(), b"{}")
        headers = {name: value for name, value in signature if name not in drop}
        return requests.post(upstream.url + BALANCE, data=b"{}", headers=headers, verify=authority.ca_file, timeout=30)
    return post


def test_the_exchange_accepts_a_documented_signature(upstream, post_balance):
    answer = post_balance()
    assert (answer.status_code, answer.json()["code"]) == (200, 0)
    request = upstream.only_request()
    assert (request.verdict, request.method, request.target) == (coinstore.ACCEPTED, "POST", BALANCE)
    assert request.raw == request.head + b"{}"


@pytest.mark.parametrize("wrong", [
    {"secret": "another"},
    {"at": 1770742394290},
    {"drop": ["X-CS-EXPIRES"]},
    {"drop": coinstore.FIELDS},
], ids=["secret", "window", "a field is missing", "unsigned"])
def test_the_exchange_refuses_what_is_signed_wrongly(upstream, post_balance, wrong):
    assert post_balance(**wrong).json()["code"] == 1401
    assert upstream.only_request().verdict != coinstore.ACCEPTED


def test_the_exchange_refuses_a_wrong_key(post_balance):
    assert post_balance(key="another").status_code == 401


@pytest.fixture
def direct(upstream, authority):
    """A connection straight to the exchange."""
    context = ssl.create_default_context(cafile=authority.ca_file)
    with context.wrap_socket(connect(f"127.0.0.1:{upstream.port}"), server_hostname="localhost") as sock:
        yield Client(sock)


def test_the_exchange_keeps_each_request_exactly_as_it_came(upstream, direct):
    plain = build_request("GET", "/api/v1/market/tickers?a=%2F;b?", [("x-lower", "1"), ("X-Lower", "2")])
    in_chunks = build_request("POST", BALANCE, [("Transfer-Encoding", "chunked")]) + chunked(b"{", b"}")
    assert direct.exchange(plain).json()["code"] == 0
    assert direct.exchange(in_chunks).json()["code"] == 1401
    first, second = upstream.requests()
    assert (first.raw, first.body, first.connection) == (plain, b"", 1)
    assert (second.raw, second.body, second.connection) == (in_chunks, b"{}", 1)


def test_scripted_answers_come_in_turn(upstream, authority):
    upstream.script("/a", sends_and_closes(http_answer(b"1")), sends_and_closes(http_answer(b"2")))
    bodies = [requests.get(f"{upstream.url}/a", verify=authority.ca_file, timeout=30).content for _ in range(3)]
    assert bodies == [b"1", b"2", b"2"]
    assert [request.connection for request in upstream.requests()] == [1, 2, 3]


def test_a_change_in_one_byte_of_the_payload_is_seen(account):
    at = now_ms()
    fields = coinstore.signature_fields(account.key, account.secret, at, b"/a?b=1", b"")
    judge = lambda target, body: coinstore.verdict(fields, target, body, account.key, account.secret, at)
    assert judge(b"/a?b=1", b"") == judge(b"/other?b=", b"1") == coinstore.ACCEPTED  # the path is not covered
    assert judge(b"/a?b=2", b"") == judge(b"/a?b=1", b"{}") == "wrong signature"
