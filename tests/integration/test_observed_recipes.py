"""A client that signs wrongly is sent through a listener in mode `observe`, to the mock exchange: the record says that its
signature is wrong, and `countersign verify` says what it signed instead. What signs here is written without the program's
code: wrong_signer.py for the mistakes, coinstore.py for what is right."""
import json
import random
import secrets
from dataclasses import replace

import pytest

import coinstore
import store
import wrong_signer
from mock_exchange import code_of
from rawhttp import field_values, parse_fields
from test_verify import (PAIRED, REQUESTS, account, dimensions, names_of, pair_signatures, recipes, shapes,
                         simplest, single_signatures)
from upstream import now_ms
from wrong_signer import Request

ACTIVE, BALANCE, PLACE = "/api/trade/order/active", "/api/spot/accountList", "/api/trade/order/place"
HERE = {"scheme": "http", "host": "localhost"}  # a bot's base URL, when it goes through the proxy
PAIRS = 200
OF_HOSTS = {"with-host", "with-url"}  # which the mock cannot name: the proxy sends it the exchange's own Host, as it must
JUDGED_AT_ONCE = 25  # exchanges a process: the sanitizers' builds take their time


@pytest.fixture
def observing(start, mock):
    """A listener `bot` that leads to the mock exchange, and `judge`, to the tests' own."""
    return start({"listener bot": {"mode": "observe", "upstream": "practice"},
                  "listener judge": {"listen": "127.0.0.1:0", "mode": "observe", "upstream": "spot", "account": "main"},
                  "upstream practice": {"url": f"http://{mock.address}", "warm": 0}})


# --- sending ---

def to_send(request):
    """The request as it goes to an endpoint that there is, by its method."""
    path = ACTIVE if request.method == "GET" else BALANCE if request.body == b"{}" else PLACE
    _, mark, query = request.target.partition("?")
    return replace(request, target=path + mark + query, **HERE)


def now(request):
    """The request at a moment of the window that is now: as far into it, because rounding depends on that."""
    moment = now_ms()
    return replace(request, expires=moment - moment % coinstore.WINDOW_MS + request.expires % coinstore.WINDOW_MS)


def fields_of(request, signature, account):
    fields = list(zip(coinstore.FIELDS, (account.key, signature, str(request.expires))))
    return fields + ([("Content-Type", "application/json")] if request.body else [])


def send(client, request, signature, account):
    return client.request(request.method, request.target, fields_of(request, signature, account), request.body or None)


def send_wrong(proxy, account, ways):
    """Sends a request for each (request, names of recipes), signed now in that way; returns the answers."""
    with proxy.client() as client:
        def send_one(request, names):
            request = now(request)
            return send(client, request, wrong_signer.sign(request, names, dimensions(), account.key, account.secret), account)
        answers = [send_one(*way) for way in ways]
    proxy.record(answers[-1].id)
    return answers


def right(request, account):
    return coinstore.sign(account.secret, request.expires, coinstore.payload(request.target.encode(), request.body))


# --- judging ---

def recorded_verdicts(proxy, answers):
    listed = {row["id"]: row["clientSignature"] for row in proxy.log("-n", len(answers) + 1)}
    return [listed[answer.id] for answer in answers]


@pytest.fixture
def judge_recorded(observing, tmp_path, account):
    """What `verify` says of each exchange: exported in parts, because a process for each takes long."""
    def judge(answers, *, form="http", code):
        judged = []
        for begin in range(0, len(answers), JUDGED_AT_ONCE):
            ids = [answer.id for answer in answers[begin:begin + JUDGED_AT_ONCE]]
            file = tmp_path / f"{ids[0]}.{form}"
            assert observing.command("log", "export", "--format", form, "-o", file, *ids).returncode == 0
            done = observing.command("verify", file, "--json")
            assert done.returncode == code, (done.stdout, done.stderr)
            assert not any(hidden.encode() in done.stdout + done.stderr for hidden in (account.secret, account.key))
            judged += [json.loads(line) for line in done.stdout.decode().splitlines()]
        assert len(judged) == len(answers)
        return judged
    return judge


def mock_reasons(state_dir):
    """Why the mock exchange refused each, as the record has it: what is called Countersign- reaches no client through the
    proxy, which alone speaks by that name."""
    heads = {one.id: one.upstream_response.partition(b"\r\n\r\n")[0] for one in store.exchanges(state_dir)}
    return {number: "".join(field_values(parse_fields(head), "Countersign-Mock-Refusal")) for number, head in heads.items()}


def judge_one(proxy, number):
    done = proxy.command("verify", number, "--json")
    return done.returncode, json.loads(done.stdout)


def check_named(proxy, judge_recorded, answers, expected):
    assert recorded_verdicts(proxy, answers) == ["wrong"] * len(answers)
    assert {str(code_of(answer)) for answer in answers} == {"3005"}, "the exchange refused each for its signature"
    judged = judge_recorded(answers, code=1)
    assert [names_of(result) for result in judged] == expected
    assert {result["verdict"] for result in judged} == {"found"}
    for place in random.Random(1).sample(range(len(answers)), 5):
        code, result = judge_one(proxy, answers[place].id)
        assert (code, names_of(result)) == (1, expected[place])


def check_mock_names(state_dir, answers, expected):
    """The exchange's own word for each."""
    said = mock_reasons(state_dir)
    for answer, names in zip(answers, expected):
        reason = said[answer.id]
        assert reason.startswith("signature differs") and (f"({'+'.join(names)})" in reason or OF_HOSTS & set(names)), reason


# --- what is signed wrongly ---

def single_ways(account):
    """Each recipe, with a request in which no simpler one gives its signature."""
    for name in recipes():
        for request in map(to_send, REQUESTS):
            singles = single_signatures(request, account.key, account.secret)
            if singles[(name,)] and simplest(singles, singles[(name,)]) == (name,):
                yield request, (name,)
                break
        else:
            pytest.fail(f"no request here in which {name} alone makes that difference")


def pair_ways(account):
    """Pairs of recipes at random, with a request in which they alone give their signature."""
    choose = random.Random(7)
    tables = []
    for request in map(to_send, PAIRED):
        singles = set(single_signatures(request, account.key, account.secret).values())
        pairs = pair_signatures(request, account.key, account.secret)
        times = {}
        for signature in pairs.values():
            times[signature] = times.get(signature, 0) + 1
        tables.append((request, [pair for pair, signature in pairs.items()
                                 if signature and signature not in singles and times[signature] == 1]))
    ways = {}
    while len(ways) < PAIRS:
        request, pairs = choose.choice(tables)
        ways.setdefault(choose.choice(pairs), request)
    return [(request, pair) for pair, request in ways.items()]


def test_each_recipe_that_is_sent_through_observe_is_named(observing, state_dir, judge_recorded, account):
    ways = list(single_ways(account))
    assert len(ways) == len(recipes())
    answers = send_wrong(observing, account, ways)
    expected = [names for _, names in ways]
    check_named(observing, judge_recorded, answers, expected)
    check_mock_names(state_dir, answers, expected)


@pytest.mark.once
def test_two_hundred_pairs_that_are_sent_through_observe_are_named(observing, state_dir, judge_recorded, account):
    ways = pair_ways(account)
    answers = send_wrong(observing, account, ways)
    expected = [names for _, names in ways]
    check_named(observing, judge_recorded, answers, expected)
    check_mock_names(state_dir, answers, expected)


def test_a_har_of_the_record_is_judged_as_the_record_is(observing, judge_recorded, account):
    ways = list(single_ways(account))[::10]
    answers = send_wrong(observing, account, ways)
    assert [names_of(result) for result in judge_recorded(answers, form="har", code=1)] == [names for _, names in ways]


@pytest.mark.parametrize("names", [("with-host",), ("with-url",), ("with-url", "key-raw"), ("json-compact", "with-host")])
def test_the_exchanges_own_url_is_recognised_where_the_proxys_is_called(observing, upstream, account, names):
    """The base URL is changed, and what is signed comes from elsewhere in the bot."""
    request = now(replace(to_send(PAIRED[0]), scheme="https", host=upstream.host))
    signature = wrong_signer.sign(request, names, dimensions(), account.key, account.secret)
    with observing.client("judge") as client:
        answer = send(client, request, signature, account)
    observing.record(answer.id)
    code, result = judge_one(observing, answer.id)
    assert (code, names_of(result)) == (1, names)
    assert upstream.host in result["signed"]["payload"]


def test_a_signature_of_raw_bytes_is_named_where_http_carries_it(observing, state_dir, account):
    """As a client sends it that writes latin-1: most digests hold a byte that no header field may have, about one in a
    hundred does not. The other recipes' test sends it percent-encoded."""
    for number in range(100_000):
        request = now(Request(body=b'{"clOrdId":"%d"}' % number))
        digest = bytes.fromhex(right(request, account))
        if all(0x20 < byte != 0x7F for byte in digest):
            break
    head = "".join(f"{name}: {value}\r\n" for name, value in fields_of(request, "@", account)
                   + [("Content-Length", str(len(request.body)))])
    raw = f"POST {PLACE} HTTP/1.1\r\nHost: {HERE['host']}\r\n{head}\r\n".encode().replace(b"@", digest) + request.body
    with observing.client() as client:
        answer = client.exchange(raw)
    observing.record(answer.id)
    assert recorded_verdicts(observing, [answer]) == ["wrong"]
    code, result = judge_one(observing, answer.id)
    assert (code, names_of(result)) == (1, ("sign-raw",))
    assert "(sign-raw)" in mock_reasons(state_dir)[answer.id]


# --- what is signed right, and what nobody can explain ---

def well_formed():
    """Requests that the mock takes, written in the ways that bots write them."""
    written = {"symbol": "BTCUSDT", "side": "BUY", "ordType": "LIMIT", "ordPrice": wrong_signer.Number("2.0E+4"),
               "ordQty": "0.001"}
    for number, spacing in enumerate(wrong_signer.SPACINGS):
        for ending in (b"", b"\n"):
            text = {**written, "clOrdId": f"own-{number}-{len(ending)}"}
            yield Request(target=PLACE, body=wrong_signer.dumped(text, spacing, json.dumps).encode() + ending)
    yield from (Request(target=BALANCE, body=body) for body in (b"{}", b"{ }", b"{}\n"))
    for query in ("", "?symbol=BTCUSDT", "?symbol=%42TCUSDT", "?symbol=BTCUSDT&x=a+b%20c%2f", "?b=2&a=1&symbol=btcusdt", "?"):
        yield Request(method="GET", target=ACTIVE + query)


def test_what_is_signed_right_is_accepted_and_never_accused(observing, judge_recorded, account):
    with observing.client() as client:
        sent = [now(request) for request in well_formed()]
        answers = [send(client, request, right(request, account), account) for request in sent]
    assert [str(code_of(answer)) for answer in answers] == ["0"] * len(sent)
    observing.record(answers[-1].id)
    assert recorded_verdicts(observing, answers) == ["right"] * len(sent)
    judged = judge_recorded(answers, code=0)
    assert [(result["verdict"], result["recipes"]) for result in judged] == [("right", [])] * len(sent)
    assert judge_one(observing, answers[0].id)[0] == 0


def test_odd_requests_that_are_signed_right_are_never_accused(observing, upstream, judge_recorded, account):
    with observing.client("judge") as client:
        sent = [now(request) for request in shapes()]
        answers = [send(client, request, right(request, account), account) for request in sent]
    assert [request.verdict for request in upstream.requests()] == [coinstore.ACCEPTED] * len(sent)
    observing.record(answers[-1].id)
    assert recorded_verdicts(observing, answers) == ["right"] * len(sent)
    judged = judge_recorded(answers, code=0)
    assert [(result["verdict"], result["recipes"]) for result in judged] == [("right", [])] * len(sent)


def test_random_signatures_are_answered_with_none_of_many_recipes(observing, state_dir, judge_recorded, account):
    with observing.client() as client:
        sent = [(now(to_send(request)), secrets.token_hex(size)) for request in REQUESTS for size in (32, 20, 64)]
        answers = [send(client, request, signature, account) for request, signature in sent]
    observing.record(answers[-1].id)
    assert recorded_verdicts(observing, answers) == ["wrong"] * len(sent)
    said = mock_reasons(state_dir)
    for (request, _), answer, result in zip(sent, answers, judge_recorded(answers, code=1)):
        assert (result["verdict"], result["recipes"]) == ("none", [])
        assert f"none of {result['tried']} recipes" in result["sentence"] and "another secret" in result["sentence"]
        assert result["tried"] > (2000 if request.body and request.query else 700)
        assert "none of " in said[answer.id] and "most likely another secret" in said[answer.id]
    code, result = judge_one(observing, answers[0].id)
    assert (code, result["verdict"]) == (1, "none")
