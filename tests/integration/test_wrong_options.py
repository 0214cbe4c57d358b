"""A long option written wrong: exit code 2, the option that was probably meant, and never the value (it may be a secret)."""
import pytest

from program import environment, run

MISSPELT = [
    ("serve", "--lisen", "--listen"), ("mock", "--fial", "--fail"), ("log ls", "--outcme", "--outcome"),
    ("log show", "--stroe", "--store"), ("config check", "--sett", "--set"), ("keys list", "--halp", "--help"),
    ("policy check", "--halp", "--help"), ("verify", "--api-kee", "--api-key"), ("sign", "--bdy", "--body"),
    ("doctor", "--ofline", "--offline"), ("explain", "--jsno", "--json"), ("stop-trading", "--halp", "--help"),
    ("reconcile", "--jsno", "--json"),
]


@pytest.fixture
def complaint(tmp_path):
    """What a command line that is refused gets, all of it."""
    def told(command, option):
        done = run(*command.split(), option, env=environment(tmp_path))
        assert done.returncode == 2
        assert done.stdout == b""
        return done.stderr.decode()
    return told


@pytest.mark.parametrize("command, written, meant", MISSPELT)
def test_the_option_that_was_meant_is_named(complaint, command, written, meant):
    said = complaint(command, written)
    assert written in said
    assert f"did you mean {meant}?" in said.replace("`", "")
    assert f"countersign {command.split()[0]}" in said


@pytest.mark.parametrize("command, written, meant", MISSPELT)
def test_what_was_given_to_it_is_not_printed(complaint, command, written, meant):
    said = complaint(command, f"{written}=hunter2")
    assert "hunter2" not in said
    assert written in said and meant in said


@pytest.mark.parametrize("command", sorted({command for command, *_ in MISSPELT}))
@pytest.mark.parametrize("written", ["--xyzzyx", "--" + "o" * 300, "--lis\x1b[31men-or-not"])
def test_what_is_near_to_none_is_refused_without_a_guess(complaint, command, written):
    said = complaint(command, written)
    assert "did you mean" not in said
    assert "option" in said and "\x1b" not in said


@pytest.mark.parametrize("command, written, said", [
    ("log ls", "--json=hunter2", "`--json` takes no value"), ("serve", "--help=hunter2", "`--help` takes no value"),
    ("serve", "--demo=hunter2", "`--demo` takes no value"), ("mock", "--tls=hunter2", "`--tls` takes no value"),
    ("mock", "--listen", "--listen takes a value"), ("serve", "--set", "--set takes a value"),
    ("serve", "--log", "did you mean `--log-level` or `--log-format`?"),  # getopt_long takes what is short for one alone
    ("mock", "--l=hunter2", "did you mean `--listen` or `--log-format` or `--log-level` or `--latency`?"),
    ("log --json", "-jy", "`-j` is not an option here"), ("mock --quiet", "-xy", "`-x` is not an option here"),
    ("log --json", "-\u00e9", "`-\\xc3` is not an option here"),
])
def test_what_is_wrong_with_it_is_said_of_the_option_that_it_is_wrong_with(complaint, command, written, said):
    text = complaint(command, written)
    assert said in text
    assert "hunter2" not in text
