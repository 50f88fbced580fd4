"""The commands as processes of their own: signals, pipes, and a broker from the command line."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ODRADEK = [sys.executable, "-m", "odradek"]


@pytest.fixture(autouse=True)
def interrupts_are_not_ignored() -> Iterator[None]:
    """A shell ignores SIGINT for what it runs in the background, and children inherit that: here they must not."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def start(*words: str, **options: Any) -> subprocess.Popen[bytes]:
    return subprocess.Popen([*ODRADEK, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options)


def serve(data: Path, *words: str) -> subprocess.Popen[bytes]:
    return start("serve", "--listen", "127.0.0.1:0", "--data-dir", str(data), *words)


def banner_of(process: subprocess.Popen[bytes]) -> dict[str, str]:
    """The lines that a broker prints once it serves, by their first word; `shell` is the line to paste."""
    assert process.stdout is not None
    told: dict[str, str] = {}
    while line := process.stdout.readline().decode():
        word, _, rest = line.strip().partition(" ")
        told[word] = rest.strip()
        if "consume" in line:
            break
    return told


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[bytes], dict[str, str]]]:
    process = serve(tmp_path, "--metrics-port", "0", "--log", "warning")
    try:
        yield process, banner_of(process)
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def test_the_line_to_paste_works(served: Any, tmp_path: Path) -> None:
    _, told = served
    assert told["data"] == str(tmp_path)
    assert re.fullmatch(r"127\.0\.0\.1:\d+", told["clients"])
    assert re.fullmatch(r"http://localhost:[1-9]\d*/metrics", told["metrics"])
    subprocess.run(told["try"], shell=True, check=True)
    words = ["consume", "test", "--from-beginning", "--max-messages", "1", "-b", told["clients"]]
    assert subprocess.run([*ODRADEK, *words], capture_output=True, check=True).stdout == b"hello\n"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_it_clean_and_the_next_start_has_everything(served: Any, tmp_path: Path, number: int) -> None:
    process, told = served
    subprocess.run([*ODRADEK, "produce", "kept", "-b", told["clients"]], input=b"still here\n", check=True)
    process.send_signal(number)
    assert process.wait(10) == 0
    again = serve(tmp_path)
    try:
        address = banner_of(again)["clients"]
        words = ["consume", "kept", "--from-beginning", "--until-end", "-b", address]
        assert subprocess.run([*ODRADEK, *words], capture_output=True, check=True).stdout == b"still here\n"
    finally:
        again.terminate()
        again.communicate()


def test_a_directory_in_use_is_a_conflict(served: Any, tmp_path: Path) -> None:
    process, _ = served
    second = serve(tmp_path)
    out, err = second.communicate(timeout=20)
    assert (second.returncode, out) == (5, b"")
    assert f"locked by process {process.pid}" in err.decode()


def test_a_port_that_is_taken(served: Any, tmp_path: Path) -> None:
    _, told = served
    second = start("serve", "--listen", told["clients"], "--data-dir", str(tmp_path / "other"), "--log", "error")
    _, err = second.communicate(timeout=20)
    assert second.returncode == 1
    assert told["clients"] in err.decode() and err.count(b"\n") == 1


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["--set", "num.partitons=1"], "num.partitions"),
        (["--listen", "here"], "--listen"),
        (["--log", "aoi=debug"], "aoi"),
        (["--config", "/nowhere/odradek.toml"], "/nowhere/odradek.toml"),
    ],
)
def test_a_wrong_option_is_one_line_and_code_2(tmp_path: Path, words: list[str], complaint: str) -> None:
    process = start("serve", "--data-dir", str(tmp_path / "data"), *words)
    out, err = process.communicate(timeout=20)
    assert (process.returncode, out, err.count(b"\n")) == (2, b"", 1)
    assert complaint in err.decode()
    assert not (tmp_path / "data").exists()


def test_json_logs(tmp_path: Path) -> None:
    process = serve(tmp_path, "--log-format", "json", "--log", "broker=debug")
    banner_of(process)
    process.terminate()
    _, err = process.communicate(timeout=20)
    assert process.returncode == 0
    assert all(line.startswith(b'{"time":') for line in err.splitlines())


def test_output_that_nobody_reads_ends_a_consumer_quietly(cli: Any, bootstrap: str, topic: str) -> None:
    cli("produce", topic, stdin=b"x" * 100 + b"\n" + b"line\n" * 50_000)
    process = start("consume", topic, "--from-beginning", "-b", bootstrap)
    assert process.stdout is not None and process.stderr is not None
    process.stdout.readline()
    process.stdout.close()
    assert process.wait(20) == 141
    assert process.stderr.read() == b""
    process.stderr.close()


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_consumer_that_is_ended_has_committed_what_it_printed_and_left(
    cli: Any, bootstrap: str, topic: str, number: int, code: int
) -> None:
    cli("produce", topic, "-p", "0", stdin=b"a\nb\n")
    process = start("consume", topic, "--from-beginning", "--group", topic, "-b", bootstrap)
    assert process.stdout is not None
    assert [process.stdout.readline(), process.stdout.readline()] == [b"a\n", b"b\n"]
    process.send_signal(number)
    _, err = process.communicate(timeout=20)
    assert (process.returncode, err) == (code, b"")
    assert json.loads(cli("group", "describe", topic, "--json").out)[0]["members"] == []
    cli("produce", topic, "-p", "0", stdin=b"c\n")
    assert cli("consume", topic, "--group", topic, "-n", "1").out == b"c\n"


def test_ctrl_c_while_producing_sends_what_was_read(cli: Any, bootstrap: str, topic: str) -> None:
    reader, writer = os.pipe()
    process = start("produce", topic, "-p", "0", "-b", bootstrap, stdin=reader)
    os.close(reader)
    os.write(writer, b"a\n")
    while cli("consume", topic, "--from-beginning", "--until-end").out != b"a\n":
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=20)
    os.close(writer)
    assert (process.returncode, err) == (130, b"")


@pytest.mark.parametrize("output", [">&-", ">/dev/full", "| true", "<&- >&-"])
def test_a_broker_serves_and_stops_clean_though_nobody_reads_what_it_prints(tmp_path: Path, output: str) -> None:
    line = shlex.join([*ODRADEK, "serve", "--listen", "127.0.0.1:0", "--data-dir", str(tmp_path)])
    shell = subprocess.Popen(["bash", "-c", f"{line} {output}"], stderr=subprocess.PIPE, start_new_session=True)
    assert shell.stderr is not None
    while b"serving" not in (told := shell.stderr.readline()):
        assert told, "it has ended"
    os.killpg(shell.pid, signal.SIGTERM)  # the shell with it
    _, told = shell.communicate(timeout=20)
    assert b"stopping on a signal" in told and b"stopped" in told
    assert (tmp_path / ".kafka_cleanshutdown").exists()


@pytest.mark.parametrize("words", [["topic", "list", "--json"], ["consume", "TOPIC", "--from-beginning", "-n", "1"]])
def test_an_answer_that_cannot_be_written_is_a_failure(cli: Any, bootstrap: str, topic: str, words: list[str]) -> None:
    cli("produce", topic, stdin=b"a\n")
    line = shlex.join([*ODRADEK, *words, "-b", bootstrap]).replace("TOPIC", topic)
    for output, reason in ((">&-", b"Bad file descriptor"), (">/dev/full", b"No space left on device")):
        done = subprocess.run(["bash", "-c", f"{line} {output}"], stderr=subprocess.PIPE, check=False)
        assert (done.returncode, done.stderr) == (1, b"odradek: " + reason + b"\n")


def test_input_that_is_closed_is_not_an_empty_one(bootstrap: str, topic: str) -> None:
    line = shlex.join([*ODRADEK, "produce", topic, "-b", bootstrap])
    done = subprocess.run(["bash", "-c", f"{line} <&-"], capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (1, b"odradek: Bad file descriptor\n")


def test_json_is_ascii_where_the_output_is_not_utf8(cli: Any, bootstrap: str, topic: str) -> None:
    group = f"{topic}-группа"
    cli("group", "reset-offsets", group, "--topic", topic, "--to-earliest", "--execute")
    environment = {**os.environ, "PYTHONIOENCODING": "latin-1"}
    words = ["group", "list", "--json", "-b", bootstrap]
    listed = subprocess.run([*ODRADEK, *words], env=environment, capture_output=True, check=True)
    assert group in [row["group"] for row in json.loads(listed.stdout)]
