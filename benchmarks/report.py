"""Draws what was measured: `python -m benchmarks.report` writes docs/performance.md with its charts, and README's table.

Nobody types a figure by hand: `--check` writes nothing and fails, with the difference, where a file is not what the results
give. Charts need the `bench` extra when their data has changed, and only then; the check never does.
"""

from __future__ import annotations

import argparse
import difflib
import sys
from collections.abc import Iterator
from pathlib import Path

from benchmarks import page, plots
from benchmarks.figures import CHARTS
from benchmarks.newest import load
from benchmarks.record import RESULTS, ROOT

PERFORMANCE = Path("docs", "performance.md")
CHART_DIRECTORY = Path("docs", "performance")
README = Path("README.md")


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; fail where a file does not agree with the results")
    parser.add_argument("--results", type=Path, default=RESULTS, metavar="DIRECTORY")
    parser.add_argument("--root", type=Path, default=ROOT, metavar="DIRECTORY", help="of README.md and docs")
    options = parser.parse_args(arguments)
    if options.check:
        differences = list(check(options.results, options.root))
        print("\n".join(differences), end="\n" if differences else "", file=sys.stderr)
        return 1 if differences else 0
    return write(options.results, options.root)


def check(results: Path, root: Path) -> Iterator[str]:
    """What does not agree, file by file; nothing when all does."""
    for name, text in _texts(results, root).items():
        now = (root / name).read_text("utf-8") if (root / name).exists() else ""
        if now != text:
            lines = difflib.unified_diff(now.splitlines(), text.splitlines(), str(name), "by the results", lineterm="", n=0)
            yield "\n".join([f"{name} does not agree with the results: run python -m benchmarks.report", *lines])
    for path in _stale_charts(results, root):
        yield f"{path.relative_to(root)} was drawn from other figures: run python -m benchmarks.report"


def write(results: Path, root: Path) -> int:
    """Write what does not agree; charts that can't be drawn for want of matplotlib are told, and make the exit code 1."""
    for name, text in _texts(results, root).items():
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_text(text, "utf-8")
    if not list(_stale_charts(results, root)):
        return 0
    lines = load(results)
    try:
        for chart in CHARTS:
            plots.draw(chart, plots.findings(chart, lines), root / CHART_DIRECTORY)
    except ImportError as error:
        print(f"no charts are drawn: {error}; pip install -e '.[bench]'", file=sys.stderr)
        return 1
    return 0


def _texts(results: Path, root: Path) -> dict[Path, str]:
    """Each text file as the results would have it."""
    lines = load(results)
    readme = page.with_table((root / README).read_text("utf-8"), page.readme_table(lines))
    return {PERFORMANCE: page.performance(lines), README: readme}


def _stale_charts(results: Path, root: Path) -> Iterator[Path]:
    lines = load(results)
    for chart in CHARTS:
        wanted = plots.digest(chart, plots.findings(chart, lines))
        for path in plots.paths(chart, root / CHART_DIRECTORY).values():
            if not path.exists() or wanted not in path.read_text("utf-8"):
                yield path


if __name__ == "__main__":
    sys.exit(main())
