"""One process of clients. Each sends one request after the other and writes down what it sent and what it was told.

    clients.py LISTENERS FILE NAME SEED

LISTENERS is JSON: addresses by name. Ends with its standard input; a request that is under way is still waited for."""
import json
import random
import re
import sys
import threading
import time

import paths  # noqa: F401, pylint: disable=unused-import
from rawhttp import Client, Ended, build_request, chunked, connect, field_values
import traffic
from ledger import digest

CLIENTS = 6          # threads of one process
PAUSE_S = 0.08       # between two requests, on average
DOWN_S = 0.05        # before another try, where nobody accepts
LEAVES_AFTER_S = 0.05
PIECES = 5           # of a request that is sent slowly
ID_SEEN = re.compile(rb"Countersign-Exchange: (\d+)\r\n")
# How a client goes about a request, and how often.
KEPT, NEW, LEAVES, SLOW, CHUNKED = "kept", "new", "leaves", "slow", "chunked"
WAYS = {KEPT: 60, NEW: 18, LEAVES: 8, SLOW: 4, CHUNKED: 10}


class Notes:
    def __init__(self, path):
        self.file = open(path, "a", encoding="ascii", buffering=1)  # pylint: disable=consider-using-with
        self.lock = threading.Lock()

    def add(self, **what):
        line = json.dumps(what)
        with self.lock:
            self.file.write(line + "\n")


class Talker:
    """One client: at most one connection, to one listener at a time."""

    def __init__(self, listeners, notes, name, seed, stopped):
        self.listeners, self.notes, self.name, self.stopped = listeners, notes, name, stopped
        self.chance = random.Random(seed)
        self.client, self.at = None, None

    def run(self):
        number = 0
        while not self.stopped.wait(self.chance.expovariate(1 / PAUSE_S)):
            listener = self.chance.choice(list(self.listeners)) if self.at is None or self.chance.random() < 0.1 else self.at
            way = self.chance.choices(list(WAYS), WAYS.values())[0]
            self._one(listener, way, traffic.make(self.chance, f"{self.name}-{number}"))
            number += 1
        self._leave()

    def _leave(self):
        if self.client:
            self.client.close()
        self.client, self.at = None, None

    def _one(self, listener, way, request):
        if listener != self.at or way == NEW:
            self._leave()
        raw, recorded = self._raw(way, request)
        noted = {"tag": request.tag, "kind": request.kind, "method": request.method, "listener": listener, "way": way,
                 "sent": digest(recorded), "begun": time.monotonic()}
        try:
            noted.update(self._exchange(listener, way, raw))
        except TimeoutError:
            noted["how"] = "hung"
        except (Ended, OSError) as failure:
            noted.update(self._seen(), how="ended" if self.client else "nobody", why=repr(failure)[:200])
        self.notes.add(**noted, ended=time.monotonic())
        if noted["how"] != "told" or way == NEW:
            self._leave()
        if noted["how"] == "nobody":
            time.sleep(DOWN_S)

    def _raw(self, way, request):
        """Its bytes, and those that should be recorded: of a chunked body the chunks' content."""
        if way == CHUNKED and request.body:
            middle = len(request.body) // 2
            head = build_request(request.method, request.target, [*request.fields, ("Transfer-Encoding", "chunked")])
            body = chunked(*filter(None, (request.body[:middle], request.body[middle:])))
            return head + body, head + request.body
        raw = build_request(request.method, request.target, request.fields, request.body)
        return raw, raw

    def _seen(self):
        """What of an answer came, where it did not come whole."""
        if not self.client:
            return {}
        found = ID_SEEN.search(bytes(self.client.stream.taken) + self.client.stream.buffer)
        return {"id": int(found[1])} if found else {}

    def _exchange(self, listener, way, raw):
        if not self.client:
            self.client, self.at = Client(connect(self.listeners[listener])), listener
        del self.client.stream.taken[:]
        self._send(way, raw)
        if way == LEAVES:
            time.sleep(self.chance.random() * LEAVES_AFTER_S)
            return {"how": "left"}
        answer = self.client.read(raw.split(b" ", 1)[0].decode())
        if "close" in field_values(answer.fields, "Connection"):
            self._leave()
        return {"how": "told", "status": answer.status, "outcome": answer.outcome, "error": answer.error or "",
                "id": int(answer.field("Countersign-Exchange") or 0), "got": digest(answer.raw), "body": digest(answer.body),
                "record": answer.field("Countersign-Record")}

    def _send(self, way, raw):
        if way != SLOW:
            self.client.send(raw)
            return
        step = len(raw) // PIECES + 1
        for at in range(0, len(raw), step):
            self.client.send(raw[at:at + step])
            time.sleep(0.01)


def main(listeners, path, name, seed):
    stopped, notes = threading.Event(), Notes(path)
    talkers = [Talker(json.loads(listeners), notes, f"{name}-{number}", f"{seed}-{name}-{number}", stopped)
               for number in range(CLIENTS)]
    threads = [threading.Thread(target=talker.run) for talker in talkers]
    for thread in threads:
        thread.start()
    sys.stdin.read()
    stopped.set()
    for thread in threads:
        thread.join()


if __name__ == "__main__":
    main(*sys.argv[1:])
