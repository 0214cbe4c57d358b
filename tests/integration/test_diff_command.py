"""`countersign log diff`, by the real program: what it finds, how it ends, and what it says to scripts and people. What must
be found is worked out here, from the bytes that were sent."""
import json

import pytest

from upstream import http_answer

PLACE = "/api/trade/order/place"
JSON_FIELDS = (("Content-Type", "application/json"),)
ORDER = {"symbol": "BTCUSDT", "side": "BUY", "ordType": "LIMIT", "ordPrice": "100", "ordQty": "0.01"}
COMPACT = (",", ":")


def body_of(order, separators=COMPACT):
    return json.dumps(order, separators=separators).encode()


@pytest.fixture
def place(proxy):
    """Sends an order; returns its exchange's number once it is recorded."""
    sent = []

    def send(body, fields=JSON_FIELDS):
        sent.append(proxy.request("POST", PLACE, fields, body))
        proxy.record(len(sent))
        return len(sent)
    return send


@pytest.fixture
def diff(proxy):
    def run(*arguments, ends_with):
        done = proxy.command("log", "diff", *map(str, arguments))
        assert done.returncode == ends_with, (done.stdout + done.stderr).decode()
        return done
    return run


@pytest.fixture
def findings(diff):
    """The verdict's object, and the findings'."""
    def run(*arguments, ends_with):
        lines = [json.loads(line) for line in diff(*arguments, "--json", ends_with=ends_with).stdout.splitlines()]
        assert [line["type"] for line in lines] == ["verdict"] + ["finding"] * (len(lines) - 1)
        return lines[0], lines[1:]
    return run


def pick(found, **values):
    return [finding for finding in found if values.items() <= finding.items()]


def test_the_same_order_twice_is_alike_but_for_what_must_differ(place, findings, diff):
    first, second = place(body_of(ORDER | {"timestamp": 1})), place(body_of(ORDER | {"timestamp": 2}))
    verdict, found = findings(first, second, ends_with=0)
    assert verdict["alike"] and verdict["verdict"].startswith("Alike but for what must differ: ")
    assert {f["subject"] for f in pick(found, weight="expected")} >= {"X-CS-EXPIRES", "X-CS-SIGN", "$.timestamp"}
    assert not pick(found, weight="real") and not pick(found, weight="cosmetic")
    assert b"$.timestamp" in diff(first, second, "--all", ends_with=0).stdout


def test_spaced_and_compact_json_say_the_same_and_are_signed_as_other_bytes(place, findings, diff):
    compact, spaced = body_of(ORDER), body_of(ORDER, (", ", ": "))
    first, second = place(compact), place(spaced)
    verdict, found = findings(first, second, ends_with=1)
    assert "written otherwise" in verdict["verdict"]
    assert not pick(found, weight="real")
    space, = pick(found, change="white-space")
    assert (space["aSpace"], space["bSpace"]) == (0, len(spaced) - len(compact))
    sent, = pick(found, section="request", part="body", change="bytes")
    offset = next(i for i, (a, b) in enumerate(zip(compact, spaced)) if a != b)
    assert (sent["offset"], sent["aLength"], sent["bLength"]) == (offset, len(compact), len(spaced))
    assert compact[sent["windowOffset"]:].startswith(sent["aWindow"].encode())
    shown = max(offset // 16 * 16 - 16, 0) + 3 * 16  # bytes before the end of the three rows in hex
    text = diff(first, second, "--all", "--no-pager", ends_with=1).stdout.decode()
    assert f"... {len(compact) - shown} more bytes in A, {len(spaced) - shown} in B\n" in text
    hashes, = pick(found, subject="SHA-256")
    assert hashes["a"] != hashes["b"]
    text = diff(first, second, ends_with=1).stdout.decode()
    assert text.startswith(verdict["verdict"] + "\n")
    assert "other bytes, so another signature" in text


def test_each_value_that_differs_is_found_by_its_path(place, findings):
    first = place(b'{"symbol":"BTCUSDT","orders":[{"p":1},{"p":2}],"big":11594964764657880,"n":9.1E-10,"gone":1}')
    second = place(b'{"symbol":"ETHUSDT","orders":[{"p":1},{"p":3}],"big":11594964764657881,"n":0.00000000091,"new":1}')
    _, found = findings(first, second, ends_with=1)
    real = {(f["subject"], f["change"], f["a"], f["b"]) for f in pick(found, part="json", weight="real")}
    assert real == {
        ("$.symbol", "value", '"BTCUSDT"', '"ETHUSDT"'),
        ("$.orders[1].p", "value", "2", "3"),
        ("$.big", "value", "11594964764657880", "11594964764657881"),  # one double
        ("$.gone", "missing", "1", None),
        ("$.new", "added", None, "1"),
    }
    form, = pick(found, change="number-form")
    assert form["subject"] == "$.n" and form["weight"] == "cosmetic"


def test_fields_are_found_missing_added_moved_and_in_other_case(place, findings):
    body = body_of(ORDER)
    first = place(body, (("Content-Type", "application/json"), ("One", "1"), ("Two", "2"), ("Gone", "x")))
    second = place(body, (("content-type", "application/json"), ("Two", "2"), ("One", "1"), ("New", "y")))
    _, found = findings(first, second, ends_with=1)
    fields = {(f["subject"], f["change"]) for f in pick(found, section="request", part="field")
              if f["weight"] in ("real", "cosmetic")}
    moved = {name for name, change in fields if change == "moved"}
    assert len(moved) == 1 and moved < {"One", "Two"}
    assert {field for field in fields if field[1] != "moved"} == {
        ("Content-Type", "case"), ("Gone", "missing"), ("New", "added")}


def test_what_the_client_sent_is_what_left_but_for_what_countersign_sets(place, findings):
    number = place(body_of(ORDER), JSON_FIELDS + (("X-Own", "kept"),))
    verdict, found = findings(number, "--view", "client,upstream", ends_with=0)
    assert verdict["a"]["requestView"] == "client-request" and verdict["b"]["requestView"] == "upstream-request"
    assert {f["subject"] for f in pick(found, weight="expected")} >= {"Host", "X-CS-APIKEY", "X-CS-SIGN", "X-CS-EXPIRES"}
    assert {f["change"] for f in pick(found, section="signed")} == {"same"}
    findings(number, "--view", "upstream-response,client-response", ends_with=0)


def test_answers_are_compared_by_what_became_of_them(place, findings, upstream):
    first = place(body_of(ORDER))
    upstream.script(PLACE, lambda _, wire: wire.send(http_answer(b'{"code":"1401","message":"unauthorized"}')) or True)
    second = place(body_of(ORDER))
    verdict, found = findings(first, second, ends_with=1)
    assert "the answers are ok" in verdict["verdict"] and "api_error 1401 (unauthorized)" in verdict["verdict"]
    assert verdict["counts"]["request"]["real"] == 0
    code, = pick(found, part="outcome", subject="code")
    assert code["b"] == "1401"


def test_an_exchange_is_compared_with_a_file(place, findings, diff, proxy, tmp_path):
    body = body_of(ORDER)
    number = place(body)
    head = proxy.view(number, "upstream-request")
    example = tmp_path / "example.http"
    example.write_bytes(head)
    verdict, found = findings(number, example, ends_with=0)
    assert verdict["b"]["name"] == str(example) and not pick(found, weight="real")
    example.write_bytes(head.replace(b'"100"', b'"101"'))
    _, found = findings(number, example, ends_with=1)
    assert [f["subject"] for f in pick(found, weight="real", part="json")] == ["$.ordPrice"]
    two = tmp_path / "two.http"
    two.write_bytes(b"###\n" + head + b"\n###\n" + head.replace(b'"100"', b'"101"') + b"\n")
    assert b"say which" in diff(number, two, ends_with=2).stderr
    findings(number, f"{two}#1", ends_with=0)
    findings(number, f"{two}#2", ends_with=1)
    assert b"there is no #3" in diff(number, f"{two}#3", ends_with=2).stderr


def test_trouble_is_one_line_and_2(place, diff, tmp_path):
    number = place(body_of(ORDER))
    broken = tmp_path / "broken.har"
    broken.write_bytes(b'{"log":')
    for arguments, said in (((number,), b"with what?"), ((number, 99), b"no exchange 99"),
                            ((number, tmp_path / "none"), b"No such file"), ((number, broken), b"broken.har"),
                            ((number, "--view", "client"), b"two views"), ((number, "--view", "a,b"), b"--view takes"),
                            ((number, "--view", "client,client-response"), b"a request and an answer"),
                            ((), b"which exchanges?")):
        done = diff(*arguments, ends_with=2)
        assert said in done.stderr and done.stdout == b""
        assert done.stderr.count(b"\n") <= 2  # the message, and where to read more


def test_a_view_that_is_not_there_is_trouble(proxy, diff):
    proxy.request("POST", "/api/fi/v3/asset/doWithdraw", JSON_FIELDS, b"{}")  # refused: nothing leaves
    proxy.record(1)
    assert b"has no upstream request" in diff(1, "--view", "client,upstream", ends_with=2).stderr


def test_the_key_and_the_secret_are_in_no_output(place, diff, account):
    first, second = place(body_of(ORDER)), place(body_of(ORDER | {"ordPrice": "1"}))
    for options in ((), ("--all",), ("--json",)):
        out = diff(first, second, *options, ends_with=1).stdout.decode()
        assert account.key not in out and account.secret not in out
    assert account.masked in diff(first, "--view", "client,upstream", "--all", ends_with=0).stdout.decode()


def test_the_short_words_for_views_are_read_by_show_and_export_too(place, proxy):
    number = str(place(body_of(ORDER)))
    for short, whole in (("client", "client-request"), ("upstream", "upstream-request")):
        done = proxy.command("log", "show", number, "--raw", "--view", short)
        assert done.returncode == 0 and done.stdout == proxy.view(int(number), whole)


def test_the_help_keeps_each_option_apart_from_what_it_says(proxy):
    lines = proxy.command("log", "diff", "--help").stdout.decode().splitlines()
    option, = (i for i, line in enumerate(lines) if "--view VIEW[,VIEW]" in line and line.startswith(" " * 6 + "--"))
    assert lines[option].endswith("VIEW]") and lines[option + 1].startswith(" " * 24 + "of one exchange")
    assert max(map(len, lines)) <= 120
