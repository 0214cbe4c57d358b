"""The passphrase asked for on a terminal: without echo, and whatever happens, the terminal is as it was."""
import os
import signal
import subprocess
import sys

import pytest

import coinstore
import program
from keys import Asked
from keystore_file import Entry, Keystore, Reader

pytestmark = pytest.mark.both

PASSPHRASE = "correct horse 7"
QUESTION = "passphrase of the keystore"


@pytest.fixture
def main(account):
    return Entry("main", account.key, account.secret)


@pytest.fixture
def path(state_dir):
    return state_dir / "keystore"


@pytest.fixture
def filled(path, main):
    return Keystore(PASSPHRASE, [main]).write(path)


@pytest.fixture
def ask(configure, env):
    """Runs a command on a terminal of its own."""
    started = []

    def begin(*arguments, config=None, **options):
        started.append(Asked(*arguments, "-c", config or configure(), env=env, **options))
        return started[-1]
    yield begin
    for asked in started:
        asked.close()


def test_a_passphrase_is_not_echoed_and_the_terminal_is_put_back(ask, filled, main):
    asked = ask("keys", "list")
    before = asked.settings()
    asked.wait_for(QUESTION)
    assert not asked.has_echo()
    asked.type(PASSPHRASE + "\n")
    assert asked.end() == 0
    assert asked.settings() == before and asked.has_echo()
    assert PASSPHRASE not in asked.text and main.api_key[:4] in asked.text


def test_everything_is_asked_for_and_only_the_api_key_is_echoed(ask, path, main):
    asked = ask("keys", "add", "main")
    asked.answer("new passphrase", PASSPHRASE).answer("once more", PASSPHRASE)
    asked.answer("API key: ", main.api_key).answer("API secret", main.api_secret)
    assert asked.end() == 0, asked.text
    assert main.api_key in asked.text and main.api_secret not in asked.text and PASSPHRASE not in asked.text
    assert Reader(path.read_bytes(), PASSPHRASE).entries[0].api_secret == main.api_secret


def test_two_new_passphrases_that_differ_make_no_keystore(ask, path):
    asked = ask("keys", "add", "main")
    asked.answer("new passphrase", PASSPHRASE).answer("once more", PASSPHRASE + "8")
    assert asked.end() == 2 and "differ" in asked.text
    assert not path.exists()


def test_a_wrong_passphrase_is_asked_for_again_three_times_in_all(ask, filled):
    asked = ask("keys", "list")
    for times in (1, 2, 3):
        asked.answer(QUESTION, "wrong " * times, times)
    assert asked.end() == 2 and "undamaged" in asked.text
    again = ask("keys", "list").answer(QUESTION, "wrong").answer(QUESTION, PASSPHRASE, 2)
    assert again.end() == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT])
def test_a_signal_ends_the_question_with_the_terminal_as_it_was(ask, filled, number):
    asked = ask("keys", "list")
    before = asked.settings()
    asked.wait_for(QUESTION)
    if number == signal.SIGINT:
        asked.type("half a passph\x03")
    else:
        os.kill(asked.process.pid, number)
    assert asked.end() == -number
    assert asked.settings() == before
    assert "half" not in asked.text


def test_a_signal_before_the_last_answer_leaves_no_keystore(ask, path, main):
    asked = ask("keys", "add", "main")
    asked.answer("new passphrase", PASSPHRASE).answer("once more", PASSPHRASE).answer("API key: ", main.api_key)
    asked.wait_for("API secret").type("\x03")
    assert asked.end() == -signal.SIGINT
    assert not path.exists() and not path.with_name("keystore.new").exists()


# What a shell with job control does: the program in the foreground in a process group of its own; when it is stopped, the
# terminal is the shell's, which says how it finds it, and lets the program go on.
SHELL = """
import os, signal, subprocess, sys, termios
signal.signal(signal.SIGTTOU, signal.SIG_IGN)
child = subprocess.Popen(sys.argv[1:], process_group=0, restore_signals=True,
                         preexec_fn=lambda: signal.signal(signal.SIGTTOU, signal.SIG_DFL))
while True:
    os.tcsetpgrp(0, child.pid)
    os.kill(child.pid, signal.SIGCONT)
    _, status = os.waitpid(child.pid, os.WUNTRACED)
    if not os.WIFSTOPPED(status):
        sys.exit(os.waitstatus_to_exitcode(status))
    if os.WSTOPSIG(status) == signal.SIGTSTP:
        os.tcsetpgrp(0, os.getpid())
        print("stopped, echo:", bool(termios.tcgetattr(0)[3] & termios.ECHO), flush=True)
"""


def test_ctrl_z_gives_the_shell_its_terminal_as_it_was_and_the_question_comes_again(ask, filled):
    asked = ask("keys", "list", command=(sys.executable, "-c", SHELL))
    before = asked.settings()
    asked.wait_for(QUESTION).type("half a passph\x1a").wait_for("stopped, echo: True").wait_for(QUESTION, 2)
    assert not asked.has_echo()
    asked.type(PASSPHRASE + "\n")
    assert asked.end() == 0, asked.text
    assert asked.settings() == before and "half" not in asked.text


def test_ctrl_d_ends_the_question(ask, filled):
    assert ask("keys", "list").wait_for(QUESTION).type("\x04").end() == 2


def test_without_a_terminal_it_says_where_else_a_passphrase_may_come_from(configure, env, filled):
    done = subprocess.run([program.binary(), "keys", "list", "-c", configure()], env=env, stdin=subprocess.DEVNULL,
                          capture_output=True, start_new_session=True, timeout=30, check=False)
    said = done.stderr.decode()
    assert done.returncode == 2 and "no terminal" in said and "fd:" in said and "credential:" in said


def test_a_removal_is_confirmed_on_the_terminal(ask, filled):
    asked = ask("keys", "remove", "main").answer(QUESTION, PASSPHRASE).answer("Type yes", "no")
    assert asked.end() == 2 and "nothing was removed" in asked.text
    asked = ask("keys", "remove", "main").answer(QUESTION, PASSPHRASE).answer("Type yes", "yes")
    assert asked.end() == 0
    assert Reader(filled.read_bytes(), PASSPHRASE).entries == []


FROM_KEYSTORE = {"account main": {"api_key": "keystore:main", "api_secret": "keystore:main"}}


def test_serve_asks_at_its_start_and_then_signs(ask, filled, configure, upstream):
    asked = ask("serve", "--log-format", "text", config=configure(FROM_KEYSTORE))
    asked.answer(QUESTION, PASSPHRASE).wait_for("is ready")
    address = asked.text.partition("listener bot: http://")[2].partition(" ")[0]
    with program.Client(program.connect(address)) as client:
        client.request("POST", "/api/spot/accountList")
    assert upstream.only_request().verdict == coinstore.ACCEPTED
    asked.type("\x03")
    assert asked.end() == 0 and PASSPHRASE not in asked.text


def test_sign_asks_once_for_key_and_secret(ask, filled, configure, main):
    asked = ask("sign", "--target", "/api/x", "--at", "1770742394290", config=configure(FROM_KEYSTORE))
    asked.answer(QUESTION, PASSPHRASE)
    assert asked.end() == 0
    assert coinstore.sign(main.api_secret, 1770742394290, b"") in asked.text and asked.text.count(QUESTION) == 1
