"""`countersign sign`: every step of a signature, by hand."""
import json
import subprocess

import pytest

import coinstore
from program import environment, run
from vectors import VECTORS, body_of, secret_of, target_of


@pytest.fixture
def sign(configure, tmp_path, account):
    """Runs `countersign sign` with this secret; returns what it prints."""
    def run_sign(*arguments, secret=account.secret):
        env = environment(tmp_path, COINSTORE_API_KEY=account.key, COINSTORE_API_SECRET=secret)
        done = run("sign", "-c", configure(), "--account", "main", *arguments, env=env)
        assert done.returncode == 0, done.stderr.decode()
        assert len(secret) < 16 or secret.encode() not in done.stdout + done.stderr
        return done.stdout.decode()
    return run_sign


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["name"])
def test_the_vectors_signature_is_printed_with_its_steps(sign, vector, tmp_path):
    arguments = ["--method", vector["method"], "--target", target_of(vector), "--at", vector["expires_ms"]]
    body = body_of(vector)
    if body:
        (tmp_path / "body").write_bytes(body)
        arguments += ["--body-file", tmp_path / "body"]
    printed = sign(*arguments, secret=secret_of(vector))
    for step in ("signature", "payload_sha256", "window"):
        assert vector[step] in printed, step
    assert str(vector["expires_ms"]) in printed
    assert str(len(coinstore.payload(target_of(vector).encode(), body))) in printed


def test_the_issues_own_example_is_right(sign):
    """A POST without a body is signed as it would be sent: with an empty object."""
    printed = sign("--method", "POST", "--target", "/api/spot/accountList", "--at", "1770742394290",
                   secret="0f3c5a7e9b1d2f4a6c8e0b2d4f6a8c0e")
    assert "b0e77819987eddbbe6a588834123ab04ff9efa6f0c49c09e1175d1caa9345a98" in printed


@pytest.mark.parametrize("method, target, body", [
    ("POST", "/api/spot/accountList", None),
    ("GET", "/api/trade/order/orderInfo?clOrdId=a%2Fb&x=what?;'y", None),
    ("GET", "/api/trade/order/active", None),
    ("POST", "/api/trade/order/place?a=1", b'{"clOrdId": "it\'s $HOME `date` \\" \xc3\xa4"}'),
])
def test_the_printed_curl_command_is_accepted(sign, upstream, authority, tmp_path, method, target, body):
    arguments = ["--method", method, "--target", target, "--curl"]
    if body:
        (tmp_path / "body").write_bytes(body)
        arguments += ["--body-file", tmp_path / "body"]
    printed = sign(*arguments)
    command = printed[printed.index("curl "):]
    done = subprocess.run(command, shell=True, capture_output=True, timeout=30, check=False,
                          env=environment(tmp_path, CURL_CA_BUNDLE=str(authority.ca_file)))
    assert done.returncode == 0, (command, done.stderr)
    request = upstream.only_request()
    assert (request.method, request.target, request.verdict) == (method, target, coinstore.ACCEPTED)
    assert request.body == (body or (b"{}" if method == "POST" else b""))
    assert json.loads(done.stdout)["code"] == 0


@pytest.mark.parametrize("arguments, said", [
    (["--target", "/x", "--account", "nobody"], "nobody"),
    (["--target", "/x", "--at", "yesterday"], "yesterday"),
    (["--target", "/x", "--body-file", "/does/not/exist"], "/does/not/exist"),
])
def test_a_wrong_argument_is_named(configure, env, arguments, said):
    done = run("sign", "-c", configure(), "--account", "main", "--method", "GET", *arguments, env=env)
    assert done.returncode == 2
    assert said in done.stderr.decode()


def test_beside_the_curl_command_every_step_is_shown_on_standard_error(configure, env, account):
    done = run("sign", "-c", configure(), "--method", "POST", "--target", "/api/spot/accountList", "--curl", env=env)
    assert done.stdout.startswith(b"curl ")
    for step in (b"payload", b"window", b"signature"):
        assert step in done.stderr
    assert b"--curl" not in done.stdout + done.stderr  # was asked for
    assert account.secret.encode() not in done.stdout + done.stderr
