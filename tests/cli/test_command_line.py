"""The command as a process: what it prints where, and the exit code it leaves with."""

from __future__ import annotations

import subprocess
import sys

import pytest

import odradek


def run(*words: str, stdin: bytes = b"") -> tuple[int, str, str]:
    """Exit code, standard output, standard error."""
    done = subprocess.run([sys.executable, "-m", "odradek", *words], input=stdin, capture_output=True, check=False)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


@pytest.mark.parametrize("flag", ["--version", "-V"])
def test_version(flag: str) -> None:
    assert run(flag) == (0, f"odradek {odradek.__version__}\n", "")


def test_version_imports_nothing_but_itself() -> None:
    program = "import sys, odradek.cli.main as m; m.main(['--version']); print([n for n in sys.modules if 'click' in n])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert done.stdout.decode().splitlines()[1] == "[]"


@pytest.mark.parametrize("group", [(), ("topic",), ("group",), ("log",)])
def test_without_a_command_comes_help_and_a_usage_code(group: tuple[str, ...]) -> None:
    code, out, err = run(*group)
    assert code == 2
    assert out == ""
    assert err.startswith("Usage: odradek")


COMMANDS = [
    ("serve",),
    ("produce",),
    ("consume",),
    *(("topic", name) for name in ("create", "list", "describe", "alter", "delete")),
    *(("group", name) for name in ("list", "describe", "reset-offsets", "delete")),
    *(("log", name) for name in ("dump", "verify", "repair")),
]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_shows_an_example(command: tuple[str, ...]) -> None:
    code, out, err = run(*command, "--help")
    assert (code, err) == (0, "")
    assert "\\b" not in out  # click's mark for "leave these lines as they are", not taken as one
    assert f"Example: odradek {' '.join(command)}" in out or "| odradek produce" in out


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("nonsense",), "No such command 'nonsense'"),
        (("topic", "create"), "topic create: Missing argument 'NAME...'"),
        (("topic", "create", "t", "--partitions", "many"), "'many' is not a valid integer"),
        (("topic", "create", "t", "--config", "x"), "--config 'x': expected NAME=VALUE"),
        (("topic", "alter", "t"), "topic alter: nothing to change"),
        (("consume", "t", "--offset", "soon"), "--offset 'soon'"),
        (("consume", "t", "--format", "%z"), "unknown %z"),
        (("consume", "t", "--group", "g", "--offset", "1"), "--group decides"),
        (("group", "reset-offsets", "g", "--topic", "t"), "give one of"),
        (("group", "list", "--bootstrap-server", "a:b"), "--bootstrap-server 'a:b'"),
    ],
)
def test_a_wrong_command_line_is_one_line_and_code_2(words: tuple[str, ...], complaint: str) -> None:
    code, out, err = run(*words)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert err.startswith("odradek: ")
    assert complaint in err


@pytest.mark.parametrize(
    "words", [("topic", "list"), ("produce", "t"), ("consume", "t"), ("group", "list"), ("topic", "delete", "t")]
)
def test_nobody_listening_is_code_3(words: tuple[str, ...]) -> None:
    code, out, err = run(*words, "--bootstrap-server", "127.0.0.1:1")
    assert (code, out) == (3, "")
    assert "127.0.0.1:1: Connection refused" in err
