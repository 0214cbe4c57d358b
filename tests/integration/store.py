"""The store, read with SQLite's own means and nothing of the program's: what tests of the record judge by."""
import sqlite3
from contextlib import closing, contextmanager
from dataclasses import dataclass

VIEWS = ("client_request", "upstream_request", "upstream_response", "client_response")
FACTS = ("id", "outcome", "status", "error_name", "method", "target", "signature", "expires_ms")


@dataclass
class Recorded:
    """One exchange. Text is bytes, as it stands in the file; a view is head and body together."""
    id: int
    outcome: bytes
    status: int
    error_name: bytes
    method: bytes
    target: bytes
    signature: bytes
    expires_ms: int
    client_request: bytes
    upstream_request: bytes
    upstream_response: bytes
    client_response: bytes

    def __str__(self):
        return f"exchange {self.id}: {self.outcome}, status {self.status}, error {self.error_name}, {self.target}"


def connect(state_dir, **options):
    return sqlite3.connect(state_dir / "capture.db", timeout=30, isolation_level=None, **options)


def query(state_dir, sql, *values):
    with closing(connect(state_dir)) as database:
        return database.execute(sql, values).fetchall()


def exchanges(state_dir, after=0):
    """Every recorded exchange with a higher id than `after`."""
    facts = ", ".join(f"e.{name}" for name in FACTS)
    views = ", ".join(f"t.{view}_{part}" for view in VIEWS for part in ("head", "body"))
    with closing(connect(state_dir)) as database:
        database.text_factory = bytes
        rows = database.execute(f"SELECT {facts}, {views} FROM exchange e JOIN exchange_text t ON t.id = e.id "
                                "WHERE e.id > ? ORDER BY e.id", (after,)).fetchall()
    return [recorded(row) for row in rows]


def recorded(row):
    parts = [part or b"" for part in row[len(FACTS):]]
    return Recorded(*row[:len(FACTS)], *(head + body for head, body in zip(parts[::2], parts[1::2])))


def incidents(state_dir, kind):
    """What the store says happened to it: (count, detail) for each, oldest first."""
    return query(state_dir, "SELECT count, detail FROM incident WHERE kind = ? ORDER BY id", kind)


def is_sound(state_dir):
    return query(state_dir, "PRAGMA integrity_check") == [("ok",)]


@contextmanager
def held(state_dir):
    """The store is locked: nobody else can write."""
    with closing(connect(state_dir)) as database:
        database.execute("BEGIN IMMEDIATE")
        yield


@contextmanager
def snapshot(state_dir):
    """A reader that keeps looking at the store as it is now; gives its connection."""
    with closing(connect(state_dir)) as database:
        database.execute("BEGIN")
        database.execute("SELECT count(*) FROM exchange").fetchone()
        yield database
