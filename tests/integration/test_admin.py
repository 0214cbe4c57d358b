"""The admin address: /healthz, /readyz and /metrics; who may look; what it costs those who trade: nothing."""
import json
import os
import signal
import threading
import time
from pathlib import Path

import pytest

import prometheus
from program import poll, run, write_config
from rawhttp import Client, build_request, connect
from store import held
from traced import held_thread
from upstream import http_answer, sends, succeeds, waits_for
from users import OTHER, curl, needs_root

PLACE = "/api/trade/order/place"
ACTIVE = "/api/trade/order/active"
ORDER = b'{"symbol":"BTCUSDT"}'
ADMIN = {"proxy": {"admin": "127.0.0.1:0"}}


def admin_address(proxy):
    return proxy.wait_for_event("admin")["address"]


def ask(proxy, target, method="GET", fields=(), host="localhost"):
    with Client(connect(admin_address(proxy))) as client:
        return client.exchange(build_request(method, target, fields, host=host))


def metrics_of(proxy):
    answer = ask(proxy, "/metrics")
    assert answer.status == 200 and answer.field("Content-Type").startswith("text/plain; version=0.0.4")
    return prometheus.parse(answer.body)


def answers(body):
    return sends(http_answer(body))


def parts_of(answer):
    return {part["part"]: part for part in answer.json()["parts"]}


def counted(proxy, count):
    """The metrics once so many requests have ended: the count comes behind the answer."""
    def look():
        metrics = metrics_of(proxy)
        ended = sum(metrics["countersign_requests_total"].samples.values())
        return metrics if ended >= count else None
    return poll(f"{count} requests are counted", look)


@pytest.fixture
def watched(start):
    return start(ADMIN)


@pytest.mark.both
def test_requests_are_counted_by_listener_class_outcome_and_code(watched, upstream):
    assert watched.request("POST", PLACE, body=ORDER).status == 200
    upstream.script(PLACE, answers(b'{"code":1401,"message":"unauthorized"}'))
    watched.request("POST", PLACE, body=ORDER)
    upstream.script(ACTIVE, answers(b'{"code":"77123","message":"?"}'))
    watched.request("GET", ACTIVE)
    watched.request("POST", "/api/fi/v3/asset/doWithdraw", body=b"{}")
    watched.request("GET", "/api/x", [("Origin", "https://evil.example")])
    metrics = counted(watched, 5)

    def requests(endpoint_class, outcome, code):
        return prometheus.value(metrics, "countersign_requests_total", listener="bot", outcome=outcome, code=code,
                                **{"class": endpoint_class})
    assert requests("trade", "ok", "0") == 1
    assert requests("trade", "api_error", "1401") == 1
    assert requests("read", "api_error", "other") == 1
    assert requests("funds", "refused", "none") == 1
    assert requests("none", "refused", "none") == 1
    assert prometheus.value(metrics, "countersign_refusals_total", listener="bot", reason="policy") == 1
    assert prometheus.value(metrics, "countersign_refusals_total", listener="bot", reason="browser") == 1
    assert prometheus.value(metrics, "countersign_responses_total", listener="bot", status="2xx") == 3
    assert prometheus.value(metrics, "countersign_responses_total", listener="bot", status="4xx") == 2
    assert prometheus.value(metrics, "countersign_requests_in_flight", listener="bot") == 0
    assert prometheus.value(metrics, "countersign_request_duration_seconds_count", listener="bot") == 5
    assert prometheus.value(metrics, "countersign_exchange_duration_seconds_count", listener="bot") == 3
    assert prometheus.value(metrics, "countersign_added_duration_seconds_count", listener="bot") == 3
    assert prometheus.value(metrics, "countersign_client_connections_total", listener="bot") == 5
    assert prometheus.value(metrics, "countersign_upstream_reachable", upstream="spot") == 1
    assert sum(metrics["countersign_upstream_requests_total"].samples.values()) == 3


def test_durations_stand_in_the_bucket_they_took(watched, upstream):
    upstream.script(ACTIVE, lambda request, wire: (time.sleep(0.3), succeeds(request, wire))[1])
    watched.request("GET", ACTIVE)
    metrics = counted(watched, 1)
    name = "countersign_exchange_duration_seconds"
    assert prometheus.value(metrics, f"{name}_bucket", listener="bot", le="0.250000") == 0
    assert prometheus.value(metrics, f"{name}_bucket", listener="bot", le="10.000000") == 1
    assert 0.25 < prometheus.value(metrics, f"{name}_sum", listener="bot") < 10
    added = prometheus.value(metrics, "countersign_added_duration_seconds_sum", listener="bot")
    whole = prometheus.value(metrics, "countersign_request_duration_seconds_sum", listener="bot")
    assert 0 < added < whole


@pytest.mark.both
def test_hostile_paths_codes_methods_and_statuses_make_no_series(watched, upstream):
    with watched.client() as client:
        for number in range(250):
            body = b'{"code":"%d\\\"}{","message":"x"}' % number if number % 2 else b'{"code":%d}' % (2 * 10**9 + number)
            upstream.script(f"/api/{number}", answers(body))
            client.request("GET", f"/api/{number}")
            client.request(f"M{number}", f"/api/x{number}/y", body=b"")
    metrics = counted(watched, 500)
    assert len(metrics["countersign_requests_total"].samples) < 12
    assert sum(len(metric.samples) for metric in metrics.values()) < 300
    assert b"M24" not in ask(watched, "/metrics").body


def test_every_metric_is_listed_by_config_metrics_and_has_a_meaning(watched):
    listed = run("config", "metrics", env=watched.env)
    names = {line.split()[0] for line in listed.stdout.decode().splitlines() if line and not line.startswith(" ")}
    assert names == set(metrics_of(watched))


def test_the_codes_that_have_a_series_are_those_that_explain_knows(watched, upstream):
    entries = [json.loads(line) for line in run("explain", "--json", env=watched.env).stdout.splitlines()]
    codes = [entry["name"] for entry in entries if entry["kind"] == "code"]
    assert len(codes) > 15
    for code in codes:
        upstream.script(ACTIVE, answers(b'{"code":%s,"message":"m"}' % code.encode()))
        watched.request("GET", ACTIVE)
    samples = counted(watched, len(codes))["countersign_requests_total"].samples
    assert {dict(labels)["code"] for _, labels in samples} == set(codes)


@pytest.mark.both
def test_it_is_alive_and_ready_and_says_of_what(start):
    proxy = start({"proxy": {"admin": "127.0.0.1:0", "workers": 3}})
    answer = ask(proxy, "/healthz")
    assert (answer.status, answer.json()) == (200, {"alive": True})
    ready = ask(proxy, "/readyz")
    assert ready.status == 200 and ready.json()["ready"] is True and ready.json()["missing"] == []
    parts = parts_of(ready)
    assert set(parts) == {"proxy", "signer", "key of main", "ring 0", "ring 1", "ring 2", "store", "upstream spot"}
    assert parts["upstream spot"]["state"].startswith("unknown yet")
    assert ask(proxy, "/healthz", "HEAD").body == b""


def test_readyz_sends_nothing_to_the_exchange_and_is_no_exchange_itself(watched, upstream):
    for target in ("/readyz", "/healthz", "/metrics"):
        ask(watched, target)
    assert watched.request("GET", ACTIVE).id == 1
    assert len(upstream.requests()) == 1


def test_an_exchange_out_of_reach_is_named_until_it_is_reached_again(start):
    proxy = start({"proxy": {"admin": "127.0.0.1:0"},
                   "upstream spot": {"url": "http://127.0.0.1:1", "ca_file": "", "connect_timeout": "200ms"}})
    proxy.request("GET", ACTIVE)
    answer = ask(proxy, "/readyz")
    assert answer.status == 503 and answer.json()["missing"] == ["upstream spot"]
    metrics = counted(proxy, 1)
    assert prometheus.value(metrics, "countersign_upstream_reachable", upstream="spot") == 0
    assert prometheus.value(metrics, "countersign_upstream_failures_total", listener="bot", reason="connect") == 1


def test_after_a_reload_what_the_listener_uses_now_is_looked_at(start, sections, tmp_path):
    sections["upstream other"] = {"url": "http://127.0.0.1:1", "warm": 0, "connect_timeout": "200ms"}
    sections["proxy"] |= {"admin": "127.0.0.1:0"}
    sections["listener bot"] |= {"upstream": "other"}
    proxy = start()
    proxy.request("GET", ACTIVE)
    assert ask(proxy, "/readyz").json()["missing"] == ["upstream other"]
    sections["listener bot"] |= {"upstream": "spot"}
    write_config(tmp_path / "countersign.ini", sections)
    proxy.signal(signal.SIGHUP)
    proxy.wait_for_event("configuration-reloaded")
    answer = ask(proxy, "/readyz")
    assert answer.status == 200 and "upstream other" not in parts_of(answer) and "upstream spot" in parts_of(answer)


def test_configurations_read_again_are_counted_by_what_came_of_them(start, sections, tmp_path):
    sections["proxy"] |= {"admin": "127.0.0.1:0"}
    proxy = start()

    def counts():
        return [prometheus.value(metrics_of(proxy), "countersign_configuration_reloads_total", result=result)
                for result in ("in_force", "old_one_stayed")]
    assert counts() == [0, 0]
    path = tmp_path / "countersign.ini"
    for policy, event, after in (("read-only", "configuration-reloaded", [1, 0]),
                                 ("nonsense", "configuration-not-reloaded", [1, 1])):
        sections["listener bot"] |= {"policy": policy}
        write_config(path, sections)
        proxy.signal(signal.SIGHUP)
        proxy.wait_for_event(event)
        poll("it is counted", lambda expected=after: counts() == expected)


@pytest.mark.both
def test_a_store_that_cannot_be_written_and_a_full_ring_are_named_until_they_are_well(start, state_dir):
    proxy = start({"proxy": {"admin": "127.0.0.1:0", "body_max": "64KiB"}, "capture": {"ring_size": "4MiB"}})
    proxy.record(proxy.request("GET", ACTIVE).id)
    with held(state_dir), proxy.client() as client:
        body = b"x" * 60000
        answer = client.request("POST", PLACE, body=body)
        assert answer.status == 200
        poll("the store is named", lambda: "store" in ask(proxy, "/readyz").json()["missing"])
        while answer.error != "record-full":
            answer = client.request("POST", PLACE, body=body)
        while client.request("POST", PLACE, body=b"{}").error != "record-full":
            pass
        ready, metrics = ask(proxy, "/readyz"), metrics_of(proxy)
        assert ready.status == 503 and ready.json()["missing"] == ["ring 0", "store"]
        assert prometheus.value(metrics, "countersign_recorder_failing") == 1
        assert prometheus.value(metrics, "countersign_recorder_write_errors_total") > 0
        assert prometheus.value(metrics, "countersign_recorder_lag_seconds", worker="0") > 0
        assert 0.5 < (prometheus.value(metrics, "countersign_ring_used_bytes", worker="0") /
                      prometheus.value(metrics, "countersign_ring_size_bytes", worker="0")) <= 1
    poll("all is well again", lambda: ask(proxy, "/readyz").status == 200)
    poll("all is recorded", lambda: prometheus.value(metrics_of(proxy), "countersign_recorder_lag_seconds",
                                                     worker="0") == 0)


def test_the_signer_and_how_long_its_keys_last_are_told(watched):
    assert parts_of(ask(watched, "/readyz"))["key of main"]["state"].startswith("at hand for ")
    metrics = metrics_of(watched)
    assert prometheus.value(metrics, "countersign_signer_up") == 1
    assert 0 < prometheus.value(metrics, "countersign_signer_key_remaining_seconds", account="main") <= 90


def test_rotations_and_a_stop_of_trading_are_told(start, tmp_path):
    for name, text in (("key", "0123456789abcdef"), ("secret", "89abcdef01234567")):
        (tmp_path / name).touch(mode=0o600)
        (tmp_path / name).write_text(text * 2)
    proxy = start({"proxy": {"admin": "127.0.0.1:0"},
                   "account main": {"api_key": f"file:{tmp_path}/key", "api_secret": f"file:{tmp_path}/secret"}})
    before = metrics_of(proxy)
    assert prometheus.value(before, "countersign_key_rotations_total") == 0
    assert prometheus.value(before, "countersign_trading_stopped") == 0
    (tmp_path / "key").write_text("fedcba9876543210" * 2)
    proxy.signal(signal.SIGHUP)
    proxy.wait_for_event("keys-reloaded")
    assert proxy.command("stop-trading").returncode == 0
    after = metrics_of(proxy)
    assert prometheus.value(after, "countersign_trading_stopped") == 1
    poll("it is counted", lambda: prometheus.value(metrics_of(proxy), "countersign_key_rotations_total") == 1)
    assert ask(proxy, "/readyz").json()["trading"] == "stopped"


def test_while_it_drains_it_is_alive_but_not_ready(watched, upstream):
    release = threading.Event()
    upstream.script(ACTIVE, waits_for(release, succeeds))
    with watched.client() as client:
        client.send(build_request("GET", ACTIVE))
        poll("it is in flight", lambda: prometheus.value(metrics_of(watched), "countersign_requests_in_flight",
                                                         listener="bot") == 1)
        watched.signal(signal.SIGTERM)
        poll("it says so", lambda: ask(watched, "/readyz").json()["missing"] == ["proxy"])
        assert ask(watched, "/healthz").status == 200
        assert prometheus.value(metrics_of(watched), "countersign_draining") == 1
        release.set()
        assert client.read().status == 200
    assert watched.wait() == 0


def switches(pid):
    """How often each thread of these has gone to sleep."""
    return {task.name: int(next(line for line in (task / "status").read_text().splitlines()
                                if line.startswith("voluntary_ctxt")).split()[1])
            for task in Path(f"/proc/{pid}/task").iterdir() if (task / "comm").read_text().strip() in ("worker", "admin")}


@pytest.mark.once
def test_nobody_is_woken_where_nobody_asks(watched):
    """The workers' and the admin's threads sleep; /healthz wakes, and only then."""
    ask(watched, "/healthz")
    pid = watched.proxy_pid
    poll("all is quiet", lambda: switches(pid) == (time.sleep(0.3), switches(pid))[1])
    before = switches(pid)
    time.sleep(1)
    assert switches(pid) == before and len(before) == 2
    ask(watched, "/healthz")
    assert all(count > before[thread] for thread, count in switches(pid).items())


@pytest.mark.both
@pytest.mark.parametrize("fields, host, name", [
    ([("Origin", "http://127.0.0.1")], "localhost", "browser"),
    ([("Sec-Fetch-Site", "same-origin")], "localhost", "browser"),
    ([], "rebound.example", "host"),
    ([], "api.coinstore.com", "host"),
])
def test_pages_and_rebound_names_see_nothing(watched, fields, host, name):
    for target in ("/metrics", "/healthz", "/readyz", "/"):
        answer = ask(watched, target, fields=fields, host=host)
        assert answer.status == 403 and answer.json()["error"] == name
        assert not any(field.lower().startswith("access-control-") for field, _ in answer.fields)


@needs_root
def test_another_user_is_refused_unless_admin_peer_says_otherwise(start, watched):
    _, status, body = curl(admin_address(watched), uid=OTHER, target="/metrics")
    assert status == 403 and json.loads(body)["error"] == "peer" and str(OTHER) in body


@needs_root
def test_admin_peer_lets_another_user_look(start):
    proxy = start({"proxy": {"admin": "127.0.0.1:0", "admin_peer": str(OTHER)}})
    assert curl(admin_address(proxy), uid=OTHER, target="/healthz")[1] == 200
    assert curl(admin_address(proxy), target="/healthz")[1] == 403


def test_a_unix_socket_serves_it_too(start, tmp_path):
    proxy = start({"proxy": {"admin": f"unix:{tmp_path}/admin.sock"}})
    assert ask(proxy, "/healthz").status == 200


def test_it_only_looks(watched):
    for method in ("POST", "PUT", "DELETE", "OPTIONS"):
        answer = ask(watched, "/metrics", method)
        assert answer.status == 405 and answer.field("Allow") == "GET, HEAD"
    assert ask(watched, ACTIVE).status == 404
    assert ask(watched, "/metrics?x=1").status == 200
    with Client(connect(admin_address(watched))) as client:
        assert client.request("GET", "/metrics", body=b"x").status == 400


def test_the_proxys_own_listener_has_none_of_it(watched, upstream):
    upstream.script("/metrics", answers(b'{"code":0,"data":"the exchange\'s"}'))
    assert watched.request("GET", "/metrics").json()["data"] == "the exchange's"


@pytest.mark.both
def test_no_key_and_no_secret_is_told(watched, upstream, account):
    watched.request("POST", PLACE, body=ORDER)
    for target in ("/metrics", "/healthz", "/readyz"):
        raw = ask(watched, target).raw
        assert account.key.encode() not in raw and account.secret.encode() not in raw
        assert account.masked.encode() not in raw


def test_the_default_address_in_use_is_told_and_the_proxy_goes_without(launch, programs):
    first = launch({"proxy": {"admin": "127.0.0.1:8788"}}).wait_until_ready()
    second = launch({"proxy": {"admin": "127.0.0.1:8788", "state_dir": f"{first.config_file}.second"}})
    second.wait_until_ready()
    assert first.events("no-admin") or second.wait_for_event("no-admin")["address"] == "127.0.0.1:8788"


def test_an_address_that_was_chosen_must_be_had(start, launch):
    first = start(ADMIN)
    second = launch({"proxy": {"admin": admin_address(first), "state_dir": f"{first.config_file}.second"}})
    assert second.wait() == 3
    assert "[proxy] admin" in second.output() and "in use" in second.output()


def test_an_address_that_other_machines_reach_is_refused(launch):
    proxy = launch({"proxy": {"admin": "0.0.0.0:8788"}})
    assert proxy.wait() == 2 and "[proxy] admin: other machines can reach 0.0.0.0:8788" in proxy.output()


@needs_root
@pytest.mark.once
def test_a_stuck_worker_makes_it_unhealthy(watched):
    with held_thread(watched.proxy_pid):
        answer = ask(watched, "/healthz")
    assert answer.status == 503 and answer.json() == {"alive": False, "stuck": ["worker 0"]}
    assert ask(watched, "/healthz").status == 200


@pytest.mark.concurrent
def test_scrapes_meet_requests_on_all_workers(start, upstream):
    proxy = start({"proxy": {"admin": "127.0.0.1:0", "workers": 2}})
    for _ in range(20):
        proxy.request("GET", ACTIVE)
        metrics_of(proxy)
        ask(proxy, "/readyz")
        ask(proxy, "/healthz")
    assert prometheus.value(counted(proxy, 20), "countersign_request_duration_seconds_count", listener="bot") == 20
