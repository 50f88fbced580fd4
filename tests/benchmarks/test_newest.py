"""Which line of results counts for a figure."""

import json

import pytest
from benchmarks.figures import Figure, Section
from benchmarks.newest import find, find_all, load
from hypothesis import given
from hypothesis import strategies as st
from lines import line

RATE = Figure("bulk_produce", "records", "per CPU second")


def values(lines, figure=RATE):
    found = find(figure, lines)
    return found and found.values


def test_the_newest_line_counts():
    assert values([line(2, [4, 5, 6]), line(1, [1, 2, 3])]) == (4, 5, 6)


def test_of_two_at_the_same_time_the_later_written_counts():
    assert values([line(1, [1, 2, 3]), line(1, [4, 5, 6])]) == (4, 5, 6)


@pytest.mark.parametrize(
    "unbelieved",
    [line(9, dirty=True), line(9, quick=True), line(9, repeats=[1.0, 2.0])],
    ids=["dirty", "quick", "two repeats"],
)
def test_what_may_not_be_believed_does_not_count(unbelieved):
    assert values([line(1, [4, 5, 6]), unbelieved]) == (4, 5, 6)
    assert values([unbelieved]) is None


def test_a_line_that_says_nothing_of_its_tree_counts_until_there_is_a_newer_one():
    silent = line(1, [4, 5, 6])
    del silent["dirty"]
    assert values([silent]) == (4, 5, 6)
    assert values([silent, line(2, [1, 2, 3])]) == (1, 2, 3)


def test_a_line_of_another_measurement_does_not_count():
    one_in_flight = Figure("produce_small", "", "", {"depth": 1})
    assert values([line(1, [1, 2, 3], depth=1), line(2, [4, 5, 6], depth=16)], one_in_flight) == (1, 2, 3)


def test_a_single_number_is_a_value():
    idle = Figure("memory", "", "MiB", path=("idle_rss_mib",))
    assert values([line(idle_rss_mib=38.7)], idle) == (38.7,)
    assert values([line()], idle) is None


def test_a_section_without_figures_has_what_its_newest_line_has():
    room = Section("wire_codecs", "", "", unit="us of CPU")
    old = line(1, figures={"gone": [1, 2, 3]})
    new = line(2, figures={"a": {"b": [4, 5, 6]}, "c": [7, 8, 9]})

    found = find_all(room, [old, new])
    assert [(each.figure.title, each.values) for each in found] == [("a: b", (4, 5, 6)), ("c", (7, 8, 9))]
    assert find_all(room, []) == []


def test_a_section_without_figures_passes_over_lines_without_repeats():
    room = Section("log_append", "", "")
    assert find_all(room, [line(1, figures={"a": {"us": 3.1}})]) == []


@given(st.lists(st.tuples(st.integers(1, 30), st.booleans(), st.integers(0, 5))))
def test_the_choice_is_what_going_through_all_lines_gives(given_lines):
    """Model: walk through them, and keep whatever is not older than what is kept."""
    kept = None
    for day, dirty, repeats in given_lines:
        if not dirty and repeats >= 3 and (kept is None or day >= kept[0]):
            kept = (day, repeats)
    found = values([line(day, [float(day)] * repeats, dirty=dirty) for day, dirty, repeats in given_lines])
    assert found == (kept and (float(kept[0]),) * kept[1])


@pytest.mark.parametrize("bad", ["{", "[]", "{}"])
def test_a_bad_line_is_named(tmp_path, bad):
    (tmp_path / "bulk_produce.jsonl").write_text(json.dumps(line()) + f"\n{bad}\n", "utf-8")
    with pytest.raises(ValueError, match=r"bulk_produce\.jsonl, line 2"):
        load(tmp_path)
