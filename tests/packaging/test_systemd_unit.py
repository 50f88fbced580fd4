"""The systemd unit: it agrees with itself and with the broker, its command is tried, and systemd has nothing against it."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from recipes import PROGRAMS, SECONDS_MAX, UNIT, elsewhere, running, stop, unit

from odradek.broker.main import DEADLINE_SECONDS

SERVICE = unit()["Service"]
COMMAND = SERVICE["ExecStart"].split()
PROGRAM, SETTINGS, DATA = "/opt/odradek/bin/odradek", "/etc/odradek.toml", "/var/lib/odradek"
EXPOSURE_MAX = 2.0  # of 10, as systemd-analyze counts; services are taken for safe up to 4 or so


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The unit with the program where it is installed here, since systemd looks whether it exists."""
    unit = tmp_path / UNIT.name
    unit.write_text(UNIT.read_text().replace(f"ExecStart={PROGRAM}", f"ExecStart={PROGRAMS}/odradek"))
    return unit


def test_its_words_are_about_the_same_directory_and_user() -> None:
    text = UNIT.read_text()
    assert f"/var/lib/{SERVICE['StateDirectory']}" == DATA == COMMAND[COMMAND.index("--data-dir") + 1]
    assert SERVICE["User"] != "root" and f"/usr/sbin/nologin {SERVICE['User']}\n" in text
    assert f"python3 -m venv {Path(PROGRAM).parents[1]} " in text and f"touch {SETTINGS}\n" in text


def test_a_stop_is_given_the_time_it_takes() -> None:
    assert float(SERVICE["TimeoutStopSec"]) > DEADLINE_SECONDS


def test_its_command_serves_and_stops_clean(tmp_path: Path) -> None:
    settings, data = tmp_path / "odradek.toml", tmp_path / "data"
    settings.write_text('listeners = "PLAINTEXT://127.0.0.1:0"\n')
    command = elsewhere(COMMAND, {PROGRAM: f"{PROGRAMS}/odradek", SETTINGS: str(settings), DATA: str(data)})
    with running(command) as (process, _port):
        assert stop(process, SERVICE["KillSignal"]) == 0
    assert (data / ".kafka_cleanshutdown").exists()


@pytest.mark.conformance
def test_systemd_finds_no_fault_in_it(copy: Path) -> None:
    assert analyze("verify", str(copy)) == ""


@pytest.mark.conformance
def test_systemd_counts_little_that_it_could_harm(copy: Path) -> None:
    analyze("security", "--offline=true", f"--threshold={EXPOSURE_MAX * 10:.0f}", "--no-pager", str(copy))


def analyze(*arguments: str) -> str:
    """What `systemd-analyze` (252 or newer) says against the unit; it must end with 0."""
    program = shutil.which("systemd-analyze")
    assert program is not None, "conformance needs systemd-analyze: apt-get install systemd"
    environment = {**os.environ, "SYSTEMD_LOG_LEVEL": "warning"}
    done = subprocess.run(
        [program, *arguments], check=False, capture_output=True, text=True, env=environment, timeout=SECONDS_MAX
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stderr
