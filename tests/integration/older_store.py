"""A store as version 1 of the schema kept it, made from its SQL (store_v1.sql) and rows of the tests' own; and what
`log show --json` must say of each row, written down from the columns' meaning."""
import base64
import hashlib
import random
import sqlite3
from contextlib import closing
from datetime import datetime, timezone
from pathlib import Path

SCHEMA = Path(__file__).with_name("store_v1.sql")
NOON_US = 1_790_000_000_000_000
FLAGS = {"delivered": 0, "is_signed": 0, "payload_length": 0, "reused": 0, "attempts": 0}  # NOT NULL in the schema
VIEWS = ("client_request", "upstream_request", "upstream_response", "client_response")
BINARY = bytes(range(256)) * 5
LARGE = random.Random(1).randbytes(1_000_000)
SIGNED = {
    "is_signed": 1, "payload_length": 7, "payload_sha256": hashlib.sha256(b'{"a":1}').digest(),
    "expires_ms": NOON_US // 1000 + 3, "window": (NOON_US // 1000 + 3) // 30_000, "signature": "0f" * 32,
    "account": "main", "api_key_masked": "0123" + "*" * 24 + "cdef",
}
CONNECTED = {
    "local_address": "192.0.2.7", "local_port": 50001, "remote_address": "198.51.100.4", "remote_port": 443,
    "ip_family": 4, "tls_version": "TLSv1.3", "tls_cipher": "TLS_AES_256_GCM_SHA384", "http_version": "HTTP/1.1",
}
ASKED = {"listener": "bot", "client_address": "127.0.0.1:40000", "method": "POST", "target": "/api/trade/order/place"}


def at(*after_us):
    names = ("received_us", "connected_us", "signed_us", "sent_us", "first_byte_us", "complete_us", "replied_us")
    return {name: NOON_US + us for name, us in zip(names, after_us)}


def heads(number, request_length, response_length):
    return {
        "client_request_head": b"POST /api/trade/order/place HTTP/1.1\r\nHost: localhost\r\nx-odd:  %d\r\n\r\n"
                               % number,
        "upstream_request_head": b"POST /api/trade/order/place HTTP/1.1\r\nHost: e\r\nContent-Length: %d\r\n\r\n"
                                 % request_length,
        "upstream_response_head": b"HTTP/1.1 200 OK\r\nDate: Mon, 21 Sep 2026 14:13:20 GMT\r\n"
                                  b"Content-Length: %d\r\n\r\n" % response_length,
        "client_response_head": b"HTTP/1.1 200 OK\r\nCountersign-Exchange: %d\r\nContent-Length: %d\r\n\r\n"
                                % (number, response_length),
    }


def bodies(request, response):
    return {"client_request_body": request, "upstream_request_body": request, "upstream_response_body": response,
            "client_response_body": response}


def whole(number, request, response, **changes):
    """An exchange that went well."""
    return {"id": number, "outcome": "ok", "status": 200, "api_code": "0", "api_message": "success", "delivered": 1,
            "attempts": 1, **ASKED, **SIGNED, **CONNECTED, **at(0, 10, 20, 30, 40, 50, 60),
            **heads(number, len(request), len(response)), **bodies(request, response), **changes}


def special_rows():
    ok = b'{"code":0,"data":{"ordId":11594964764657880,"price":9.1E-10}}'
    return [
        whole(1, b'{"a":1}', ok),
        whole(2, b'{"a":1}', ok, reused=1, received_us=NOON_US + 5),
        {"id": 3},  # nothing but what the schema asks for, and in flight
        {"id": 4, "outcome": "unknown", "error_name": "process-ended", "error_message": "it ended"},
        {"id": 5, **ASKED, **SIGNED, **at(0, 10, 20), "attempts": 1,
         "client_request_head": heads(5, 7, 0)["client_request_head"], "client_request_body": b'{"a":1}',
         "upstream_request_body": b'{"a":1}'},  # in flight
        {"id": 6, **ASKED, **at(0), "outcome": "refused", "status": 403, "error_name": "policy", "delivered": 1,
         "error_message": "countersign: refused \u00e9\n\"quoted\"", "replied_us": NOON_US + 9,
         "client_request_head": b"POST /a HTTP/1.1\r\n\r\n", "client_response_head": b"HTTP/1.1 403 Forbidden\r\n\r\n",
         "client_response_body": b'{"code":403}'},
        whole(7, BINARY, bytes(reversed(BINARY))),
        whole(8, LARGE, LARGE[::-1]),
        whole(9, b"", b"", target="/a?", api_code=None, api_message=None),
        whole(10, b"\0", b"\0\0", target="?", method="X", api_code="-1.50e3", client_address="[::1]:5"),
        whole(11, b"x", b"y", target="no path", client_address="unix:", client_uid=0, window=5,
              payload_sha256=bytes(32), signature="Zz" * 32, expires_ms=1),
        whole(12, b"x", b"y", connected_us=NOON_US, signed_us=NOON_US - 1, sent_us=NOON_US - 2),
        whole(13, b"x", b"y", target="/a?b=\u00fc?c&\u20ac", client_address="fe80::1", ip_family=6, local_port=65535,
              attempts=2, delivered=0, client_uid=4294967294),
        whole(14, b"x", b"y", upstream_response_body=b"z", client_request_body=b"w"),
        whole(15, b"x", b"y", client_response_head=b"HTTP/1.1 200 OK\nno\0\x01\x02\x03\x04\x05\x06head\xff\r\n",
              upstream_request_head=b""),
        whole(16, b"x", b"y", received_us=None),
        whole(17, b"x", b"y", received_us=1, connected_us=2, signed_us=3, sent_us=4, first_byte_us=None),
        {"id": 18, **ASKED, **at(-50_000_000), "outcome": "not_sent", "status": 502, "error_name": "upstream-connect"},
        {"id": 40, **ASKED, **at(7), "outcome": "api_error", "status": 200, "api_code": "3113", "api_message": ""},
        {"id": 1_000_003, **ASKED, **at(9), "outcome": "http_error", "status": 599},
    ]


def plain_rows(first, count):
    """Everyday traffic: bodies that repeat, others that do not."""
    return [whole(first + i, b'{"a":%d}' % (i % 7), b'{"code":0,"data":[]}' if i % 3 else b'{"n":%d}' % i,
                  target=f"/api/trade/order/place?n={i % 11}", **at(i, i + 1, i + 2, i + 3, i + 4, i + 5, i + 6))
            for i in range(count)]


def make(state_dir, rows):
    """Writes the rows; equal bytes are kept once."""
    state_dir.mkdir(mode=0o700)
    known = {}
    with closing(sqlite3.connect(state_dir / "capture.db", isolation_level=None)) as database:
        database.executescript(SCHEMA.read_text())
        database.execute("BEGIN")
        for row in rows:
            columns = {**FLAGS, **{name: keep(database, known, name, value) for name, value in row.items()}}
            database.execute(f"INSERT INTO exchange ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})",
                             list(columns.values()))
        database.execute("COMMIT")
    return state_dir


def keep(database, known, name, value):
    if not name.endswith(("_head", "_body")) or value is None:
        return value
    if value not in known:
        known[value] = database.execute("INSERT INTO bytes (data) VALUES (?)", (value,)).lastrowid
    return known[value]


# --- what must be said of a row ---

def shown(row):
    """The members of `log show --json` that follow from the row."""
    row = {**FLAGS, **row}
    text = {name: row.get(column) for name, column in (
        ("listener", "listener"), ("account", "account"), ("apiKeyMasked", "api_key_masked"), ("method", "method"),
        ("target", "target"), ("status", "status"), ("apiCode", "api_code"), ("apiMessage", "api_message"),
        ("error", "error_name"), ("errorMessage", "error_message"), ("attempts", "attempts"))}
    text = {name: None if value == "" else value for name, value in text.items()}  # read as if there were none
    return {"id": row["id"], **text, "outcome": row.get("outcome") or "in_flight", "delivered": row["delivered"] == 1,
            "client": {"address": row.get("client_address"), "uid": row.get("client_uid")},
            "times": times(row), "signing": signing(row), "connection": connection(row), "clientSignature": None, "clock": None,
            "views": {camel(view): shown_view(row, view) for view in VIEWS}}


def camel(name):
    first, *rest = name.split("_")
    return first + "".join(part.title() for part in rest)


def times(row):
    names = ("received_us", "connected_us", "signed_us", "sent_us", "first_byte_us", "complete_us", "replied_us")
    said = {camel(name): row.get(name) for name in names}
    if row.get("received_us") is None:
        return said
    moment = datetime.fromtimestamp(row["received_us"] // 1_000_000, timezone.utc)
    return {**said, "received": f"{moment:%Y-%m-%dT%H:%M:%S}.{row['received_us'] % 1_000_000:06}Z"}


def signing(row):
    if not row["is_signed"]:
        return None
    return {"payloadLength": row["payload_length"], "payloadSha256": row["payload_sha256"].hex(),
            "expiresMs": row["expires_ms"], "window": row["window"], "signature": row["signature"]}


def connection(row):
    if row.get("remote_address") is None:
        return None
    return {**{camel(name): row[name] for name in CONNECTED}, "reused": row["reused"] == 1}


def shown_view(row, view):
    head, body = row.get(f"{view}_head"), row.get(f"{view}_body")
    if head is None and body is None:
        return None
    said = {"bodyLength": len(body or b"")}
    try:
        return {**said, "body": (body or b"").decode(), "bodyEncoding": "text"}
    except UnicodeDecodeError:
        return {**said, "body": base64.b64encode(body).decode(), "bodyEncoding": "base64"}
