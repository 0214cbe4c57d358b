"""The soak's judge can fail: a short run is right, and each lie told about it is found, by the invariant whose business it is."""
import json
import shutil
import sqlite3
import time
from contextlib import closing

import pytest

import paths  # noqa: F401, pylint: disable=unused-import
import ending
import evidence
from director import Director
from fault_table import HTTP_1, HTTP_2, find
from judge import Judge
from life import Watch
from setting import Setting
from soak import AT_ENDS, last_recorded

TRAFFIC_S = 1.5  # twice


@pytest.fixture(scope="module", name="kept")
def a_short_run(tmp_path_factory):
    """The folder of a run with faults, new keys and a kill."""
    folder = tmp_path_factory.mktemp("soak")
    setting, watch = Setting(folder, "judge"), Watch()
    director = None
    try:
        director = Director(setting.begin(), watch, "judge")
        director.start(AT_ENDS)
        clients = setting.start_clients()
        setting.upstreams["one"].begin(find("read, close", HTTP_1), HTTP_1)
        setting.upstreams["two"].begin(find("half a body, reset", HTTP_2), HTTP_2)
        time.sleep(TRAFFIC_S)
        director.rotate()
        director.kill_proxy()
        time.sleep(TRAFFIC_S)
        assert [client.wait() for client in clients] == [0] * len(clients)
        kept = setting.evidence(director.windows, last_recorded(setting.state_dir))
        kept.listed = ending.list_unknown(director)
        director.stop()
        kept.save()
        assert not director.broken
    finally:
        watch.stop()
        if director:
            director.end_whatever_runs()
        setting.end()
    return folder


class Lie:
    """A copy of the run's folder that can be tampered with."""

    def __init__(self, folder):
        self.folder, self.evidence = folder, evidence.load(folder)
        self.judge = Judge(self.evidence)

    def lines(self, pattern, pick, change):
        """The first line of these files that `pick` takes becomes what `change` gives: a list of objects."""
        for path in sorted(self.folder.glob(pattern)):
            items = [json.loads(line) for line in path.read_text().splitlines()]
            for index, item in enumerate(items):
                if pick(item):
                    items[index:index + 1] = change(dict(item))
                    path.write_text("".join(json.dumps(one) + "\n" for one in items))
                    return
        raise AssertionError("there is no such line")

    def told(self, pick, **values):
        self.lines("sent-*.jsonl", pick, lambda item: [item | values])

    def arrived(self, pick, change):
        self.lines("arrived-*.jsonl", lambda item: item["event"] == "arrived" and pick(item), change)

    def has_arrived(self, item):
        return item["tag"] in self.judge.arrived

    def exchange(self, sql, *values):
        """The view of exchanges becomes a table, in which one can write."""
        with closing(sqlite3.connect(self.evidence.state_dir / "capture.db", isolation_level=None)) as database:
            database.executescript("CREATE TABLE written AS SELECT * FROM exchange; DROP VIEW exchange_text; DROP VIEW exchange;"
                                   "CREATE TABLE exchange AS SELECT * FROM written;")
            assert database.execute(sql, values).rowcount == 1

    def an_order(self, outcome):
        """One that arrived, was told and has this outcome: what its client noted."""
        return next(item for item in self.judge.told.values() if item["kind"] == "order" and item["how"] == "told" and
                    (item["outcome"] or "").split(" ")[0] == outcome and self.has_arrived(item))

    def broken(self):
        """The words of what is found broken."""
        self.evidence.save()
        found = [*Judge(evidence.load(self.folder)).run(), ending.check_log(self.folder),
                 ending.check_store(self.evidence.state_dir), ending.check_secrets(self.evidence)]
        return [invariant.words for invariant in found if invariant.broken]


@pytest.fixture(name="lie")
def a_lie(kept, tmp_path):
    return Lie(shutil.copytree(kept, tmp_path / "lie", ignore=shutil.ignore_patterns("*.sock", "countersign")))


def is_told(item, outcome):
    return item["how"] == "told" and (item["outcome"] or "").split(" ")[0] == outcome


def is_undisturbed(lie, item):
    """Beyond every window in which a connection may end."""
    return not lie.judge.during(item, evidence.KILLED, evidence.ENDED, evidence.FULL)


# --- the lies, by what finds each ---

def an_order_arrives_twice(lie):
    lie.arrived(lambda item: item["raw"].startswith("POST /api/trade/order/place "), lambda item: [item, item])


def a_cancel_arrives_twice(lie):
    lie.arrived(lambda item: item["raw"].startswith("POST /api/trade/order/cancel?"), lambda item: [item, item])


def a_read_arrives_three_times(lie):
    lie.arrived(lambda item: item["raw"].startswith("GET "), lambda item: [item, item, item])


def what_nobody_sent_arrives(lie):
    lie.arrived(lambda item: "POST" in item["raw"], lambda item: [item, item | {"tag": "c9-9-9"}])


def a_client_is_never_answered(lie):
    lie.told(lambda item: item["how"] == "told", how="hung")


def a_connection_ends_and_nothing_ended_it(lie):
    lie.told(lambda item: item["how"] == "told" and is_undisturbed(lie, item), how="ended")


def an_answer_has_no_outcome(lie):
    lie.told(lambda item: is_told(item, "ok"), outcome=None)


def an_unknown_has_no_name(lie):
    lie.told(lambda item: is_told(item, "unknown"), error="")


def a_full_record_is_said_while_there_was_room(lie):
    lie.told(lambda item: is_told(item, "unknown") and is_undisturbed(lie, item), status=503, outcome="refused",
             error="record-full")


def success_is_told_of_what_never_arrived(lie):
    tag = lie.an_order("ok")["tag"]
    lie.arrived(lambda item: item["tag"] == tag, lambda item: [])


def an_unknown_is_told_as_not_sent(lie):
    lie.told(lambda item: is_told(item, "unknown") and lie.has_arrived(item), status=502, outcome="not_sent", error="connect")


def an_unknown_is_recorded_as_not_sent(lie):
    lie.exchange("UPDATE exchange SET outcome = 'not_sent' WHERE id = ?", lie.an_order("unknown")["id"])


def a_refused_order_arrives(lie):
    tag = lie.an_order("ok")["tag"]
    lie.told(lambda item: item["tag"] == tag, status=403, outcome="refused", error="policy")


def a_byte_of_a_request_is_recorded_as_another(lie):
    lie.exchange("UPDATE exchange SET client_request_body = CAST(replace(client_request_body, 'LIMIT', 'LIMIt') AS BLOB) "
                 "WHERE id = ?", lie.an_order("ok")["id"])


def a_byte_of_an_answer_is_told_as_another(lie):
    lie.told(lambda item: is_told(item, "ok"), got="0" * 24)


def another_status_is_told_than_recorded(lie):
    lie.exchange("UPDATE exchange SET status = 204 WHERE id = ?", lie.an_order("ok")["id"])


def a_client_is_told_of_another_exchange(lie):
    lie.told(lambda item: is_told(item, "ok"), id=1 << 40)


def an_exchange_is_recorded_twice(lie):
    lie.evidence.last += 1
    lie.exchange("INSERT INTO exchange SELECT ?, " + ", ".join(columns(lie)[1:]) + " FROM exchange WHERE id = ?",
                 lie.evidence.last, lie.an_order("ok")["id"])


def an_exchange_is_lost(lie):
    lie.exchange("DELETE FROM exchange WHERE id = ?", lie.an_order("ok")["id"])


def an_exchange_never_ends(lie):
    lie.exchange("UPDATE exchange SET outcome = NULL WHERE id = ?", lie.an_order("ok")["id"])


def a_byte_that_left_is_recorded_as_another(lie):
    lie.exchange("UPDATE exchange SET upstream_request_body = CAST(upstream_request_body || ' ' AS BLOB) WHERE id = ?",
                 lie.an_order("ok")["id"])


def a_byte_that_came_back_is_recorded_as_another(lie):
    lie.exchange("UPDATE exchange SET upstream_response_body = CAST(upstream_response_body || ' ' AS BLOB) WHERE id = ?",
                 lie.an_order("ok")["id"])


def another_signature_is_recorded_than_arrived(lie):
    lie.exchange("UPDATE exchange SET signature = '00' WHERE id = ?", lie.an_order("ok")["id"])


def a_signature_is_wrong(lie):
    def change(item):
        before, _, behind = item["raw"].partition("X-CS-SIGN: ")
        return [item | {"raw": before + "X-CS-SIGN: " + "0" * 64 + behind[64:]}]
    lie.arrived(lambda item: "X-CS-SIGN: " in item["raw"], change)


def a_replaced_key_signs(lie):
    lie.evidence.replaced_at = {pair.key: 0.0 for pair in lie.evidence.pairs}


def this_machines_clock_signs_where_the_exchanges_should(lie):
    lie.evidence.windows.append(evidence.Window(evidence.CLOCK, 0.0))


def more_leave_than_the_rate_allows(lie):
    lie.evidence.paced["count"] = 1


def what_is_in_doubt_is_not_listed(lie):
    lie.evidence.listed.pop()


def what_is_certain_is_listed(lie):
    lie.evidence.listed.append(lie.an_order("ok")["id"])


def reconcile_finds_nothing_of_what_was_placed(lie):
    tag = next(tag for tag, done in lie.judge.done.items()
               if [code for _, code in done] == ["0"] and lie.judge.told[tag]["kind"] == "order")
    lie.evidence.reconciled.append({"id": lie.judge.rows[tag][0].id, "action": "place",
                                    "orders": [{"verdict": "not-found", "reason": "?"}]})


def something_fails_that_nothing_explains(lie):
    with open(lie.folder / "log-000.jsonl", "a", encoding="ascii") as log:
        log.write('{"level":"error","event":"store","message":"disk I/O error"}\n')


def a_secret_is_logged(lie):
    with open(lie.folder / "log-000.jsonl", "a", encoding="ascii") as log:
        log.write(f'{{"level":"debug","message":"{lie.evidence.pairs[0].secret}"}}\n')


def a_frame_was_torn(lie):
    with closing(sqlite3.connect(lie.evidence.state_dir / "capture.db", isolation_level=None)) as database:
        database.execute("INSERT INTO incident (at_us, kind, count, detail) VALUES (1, 'torn', 1, 'a frame')")


def columns(lie):
    with closing(sqlite3.connect(lie.evidence.state_dir / "capture.db")) as database:
        return [row[0] for row in database.execute("SELECT name FROM pragma_table_info('exchange')")]


LIES = {
    "no POST arrived twice": (an_order_arrives_twice, a_cancel_arrives_twice, a_read_arrives_three_times,
                              what_nobody_sent_arrives),
    "each client got an answer": (a_client_is_never_answered, a_connection_ends_and_nothing_ended_it),
    "each answer says what is known": (an_answer_has_no_outcome, an_unknown_has_no_name,
                                       a_full_record_is_said_while_there_was_room, success_is_told_of_what_never_arrived),
    "what was told, or recorded, as refused or not sent": (an_unknown_is_told_as_not_sent, an_unknown_is_recorded_as_not_sent,
                                                           a_refused_order_arrives),
    "the record holds what each client": (a_byte_of_a_request_is_recorded_as_another, a_byte_of_an_answer_is_told_as_another,
                                          another_status_is_told_than_recorded, a_client_is_told_of_another_exchange,
                                          an_exchange_is_recorded_twice, an_exchange_is_lost),
    "each id is used once": (an_exchange_never_ends,),
    "what arrived is recorded as it left": (a_byte_that_left_is_recorded_as_another, a_byte_that_came_back_is_recorded_as_another,
                                            another_signature_is_recorded_than_arrived, an_exchange_is_lost),
    "each signature that arrived": (a_signature_is_wrong, a_replaced_key_signs),
    "requests to the mock exchange carry the time": (this_machines_clock_signs_where_the_exchanges_should,),
    "no more leave in any time": (more_leave_than_the_rate_allows,),
    "`log ls --outcome unknown`": (what_is_in_doubt_is_not_listed, what_is_certain_is_listed),
    "reconcile says": (reconcile_finds_nothing_of_what_was_placed,),
    "the log has no error": (something_fails_that_nothing_explains,),
    "no secret": (a_secret_is_logged,),
    "the record is sound": (a_frame_was_torn,),
}


def test_a_run_that_nobody_lies_about_is_right(lie):
    assert lie.broken() == []


@pytest.mark.parametrize("words, tell", [(words, tell) for words, tells in LIES.items() for tell in tells],
                         ids=lambda value: getattr(value, "__name__", ""))
def test_a_lie_is_found(lie, words, tell):
    tell(lie)
    assert any(found.startswith(words) for found in lie.broken())
