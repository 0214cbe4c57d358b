"""`countersign keys`: what each subcommand changes, refuses and says; and writers that meet or die."""
import json
import re
import secrets
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

import program
from keys import FROM_INPUT, PAIR_FROM_INPUT, Keys, lines
from keystore_file import Entry, Keystore, Reader, opens

pytestmark = pytest.mark.both

PASSPHRASE = "correct horse 7"


def made_up():
    return secrets.token_hex(16)


@pytest.fixture
def path(state_dir):
    return state_dir / "keystore"


@pytest.fixture
def keys(configure, env):
    return Keys(configure(), env, PASSPHRASE)


@pytest.fixture
def main():
    return Entry("main", made_up(), made_up())


@pytest.fixture
def filled(path, main):
    """A keystore with one entry, cheap to open."""
    Keystore(PASSPHRASE, [main]).write(path)
    return path


def refused(done, *words, code=2):
    said = (done.stdout + done.stderr).decode()
    assert done.returncode == code, said
    assert all(word in said for word in words), said
    return said


def listed(keys, *arguments, **options):
    done = keys.run("list", "--json", *arguments, **options)
    assert done.returncode == 0, done.stderr.decode()
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_a_first_entry_makes_the_file_for_its_owner_alone_and_the_folder(keys, path, main):
    done = keys.add(main.name, main.api_key, main.api_secret)
    assert path.stat().st_mode & 0o7777 == 0o600 and path.parent.stat().st_mode & 0o7777 == 0o700
    said = (done.stdout + done.stderr).decode()
    assert "api_key = keystore:main" in said and main.api_key[:4] in said
    assert main.api_key not in said and main.api_secret not in said and PASSPHRASE not in said
    assert sorted(item.name for item in path.parent.iterdir()) == ["keystore", "keystore.lock"]


def test_nothing_of_a_secret_is_in_the_file_as_it_is(keys, path, main):
    keys.add(main.name, main.api_key, main.api_secret)
    for text in (main.api_key, main.api_secret, PASSPHRASE):
        assert text.encode() not in path.read_bytes() and text[:8].encode() not in path.read_bytes()


def test_a_short_new_passphrase_is_refused(keys, path):
    refused(keys.change("add", "main", made_up(), made_up(), passphrase="seven77"), "at least 8")
    assert not path.exists()


def test_a_name_that_is_taken_is_refused_and_the_entry_stays(keys, filled, main):
    refused(keys.change("add", "main", made_up(), made_up()), "main already", "rotate")
    assert Reader(filled.read_bytes(), PASSPHRASE).entries == [main]


@pytest.mark.parametrize("pair, words", [
    (("  {}", "{}"), "blanks at the start"), (("{}", "{}\t"), "tab at the end"), (("{}", "{0}"), "the same text"),
    (("a b{}", "{}"), "blank or a character"), (("{}" + "x" * 256, "{}"), "longer than 256"), (("", "{}"), "API key"),
    (("{}", ""), "API secret"), (("{}", "{}\x01"), "control byte")], ids=lambda value: repr(value)[:30])
def test_what_serve_would_refuse_is_refused_before_it_is_kept(keys, filled, main, pair, words):
    key, secret = made_up(), made_up()
    given = pair[0].format(key), pair[1].replace("{0}", key).format(secret)
    said = refused(keys.change("add", "other", *given), words)
    assert key not in said and secret not in said
    assert Reader(filled.read_bytes(), PASSPHRASE).entries == [main]


@pytest.mark.parametrize("word", ["add", "rotate", "remove"])
def test_a_key_pasted_in_a_names_place_is_not_shown(keys, word):
    key = made_up()
    assert key not in refused(keys.run(word, key), "not shown")


def test_a_secret_in_a_sources_place_is_not_shown(keys, filled):
    secret = made_up()
    done = keys.run("add", "other", "--api-key-from", "fd:0", "--api-secret-from", secret, typed=(made_up(),))
    assert secret not in refused(done, "never the secret itself")


def test_key_and_secret_come_from_the_sources_that_accounts_have(keys, filled, tmp_path):
    key, secret = made_up(), made_up()
    (tmp_path / "secret").write_text(secret + "\n")
    (tmp_path / "secret").chmod(0o600)
    done = keys.run("add", "other", "--api-key-from", f"command:echo {key}", "--api-secret-from",
                    f"file:{tmp_path}/secret")
    assert done.returncode == 0, done.stderr.decode()
    added = Reader(filled.read_bytes(), PASSPHRASE).entries[1]
    assert (added.api_key, added.api_secret) == (key, secret)


def test_a_rotation_changes_the_pair_and_nothing_else(keys, filled, main):
    key, secret = made_up(), made_up()
    before = Reader(filled.read_bytes(), PASSPHRASE)
    done = keys.change("rotate", "main", key, secret)
    assert done.returncode == 0, done.stderr.decode()
    after = Reader(filled.read_bytes(), PASSPHRASE)
    assert after.header == before.header
    entry, = after.entries
    assert (entry.api_key, entry.api_secret, entry.generation, entry.added) == (key, secret, 2, main.added)
    assert entry.rotated > 1764000000
    row, = listed(keys)
    assert row["generation"] == 2 and row["rotated"] is not None


def test_a_rotation_to_the_same_pair_or_of_no_entry_is_refused(keys, filled, main):
    before = filled.read_bytes()
    refused(keys.change("rotate", "main", main.api_key, main.api_secret), "very key and secret")
    refused(keys.change("rotate", "mian", made_up(), made_up()), "no entry mian")
    assert filled.read_bytes() == before


def test_a_removal_asks_and_where_nobody_can_be_asked_wants_yes(keys, filled):
    before = filled.read_bytes()
    refused(keys.run("remove", "main"), "--yes")
    assert filled.read_bytes() == before
    done = keys.run("remove", "main", "--yes")
    assert done.returncode == 0 and listed(keys) == []


def test_a_removal_warns_of_the_accounts_that_use_the_entry(configure, env, filled):
    config = configure({"account main": {"api_key": "keystore:main", "api_secret": "keystore:main"}})
    done = Keys(config, env, PASSPHRASE).run("remove", "main", "--yes")
    assert done.returncode == 0 and b"account main uses this entry" in done.stderr


def test_the_list_names_the_accounts_of_each_entry(configure, env, filled):
    config = configure({"account main": {"api_key": "keystore:main", "api_secret": "keystore:main"},
                        "account second": {"api_secret": "keystore:main"}})
    keys = Keys(config, env, PASSPHRASE)
    assert listed(keys)[0]["accounts"] == ["main", "second"]
    assert "main, second" in keys.run("list").stdout.decode()


def test_the_list_without_a_passphrase_shows_no_key(keys, filled, main):
    done = program.run("keys", "list", "--locked", "-c", keys.config_file, env=keys.env)
    assert done.returncode == 0 and b"main" in done.stdout and main.api_key[:4].encode() not in done.stdout


def test_a_new_passphrase_encrypts_everything_anew(keys, filled, main):
    before = filled.read_bytes()
    done = keys.run("passphrase", "--new-passphrase-fd", "0", typed=("another one 8",))
    assert done.returncode == 0, done.stderr.decode()
    after = filled.read_bytes()
    assert not opens(after, PASSPHRASE)
    read = Reader(after, "another one 8")
    assert read.entries == [main] and read.log2_n == 17
    assert before[32:64] != after[32:64]


def test_no_keystore_says_how_to_make_one(keys):
    refused(keys.run("list"), "keys add")
    refused(keys.change("rotate", "main", made_up(), made_up()), "keys add")


def test_a_passphrase_is_read_where_the_configuration_says(configure, env, filled, main):
    for source, more in (("env:PASS", {"PASS": PASSPHRASE}), (f"command:echo '{PASSPHRASE}'", {}),
                         ("credential:pass", {"CREDENTIALS_DIRECTORY": str(filled.parent)})):
        (filled.parent / "pass").write_text(PASSPHRASE + "\n")
        config = configure({"proxy": {"keystore_passphrase": source}})
        done = program.run("keys", "list", "-c", config, env={**env, **more})
        assert done.returncode == 0 and main.api_key[:4].encode() in done.stdout, done.stderr.decode()


@pytest.mark.parametrize("source, words", [
    ("fd:1", "fd:"), ("fd:x", "fd:"), ("keystore:main", "expected prompt"), ("prompt:", "nothing after prompt"),
    ("correct horse 7", "not shown")])
def test_what_is_no_source_of_a_passphrase_is_refused_unshown(configure, env, source, words):
    said = refused(program.run("config", "check", "-c", configure({"proxy": {"keystore_passphrase": source}}), env=env),
                   words, "keystore_passphrase")
    assert "correct horse" not in said


def test_a_descriptor_that_is_not_open_is_told(keys, filled):
    refused(program.run("keys", "list", "--passphrase-fd", "77", "-c", keys.config_file, env=keys.env), "77 is not open")


def test_a_rotation_names_the_running_proxys_process(start, keys, filled):
    proxy = start({"account main": {"api_key": "keystore:main", "api_secret": "keystore:main"},
                   "proxy": {"keystore_passphrase": f"command:echo '{PASSPHRASE}'"}})
    done = Keys(proxy.config_file, proxy.env, PASSPHRASE).change("rotate", "main", made_up(), made_up())
    assert f"kill -HUP {proxy.pid}\n" in done.stdout.decode(), done.stderr.decode()


# --- writers that meet ---

def test_writers_at_once_lose_nothing(keys, filled):
    names = [f"entry-{number}" for number in range(8)]
    with ThreadPoolExecutor(8) as pool:
        done = list(pool.map(lambda name: keys.change("add", name, made_up(), made_up()), names))
    assert all(one.returncode == 0 for one in done), [one.stderr for one in done]
    assert sorted(entry.name for entry in Reader(filled.read_bytes(), PASSPHRASE).entries) == sorted(["main", *names])


def test_first_writers_at_once_make_one_keystore(keys, path):
    with ThreadPoolExecutor(3) as pool:
        done = list(pool.map(lambda name: keys.change("add", name, made_up(), made_up()), "abc"))
    assert all(one.returncode == 0 for one in done), [one.stderr for one in done]
    assert sorted(entry.name for entry in Reader(path.read_bytes(), PASSPHRASE).entries) == ["a", "b", "c"]


# --- writers that die, and disks that fail ---

def traced(keys, injection, *arguments, typed=()):
    # The leak sanitizer cannot work beside strace.
    env = {**keys.env, "ASAN_OPTIONS": keys.env.get("ASAN_OPTIONS", "") + ":detect_leaks=0"}
    command = ["strace", "-qq", "-o", "/dev/null", "-e", f"inject={injection}", program.binary(), "keys", *arguments, "-c",
               keys.config_file, *FROM_INPUT, *PAIR_FROM_INPUT]
    return subprocess.run(command, env=env, input=lines(PASSPHRASE, *typed), capture_output=True, timeout=60, check=False)


MOMENTS = ["unlink:when=1", "fchmod:when=1", "fsync:when=1", "fsync:when=2", "rename:when=1", "flock:when=1"]


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_writer_that_is_killed_leaves_the_old_or_the_new_one_whole(keys, filled, main, moment):
    """Killed at its call: that of the lock, the first of the new file, its sync, its renaming, the folder's sync."""
    call, when = moment.split(":")
    done = traced(keys, f"{call}:signal=KILL:{when}", "add", "other", typed=(made_up(), made_up()))
    assert done.returncode == -9, done
    names = [entry.name for entry in Reader(filled.read_bytes(), PASSPHRASE).entries]
    old, new = ["main"], ["main", "other"]
    assert names in {"rename:when=1": (old, new), "fsync:when=2": (new,)}.get(moment, (old,))
    keys.add("after", made_up(), made_up())  # what the dead writer left is in nobody's way
    assert not filled.with_name("keystore.new").exists()
    assert "after" in [entry.name for entry in Reader(filled.read_bytes(), PASSPHRASE).entries]


def test_a_writer_that_is_killed_at_any_moment_loses_nothing(keys, filled):
    """Twelve moments, from the start to about the end of a change."""
    held = {"main"}
    for number in range(12):
        command = [program.binary(), "keys", "add", f"e{number}", "-c", keys.config_file, *FROM_INPUT, *PAIR_FROM_INPUT]
        with subprocess.Popen(command, env=keys.env, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL) as writer:
            writer.stdin.write(lines(PASSPHRASE, made_up(), made_up()))
            writer.stdin.close()
            time.sleep(0.015 * number)
            writer.kill()
        names = {entry.name for entry in Reader(filled.read_bytes(), PASSPHRASE).entries}
        assert held <= names <= held | {f"e{number}"}
        held = names


@pytest.mark.parametrize("fault", ["fsync:error=EIO:when=1", "rename:error=EIO:when=1"])
def test_a_disk_that_fails_changes_nothing_and_is_told(keys, filled, fault):
    done = traced(keys, fault, "add", "other", typed=(made_up(), made_up()))
    assert not filled.with_name("keystore.new").exists()
    said = (done.stdout + done.stderr).decode()
    assert done.returncode == 3 and "keystore.new" in said, said
    assert [entry.name for entry in Reader(filled.read_bytes(), PASSPHRASE).entries] == ["main"]


def test_a_full_disk_changes_nothing_and_is_told(keys, filled):
    """Every write but to standard streams fails: there is one."""
    done = traced(keys, "write:error=ENOSPC:when=1", "add", "other", typed=(made_up(), made_up()))
    assert done.returncode == 3 and b"nothing was changed" in done.stderr and b"No space left" in done.stderr
    assert [entry.name for entry in Reader(filled.read_bytes(), PASSPHRASE).entries] == ["main"]


def test_no_secret_is_ever_an_argument_or_a_variable(keys, filled):
    """The help and the messages propose descriptors, files and credentials."""
    told = program.run("keys", "add", "--help", env=keys.env).stdout.decode()
    assert "other users see a command's arguments" in told
    assert not re.search(r"--(secret|key|passphrase)[ =]", told)
