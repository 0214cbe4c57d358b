"""Fixtures: a certificate authority for the run; for each test its own exchange, proxy processes and state folder."""
import secrets
from types import SimpleNamespace

import pytest

import program
from certificates import Authority
from held_port import HeldPort
from mock_exchange import MockExchange
from upstream import Upstream

# Made up anew in each run, in the shape the exchange's own have, so that they can be looked for anywhere.
API_KEY = secrets.token_hex(16)
API_SECRET = secrets.token_hex(16)


@pytest.fixture(scope="session")
def account():
    return SimpleNamespace(key=API_KEY, secret=API_SECRET, masked=API_KEY[:4] + "*" * 24 + API_KEY[-4:])


@pytest.fixture(scope="session")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority"), "tests")


@pytest.fixture(scope="session")
def certificate_file(authority):
    return authority.issue("localhost", "127.0.0.1")


@pytest.fixture
def upstream(certificate_file, account):
    with Upstream(certificate_file, account.key, account.secret) as exchange:
        yield exchange


@pytest.fixture
def env(tmp_path, account):
    return program.environment(tmp_path, COINSTORE_API_KEY=account.key, COINSTORE_API_SECRET=account.secret)


@pytest.fixture
def sections(tmp_path, authority, upstream):
    """The configuration of most tests. No connection is opened ahead, so that the exchange's first is the test's; and requests
    leave as fast as they come, which test_pace.py does without."""
    return {
        "proxy": {"state_dir": tmp_path / "state", "admin": "", "pace": "off"},
        "account main": {"api_key": "env:COINSTORE_API_KEY", "api_secret": "env:COINSTORE_API_SECRET"},
        "upstream spot": {"url": upstream.url, "ca_file": authority.ca_file, "warm": 0},
        "listener bot": {"listen": "127.0.0.1:0", "upstream": "spot", "account": "main"},
    }


@pytest.fixture
def state_dir(sections):
    return sections["proxy"]["state_dir"]


@pytest.fixture
def configure(tmp_path, sections):
    """Writes the configuration file. `configure({"upstream spot": {"timeout": "1s"}})` changes or adds keys."""
    def write(changes=None):
        merged = {name: {**keys, **(changes or {}).get(name, {})} for name, keys in sections.items()}
        return program.write_config(tmp_path / "countersign.ini", {**(changes or {}), **merged})
    return write


@pytest.fixture
def programs():
    """Everything the test started; ended with it."""
    started = []
    yield started
    failures = []
    for item in reversed(started):
        try:
            item.finish()
        except AssertionError as failure:
            failures.append(str(failure))
    assert not failures, "\n".join(failures)


@pytest.fixture
def launch(programs, configure, env):
    """Starts `countersign serve`, ready or not: configure's changes, more of the command line, the environment."""
    def start(changes=None, *arguments, env_changes=None, command=(), descriptors=()):
        proxy = program.Proxy(configure(changes), {**env, **(env_changes or {})}, *arguments, command=command,
                              descriptors=descriptors)
        programs.append(proxy)
        return proxy
    return start


@pytest.fixture
def start(launch):
    """As launch, and waits until it is ready."""
    return lambda *arguments, **options: launch(*arguments, **options).wait_until_ready()


@pytest.fixture
def proxy(start):
    return start()


@pytest.fixture
def launch_mock(programs, env):
    """Starts `countersign mock` with these switches; `listen` is a tuple of addresses."""
    def start(*arguments, **options):
        mock = MockExchange(*arguments, env=env, **options)
        programs.append(mock)
        return mock
    return start


@pytest.fixture
def mock(launch_mock):
    return launch_mock()


@pytest.fixture
def dual_stack(launch_mock, tmp_path):
    """A mock exchange with TLS at 127.0.0.1 and ::1; the upstream's keys that lead there, by name."""
    def launch(*switches):
        certificate = tmp_path / "mock.pem"
        with HeldPort() as held:
            launch_mock("--tls", "--write-certificate", certificate, *switches,
                        listen=(f"127.0.0.1:{held.port}", f"[::1]:{held.port}"))
        return {"url": f"https://localhost:{held.port}", "ca_file": certificate, "warm": 0}
    return launch
