"""What is published: the wheel and the source archive, built as a maintainer builds them and installed into nothing.

They need the package index (for `build`, setuptools and what Odradek depends on), so they are conformance tests. All of it
is made once for all test workers: a builder, the two archives, and an environment that has only the wheel.
"""

from __future__ import annotations

import fcntl
import os
import re
import subprocess
import sys
import tarfile
import tomllib
import venv
import zipfile
from collections.abc import Iterable
from email.message import Message
from email.parser import Parser
from pathlib import Path

import pytest
from recipes import REPOSITORY

pytestmark = pytest.mark.conformance

PYPROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())
PROJECT = PYPROJECT["project"]
SECONDS_MAX = 600
NO_VARIABLES = ("PYTHON", "PYTEST", "VIRTUAL_ENV")
A_PROGRAM = """
import odradek

with odradek.Broker() as broker:
    reveal_type(broker.bootstrap_servers)
"""
WITH_PYTEST = "import sys; sys.path.insert(0, sys.argv[1]); import pytest; sys.exit(pytest.main(sys.argv[2:]))"
A_TEST = """
def test_a_topic(kafka_bootstrap_servers: str, kafka_topic: str) -> None:
    assert ":" in kafka_bootstrap_servers and kafka_topic
"""


def run(*command: str | Path, cwd: Path) -> str:
    """Standard output of a command that ends with 0, run as if no source tree were about."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(NO_VARIABLES)}
    words = [str(word) for word in command]
    done = subprocess.run(words, cwd=cwd, env=environment, capture_output=True, text=True, timeout=SECONDS_MAX, check=False)
    assert done.returncode == 0, f"{words}\n{done.stdout[-3000:]}{done.stderr[-3000:]}"
    return done.stdout


def sources() -> list[str]:
    """The files that a clone will have: what git tracks or does not know yet, without what it ignores."""
    listed = run("git", "ls-files", "--cached", "--others", "--exclude-standard", cwd=REPOSITORY).splitlines()
    return [name for name in listed if (REPOSITORY / name).exists()]


def environment(path: Path, *packages: str | Path) -> Path:
    """The `bin` of a new virtual environment with these packages."""
    venv.create(path, with_pip=True)
    run(path / "bin/python", "-m", "pip", "install", "-q", *packages, cwd=path)
    return path / "bin"


@pytest.fixture(scope="session")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`copy` of the sources, `dist` with the two archives, and `empty`, where only the wheel is installed."""
    base = tmp_path_factory.getbasetemp()
    shared = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "published"
    shared.mkdir(exist_ok=True)
    with (shared / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (shared / "whole").exists():
            build(shared)
            environment(shared / "empty", wheel_in(shared))
            (shared / "whole").touch()
    return shared


def build(shared: Path) -> None:
    """The source archive from a copy of the tree, and the wheel from the source archive."""
    for name in sources():
        target = shared / "copy" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes((REPOSITORY / name).read_bytes())
    programs = environment(shared / "builder", "build", *PYPROJECT["build-system"]["requires"])
    run(programs / "python", "-m", "build", "--no-isolation", "-o", shared / "dist", shared / "copy", cwd=shared)


def wheel_in(published: Path) -> Path:
    (found,) = (published / "dist").glob("*.whl")
    return found


def metadata(wheel: Path) -> Message:
    with zipfile.ZipFile(wheel) as packed:
        (name,) = [name for name in packed.namelist() if name.endswith(".dist-info/METADATA")]
        return Parser().parsestr(packed.read(name).decode())


def names(requirements: Iterable[str]) -> set[str]:
    """The packages that requirements or `name==version` lines are about, spelt in one way."""
    return {re.split("[<>=;[ ]", line)[0].lower().replace("-", "_") for line in requirements}


def test_the_wheel_holds_the_package_whole_and_nothing_else(published: Path) -> None:
    wheel, copied = wheel_in(published), published / "copy/src"
    with zipfile.ZipFile(wheel) as packed:
        held = set(packed.namelist())
    about = {name for name in held if ".dist-info/" in name}
    assert held - about == {name.removeprefix("src/") for name in sources_in(copied.parent)}
    assert "odradek/py.typed" in held
    assert any(name.endswith("/licenses/LICENSE") for name in about)
    assert wheel.name.endswith("-py3-none-any.whl")


def sources_in(copy: Path) -> set[str]:
    package = copy / "src/odradek"
    return {str(path.relative_to(copy)) for path in package.rglob("*") if path.is_file()}


def test_its_metadata_say_what_the_project_says(published: Path) -> None:
    told = metadata(wheel_in(published))
    assert (told["Name"], told["Version"], told["License-Expression"]) == (PROJECT["name"], PROJECT["version"], "Apache-2.0")
    assert told["Requires-Python"] == PROJECT["requires-python"]
    assert set(told.get_all("Classifier", [])) == set(PROJECT["classifiers"])
    assert str(told.get_payload()).strip() == (published / "copy/README.md").read_text().strip()


def test_the_source_archive_has_what_the_wheel_is_made_of_and_the_licence(published: Path) -> None:
    (archive,) = (published / "dist").glob("*.tar.gz")
    with tarfile.open(archive) as packed:
        held = {name.partition("/")[2] for name in packed.getnames()}
    assert {"LICENSE", "README.md", "pyproject.toml", "PKG-INFO"} | sources_in(published / "copy") <= held


def test_the_wheel_alone_brings_a_program_a_package_and_a_pytest_plugin(published: Path, tmp_path: Path) -> None:
    programs = published / "empty/bin"
    version = f"odradek {PROJECT['version']}\n"
    assert run(programs / "odradek", "--version", cwd=tmp_path) == version
    assert run(programs / "python", "-m", "odradek", "--version", cwd=tmp_path) == version
    assert str(programs.parent) in run(programs / "python", "-c", "import odradek; print(odradek.__file__)", cwd=tmp_path)
    there = names(run(programs / "python", "-m", "pip", "list", "--format=freeze", cwd=tmp_path).splitlines())
    assert names(PROJECT["dependencies"]) <= there
    assert not there & names(PROJECT["optional-dependencies"]["test"]), "only tests need that"
    run(programs / "python", "-m", "pip", "install", "-q", "--target", tmp_path / "more", "pytest", cwd=tmp_path)
    (tmp_path / "test_it.py").write_text(A_TEST)
    with_pytest = (
        f"import sys; sys.path.insert(0, {str(tmp_path / 'more')!r}); import pytest; sys.exit(pytest.main(sys.argv[1:]))"
    )
    said = run(programs / "python", "-c", with_pytest, "-p", "no:cacheprovider", "test_it.py", cwd=tmp_path)
    assert "1 passed" in said


def test_types_are_found_by_a_checker(published: Path, tmp_path: Path) -> None:
    (tmp_path / "uses.py").write_text(A_PROGRAM)
    options = ("--strict", "--python-executable", published / "empty/bin/python")
    said = run(sys.executable, "-m", "mypy", *options, "uses.py", cwd=tmp_path)
    assert re.search(r'Revealed type is "(builtins\.)?str"', said), said
