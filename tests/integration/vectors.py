"""The signature vectors that come with the project (tests/vectors/)."""
import json

from program import ROOT

VECTORS = json.loads((ROOT / "tests" / "vectors" / "signature-vectors.json").read_text())["vectors"]


def target_of(vector):
    return vector["path"] + ("?" + vector["query"] if vector["query"] else "")


def body_of(vector):
    repeat = vector.get("body_repeat")
    return bytes.fromhex(repeat["byte_hex"]) * repeat["count"] if repeat else bytes.fromhex(vector["body_hex"])


def secret_of(vector):
    return bytes.fromhex(vector["secret_hex"]).decode()
