"""tests/bench/run.sh, without its measurements: what it says and refuses, what it writes and draws of given figures."""
import json
import re
import signal
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from types import SimpleNamespace

import pytest

from program import ROOT, binary, children, command_line, environment, is_alive, poll

sys.path.append(str(ROOT / "tests" / "bench"))  # behind: it has a store.py, too

from measure import chart, closed_loop, machine, open_loop, processes, report, rig, round_trip  # noqa: E402

pytestmark = pytest.mark.once

SCRIPT = ROOT / "tests" / "bench" / "run.sh"
MACHINE = {"when": "2026-01-01 00:00 UTC", "processor": "A <processor> & more", "cores": 2, "kernel": "Linux 6.1", "commit": "abc",
           "program": "countersign", "load": [0.1, 0.1, 0.1]}
SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture
def run_script(tmp_path):
    def run(*arguments, **variables):
        return subprocess.run([SCRIPT, *arguments], env=environment(tmp_path, **variables), capture_output=True, text=True, timeout=60,
                              check=False)
    return run


def wrk_run(requests, *latencies, errors=0):
    return {"requests": requests, "seconds": 2.0, "errors": errors, "latency_us": [list(point) for point in latencies]}


@pytest.fixture
def results():
    points = [[0.1, 50.0], [50, 100.0], [99, 400.0], [99.9, 2500.0], [99.99, 9000.0]]
    targets = {name: {"distribution_us": [[at, value * factor] for at, value in points]}
               for name, factor in (("direct", 1), ("nginx", 1.5), ("nginx-lua", 2), ("countersign", 2.1))}
    return {"machine": MACHINE, "parts": {"throughput": {"16": targets},
                                          "openloop": {"requests_per_second": 1000, "targets": targets}}, "skipped": {}, "failed": {}}


# --- the command ---

def test_help_names_every_part(run_script):
    done = run_script("--help")
    assert done.returncode == 0
    for part in ("throughput", "cpu", "openloop", "roundtrip", "idle", "instructions", "startup"):
        assert re.search(rf"^  {part} ", done.stdout, re.M), done.stdout


@pytest.mark.parametrize("arguments, complaint", [
    (["speed"], 'there is no part "speed"'),
    (["--rounds", "0"], "--rounds: at least 1"),
    (["--fast"], "unrecognized arguments: --fast"),
])
def test_what_it_does_not_know_is_a_usage_error_before_anything_is_built(run_script, arguments, complaint):
    done = run_script(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert complaint in done.stderr


def test_a_program_that_is_not_there_is_told(run_script, tmp_path):
    done = run_script("idle", COUNTERSIGN_BIN=str(tmp_path / "none"))
    assert done.returncode == 1
    assert f"there is no {tmp_path / 'none'}" in done.stderr


def test_what_is_missing_is_told_with_what_to_do_and_the_rest_goes_on(tmp_path):
    code = ("import sys; sys.path.insert(0, sys.argv.pop(1))\n"
            "from measure import __main__ as command, rig\n"
            "rig.shutil.which = lambda *_, **__: None\n"
            "sys.exit(command.main())")
    done = subprocess.run(["/usr/bin/python3", "-c", code, ROOT / "tests" / "bench", "--out", tmp_path / "figures.json", "--quick", "openloop",
                           "instructions"], env=environment(tmp_path, COUNTERSIGN_BIN="/bin/true"), capture_output=True, text=True,
                          timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    skipped = json.loads((tmp_path / "figures.json").read_text())["skipped"]
    assert set(skipped) == {"openloop", "instructions"}
    assert all("tests/bench/run.sh --install" in why for why in skipped.values()), skipped


# --- figures ---

def test_throughput_is_the_median_of_the_rounds_beside_nginx_with_lua():
    each = {"direct": [wrk_run(40000, (50, 40), (99, 90))] * 3, "nginx-lua": [wrk_run(20000, (50, 90), (99, 200))] * 3,
            "countersign": [wrk_run(count, (50, p50), (99, 300), errors=1) for count, p50 in ((1, 1), (22000, 85), (40000, 900))]}
    own = closed_loop.throughput_of(each)["countersign"]
    assert (own["requests_per_second"], own["of_nginx_lua"], own["p50_us"], own["added_p50_us"], own["errors"]) == (11000, 1.1, 85, 45, 3)


def test_throughput_stands_for_itself_where_there_is_nothing_to_compare_with():
    own = closed_loop.throughput_of({"direct": [wrk_run(10, (50, 1), (99, 2))]})["direct"]
    assert own["of_nginx_lua"] is None


def test_processor_time_is_for_each_request_and_thread():
    used = {"user": 3000, "system": 1000, "threads": {"proxy/worker": 3000, "proxy/recorder": 1000}}
    own = closed_loop.cpu_of({"direct": [wrk_run(100)], "countersign": [{**wrk_run(100), "processor_us": used}]})
    assert own == {"countersign": {"us_per_request": 40, "user": 30, "system": 10,
                                   "threads": {"proxy/recorder": 10, "proxy/worker": 30}}}


def test_what_an_open_loop_adds_is_the_difference_of_percentiles():
    latencies = [float(value) for value in range(1, 1001)]
    rounds = {"direct": [(latencies, latencies)], "countersign": [([10 * value for value in latencies], latencies)]}
    own = open_loop.figures_of(rounds)["countersign"]
    assert (own["p50_us"], own["p99.9_us"], own["added_p50_us"], own["added_p99.9_us"]) == (5000, 9990, 4500, 8991)
    assert own["sender_late_p99.9_us"] == 999


def test_round_trips_have_their_median_and_extremes():
    assert round_trip.figures_of({"direct": [3.0, 1.0, 2.0]}) == {"direct": {"orders": 3, "p50_ms": 2.0, "least_ms": 1.0, "most_ms": 3.0}}


def test_a_machine_that_is_busy_is_told():
    busy = {**MACHINE, "load": [1.9, 1, 1]}
    assert not any("WARNING" in text for text in machine.describe(MACHINE))
    assert any("WARNING: this machine is busy" in text for text in machine.describe(busy))


# --- files ---

def test_the_figures_are_json_with_machine_settings_and_no_needless_digits(tmp_path):
    options = SimpleNamespace(quick=True, rounds=3, seconds=1)
    results = report.begin(MACHINE, options)
    results["parts"]["idle"] = {"wakeups": {16: 1 / 3}, "list": (2 / 3, None)}
    report.write(tmp_path / "new" / "figures.json", results)
    read = json.loads((tmp_path / "new" / "figures.json").read_text())
    assert read["machine"] == MACHINE and read["settings"]["rounds"] == 3
    assert read["parts"]["idle"] == {"wakeups": {"16": 0.333}, "list": [0.667, None]}
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["figures.json"]


def test_the_drawing_has_both_distributions_with_names_beside_the_lines(tmp_path, results):
    assert chart.write(tmp_path / "latency.svg", results)
    drawing = ElementTree.parse(tmp_path / "latency.svg").getroot()
    words = [text.text for text in drawing.iter(f"{SVG}text")]
    assert {"Closed loop, 16 connections", "Open loop, 1,000 requests a second"} <= set(words)
    assert [words.count(name) for name in ("countersign", "nginx + Lua", "direct")] == [2, 2, 2]
    assert any(MACHINE["processor"] in text for text in words)
    assert "prefers-color-scheme: dark" in drawing.find(f"{SVG}style").text


def test_the_drawing_s_lines_rise_within_it_and_its_names_do_not_cover_each_other(results):
    drawing = ElementTree.fromstring(chart.draw(results))
    curves = [[tuple(map(float, point.split(","))) for point in curve.get("points").split()] for curve in drawing.iter(f"{SVG}polyline")]
    assert len(curves) == 6
    for curve in curves:
        assert all(0 <= x <= chart.WIDTH and 0 <= y <= chart.HEIGHT for x, y in curve)
        assert curve == sorted(curve) and [y for _, y in curve] == sorted((y for _, y in curve), reverse=True)
    labels = [(float(text.get("x")), float(text.get("y"))) for text in drawing.iter(f"{SVG}text") if "label" in text.get("class")]
    for x in {x for x, _ in labels}:
        heights = sorted(y for own, y in labels if own == x)
        assert all(above - below >= chart.LABEL_HEIGHT for below, above in zip(heights, heights[1:]))


def test_nothing_is_drawn_where_no_distribution_was_measured(tmp_path):
    assert not chart.write(tmp_path / "latency.svg", {"machine": MACHINE, "parts": {}})
    assert not (tmp_path / "latency.svg").exists()


def test_every_name_in_the_peers_configurations_is_filled_in(tmp_path):
    given = {"LISTEN": "127.0.0.1:1", "UPSTREAM": "127.0.0.1:2", "KEEPALIVE": "75s", "TLS": "", "MODULES": "/modules", "LUA": "/lua"}
    for path in rig.RIG.iterdir():
        text = rig.fill_in(path.name, tmp_path, **given).read_text()
        assert not re.search(r"@[A-Z]+@", text), path.name


def test_whatever_a_measurement_started_is_ended_with_it():
    with pytest.raises(RuntimeError), processes.Keeper() as keeper:
        started = keeper.start("sleep", "600")
        raise RuntimeError("a measurement failed")
    assert started.poll() is not None


@pytest.fixture
def under_way(tmp_path):
    """The script, measuring; the processes it has started, and its folder for them."""
    def everything(pid):
        return [pid, *(below for child in children(pid) for below in everything(child))]

    def started():
        found = everything(script.pid)
        folder = next(filter(None, (re.search(rb"/\S*/run-\w+", command_line(pid)) for pid in found if is_proxy(pid))), None)
        return folder and (found, Path(folder[0].decode()))

    def is_proxy(pid):
        return b"\0proxy-process\0" in command_line(pid)

    script = subprocess.Popen([SCRIPT, "--out", tmp_path / "figures.json", "startup"], stdout=subprocess.PIPE,
                              env=environment(tmp_path, COUNTERSIGN_BIN=str(binary())))
    with script:
        yield script, *poll("a measurement is under way", started)


def test_ctrl_c_ends_what_a_measurement_started_and_leaves_no_folder_behind(under_way):
    script, pids, folder = under_way
    assert folder.exists()
    script.send_signal(signal.SIGINT)
    assert script.wait(30) == 128 + signal.SIGINT
    poll("all is ended", lambda: not any(map(is_alive, pids)))
    assert not folder.exists()


def test_a_reader_that_has_read_enough_ends_it_likewise(under_way):
    script, pids, folder = under_way
    script.stdout.close()
    assert script.wait(60) == 128 + signal.SIGPIPE
    poll("all is ended", lambda: not any(map(is_alive, pids)))
    assert not folder.exists()
