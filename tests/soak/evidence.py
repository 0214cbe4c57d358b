"""What a run leaves to be judged, beside what clients and exchanges wrote down: in a file, so that a folder that was kept can be
judged again."""
import json
from dataclasses import asdict, dataclass, field

FILE = "evidence.json"
OUTPUTS = "outputs"  # of all commands, one behind the other

# A time in which connections may end or be refused. KILLED: without an answer, whatever became of the request; ENDED: what got
# no answer was not taken, either; FULL: the record had no room; SIGNER: it was killed; STOPPED: the proxy stood still; CLOCK: a
# life that signs for the mock exchange by that one's clock.
KILLED, ENDED, FULL, SIGNER, STOPPED, CLOCK = "killed", "ended", "full", "signer", "stopped", "clock"


@dataclass
class Window:
    kind: str
    begun: float
    ended: float = float("inf")


@dataclass(frozen=True)
class Pair:
    key: str
    secret: str

    @property
    def masked(self):
        return self.key[:4] + "*" * 24 + self.key[-4:]


@dataclass
class Evidence:
    folder: object              # Path
    state_dir: object           # Path
    pairs: list                 # all keys and secrets that were ever in use
    replaced_at: dict           # {API key: from when on nothing is signed with it}
    paced: dict                 # keys that are an account's with a rate, and its listener: no more than `count` in any `window_s`
    windows: list
    last: int                   # the last exchange of clients; behind it are what reconcile asked, and the like
    listed: list = field(default_factory=list)      # ids that `log ls --outcome unknown` listed
    reconciled: list = field(default_factory=list)  # what reconcile said, an object for each exchange

    def save(self):
        facts = asdict(self) | {"folder": "", "state_dir": ""}
        (self.folder / FILE).write_text(json.dumps(facts))


def load(folder):
    """Of a folder that was kept; its state folder is where the run left it."""
    facts = json.loads((folder / FILE).read_text())
    state_dir = next(path for path in (folder / "record" / "state", folder / "disk" / "state") if path.is_dir())
    return Evidence(**facts | {"folder": folder, "state_dir": state_dir, "pairs": [Pair(**pair) for pair in facts["pairs"]],
                               "windows": [Window(**window) for window in facts["windows"]]})
