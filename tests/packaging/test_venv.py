"""`packaging/venv.sh`: an environment, or one line that says what is missing and how it is had."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from recipes import REPOSITORY, SECONDS_MAX

SCRIPT = REPOSITORY / "packaging/venv.sh"
OLD = """case "$*" in *'version_info[:2]'*) echo 3.9;; *) exit 1;; esac"""
BARE = """case "$*" in *ensurepip*) exit 1;; *'version_info[:2]'*) echo 3.11;; esac"""
GOOD = """case "$*" in '-m venv '*) mkdir "$3" && echo made > "$3/said";; esac"""
INSTALLS = """echo "$*" >> "$0.said"; case "$*" in *python3.11-venv) cp "$0.python" "${0%/*}/python3";; esac"""


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    """Where programs are found: a shell and its few; whoever runs them is told to be root."""
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in ("sh", "cp", "mkdir"):
        (programs / name).symlink_to(shutil.which(name) or name)
    install(programs, "id", "echo 0")
    return programs


def install(machine: Path, name: str, script: str) -> None:
    program = machine / name
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)


def make(machine: Path, python: str = "python3") -> subprocess.CompletedProcess[str]:
    command = ["sh", str(SCRIPT), python, str(machine.parent / "venv")]
    environment = {"PATH": str(machine)}
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=SECONDS_MAX, check=False)


def refusal(machine: Path) -> str:
    done = make(machine)
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    return line


def test_no_python_at_all(machine: Path) -> None:
    assert "no program 'python3': install Python 3.11 or newer" in refusal(machine)


def test_a_python_that_is_too_old(machine: Path) -> None:
    install(machine, "python3", OLD)
    assert "'python3' is Python 3.9; Python 3.11 or newer is needed: make PYTHON=" in refusal(machine)


def test_who_is_not_root_is_told_which_package_is_missing(machine: Path) -> None:
    install(machine, "python3", BARE)
    install(machine, "id", "echo 1000")
    install(machine, "apt-get", INSTALLS)
    assert "apt install python3.11-venv" in refusal(machine)
    assert not (machine / "apt-get.said").exists()


def test_root_where_there_are_no_debian_packages_is_told_too(machine: Path) -> None:
    install(machine, "python3", BARE)
    assert "install its venv package" in refusal(machine)


def test_root_on_debian_gets_the_package_and_the_environment(machine: Path) -> None:
    install(machine, "python3", BARE)
    install(machine, "apt-get", INSTALLS)
    install(machine, "apt-get.python", GOOD)
    done = make(machine)
    assert done.returncode == 0, done.stderr
    assert "installing python3.11-venv" in done.stdout
    assert (machine.parent / "venv/said").exists()
    assert len((machine / "apt-get.said").read_text().splitlines()) == 2


def test_a_python_that_has_all_makes_it_at_once(machine: Path) -> None:
    install(machine, "python3.12", GOOD)
    install(machine, "apt-get", INSTALLS)
    done = make(machine, "python3.12")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert (machine.parent / "venv/said").exists() and not (machine / "apt-get.said").exists()
