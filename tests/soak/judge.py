"""Holds the three accounts of a run against each other. What must hold is a list of invariants, each with how much was looked
at and the cases that break it."""
import sys
from collections import defaultdict
from pathlib import Path

import evidence
import ledger
import table
from evidence import CLOCK, ENDED, FULL, KILLED
from invariant import Invariant
from ledger import digest
from traffic import PUBLIC
from faulty_http1 import body_for

PROBE = "probe-"           # tags of what is sent beside the clients
SIGNED_TO_ARRIVED_S = 6    # with a key that was replaced: what was signed before may arrive so much later
MOCK_AHEAD_S, CLOCK_BOUND_S = 7, 1.1  # the mock exchange's clock (setting.py); how exactly its Date tells it
CLOCK_KNOWN_S = 8          # within that, a life that signs by it has had an answer
READINGS_S = 0.1           # two clocks are read one behind the other: so long the machine may stand between
ALONE_S = 4.0              # an exchange is under way for no longer: connect_timeout and timeout (setting.py), and room
ON_ITS_WAY_S = 0.5         # by so much a request's way to an exchange differs from another's, that one's threads included
MOMENT_S = 1.0             # what a client notes, and when, differs by so much from what was done

NOWHERE = ("record-full", "too-many-connections")  # refused where the record has no part
# outcome: statuses that go with it; None: any. An error's name goes with these outcomes, and with no other.
STATUSES = {"ok": (200,), "api_error": None, "http_error": None, "unknown": (200, 502, 503, 504), "not_sent": (502, 503),
            "refused": (403, 429, 503)}
NAMED = ("unknown", "not_sent", "refused")
REFUSALS = {"policy", "rule", "order-limit", "order-unreadable", "record-full", "shutting-down", "record-not-synced", "pace"}
FAILURES = {"lost", "timeout", "response-malformed", "no-code", "shutting-down", "tls", "connect", "connect-timeout",
            "process-ended"}


class Judge:
    def __init__(self, evidence):
        self.evidence, self.windows = evidence, evidence.windows
        self.told = ledger.told(evidence.folder)
        self.arrived, self.done = ledger.arrivals(evidence.folder, evidence.pairs)
        self.rows = defaultdict(list)
        self.row_count, self.last_id, self.probes = 0, 0, set()
        self.invariants = []
        self._load()

    def _load(self):
        whole = self.invariant("each id is used once, and nothing in the record is still in flight")
        for row in ledger.rows(self.evidence.state_dir, self.evidence.last):
            if row.tag.startswith(PROBE):
                self.probes.add(row.id)
                continue
            self.row_count += 1
            whole.holds(row.id > self.last_id, lambda row=row: f"not in order: {row}")
            whole.holds(row.outcome is not None, lambda row=row: f"in flight: {row}")
            self.last_id = max(row.id, self.last_id)
            whole.holds(row.tag in self.told, lambda row=row: f"nobody sent it: {row}")
            self.rows[row.tag].append(row)

    def invariant(self, words):
        self.invariants.append(Invariant(words))
        return self.invariants[-1]

    def during(self, item, *kinds):
        """Whether a request's time meets a window of these kinds. One whose client has left goes on without it."""
        ended = item["ended"] + (ALONE_S if item["how"] == "left" else MOMENT_S)
        return any(window.kind in kinds and window.begun < ended and item["begun"] < window.ended + MOMENT_S
                   for window in self.windows)

    def run(self):
        self.at_most_once()
        self.all_told()
        self.sayings()
        self.not_sent_did_not_arrive()
        self.recorded_as_told()
        self.recorded_as_left()
        self.signatures()
        self.clocks()
        self.pace()
        self.unknown_listed()
        self.reconciled()
        return self.invariants

    # --- clients ---

    def at_most_once(self):
        once = self.invariant("no POST arrived twice, no GET more than twice")
        for tag, found in self.arrived.items():
            most = 2 if all(one.method == "GET" for one in found) else 1
            once.holds(len(found) <= most, lambda tag=tag, found=found: f"{tag} arrived {len(found)} times: {found}")
            once.holds(tag in self.told or tag.startswith(PROBE), lambda tag=tag: f"{tag} arrived, and no client sent it")

    def all_told(self):
        answered = self.invariant("each client got an answer; without one, the proxy was being stopped or killed, and what met a "
                                  "closed door did not arrive")
        for tag, item in self.told.items():
            if item["how"] in ("told", "left"):
                answered.holds(True, "")
                continue
            text = lambda item=item: f"{item}, arrived: {self.arrived.get(item['tag'])}"  # noqa: E731
            is_killed, is_ended = self.during(item, KILLED), self.during(item, ENDED)
            answered.holds(item["how"] != "hung" and (is_killed or is_ended), text)
            if item["how"] == "nobody" or is_ended and not is_killed:
                answered.holds(tag not in self.arrived, text)

    def sayings(self):
        known = self.invariant("each answer says what is known: an outcome, a status that goes with it, an error by its name")
        for item in self.told.values():
            if item["how"] == "told":
                known.holds(self._is_saying(item), lambda item=item: str(item))

    def _is_saying(self, item):
        outcome = (item["outcome"] or "").split(" ")[0]
        if outcome not in STATUSES or not (STATUSES[outcome] is None or item["status"] in STATUSES[outcome]):
            return False
        if outcome not in NAMED:
            return not item["error"] and item["tag"] in self.arrived
        if item["error"] == "record-full":
            return outcome == "refused" and self.during(item, FULL)
        if item["error"] == "shutting-down":
            return self.during(item, KILLED, ENDED)
        return item["error"] in (REFUSALS if outcome == "refused" else FAILURES)

    def not_sent_did_not_arrive(self):
        none = self.invariant("what was told, or recorded, as refused or not sent did not arrive")
        for tag, item in self.told.items():
            says = {row.outcome for row in self.rows.get(tag, ())} | {(item.get("outcome") or "").split(" ")[0]}
            if says & {"refused", "not_sent"}:
                none.holds(tag not in self.arrived, lambda tag=tag, item=item: f"{item}, and it arrived: {self.arrived[tag]}")

    # --- the record ---

    def recorded_as_told(self):
        same = self.invariant("the record holds what each client sent and was told, byte for byte, whatever was killed")
        for tag, item in self.told.items():
            found = self.rows.get(tag, [])
            text = lambda item=item, found=found: f"{item}, recorded: {'; '.join(map(str, found)) or 'nothing'}"  # noqa: E731
            if not same.holds(len(found) <= 1, text):
                continue
            if not found:
                is_needed = tag in self.arrived or item.get("id") or item["how"] == "told"
                same.holds(not is_needed or item.get("error") in NOWHERE, text)
                continue
            same.holds(self._is_recorded_as_told(found[0], item), text)

    def _is_recorded_as_told(self, row, item):
        if row.digests["client_request"] != item["sent"] or item.get("id") not in (None, row.id):
            return False
        if item["how"] != "told":
            return True
        is_cut = row.error_name == "record-truncated" and not row.has_reply and self.during(item, FULL)
        return (row.outcome == (item["outcome"] or "").split(" ")[0] and row.status == item["status"] and
                (is_cut or (row.error_name or "") == item["error"] and row.digests["client_response"] == item["got"]))

    def recorded_as_left(self):
        same = self.invariant("what arrived is recorded as it left, and what came back as it came, byte for byte")
        for tag, found in self.arrived.items():
            if tag not in self.told:
                continue
            rows = self.rows.get(tag, [])
            text = lambda found=found, rows=rows: f"{found}; recorded: {'; '.join(map(str, rows)) or 'nothing'}"  # noqa: E731
            if same.holds(len(rows) == 1, text):
                same.holds(rows[0].outcome in ("ok", "api_error", "http_error", "unknown"), text)
                same.holds(self._is_lost_twice(rows[0]) or any(self._is_recorded_as_left(rows[0], one) for one in found), text)
                same.holds(self._is_answer_as_it_came(tag, rows[0]), text)

    @staticmethod
    def _is_lost_twice(row):
        """A read whose repeat left as well, and was lost before it arrived: the record holds the last that left."""
        return row.method == "GET" and row.attempts == 2 and (row.outcome, row.error_name) == ("unknown", "lost") and row.has_left

    def _is_recorded_as_left(self, row, one):
        if not row.has_left:
            return row.outcome == "unknown" and self.during(self.told[row.tag], KILLED, FULL)
        if (row.signature or "", row.expires_ms or 0) != (one.signature, one.expires):
            return False
        if one.version == "HTTP/1.1":
            return row.digests["upstream_request"] == one.masked
        return row.digests["upstream_request_body"] == one.body

    def _is_answer_as_it_came(self, tag, row):
        if row.outcome not in ("ok", "api_error") or row.error_name == "record-truncated":
            return True
        if tag in self.done:
            return row.digests["upstream_response"] in {raw for raw, _ in self.done[tag]}
        return row.digests["upstream_response_body"] == digest(body_for(tag.encode())[:row.digests["length"]])

    def signatures(self):
        right = self.invariant("each signature that arrived is right, and of a key that was not replaced before")
        for tag, found in self.arrived.items():
            is_public = tag in self.told and self.told[tag]["kind"] in PUBLIC  # probes are not
            for one in found:
                text = lambda tag=tag, one=one: f"{tag}: {one}"  # noqa: E731
                right.holds(one.verdict == ("unsigned" if is_public else "accepted"), text)
                replaced = self.evidence.replaced_at.get(one.key)
                right.holds(replaced is None or one.at < replaced + SIGNED_TO_ARRIVED_S, text)

    def clocks(self):
        """At the mock exchange, whose clock is ahead: a life signs by this machine's or by the exchange's."""
        by = self.invariant("requests to the mock exchange carry the time of its clock where they should, and of this machine's "
                            "elsewhere")
        windows = [window for window in self.windows if window.kind == CLOCK]
        for tag, found in self.arrived.items():
            for one in found:
                if one.fault != "relay" or not one.expires:
                    continue
                text = lambda tag=tag, one=one: f"{tag}: {one.expires - one.wall_ms} ms behind its arrival: {one}"  # noqa: E731
                behind_s = (one.expires - one.wall_ms) / 1000  # signed before it arrived, and after its client began
                earliest_s = self.told[tag]["begun"] - one.at if tag in self.told else -SIGNED_TO_ARRIVED_S
                if any(window.begun + CLOCK_KNOWN_S < one.at < window.ended for window in windows):
                    by.holds(MOCK_AHEAD_S - CLOCK_BOUND_S + earliest_s <= behind_s <= MOCK_AHEAD_S + CLOCK_BOUND_S, text)
                # A life serves a moment before it is seen to be ready, which is when its window begins.
                elif not any(window.begun - MOMENT_S < one.at < window.ended + SIGNED_TO_ARRIVED_S for window in windows):
                    by.holds(earliest_s - READINGS_S <= behind_s <= 0, text)

    def pace(self):
        """As the record says that they left, and as they arrived."""
        paced = self.evidence.paced
        kept = self.invariant("no more leave in any time than the account's rate allows, over lives, kills and repeats")
        arrived = sorted(one.at for found in self.arrived.values() for one in found if one.key in paced["keys"])
        left = sorted(row.sent_us / 1e6 for found in self.rows.values() for row in found
                      if row.listener == paced["listener"] and row.signature and row.sent_us)
        for moments, window_s in ((arrived, paced["window_s"] - ON_ITS_WAY_S), (left, paced["window_s"])):
            for first, last in zip(moments, moments[paced["count"]:]):
                kept.holds(last - first >= window_s,
                           lambda first=first, last=last: f"{paced['count'] + 1} requests within {last - first:.3f} s, at {first}")

    # --- what commands say of it ---

    def unknown_listed(self):
        """What `log ls --outcome unknown` lists, against what clients were told."""
        held = self.invariant("`log ls --outcome unknown` lists exactly what is in doubt")
        listed, rows = set(self.evidence.listed), self.by_id()
        for number in listed - self.probes:
            row = rows.get(number)
            item = self.told.get(row.tag) if row else None
            held.holds(item and (item["how"] != "told" or item["outcome"] == "unknown"),
                       lambda number=number, row=row, item=item: f"listed: {number}: {row}, {item}")
        for tag, item in self.told.items():
            found = self.rows.get(tag)
            if item["how"] == "told" and item["outcome"] == "unknown" or found and found[0].outcome == "unknown":
                held.holds(found and found[0].id in listed, lambda item=item: f"not listed: {item}")

    def reconciled(self):
        """Orders at the mock whose answers were lost: what was found out against what the relay saw."""
        held = self.invariant("reconcile says of orders in doubt at the mock exchange what became of them")
        rows = self.by_id()
        for found in self.evidence.reconciled:
            row = rows.get(int(found["id"]))
            if row and found["action"] == "place":
                self._reconciled_one(held, row, found)

    def _reconciled_one(self, held, row, found):
        was_placed = [code for _, code in self.done.get(row.tag, ())] == ["0"]
        is_batch = self.told[row.tag]["kind"] == "batch"
        for order in found["orders"]:
            if is_batch and was_placed:
                continue  # each order of it has an answer of its own
            right = order["verdict"] == "placed" if was_placed else order["verdict"] != "placed"
            held.holds(right, f"{row}: {order['verdict']} ({order['reason']}), done: {self.done.get(row.tag)}")

    def by_id(self):
        return {row.id: row for found in self.rows.values() for row in found}


def main(folder):
    """Judges a folder that was kept once more; what needs the program is left out."""
    judge = Judge(evidence.load(Path(folder)))
    return table.invariants(judge.run())


if __name__ == "__main__":
    sys.exit(0 if main(*sys.argv[1:]) else 1)
