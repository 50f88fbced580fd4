"""Findings as Markdown: numbers, tables, and where they stand in README."""

import pytest
from benchmarks.page import README_BEGIN, README_END, number
from lines import line

from benchmarks import page

PIPELINED = {"broker": "odradek", "connections": 8, "depth": 16, "acks": 1}


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (0.2138, "0.214"),
        (3.0, "3"),
        (99.96, "100"),
        (133.6, "134"),
        (999.6, "1,000"),
        (60_122.1, "60,100"),
        (999_600, "1 million"),
        (10_220_910, "10.2 million"),
        (2_430_749_234, "2,430 million"),
    ],
)
def test_a_number_has_three_digits(value, text):
    assert number(value) == text


def test_a_figure_is_told_with_all_that_it_must_be_read_with():
    results = {"produce_small": [line(24, [60_122.1, 62_267.7, 59_066.5], **PIPELINED)]}

    text = page.performance(results)

    row = next(row for row in text.splitlines() if row.startswith("| produce requests of one"))
    assert row.endswith("| 60,100 per CPU second | 59,100 to 62,300 | 3 | 40,000 or more |")
    assert "Measured 2026-11-24 by `python -m benchmarks.bulk` at abc1234, load 0.50, on machine A." in text
    assert "- A: AMD EPYC, 2 cores, Linux 6.18.44-fc, CPython 3.11.7, odradek 0.1.0." in text
    assert "| recovery after `kill -9` | not measured | | | |" in text


def test_what_a_line_does_not_say_is_told():
    old = line()
    for name in ("dirty", "command", "load_at_start"):
        del old[name]
    text = page.performance({"recovery": [old]})
    assert "Measured 2026-11-01 at abc1234 (changes beside it were not recorded then), load 1.50, on machine A." in text


def test_a_missed_aim_is_told():
    results = {
        "recovery": [line(repeats=[978, 866, 1166])],
        "memory": [line(idle_rss_mib=61.0)],
    }
    text = page.performance(results)
    assert "1,000 or more: missed" in text
    assert "60 or less: missed" in text


def test_machines_are_told_once_each():
    other = {"cpu": "Xeon", "cores": 8, "kernel": "6.1", "load": 0.1}
    results = {"recovery": [line()], "latency": [line(broker="odradek", rate=2000, acks="1", machine=other)]}
    text = page.performance(results)
    assert text.count("- A: ") == text.count("- B: ") == 1


def test_the_readme_shows_what_was_measured_and_nothing_else():
    table = page.readme_table({"recovery": [line(24, [978, 866, 1166])]})
    assert table.splitlines() == [
        "| on 2 cores (AMD EPYC, Linux 6.18, CPython 3.11), load 0.5, November 2026 | median | range |",
        "|---|---|---|",
        "| recovery after `kill -9` | 978 MB/s | 866 to 1,170 |",
    ]


def test_without_a_measurement_the_readme_says_so():
    assert page.readme_table({}) == "Nothing is measured yet.\n"


def test_the_table_replaces_what_stands_between_the_marks():
    readme = f"before\n{README_BEGIN}\nold\n{README_END}\nafter\n"
    assert page.with_table(readme, "new\n") == f"before\n{README_BEGIN}\nnew\n{README_END}\nafter\n"


@pytest.mark.parametrize(
    "readme",
    ["", README_BEGIN, f"{README_END}{README_BEGIN}", f"{README_BEGIN}{README_END}{README_END}"],
    ids=["none", "no end", "turned round", "two ends"],
)
def test_a_readme_without_its_marks_is_an_error(readme):
    with pytest.raises(ValueError, match="each of these marks once"):
        page.with_table(readme, "new\n")
