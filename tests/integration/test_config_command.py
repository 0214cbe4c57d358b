"""Configuration: all that is wrong is said at once, where it stands, and what was meant."""
import os
import re
import signal
import subprocess

import pytest

from program import ROOT, binary, run, write_config
from rawhttp import DEADLINE_S

GOOD = {
    "account main": {"api_key": "env:COINSTORE_API_KEY", "api_secret": "env:COINSTORE_API_SECRET"},
    "upstream spot": {"url": "https://api.coinstore.com"},
    "listener bot": {"listen": "127.0.0.1:0", "upstream": "spot", "account": "main"},
}


@pytest.fixture
def check(tmp_path, env):
    """Runs `config check` on this text, or these sections."""
    def run_check(content, *arguments, **variables):
        path = tmp_path / "checked.ini"
        if isinstance(content, dict):
            write_config(path, content)
        else:
            path.write_text(content)
        return run("config", "check", "-c", path, *arguments, env={**env, **variables})
    return run_check


def wrong(done):
    """The lines that say what is wrong."""
    assert done.returncode == 2, done
    return done.stderr.decode().splitlines()


def test_a_good_file_is_good(check):
    assert check(GOOD).returncode == 0


def test_the_sample_file_is_good(env):
    done = run("config", "check", "-c", ROOT / "conf" / "countersign.ini", env=env)
    assert done.returncode == 0, done.stderr.decode()


def test_all_that_is_wrong_is_said_at_once_with_its_line(check, tmp_path):
    lines = wrong(check("""[proxy]
worker = 1
log_level = loud

[upstream spot]
url = api.coinstore.com
timeout = soon
http = 3

[listener bot]
listen = 127.0.0.1:0
upstream = spot
account = main
polcy = trade

[listner other]
listen = 127.0.0.1:0
"""))
    text = "\n".join(lines)
    for number, names in {2: ["worker", "workers"], 3: ["loud"], 6: ["api.coinstore.com"], 7: ["soon"], 8: ["3"],
                          14: ["polcy", "policy"], 16: ["listner", "listener"]}.items():
        said = [line for line in lines if re.search(rf"checked\.ini:{number}\b", line)]
        assert said, f"nothing about line {number}:\n{text}"
        assert all(any(name in line for line in said) for name in names), said


@pytest.mark.parametrize("section, key, value", [
    ("proxy", "workers", "0"), ("proxy", "workers", "one"), ("proxy", "body_max", "-1"), ("proxy", "log_format", "xml"),
    ("upstream spot", "url", "http://api.coinstore.com"), ("upstream spot", "url", "https://api.coinstore.com/api"),
    ("upstream spot", "url", "ftp://x"), ("upstream spot", "timeout", "10 parsecs"), ("upstream spot", "timeout", "0"),
    ("upstream spot", "ip_family", "ipv5"), ("upstream spot", "bind_address", "nowhere"),
    ("listener bot", "listen", "0.0.0.0:8787"), ("listener bot", "listen", "localhost:8787"),
    ("listener bot", "listen", "127.0.0.1:99999"), ("listener bot", "policy", "everything"),
    ("listener bot", "sign", "some"), ("listener bot", "mode", "dry_run"), ("listener bot", "upstream", "spto"), ("listener bot", "account", "nobody"),
    ("account main", "api_secret", "0123456789abcdef"), ("account main", "trim", "perhaps"),
])
def test_a_bad_value_is_refused_where_it_stands(check, section, key, value):
    sections = {**GOOD, section: {**GOOD.get(section, {}), key: value}}
    lines = wrong(check(sections))
    assert any(re.search(r"checked\.ini:\d+", line) and key in line for line in lines), lines


def test_a_listener_that_names_what_is_not_there_is_told_the_name_meant(check):
    lines = wrong(check({**GOOD, "listener bot": {**GOOD["listener bot"], "upstream": "spto"}}))
    assert any("spto" in line and "spot" in line.replace("spto", "") for line in lines), lines


def test_a_listener_without_a_name_for_its_account_is_refused_where_there_are_two(check):
    listener = {"listen": "127.0.0.1:0", "upstream": "spot"}
    sections = {**GOOD, "account other": GOOD["account main"], "listener bot": listener}
    assert any("account" in line for line in wrong(check(sections)))


def test_a_variable_and_a_flag_are_checked_as_the_file_is(check):
    lines = wrong(check(GOOD, "--set", "upstream.spot.timeot=1s", COUNTERSIGN_PROXY_WORKERS="many"))
    text = "\n".join(lines)
    assert "timeot" in text and "timeout" in text
    assert "COUNTERSIGN_PROXY_WORKERS" in text


def test_a_line_that_is_none_is_refused(check):
    assert any("checked.ini:2" in line for line in wrong(check("[proxy]\nthis is no line\n")))


def test_a_file_that_is_not_there_is_named(env, tmp_path):
    done = run("config", "check", "-c", tmp_path / "missing.ini", env=env)
    assert done.returncode == 2
    assert b"missing.ini" in done.stderr


def test_serve_with_a_bad_file_says_the_same_and_does_not_start(check, env, tmp_path):
    said = wrong(check({**GOOD, "proxy": {"workers": "none", "log_level": "loud"}}))
    done = run("serve", "-c", tmp_path / "checked.ini", env=env)
    assert done.returncode == 2
    for line in said:
        if "checked.ini:" in line:
            assert line in done.stderr.decode()


def test_keys_lists_every_section(env):
    done = run("config", "keys", env=env)
    assert done.returncode == 0
    text = done.stdout.decode()
    for section in ("proxy", "capture", "account", "upstream", "listener"):
        assert re.search(rf"^\W*\[?{section}\b", text, re.MULTILINE), text
    for key in ("state_dir", "workers", "api_key", "api_secret", "trim", "url", "ip_family", "ca_file", "bind_address",
                "proxy", "connect_timeout", "timeout", "warm", "http", "listen", "mode", "policy", "sign", "body_max"):
        assert re.search(rf"\b{key}\b", text), key


@pytest.mark.parametrize("arguments", [[], ["--help"], ["serve", "--help"], ["log", "--help"], ["sign", "--help"],
                                       ["mock", "--help"], ["config", "--help"]], ids=" ".join)
def test_help_is_there(env, arguments):
    done = run(*arguments, env=env)
    assert done.returncode == (0 if arguments else 2)
    assert b"usage" in (done.stdout + done.stderr).lower()


@pytest.mark.parametrize("arguments", [["nonsense"], ["serve", "--nonsense"], ["log", "show"], ["sign", "--method"],
                                       ["config", "nonsense"], ["serve", "extra"]], ids=" ".join)
def test_a_wrong_command_line_is_told_so(env, arguments):
    done = run(*arguments, env=env)
    assert done.returncode == 2
    assert done.stderr


@pytest.mark.parametrize("command", [
    ["config", "keys"], ["config", "show", "-c", ROOT / "conf" / "countersign.ini"],
    ["config", "check", "-c", ROOT / "conf" / "countersign.ini"], ["explain"], ["verify", "--list"],
    ["doctor", "--offline"], ["doctor", "--offline", "--json"], ["sign", "--target", "/api/trade/order/active"],
], ids=lambda command: " ".join(map(str, command[:2])))
def test_a_command_whose_reader_has_gone_ends_without_a_word(env, command):
    unread, output = os.pipe()
    os.close(unread)
    with subprocess.Popen([binary(), *map(str, command)], env=env, stdin=subprocess.DEVNULL, stdout=output,
                          stderr=subprocess.PIPE) as process:
        os.close(output)
        assert process.stderr.read() == b""
        assert process.wait(DEADLINE_S) == -signal.SIGPIPE
