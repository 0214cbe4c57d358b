"""Accounts whose key and secret are in the keystore: what signs with them, and where the passphrase is not."""
import os
import secrets
from pathlib import Path

import pytest

import coinstore
import program
from keys import Keys
from keystore_file import Entry, Keystore

pytestmark = pytest.mark.both

BALANCE = "/api/spot/accountList"
FROM_KEYSTORE = {"api_key": "keystore:main", "api_secret": "keystore:main"}


@pytest.fixture
def passphrase():
    return f"pass {secrets.token_hex(16)}"


@pytest.fixture
def keystore(passphrase, account, state_dir):
    made = Keystore(passphrase, [Entry("main", account.key, account.secret)])
    made.path = made.write(state_dir / "keystore")
    return made


@pytest.fixture
def passphrase_file(tmp_path, passphrase):
    path = tmp_path / "pass"
    path.write_text(passphrase + "\n")
    path.chmod(0o600)
    return path


def from_keystore(source, **more):
    return {"account main": FROM_KEYSTORE, "proxy": {"keystore_passphrase": source}, **more}


def without_variables(env):
    return {name: value for name, value in env.items() if not name.startswith("COINSTORE_")}


def with_descriptor(file):
    """Starts it with the file open as descriptor 9."""
    return ("/bin/sh", "-c", f'exec "$@" 9<{file}', "sh")


def signs(proxy, upstream):
    proxy.request("POST", BALANCE)
    return upstream.only_request().verdict == coinstore.ACCEPTED


@pytest.mark.parametrize("source", ["fd:9", "file:{file}", "command:cat {file}", "credential:pass", "env:PASSPHRASE"])
def test_serve_signs_with_an_entry_of_the_keystore(start, upstream, keystore, passphrase, passphrase_file, source):
    proxy = start(from_keystore(source.format(file=passphrase_file)), command=with_descriptor(passphrase_file), env_changes={
        "COINSTORE_API_KEY": "", "COINSTORE_API_SECRET": "", "PASSPHRASE": passphrase,
        "CREDENTIALS_DIRECTORY": str(passphrase_file.parent)})
    assert signs(proxy, upstream)


def open_files(pid):
    return [os.readlink(item) for item in Path(f"/proc/{pid}/fd").iterdir() if item.exists()]


def test_the_passphrase_and_the_keys_are_in_no_process_no_output_and_no_file(start, upstream, keystore, passphrase, account,
                                                                             passphrase_file, state_dir):
    proxy = start(from_keystore("env:PASSPHRASE"), "--log-level", "debug", env_changes={
        "PASSPHRASE": passphrase, "COINSTORE_API_KEY": "", "COINSTORE_API_SECRET": ""})
    assert signs(proxy, upstream)
    proxy.log()
    for pid in (proxy.pid, proxy.signer_pid, proxy.proxy_pid):
        seen = Path(f"/proc/{pid}/environ").read_bytes() + Path(f"/proc/{pid}/cmdline").read_bytes()
        assert passphrase.encode() not in seen and account.secret.encode() not in seen
    proxy.stop()
    places = {"output": proxy.output().encode(),
              **{path.name: path.read_bytes() for path in state_dir.rglob("*") if path.is_file()}}
    derived = keystore.key()
    for text in (passphrase.encode(), account.secret.encode(), account.key.encode(), derived, derived.hex().encode()):
        assert [place for place, content in places.items() if text in content] == []


def test_the_passphrases_descriptor_reaches_neither_the_proxy_nor_a_command(start, keystore, passphrase_file, tmp_path):
    seen = tmp_path / "seen"
    other = {"account other": {"api_key": f"command:ls -l /proc/self/fd >{seen}; echo otherkey", "api_secret": "keystore:main"}}
    proxy = start(from_keystore("fd:9", **other), command=with_descriptor(passphrase_file))
    for pid in (proxy.pid, proxy.signer_pid, proxy.proxy_pid):
        assert str(passphrase_file) not in open_files(pid)
    assert seen.exists() and str(passphrase_file) not in seen.read_text()


@pytest.mark.parametrize("change, words", [
    ({"api_secret": "keystore:mian"}, ["no entry mian", "it has main", "api_secret of account main"]),
    ({"api_key": "keystore:other"}, ["no entry other", "api_key of account main"])])
def test_a_name_that_is_not_there_is_told_with_those_that_are(configure, env, keystore, passphrase_file, change, words):
    config = configure({**from_keystore(f"file:{passphrase_file}"), "account main": {**FROM_KEYSTORE, **change}})
    done = program.run("serve", "-c", config, env=env)
    assert done.returncode == 2 and all(word in done.stderr.decode() for word in words), done.stderr.decode()


def test_serve_refuses_to_start_without_keystore_passphrase_or_with_a_damaged_file(configure, env, keystore, passphrase_file,
                                                                                   account):
    config = configure(from_keystore(f"file:{passphrase_file}"))
    file = bytearray(keystore.path.read_bytes())
    file[100] ^= 1
    keystore.path.write_bytes(file)
    damaged = program.run("serve", "-c", config, env=env)
    keystore.path.unlink()
    missing = program.run("serve", "-c", config, env=env)
    keystore.write(keystore.path)
    passphrase_file.write_text("another one")
    wrong = program.run("serve", "-c", config, env=env)
    for done, word in ((damaged, "is damaged"), (missing, "keys add"), (wrong, "undamaged")):
        said = done.stderr.decode()
        assert done.returncode == 2 and word in said and account.secret not in said and "another one" not in said, said
        assert len(said.splitlines()) == 1, said


@pytest.fixture
def on_keystore(configure, env, keystore, passphrase):
    """A command with the passphrase on its standard input."""
    def command(*arguments, changes=None):
        config = configure({**from_keystore("fd:0"), **(changes or {})})
        return program.run(*arguments, "-c", config, env=without_variables(env), stdin=f"{passphrase}\n".encode())
    return command


def test_sign_verify_and_doctor_take_the_keystores_secret(on_keystore, account):
    right = coinstore.sign(account.secret, 1770742394290, b"{}")
    signed = on_keystore("sign", "--method", "POST", "--target", BALANCE, "--body", "{}", "--at", "1770742394290")
    assert right in signed.stdout.decode(), signed.stderr.decode()
    verified = on_keystore("verify", "--method", "POST", "--target", BALANCE, "--body", "{}", "--expires", "1770742394290",
                           "--signature", right)
    assert verified.returncode in (0, 1) and b"right" in verified.stdout, verified
    doctor = on_keystore("doctor", "--offline")
    assert b"32" in doctor.stdout and b"keystore" not in doctor.stderr, doctor
    for done in (signed, verified, doctor):
        assert account.secret.encode() not in done.stdout + done.stderr


def test_verify_reads_the_passphrase_once_for_all_accounts(on_keystore, keystore):
    second = Entry("second", secrets.token_hex(16), secrets.token_hex(16))
    keystore.entries.append(second)
    keystore.write(keystore.path)
    theirs = coinstore.sign(second.api_secret, 1770742394290, b"{}")
    done = on_keystore("verify", "--account", "main", "--method", "POST", "--target", BALANCE, "--body", "{}", "--expires",
                       "1770742394290", "--signature", theirs,
                       changes={"account second": {"api_key": "keystore:second", "api_secret": "keystore:second"}})
    assert "second" in done.stdout.decode(), done


def test_the_configuration_shows_the_source_and_never_reads_it(configure, env):
    config = configure(from_keystore("fd:9"))
    shown = program.run("config", "show", "-c", config, env=env).stdout.decode()
    assert "api_secret = keystore:main" in shown and "keystore_passphrase = fd:9" in shown
    assert program.run("config", "check", "-c", config, env=env).returncode == 0


def test_a_key_pasted_behind_keystore_is_refused_unshown(configure, env, account):
    done = program.run("config", "check", "-c", configure({"account main": {"api_key": f"keystore:{account.key}"}}), env=env)
    assert done.returncode == 2 and account.key not in done.stderr.decode()


def test_a_rotated_key_is_what_the_next_start_signs_with(start, upstream, keystore, passphrase, passphrase_file):
    changes = from_keystore(f"file:{passphrase_file}")
    proxy = start(changes)
    keys = Keys(proxy.config_file, proxy.env, passphrase)
    done = keys.change("rotate", "main", secrets.token_hex(16), secrets.token_hex(16))
    assert done.returncode == 0
    proxy.stop()
    start(changes).request("POST", BALANCE)
    assert upstream.only_request().verdict == "wrong API key"
