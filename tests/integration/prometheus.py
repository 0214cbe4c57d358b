"""Prometheus' text format, version 0.0.4, read strictly and independently of what writes it: one HELP and one TYPE before a
metric's samples, metrics not interleaved, no sample twice, labels escaped, histograms whole. A line that the format does not
know is an error."""
import math
import re
from dataclasses import dataclass, field

NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
LABEL = r"[a-zA-Z_][a-zA-Z0-9_]*"
SAMPLE = re.compile(rf'({NAME})(?:\{{((?:{LABEL}="(?:[^"\\\n]|\\["\\n])*",?)*)\}})? (\S+)')
PAIR = re.compile(rf'({LABEL})="((?:[^"\\\n]|\\["\\n])*)"(,|$)')
TYPES = {"counter", "gauge", "histogram"}


@dataclass
class Metric:
    name: str
    help: str
    type: str = ""
    samples: dict = field(default_factory=dict)  # (sample's name, ((label, value), ...)): number


def unescape(text):
    return re.sub(r"\\(.)", lambda found: "\n" if found[1] == "n" else found[1], text)


def parse_labels(text):
    labels, at = [], 0
    while at < len(text):
        pair = PAIR.match(text, at)
        assert pair, f"not a label: {text[at:]!r}"
        labels.append((pair[1], unescape(pair[2])))
        at = pair.end()
    assert len({name for name, _ in labels}) == len(labels), text
    return tuple(sorted(labels))


def belongs(metric, name):
    suffixes = ("_bucket", "_sum", "_count") if metric.type == "histogram" else ("",)
    return name in [metric.name + suffix for suffix in suffixes]


def check_histogram(metric):
    series = {}
    for (name, labels), value in metric.samples.items():
        rest = tuple(pair for pair in labels if pair[0] != "le")
        series.setdefault(rest, {})[name.removeprefix(metric.name), dict(labels).get("le")] = value
    for values in series.values():
        buckets = sorted((math.inf if le == "+Inf" else float(le), value)
                         for (kind, le), value in values.items() if kind == "_bucket")
        counts = [value for _, value in buckets]
        assert buckets[-1][0] == math.inf and counts == sorted(counts)
        assert counts[-1] == values["_count", None] and values["_sum", None] >= 0


def parse(body):
    """{name: Metric}"""
    text = body.decode("utf-8")
    assert text.endswith("\n")
    metrics, now = {}, None
    for line in text[:-1].split("\n"):
        if line.startswith("# HELP "):
            name, _, words = line[len("# HELP "):].partition(" ")
            assert re.fullmatch(NAME, name) and words and name not in metrics, line
            now = metrics[name] = Metric(name, words)
        elif line.startswith("# TYPE "):
            name, _, kind = line[len("# TYPE "):].partition(" ")
            assert name == now.name and not now.type and not now.samples and kind in TYPES, line
            now.type = kind
        else:
            found = SAMPLE.fullmatch(line)
            assert found and now.type and belongs(now, found[1]), line
            key = found[1], parse_labels(found[2] or "")
            assert key not in now.samples, line
            now.samples[key] = float(found[3])
    for metric in metrics.values():
        assert metric.type, metric.name
        assert metric.type != "counter" or metric.name.endswith("_total"), metric.name
        if metric.type == "histogram":
            check_histogram(metric)
    return metrics


def value(metrics, name, **labels):
    """A sample's number; 0 where there is none."""
    metric = metrics.get(name) or metrics[re.sub("_(bucket|sum|count)$", "", name)]
    return metric.samples.get((name, tuple(sorted(labels.items()))), 0)
