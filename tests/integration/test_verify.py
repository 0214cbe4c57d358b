"""`countersign verify`: a signature is right, or it is said what was signed instead. What signs wrongly here is written
without the program's code (wrong_signer.py)."""
import functools
import hashlib
import hmac
import itertools
import json
import os
import random
import secrets
import shutil
import subprocess
import time
from types import SimpleNamespace

import pytest

import coinstore
import wrong_signer
from program import environment, run
from wrong_signer import Request

QUERY = "/api/trade/order/active?symbol=BTC%2fUSDT&note=a+b%20c&Side=%7EBUY%2F&a=%27*"
ORDER = {"symbol": "BTC/USDT", "side": "BUY", "ordType": "LIMIT", "ordPrice": "0.5", "ordQty": wrong_signer.Number("1.0"),
         "fee": wrong_signer.Number("9.2E-10"), "big": wrong_signer.Number("1.5E+16"), "clOrdId": "grün 😀",
         "timestamp": wrong_signer.Number("1770742300000"), "nested": [{"z": True, "b": None}, [], {}]}


def order(spacing, ascii_only):
    return wrong_signer.dumped(ORDER, spacing, lambda text: json.dumps(text, ensure_ascii=ascii_only)).encode()


# Requests among which every recipe makes a difference somewhere. The moments lie in the first and the second half of a window.
REQUESTS = [
    Request(target=QUERY, body=order("json-spaced", False), expires=1770742391290, spacing="json-spaced"),
    Request(body=order("json-compact", True) + b"\n", expires=1770742409290, ascii=True),
    Request(method="GET", target=QUERY, expires=1770742391291),
    Request(method="GET", target="/api/trade/order/active", expires=1770742391292),
    Request(target="/api/spot/accountList", body=b"{}", expires=1770742391293),
    Request(target="/api/trade/order/place?x=1", body=wrong_signer.BOM + order("json-indent-2", False), spacing="json-indent-2",
            expires=1770742391294),
    Request(body=b"symbol=BTCUSDT\r\n", expires=1770742391295),
    Request(body="symbol=BTC%2FUSDT&ordQty=0.5&note=gr%C3%BCn+und&timestamp=1770742300000".encode(), expires=1770742391296),
    Request(body=json.dumps(json.dumps({"symbol": "BTC/USDT", "side": "BUY"})).encode(), expires=1770742391297),
]
PAIRED = REQUESTS[:3]  # enough for pairs, of which each request has thousands


@pytest.fixture(scope="session")
def account():
    """With letters of both cases in the secret, so that either case is a recipe of its own."""
    key, secret = secrets.token_hex(16), secrets.token_hex(15) + "aB"
    return SimpleNamespace(key=key, secret=secret, masked=key[:4] + "*" * 24 + key[-4:])


@functools.cache
def recipes():
    """name → dimension, in the table's order."""
    done = run("verify", "--list", "--json", env=environment("/"))
    assert done.returncode == 0, done.stderr
    return {row["name"]: row for row in map(json.loads, done.stdout.decode().splitlines())}


@functools.cache
def dimensions():
    return {name: row["dimension"] for name, row in recipes().items()}


@functools.cache
def single_signatures(request, api_key, secret):
    """() and each recipe's name alone → signature, None where it does not apply."""
    ways = [()] + [(name,) for name in recipes()]
    return {way: wrong_signer.sign(request, way, dimensions(), api_key, secret) for way in ways}


@functools.cache
def pair_signatures(request, api_key, secret):
    pairs = [pair for pair in itertools.combinations([name for name, row in recipes().items() if row["pairs"]], 2)
             if dimensions()[pair[0]] != dimensions()[pair[1]]]
    return {pair: wrong_signer.sign(request, pair, dimensions(), api_key, secret) for pair in pairs}


def message(request, api_key, signature):
    fields = [("Host", request.host), ("X-CS-APIKEY", api_key), ("X-CS-SIGN", signature), ("X-CS-EXPIRES", request.expires)]
    head = "".join(f"{name}: {value}\r\n" for name, value in fields)
    return f"{request.method} {request.target} HTTP/1.1\r\n{head}\r\n".encode(), request.body


def http_file(path, messages):
    """A file in the form of `log export --format http`, which holds any byte."""
    parts = [f"### countersign exchange {i + 1} client-request {len(head)}+{len(body)}\n".encode() + head + body + b"\n"
             for i, (head, body) in enumerate(messages)]
    path.write_bytes(b"".join(parts))
    return path


@pytest.fixture
def verify(configure, env, account):
    """Runs `countersign verify`; the secret is never in what it prints."""
    config = configure()

    def run_verify(*arguments, code=None):
        done = run("verify", "-c", config, *arguments, env=env)
        assert account.secret.encode() not in done.stdout + done.stderr
        assert account.key.encode() not in done.stdout + done.stderr
        assert code is None or done.returncode == code, (done.stdout, done.stderr)
        return done
    return run_verify


@pytest.fixture
def judge_all(verify, tmp_path, account):
    """Judges signed requests, many by one process; returns one object each."""
    def judge(signed, code=None):
        judged = []
        for begin in range(0, len(signed), 25):
            part = signed[begin:begin + 25]
            file = http_file(tmp_path / "signed.http", [message(request, account.key, sign) for request, sign in part])
            done = verify(file, "--json", code=code)
            lines = [json.loads(line) for line in done.stdout.decode().splitlines()]
            assert len(lines) == len(part), (done.stdout, done.stderr)
            judged += lines
        return judged
    return judge


def simplest(signatures, signature):
    """The first way in the table's order that gives it."""
    return next(way for way, given in signatures.items() if given == signature)


def names_of(judged):
    return tuple(recipe["name"] for recipe in judged["recipes"])


def test_each_recipe_is_named(judge_all, account):
    expected, signed = [], []
    for name in recipes():
        for request in REQUESTS:
            singles = single_signatures(request, account.key, account.secret)
            signature = singles[(name,)]
            if signature and simplest(singles, signature) == (name,):
                expected.append((name,))
                signed.append((request, signature))
                break
        else:
            pytest.fail(f"no request here in which {name} alone makes that difference")
    judged = judge_all(signed, code=1)
    assert [names_of(result) for result in judged] == expected
    assert {result["verdict"] for result in judged} == {"found"}


def test_two_hundred_pairs_are_named(judge_all, account):
    choose = random.Random(4)
    expected, signed = [], []
    while len(expected) < 200:
        request = choose.choice(PAIRED)
        singles = single_signatures(request, account.key, account.secret)
        pairs = pair_signatures(request, account.key, account.secret)
        pair = choose.choice(list(pairs))
        signature = pairs[pair]
        if not signature or signature in singles.values() or list(pairs.values()).count(signature) > 1 or pair in expected:
            continue
        expected.append(pair)
        signed.append((request, signature))
    judged = judge_all(signed, code=1)
    assert [names_of(result) for result in judged] == expected


def test_each_fix_is_a_line_of_code(tmp_path):
    """Python and JavaScript are read by their own compilers; for Java there is none here."""
    for name, row in recipes().items():
        compile(row["fix"]["python"], name, "exec")
        assert "\n" not in "".join(row["fix"].values()) and row["fix"]["java"].count("(") == row["fix"]["java"].count(")")
    lines = {row["fix"]["javascript"] for row in recipes().values()}
    (tmp_path / "fixes.mjs").write_text("\n".join(f"async () => {{ {line}\n}};" for line in sorted(lines)))
    if not shutil.which("node"):
        pytest.skip("there is no node on this machine")
    subprocess.run(["node", "--check", tmp_path / "fixes.mjs"], capture_output=True, check=True, timeout=60)


def test_the_python_fixes_sign_as_the_exchange_documents(account):
    names = {"secret": account.secret, "query": "a=1", "body": '{"b": 2}', "time": time, "hashlib": hashlib, "hmac": hmac,
             "sha256": hashlib.sha256, "headers": {}}
    for name in ("window-undivided", "window-after", "join-newline", "key-raw"):
        exec(recipes()[name]["fix"]["python"], names)
    right_one = coinstore.sign(account.secret, names["expires"], b'a=1{"b": 2}')
    assert int(names["headers"]["X-CS-EXPIRES"]) == names["expires"]
    exec(recipes()["sha1"]["fix"]["python"], names)
    exec(recipes()["sign-base64"]["fix"]["python"], names)
    assert names["sign"] == names["headers"]["X-CS-SIGN"] == right_one
    exec(recipes()["one-step"]["fix"]["python"], names)
    assert names["sign"] == right_one


def test_whatever_is_named_gives_that_signature(judge_all, account):
    """Where several explanations give one signature, the named one is right, and none is simpler."""
    choose = random.Random(5)
    signed = []
    while len(signed) < 100:
        request = choose.choice(PAIRED)
        singles = single_signatures(request, account.key, account.secret)
        signature = choose.choice([*singles.values(), *pair_signatures(request, account.key, account.secret).values()])
        if signature and signature != singles[()]:
            signed.append((request, signature))
    for (request, signature), judged in zip(signed, judge_all(signed, code=1)):
        assert judged["verdict"] == "found"
        names = names_of(judged)
        singles = single_signatures(request, account.key, account.secret)
        assert wrong_signer.sign(request, names, dimensions(), account.key, account.secret) == signature, names
        assert (len(names) == 1) == (signature in singles.values()), names


def right(request, account):
    return coinstore.sign(account.secret, request.expires, coinstore.payload(request.target.encode(), request.body))


def shapes():
    choose = random.Random(6)
    yield from REQUESTS
    yield Request(target="/", body=b"")
    yield Request(target="/api/x?", body=b"null")
    yield Request(target="/api/x?a=1&b", body=bytes(range(256)))
    yield Request(target="/api/x", body=b"[" * 200 + b"]" * 200)
    yield Request(target="/api/x", body=b'{"a":"\\ud800","a":1e999,"timestamp":"x"}')
    yield Request(target="/api/x", body=json.dumps([ORDER["symbol"]] * 5000).encode())
    for _ in range(60):
        query = "?" + "&".join(f"{choose.choice('abc')}={choose.randint(0, 99)}" for _ in range(choose.randint(0, 4)))
        body = choose.choice([b"", b"{}", b"null", choose.randbytes(choose.randint(1, 300)), order("json-indent-4", True)])
        yield Request(method=choose.choice(["GET", "POST", "PUT"]), target=f"/api/{choose.randint(0, 9)}{query}", body=body,
                      expires=choose.randint(10**12, 4 * 10**12))


def test_what_is_signed_right_is_never_accused(judge_all, account):
    signed = [(request, right(request, account)) for request in shapes()]
    judged = judge_all(signed, code=0)
    assert [(result["verdict"], result["recipes"]) for result in judged] == [("right", [])] * len(signed)


def test_a_random_signature_is_given_by_none_of_many_recipes(judge_all):
    signed = [(request, secrets.token_hex(size)) for request in REQUESTS for size in (32, 20, 64)]
    for (request, _), judged in zip(signed, judge_all(signed, code=1)):
        assert judged["verdict"] == "none" and judged["recipes"] == []
        assert f"none of {judged['tried']} recipes" in judged["sentence"] and "another secret" in judged["sentence"]
        assert judged["tried"] > (2000 if request.body and request.query else 700)


def test_another_secret_is_the_likeliest_cause_where_nothing_fits(verify, account):
    request = REQUESTS[2]
    signature = coinstore.sign("f" * 32, request.expires, request.query.encode())
    done = verify("--target", request.target, "--expires", request.expires, "--signature", signature,
                  "--api-key", "e" * 32, "--method", "GET", code=1)
    first, *rest = done.stdout.decode().splitlines()
    assert "none of " in first and "no known mistake gives it" in first and "another secret than that of account main" in first
    assert "or other bytes were signed than these. Compare with `countersign sign --target ... --at MS -c " in first
    assert any("X-CS-APIKEY is not the account's" in line for line in rest)
    verify("--target", f"https://api.coinstore.com{request.target}", "--expires", request.expires,
           "--signature", right(request, account), "--api-key", account.key, code=0)


def test_key_and_secret_swapped_are_seen(verify, account):
    request = REQUESTS[2]
    signature = wrong_signer.sign(request, ("secret-is-api-key",), dimensions(), account.key, account.secret)
    arguments = ["--target", request.target, "--expires", request.expires, "--signature", signature, "--json", "--api-key"]
    for sent in (account.secret, account.secret[:4] + "*" * 24 + account.secret[-4:]):
        judged = json.loads(verify(*arguments, sent, code=1).stdout)
        assert names_of(judged) == ("secret-is-api-key",)
        assert ["key and secret are swapped" in warning for warning in judged["warnings"]] == [True]


def test_the_secret_of_another_account_is_found(configure, env, account):
    config = configure({"account hedge": {"api_key": "env:HEDGE_KEY", "api_secret": "env:HEDGE_SECRET"},
                        "account broken": {"api_key": "env:NOT_THERE", "api_secret": "env:NOT_THERE"}})
    request = REQUESTS[2]
    signature = coinstore.sign("9" * 32, request.expires, request.query.encode())
    done = run("verify", "-c", config, "--account", "main", "--target", request.target, "--expires", request.expires,
               "--signature", signature, env={**env, "HEDGE_KEY": "8" * 32, "HEDGE_SECRET": "9" * 32})
    assert done.returncode == 1
    assert "made with the secret of account hedge" in done.stdout.decode()
    assert done.stderr == b"" and b"9" * 32 not in done.stdout


def test_the_verdict_comes_first_then_what_was_signed_beside_what_was_sent_and_how_to_do_it_right(verify, account):
    request = Request(body=b'{"a": 1, "b": 2}', spacing="json-spaced")
    signature = wrong_signer.sign(request, ("json-compact",), dimensions(), account.key, account.secret)
    done = verify("--target", request.target, "--body", request.body.decode(), "--expires", request.expires,
                  "--signature", signature, code=1)
    lines = done.stdout.decode().splitlines()
    assert lines[0].startswith("The signature is wrong: the body was signed as JSON without white space")
    text = "\n".join(lines)
    for part in ("json-compact", '13 bytes  {"a":1,"b":2}', '16 bytes  {"a": 1, "b": 2}', "from byte 5 on",
                 "59024746 = floor(1770742394290 / 30000)", "json.dumps(", "JSON.stringify(", "mapper.writeValueAs"):
        assert part in text, part


def test_an_api_key_that_was_signed_is_shown_masked(verify, account):
    request = REQUESTS[4]
    signature = wrong_signer.sign(request, ("with-api-key",), dimensions(), account.key, account.secret)
    done = verify("--target", request.target, "--body", "{}", "--expires", request.expires, "--signature", signature,
                  "--json", code=1)
    assert json.loads(done.stdout)["signed"]["payload"] == account.masked + "{}"


@pytest.mark.parametrize("arguments, said", [
    ([], "what is to be judged?"),
    (["--target", "/x", "--expires", "1"], "--signature"),
    (["--target", "x", "--expires", "1", "--signature", "a"], "--target"),
    (["--target", "/x", "--expires", "soon", "--signature", "a"], "X-CS-EXPIRES"),
    (["/does/not/exist"], "/does/not/exist"),
    (["lst"], "`lst`: no exchange and no file of this name"),
    (["last"], "nothing has been recorded there yet"),
    (["last", "--method", "GET"], "not both"),
    (["--target", "/x", "--expires", "1", "--signature", "a", "--account", "nobody"], "nobody"),
])
def test_what_cannot_be_judged_is_said(verify, arguments, said):
    done = verify(*arguments, code=2)
    assert said in (done.stdout + done.stderr).decode()


def test_a_request_without_a_signature_is_no_verdict(verify, tmp_path):
    (tmp_path / "plain.http").write_text("GET /api/v1/market/tickers HTTP/1.1\nHost: api.coinstore.com\n\n")
    done = verify(tmp_path / "plain.http", code=2)
    assert "no signature" in done.stdout.decode()


def test_seconds_for_milliseconds_are_seen_even_where_the_signature_is_right(verify, account):
    request = Request(method="GET", target="/api/x", expires=1770742394)
    done = verify("--target", request.target, "--expires", request.expires, "--signature", right(request, account), code=1)
    assert "seconds" in done.stdout.decode()


def test_a_har_file_and_a_curl_command_are_judged(verify, tmp_path, account):
    request = REQUESTS[2]
    signature = wrong_signer.sign(request, ("query-sorted",), dimensions(), account.key, account.secret)
    (tmp_path / "wrong.sh").write_text(
        f"curl 'https://api.coinstore.com{request.target}' -H 'X-CS-APIKEY: {account.key}' -H 'X-CS-SIGN: {signature}' "
        f"-H 'X-CS-EXPIRES: {request.expires}'\n")
    har = {"log": {"version": "1.2", "entries": [{
        "startedDateTime": "2026-02-10T16:53:14Z", "time": 1, "request": {
            "method": "GET", "url": f"https://api.coinstore.com{request.target}", "httpVersion": "HTTP/1.1",
            "headers": [{"name": name, "value": str(value)} for name, value in (
                ("Host", "api.coinstore.com"), ("X-CS-SIGN", sign), ("X-CS-EXPIRES", request.expires))]},
        "response": {"status": 200, "statusText": "OK", "httpVersion": "HTTP/1.1", "headers": [], "content": {}}}
        for sign in (signature, right(request, account))]}}
    (tmp_path / "both.har").write_text(json.dumps(har))
    assert "parameters sorted" in verify(tmp_path / "wrong.sh", code=1).stdout.decode()
    judged = [json.loads(line)["verdict"] for line in verify(tmp_path / "both.har", "--json", code=1).stdout.splitlines()]
    assert judged == ["found", "right"]
    verify(f"{tmp_path / 'both.har'}#2", code=0)
    verify(f"{tmp_path / 'both.har'}#3", code=2)


def test_of_a_recorded_exchange_the_clients_own_signature_is_judged_else_what_left(proxy, account):
    body = b'{"symbol": "BTCUSDT"}'
    request = Request(body=body, expires=int(time.time() * 1000), spacing="json-spaced")
    signature = wrong_signer.sign(request, ("json-compact", "key-raw"), dimensions(), account.key, account.secret)
    fields = [("X-CS-APIKEY", account.key), ("X-CS-SIGN", signature), ("X-CS-EXPIRES", str(request.expires)),
              ("Content-Type", "application/json")]
    proxy.request("POST", request.target, fields, body)
    proxy.request("POST", request.target, fields[3:], body)
    proxy.record(2)
    first, second = (proxy.command("verify", number, "--json") for number in ("1", "last"))
    assert (first.returncode, second.returncode) == (1, 0)
    assert names_of(json.loads(first.stdout)) == ("json-compact", "key-raw")
    assert json.loads(first.stdout)["warnings"] == []
    assert proxy.command("verify", "1", "--view", "upstream").returncode == 0
    for done in (first, second):
        assert account.secret.encode() not in done.stdout + done.stderr
        assert account.key.encode() not in done.stdout + done.stderr


def test_each_exchange_of_a_file_is_judged_for_its_own_account(start, tmp_path):
    changes = {"account hedge": {"api_key": "env:HEDGE_KEY", "api_secret": "env:HEDGE_SECRET"},
               "listener second": {"listen": "127.0.0.1:0", "upstream": "spot", "account": "hedge"}}
    proxy = start(changes, env_changes={"HEDGE_KEY": "8" * 32, "HEDGE_SECRET": "9" * 32})
    for listener in ("bot", "second", "bot"):
        with proxy.client(listener) as client:
            client.request("POST", "/api/spot/accountList", [], b"{}")
    proxy.record(3)
    assert proxy.command("log", "export", "--format", "har", "-o", tmp_path / "three.har").returncode == 0
    done = proxy.command("verify", tmp_path / "three.har", "--json")
    judged = [json.loads(line) for line in done.stdout.splitlines()]
    assert [(one["verdict"], one["account"]) for one in judged] == [("right", name) for name in ("main", "hedge", "main")]
    assert done.returncode == 0


@pytest.mark.once
def test_all_pairs_of_a_body_of_ten_kib_take_less_than_a_second_of_processor_time(verify, tmp_path, account):
    """Processor time, because the tests share the machine; the whole process's, start and end included."""
    orders = [{"symbol": "BTC/USDT", "ordPrice": 9.2e-10, "ordQty": "0.5", "clOrdId": f"bot-{i:06d}"} for i in range(110)]
    body = json.dumps({"orders": orders, "timestamp": 1770742300000}).encode()
    body = body[:-1] + b', "note": "' + b"y" * (10240 - len(body) - 12) + b'"}'
    assert len(body) == 10240
    (tmp_path / "body").write_bytes(body)
    before = os.times()
    done = verify("--target", QUERY, "--body-file", tmp_path / "body", "--expires", "1770742394290", "--signature",
                  hashlib.sha256(b"").hexdigest(), "--json", code=1)
    after = os.times()
    judged = json.loads(done.stdout)
    assert judged["tried"] > 3000 and not judged["limited"]
    assert after.children_user + after.children_system - before.children_user - before.children_system < 1
