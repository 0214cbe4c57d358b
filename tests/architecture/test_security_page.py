"""Each claim of SECURITY.md names what shows it, and what it names is a test that is there."""
import pathlib
import re

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
PAGE = (ROOT / "SECURITY.md").read_text()
CLAIMS = re.findall(r"^\| ([^|]+) \| ([^|]+) \|$", PAGE.partition("\n## What holds")[2].partition("\n## What does not")[0],
                    re.MULTILINE)
CLAIMS = [row for row in CLAIMS if row not in (("claim", "shown by"), ("---", "---"))]
HOLDS_TESTS = {".py": re.compile(r"^def test_", re.MULTILINE), ".sh": re.compile(r"fuzz|soak\.py"),
               ".c": re.compile(r"cmocka_unit_test|LLVMFuzzerTestOneInput")}


def test_the_page_has_its_parts():
    for part in ("What is worth taking", "What holds, against whom", "What does not hold", "How to report"):
        assert PAGE.count(f"\n## {part}\n") == 1
    assert len(CLAIMS) > 30


@pytest.mark.parametrize("claim, shown", CLAIMS, ids=[claim[:50] for claim, _ in CLAIMS])
def test_each_claim_is_shown_by_a_test(claim, shown):
    names = re.findall(r"`([^`]+)`", shown)
    assert names and re.sub(r"`[^`]+`|, ", "", shown) == "", "something else than tests stands there"
    for name in names:
        path = ROOT / name
        assert path.is_file(), f"{claim} is shown by {name}, which is not there"
        assert HOLDS_TESTS[path.suffix].search(path.read_text()), f"{name} holds no test"
