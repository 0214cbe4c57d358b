"""`countersign mock` says on its screen and in a field why it refused a request, and never says a secret."""
import hashlib
import hmac
import json
import time

import pytest

from coinstore import FIELDS, hmac_hex, sign
from mock_exchange import JSON, code_of, refusal

BALANCE = "/api/spot/accountList"
ACTIVE = "/api/trade/order/active"
PLACE = "/api/trade/order/place"
ORDER = {"symbol": "BTCUSDT", "side": "BUY", "ordType": "LIMIT", "ordPrice": "20000", "ordQty": "0.001"}
SPACED, COMPACT = json.dumps(ORDER).encode(), json.dumps(ORDER, separators=(",", ":")).encode()


@pytest.fixture
def refused(mock):
    """Sends a request with these signature fields; why it was refused. Asserts that the screen says it, too, and that no
    secret and no right signature is said."""
    def ask(target, body=None, *, key=None, expires=None, signature=None):
        expires = str(int(time.time() * 1000)) if expires is None else expires
        given = [pair for pair in zip(FIELDS, (key or mock.key, signature, expires)) if pair[1] is not None]
        with mock.connect() as client:
            answer = client.request("GET" if body is None else "POST", target,
                                    given + (JSON if body is not None else []), body)
        assert code_of(answer) in (401, 1401, 3005), answer.raw
        reason = refusal(answer)
        assert reason.isascii() and reason.isprintable()
        mock.wait_for_line("the screen says it", lambda line: reason in line)
        assert mock.secret not in answer.raw.decode() + mock.output()
        return answer, reason
    return ask


def now_ms():
    return int(time.time() * 1000)


def test_a_well_signed_request_has_no_refusal(mock):
    assert refusal(mock.post(BALANCE, {})) is None


def test_a_key_that_is_absent_unknown_swapped_quoted_or_in_upper_case_is_told_apart(mock, refused):
    cases = [("0" * 32, "is not this mock's key"), (f'"{mock.key}"', "quotes around it"),
             (mock.key.upper(), "upper and lower case alone"), (mock.secret, "key and secret are swapped")]
    for key, says in cases:
        answer, reason = refused(ACTIVE, key=key, signature="0" * 64)
        assert (answer.status, code_of(answer)) == (401, 401)
        assert says in reason, (key, reason)
    assert "X-CS-APIKEY is absent" in refusal(mock.get(ACTIVE, sign=False))


@pytest.mark.parametrize("unit, says", [(1000, "seconds"), (1, "microseconds")])
def test_another_unit_of_time_is_named(refused, unit, says):
    expires = str(int(time.time() * 1_000_000) // (1_000_000 if unit == 1000 else 1))
    answer, reason = refused(ACTIVE, expires=expires, signature="0" * 64)
    assert code_of(answer) == 1401
    assert f"looks like {says}" in reason


@pytest.mark.parametrize("off_s, says", [(-120, "too old by 1"), (120, "too far ahead by 1")])
def test_how_far_the_time_is_off_is_said(refused, off_s, says):
    answer, reason = refused(ACTIVE, expires=str(now_ms() + off_s * 1000), signature="0" * 64)
    assert code_of(answer) == 1401
    assert says in reason and " windows of 30 s " in reason


def test_a_missing_time_and_a_missing_signature_are_named(mock, refused):
    _, reason = refused(ACTIVE, expires="x", signature="0" * 64)
    assert "X-CS-EXPIRES is not 13 digits" in reason
    answer, reason = refused(ACTIVE)
    assert code_of(answer) == 3005
    assert reason == "X-CS-SIGN is absent"


# Ways to sign wrongly: what is sent, and what a client signed in its place.
WRONG = {
    "another serialisation": (PLACE, COMPACT, lambda s, e: sign(s, e, SPACED), "json-spaced"),
    "an empty body for braces": (BALANCE, b"{}", lambda s, e: sign(s, e, b""), "body-left-out"),
    "braces for nothing": (ACTIVE, None, lambda s, e: sign(s, e, b"{}"), "body-braces"),
    "with the question mark": (ACTIVE + "?symbol=BTCUSDT", None, lambda s, e: sign(s, e, b"?symbol=BTCUSDT"), "?"),
    "upper-case hex": (BALANCE, b"{}", lambda s, e: sign(s, e, b"{}").upper(), "upper"),
    "a secret with a newline": (BALANCE, b"{}", lambda s, e: sign(s + "\n", e, b"{}"), "newline"),
}


@pytest.mark.parametrize("case", WRONG, ids=str)
def test_what_was_signed_instead_is_named(mock, refused, case):
    target, body, make, says = WRONG[case]
    expires = now_ms()
    answer, reason = refused(target, body, expires=str(expires), signature=make(mock.secret, expires))
    assert (answer.status, code_of(answer)) == (200, 3005)
    assert "what was signed instead: " in reason and says in reason, reason
    right = sign(mock.secret, expires, target.encode().partition(b"?")[2] + (body or b""))
    assert right not in answer.raw.decode() + mock.output()


def test_the_raw_bytes_of_the_window_key_are_recognised(mock, refused):
    expires = now_ms()
    raw = hmac.new(mock.secret.encode(), str(expires // 30000).encode(), hashlib.sha256).digest()
    _, reason = refused(BALANCE, b"{}", expires=str(expires), signature=hmac_hex(raw, b"{}"))
    assert "raw" in reason, reason


def test_two_mistakes_at_once_are_both_named(mock, refused):
    expires = now_ms()
    signature = sign(mock.secret, expires, SPACED).upper()
    _, reason = refused(PLACE, COMPACT, expires=str(expires), signature=signature)
    assert "json-spaced" in reason and "upper" in reason and "+" in reason.split("(")[-1], reason


def test_another_secret_is_none_of_the_known_mistakes(mock, refused):
    expires = now_ms()
    _, reason = refused(BALANCE, b"{}", expires=str(expires), signature=sign("f" * 32, expires, b"{}"))
    assert "known mistakes" in reason and "another secret" in reason
    assert int(reason.split("none of ")[1].split()[0]) > 1000


def test_a_large_body_is_not_looked_into_and_costs_no_time(mock, refused):
    body = json.dumps({**ORDER, "note": "x" * 70000}).encode()
    begun = time.monotonic()
    _, reason = refused(PLACE, body, signature="0" * 64)
    assert "too large to look into" in reason
    assert time.monotonic() - begun < 5


def test_a_refused_order_says_why_as_well(mock):
    answer = mock.post(PLACE, {**ORDER, "ordQty": "100"})
    assert code_of(answer) == 3113
    assert refusal(answer) == "the order spends 2000000 USDT, the account has 13297.94999"


def test_bytes_of_a_stranger_reach_the_field_as_printable_ascii(mock):
    body = '{"symbol":"\\r\\nX: é\\u0007","side":"BUY","ordType":"LIMIT","ordPrice":1,"ordQty":1}'.encode()
    answer = mock.post(PLACE, body)
    assert code_of(answer) == 3011
    assert refusal(answer).isascii() and refusal(answer).isprintable()
    assert answer.field("X") is None
