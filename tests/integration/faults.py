"""Orders of many clients through the proxy while the exchange fails, and the judge who holds three lists against each other:
what the exchange counted, what each client was told, and what the store holds."""
import json
import re
import subprocess
import sys
import threading
import time
from collections import Counter
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace

import program
import store
from fault_table import BOTH, OK, SECTIONS
from program import poll
from rawhttp import Ended, build_request

CLIENTS = 32
PLACE = "/api/trade/order/place"
OUTCOME = re.compile(rb"\r\nCountersign-Outcome: ([^\r]*)")
ERROR = re.compile(rb"\r\nCountersign-Error: ([^\r]*)")
ROWS = ("SELECT id, outcome, status, error_name, attempts, reused, delivered, local_port, length(upstream_request_head), "
        "client_request_body, CAST(target AS BLOB) FROM exchange WHERE id > ? ORDER BY id")


class FaultyUpstream:
    """faulty_upstream.py, running; `command` goes before it (`ip netns exec NAME`)."""

    def __init__(self, certificate_file, address="127.0.0.1", command=(), chronicle=None):
        script = Path(__file__).with_name("faulty_upstream.py")
        written = [str(chronicle)] if chronicle else []
        self.process = subprocess.Popen([*command, sys.executable, str(script), str(certificate_file), address, *written],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.port = int(self.process.stdout.readline())
        self.url = f"https://{'localhost' if address == '127.0.0.1' else address}:{self.port}"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait(10)
        self.process.stdout.close()

    def _ask(self, **what):
        self.process.stdin.write(json.dumps(what) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def begin(self, fault, protocol, **chances):
        """From now on it makes this fault, and counts from nothing; kept connections end. `chances`: share, skip, limit, late_s."""
        self._ask(fault=fault.name, protocol=protocol, **chances)

    def report(self):
        return self._ask(report=True)


def listener_of(section, protocol):
    return f"{section}-{protocol[0]}"


def configuration(state_dir, upstream, ca_file):
    """A listener for each set of timeouts and each protocol."""
    sections = {"proxy": {"state_dir": state_dir, "drain": "1s", "pace": "off"},
                "account main": {"api_key": "env:COINSTORE_API_KEY", "api_secret": "env:COINSTORE_API_SECRET"}}
    for section, keys in SECTIONS.items():
        for protocol in BOTH:
            name = listener_of(section, protocol)
            sections[f"upstream {name}"] = {"url": upstream.url, "ca_file": ca_file, "warm": 0, "http": protocol, **keys}
            sections[f"listener {name}"] = {"listen": "127.0.0.1:0", "upstream": name, "account": "main"}
    return sections


@contextmanager
def running(folder, ca_file, certificate_file, account, **options):
    """A faulty upstream, and a proxy in front of it."""
    env = program.environment(folder, COINSTORE_API_KEY=account.key, COINSTORE_API_SECRET=account.secret)
    with FaultyUpstream(certificate_file, **options) as upstream:
        sections = configuration(folder / "state", upstream, ca_file)
        proxy = program.Proxy(program.write_config(folder / "countersign.ini", sections), env)
        try:
            proxy.wait_until_ready()
            yield SimpleNamespace(proxy=proxy, upstream=upstream, state_dir=folder / "state")
        finally:
            proxy.finish()


@dataclass
class Told:
    """What a client was told of its request."""
    tag: str
    status: int
    outcome: str
    error: str
    answer: object  # Response

    def __str__(self):
        return " ".join(filter(None, (str(self.status), self.outcome, self.error)))


@dataclass
class Row:
    id: int
    outcome: str
    status: int
    error: str
    attempts: int
    reused: int
    delivered: int
    local_port: int
    head_length: int
    body: bytes
    target: bytes

    @property
    def tag(self):
        return re.search(rb'clOrdId(?:"\s*:\s*"|=)([\w-]+)', self.body or self.target)[1].decode()


@dataclass
class Run:
    """One fault's run, as the judge and the table want it."""
    fault: object
    protocol: str
    orders: list
    told: list
    rows: list
    report: dict
    seconds: float
    ended: list = field(default_factory=list)  # tags whose clients got no answer

    def table_row(self):
        answers = ", ".join(f"{count} x {words}" for words, count in Counter(map(str, self.told)).most_common())
        outcomes = ", ".join(f"{count} {name}" for name, count in Counter(row.outcome for row in self.rows).most_common())
        arrived = Counter(self.report["arrived"])
        return (self.fault.name, self.protocol, len(self.orders), self.report["strikes"], len(arrived),
                sum(count > 1 for count in arrived.values()), answers, outcomes, f"{self.seconds:.1f}")


def order(tag):
    body = b'{"symbol":"BTCUSDT","side":"BUY","ordType":"LIMIT","ordPrice":"100","ordQty":"1","clOrdId":"%s"}' % tag.encode()
    return build_request("POST", PLACE, [("Content-Type", "application/json")], body)


def query(tag):
    return build_request("GET", f"/api/trade/order/active?clOrdId={tag}")


def take(client, tag, raw):
    answer = client.exchange(raw)
    error = ERROR.search(answer.head)
    return Told(tag, answer.status, OUTCOME.search(answer.head)[1].decode(), error[1].decode() if error else "",
                answer)


def send_all(connect, tags):
    """Each of the clients sends its share of the orders, one after the other. Gives what was told, and who was not."""
    told, ended = [], []

    def work(mine):
        client = connect()
        for tag in mine:
            try:
                told.append(take(client, tag, order(tag)))
            except (Ended, OSError):
                ended.append(tag)
                client.close()
                client = connect()
        client.close()
    threads = [threading.Thread(target=work, args=(tags[number::CLIENTS],)) for number in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return told, ended


def rows_after(state_dir, last, count):
    """Every exchange since this id, once `count` of them have ended."""
    def look():
        with closing(store.connect(state_dir)) as database:
            found = [Row(*row) for row in database.execute(ROWS, (last,)).fetchall()]
        return found if len(found) >= count and all(row.outcome for row in found) else None
    return poll(f"{count} exchanges are recorded", look, 60)


def last_id(state_dir):
    return store.query(state_dir, "SELECT coalesce(max(id), 0) FROM exchange")[0][0]


def run(faulty, fault, protocol, count):
    """So many orders, each with a tag of its own, under one fault."""
    faulty.upstream.begin(fault, protocol)
    last = last_id(faulty.state_dir)
    name = re.sub(r"\W+", "-", fault.name)
    tags = [f"{name}-{protocol[0]}-{number}" for number in range(count)]
    begun = time.monotonic()
    told, ended = send_all(lambda: faulty.proxy.client(listener_of(fault.section, protocol)), tags)
    seconds = time.monotonic() - begun
    rows = rows_after(faulty.state_dir, last, count)
    return Run(fault, protocol, tags, told, rows, faulty.upstream.report(), seconds, ended)


def once_each(what, names):
    twice = [name for name, count in Counter(names).items() if count > 1]
    assert not twice, f"{what} more than once: {twice[:5]}"


def judge(run):
    """What must hold whatever fails, and what this fault alone leads to."""
    assert not run.ended, f"{len(run.ended)} clients got no answer: {run.ended[:5]}"
    once_each("arrived at the exchange", run.report["arrived"])
    once_each("recorded", [row.tag for row in run.rows])
    rows, told = {row.tag: row for row in run.rows}, {one.tag: one for one in run.told}
    assert rows.keys() == told.keys() == set(run.orders)
    arrived, answered, struck = (set(run.report[name]) for name in ("arrived", "answered", "struck"))
    for tag in run.orders:
        judge_record(rows[tag], told[tag], tag in arrived, tag in answered)
        may_be = run.fault.may_be_told(tag in struck, run.protocol)
        if not run.report["struck_ports"]:
            assert str(told[tag]) in may_be, f"{tag} (struck: {tag in struck}): {told[tag]}, where it may be {may_be}"
    judge_unread(run)
    assert run.report["strikes"], "the fault struck nothing"


def judge_record(row, told, has_arrived, was_answered):
    recorded = f"{row.tag}: {row}, the client was told: {told}"
    assert (row.outcome, row.status, row.error or "") == (told.outcome, told.status, told.error), recorded
    assert row.attempts <= 1, f"begun to be sent {row.attempts} times: {recorded}"
    if row.outcome == "not_sent":
        assert not has_arrived and row.attempts == 0 and not row.head_length, recorded
        assert told.status in (502, 503) and told.error, recorded
    elif str(told) == OK:
        assert has_arrived and was_answered and row.tag.encode() in told.answer.body, recorded
    else:
        assert row.outcome == "unknown" and told.error and row.attempts == 1, recorded


def judge_unread(run):
    """Of a request that was never read, the exchange knows the client's port alone. Whatever stood in its socket's buffer
    may have been sent."""
    unknown = Counter(row.local_port for row in run.rows if row.outcome == "unknown")
    struck = Counter(run.report["struck_ports"])
    assert struck <= unknown, f"struck, and not unknown: {struck - unknown}"
    if run.report["struck_ports"]:
        others = {str(one) for one in run.told} - {OK, *run.fault.struck} - run.fault.may_be_told(False, run.protocol)
        assert not others, others
