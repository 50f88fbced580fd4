"""The broker as a process: exit codes, signals at any time, and a deadline that holds whatever is stuck."""

from __future__ import annotations

import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

HEAD = """
import asyncio, sys, time
from odradek.base.logging import configure, parse_levels
from odradek.broker import main, node
from odradek.metadata.config_file import load_broker_config
configure(parse_levels("info"))
config = load_broker_config(None, {"log.dirs": sys.argv[1], "listeners": "PLAINTEXT://127.0.0.1:0"}).config
def say(_):
    print("ready", flush=True)
"""
TAIL = "sys.exit(main.run(config, on_started=say))"
SIGNALS = [signal.SIGTERM, signal.SIGINT]


@contextmanager
def broker(data: Path, changed: str = "") -> Iterator[subprocess.Popen[str]]:
    """A process that has said that it is ready, with some of the broker changed."""
    program = HEAD + textwrap.dedent(changed) + TAIL
    command = [sys.executable, "-c", program, str(data)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        try:
            yield process
        finally:
            process.kill()


def end(process: subprocess.Popen[str]) -> tuple[int, str]:
    assert process.stderr is not None
    said = process.stderr.read()
    return process.wait(30), said


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_while_it_serves(tmp_path: Path, number: signal.Signals) -> None:
    with broker(tmp_path) as process:
        process.send_signal(number)
        code, said = end(process)
    assert code == 0, said
    assert f"stopping on a signal  signal={number.name}" in said
    assert (tmp_path / ".kafka_cleanshutdown").exists()


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_while_it_starts(tmp_path: Path, number: signal.Signals) -> None:
    recovers_for_ever = """
    async def recover(self):
        say(self)
        await asyncio.sleep(1000)
    node.Node._open_metadata = recover
    """
    with broker(tmp_path, recovers_for_ever) as process:
        process.send_signal(number)
        code, said = end(process)
    assert code == 0, said
    assert f"stopped while starting  signal={number.name}" in said
    assert "Traceback" not in said
    assert not (tmp_path / ".kafka_cleanshutdown").exists(), "nobody has looked at what is there"
    with broker(tmp_path) as process:  # and the lock is free
        process.send_signal(number)
        assert end(process)[0] == 0


def test_a_start_that_ends_in_spite_of_the_signal_is_stopped_in_order(tmp_path: Path) -> None:
    cannot_be_cancelled = """
    start = node.Node.start
    async def stubborn(config):
        say(config)
        try:
            await asyncio.sleep(1000)
        except asyncio.CancelledError:
            return await start(config)
    node.Node.start = stubborn
    """
    with broker(tmp_path, cannot_be_cancelled) as process:
        process.send_signal(signal.SIGTERM)
        code, said = end(process)
    assert code == 0, said
    assert (tmp_path / ".kafka_cleanshutdown").exists()


def test_a_step_of_stopping_that_cannot_be_cancelled_does_not_outlast_the_deadline(tmp_path: Path) -> None:
    hangs = """
    main.STOP_SECONDS = 0.2
    async def hang(self):
        while True:
            try:
                await asyncio.sleep(1000)
            except asyncio.CancelledError:
                pass
    node.Node._retire = hang
    """
    with broker(tmp_path, hangs) as process:
        process.send_signal(signal.SIGTERM)
        code, said = end(process)
    assert code == 1, said
    assert "could not stop in time; the next start will recover  seconds=0.2" in said
    assert not (tmp_path / ".kafka_cleanshutdown").exists()


def test_a_stuck_event_loop_ends_by_the_deadline_and_shows_where_it_is_stuck(tmp_path: Path) -> None:
    spins = """
    main.DEADLINE_SECONDS = 0.2
    def stuck_handler():
        say(None)
        while True:
            time.sleep(0.01)
    def started(_):
        asyncio.get_running_loop().call_soon(stuck_handler)
    """
    program_end = "sys.exit(main.run(config, on_started=started))"
    with broker(tmp_path, textwrap.dedent(spins) + program_end + "\n") as process:
        process.send_signal(signal.SIGTERM)
        code, said = end(process)
    assert code == 1, said
    assert "stuck_handler" in said


def test_a_second_signal_ends_it_at_once(tmp_path: Path) -> None:
    waits = """
    async def wait(self):
        print("stopping", flush=True)
        await asyncio.sleep(1000)
    node.Node._retire = wait
    """
    with broker(tmp_path, waits) as process:
        process.send_signal(signal.SIGTERM)
        assert process.stdout is not None and process.stdout.readline() == "stopping\n"
        process.send_signal(signal.SIGINT)
        assert end(process)[0] == 128 + signal.SIGINT


def test_a_failed_data_directory_ends_it_with_1_and_the_reason(tmp_path: Path) -> None:
    fails = """
    def fail(started):
        started._directory_failed("fdatasync: Input/output error")
        print("ready", flush=True)
    say = fail
    """
    with broker(tmp_path, fails) as process:
        code, said = end(process)
    assert code == 1
    assert "the data directory failed" in said and "Input/output error" in said


def test_the_limit_of_descriptors_is_raised_and_said(tmp_path: Path) -> None:
    lowered = """
    import resource
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(256, hard - 1), hard))
    """
    with broker(tmp_path, lowered) as process:
        process.send_signal(signal.SIGTERM)
        code, said = end(process)
    assert code == 0
    assert "more file descriptors allowed  RLIMIT_NOFILE=" in said
