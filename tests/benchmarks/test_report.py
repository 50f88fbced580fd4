"""No figure is typed by hand: what README and docs/performance.md say is what the results say."""

import json
import shutil

import pytest
from benchmarks.figures import CHARTS
from benchmarks.newest import load
from benchmarks.record import RESULTS, ROOT
from lines import line

from benchmarks import plots, report


def test_the_documents_of_this_repository_agree_with_its_results():
    differences = list(report.check(RESULTS, ROOT))
    assert not differences, "\n".join(differences)


@pytest.fixture
def copy(tmp_path):
    """The repository's documents and results, to change."""
    shutil.copytree(RESULTS, tmp_path / "results")
    shutil.copytree(ROOT / report.CHART_DIRECTORY, tmp_path / report.CHART_DIRECTORY)
    for name in (report.README, report.PERFORMANCE):
        shutil.copy(ROOT / name, tmp_path / name)
    return tmp_path


def run(copy, *arguments):
    return report.main(["--results", str(copy / "results"), "--root", str(copy), *arguments])


def test_a_figure_that_was_typed_is_told_and_drawn_over(copy, capsys):
    readme, row = copy / "README.md", "| `odradek --version` |"
    drawn = readme.read_text("utf-8")
    assert row in drawn
    readme.write_text(drawn.replace(row, "| `odradek --version` | 1 ms"), "utf-8")

    assert run(copy, "--check") == 1
    told = capsys.readouterr().err
    assert "README.md does not agree with the results: run python -m benchmarks.report" in told
    assert "| `odradek --version` | 1 ms" in told

    assert run(copy) == 0
    assert readme.read_text("utf-8") == drawn
    assert run(copy, "--check") == 0


def test_a_page_that_is_missing_is_told_and_written(copy):
    (copy / report.PERFORMANCE).unlink()
    assert run(copy, "--check") == 1
    assert run(copy) == 0
    assert run(copy, "--check") == 0


def test_charts_of_other_figures_are_told(copy, capsys):
    with (copy / "results" / "latency.jsonl").open("a", encoding="utf-8") as file:
        file.write(json.dumps({**line(1, broker="odradek", rate=2000, acks="1"), "at": "2999-01-01T00:00:00+00:00"}) + "\n")

    assert run(copy, "--check") == 1
    told = capsys.readouterr().err
    for theme in ("light", "dark"):
        assert f"docs/performance/latency-{theme}.svg was drawn from other figures" in told
    assert "throughput-" not in told


def test_a_dirty_line_changes_nothing(copy):
    with (copy / "results" / "recovery.jsonl").open("a", encoding="utf-8") as file:
        file.write(json.dumps({**line(1, [9e9] * 3, dirty=True), "at": "2999-01-01T00:00:00+00:00"}) + "\n")
    assert run(copy, "--check") == 0


def test_a_chart_is_known_by_titles_values_and_aims():
    chart, results = CHARTS[0], load(RESULTS)
    found = plots.findings(chart, results)
    assert plots.digest(chart, found) == plots.digest(chart, plots.findings(chart, results))
    assert plots.digest(chart, found) != plots.digest(chart, found[1:])
