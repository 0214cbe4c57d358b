"""What one order costs the proxy process in instructions, as valgrind counts them: the same on any day, however busy the machine is.
Held against a bound with much room: what makes an order twice as dear is found here, and nothing else is."""
import shutil
import sys

import pytest

from program import ROOT, binary

sys.path.append(str(ROOT / "tests" / "bench"))  # behind: it has a store.py, too

from measure import instructions, processes  # noqa: E402

pytestmark = pytest.mark.once

ORDERS = 100
# In the debug build, which executes half as many again as the release build. The recorder's depend on how many orders it finds
# at a time, the worker's hardly on anything.
MOST = {"worker": 700_000, "recorder": 560_000}


@pytest.mark.skipif(shutil.which("valgrind") is None, reason="there is no valgrind here: tests/bench/run.sh --install installs it")
@pytest.mark.skipif(shutil.which("callgrind_control") is None, reason="valgrind came without callgrind_control")
def test_an_order_costs_no_more_instructions_than_it_should(tmp_path):
    with processes.Keeper() as keeper:
        upstream = instructions.start_exchange(keeper, binary(), tmp_path, tls=False)
        loads = instructions.measure(keeper, binary(), tmp_path, upstream, (1,), ORDERS)[1]
    least = {thread: min(load[thread] for load in loads) for thread in MOST}
    print("instructions for each order:", least)
    assert all(0 < least[thread] <= most for thread, most in MOST.items()), least
