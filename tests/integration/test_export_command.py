"""`countersign log export`: what other tools make of it. The scripts are run for real, HAR is judged by har.py, raw messages
are read by a reader of these tests' own."""
import base64
import gzip
import json
import re
import socket
import stat
import subprocess
import sys

import pytest

import har
from program import poll
from rawhttp import DEADLINE_S, build_request, chunked, parse_fields
from terminal import Terminal
from upstream import http_answer, sends

ACTIVE = "/api/trade/order/active"
PLACE = "/api/trade/order/place"
ACCOUNTS = "/api/spot/accountList"
VIEWS = ["client-request", "upstream-request", "upstream-response", "client-response"]
JSON = ("Content-Type", "application/json")
EVERY_BYTE = bytes(range(256))


def record_one(proxy, raw):
    """Sends the bytes as they are; the exchange's id, once it is recorded."""
    with proxy.client() as client:
        number = client.exchange(raw).id
    proxy.record(number)
    return number


def export(proxy, *arguments):
    done = proxy.command("log", "export", *map(str, arguments))
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


def refused(proxy, *arguments):
    done = proxy.command("log", "export", *map(str, arguments))
    assert done.returncode == 2, done.stdout
    message = done.stderr.decode()
    assert message.count("\n") >= 1
    return message


def exchange_of(raw_head):
    """The head as facts that may be compared: its first line and its fields in any order, Host aside."""
    head = raw_head.split(b"\r\n\r\n")[0]
    fields = [(name.lower(), value) for name, value in parse_fields(head) if name.lower() != "host"]
    return head.split(b"\r\n")[0], sorted(fields)


def new_exchanges(proxy, before, count=1):
    """The ids above `before`, once so many are there and none is in flight."""
    def look():
        found = [each for each in proxy.log() if each["id"] > before]
        return len(found) >= count and all(each["outcome"] != "in_flight" for each in found) and found
    return [each["id"] for each in poll("what the script sent is recorded", look)]


def run_script(interpreter, path, env):
    done = subprocess.run([*interpreter, path], env=env, capture_output=True, timeout=DEADLINE_S, check=False,
                          cwd=path.parent)
    assert done.returncode == 0, done.stderr.decode()
    return done


def assert_sent_again(proxy, old, new):
    first, second = proxy.view(old, "client-request"), proxy.view(new, "client-request")
    assert first.split(b"\r\n\r\n", 1)[1] == second.split(b"\r\n\r\n", 1)[1]
    assert exchange_of(first) == exchange_of(second)


CASES = {
    "GET": build_request("GET", f"{ACTIVE}?symbol=BTCUSDT", [("Accept", "*/*"), ("User-Agent", "it's a 'bot'")]),
    "no fields": build_request("GET", ACTIVE),
    "JSON": build_request("POST", PLACE, [JSON, ("X-Empty", ""), ("X-A", "a'b\"c$d`e\\f")], b'{"a":"it\'s %s"}'),
    "@ at the beginning": build_request("POST", PLACE, [JSON], b"@/etc/passwd"),
    "line ends": build_request("POST", PLACE, [JSON], b"a\nb\r\nc\n\n"),
    "every byte": build_request("POST", PLACE, [JSON], EVERY_BYTE * 3),
    "every byte but NUL": build_request("POST", PLACE, [JSON], EVERY_BYTE[1:]),
    "form": build_request("POST", PLACE, [("Content-Type", "application/x-www-form-urlencoded")], b"a=1&b=%20+x"),
    "empty body": build_request("POST", ACCOUNTS, [JSON], b""),
    "200 kB": build_request("POST", PLACE, [JSON], b"'x\\" * 70_000),
}
TARGETS = {
    "braces": f"{ACTIVE}?a={{1,2}}&b=[1-9]",
    "percent": f"{ACTIVE}?a=%2f%2F%zz%",
    "dots": "/api/../api/./trade/order/active",
    "quotes": f"{ACTIVE}?a='b'\"c\"$(d)`e`",
    "empty query": f"{ACTIVE}?",
    "at and colon": f"{ACTIVE}?a=@b:c;d,e|f^g\\h",
}


@pytest.mark.parametrize("raw", CASES.values(), ids=CASES)
@pytest.mark.parametrize("to_file", [True, False], ids=["file", "pipe"])
def test_the_curl_script_sends_the_very_request(proxy, env, tmp_path, raw, to_file):
    old = record_one(proxy, raw)
    script = tmp_path / "it's a script.sh"
    if to_file:
        export(proxy, old, "--format", "curl", "--to", proxy.address(), "-o", script)
    else:
        script.write_bytes(export(proxy, old, "--format", "curl", "--to", proxy.address()))
    run_script(["sh"], script, env)
    [new] = new_exchanges(proxy, old)
    assert_sent_again(proxy, old, new)


def test_the_curl_script_finds_its_bodies_from_anywhere_and_sends_none_without_them(proxy, env, tmp_path):
    old = record_one(proxy, CASES["every byte"])
    script = tmp_path / "it's a folder" / "script.sh"
    script.parent.mkdir()
    export(proxy, old, "--format", "curl", "--to", proxy.address(), "-o", script)
    env = {**env, "CDPATH": "/"}
    done = subprocess.run(["sh", script.relative_to(tmp_path)], env=env, cwd=tmp_path, capture_output=True,
                          timeout=DEADLINE_S, check=False)
    assert done.returncode == 0, done.stderr.decode()
    [new] = new_exchanges(proxy, old)
    assert_sent_again(proxy, old, new)
    (script.parent / f"script.sh.body-{old}").unlink()
    done = subprocess.run(["sh", script], env=env, cwd=tmp_path, capture_output=True, timeout=DEADLINE_S, check=False)
    assert done.returncode == 1 and b"missing" in done.stderr
    assert [each["id"] for each in proxy.log() if each["id"] > new] == []


def test_the_curl_script_tells_its_answers_apart(proxy, env, tmp_path):
    ids = [record_one(proxy, build_request("GET", f"{ACTIVE}?n={n}")) for n in range(2)]
    script = tmp_path / "script.sh"
    export(proxy, *ids, "--format", "curl", "--to", proxy.address(), "-o", script)
    done = run_script(["sh"], script, env)
    body = proxy.view(ids[0], "client-response").split(b"\r\n\r\n", 1)[1]
    assert done.stdout == b"".join(f"exchange {each}:\n".encode() + body + b"\n" for each in ids)
    assert done.stderr == b""


def test_a_script_cannot_be_made_to_send_elsewhere(proxy, env, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as elsewhere:
        old = record_one(proxy, build_request("GET", f"@127.0.0.1:{elsewhere.getsockname()[1]}/x"))
        for interpreter, form in ((["sh"], "curl"), ([sys.executable], "python")):
            script = tmp_path / form
            export(proxy, old, "--format", form, "--to", proxy.address(), "-o", script)
            run_script(interpreter, script, env)
        elsewhere.setblocking(False)
        with pytest.raises(BlockingIOError):  # nobody came
            elsewhere.accept()
    [new] = new_exchanges(proxy, old)
    assert_sent_again(proxy, old, new)  # by curl


@pytest.mark.parametrize("target", TARGETS.values(), ids=TARGETS)
def test_the_curl_script_keeps_the_target(proxy, env, tmp_path, target):
    old = record_one(proxy, build_request("GET", target))
    script = tmp_path / "script.sh"
    export(proxy, old, "--format", "curl", "--to", proxy.address(), "-o", script)
    run_script(["sh"], script, env)
    [new] = new_exchanges(proxy, old)
    assert_sent_again(proxy, old, new)


def test_curl_is_not_misled_by_the_environment(proxy, env, tmp_path):
    old = record_one(proxy, CASES["GET"])
    script = tmp_path / "script.sh"
    export(proxy, old, "--format", "curl", "--to", proxy.address(), "-o", script)
    run_script(["sh"], script, {**env, "http_proxy": "http://127.0.0.1:1"})
    assert len(new_exchanges(proxy, old)) == 1


def test_a_chunked_body_is_sent_with_a_length(proxy, env, tmp_path):
    raw = build_request("POST", PLACE, [JSON, ("Transfer-Encoding", "chunked")]) + chunked(b"ab", b"c")
    old = record_one(proxy, raw)
    for interpreter, form in ((["sh"], "curl"), ([sys.executable], "python")):
        script = tmp_path / form
        export(proxy, old, "--format", form, "--to", proxy.address(), "-o", script)
        run_script(interpreter, script, env)
    for new in new_exchanges(proxy, old, count=2):
        assert proxy.view(new, "client-request").endswith(b"\r\n\r\nabc")


@pytest.mark.parametrize("name", [name for name in CASES if name != "no fields"])
def test_the_python_script_sends_the_very_request(proxy, env, tmp_path, name):
    old = record_one(proxy, CASES[name])
    script = tmp_path / "script.py"
    export(proxy, old, "--format", "python", "--to", proxy.address(), "-o", script)
    said = run_script([sys.executable], script, env).stdout.decode()
    assert said.startswith(f"exchange {old}: HTTP 200\n")
    [new] = new_exchanges(proxy, old)
    assert_sent_again(proxy, old, new)


@pytest.mark.parametrize("query", ["a=%2F&b=x,y;z", "a=1&&b", "a=(1)*'!$", "a=~b:c@d?e/f"])
def test_the_python_script_keeps_targets_that_need_no_encoding(proxy, env, tmp_path, query):
    old = record_one(proxy, build_request("GET", f"{ACTIVE}?{query}"))
    script = tmp_path / "script.py"
    text = export(proxy, old, "--format", "python", "--to", proxy.address())
    assert b"urllib3 encodes" not in text
    script.write_bytes(text)
    run_script([sys.executable], script, env)
    [new] = new_exchanges(proxy, old)
    assert_sent_again(proxy, old, new)


def test_scripts_of_several_exchanges_send_each_once_and_in_order(proxy, env, tmp_path):
    ids = [record_one(proxy, build_request("GET", f"{ACTIVE}?n={n}")) for n in range(3)]
    script = tmp_path / "script.sh"
    export(proxy, "--format", "curl", "--to", proxy.address(), "-o", script, "--path", ACTIVE)
    run_script(["sh"], script, env)
    new = poll("all three are recorded", lambda: len(found := new_exchanges(proxy, ids[-1])) == 3 and found)
    assert [proxy.view(each, "client-request").split(b" ")[1] for each in sorted(new)] == \
        [f"{ACTIVE}?n={n}".encode() for n in range(3)]


def test_har_is_as_the_specification_says(proxy, upstream):
    plain = b'{"code":0,"data":"\xc3\xa9"}'
    answers = {"/api/a": http_answer(plain, fields=[JSON]),
               "/api/b": http_answer(gzip.compress(plain), fields=[JSON, ("Content-Encoding", "gzip")]),
               "/api/c": http_answer(EVERY_BYTE),
               "/api/d": http_answer(b"", "302 Found", fields=[("Location", "/elsewhere")])}
    for path, answer in answers.items():
        upstream.script(path, sends(answer))
        record_one(proxy, build_request("GET", f"{path}?x=%20y&z&=1&e=", [JSON]))
    record_one(proxy, build_request("POST", PLACE, [JSON], EVERY_BYTE))
    record_one(proxy, build_request("POST", "/api/fi/v3/asset/doWithdraw", [JSON], b"{}"))  # refused
    entries = har.check(json.loads(export(proxy, "--format", "har")))
    assert len(entries) == 6
    assert [har.check_body(entry["response"]["content"]) for entry in entries[:4]] == [plain, plain, EVERY_BYTE, b""]
    assert entries[0]["request"]["url"] == f"https://{upstream.host}/api/a?x=%20y&z&=1&e="
    assert entries[0]["request"]["queryString"] == [
        {"name": "x", "value": " y"}, {"name": "z", "value": ""}, {"name": "", "value": "1"}, {"name": "e", "value": ""}]
    assert entries[3]["response"]["redirectURL"] == "/elsewhere"
    assert base64.b64decode(entries[4]["request"]["postData"]["text"]) == EVERY_BYTE
    assert entries[5]["response"]["status"] == 403 and "serverIPAddress" not in entries[5]
    for entry in entries:
        assert entry["_countersign"] == proxy.record(entry["_countersign"]["id"])
        names = [pair["name"].lower() for pair in entry["request"]["headers"]]
        assert ("x-cs-sign" in names) == (entry is not entries[5])


def test_an_exchange_without_an_answer_is_an_entry_too(proxy, upstream):
    upstream.script(PLACE, lambda request, wire: False)
    record_one(proxy, build_request("POST", PLACE, [JSON], b"{}"))
    [entry] = har.check(json.loads(export(proxy, "--format", "har", "--outcome", "unknown")))
    assert entry["response"]["status"] == 0 and entry["response"]["bodySize"] == -1


def read_messages(data):
    """The grammar of include/countersign/export.h."""
    messages = []
    while data:
        title, data = data.split(b"\n", 1)
        match = re.fullmatch(rb"### countersign exchange (i?\d+) ([a-z-]+) (\d+)\+(\d+)", title)
        assert match, title
        head, body = int(match[3]), int(match[4])
        messages.append((match[1].decode(), match[2].decode(), data[:head], data[head:head + body]))
        assert data[head + body:head + body + 1] == b"\n"
        data = data[head + body + 1:]
    return messages


def test_raw_messages_hold_every_byte_of_every_view(proxy):
    ids = [record_one(proxy, CASES["every byte"]), record_one(proxy, CASES["GET"])]
    messages = read_messages(export(proxy, "--format", "http"))
    assert [(number, view) for number, view, _, _ in messages] == \
        [(str(number), view) for number in ids for view in VIEWS]
    for number, view, head, body in messages:
        assert head + body == proxy.view(int(number), view)
        assert head.endswith(b"\r\n\r\n")


def test_one_view_of_one_exchange_is_fit_for_a_socket(proxy):
    old = record_one(proxy, CASES["JSON"])
    raw = export(proxy, old, "--format", "http", "--view", "client-request")
    with proxy.client() as client:
        assert client.exchange(raw).status == 200
    assert raw == CASES["JSON"]


def test_json_lines_are_the_objects_of_log_show(proxy):
    ids = [record_one(proxy, raw) for raw in list(CASES.values())[:3]]
    lines = export(proxy, "--format", "jsonl").splitlines(keepends=True)
    assert lines == [proxy.command("log", "show", number, "--json").stdout for number in ids]


@pytest.mark.parametrize("form", ["har", "http"])
def test_what_is_exported_can_be_imported(proxy, tmp_path, form):
    old = record_one(proxy, CASES["every byte"])
    file = tmp_path / f"exchanges.{form}"
    export(proxy, old, "--format", form, "-o", file)
    done = proxy.command("log", "import", file)
    assert done.returncode == 0, done.stderr.decode()
    for view in VIEWS:
        imported = proxy.command("log", "show", "i1", "--raw", "--view", view)
        assert imported.stdout == proxy.view(old, view)


PRIVATE = {
    "account id": "1134971", "order": "11594964764657880", "client order": "my-own-order", "balance": "13297.94999",
    "deposit address": "bc1qxy2kgdygjrsqtzq2n0yrf2493p83kkfjhx0wlh", "memo": "778899", "mail": "jane@example.net",
    "cookie": "session-7f3a", "bearer": "credential-91", "uid": "443322", "forwarded": "198.51.100.77",
}


@pytest.mark.parametrize("form", ["har", "jsonl", "http", "curl", "python"])
def test_nothing_private_is_in_what_is_shared(proxy, upstream, account, form, tmp_path):
    answer = json.dumps({"code": 0, "message": f"order {PRIVATE['order']} of {PRIVATE['client order']}", "data": [
        {"uid": int(PRIVATE["uid"]), "accountId": int(PRIVATE["account id"]), "balance": PRIVATE["balance"],
         "currency": "USDT", "address": PRIVATE["deposit address"], "memo": PRIVATE["memo"], "note": PRIVATE["mail"],
         "ordPrice": "9.1E-10", "orderIds": [int(PRIVATE["order"])]}]}).encode()
    upstream.script(ACCOUNTS, sends(http_answer(answer)), sends(
        http_answer(gzip.compress(answer), fields=[JSON, ("Content-Encoding", "gzip")])), sends(
            http_answer(PRIVATE["mail"].encode())))
    body = json.dumps({"clOrdId": PRIVATE["client order"], "ordId": int(PRIVATE["order"])}).encode()
    for _ in range(3):
        record_one(proxy, build_request("POST", f"{ACCOUNTS}?ordId={PRIVATE['order']}", [
            JSON, ("Cookie", PRIVATE["cookie"]), ("Authorization", PRIVATE["bearer"]),
            ("X-Forwarded-For", PRIVATE["forwarded"]), ("X-CS-APIKEY", account.key)], body))
    text = export(proxy, "--format", form, "--share", "--to", "http://proxy.test:1").decode()
    decoded = [base64.b64decode(word) for word in re.findall(r'"([A-Za-z0-9+/]{16,}={0,2})"', text) if len(word) % 4 == 0]
    decoded += [gzip.decompress(piece) for piece in decoded if piece.startswith(b"\x1f\x8b")]
    encoded = " ".join(piece.decode("latin-1") for piece in decoded)
    record = proxy.record(1)
    hidden = {**PRIVATE, "key": account.key, "masked key": account.masked, "secret": account.secret,
              "signature": record["signing"]["signature"], "hash": record["signing"]["payloadSha256"],
              "client": "127.0.0.1", "listener": '"bot"', "account": '"main"'}
    for what, value in hidden.items():
        assert value not in text and value not in encoded, what
    assert "order-" in text and "hared" in text
    if form in ("har", "jsonl", "http"):
        assert "9.1E-10" in text and "USDT" in text


def test_shared_tokens_are_equal_where_values_are(proxy):
    first = record_one(proxy, build_request("GET", f"{ACTIVE}?ordId=77001&symbol=A"))
    second = record_one(proxy, build_request("POST", PLACE, [JSON], b'{"ordId":"77001","clOrdId":"77002"}'))
    objects = [json.loads(line) for line in export(proxy, first, second, "--format", "jsonl", "--share").splitlines()]
    token = re.search(r"ordId=(order-\d+)", objects[0]["target"])[1]
    sent = json.loads(objects[1]["views"]["clientRequest"]["body"])
    assert sent["ordId"] == token and sent["clOrdId"] != token
    assert objects[0]["listener"] == objects[1]["listener"]
    assert all(each["shared"] is True for each in objects)


def test_a_shared_har_is_one_too(proxy):
    record_one(proxy, CASES["every byte"])
    record_one(proxy, CASES["JSON"])
    shared = json.loads(export(proxy, "--format", "har", "--share"))
    assert len(har.check(shared)) == 2
    assert shared["log"]["_shared"] is True


def test_a_file_that_is_there_is_kept_but_for_force(proxy, tmp_path):
    record_one(proxy, CASES["GET"])
    file = tmp_path / "out.har"
    file.write_text("mine")
    assert "--force" in refused(proxy, "--format", "har", "-o", file)
    assert file.read_text() == "mine"
    export(proxy, "--format", "har", "-o", file, "--force")
    har.check(json.loads(file.read_text()))
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [each.name for each in tmp_path.iterdir() if each.name.startswith("out")] == ["out.har"]


def test_force_replaces_the_bodies_at_the_end_or_not_at_all(proxy, tmp_path):
    old = record_one(proxy, CASES["every byte"])
    script, body = tmp_path / "out", tmp_path / f"out.body-{old}"
    script.write_text("mine")
    body.write_text("mine too")
    assert "4711" in refused(proxy, old, 4711, "--format", "curl", "-o", script, "--force")
    assert script.read_text() == "mine" and body.read_text() == "mine too"
    script.unlink()
    assert "--force" in refused(proxy, old, "--format", "curl", "-o", script)
    assert body.read_text() == "mine too" and not script.exists()
    done = proxy.command("log", "export", str(old), "--format", "curl", "-o", script, "--force")
    assert done.returncode == 0
    assert body.read_bytes() == EVERY_BYTE * 3
    assert stat.S_IMODE(body.stat().st_mode) == 0o600
    assert f"wrote 1 exchange to {script}, and 1 of the bodies to {script}.body-ID" in done.stderr.decode()
    assert sorted(each.name for each in tmp_path.iterdir() if each.name.startswith("out")) == ["out", body.name]


def test_an_export_that_fails_leaves_nothing(proxy, tmp_path):
    old = record_one(proxy, CASES["every byte"])
    assert "4711" in refused(proxy, old, 4711, "--format", "curl", "-o", tmp_path / "out")
    assert [each.name for each in tmp_path.iterdir() if each.name.startswith("out")] == []


@pytest.mark.parametrize("arguments, says", [
    ([], "--format"),
    (["--format", "xml"], "`xml`"),
    (["--format", "har", "--view", "client-request"], "view"),
    (["--format", "http", "--view", "request"], "`request`"),
    (["--format", "curl", "--to", "ftp://x"], "`ftp://x`"),
    (["--format", "curl", "--to", "foo"], "`http://foo`"),
    (["--format", "python", "--to", "http://foo:0"], "http://HOST:PORT"),
    (["--format", "curl", "--to", "http://127.0.0.1:8787/path"], "http://HOST:PORT"),
    (["--format", "python", "--to", "http://a\n:8787"], "http://HOST:PORT"),
    (["--format", "curl", "--to", "http://me:secret@127.0.0.1:8787"], "http://HOST:PORT"),
    (["--format", "curl", "--to", "127.0.0.1:87870"], "http://HOST:PORT"),
    (["--format", "python", "--to", "unix:/run/x"], "unix socket"),
    (["--format", "har", "4711"], "4711"),
    (["--format", "har", "none"], "`none`"),
    (["--format", "har", "-o", "/nowhere/at/all"], "/nowhere/at/all"),
])
def test_what_cannot_be_exported_is_said_in_a_line(proxy, arguments, says):
    record_one(proxy, CASES["GET"])
    assert says in refused(proxy, *arguments)


def test_terminals_get_nothing_that_acts_on_them(proxy):
    plain, wild = record_one(proxy, CASES["GET"]), record_one(proxy, build_request("POST", PLACE, [JSON], b"\x1b[2J"))
    assert Terminal(proxy, "log", "export", plain, "--format", "http", "--view", "client-request").code == 0
    assert Terminal(proxy, "log", "export", plain, "--format", "har").code == 2
    for form in ("http", "curl"):
        shown = Terminal(proxy, "log", "export", wild, "--format", form)
        assert shown.code == 2 and "\x1b" not in shown.text and "control characters" in shown.text
    shown = Terminal(proxy, "log", "export", wild, "--format", "jsonl")
    assert shown.code == 0 and "\x1b" not in shown.text
