"""Apache Kafka's jars, resolved once from Maven Central by name and version into the repository's `.cache/`.

The problem: conformance needs Kafka itself (a peer broker, its command-line tools, its Java client), but
nothing of it may be committed, and several test workers want it at the same moment.

The contract: `classpath()` gives the directory's wildcard for `java -cp`, after running Maven if need be. The
pom beside this file names the versions. A stamp holding the pom's hash says that the directory is whole; an
advisory lock makes one worker fetch while the others wait. What is missing (java, mvn) is an error that names
it, never a skip.
"""

from __future__ import annotations

import fcntl
import hashlib
import shlex
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parents[2]
CACHE = REPOSITORY / ".cache"
POM = HERE / "pom.xml"
JVM_FLAGS = ("-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto")


class MissingTool(RuntimeError):
    """A program that conformance needs is not installed."""


def require(program: str, package: str) -> str:
    """The path of `program`; raises MissingTool naming the Debian package that has it."""
    path = shutil.which(program)
    if path is None:
        raise MissingTool(f"conformance needs {program!r}, which is not on PATH: apt-get install {package}")
    return path


@contextmanager
def exclusive(name: str) -> Iterator[Path]:
    """Hold `.cache/<name>.lock` against the other test workers; yields `.cache/<name>`."""
    CACHE.mkdir(exist_ok=True)
    with (CACHE / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield CACHE / name


def classpath() -> str:
    """The `java -cp` value that holds Kafka's broker, tools and clients."""
    stamp = hashlib.sha256(POM.read_bytes()).hexdigest()
    with exclusive("kafka") as home:
        libs, mark = home / "libs", home / "whole"
        if not mark.exists() or mark.read_text() != stamp:
            shutil.rmtree(libs, ignore_errors=True)
            _resolve(libs)
            mark.write_text(stamp)
    return f"{libs}/*"


def _resolve(libs: Path) -> None:
    mvn = require("mvn", "maven")
    goal = ["dependency:copy-dependencies", f"-DoutputDirectory={libs}", "-DincludeScope=runtime"]
    done = subprocess.run([mvn, "-q", "-B", "-f", str(POM), *goal], check=False, capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"mvn could not resolve {POM}: exit {done.returncode}\n{done.stdout}{done.stderr}")


def java(
    main: str,
    *args: str,
    properties: Mapping[str, str] | None = None,
    extra_classpath: str = "",
) -> list[str]:
    """The command line that runs the class `main` with Kafka's jars."""
    defines = {"log4j2.configurationFile": f"{HERE}/log4j2.properties", **(properties or {})}
    return [
        require("java", "default-jre-headless"),
        *JVM_FLAGS,
        *(f"-D{name}={value}" for name, value in defines.items()),
        "-cp",
        classpath() + (f":{extra_classpath}" if extra_classpath else ""),
        main,
        *args,
    ]


SCRIPTS = {
    "kafka-run-class.sh": "",
    "kafka-topics.sh": "org.apache.kafka.tools.TopicCommand",
    "kafka-configs.sh": "kafka.admin.ConfigCommand",
    "kafka-acls.sh": "org.apache.kafka.tools.AclCommand",
}


def kafka_home() -> Path:
    """A directory shaped like Kafka's distribution (`bin/`, `libs/`), for programs that want KAFKA_PATH."""
    command = shlex.join(java("MAIN"))
    with exclusive("kafka") as home:
        scripts = home / "bin"
        scripts.mkdir(exist_ok=True)
        for name, main in SCRIPTS.items():
            script = scripts / name
            own = command.replace("MAIN", main) if main else command.removesuffix(" MAIN")
            own = own.replace(f"'{home}/libs/*'", f'"{home}/libs/*:$CLASSPATH"')
            script.write_text(f'#!/bin/sh\nexec {own} "$@"\n')
            script.chmod(0o755)
    return home
