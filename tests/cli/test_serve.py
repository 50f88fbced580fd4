"""`odradek serve`: options into settings, and what is told when it serves. The process itself: test_serve_process.py."""

from __future__ import annotations

from pathlib import Path

import pytest

from odradek.cli.errors import UsageProblem
from odradek.cli.serve import banner, listener, load


@pytest.mark.parametrize(
    ("text", "kafka"),
    [
        ("127.0.0.1:9092", "PLAINTEXT://127.0.0.1:9092"),
        (":9092", "PLAINTEXT://:9092"),
        ("[::1]:0", "PLAINTEXT://[::1]:0"),
        ("A://a:1,B://b:2", "A://a:1,B://b:2"),
    ],
)
def test_an_address_becomes_a_listener(text: str, kafka: str) -> None:
    assert listener(text, "--listen") == kafka


def test_an_address_that_is_none_is_named() -> None:
    with pytest.raises(UsageProblem, match="--listen: '9092'"):
        listener("9092", "--listen")


def test_by_default_only_this_machine_is_served() -> None:
    config = load(None, (), {}).config
    assert config.get_list("listeners") == ("PLAINTEXT://localhost:9092",)
    assert config.log_dirs == ("odradek-data",)


def test_nearest_wins(tmp_path: Path) -> None:
    file = tmp_path / "server.properties"
    file.write_text("listeners=PLAINTEXT://:1\nnum.partitions=2\nlog.dirs=/a\nlog.retention.hours=1\n")
    config = load(str(file), ("num.partitions=3", "log.dirs=/b"), {"log.dirs": "/c"}).config
    assert config.get_list("listeners") == ("PLAINTEXT://:1",)
    assert config.get_int("num.partitions") == 3
    assert config.log_dirs == ("/c",)
    assert config.get_int("log.retention.hours") == 1


@pytest.mark.parametrize("setting", ["num.partitons=1", "num.partitions=none", "num.partitions"])
def test_a_wrong_setting_is_a_usage_problem(setting: str) -> None:
    with pytest.raises(UsageProblem, match=r"serve: .*num\.partiti?ons"):
        load(None, (setting,), {})


def test_the_line_to_paste_names_the_address_unless_it_is_the_usual_one() -> None:
    usual = banner(1, ["127.0.0.1:9092"], "/data", None, "odradek")
    assert "echo hello | odradek produce test\n" in usual
    other = banner(1, ["10.0.0.1:9093"], "/data", 9100, ".venv/bin/odradek")
    assert "echo hello | .venv/bin/odradek produce test --bootstrap-server 10.0.0.1:9093\n" in other
    assert "http://localhost:9100/metrics" in other
    assert "/data" in other
