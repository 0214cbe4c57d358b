"""Many clients at once, each of whose requests can be told from all others by its tag; and the judge that holds three
lists against each other: what clients sent and got, what the exchange received, and what the store holds."""
import random
import re
import threading
import time
from collections import Counter
from dataclasses import dataclass

import coinstore
from rawhttp import Ended, build_request
from upstream import http_answer

PLACE = "/api/trade/order/place"
ACTIVE = "/api/trade/order/active"
TAG = re.compile(rb'clOrdId(?:"\s*:\s*"|=)([\w-]+)')
ID_SEEN = re.compile(rb"Countersign-Exchange: (\d+)\r\n")


@dataclass
class Sent:
    tag: bytes
    raw: bytes
    answer: object = None  # a Response, where the client got it whole
    seen_id: int = 0       # the id that the client read, in a whole answer or in a part of one


def tag_of(raw):
    found = TAG.search(raw)
    assert found, f"no tag in {raw[:300]!r}"
    return found[1]


def order(tag, filler=b""):
    """A POST whose body holds the tag and then any bytes."""
    return build_request("POST", PLACE, [("Content-Type", "application/json")], b'{"clOrdId":"%s"}' % tag + filler)


def query_for(tag):
    return build_request("GET", f"{ACTIVE}?clOrdId={tag.decode()}&symbol=btcusdt")


def answer_to(tag):
    """What the exchange answers to this tag: any bytes behind the code, of a length that the tag decides."""
    filler = random.Random(tag).randbytes(random.Random(tag).choice((0, 10, 400, 9000)))
    return http_answer(b'{"code":0,"data":{"clOrdId":"%s"},"filler":"%s"}' % (tag, filler.hex().encode()))


def answers_by_tag(request, wire):
    """An upstream's behaviour; some answers take a moment, so that there is always something on its way."""
    tag = tag_of(request.raw)
    time.sleep(random.Random(tag).choice((0, 0, 0, 0.002, 0.02)))
    wire.send(answer_to(tag))
    return True


class Load:
    """Clients that send one request after the other until `stop`, or until the proxy is gone."""

    def __init__(self, proxy, name, clients=6, largest=20_000):
        self.sent = []
        self.stopped = threading.Event()
        self.largest = largest
        self.threads = [threading.Thread(target=self._send, args=(proxy, f"{name}-{number}"))
                        for number in range(clients)]
        for thread in self.threads:
            thread.start()

    def stop(self):
        """Ends the load; returns what was sent."""
        self.stopped.set()
        return self.wait()

    def wait(self):
        for thread in self.threads:
            thread.join()
        return self.sent

    def _send(self, proxy, name):
        chance = random.Random(name)
        number = 0
        try:
            with proxy.client() as client:
                while not self.stopped.is_set():
                    self._exchange(client, self._request(chance, f"{name}-{number}".encode()))
                    number += 1
        except (Ended, OSError):
            pass  # the proxy is gone

    def _request(self, chance, tag):
        if chance.random() < 0.3:
            return query_for(tag)
        size = chance.choice((0, 0, 30, 700, self.largest))
        return order(tag, chance.randbytes(size))

    def _exchange(self, client, raw):
        sent = Sent(tag_of(raw), raw)
        self.sent.append(sent)
        try:
            sent.answer = client.exchange(raw)
            sent.seen_id = sent.answer.id
        except (Ended, OSError):
            seen = ID_SEEN.search(bytes(client.stream.taken) + client.stream.buffer)
            sent.seen_id = int(seen[1]) if seen else 0
            raise


def masked(raw, account):
    return raw.replace(account.key.encode(), account.masked.encode())


def by_tag(requests):
    """What the exchange received; each tag once."""
    counts = Counter(tag_of(request.raw) for request in requests)
    twice = [tag for tag, count in counts.items() if count > 1]
    assert not twice, f"sent to the exchange more than once: {twice}"
    assert {request.verdict for request in requests} <= {coinstore.ACCEPTED}
    return {tag_of(request.raw): request for request in requests}


class Judge:
    """Holds the store against what was sent and received."""

    def __init__(self, rows, requests, account):
        self.account = account
        self.received = by_tag(requests)
        counts = Counter(tag_of(row.client_request) for row in rows)
        twice = [tag for tag, count in counts.items() if count > 1]
        assert not twice, f"recorded more than once: {twice}"
        self.rows = {tag_of(row.client_request): row for row in rows}
        self.ids = {row.id for row in rows}

    def check(self, sent):
        """What must hold for one request, whatever happened to the proxy on its way."""
        row = self.rows.get(sent.tag)
        if row is None:
            self._check_missing(sent)
            return
        assert row.client_request == sent.raw, f"not as it was sent: {row}"
        if sent.seen_id:
            assert row.id == sent.seen_id, f"the client was told {sent.seen_id}: {row}"
        if sent.tag in self.received:
            self._check_left(row, self.received[sent.tag])
        if sent.answer:
            self._check_answered(row, sent.answer)
        else:
            self._check_unanswered(row, sent.tag)

    def _check_missing(self, sent):
        """What is in no record never left, and its client was told so, or nothing."""
        assert sent.tag not in self.received, f"the exchange received {sent.tag}, the store does not know it"
        if sent.answer:
            assert sent.answer.error == "record-full", f"answered and not recorded: {sent.answer.raw[:300]!r}"
        else:
            assert not sent.seen_id, f"a client was told {sent.seen_id} for {sent.tag}; the store does not know it"

    def _check_left(self, row, request):
        """As it left; of an intent, which was written before the head was: what it says of it."""
        assert row.outcome in (b"ok", b"unknown"), f"the exchange received it: {row}"
        if row.upstream_request.startswith(request.method.encode()):
            assert row.upstream_request == masked(request.raw, self.account), f"not as it left: {row}"
        else:
            assert row.outcome == b"unknown" and row.upstream_request == request.body, f"not what left: {row}"
        assert (row.signature.decode(), row.expires_ms) == (request.field("X-CS-SIGN"), request.expires), f"{row}"

    def _check_answered(self, row, answer):
        assert row.client_response == answer.raw, f"not as the client got it: {row}"
        assert (row.outcome.decode(), row.status) == (answer.outcome, answer.status), f"{row}"
        assert ((row.error_name or b"").decode() or None) == answer.error, f"{row}"
        if answer.status == 200:
            tag = tag_of(row.client_request)
            assert row.outcome == b"ok" and tag in self.received, f"{row}"
            assert row.upstream_response == answer_to(tag), f"not as the exchange sent it: {row}"

    def _check_unanswered(self, row, tag):
        assert row.outcome in (b"ok", b"unknown", b"not_sent", b"refused"), f"{row}"
        if row.outcome == b"ok":
            assert row.upstream_response == answer_to(tag), f"not as the exchange sent it: {row}"


def check(rows, sent, upstream, account):
    """These requests against the store's rows, which hold nothing else."""
    tags = {item.tag for item in sent}
    judge = Judge(rows, [request for request in upstream.requests() if tag_of(request.raw) in tags], account)
    for item in sent:
        judge.check(item)
    assert judge.rows.keys() <= tags, "the store holds what was not sent, or not now"
