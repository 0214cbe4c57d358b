"""Where secrets come from, and all the places where they must not be."""
from pathlib import Path

import pytest

import coinstore
from program import run
from upstream import now_ms

pytestmark = pytest.mark.both

BALANCE = "/api/spot/accountList"


def process_text(pid):
    """What anyone with the right to look sees of a process."""
    return Path(f"/proc/{pid}/environ").read_bytes() + Path(f"/proc/{pid}/cmdline").read_bytes()


def file_contents(folder):
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_secret_is_in_no_process_no_output_and_no_file(start, upstream, account, state_dir):
    proxy = start(None, "--log-level", "debug")
    for target in (BALANCE, "/api/trade/order/place?a=1", "/api/fi/v3/asset/doWithdraw"):
        proxy.request("POST", target, [("X-CS-APIKEY", account.key)], b"{}")
    assert [request.verdict for request in upstream.requests()] == [coinstore.ACCEPTED] * 2
    for pid in (proxy.pid, proxy.signer_pid, proxy.proxy_pid):
        assert account.secret.encode() not in process_text(pid)
    shown = b"".join(proxy.command(*arguments).stdout for arguments in (
        ["log"], ["log", "--json"], ["log", "show", "last"], ["log", "show", "last", "--json"], ["config", "check"]))
    proxy.stop()
    everywhere = {"output": proxy.output().encode(), "shown": shown, **file_contents(state_dir)}
    assert len(everywhere) > 2
    assert [place for place, text in everywhere.items() if account.secret.encode() in text] == []
    assert [place for place, text in everywhere.items() if account.key.encode() in text] == []


def test_no_windows_key_is_written_down(start, account, state_dir):
    proxy = start(None, "--log-level", "debug")
    proxy.request("POST", BALANCE)
    now = coinstore.window(now_ms())
    proxy.stop()
    keys = [coinstore.window_key(account.secret, number).encode() for number in range(now - 3, now + 4)]
    everything = b"".join([proxy.output().encode(), *file_contents(state_dir).values()])
    assert not any(key in everything for key in keys)


def test_the_secrets_variables_are_gone_from_all_processes(start, account):
    proxy = start()
    assert b"COINSTORE_API_SECRET" not in process_text(proxy.proxy_pid)
    for pid in (proxy.pid, proxy.signer_pid, proxy.proxy_pid):
        assert account.secret.encode() not in process_text(pid)


@pytest.fixture
def secret_file(tmp_path, account):
    path = tmp_path / "secret"
    path.write_text(account.secret + "\n")
    path.chmod(0o600)
    return path


def with_secret(source, **options):
    return {"account main": {"api_secret": source, **options}}


def is_accepted(proxy, upstream):
    proxy.request("POST", BALANCE)
    return upstream.only_request().verdict == coinstore.ACCEPTED


def test_a_secret_is_read_from_a_file(start, upstream, secret_file):
    assert is_accepted(start(with_secret(f"file:{secret_file}")), upstream)


def test_a_secret_is_read_from_a_commands_output(start, upstream, secret_file):
    assert is_accepted(start(with_secret(f"command:cat {secret_file}")), upstream)


def test_a_secret_is_read_from_systemds_credentials(start, upstream, secret_file):
    proxy = start(with_secret("credential:secret"), env_changes={"CREDENTIALS_DIRECTORY": str(secret_file.parent)})
    assert is_accepted(proxy, upstream)


@pytest.fixture
def is_refused(configure, env, account):
    """`serve` must not start with this configuration; returns what it says."""
    def refused(changes, **variables):
        done = run("serve", "-c", configure(changes), env={**env, **variables})
        assert done.returncode == 2, done.stderr.decode()
        said = (done.stdout + done.stderr).decode()
        assert account.secret not in said
        assert "api_secret" in said and "main" in said
        return said
    return refused


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o602])
def test_a_file_that_others_may_touch_is_refused(is_refused, secret_file, mode):
    secret_file.chmod(mode)
    said = is_refused(with_secret(f"file:{secret_file}"))
    assert str(secret_file) in said
    assert "0600" in said or "chmod" in said or "600" in said


def test_a_file_that_is_not_there_is_refused(is_refused, tmp_path):
    assert str(tmp_path / "missing") in is_refused(with_secret(f"file:{tmp_path}/missing"))


@pytest.mark.parametrize("around", ["{} ", " {}", "{}\n", "\t{}", "{}\r"], ids=repr)
def test_white_space_around_a_secret_is_refused_saying_so(is_refused, account, around):
    said = is_refused(None, COINSTORE_API_SECRET=around.format(account.secret))
    assert any(word in said for word in ("blank", "space", "tab", "newline", "line feed", "carriage"))
    assert ("begin" in said or "start" in said or "front" in said) or "end" in said


def test_white_space_around_the_key_is_refused_as_well(configure, env, account):
    done = run("serve", "-c", configure(), env={**env, "COINSTORE_API_KEY": account.key + "  "})
    assert done.returncode == 2
    assert b"api_key" in done.stderr
    assert account.key.encode() not in done.stderr


def test_one_text_for_key_and_secret_is_refused_because_the_key_is_sent(is_refused, account):
    assert "the same text" in is_refused(None, COINSTORE_API_KEY=account.secret)


def test_white_space_is_taken_off_where_that_is_asked_for(start, upstream, account):
    proxy = start({"account main": {"trim": "yes"}}, env_changes={
        "COINSTORE_API_SECRET": f"  {account.secret}\n", "COINSTORE_API_KEY": f"{account.key} "})
    assert is_accepted(proxy, upstream)


def test_an_empty_secret_is_refused(is_refused):
    assert "empty" in is_refused(None, COINSTORE_API_SECRET="")


def test_a_secret_of_white_space_alone_is_refused_also_with_trim(is_refused):
    is_refused({"account main": {"trim": "yes"}}, COINSTORE_API_SECRET=" \n")


def test_a_variable_that_is_not_set_is_refused_and_named(is_refused):
    assert "NOT_SET_AT_ALL" in is_refused(with_secret("env:NOT_SET_AT_ALL"))


def test_a_secret_written_into_the_file_itself_is_refused_without_being_shown(is_refused, account):
    is_refused(with_secret(account.secret))


def test_a_command_that_fails_is_refused(is_refused):
    is_refused(with_secret("command:echo half; exit 3"))


def test_all_accounts_problems_are_told_at_once(is_refused):
    said = is_refused({"account main": {"api_secret": "env:FIRST_MISSING"},
                       "account second": {"api_key": "env:COINSTORE_API_KEY", "api_secret": "env:SECOND_MISSING"}})
    assert "FIRST_MISSING" in said and "SECOND_MISSING" in said
