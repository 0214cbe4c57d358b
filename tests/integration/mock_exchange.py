"""`countersign mock` as a program of its own, and a client that signs for itself: coinstore.py's signatures, raw sockets,
no proxy in between."""
import json
import re
import time

from coinstore import signature_fields
from program import Program
from rawhttp import Client, connect

JSON = [("Content-Type", "application/json")]
LISTENS = re.compile(r"listens at (?:https?://)?(\S+)\.$")


class MockExchange(Program):
    """Its account is the environment's COINSTORE_API_KEY and COINSTORE_API_SECRET."""

    def __init__(self, *arguments, env, listen=("127.0.0.1:0",)):
        listens = [word for address in listen for word in ("--listen", address)]
        super().__init__("mock", *listens, *arguments, env=env)
        self.key, self.secret = env["COINSTORE_API_KEY"], env["COINSTORE_API_SECRET"]
        self.wait_for_line("it says how it ends", lambda line: "Ctrl-C ends it" in line)
        self.addresses = [found.group(1) for found in map(LISTENS.search, self.lines) if found]
        assert len(self.addresses) == len(listen), self.output()

    @property
    def address(self):
        return self.addresses[0]

    def connect(self, index=0):
        return Client(connect(self.addresses[index]))

    def signed(self, target, body, now_ms=None):
        """The fields of a request that is signed as documented."""
        now_ms = int(time.time() * 1000) if now_ms is None else now_ms
        fields = signature_fields(self.key, self.secret, now_ms, target.encode(), body or b"")
        return fields + (JSON if body is not None else [])

    def ask(self, method, target, body=None, *, sign=True, client=None, index=0, now_ms=None):
        """One request; `body` is an object, which is sent as JSON, or bytes. The answer."""
        raw = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        fields = self.signed(target, raw, now_ms) if sign else (JSON if raw is not None else [])
        if client is not None:
            return client.request(method, target, fields, raw)
        with self.connect(index) as own:
            return own.request(method, target, fields, raw)

    def get(self, target, **options):
        return self.ask("GET", target, **options)

    def post(self, target, body, **options):
        return self.ask("POST", target, body, **options)

    def data(self, method, target, body=None, **options):
        """The data of an answer that says it is well."""
        answer = self.ask(method, target, body, **options)
        assert answer.status == 200 and str(code_of(answer)) == "0", answer.raw
        return exact(answer.body).get("data")


def exact(body):
    """JSON whose numbers are the texts they are written as: nothing passes through a double."""
    return json.loads(body, parse_float=str, parse_int=str)


def code_of(answer):
    return answer.json()["code"]


def refusal(answer):
    """Why it was refused, as the mock says it in a field."""
    return answer.field("Countersign-Mock-Refusal")
