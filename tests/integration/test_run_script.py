"""proxy/run.sh: which way it starts the program. The program is stood in for by echo, which prints what it was asked."""
import subprocess
from pathlib import Path

import pytest

from program import environment

pytestmark = pytest.mark.both

SCRIPT = Path(__file__).resolve().parents[2] / "proxy" / "run.sh"
BOTH = {"COINSTORE_API_KEY": "k", "COINSTORE_API_SECRET": "s"}


@pytest.fixture
def run_script(tmp_path):
    def run(*arguments, **variables):
        return subprocess.run([SCRIPT, *arguments], env=environment(tmp_path, COUNTERSIGN_BIN="/bin/echo", **variables),
                              capture_output=True, text=True, timeout=30, check=False)
    return run


def test_without_anything_of_the_users_own_it_is_the_demo(run_script):
    assert run_script("--listen", "127.0.0.1:0").stdout == "serve --demo --listen 127.0.0.1:0\n"


@pytest.mark.parametrize("arguments, variables", [
    ([], BOTH),
    (["-c", "my.ini"], {}),
    (["--config=my.ini"], {}),
    ([], {"COUNTERSIGN_CONFIG": "my.ini"}),
    ([], {"COUNTERSIGN_ACCOUNT_MAIN_API_KEY": "file:/k"}),
])
def test_with_a_key_or_a_configuration_it_is_never_the_demo(run_script, arguments, variables):
    assert run_script(*arguments, **variables).stdout == " ".join(["serve", *arguments]) + "\n"


@pytest.mark.parametrize("folder, variables", [
    (".config/countersign", {}), ("elsewhere/countersign", {"XDG_CONFIG_HOME": "elsewhere"}),
])
def test_a_file_where_serve_looks_for_one_is_a_configuration(run_script, tmp_path, folder, variables):
    (tmp_path / folder).mkdir(parents=True)
    (tmp_path / folder / "countersign.ini").write_text("[proxy]\n")
    variables = {name: str(tmp_path / value) for name, value in variables.items()}
    assert run_script(**variables).stdout == "serve\n"


def test_half_a_key_is_refused_and_not_taken_for_the_demo(run_script):
    done = run_script(COINSTORE_API_KEY="k")
    assert (done.returncode, done.stdout) == (2, "")
    assert "COINSTORE_API_SECRET" in done.stderr
