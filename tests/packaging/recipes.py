"""The Dockerfile and the systemd unit as data, and the command they give, run as they say.

Nothing here can build an image or boot a machine. What can be had: both files read by the rules of their formats, and the
command, the health check and the signal that stand in them tried on a real process, with only places changed: the data
directory, the port, and where the program is installed.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from configparser import ConfigParser
from contextlib import contextmanager
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
DOCKERFILE = REPOSITORY / "Dockerfile"
UNIT = REPOSITORY / "packaging/odradek.service"
PROGRAMS = Path(sys.executable).parent
SECONDS_MAX = 60
SAYS_WHERE = re.compile(r"^  clients   \S+:(\d+)$")


def stages(dockerfile: str) -> list[list[tuple[str, str]]]:
    """For each FROM its (instruction, rest) pairs; comments are dropped, continued lines joined."""
    lines = [line for line in dockerfile.splitlines() if not line.lstrip().startswith("#")]
    found: list[list[tuple[str, str]]] = []
    for line in "\n".join(lines).replace("\\\n", " ").splitlines():
        word, _, rest = line.strip().partition(" ")
        if word == "FROM":
            found.append([])
        if word:
            found[-1].append((word, " ".join(rest.split())))
    return found


def every(stage: Sequence[tuple[str, str]], instruction: str) -> list[str]:
    """What stands behind each `instruction` of a stage."""
    return [rest for word, rest in stage if word == instruction]


def the(stage: Sequence[tuple[str, str]], instruction: str) -> str:
    """What stands behind the only one."""
    (rest,) = every(stage, instruction)
    return rest


def words(stage: Sequence[tuple[str, str]], instruction: str) -> list[str]:
    """The words of an instruction in its JSON form."""
    return list(map(str, json.loads(the(stage, instruction))))


def unit() -> ConfigParser:
    """The systemd unit, keys as they are written; a key that stands twice is an error."""
    parser = ConfigParser(interpolation=None, delimiters=("=",), comment_prefixes=("#",))
    parser.optionxform = str  # type: ignore[assignment]
    parser.read(UNIT)
    return parser


def installed() -> dict[str, str]:
    """An environment in which the installed commands are found first, as in the image."""
    return {**os.environ, "PATH": f"{PROGRAMS}:{os.environ['PATH']}", "PYTHONUNBUFFERED": "1"}


def elsewhere(command: Sequence[str], changes: Mapping[str, str]) -> list[str]:
    """The command with some of its words replaced, each of which must stand in it."""
    missing = changes.keys() - set(command)
    assert not missing, f"{missing} should be in {command}"
    return [changes.get(word, word) for word in command]


@contextmanager
def running(command: Sequence[str]) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """The broker that a command starts, and its port, once it serves."""
    with subprocess.Popen(command, env=installed(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        try:
            assert process.stdout is not None
            said = []
            for line in process.stdout:
                said.append(line)
                if found := SAYS_WHERE.match(line):
                    yield process, int(found[1])
                    return
            raise AssertionError(f"{command} did not serve:\n{''.join(said)}")
        finally:
            process.kill()


def stop(process: subprocess.Popen[str], by: str) -> int:
    """The exit code after the signal of that name."""
    process.send_signal(signal.Signals[by])
    process.communicate(timeout=SECONDS_MAX)
    return process.returncode
