"""The README's table of codes is the catalogue's: the same names and first lines, in its order, and no other."""
import json
import re

from program import ROOT, run

# The section stands between these two headings.
BEGIN, END = "\n## What the exchange's codes mean\n", "\n## Where things are\n"
ROW = re.compile(r"^\| `([^`]+)`(?: `([^`]+)`)? \| (.+) \|$", re.MULTILINE)


def test_the_readmes_codes_are_the_catalogues(env):
    done = run("explain", "--json", env=env)
    assert done.returncode == 0, done
    entries = [json.loads(line) for line in done.stdout.decode().splitlines()]
    catalogue = [(entry["name"], entry["message"] or "", entry["summary"]) for entry in entries
                 if entry["kind"] in ("code", "http")]
    readme = (ROOT / "README.md").read_text()
    assert readme.count(BEGIN) == readme.count(END) == 1
    section = readme.partition(BEGIN)[2].partition(END)[0]
    assert ROW.findall(section) == catalogue
    assert section.count("\n| ") == len(catalogue) + 2, "a row that does not read as one"
