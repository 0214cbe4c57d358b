"""A pair that is rotated in the keystore is taken by a running proxy with SIGHUP, without asking for the passphrase."""
import pytest

from keys import Keys
from keystore_file import Entry, Keystore
from test_rotation import Exchange, new_pair, reload, key_used
from rawhttp import DEADLINE_S
import signal

pytestmark = pytest.mark.both


@pytest.fixture
def upstream(certificate_file):
    with Exchange(certificate_file) as exchange:
        yield exchange


def test_a_rotated_entry_is_taken_with_sighup(start, upstream, tmp_path, state_dir, env):
    before, after = new_pair(), new_pair()
    upstream.secrets.update({before.key: before.secret, after.key: after.secret})
    Keystore("a passphrase of words", [Entry("main", before.key, before.secret)]).write(state_dir / "keystore")
    file = tmp_path / "pass"
    file.write_text("a passphrase of words\n")
    file.chmod(0o600)
    proxy = start({"account main": {"api_key": "keystore:main", "api_secret": "keystore:main"},
                   "proxy": {"keystore_passphrase": "fd:9"}},
                  command=("/bin/sh", "-c", f'exec "$@" 9<{file}', "sh"))
    assert key_used(proxy, upstream) == before.key
    done = Keys(proxy.config_file, env, "a passphrase of words").change("rotate", "main", after.key, after.secret)
    assert done.returncode == 0, done.stderr.decode()
    assert str(proxy.pid) in (done.stdout + done.stderr).decode()
    reload(proxy)
    assert key_used(proxy, upstream) == after.key
    (state_dir / "keystore").write_bytes(b"damaged")
    proxy.signal(signal.SIGHUP)
    assert "keystore" in proxy.wait_for_event("keys-not-reloaded")["message"]
    assert key_used(proxy, upstream) == after.key
