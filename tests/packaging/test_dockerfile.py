"""The Dockerfile, without Docker: what it copies exists, whom it runs as, and its own command and health check, tried."""

from __future__ import annotations

import fnmatch
import re
import subprocess
import tomllib
from pathlib import Path

import pytest
from recipes import DOCKERFILE, REPOSITORY, SECONDS_MAX, elsewhere, every, installed, running, stages, stop, the, words

BUILD, IMAGE = stages(DOCKERFILE.read_text())
PROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
DATA = "/var/lib/odradek"
TIMEOUT = "--request-timeout 3 "


def check_health(port: int) -> int:
    """The exit code of the image's health check, run by a shell as Docker does; with more time, as this machine may be busy."""
    command = the(IMAGE, "HEALTHCHECK").partition(" CMD ")[2]
    assert ":9092 " in command and TIMEOUT in command
    command = command.replace(":9092 ", f":{port} ").replace(TIMEOUT, f"--request-timeout {SECONDS_MAX / 2:.0f} ")
    return subprocess.run(["sh", "-c", command], env=installed(), timeout=SECONDS_MAX, check=False).returncode


def test_both_stages_have_the_same_python_which_the_package_is_for() -> None:
    images = [every(stage, "FROM")[0].split()[0] for stage in (BUILD, IMAGE)]
    assert len(set(images)) == 1
    found = re.fullmatch(r"python:(3\.\d+)-slim", images[0])
    assert found is not None
    assert f"Programming Language :: Python :: {found[1]}" in PROJECT["classifiers"]


def test_everything_that_is_copied_exists_and_is_sent() -> None:
    sent = {line[1:] for line in (REPOSITORY / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    copied = {source for rest in every(BUILD, "COPY") for source in rest.split()[:-1]}
    assert copied == sent
    assert all((REPOSITORY / source).exists() for source in copied)


def test_everything_that_a_build_reads_is_copied() -> None:
    needed = {"pyproject.toml", "src", PROJECT["readme"], *PROJECT["license-files"]}
    assert needed <= {source for rest in every(BUILD, "COPY") for source in rest.split()[:-1]}


@pytest.mark.parametrize("own", [".venv", ".git", ".cache", "odradek-data", "tests"])
def test_no_environment_and_no_data_is_sent(own: str) -> None:
    first, *others = [line for line in (REPOSITORY / ".dockerignore").read_text().splitlines() if not line.startswith("#")]
    assert first == "*"
    assert not any(fnmatch.fnmatch(own, line[1:]) for line in others if line.startswith("!"))


def test_the_user_is_not_root_and_owns_the_only_volume() -> None:
    user, group = map(int, the(IMAGE, "USER").split(":"))
    assert user > 0 and group > 0
    assert the(IMAGE, "VOLUME") == DATA
    (made,) = every(IMAGE, "RUN")
    assert f"--owner={user} --group={group}" in made and made.endswith(DATA)
    assert f"--gid {group} odradek" in made and f"--uid {user} --gid {group}" in made
    order = [word for word, _ in IMAGE]
    assert order.index("RUN") < order.index("VOLUME"), "what is done to a volume after it is declared is lost"


def test_what_is_taken_from_the_first_stage_is_where_it_was_made_and_is_found() -> None:
    source, target = the(IMAGE, "COPY").removeprefix("--from=build ").split()
    assert source == target, "a virtual environment does not move"
    assert any(f"-m venv {source} " in rest for rest in every(BUILD, "RUN"))
    assert f"PATH={source}/bin:$PATH" in the(IMAGE, "ENV")
    assert words(IMAGE, "ENTRYPOINT") == list(PROJECT["scripts"])


def test_its_command_serves_is_healthy_and_stops_clean(tmp_path: Path) -> None:
    data = tmp_path / "data"
    command = [*words(IMAGE, "ENTRYPOINT"), *words(IMAGE, "CMD")]
    assert the(IMAGE, "EXPOSE") == "9092"
    with running(elsewhere(command, {DATA: str(data), "0.0.0.0:9092": "127.0.0.1:0"})) as (process, port):
        assert check_health(port) == 0
        assert stop(process, the(IMAGE, "STOPSIGNAL")) == 0
        assert check_health(port) == 1
    assert (data / ".kafka_cleanshutdown").exists()


def test_a_broker_that_hangs_is_found_sick_before_docker_gives_the_check_up() -> None:
    given = re.search(r"--timeout=(\d+)s", the(IMAGE, "HEALTHCHECK"))
    assert given is not None
    assert int(TIMEOUT.split()[1]) < int(given[1])


def test_a_broker_that_tells_clients_another_address_is_healthy(tmp_path: Path) -> None:
    command = [*words(IMAGE, "ENTRYPOINT"), "serve", "--listen", "0.0.0.0:9092", "--data-dir", DATA]
    assert "--advertise broker.example:9092" in DOCKERFILE.read_text()
    free = elsewhere(command, {DATA: str(tmp_path / "data"), "0.0.0.0:9092": "127.0.0.1:0"})
    with running([*free, "--advertise", "broker.example:0"]) as (process, port):
        assert check_health(port) == 0
        assert stop(process, "SIGTERM") == 0
