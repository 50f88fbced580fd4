"""Which of the recorded values counts for a figure: those of its newest line, of the lines that may be believed.

A line may be believed if its tree was not dirty, it is no quick run, and it repeats at least three times where it repeats at
all. The first lines say nothing about their tree; they count until there is a newer one, and the page says what they leave
out. Nothing here reads a file but `load`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.figures import Figure, Section

REPEATS_MIN = 3
Line = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Finding:
    """A figure with its values, in the order of the repeats, and the line that they are from."""

    figure: Figure
    values: tuple[float, ...]
    line: Line


def load(directory: Path) -> dict[str, list[Line]]:
    """The lines of every file, by its name. Raises ValueError, with file and number, for one that is no JSON object."""
    return {path.stem: list(_lines(path)) for path in sorted(directory.glob("*.jsonl"))}


def _lines(path: Path) -> Iterator[Line]:
    for number, text in enumerate(path.read_text("utf-8").splitlines(), 1):
        try:
            line = json.loads(text)
        except ValueError as error:
            raise ValueError(f"{path.name}, line {number}: {error}") from None
        if not isinstance(line, dict) or not isinstance(line.get("at"), str):
            raise ValueError(f"{path.name}, line {number}: not an object with a time `at`")
        yield line


def find(figure: Figure, lines: Sequence[Line]) -> Finding | None:
    """The figure by its newest line that counts; None while there is none."""
    for line in _newest_first(lines):
        if all(line.get(name) == value for name, value in figure.where.items()):
            values = _values(line, figure.path)
            if values:
                return Finding(figure, values, line)
    return None


def find_all(section: Section, lines: Sequence[Line]) -> list[Finding]:
    """The section's findings; where it names no figures, all lists of repeats that the newest line with such has."""
    if section.figures:
        return [found for figure in section.figures if (found := find(figure, lines))]
    for line in _newest_first(lines):
        figures = [
            Figure(section.file, ": ".join(path), section.unit, path=("figures", *path))
            for path in _leaves(line.get("figures", {}))
        ]
        if found_all := [found for figure in figures if (found := find(figure, [line]))]:
            return found_all
    return []


def _newest_first(lines: Sequence[Line]) -> list[Line]:
    """Those that may be believed; of two with the same time the later in the file comes first."""
    believed = [line for line in reversed(lines) if not line.get("dirty") and not line.get("quick")]
    return sorted(believed, key=lambda line: str(line["at"]), reverse=True)


def _values(line: Line, path: tuple[str, ...]) -> tuple[float, ...]:
    """The repeats at the end of the path, or the one value; nothing where the line has none or too few."""
    place: Any = line
    for name in path:
        if not isinstance(place, Mapping) or name not in place:
            return ()
        place = place[name]
    if not isinstance(place, list):
        return (float(place),)
    return tuple(map(float, place)) if len(place) >= REPEATS_MIN else ()


def _leaves(figures: Mapping[str, Any], before: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    for name, value in figures.items():
        if isinstance(value, Mapping):
            yield from _leaves(value, (*before, name))
        elif isinstance(value, list):
            yield (*before, name)
