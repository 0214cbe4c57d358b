"""proxy/run.sh: which way it starts the program. The program is stood in for by echo, which prints what it was asked."""
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

from program import environment
from users import OTHER, as_user, needs_root

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


BUILDER = """#!/bin/sh
mkdir here || { echo "two builds at once" >>overlap; exit 1; }
echo >>begun
while [ ! -e may_end ]; do read -r _ <wait; done
rmdir here
"""


def make_tree(folder, builder):
    """A tree that was built, with a stand-in for cmake; what run.sh is started with there."""
    (folder / "proxy").mkdir()
    (folder / "tools").mkdir()
    (folder / "build" / "release").mkdir(parents=True)
    (folder / "build" / "release" / "build.ninja").touch()
    for name in ("run.sh", "packages.sh"):
        shutil.copy(SCRIPT.parent / name, folder / "proxy" / name)
    cmake = folder / "tools" / "cmake"
    cmake.write_text(builder)
    cmake.chmod(0o755)
    own = environment(folder)
    own["PATH"] = f"{cmake.parent}:{own.get('PATH', os.environ['PATH'])}"
    return own


def test_two_that_build_at_once_take_turns(tmp_path):
    """A stand-in for cmake that stays in its build until the test lets it go; where two are in it, one fails and says so."""
    own = make_tree(tmp_path, BUILDER)
    os.mkfifo(tmp_path / "wait")

    def start():
        return subprocess.Popen([tmp_path / "proxy" / "run.sh", "--build-only"], env=own, text=True,
                                stderr=subprocess.PIPE)

    with start() as first:
        with open(tmp_path / "wait", "w", encoding="ascii"):  # opened once the first is in its build, which ends after it
            second = start()
            said = second.stderr.readline()
            begun = (tmp_path / "begun").read_text()
            (tmp_path / "may_end").touch()
        with second:
            assert (first.wait(timeout=30), second.wait(timeout=30)) == (0, 0)
    assert "another build of countersign is under way" in said
    assert (begun, (tmp_path / "begun").read_text()) == ("\n", "\n\n")
    assert not (tmp_path / "overlap").exists()


@needs_root
def test_a_user_who_may_only_read_the_tree_starts_what_is_built():
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        own = make_tree(folder, "#!/bin/sh\n")
        program = folder / "build" / "release" / "countersign"
        program.write_text('#!/bin/sh\necho "$@"\n')
        program.chmod(0o755)
        done = subprocess.run([*as_user(OTHER), folder / "proxy" / "run.sh"], env=own, capture_output=True, text=True,
                              timeout=30, check=False)
        assert (done.returncode, done.stdout, done.stderr) == (0, "serve --demo\n", "")
