"""`countersign verify` on what the exchange refuses although the signature is right, and on what clients commonly send in place
of what they signed."""
import json
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime

import pytest
import requests

import coinstore
from test_verify import account, http_file, message, names_of, verify
from upstream import http_answer, now_ms
from wrong_signer import Request

BALANCES = "/api/spot/accountList"
PLACE = "/api/trade/order/place"
DEPTH = "/api/v1/market/depth/BTCUSDT"
JSON = [("Content-Type", "application/json")]
ORDER = {"symbol": "BTCUSDT", "side": "BUY", "ordType": "LIMIT", "ordPrice": "0.5", "ordQty": "3", "note": "a+b c/ü"}
REFUSED = http_answer(b'{"code":1401,"message":"unauthorized"}')


@pytest.fixture
def observing(start):
    return start({"listener bot": {"mode": "observe"}})


def sign(account, payload, expires):
    return coinstore.sign(account.secret, expires, payload)


def send(proxy, account, expires, body=b"{}", path=BALANCES):
    fields = coinstore.signature_fields(account.key, account.secret, expires, path.encode(), body)
    answer = proxy.request("POST", path, [*JSON, *fields], body)
    proxy.record(answer.id)
    return answer


def judged_of(proxy, number, code):
    done = proxy.command("verify", number, "--json")
    assert done.returncode == code, done.stdout
    return json.loads(done.stdout)


# --- time ---

@pytest.mark.parametrize("offset_s, said", [(-3600, "3600 s before"), (3600, "3600 s after"), (-95, "95 s before")])
def test_a_right_signature_for_another_time_is_not_right_for_the_exchange(observing, account, offset_s, said):
    answer = send(observing, account, now_ms() + offset_s * 1000 + (100 if offset_s > 0 else 0))
    judged = judged_of(observing, answer.id, 1)
    assert (judged["verdict"], judged["inTime"], judged["usable"]) == ("right", False, False)
    assert judged["sentence"].startswith("The signature is right, but for another time: X-CS-EXPIRES is ")
    seconds = int(judged["sentence"].split("X-CS-EXPIRES is ")[1].split()[0])
    assert abs(seconds - abs(offset_s)) <= 2 and f" s {said.split()[2]} it was received" in judged["sentence"]
    assert "clock" in judged["sentence"] and "keep no fields" in judged["sentence"]
    assert ["is not documented" in warning for warning in judged["warnings"]] == [True]


def test_a_right_signature_of_now_is_in_time(observing, account):
    judged = judged_of(observing, send(observing, account, now_ms()).id, 0)
    assert (judged["inTime"], judged["usable"], judged["warnings"]) == (True, True, [])
    assert judged["sentence"] == "The signature is right."


def test_the_exchanges_own_clock_decides_where_its_answer_says_it(verify, account, tmp_path):
    """The client's clock and its signature agree, and are both 2 minutes behind."""
    received = datetime(2026, 2, 10, 16, 53, 14, tzinfo=timezone.utc)
    expires = int(received.timestamp() * 1000)

    def entry(ahead_s):
        return {"startedDateTime": received.isoformat().replace("+00:00", "Z"), "time": 1, "request": {
            "method": "GET", "url": "https://api.coinstore.com/api/trade/order/active", "httpVersion": "HTTP/1.1",
            "headers": [{"name": name, "value": value} for name, value in (
                ("Host", "api.coinstore.com"), ("X-CS-SIGN", sign(account, b"", expires)), ("X-CS-EXPIRES", str(expires)))]},
            "response": {"status": 200, "statusText": "OK", "httpVersion": "HTTP/1.1", "content": {},
                         "headers": [{"name": "Date", "value": format_datetime(received + timedelta(seconds=ahead_s), True)}]}}
    (tmp_path / "two.har").write_text(json.dumps({"log": {"version": "1.2", "entries": [entry(120), entry(0)]}}))
    late, well = map(json.loads, verify(tmp_path / "two.har", "--json", code=1).stdout.splitlines())
    assert (late["inTime"], well["inTime"]) == (False, True)
    assert "X-CS-EXPIRES is 120 s before the Date of the exchange's answer" in late["sentence"]


def test_a_right_signature_that_was_refused_leaves_the_address_the_key_and_the_clock(observing, upstream, account):
    def refuse(_, wire):
        wire.send(REFUSED)
        return True
    upstream.script(BALANCES, refuse)
    answer = send(observing, account, now_ms())
    judged = judged_of(observing, answer.id, 0)
    assert judged["refusedWith"] == "1401"
    assert judged["sentence"] == (
        "The signature is right and in time, and it was refused with 1401: so it is the address, the key or the clock: "
        f"`countersign doctor -c {observing.config_file}`, `countersign log why -c {observing.config_file}`.")


# --- what is right but for the exchange ---

def test_another_key_and_another_unit_of_time_end_with_1(verify, account):
    arguments = ["--method", "GET", "--target", "/api/trade/order/active", "--json"]
    for expires in (1770742394, 1770742394290000):
        judged = json.loads(verify(*arguments, "--expires", expires, "--signature", sign(account, b"", expires),
                                   code=1).stdout)
        assert (judged["verdict"], judged["usable"], len(judged["warnings"])) == ("right", False, 1)
    judged = json.loads(verify(*arguments, "--expires", 1770742394290, "--signature", sign(account, b"", 1770742394290),
                               "--api-key", "e" * 32, code=1).stdout)
    assert (judged["verdict"], judged["usable"]) == ("right", False)


def test_an_empty_post_is_right_with_a_warning(verify, account):
    done = verify("--method", "POST", "--target", BALANCES, "--expires", 1770742394290,
                  "--signature", sign(account, b"", 1770742394290), code=0)
    assert "but see the warning" in done.stdout.decode() and "asks for `{}`" in done.stdout.decode()


def test_a_public_endpoint_needs_no_signature(verify, tmp_path):
    wrong = verify("--method", "GET", "--target", DEPTH, "--expires", 1770742394290, "--signature", "0" * 64, code=1)
    (tmp_path / "plain.http").write_text(f"GET {DEPTH} HTTP/1.1\nHost: api.coinstore.com\n\n")
    none = verify(tmp_path / "plain.http", code=2)
    for done in (wrong, none):
        assert "This endpoint is public and needs no signature." in done.stdout.decode().splitlines()[0]


# --- what was sent in place of what was signed ---

def body_of(**how):
    prepared = requests.Request("POST", "https://api.coinstore.com" + PLACE, **how).prepare()
    return prepared.body if isinstance(prepared.body, bytes) else prepared.body.encode()


@pytest.mark.parametrize("order, dump, name", [
    (ORDER, {}, ("body-json-spaced",)),
    (ORDER, {"separators": (",", ":"), "ensure_ascii": False}, ("body-json-compact",)),
    (ORDER | {"timestamp": 1770742300000}, {}, ("body-json-spaced-timestamp",)),
    (ORDER | {"ordQty": 3, "n": 1}, {"separators": (",", ":"), "ensure_ascii": False}, None),
    ({"symbol": "BTCUSDT", "ordQty": 0.5, "n": 1}, {}, ("body-json-spaced-numbers",)),
])
def test_a_dict_that_was_sent_as_a_form_is_named(verify, account, tmp_path, order, dump, name):
    """requests.post(url, data=order) sends symbol=BTCUSDT&..., where json.dumps(order) was signed."""
    request = Request(target=PLACE, body=body_of(data=order))
    assert request.body.startswith(b"symbol=BTCUSDT&")
    signature = sign(account, json.dumps(order, **dump).encode(), request.expires)
    file = http_file(tmp_path / "form.http", [message(request, account.key, signature)])
    judged = json.loads(verify(file, "--json", code=1).stdout)
    assert (names_of(judged) or None) == name, judged
    assert any("the body is a form" in warning for warning in judged["warnings"])
    if name:
        assert judged["signed"]["payload"] == json.dumps(order, **dump)
        assert "a dict, is sent as a form" in judged["recipes"][0]["fix"]["python"]


def test_a_body_that_was_serialised_twice_and_signed_once_is_named(verify, account, tmp_path):
    inner = json.dumps(ORDER)
    request = Request(target=PLACE, body=body_of(json=inner))
    assert request.body == json.dumps(inner).encode()
    file = http_file(tmp_path / "twice.http", [message(request, account.key, sign(account, inner.encode(), request.expires))])
    judged = json.loads(verify(file, "--json", code=1).stdout)
    assert names_of(judged) == ("body-once",) and judged["signed"]["payload"] == inner


def test_a_body_that_is_no_json_although_content_type_says_so_is_warned_of(observing, account):
    judged = judged_of(observing, send(observing, account, now_ms(), b"{'symbol': 1}", PLACE).id, 0)
    assert judged["warnings"] == ["Content-Type says JSON, and the body is none"]
