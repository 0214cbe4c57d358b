"""Parts throughput and cpu: wrk's connections send their next order when the last is answered. The targets take turns, in
another order each round, so that what else this machine does meets all of them; figures are medians over the rounds."""
from . import ours
from .processes import Keeper, processor_us, settle
from .rig import Rig, in_turn
from .table import median, say, show, table

CONNECTIONS = {"throughput": (1, 16, 64), "cpu": (1, 16)}
OURS, PEER = "countersign", "nginx-lua"


def percentile(run, wanted):
    return next((value for at, value in run["latency_us"] if at == wanted), None)


def measure_one(keeper, rig, name, connections, seconds):
    pid = rig.pids.get(name)
    before = processor_us(pid) if pid else None
    run = rig.wrk(keeper, rig.targets[name], connections, seconds)
    if pid:
        settle(pid)
        after = processor_us(pid)
        run["processor_us"] = {
            "user": after["user"] - before["user"], "system": after["system"] - before["system"],
            "threads": {thread: used - before["threads"].get(thread, 0) for thread, used in after["threads"].items()}}
    return run


def runs(options, wanted):
    """{connections: {target: [what each round measured]}}"""
    with Keeper() as keeper, options.scratch() as folder:
        rig = Rig(keeper, folder)
        own = ours.Countersign(keeper, options.binary, folder, rig.upstream_url, proxy=ours.NO_PACE)
        rig.targets[OURS], rig.pids[OURS] = own.url, own.pid
        found = {}
        for connections in wanted:
            found[connections] = {name: [] for name in rig.targets}
            for name in rig.targets:  # connections are opened, pages are touched
                rig.wrk(keeper, rig.targets[name], connections, 1)
            for number in range(options.rounds):
                for name in in_turn(rig.targets, number):
                    found[connections][name].append(measure_one(keeper, rig, name, connections, options.seconds))
        return found


def throughput_of(by_target):
    """{target: figures}, of one number of connections."""
    rates = {name: median([run["requests"] / run["seconds"] for run in each]) for name, each in by_target.items()}
    floor = median([percentile(run, 50) for run in by_target["direct"]])
    found = {}
    for name, each in by_target.items():
        p50 = median([percentile(run, 50) for run in each])
        found[name] = {
            "requests_per_second": rates[name], "of_nginx_lua": rates[name] / rates[PEER] if PEER in rates else None,
            "p50_us": p50, "p99_us": median([percentile(run, 99) for run in each]), "added_p50_us": p50 - floor,
            "errors": sum(run["errors"] for run in each),
            "distribution_us": [[at, median([percentile(run, at) for run in each])] for at, _ in each[0]["latency_us"]]}
    return found


def cpu_of(by_target):
    """{target: µs of user and system time for each request, of all threads and by thread}, of one number of connections."""
    found = {}
    for name, each in by_target.items():
        each = [run for run in each if "processor_us" in run]
        if not each:
            continue
        threads = {thread for run in each for thread in run["processor_us"]["threads"]}
        found[name] = {
            "us_per_request": median([sum(run["processor_us"]["threads"].values()) / run["requests"] for run in each]),
            **{kind: median([run["processor_us"][kind] / run["requests"] for run in each]) for kind in ("user", "system")},
            "threads": {thread: median([run["processor_us"]["threads"].get(thread, 0) / run["requests"] for run in each])
                        for thread in sorted(threads)}}
    return found


def print_throughput(connections, figures):
    rows = [(name, of["requests_per_second"], show(of["of_nginx_lua"], 2), of["p50_us"], of["p99_us"], of["added_p50_us"],
             of["errors"]) for name, of in figures.items()]
    say(table(f"throughput, {connections} connection{'s' if connections > 1 else ''}",
              ("", "requests/s", "of nginx-lua", "p50 µs", "p99 µs", "added p50 µs", "errors"), rows))


def print_cpu(connections, figures):
    rows = []
    for name, of in figures.items():
        if name == "direct":
            continue
        rows.append((name, show(of["us_per_request"], 1), show(of["user"], 1), show(of["system"], 1)))
        if name == OURS:
            rows += [(f"  {thread}", show(used, 2), "", "") for thread, used in of["threads"].items()]
    say(table(f"processor time for each request, {connections} connection{'s' if connections > 1 else ''}",
              ("", "µs", "user", "system"), rows))


def run(options, parts):
    """Both parts look at the same runs. {part: {connections: {target: figures}}}"""
    wanted = sorted({count for part in parts for count in CONNECTIONS[part]})
    say(f"\nclosed loop: wrk, {options.rounds} rounds of {options.seconds} s for each target")
    found, result = runs(options, wanted), {}
    for part, figures_of, print_figures in (("throughput", throughput_of, print_throughput), ("cpu", cpu_of, print_cpu)):
        if part in parts:
            result[part] = {str(count): figures_of(found[count]) for count in CONNECTIONS[part]}
            for count in CONNECTIONS[part]:
                print_figures(count, result[part][str(count)])
    return result
