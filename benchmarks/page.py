"""Findings as Markdown: docs/performance.md whole, and README's table between its two marks.

Figures are shown to three digits; more would claim more than repeats that differ by tenths can tell. What a figure must be
read with (commit, day, load, machine) stands under its table, once for all figures that share it.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from benchmarks.figures import CHARTS, README_FIGURES, SECTIONS, Figure
from benchmarks.newest import Finding, Line, find, find_all

README_BEGIN = "<!-- drawn by `python -m benchmarks.report` from benchmarks/results: begin -->"
README_END = "<!-- drawn: end -->"

_OPENING = """# How fast

<!-- Drawn by `python -m benchmarks.report` from benchmarks/results. Don't edit: measure, and draw again. -->

Each figure is the newest that was not measured beside uncommitted changes, with the median of its repeats and their range.
Rates are mostly per second of the broker's CPU time: on one machine the wall clock measures the load generator.
[benchmarks/README.md](../benchmarks/README.md) has the programs and the traps, [benchmarks/results](../benchmarks/results)
every repeat of every measurement. Other programs share the machine; the load is its one-minute average before the program
began, and of programs that ran one after the other it holds the one before. Differences below 25 % are no findings.
"""


def performance(lines: Mapping[str, Sequence[Line]]) -> str:
    """The whole of docs/performance.md."""
    parts = [_OPENING]
    parts += [_picture(chart.name, chart.title) for chart in CHARTS]
    parts.append("A repeat is a dot, the median a bar, the aim a triangle; the axes are logarithmic.\n")
    machines: list[str] = []
    for section in SECTIONS:
        parts.append(f"## {section.title}\n\n{section.about}\n")
        found = find_all(section, lines.get(section.file, ()))
        missing = [figure for figure in section.figures if figure not in [each.figure for each in found]]
        parts.append(_table(found, missing))
        parts.append(_measured(found, machines))
    parts.append("## Machines\n\n" + "".join(f"- {_letter(n)}: {text}.\n" for n, text in enumerate(machines)))
    return "\n".join(part for part in parts if part)


def readme_table(lines: Mapping[str, Sequence[Line]]) -> str:
    """What stands between README's marks."""
    found = [each for figure in README_FIGURES if (each := find(figure, lines.get(figure.file, ())))]
    if not found:
        return "Nothing is measured yet.\n"
    rows = [f"| {each.figure.title} | {_value(each)} | {_range(each.values)} |" for each in found]
    machine = " and ".join(dict.fromkeys(_short_machine(each.line) for each in found))
    head = [f"| on {machine}, {_loads(found)}, {_months(found)} | median | range |", "|---|---|---|"]
    return "\n".join([*head, *rows]) + "\n"


def with_table(readme: str, table: str) -> str:
    """README with this table between its marks. Raises ValueError when it hasn't each mark once, in order."""
    before, begin, rest = readme.partition(README_BEGIN)
    _, end, after = rest.partition(README_END)
    if not begin or not end or README_BEGIN in rest or README_END in after:
        raise ValueError(f"README.md must have each of these marks once, in this order: {README_BEGIN} {README_END}")
    return f"{before}{begin}\n{table}{end}{after}"


def number(value: float) -> str:
    """Three digits, and words for what is a million or more."""
    value = float(f"{value:.3g}")
    if abs(value) >= 1e6:
        return f"{value / 1e6:,g} million"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:g}"


def _table(found: Sequence[Finding], missing: Iterable[Figure]) -> str:
    rows = [
        f"| {each.figure.title} | {_value(each)} | {_range(each.values)} | {len(each.values)} | {_aim(each)} |"
        for each in found
    ]
    rows += [f"| {figure.title} | not measured | | | |" for figure in missing]
    if not rows:
        return "Not measured yet.\n"
    return "\n".join(["| | median | range | repeats | aim |", "|---|---|---|---|---|", *rows]) + "\n"


def _value(found: Finding) -> str:
    return f"{number(statistics.median(found.values))} {found.figure.unit}".rstrip()


def _range(values: Sequence[float]) -> str:
    if len(values) == 1:
        return ""
    least, most = number(min(values)), number(max(values))
    if least.endswith(" million") and most.endswith(" million"):
        least = least.removesuffix(" million")
    return f"{least} to {most}"


def _aim(found: Finding) -> str:
    aim = found.figure.aim
    if aim is None:
        return ""
    more = found.figure.better == "more"
    median = statistics.median(found.values)
    words = f"{number(aim)} or {found.figure.better}"
    return words if (median >= aim if more else median <= aim) else f"{words}: missed"


def _measured(found: Sequence[Finding], machines: list[str]) -> str:
    """A line for each line of results that the table stands on; new machines are added to the list."""
    texts: list[str] = []
    for line in {id(each.line): each.line for each in found}.values():
        machine = _machine(line)
        if machine not in machines:
            machines.append(machine)
        letter = _letter(machines.index(machine))
        by = f" by `{line['command']}`" if "command" in line else ""
        tree = "" if "dirty" in line else " (changes beside it were not recorded then)"
        day = str(line["at"])[:10]
        texts.append(f"Measured {day}{by} at {line['commit']}{tree}, load {_load(line):.2f}, on machine {letter}.\n")
    return "\n".join(dict.fromkeys(texts))


def _letter(index: int) -> str:
    return chr(ord("A") + index)


def _machine(line: Line) -> str:
    machine, versions = line["machine"], line["versions"]
    libraries = ", ".join(f"{name} {version}" for name, version in versions.items() if name != "python")
    return f"{machine['cpu']}, {machine['cores']} cores, Linux {machine['kernel']}, CPython {versions['python']}, {libraries}"


def _short_machine(line: Line) -> str:
    machine, python = line["machine"], line["versions"]["python"]
    kernel = ".".join(machine["kernel"].split(".")[:2])
    return f"{machine['cores']} cores ({machine['cpu']}, Linux {kernel}, CPython {'.'.join(python.split('.')[:2])})"


def _months(found: Sequence[Finding]) -> str:
    days = sorted({str(each.line["at"])[:7] for each in found})
    months = [datetime.fromisoformat(f"{day}-01").strftime("%B %Y") for day in (days[0], days[-1])]
    return " to ".join(dict.fromkeys(months))


def _loads(found: Sequence[Finding]) -> str:
    """How busy the machine was before the programs began."""
    loads = sorted(_load(each.line) for each in found)
    return "load " + " to ".join(dict.fromkeys(f"{load:.1f}" for load in (loads[0], loads[-1])))


def _load(line: Line) -> float:
    """Before the program began; the first lines have only what it was at the end, with the program's own share."""
    return float(line["load_at_start"] if "load_at_start" in line else line["machine"]["load"])


def _picture(name: str, title: str) -> str:
    return (
        "<picture>\n"
        f'  <source media="(prefers-color-scheme: dark)" srcset="performance/{name}-dark.svg">\n'
        f'  <img alt="{title}" src="performance/{name}-light.svg">\n'
        "</picture>\n"
    )
