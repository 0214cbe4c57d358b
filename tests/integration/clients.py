"""The HTTP clients that bots are written with, each as a function
(url, method, fields, body or None, chunked) -> Answer. Used as a bot would use them, but that URLs which a client would
re-encode by itself are marked as encoded."""
import asyncio
import base64
import json
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import httpx
import pytest
import requests
import yarl

from rawhttp import DEADLINE_S


@dataclass
class Answer:
    status: int
    fields: dict  # names in lower case
    body: bytes

    def json(self):
        return json.loads(self.body)


def halves(body):
    yield body[: len(body) // 2]
    yield body[len(body) // 2:]


async def halves_async(body):
    for half in halves(body):
        yield half


def lower(fields):
    return {name.lower(): value for name, value in fields}


def with_requests(url, method, fields, body, chunked):
    data = halves(body) if chunked else body
    with requests.Session() as session:
        answer = session.request(method, url, headers=dict(fields), data=data, timeout=DEADLINE_S)
    return Answer(answer.status_code, lower(answer.headers.items()), answer.content)


def with_httpx(url, method, fields, body, chunked):
    content = halves(body) if chunked else body
    with httpx.Client(timeout=DEADLINE_S) as client:
        answer = client.request(method, url, headers=dict(fields), content=content)
    return Answer(answer.status_code, lower(answer.headers.items()), answer.content)


def with_aiohttp(url, method, fields, body, chunked):
    async def ask():
        data = halves_async(body) if chunked else body
        timeout = aiohttp.ClientTimeout(total=DEADLINE_S)
        # Left alone, aiohttp calls every POST application/octet-stream, also one without a body.
        async with aiohttp.ClientSession(timeout=timeout, skip_auto_headers=["Content-Type"]) as session:
            async with session.request(method, yarl.URL(url, encoded=True), headers=dict(fields), data=data) as answer:
                return Answer(answer.status, lower(answer.headers.items()), await answer.read())
    return asyncio.run(ask())


def with_curl(url, method, fields, body, chunked):
    with tempfile.TemporaryDirectory() as folder:
        head, content, sent = (Path(folder) / name for name in ("head", "content", "sent"))
        command = ["curl", "-sS", "--path-as-is", "--max-time", str(DEADLINE_S), "-X", method, "-D", head,
                   "-o", content]
        for name, value in [*fields, *([("Transfer-Encoding", "chunked")] if chunked else [])]:
            command += ["-H", f"{name}: {value}"]
        if body is not None:
            sent.write_bytes(body)
            command += ["--data-binary", f"@{sent}"]
        subprocess.run([*command, url], check=True, capture_output=True)
        lines = head.read_text().strip().split("\n\n")[-1].splitlines()
        return Answer(int(lines[0].split()[1]), lower(line.split(": ", 1) for line in lines[1:]), content.read_bytes())


def with_node_fetch(url, method, fields, body, chunked):
    if not shutil.which("node"):
        pytest.skip("there is no node on this machine")
    asked = {"url": url, "method": method, "fields": list(fields), "chunked": chunked,
             "body": None if body is None else base64.b64encode(body).decode()}
    done = subprocess.run(["node", Path(__file__).with_name("fetch_client.mjs")], input=json.dumps(asked).encode(),
                          capture_output=True, timeout=DEADLINE_S, check=False)
    assert done.returncode == 0, done.stderr.decode()
    answer = json.loads(done.stdout)
    return Answer(answer["status"], lower(answer["fields"]), base64.b64decode(answer["body"]))


CLIENTS = {"curl": with_curl, "requests": with_requests, "aiohttp": with_aiohttp, "httpx": with_httpx,
           "fetch": with_node_fetch}
