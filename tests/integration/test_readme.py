"""The README's clients, as they stand there, against the demo."""
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from program import Program, environment

pytestmark = pytest.mark.both

README = (Path(__file__).resolve().parents[2] / "README.md").read_text()
CLIENTS = [(language, code) for language, code in re.findall(r"```(\w+)\n(.*?)```", README, re.S)
           if "127.0.0.1:8787" in code]
COMMANDS = {"python": ["/usr/bin/python3", "-c"], "js": ["node", "--input-type=module", "-e"], "sh": ["bash", "-c"]}


def test_the_readme_shows_python_node_and_curl():
    assert {language for language, _ in CLIENTS} == set(COMMANDS)


@pytest.mark.parametrize("language, code", CLIENTS, ids=[f"{language}-{n}" for n, (language, _) in enumerate(CLIENTS)])
def test_a_client_of_the_readme_gets_an_answer_without_a_failure(tmp_path, programs, language, code):
    if not shutil.which(COMMANDS[language][0]):
        pytest.skip(f"no {COMMANDS[language][0]} here")
    demo = Program("serve", "--demo", "--listen", "127.0.0.1:0", "--state-dir", tmp_path / "state",
                   env=environment(tmp_path))
    programs.append(demo)
    pattern = re.compile(r"http://(127\.0\.0\.1:\d+)/api")
    address = demo.wait_for_line("the curl line", pattern.search).group(1)
    done = subprocess.run([*COMMANDS[language], code.replace("127.0.0.1:8787", address)], env=environment(tmp_path),
                          capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    codes = re.findall(r"""['"]?code['"]?: ?['"]?(\d+)""", done.stdout)
    assert codes and set(codes) == {"0"}, done.stdout
