"""The keystore's file: read and written by two programs that share its description alone; and what is done to it."""
import json
import os
import secrets

import pytest

import coinstore
import program
from keys import Keys
from keystore_file import DIGEST, HEADER, Entry, Keystore, Reader, opens, with_new_checksum

PASSPHRASE = "correct horse 7"


@pytest.fixture
def path(state_dir):
    return state_dir / "keystore"


@pytest.fixture
def keys(configure, env):
    return Keys(configure(), env, PASSPHRASE)


def made_up(name, **more):
    return Entry(name, secrets.token_hex(16), secrets.token_hex(16), **more)


@pytest.fixture
def theirs():
    """A keystore of the other program's."""
    return Keystore(PASSPHRASE, [made_up("main", generation=3, rotated=1764100000), made_up("second")])


def masked(api_key):
    return api_key[:4] + "*" * (len(api_key) - 8) + api_key[-4:]


def test_what_the_program_writes_is_read_by_another(keys, path):
    first, second = made_up("main"), made_up("second")
    for entry in (first, second):
        keys.add(entry.name, entry.api_key, entry.api_secret)
    read = Reader(path.read_bytes(), PASSPHRASE)
    assert [(entry.name, entry.api_key, entry.api_secret, entry.generation, entry.rotated) for entry in read.entries] == [
        (entry.name, entry.api_key, entry.api_secret, 1, 0) for entry in (first, second)]
    assert (read.version, read.log2_n, read.r, read.p) == (1, 17, 8, 1)
    assert len(set(read.nonces)) == len(read.nonces) == 6
    assert not opens(path.read_bytes(), PASSPHRASE + "x")


def test_what_another_writes_is_read_by_the_program(keys, theirs, path, configure, env):
    theirs.write(path)
    listed = keys.run("list", "--json")
    assert listed.returncode == 0, listed.stderr.decode()
    rows = [json.loads(line) for line in listed.stdout.splitlines()]
    assert [(row["name"], row["apiKey"], row["generation"]) for row in rows] == [
        (entry.name, masked(entry.api_key), entry.generation) for entry in theirs.entries]
    assert rows[0]["added"] == "2025-11-24T16:00:00.000000Z" and rows[1]["rotated"] is None
    config = configure({"account main": {"api_key": "keystore:second", "api_secret": "keystore:main"},
                        "proxy": {"keystore_passphrase": "fd:0"}})
    signed = program.run("sign", "-c", config, "--target", "/api/x?a=1", "--at", "1770742394290", "--json", env=env,
                         stdin=PASSPHRASE.encode())
    assert signed.returncode == 0, signed.stderr.decode()
    expected = coinstore.sign(theirs.entries[0].api_secret, 1770742394290, b"a=1")
    assert expected in signed.stdout.decode() and theirs.entries[0].api_secret.encode() not in signed.stdout


def test_an_entry_of_anothers_stays_as_it_is_when_the_program_adds_one(keys, theirs, path):
    theirs.write(path)
    entry = made_up("third")
    keys.add(entry.name, entry.api_key, entry.api_secret)
    read = Reader(path.read_bytes(), PASSPHRASE)
    assert read.entries[:2] == theirs.entries and read.entries[2].api_secret == entry.api_secret
    assert read.header == theirs.header()  # so that whoever derived the key can go on with it


def refused(done, *words, keystore=None):
    """Ended with 2, said these words, and told no secret."""
    said = (done.stdout + done.stderr).decode(errors="replace")
    assert done.returncode == 2, said
    assert all(word in said for word in words), said
    for entry in keystore.entries if keystore else ():
        assert entry.api_secret not in said and entry.api_key not in said
    return said


def put(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    path.chmod(0o600)


@pytest.mark.parametrize("part", range(16))
def test_a_byte_that_changed_by_accident_is_damage_and_nothing_is_asked(keys, theirs, path, part):
    file = bytearray(theirs.file())
    offset = HEADER // 2 + part * (len(file) - HEADER // 2) // 16
    file[offset] ^= 1 << part % 8
    put(path, file)
    refused(keys.run("list"), str(path), "is damaged", "checksum", keystore=theirs)


@pytest.mark.parametrize("length", [0, 1, 19, 20, 63, 96, 155, 156, -1, -DIGEST])
def test_a_file_that_was_cut_is_refused(keys, theirs, path, length):
    put(path, theirs.file()[:length])
    refused(keys.run("list"), str(path), keystore=theirs)


def test_a_wrong_passphrase_is_told_from_damage(keys, theirs, path):
    theirs.write(path)
    refused(keys.run("list", passphrase="another one"), "passphrase", str(path), "undamaged", keystore=theirs)


@pytest.mark.parametrize("offset", [33, HEADER + 3, HEADER + 20, 97, 101, 102, 110, 130, 150, 165, 180, -DIGEST - 1,
                                    -DIGEST - 20])
def test_a_byte_that_somebody_changed_who_made_the_checksum_fit_is_refused(keys, theirs, path, offset):
    file = bytearray(theirs.file())
    file[offset] ^= 1
    put(path, with_new_checksum(bytes(file)))
    refused(keys.run("list"), keystore=theirs)


def test_an_entry_put_back_to_an_older_state_left_out_or_moved_is_refused(keys, theirs, path):
    first, second = (theirs.encrypted(entry) for entry in theirs.entries)
    older = theirs.encrypted(made_up("main", generation=2))
    whole = theirs.assemble([first, second])
    tail = whole[-60:-DIGEST]  # the seal of the file as it was
    for entries in ([older, second], [first], [second, first]):
        forged = theirs.assemble(entries)
        put(path, with_new_checksum(forged[:-60] + tail + bytes(DIGEST)))
        refused(keys.run("list"), "somebody changed it", keystore=theirs)


@pytest.mark.parametrize("how", ["renamed", "swapped", "generation", "parts"])
def test_no_part_is_good_elsewhere_even_in_a_file_with_a_right_seal(configure, env, theirs, path, how):
    one, two = theirs.entries
    pieces = {}
    for entry in (one, two):
        whole = theirs.encrypted(entry)
        begin = len(entry.head())
        middle = begin + 12 + 2 + len(entry.api_key) + 16
        pieces[entry.name] = (whole[:begin], whole[begin:middle], whole[middle:])
    a, b = pieces["main"], pieces["second"]
    renamed = Entry("other", "", "", one.generation, one.added, one.rotated).head()
    later = Entry("main", "", "", one.generation + 1, one.added, one.rotated).head()
    entries = {"renamed": [renamed + a[1] + a[2]], "swapped": [a[0] + b[1] + b[2], b[0] + a[1] + a[2]],
               "generation": [later + a[1] + a[2]], "parts": [a[0] + a[2] + a[1]]}[how]
    put(path, theirs.assemble(entries))
    name = "other" if how == "renamed" else "main"
    config = configure({"account main": {"api_key": "env:COINSTORE_API_KEY", "api_secret": f"keystore:{name}"},
                        "proxy": {"keystore_passphrase": "fd:0"}})
    done = program.run("sign", "-c", config, "--target", "/x", env=env, stdin=PASSPHRASE.encode())
    refused(done, "somebody changed it", name, keystore=theirs)


@pytest.mark.parametrize("cost", [{"log2_n": 13}, {"log2_n": 19}, {"log2_n": 40}, {"r": 9}, {"r": 0}, {"p": 0}, {"p": 5},
                                  {"p": 2**31}])
def test_a_file_cannot_ask_for_any_amount_of_memory_or_time(keys, path, theirs, cost):
    file = bytearray(theirs.file())
    asked = Keystore(PASSPHRASE, salt=theirs.salt, **cost)
    file[:HEADER] = asked.header()
    put(path, with_new_checksum(bytes(file)))
    refused(keys.run("list"), "cost of scrypt", keystore=theirs)


def test_a_newer_version_is_told_as_such(keys, path, theirs):
    theirs.version = 2
    theirs.write(path)
    refused(keys.run("list"), "version 2", "newer")


def test_two_entries_of_one_name_are_refused(keys, path, theirs):
    theirs.entries[1].name = "main"
    theirs.write(path)
    refused(keys.run("list"), "entries cannot be read", keystore=theirs)


def test_a_name_that_could_steer_a_terminal_is_refused(keys, path, theirs):
    theirs.entries[0].name = "\x1b[2J"
    theirs.write(path)
    assert "\x1b" not in refused(keys.run("list", "--locked"), "entries cannot be read")


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620])
def test_a_file_that_others_may_touch_is_refused(keys, theirs, path, mode):
    theirs.write(path).chmod(mode)
    refused(keys.run("list"), "chmod 600", str(path), keystore=theirs)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives a file away")
def test_another_users_file_is_refused(keys, theirs, path):
    os.chown(theirs.write(path), 65534, -1)
    refused(keys.run("list"), "65534", str(path), keystore=theirs)


def test_a_symbolic_link_a_folder_and_a_pipe_are_refused(keys, theirs, path):
    real = path.with_name("elsewhere")
    theirs.write(real)
    path.symlink_to(real)
    refused(keys.run("list"), "symbolic link", keystore=theirs)
    path.unlink()
    path.mkdir()
    refused(keys.run("list"), "not a regular file")
    path.rmdir()
    os.mkfifo(path, 0o600)
    refused(keys.run("list"), "not a regular file")


def test_a_file_too_large_is_refused_unread(keys, theirs, path):
    theirs.write(path)
    os.truncate(path, 1 << 30)
    refused(keys.run("list"), "larger", keystore=theirs)
