"""Charts as small SVG files, light and dark: every repeat a dot, the median a bar, the aim a tick, on a logarithmic axis.

Drawn by matplotlib, which only the `bench` extra brings. A file says in its description what it was drawn from, as a digest of
titles and values: so whether a chart is up to date is known without drawing it, and whatever matplotlib's version.
"""

from __future__ import annotations

import hashlib
import json
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.figures import Chart
from benchmarks.newest import Finding, Line, find
from benchmarks.page import number


@dataclass(frozen=True, slots=True)
class Theme:
    """Colours of one background, which itself is left transparent."""

    name: str
    ink: str
    faint: str
    dot: str
    aim: str


THEMES = (
    Theme("light", ink="#24292f", faint="#d0d7de", dot="#2f6f9f", aim="#b35900"),
    Theme("dark", ink="#d1d7e0", faint="#3d444d", dot="#79b8e8", aim="#e0a458"),
)


def findings(chart: Chart, lines: Mapping[str, Sequence[Line]]) -> list[Finding]:
    """What the chart shows, from top to bottom."""
    return [found for figure in chart.figures if (found := find(figure, lines.get(figure.file, ())))]


def digest(chart: Chart, found: Sequence[Finding]) -> str:
    """Of all that is drawn."""
    rows = [[each.figure.label, each.figure.aim, *each.values] for each in found]
    text = json.dumps([chart.title, rows])
    return "data " + hashlib.sha256(text.encode()).hexdigest()[:16]


def paths(chart: Chart, directory: Path) -> dict[Theme, Path]:
    return {theme: directory / f"{chart.name}-{theme.name}.svg" for theme in THEMES}


def draw(chart: Chart, found: Sequence[Finding], directory: Path) -> None:
    """Write the chart's files. Raises ImportError without matplotlib."""
    import matplotlib

    settings = {"svg.fonttype": "none", "svg.hashsalt": chart.name, "font.family": "sans-serif", "font.size": 9}
    directory.mkdir(parents=True, exist_ok=True)
    with matplotlib.rc_context(settings):
        for theme, path in paths(chart, directory).items():
            drawn = _figure(chart, found, theme)
            drawn.savefig(path, format="svg", transparent=True, metadata={"Date": None, "Description": digest(chart, found)})


def _figure(chart: Chart, found: Sequence[Finding], theme: Theme) -> Any:
    from matplotlib.figure import Figure
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    figure = Figure(figsize=(7, 0.8 + 0.3 * len(found)), layout="constrained")
    axes = figure.add_subplot()
    axes.set_xscale("log")
    for row, each in enumerate(found):
        _row(axes, row, each, theme)
    axes.set_yticks(range(len(found)), [each.figure.label for each in found], color=theme.ink)
    axes.set_ylim(len(found) - 0.5, -1)
    axes.margins(x=0.08)
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 3)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: number(value)))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_title(chart.title, loc="left", fontsize=10, color=theme.ink)
    axes.grid(axis="x", color=theme.faint, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.tick_params(which="both", length=0, colors=theme.ink)
    axes.spines[:].set_visible(False)
    return figure


def _row(axes: Any, row: int, found: Finding, theme: Theme) -> None:
    median = statistics.median(found.values)
    axes.plot(found.values, [row] * len(found.values), "o", color=theme.dot, markersize=4, alpha=0.7)
    axes.plot([median], [row], "|", color=theme.ink, markersize=11, markeredgewidth=1.6)
    axes.annotate(number(median), (median, row), xytext=(0, 7), textcoords="offset points", ha="center", color=theme.ink)
    if found.figure.aim is not None:
        axes.plot([found.figure.aim], [row], "^", color=theme.aim, markersize=5)
