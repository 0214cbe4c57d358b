"""`countersign log import`: exchanges made elsewhere, beside the recorded ones. What curl sends is watched on a socket, and
what a shell makes of a command line is the shell's own doing."""
import json
import re
import socket
import stat
import subprocess
import threading

import pytest

from program import run
from rawhttp import Stream

KEY = "0123456789abcdef0123456789abcdef"


@pytest.fixture
def tool(env, tmp_path):
    """Runs `countersign log ...` on a state folder of its own, which need not be there."""
    def log(*arguments, stdin=b""):
        return run("log", *arguments, "--state-dir", tmp_path / "state", env=env, stdin=stdin)
    return log


def view(tool, number, name):
    done = tool("show", number, "--raw", "--view", name)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


def har(*entries):
    return json.dumps({"log": {"version": "1.2", "entries": entries}}).encode()


def entry(answer, body="{}"):
    return {"startedDateTime": "2026-02-10T16:53:14.290Z", "time": 5,
            "request": {"method": "POST", "url": "https://api.coinstore.com/api/spot/accountList",
                        "httpVersion": "HTTP/1.1", "postData": {"mimeType": "application/json", "text": body},
                        "headers": [{"name": "Host", "value": "api.coinstore.com"},
                                    {"name": "X-CS-APIKEY", "value": KEY}]},
            "response": {"status": 200, "statusText": "OK", "httpVersion": "HTTP/1.1", "headers": [],
                         "content": {"size": len(answer), "text": answer}},
            "timings": {"send": 0, "wait": 5, "receive": 0}}


def test_a_har_becomes_exchanges_with_ids_of_their_own(tool, tmp_path):
    (tmp_path / "a.har").write_bytes(har(entry('{"code":"0"}'), entry('{"code":1401,"msg":"unauthorized"}')))
    done = tool("import", tmp_path / "a.har")
    assert (done.returncode, done.stderr) == (0, b"")
    lines = done.stdout.decode().splitlines()
    assert [re.split(r"  +", line) for line in lines] == [
        ["i1", "POST /api/spot/accountList", "ok 0", "countersign log diff i1 last"],
        ["i2", "POST /api/spot/accountList", "api_error 1401", "countersign log diff i2 last"]]
    assert view(tool, "i1", "upstream-request") == (
        b"POST /api/spot/accountList HTTP/1.1\r\nHost: api.coinstore.com\r\nX-CS-APIKEY: 0123" + b"*" * 24 +
        b"cdef\r\n\r\n{}")
    assert view(tool, "i2", "client-response") == b'HTTP/1.1 200 OK\r\n\r\n{"code":1401,"msg":"unauthorized"}'


def test_the_api_key_is_in_no_file_of_the_store(tool, tmp_path):
    assert tool("import", "-", stdin=har(entry('{"code":0}'))).returncode == 0
    for path in (tmp_path / "state").rglob("*"):
        if path.is_file():
            assert KEY.encode() not in path.read_bytes(), path
            assert stat.S_IMODE(path.stat().st_mode) == 0o600, path


def test_an_import_without_an_answer_is_no_alarm(tool):
    done = tool("import", "-", stdin=b"curl https://h/p")
    assert "GET /p  no answer in the file  countersign log diff i1 last" in done.stdout.decode()
    for command in (["ls", "--imported"], ["show", "i1"]):
        text = tool(*command).stdout.decode()
        assert "no answer in the file" in text and "unknown" not in text, text
    assert json.loads(tool("show", "i1", "--json").stdout)["outcome"] == "unknown"


def test_the_next_import_goes_on_counting(tool):
    for number in (1, 2):
        done = tool("import", "--json", "-", stdin=b"curl https://h/p")
        assert json.loads(done.stdout)["id"] == -number


def test_entries_that_cannot_be_compared_are_counted_on_standard_error(tool):
    done = tool("import", "-", stdin=har({"request": {"method": "GET", "url": "data:,"}}, entry("")))
    assert done.returncode == 0
    assert done.stderr == b"left out: 1 of 2 entries; entry 1: its URL is not one of http or https\n"


@pytest.mark.parametrize("text, message", [
    (b'{"code":0}', "standard input: this is JSON but no HAR: it is no object with an object `log`"),
    (b'{"log":\n{', "standard input: line 2, byte 2: this is no JSON, and a HAR file is JSON of at most 64 levels"),
    (b"curl https://h/ -H \"X-CS-APIKEY: $KEY\"",
     "standard input: line 1: the shell would fill in $KEY: paste the command with values"),
    (b"GET / HTTP/1.1\nno field\n",
     "standard input: line 2: a header field `Name: value` was expected, or the empty line before the body"),
    (b"", "standard input: nothing is in it but blanks"),
    (b"\x1b[31m\xff", "standard input: line 1 (of 6 bytes, not shown, as it may be a secret) begins no HAR ({), "
                      "no curl command (curl) and no .http file (a request line or ###; without HTTP/1.1 at its end "
                      "with GET, POST, PUT, DELETE, PATCH, HEAD or OPTIONS)"),
], ids=["json", "broken", "variable", "field", "empty", "binary"])
def test_bad_input_is_one_line_and_exit_code_2_and_stores_nothing(tool, tmp_path, text, message):
    done = tool("import", "-", stdin=text)
    assert (done.returncode, done.stdout) == (2, b"")
    assert done.stderr.decode() == f"countersign log import: {message}\n"
    assert not (tmp_path / "state" / "capture.db").exists()


@pytest.mark.parametrize("text", [
    b"SECRET", b"\n\nSECRET\n", b"# remark\nSECRET", b"GET SECRET", b"GET /p HTTP/1.1\nSECRET\n",
    b"GET /p HTTP/1.1\nX-CS-APIKEY SECRET\n", b"GET https://user:SECRET@ HTTP/1.1\n\n", b"curl https://h/ -H SECRET",
    b"curl 'https://user:SECRET@' ", b"curl https://h/ --SECRET", b"curl https://h/ -u \"me:$SECRET\"",
    b"curl https://h/ -H \"X-CS-APIKEY: ${SECRET}\"", b"curl https://h/ -d @SECRET", b"curl https://h/ -qSECRET",
    b'{"log":{"entries":["SECRET"]}}', b'{"log":{"entries":[{"request":{"method":"SECRET"}}]}}', b'{"SECRET',
    b"{{SECRET}}", b"###\nGET {{SECRET}}\n", b"SECRET: x", b"https://user:SECRET@h:SECRET/\n"])
@pytest.mark.parametrize("secret", [b"mysecret-abcdef0123456789", b"0123456789abcdef0123456789abcdef", b"pass1WORD"])
@pytest.mark.parametrize("command", [("log", "import"), ("verify",), ("log", "diff", "i1")], ids=" ".join)
def test_no_message_about_a_wrong_file_quotes_a_secret(env, tmp_path, tool, command, text, secret):
    assert tool("import", "-", stdin=b"curl https://h/p").returncode == 0
    (tmp_path / "secret").write_bytes(text.replace(b"SECRET", secret))
    done = run(*command, tmp_path / "secret", "--state-dir", tmp_path / "state", env=env)
    assert secret not in done.stderr, done.stderr


def test_a_file_that_is_not_there_is_named(tool, tmp_path):
    done = tool("import", tmp_path / "no.har")
    assert (done.returncode, done.stdout) == (2, b"")
    assert done.stderr.decode() == f"countersign log import: {tmp_path}/no.har: No such file or directory\n"
    assert tool("import").returncode == 2
    assert tool("import", "--format", "xml", "-", stdin=b"x").returncode == 2


# --- this program's own curl export ---

@pytest.fixture
def script(tool, tmp_path):
    """Exports what was imported from a HAR with these bodies as a script of curl commands, by the file's name or by
    standard output."""
    def make(*bodies, named=True):
        (tmp_path / "a.har").write_bytes(har(*(entry("", body) for body in bodies)))
        assert tool("import", tmp_path / "a.har").returncode == 0
        path = tmp_path / "script.sh"
        ids = [f"i{number}" for number in range(1, len(bodies) + 1)]
        done = tool("export", *ids, "--format", "curl", "--to", "http://127.0.0.1:1", *(["-o", path] if named else []))
        assert done.returncode == 0, done.stderr.decode()
        if not named:
            path.write_bytes(done.stdout)
        return path
    return make


def test_an_own_export_of_curl_commands_is_read_without_being_told(tool, script):
    bodies = ["{}", "it's \n\r\n @ {\"a\": 1.0} $HOME `x` \\ é#"]
    path = script(*bodies)
    assert path.read_bytes().startswith(b"#!/bin/sh\n#")
    done = tool("import", "--json", path)
    assert done.returncode == 0, done.stderr.decode()
    ids = [json.loads(line)["id"] for line in done.stdout.splitlines()]
    assert ids == [-3, -4]
    for number, body in zip(("i3", "i4"), bodies):
        head, got = view(tool, number, "client-request").split(b"\r\n\r\n", 1)
        assert head.startswith(b"POST /api/spot/accountList HTTP/1.1\r\nHost: 127.0.0.1:1\r\n")
        assert got == body.encode()


@pytest.mark.parametrize("body", ["x" * 200_000, "a\0b"], ids=["long", "NUL"])
@pytest.mark.parametrize("named", [True, False], ids=["file", "printf"])
def test_a_body_that_an_own_export_has_elsewhere_is_refused_with_the_formats_that_keep_it(tool, script, body, named):
    done = tool("import", script(body, named=named))
    assert done.returncode == 2
    assert done.stderr.decode().endswith("; `log export` keeps such bodies with --format har or http\n")


# --- what curl sends ---

@pytest.fixture
def listening():
    """A port and what came to it: one request, answered."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        received = []

        def serve():
            connection, _ = server.accept()
            with connection:
                stream = Stream(connection)
                head = stream.take_through(b"\r\n\r\n")
                length = re.search(rb"(?im)^content-length: *(\d+)", bytes(stream.taken))
                if length:
                    stream.take(int(length.group(1)))
                received.append(bytes(stream.taken))
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            assert head

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield server.getsockname()[1], received, thread


COMMANDS = [
    "curl URL/p",
    "curl -sS -o /dev/null 'URL/p?x=%20&y=1#top'",
    "curl --location --request POST 'URL/api/spot/accountList' \\\n--header 'Content-Type: application/json' \\\n"
    "--data-raw '{\n  \"a\": 1.0\n}'",
    "curl 'URL/p' -H 'accept: x' -H 'X-Empty;' -H 'User-Agent:' -H 'x:y' -b 'a=1; b=2' -e ref --data-raw "
    "$'{\"a\":\"it\\'s \\u00e9\\x41\\101\\n\"}'",
    "curl -XPUT -da=1 -d b=2 \"URL/q\\\"\\$\\\\\\x\"",
    "curl -G -d a=1 --data-urlencode 'b=&%' 'URL/p?z=%2F%2f'",
    "curl --data-urlencode 'b=&+é' --data-urlencode '=/' 'URL/p%2F?z=%2F%2fé'",
    "curl --json '{\"a\":1}' --json '{}' -H 'X-Y: 1' URL/p",
    "curl -d '' -H 'Host: other' -H 'Accept:' URL",
    "curl -X POST URL?q=1",
    "curl -d a -H 'content-type: application/json' -H 'Content-Length: 1' URL/a;b",
    "curl -0 --path-as-is URL/a/../b/./c",
    "curl -A '' --request-target /else URL/p -b a=1 -b b=2",
]


@pytest.mark.parametrize("command", COMMANDS, ids=range(len(COMMANDS)))
def test_an_imported_command_is_what_curl_sends(tool, env, listening, command):
    port, received, thread = listening
    command = command.replace("URL", f"http://127.0.0.1:{port}").replace("a;b", "a';'b")
    subprocess.run(["bash", "-c", command], env={**env, "no_proxy": "*"}, check=True, capture_output=True, timeout=30)
    thread.join(30)
    done = tool("import", "-", stdin=command.encode())
    assert done.returncode == 0, done.stderr.decode()
    sent = re.sub(rb"(?m)^User-Agent: curl/[\d.]+\r$", b"User-Agent: curl\r", received[0])
    sent = re.sub(rb"(?im)^(cookie: )(.*)\r$", lambda found: found.group(1) + b"*" * len(found.group(2)) + b"\r", sent)
    assert view(tool, "i1", "client-request") == sent
