"""The three accounts of a run, each by tag: what clients sent and were told, what the exchanges received and answered, and what
the record holds. Bytes are kept as digests: there are many."""
import hashlib
import json
import re
import sqlite3
from collections import defaultdict
from contextlib import closing
from dataclasses import dataclass

import paths  # noqa: F401, pylint: disable=unused-import
import coinstore
from rawhttp import field_values, parse_fields

DIGITS = 24  # of a digest: what differs by chance alone is told apart, and there are many
TAG = re.compile(rb'clOrdId(?:"\s*:\s*"|=)([\w-]+)')
VIEWS = ("client_request", "upstream_request", "upstream_response", "client_response")
FACTS = ("id", "outcome", "status", "error_name", "method", "target", "signature", "expires_ms", "attempts", "listener",
         "api_key_masked", "sent_us")


def digest(raw):
    """As clients.py notes it."""
    return hashlib.sha256(raw).hexdigest()[:DIGITS]


# --- what clients say ---

def told(folder):
    """{tag: what its client wrote down}"""
    found = {}
    for path in sorted(folder.glob("sent-*.jsonl")):
        for line in path.read_text().splitlines():
            item = json.loads(line)
            assert item["tag"] not in found, f"a client used a tag twice: {item['tag']}"
            found[item["tag"]] = item
    return found


# --- what the exchanges say ---

@dataclass
class Arrival:
    at: float          # monotonic, in seconds
    wall_ms: int
    fault: str
    method: str
    target: str
    version: str
    key: str           # the API key that it came with; "": none
    signature: str
    expires: int
    verdict: str
    masked: str        # digest of all its bytes, the key masked as the record has it
    body: str          # digest
    chunked: bool


def arrival(item, pairs):
    raw = item["raw"].encode("latin-1")
    head, _, body = raw.partition(b"\r\n\r\n")
    head += b"\r\n\r\n"
    method, target, version = head.split(b"\r\n")[0].split(b" ")
    fields = parse_fields(head)
    chunked = bool(field_values(fields, "Transfer-Encoding"))
    first = {name: (field_values(fields, name) or [""])[0] for name in coinstore.FIELDS}
    pair = pairs.get(first["X-CS-APIKEY"])
    verdict = coinstore.verdict(fields, target, body, pair.key if pair else "none", pair.secret if pair else "", item["wall_ms"])
    shown = raw.replace(pair.key.encode(), pair.masked.encode()) if pair else raw
    return Arrival(item["at"], item["wall_ms"], item["fault"], method.decode(), target.decode(), version.decode(),
                   first["X-CS-APIKEY"], first["X-CS-SIGN"], int(first["X-CS-EXPIRES"] or 0), verdict, digest(shown), digest(body), chunked)


def arrivals(folder, pairs):
    """({tag: its arrivals}, {tag: digests of what was answered, by the relay alone})"""
    found, done, by_key = defaultdict(list), defaultdict(list), {pair.key: pair for pair in pairs}
    for path in sorted(folder.glob("arrived-*.jsonl")):
        for line in path.read_text().splitlines():
            item = json.loads(line)
            if item["event"] == "arrived":
                found[item["tag"]].append(arrival(item, by_key))
            else:
                raw = item["raw"].encode("latin-1")
                code = re.search(rb'"code"\s*:\s*"?(\d+)', raw)
                done[item["tag"]].append((digest(raw), code[1].decode() if code else ""))
    return found, done


# --- what the record says ---

@dataclass
class Row:
    id: int
    outcome: str
    status: int
    error_name: str
    method: str
    target: str
    signature: str
    expires_ms: int
    attempts: int
    listener: str
    api_key_masked: str
    sent_us: int        # None: not known
    tag: str
    has_left: bool      # it has the head that left
    has_reply: bool
    digests: dict       # of views, and of bodies as NAME_body

    def __str__(self):
        return (f"exchange {self.id} ({self.listener}): {self.outcome} {self.status} {self.error_name or ''} {self.method} "
                f"{self.target[:80]}, {self.attempts} attempts")


def row_of(values):
    facts, parts = values[:len(FACTS)], [part or b"" for part in values[len(FACTS):]]
    facts = [value.decode("latin-1") if isinstance(value, bytes) else value for value in facts]
    heads, bodies = dict(zip(VIEWS, parts[::2])), dict(zip(VIEWS, parts[1::2]))
    found = TAG.search(bodies["client_request"]) or TAG.search(heads["client_request"])
    digests = {view: digest(heads[view] + bodies[view]) for view in VIEWS}
    digests |= {f"{view}_body": digest(bodies[view]) for view in VIEWS}
    return Row(*facts, found[1].decode() if found else "", bool(heads["upstream_request"]), bool(heads["client_response"]),
               digests | {"length": len(bodies["upstream_response"])})


def rows(state_dir, last):
    """All up to this id, in order."""
    columns = ", ".join([*FACTS, *(f"{view}_{part}" for view in VIEWS for part in ("head", "body"))])
    with closing(sqlite3.connect(state_dir / "capture.db")) as database:
        database.text_factory = bytes
        yield from map(row_of, database.execute(f"SELECT {columns} FROM exchange WHERE id <= ? ORDER BY id",
                                          (last,)))
