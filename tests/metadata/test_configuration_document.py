"""docs/configuration.md against the tables of keys: names, defaults, bounds, what a running broker takes, and the examples."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from odradek.base.config import ConfigKey, Range, Update
from odradek.metadata.broker_keys import BROKER_CONFIG, own
from odradek.metadata.config_file import LoadedConfig, load_broker_config

PAGE = Path(__file__).parents[2] / "docs" / "configuration.md"
AT_RUN_TIME = {Update.READ_ONLY: "no", Update.PER_BROKER: "per broker", Update.CLUSTER_WIDE: "yes"}
# Kafka takes these at run time. Here they are taken and kept, and heeded when the broker starts: see the page.
LATER = {"listeners": "at the next start", "num.recovery.threads.per.data.dir": "at the next start"}


def rows(heading: str) -> dict[str, list[str]]:
    """The rows of the tables under `heading`, by the name in their first cell."""
    section = PAGE.read_text("utf-8").partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in section.splitlines() if line.startswith("| `")]
    return {row[0].strip("`"): row[1:] for row in cells}


def default_of(key: ConfigKey) -> str:
    return "none" if key.default_text in (None, "") else str(key.default_text)


def least_of(key: ConfigKey) -> str:
    return f"{key.validator.low}" if isinstance(key.validator, Range) else ""


@pytest.mark.parametrize("key", own.KEYS, ids=lambda key: key.name)
def test_a_setting_of_ours_is_told_with_its_default_and_bounds(key: ConfigKey) -> None:
    default, unit, least, at_run_time, does, when = rows("Our own settings")[key.name]
    assert (default, least, at_run_time) == (default_of(key), least_of(key), AT_RUN_TIME[key.update])
    assert does and when and (unit or default in ("true", "false"))


def test_no_setting_is_told_that_is_none_of_ours() -> None:
    assert rows("Our own settings").keys() == {key.name for key in own.KEYS}


def test_the_settings_of_kafka_that_work_are_listed() -> None:
    working = [key for key in BROKER_CONFIG if key.effective and key not in own.KEYS]
    wanted = {key.name: [default_of(key), LATER.get(key.name, AT_RUN_TIME[key.update])] for key in working}
    told = rows("Kafka's settings that work here")
    table = "\n".join(f"| `{name}` | {' | '.join(cells)} |" for name, cells in sorted(wanted.items()))
    assert told == wanted, f"the table is to be:\n{table}"


def test_the_examples_are_read_and_say_the_same(tmp_path: Path) -> None:
    read: list[LoadedConfig] = []
    for form, text in re.findall(r"```(toml|properties)\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL):
        path = tmp_path / f"broker.{form}"
        path.write_text(text)
        read.append(load_broker_config(str(path)))
    assert len(read) == 2 and not read[0].warnings and not read[1].warnings
    assert read[0].config.static == read[1].config.static
    assert read[0].config.static["log.retention.hours"] == "72"
