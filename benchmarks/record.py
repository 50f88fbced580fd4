"""One measurement, one line in `results/NAME.jsonl`, with all that it must be read with.

A figure is worth what its circumstances are. So a line holds every repeat and not just the best, the command, the machine, how
loaded that was before the program began, the versions, and the commit. Only a line from a clean tree can be found again, so one
that was measured beside uncommitted changes says `dirty`, and `report.py` leaves it out. Writing results is no such change.

What `run --quick` measures says that the programs work and nothing else: it is shown and not kept.
"""

from __future__ import annotations

import functools
import importlib.util
import json
import os
import platform
import statistics
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "benchmarks" / "results"
# Set in the environment by `run --quick`.
QUICK = "ODRADEK_BENCHMARK_QUICK"
_LIBRARIES = ("odradek", "uvloop", "crc32c", "confluent-kafka", "click")
# What decides a figure. Results and documents may change while others are measured.
_MEASURED = ("src", "benchmarks", "pyproject.toml", ":!benchmarks/results", ":!benchmarks/*.md")
_HIDDEN = ("machine", "versions", "at", "load_at_start", "command")


@functools.cache
def at_start() -> dict[str, Any]:
    """The machine's load and the state of the tree before the first measurement; later calls give the same.

    Raises RuntimeError when `odradek` would be imported from elsewhere: the commit would then be a lie.
    """
    found = importlib.util.find_spec("odradek")
    origin = Path(found.origin).resolve() if found and found.origin else None
    if origin is None or not origin.is_relative_to(ROOT):
        raise RuntimeError(f"odradek is imported from {origin}, not from {ROOT}: set PYTHONPATH={ROOT / 'src'}")
    return {"load_at_start": round(os.getloadavg()[0], 2), **tree()}


def note_result(name: str, figures: dict[str, Any], repeats: Sequence[float] = (), unit: str = "") -> None:
    """Append a line to `results/<name>.jsonl` and show it. `repeats` are all values of the main figure."""
    line: dict[str, Any] = {"benchmark": name, "at": datetime.now(UTC).isoformat(timespec="seconds"), **figures}
    if repeats:
        line |= {
            "median": round(statistics.median(repeats), 3),
            "unit": unit,
            "repeats": [round(value, 3) for value in repeats],
            "spread_percent": round(100 * (max(repeats) - min(repeats)) / statistics.median(repeats), 1),
        }
    line |= {"command": command(sys.argv), **_settled(at_start(), tree()), "machine": machine(), "versions": versions()}
    print(json.dumps({key: value for key, value in line.items() if key not in _HIDDEN}))
    if quick():
        return
    RESULTS.mkdir(exist_ok=True)
    with (RESULTS / f"{name}.jsonl").open("a", encoding="utf-8") as file:
        file.write(json.dumps(line) + "\n")


def quick() -> bool:
    """Is this a run that only shows that the programs work?"""
    return bool(os.environ.get(QUICK))


def _settled(before: dict[str, Any], now: dict[str, Any]) -> dict[str, Any]:
    """What to write of a tree that was looked at twice: a change in between makes it dirty."""
    changed = now["commit"] != before["commit"]
    return {**before, "dirty": before["dirty"] or now["dirty"] or changed}


def command(argv: Sequence[str]) -> str:
    """What was typed, without this machine's paths: `python -m benchmarks.bulk --records 1000`."""
    module = ".".join(Path(argv[0]).resolve().relative_to(ROOT).with_suffix("").parts)
    return " ".join(["python -m", module, *argv[1:]])


def machine() -> dict[str, Any]:
    """Processor, cores, kernel, and the load at the end: what a figure must be read with."""
    model = "unknown"
    for line in Path("/proc/cpuinfo").read_text("utf-8").splitlines():
        if line.startswith("model name"):
            model = line.partition(":")[2].strip()
            break
    return {
        "cpu": model,
        "cores": len(os.sched_getaffinity(0)),
        "kernel": platform.release(),
        "load": round(os.getloadavg()[0], 2),
    }


def versions() -> dict[str, str]:
    found = {"python": platform.python_version()}
    for name in _LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def tree() -> dict[str, Any]:
    """The commit, and whether what decides a figure differs from it; what git doesn't know of is dirty."""
    commit = _git("rev-parse", "--short", "HEAD")
    changes = _git("status", "--porcelain", "--", *_MEASURED)
    return {"commit": commit or "unknown", "dirty": not commit or changes != ""}


def _git(*arguments: str) -> str | None:
    """What git prints, or None when it failed."""
    done = subprocess.run(["git", "-C", str(ROOT), *arguments], capture_output=True, check=False)
    return done.stdout.decode().strip() if done.returncode == 0 else None
