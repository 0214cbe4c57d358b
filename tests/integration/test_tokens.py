"""A listener's token: without it nothing passes, and it stays between client and proxy."""
import secrets
from pathlib import Path

import pytest

import coinstore
from program import run
from rawhttp import field_values

pytestmark = pytest.mark.both

ACTIVE = "/api/trade/order/active"
BALANCE = "/api/spot/accountList"
TOKEN = secrets.token_hex(20)


@pytest.fixture
def guarded(start):
    """A proxy whose listener asks for the token."""
    def launch(mode="sign", **options):
        return start({"listener bot": {"token": "env:BOT_TOKEN", "mode": mode}}, env_changes={"BOT_TOKEN": TOKEN}, **options)
    return launch


def forwarded(upstream):
    return b"".join(request.raw for request in upstream.everything)


RIGHT = [
    [("Countersign-Token", TOKEN)],
    [("countersign-token", f"  {TOKEN}\t")],
    [("Authorization", f"Bearer {TOKEN}")],
    [("AUTHORIZATION", f"bearer   {TOKEN}")],
    [("Authorization", f"Bearer {TOKEN}"), ("Countersign-Token", TOKEN)],
]
WRONG = [
    [],
    [("Countersign-Token", "")],
    [("Countersign-Token", TOKEN[:-1])],
    [("Countersign-Token", TOKEN + "0")],
    [("Countersign-Token", TOKEN.upper() if TOKEN != TOKEN.upper() else TOKEN.swapcase() + "x")],
    [("Countersign-Token", TOKEN[1:] + TOKEN[:1] + "x")],
    [("Countersign-Token", "x" * 4000)],
    [("Countersign-Token", f"Bearer {TOKEN}")],
    [("Authorization", TOKEN)],
    [("Authorization", f"Basic {TOKEN}")],
    [("Authorization", f"Bearer {TOKEN[:-1]}")],
    [("X-Countersign-Token", TOKEN)],
    [("Countersign-Token", TOKEN), ("Countersign-Token", "another")],
    [("Authorization", f"Bearer {TOKEN}"), ("Countersign-Token", "another")],
]


@pytest.mark.parametrize("mode", ["sign", "observe"])
def test_a_right_token_lets_a_request_in_and_never_leaves(guarded, upstream, mode):
    proxy = guarded(mode)
    with proxy.client() as client:
        for fields in RIGHT:
            assert client.request("POST", BALANCE, [("X-A", "1"), *fields, ("X-B", "2")], b"{}").status == 200, fields
    assert len(upstream.requests()) == len(RIGHT)
    for request in upstream.requests():
        assert field_values(request.fields, "Countersign-Token") == field_values(request.fields, "Authorization") == []
        assert (request.field("X-A"), request.field("X-B")) == ("1", "2")
        assert mode == "observe" or request.verdict == coinstore.ACCEPTED
    assert TOKEN.encode() not in forwarded(upstream)


def test_anything_else_is_refused_on_a_connection_that_goes_on(guarded, upstream):
    proxy = guarded()
    with proxy.client() as client:
        for number, fields in enumerate(WRONG, 1):
            answer = client.request("POST", BALANCE, fields, b"{}")
            assert (answer.status, answer.error, answer.outcome) == (403, "token", "refused"), fields
            message = answer.json()["message"]
            assert "Countersign-Token" in message and "listener bot" in message and TOKEN not in message
            assert proxy.record(number)["error"] == "token"
        assert client.request("POST", BALANCE, RIGHT[0], b"{}").status == 200
    assert len(upstream.requests()) == 1


def test_no_method_passes_without_it(guarded, upstream):
    proxy = guarded()
    for method in ("GET", "PUT", "DELETE", "OPTIONS", "HEAD", "PATCH"):
        assert proxy.request(method, ACTIVE).status == 403
    assert upstream.everything == []


def test_an_authorization_that_is_not_the_token_is_the_clients_and_passes(guarded, upstream):
    proxy = guarded()
    proxy.request("GET", ACTIVE, [("Countersign-Token", TOKEN), ("Authorization", "Bearer something-else")])
    assert upstream.only_request().field("Authorization") == "Bearer something-else"


def test_a_listener_without_a_token_asks_for_none_and_still_forwards_no_countersign_token(start, upstream):
    proxy = start()
    proxy.request("GET", ACTIVE, [("Countersign-Token", TOKEN), ("Authorization", f"Bearer {TOKEN}")])
    request = upstream.only_request()
    assert field_values(request.fields, "Countersign-Token") == []
    assert request.field("Authorization") == f"Bearer {TOKEN}"


def test_each_listener_has_its_own(start, upstream):
    other = secrets.token_hex(20)
    proxy = start({"listener bot": {"token": "env:BOT_TOKEN"},
                   "listener open": {"listen": "127.0.0.1:0", "upstream": "spot", "account": "main"},
                   "listener other": {"listen": "127.0.0.1:0", "upstream": "spot", "account": "main",
                                      "token": "env:OTHER_TOKEN"}},
                  env_changes={"BOT_TOKEN": TOKEN, "OTHER_TOKEN": other})
    for listener, token, status in (("bot", TOKEN, 200), ("bot", other, 403), ("other", other, 200), ("other", TOKEN, 403),
                                    ("open", TOKEN, 200)):
        with proxy.client(listener) as client:
            assert client.request("GET", ACTIVE, [("Countersign-Token", token)]).status == status
    with proxy.client("open") as client:
        assert client.request("GET", ACTIVE).status == 200
    assert len(upstream.requests()) == 4


def test_the_token_is_in_no_file_no_output_no_export_and_no_environment(guarded, upstream, state_dir):
    proxy = guarded("sign")
    for fields in (*RIGHT, [("Countersign-Token", TOKEN), ("Countersign-Token", "another")]):
        proxy.request("POST", BALANCE, fields, b"{}")
    for pid in (proxy.pid, proxy.signer_pid, proxy.proxy_pid):
        seen = Path(f"/proc/{pid}/environ").read_bytes() + Path(f"/proc/{pid}/cmdline").read_bytes()
        assert TOKEN.encode() not in seen
    assert b"BOT_TOKEN" not in Path(f"/proc/{proxy.proxy_pid}/environ").read_bytes()
    proxy.record(len(RIGHT) + 1)
    shown = [proxy.command(*words).stdout for words in (
        ["log"], ["log", "--json"], ["log", "show", "1"], ["log", "show", "3", "--json"],
        ["log", "show", "3", "--raw", "--view", "client-request"], ["log", "export", "--format", "har"],
        ["log", "export", "--format", "curl"], ["log", "export", "--format", "jsonl"], ["log", "diff", "1", "3"],
        ["config", "show"])]
    proxy.stop()
    files = {path.name: path.read_bytes() for path in state_dir.rglob("*") if path.is_file()}
    everywhere = {"output": proxy.output().encode(), "shown": b"".join(shown), **files}
    assert [place for place, text in everywhere.items() if TOKEN.encode() in text] == []
    assert b"Countersign-Token: " + b"*" * len(TOKEN) in b"".join(shown)


def test_log_replay_brings_the_token_that_the_record_has_masked(start, upstream, tmp_path):
    path = tmp_path / "token"
    path.write_text(TOKEN)
    path.chmod(0o600)
    proxy = start({"listener bot": {"token": f"file:{path}"}})
    assert proxy.request("GET", ACTIVE, RIGHT[0]).status == 200
    proxy.record(1)
    done = proxy.command("log", "replay", "last", "--json")
    assert done.returncode in (0, 1), done.stderr.decode()
    assert [request.target for request in upstream.requests()] == [ACTIVE] * 2
    assert proxy.record(2)["outcome"] == "ok"
    assert TOKEN.encode() not in done.stdout + done.stderr


@pytest.mark.parametrize("source", ["file:{}", "command:cat {}", "credential:token"])
def test_a_token_comes_from_where_secrets_come_from(start, upstream, tmp_path, source):
    path = tmp_path / "token"
    path.write_text(TOKEN + "\n")
    path.chmod(0o600)
    proxy = start({"listener bot": {"token": source.format(path)}}, env_changes={"CREDENTIALS_DIRECTORY": str(tmp_path)})
    assert proxy.request("GET", ACTIVE).status == 403
    assert proxy.request("GET", ACTIVE, RIGHT[0]).status == 200
    assert len(upstream.requests()) == 1


@pytest.mark.parametrize("token, word", [
    ("x" * 15, "at least 16"), ("", "empty"), ("x" * 129, "longer than 128"), ("sixteen characters", "blank"),
    ("umlaut-ü-umlaut-ü", "ASCII"), ("KEY", "secret"), ("SECRET", "secret"),
])
def test_a_token_that_can_be_guessed_or_cannot_be_sent_or_is_a_secret_is_refused_at_start(
        configure, env, account, token, word):
    value = {"KEY": account.key, "SECRET": account.secret}.get(token, token)
    done = run("serve", "-c", configure({"listener bot": {"token": "env:BOT_TOKEN"}}), env={**env, "BOT_TOKEN": value})
    said = (done.stdout + done.stderr).decode()
    assert done.returncode == 2, said
    assert "token of listener bot" in said
    assert ("key or secret of account main" if word == "secret" else word) in said
    assert value == "" or value not in said


def test_a_token_that_cannot_be_read_is_refused_at_start(configure, env):
    done = run("serve", "-c", configure({"listener bot": {"token": "env:NOT_SET_AT_ALL"}}), env=env)
    assert done.returncode == 2
    assert b"NOT_SET_AT_ALL" in done.stderr and b"token of listener bot" in done.stderr


def test_a_token_is_no_entry_of_the_keystore(configure, env):
    """An entry is an API key and its secret, which no client may have."""
    done = run("config", "check", "-c", configure({"listener bot": {"token": "keystore:main"}}), env=env)
    assert done.returncode == 2
    assert b"token: expected a secret's source (env:NAME, file:PATH, credential:NAME or command:LINE)" in done.stderr


def test_commands_that_need_no_token_do_not_read_it(configure, env):
    """`sign` signs with an account: that a listener's token is not at hand does not matter."""
    file = configure({"listener bot": {"token": "env:NOT_SET_AT_ALL"}})
    assert run("config", "check", "-c", file, env=env).returncode == 0
    done = run("sign", "-c", file, "--target", ACTIVE, env=env)
    assert done.returncode == 0, done.stderr.decode()
