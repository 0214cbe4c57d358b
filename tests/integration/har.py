"""A judge of HAR 1.2, written from the specification (http://www.softwareishard.com/blog/har-12-spec/) alone: which members
there must be, of which kind, and what must agree with what."""
import base64
import re
from datetime import datetime

NUMBER = (int, float)
# Member: (kinds, whether it must be there). Members that begin with "_" are anybody's own.
COMMENT = {"comment": (str, False)}
SHAPES = {
    "log": {"version": (str, True), "creator": (dict, True), "browser": (dict, False), "pages": (list, False),
            "entries": (list, True)},
    "creator": {"name": (str, True), "version": (str, True)},
    "entry": {"pageref": (str, False), "startedDateTime": (str, True), "time": (NUMBER, True), "request": (dict, True),
              "response": (dict, True), "cache": (dict, True), "timings": (dict, True),
              "serverIPAddress": (str, False), "connection": (str, False)},
    "request": {"method": (str, True), "url": (str, True), "httpVersion": (str, True), "cookies": (list, True),
                "headers": (list, True), "queryString": (list, True), "postData": (dict, False),
                "headersSize": (int, True), "bodySize": (int, True)},
    "response": {"status": (int, True), "statusText": (str, True), "httpVersion": (str, True), "cookies": (list, True),
                 "headers": (list, True), "content": (dict, True), "redirectURL": (str, True),
                 "headersSize": (int, True), "bodySize": (int, True)},
    "pair": {"name": (str, True), "value": (str, True)},
    "postData": {"mimeType": (str, True), "params": (list, False), "text": (str, False)},
    "content": {"size": (int, True), "compression": (int, False), "mimeType": (str, True), "text": (str, False),
                "encoding": (str, False)},
    "timings": {"blocked": (NUMBER, False), "dns": (NUMBER, False), "connect": (NUMBER, False), "send": (NUMBER, True),
                "wait": (NUMBER, True), "receive": (NUMBER, True), "ssl": (NUMBER, False)},
    "cache": {"beforeRequest": (dict, False), "afterRequest": (dict, False)},
}


def check_shape(value, name):
    shape = {**SHAPES[name], **COMMENT}
    for member, (kinds, required) in shape.items():
        assert member in value or not required, f"{name} has no {member}"
        if member in value:
            assert isinstance(value[member], kinds) and not isinstance(value[member], bool), f"{name}.{member}"
    unknown = [member for member in value if member not in shape and not member.startswith("_")]
    assert not unknown, f"{name} has members of its own that do not begin with _: {unknown}"


def check_timings(entry):
    timings = entry["timings"]
    check_shape(timings, "timings")
    for name in ("send", "wait", "receive"):
        assert timings[name] >= 0, name
    assert all(value >= 0 or value == -1 for name, value in timings.items() if name != "comment")
    known = sum(value for name, value in timings.items() if name not in ("ssl", "comment") and value != -1)
    assert abs(known - entry["time"]) < 0.0005, "time is not the sum of the timings"


def check_body(content):
    """The body's bytes."""
    if "text" not in content:
        return b""
    if content.get("encoding") == "base64":
        return base64.b64decode(content["text"], validate=True)
    return content["text"].encode()


def check_entry(entry):
    check_shape(entry, "entry")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)", entry["startedDateTime"])
    datetime.fromisoformat(entry["startedDateTime"].replace("Z", "+00:00"))
    check_timings(entry)
    check_shape(entry["cache"], "cache")
    for side in ("request", "response"):
        check_shape(entry[side], side)
        for pair in entry[side]["headers"]:
            check_shape(pair, "pair")
        assert entry[side]["headersSize"] >= -1 and entry[side]["bodySize"] >= -1
    request, response = entry["request"], entry["response"]
    assert re.fullmatch(r"https?://[!-~]+", request["url"]), "no URL"
    for pair in request["queryString"]:
        check_shape(pair, "pair")
    if "postData" in request:
        check_shape(request["postData"], "postData")
        assert not {"params", "text"} <= set(request["postData"]), "text and params exclude each other"
    check_shape(response["content"], "content")
    assert len(check_body(response["content"])) == response["content"]["size"]
    if "compression" in response["content"]:
        assert response["content"]["compression"] == response["content"]["size"] - response["bodySize"]


def check(har):
    """Asserts that it is one; returns its entries."""
    assert set(har) == {"log"}
    check_shape(har["log"], "log")
    assert har["log"]["version"] == "1.2"
    check_shape(har["log"]["creator"], "creator")
    for entry in har["log"]["entries"]:
        check_entry(entry)
    return har["log"]["entries"]
