"""librdkafka's own test suite: fetched from its npm package, built with gcc, run one test number at a time.

The problem: librdkafka's regression tests are the most thorough of any client's, and most need only a broker. They
are published inside the npm package `@confluentinc/kafka-javascript`, and nothing of them may be committed.

The contract: `built()` gives the directory of the compiled `test-runner`, after fetching the version that
`librdkafka.toml` pins, checking its hash, and building, once for all workers. `run(...)` gives each test's outcome.

Rules of the runner that shape this file: TESTS picks tests by their four digits; -L leaves out the tests that
touch no broker; quick mode (-Q) silently skips most subtests, so only what `[pass.quick]` names runs in it; a subtest
is picked by a part of its name (SUBTESTS). A test that fails ends the process by an assertion before the summary
is printed; one that runs no subtest at all passes, so a picked subtest must be seen to run.
"""

from __future__ import annotations

import base64
import hashlib
import os
import re
import subprocess
import tarfile
import tempfile
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

from reference.jars import REPOSITORY, exclusive, kafka_home, require

LIST = REPOSITORY / "tests/clients/librdkafka.toml"
INSIDE = "package/deps/librdkafka/"
FLAGS = (
    "--disable-gssapi",
    "--disable-curl",
    "--disable-lz4-ext",
    "--disable-debug-symbols",
    "--disable-optimization",
    "--CFLAGS=-O1",
    "--CXXFLAGS=-O1",
    "--no-download",
)
PRETENDED_VERSION = "4.3.1"
SECONDS_MIN = 60.0
SECONDS_FACTOR = 3.0


@dataclass(frozen=True, slots=True)
class Case:
    """One run of the test runner: a number, a broker (= scenario), perhaps one subtest; its seconds on Kafka."""

    name: str
    number: str
    broker: str
    quick: bool
    subtest: str
    tests: frozenset[str]
    attempts: int
    seconds: float


def expectations() -> dict[str, Any]:
    """`librdkafka.toml`, parsed."""
    return tomllib.loads(LIST.read_text())


def cases() -> list[Case]:
    """What must pass, the longest first, so that parallel workers end together."""
    found = []
    measured = set(expectations()["timing"]["tests"])
    for table, listed in expectations()["pass"].items():
        for key, group in groupby(listed.items(), key=lambda item: _run_of(item[0])):
            members = dict(group)
            names = frozenset(name.partition("/")[0] for name in members)
            found.append(
                Case(
                    name=key if table != "noautocreate" else f"{key}-{table}",
                    number=key[:4],
                    broker=table if table != "quick" else "default",
                    quick=table == "quick",
                    subtest=key.partition("/")[2],
                    tests=names,
                    attempts=2 if names & measured else 1,
                    seconds=sum(members.values()),
                )
            )
    return sorted(found, key=lambda case: -case.seconds)


def _run_of(name: str) -> str:
    """What one process runs: all tests of a number, or one subtest."""
    return name[:4] + name[name.find("/") :] if "/" in name else name[:4]


def built() -> Path:
    """The directory of `test-runner`, made if need be."""
    package = expectations()["package"]
    with exclusive(f"librdkafka-{package['version']}") as home:
        tests = home / "tests"
        if not (home / "built").exists():
            _fetch(package, home)
            _build(home)
            (home / "built").touch()
    return tests


def declared(tests: Path) -> dict[str, str]:
    """Every test that the runner declares, with its flags' text (`TEST_F_LOCAL`, ...)."""
    source = (tests / "test.c").read_text()
    table = source[source.index("struct test tests[]") :]
    return dict(re.findall(r"_TEST\((\d{4}\w*),\s*([^,)]*)", table))


def run(tests: Path, case: Case, bootstrap: str, directory: Path) -> tuple[dict[str, str], str]:
    """Run one case; gives `{test: PASSED | FAILED | SKIPPED}` as far as the runner told, and its output."""
    conf = directory / "test.conf"
    conf.write_text(
        f"metadata.broker.list={bootstrap}\nbootstrap.servers={bootstrap}\n"
        f"test.topic.random=true\ntest.topic.prefix=rk{case.number}\n"
        "test.timeout.multiplier=2\n"  # as librdkafka's own harness sets it
    )
    environment = {
        **os.environ,
        "LD_LIBRARY_PATH": f"{tests.parent}/src:{tests.parent}/src-cpp",
        "RDKAFKA_TEST_CONF": str(conf),
        "TEST_KAFKA_VERSION": PRETENDED_VERSION,
        "TEST_LEVEL": "2",
        "TESTS": case.number,
        "BROKERS": bootstrap,
        "KAFKA_PATH": str(kafka_home()),
    }
    environment.pop("CI", None)  # it would triple the time-outs, and leave out what measures time
    command = ["./test-runner", "-L", "-p1", "-s", case.broker, *(["-Q"] if case.quick else [])]
    if case.subtest:
        environment["SUBTESTS"] = case.subtest
    limit = SECONDS_MIN + SECONDS_FACTOR * case.seconds
    with tempfile.TemporaryFile() as said:
        # Its own session: a test may leave children behind, and they end with it.
        with subprocess.Popen(command, cwd=tests, env=environment, stdout=said, stderr=said, start_new_session=True) as process:
            try:
                process.wait(limit)
                verdict = f"exit code {process.returncode}"
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, 9)
                verdict = f"killed after {limit:.0f} s"
        said.seek(0)
        output = re.sub(r"\x1b\[[0-9;]*m", "", said.read().decode(errors="replace"))
    outcomes = dict(_outcomes(output))
    if case.subtest and not re.search(rf"\[ .*{re.escape(case.subtest)}.*: PASS ", output):
        outcomes = dict.fromkeys(outcomes, "subtest not run")
    return outcomes, f"{output}\n{verdict}"


def _outcomes(output: str) -> Iterator[tuple[str, str]]:
    yield from re.findall(r"\| (\d{4}\w*)\s*\|\s*(PASSED|FAILED|SKIPPED)\s*\|", output)


def _fetch(package: dict[str, str], home: Path) -> None:
    npm = require("npm", "npm")
    spec = f"{package['name']}@{package['version']}"
    with tempfile.TemporaryDirectory() as scratch:
        command = [npm, "pack", "--silent", "--ignore-scripts", spec]
        named = subprocess.run(command, cwd=scratch, check=True, capture_output=True, text=True).stdout
        archive = Path(scratch) / named.strip().splitlines()[-1]
        kind, _, expected = package["integrity"].partition("-")
        got = base64.b64encode(hashlib.new(kind, archive.read_bytes()).digest()).decode()
        if got != expected:
            raise RuntimeError(f"{spec} has the {kind} {got}, but {LIST.name} pins {expected}")
        _extract(archive, home)


def _extract(archive: Path, home: Path) -> None:
    # Debian 12's Python 3.11.2 has no filters yet; what is unpacked is what the pinned hash says, so they only add to that.
    careful: Any = {"filter": "data"} if hasattr(tarfile, "data_filter") else {}
    with tarfile.open(archive) as packed:
        for member in packed.getmembers():
            if member.name.startswith(INSIDE):
                member.name = member.name.removeprefix(INSIDE)
                packed.extract(member, home, **careful)


def _build(home: Path) -> None:
    for program, package in (("gcc", "gcc"), ("g++", "g++"), ("make", "make"), ("javac", "default-jdk-headless")):
        require(program, package)
    environment = {**os.environ, "KAFKA_PATH": str(kafka_home())}
    for command in (
        ["sh", "-c", "chmod +x configure && ./configure " + " ".join(FLAGS)],
        ["make", "-j2", "libs"],
        ["make", "-j2", "-C", "tests", "build"],
        ["make", "-s", "-C", "tests", "java"],
    ):
        done = subprocess.run(command, cwd=home, env=environment, check=False, capture_output=True, text=True, errors="replace")
        if done.returncode != 0:
            raise RuntimeError(f"{command} failed in {home}:\n{done.stdout[-3000:]}{done.stderr[-3000:]}")
