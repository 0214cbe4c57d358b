"""The container runs what run.sh runs: it installs, builds and starts by that script alone, so they cannot drift apart."""
import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parents[2]
DOCKERFILE = (ROOT / "docker" / "Dockerfile").read_text()
COMPOSE = (ROOT / "docker" / "compose.yaml").read_text()


def instructions(name):
    joined = DOCKERFILE.replace("\\\n", " ")
    return re.findall(rf"^{name} +(.*)$", joined, re.M)


def test_packages_are_installed_and_the_program_is_built_by_run_sh_alone():
    runs = " ; ".join(instructions("RUN"))
    assert "run.sh --install-only build" in runs
    assert "run.sh --install-only run" in runs
    assert "run.sh --build-only" in runs
    assert not re.search(r"apt-get install|cmake|ninja", runs)


def test_the_program_is_started_by_run_sh_as_a_user_of_its_own():
    assert instructions("ENTRYPOINT") == ['["/opt/countersign/proxy/run.sh"]']
    assert instructions("USER") == ["countersign"]


def test_both_stages_are_of_the_distribution_that_run_sh_is_written_for():
    assert [line.split()[0] for line in instructions("FROM")] == ["debian:12-slim", "debian:12-slim"]


def test_the_demo_profile_is_serve_demo_and_nothing_is_published_beyond_the_hosts_loopback():
    assert re.search(r"profiles: \[demo\]\n\s+command: \[\"--demo\"\]", COMPOSE)
    assert "network_mode: host" in COMPOSE
    assert "ports:" not in COMPOSE
