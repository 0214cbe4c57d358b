"""Listeners with rules, for tests: configuration keys may repeat, a dict's may not."""


def with_rules(*lines, policy="trade", **keys):
    """A listener's keys: `with_rules("deny = POST /api/x", learn="yes")`."""
    return {**keys, "policy": "\n".join([policy, *lines])}
