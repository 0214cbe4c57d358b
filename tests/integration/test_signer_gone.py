"""A signer that has died and is not started again yet: what signed requests get in that moment, and who says what is wrong."""
import os
import signal
import struct
import time
from contextlib import contextmanager

import pytest

import coinstore
import prometheus
from program import binary, poll
from test_admin import ADMIN, ask, metrics_of, parts_of

LIBRARY = binary().parent / "tests" / "libstepping_clock.so"
TICKERS, BALANCE, PLACE = "/api/v1/market/tickers", "/api/spot/accountList", "/api/trade/order/place"
BEYOND_ALL_KEYS_S = 120  # keys are held for windows of 30 s: the last one, this one and the next one

pytestmark = [pytest.mark.once, pytest.mark.skipif(not LIBRARY.exists(), reason=f"there is no {LIBRARY.name} in this build")]


@pytest.fixture
def clock(tmp_path):
    """The file that tests/inject/stepping_clock.c obeys."""
    path = tmp_path / "clock"
    path.write_bytes(bytes(24))
    return path


def step(clock, ahead_s):
    with clock.open("r+b") as file:
        file.write(struct.pack("<q", ahead_s * 1_000_000))


@contextmanager
def no_signer(proxy):
    """The supervisor is held, so that it starts none."""
    os.kill(proxy.pid, signal.SIGSTOP)
    try:
        os.kill(proxy.signer_pid, signal.SIGKILL)
        yield
    finally:
        os.kill(proxy.pid, signal.SIGCONT)


@pytest.fixture
def watched(start, clock):
    return start(ADMIN, env_changes={"LD_PRELOAD": str(LIBRARY), "TEST_STEPPING_CLOCK": str(clock)})


def test_requests_are_signed_while_the_keys_last_and_readyz_names_the_signer(watched, upstream):
    with no_signer(watched):
        poll("it is noticed", lambda: ask(watched, "/readyz").json()["missing"] == ["signer"])
        assert ask(watched, "/readyz").status == 503
        assert parts_of(ask(watched, "/readyz"))["signer"]["state"] == "gone"
        assert prometheus.value(metrics_of(watched), "countersign_signer_up") == 0
        assert watched.request("POST", BALANCE).outcome == "ok"
        assert upstream.only_request().verdict == coinstore.ACCEPTED
    watched.wait_for_event("signer-back")
    poll("it is ready", lambda: ask(watched, "/readyz").status == 200)


def test_without_a_key_a_signed_request_is_a_503_and_not_sent_until_a_signer_is_back(watched, upstream, clock):
    with no_signer(watched):
        poll("it is noticed", lambda: ask(watched, "/readyz").status == 503)
        step(clock, BEYOND_ALL_KEYS_S)
        for method, target in (("POST", PLACE), ("GET", BALANCE)):
            began = time.monotonic()
            answer = watched.request(method, target)
            assert time.monotonic() - began < 2  # at once: nobody is there to wait for
            assert (answer.status, answer.outcome, answer.error) == (503, "refused", "signer-gone")
            assert answer.field("Retry-After") == "1" and "nothing was sent" in answer.json()["message"]
            assert watched.record(answer.id)["outcome"] == "refused"
        assert watched.request("GET", TICKERS).outcome == "ok"  # needs no signature
        assert not upstream.requests(PLACE) and not upstream.requests(BALANCE)
        assert ask(watched, "/readyz").json()["missing"] == ["signer", "key of main"]
        step(clock, 0)
    watched.wait_for_event("signer-back")
    assert watched.request("POST", PLACE).outcome == "ok"
    assert upstream.requests(PLACE)[-1].verdict == coinstore.ACCEPTED
