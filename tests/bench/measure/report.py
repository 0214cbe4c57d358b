"""The figures as JSON."""
import json
import os


def begin(machine, options):
    """What is written down before anything is measured."""
    return {"machine": machine,
            "settings": {"quick": options.quick, "rounds": options.rounds, "seconds": options.seconds, "workers": 1, "pace": "off",
                         "body_bytes": 112},
            "parts": {}, "skipped": {}, "failed": {}}


def rounded(value):
    """As many digits as mean something."""
    if isinstance(value, float):
        return round(value, 3)
    if isinstance(value, dict):
        return {str(key): rounded(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [rounded(item) for item in value]
    return value


def write(path, results):
    """Whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(path.name + ".part")
    unfinished.write_text(json.dumps(rounded(results), indent=1, ensure_ascii=False) + "\n")
    os.replace(unfinished, path)
