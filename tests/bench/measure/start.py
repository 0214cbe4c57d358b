"""Part startup: tests/bench/startup.py, as it stands."""
import importlib.util
import re
import sys

from .machine import ROOT
from .processes import Keeper, Missing
from .rig import INSTALL, environment
from .table import say

SCRIPT = ROOT / "tests" / "bench" / "startup.py"
SAYS = re.compile(r"(?P<starts>\d+) starts: first signed answer after (?P<median_ms>\d+) ms \(median\), "
                  r"(?P<least_ms>\d+) to (?P<most_ms>\d+) ms")


def run(options):
    if importlib.util.find_spec("cryptography") is None:
        raise Missing(f"Python has no cryptography here: `{INSTALL}` installs it")
    starts = 5 if options.quick else 20
    say(f"\nstartup: {starts} starts")
    with options.scratch() as folder, Keeper() as keeper:
        output = keeper.run(sys.executable, SCRIPT, starts, env=environment(COUNTERSIGN_BIN=str(options.binary), TMPDIR=str(folder)))
    found = SAYS.search(output)
    if not found:
        raise RuntimeError(f"startup.py says {output!r}")
    say(f"  {found[0]}")
    return {name: int(value) for name, value in found.groupdict().items()}
