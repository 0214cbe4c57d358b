"""Secrets are one type whose end wipes it, and nothing formats it: who may look into one, and that no call that makes text is
given what is in it."""
import pathlib
import re

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
SOURCES = sorted((ROOT / "proxy").glob("*/*.c"))

# The files that look at a secret's bytes, and for what. What is not listed has the type alone, or the slice of an API key.
LOOKS_INTO = {
    "signer/secret.c": "allocates, wipes",
    "signer/secret_check.c": "white space and control bytes",
    "signer/secret_command.c": "reads it from a pipe",
    "signer/secret_source.c": "reads it from its source",
    "signer/prompt.c": "reads it from a terminal or a descriptor",
    "signer/signer.c": "derives window keys; key and secret must differ",
    "signer/session.c": "the API key, for the proxy process",
    "signer/keystore.c": "the passphrase, to derive the key",
    "signer/keystore_build.c": "encrypts it",
    "signer/keystore_change.c": "compares; the new passphrase, to derive the key",
    "signer/keystore_content.c": "decrypts into it",
    "signer/keystore_crypto.c": "the key of AES-256-GCM",
    "signer/keystore_passphrase.c": "compares; control bytes",
    "signer/command_runner.c": "carries it from the process that ran the command",
    "signer/tokens.c": "a listener's token, for the proxy process",
    "cli/replay_token.c": "a listener's token, for the request that is sent again",
    "cli/sign.c": "the API key",
    "cli/verify.c": "judges signatures with it",
    "cli/doctor.c": "its form: length, kind of characters",
    "cli/doctor_sign.c": "takes it out of what is printed",
    "cli/keys_change.c": "the API key, masked",
    "cli/keys_list.c": "the API key, masked",
    "cli/mock.c": "the mock exchange's own practice key",
}
BYTES = r"\b(?:secret|passphrase|api_key|api_secret|made|key|again|there)(?:\.|->)bytes\b"
LOOKS = re.compile(rf"\bsecret_slice\(|{BYTES}")

# What makes text of its arguments, in whatever room.
FORMATS = re.compile(r"\b(?:v?(?:as|s|sn|f|d)?printf|f?puts|error_(?:set|system|prefix)|log_(?:error|warning|info|debug|line\w*)|"
                     r"buffer_append_(?:format\w*|text)|json_append_\w+|cJSON_\w+|terminal_append_\w+|cli_usage_error|"
                     r"config_problem_add|syslog|perror)\(")
INSIDE = re.compile(rf"\bsecret_slice\(|{BYTES}|\bpassphrase\b|\b(?:pair|account|accounts\[\w+\])(?:\.|->)api_secret\b")
STRING = re.compile(r'"(?:[^"\\]|\\.)*"')
COMMENT = re.compile(r"/\*.*?\*/", re.S)


def code_of(text):
    """Without comments, and with empty strings in the place of strings."""
    return STRING.sub('""', COMMENT.sub(" ", text))


def calls(code, pattern):
    """Each call that the pattern begins: its text up to the parenthesis that ends it."""
    for found in pattern.finditer(code):
        depth, at = 1, found.end()
        while depth and at < len(code):
            depth += {"(": 1, ")": -1}.get(code[at], 0)
            at += 1
        yield code[found.start():at]


def formatted_secrets(text):
    return [call for call in calls(code_of(text), FORMATS) if INSIDE.search(call[call.index("(") + 1:])]


def name_of(path):
    return f"{path.parent.name}/{path.name}"


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_only_what_is_listed_looks_into_a_secret(path):
    if not re.search(r"\bstruct (?:secret|signer|keystore)\b", path.read_text()):
        return
    assert not LOOKS.search(code_of(path.read_text())) or name_of(path) in LOOKS_INTO


def test_the_list_names_no_file_that_does_not():
    assert [name for name in LOOKS_INTO if not LOOKS.search(code_of((ROOT / "proxy" / name).read_text()))] == []


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_no_call_that_makes_text_is_given_a_secret(path):
    if path.parent.name in {"capture", "exchange", "front", "upstream", "mock", "compare", "content", "base", "config"}:
        return  # rooms that may not use the signer's door, and so have no such type
    assert formatted_secrets(path.read_text()) == []


@pytest.mark.parametrize("line", [
    'error_set(error, ERROR_INPUT, "not %.*s", SLICE_ARGUMENTS(secret_slice(secret)));',
    'log_error("%s", made.bytes);', '(void)printf("%.*s",\n    (int)secret->length, secret->bytes);',
    'buffer_append_format(out, "%s", f(account->api_secret));', 'json_append_member(out, "s", secret_slice(&pair->api_secret));'])
def test_the_check_finds_what_it_looks_for(line):
    assert formatted_secrets(line)
    assert LOOKS.search(line) or "api_secret" in line
    assert not formatted_secrets('error_set(error, ERROR_INPUT, "secret_slice(%s)", name); /* secret->bytes */')


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_whoever_makes_a_secret_ends_it(path):
    """A variable of the type is ended, handed over by assignment, or part of what is."""
    code = code_of(path.read_text())
    for name in re.findall(r"^    +struct secret (\w+)(?: = [^;]*)?;", code, re.M):
        assert re.search(rf"secret_end\(&\w*(?:->|\.)?{name}\)|secret_end\(&{name}\)|= {name};", code), name
