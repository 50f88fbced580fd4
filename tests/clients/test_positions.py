"""Where a consumer stands in a log: its bounds, seeking, the offset of a moment."""

from __future__ import annotations

import pytest
from drivers import NAMES, Record, driver
from members import read

START = 1_700_000_000_000


@pytest.fixture
def hundred(bootstrap: str, topic: str) -> str:
    """A topic of 100 records, a second apart, in several batches."""
    for first in range(0, 100, 25):
        sent = [Record(str(n).encode(), timestamp=START + 1000 * n) for n in range(first, first + 25)]
        driver("confluent").produce(bootstrap, topic, sent)
    return topic


@pytest.mark.parametrize("name", NAMES)
def test_bounds(bootstrap: str, hundred: str, name: str) -> None:
    reader = driver(name).reader(bootstrap, hundred)
    try:
        assert reader.bounds(hundred, 0) == (0, 100)
    finally:
        reader.close()


@pytest.mark.parametrize("offset", [0, 1, 24, 25, 60, 99])
@pytest.mark.parametrize("name", NAMES)
def test_seek_inside_and_between_batches(bootstrap: str, hundred: str, name: str, offset: int) -> None:
    reader = driver(name).reader(bootstrap, hundred)
    try:
        read(reader, 100)
        reader.seek(hundred, 0, offset)
        again = read(reader, 100 - offset)
        assert [(r.offset, r.value) for r in again] == [(n, str(n).encode()) for n in range(offset, 100)]
    finally:
        reader.close()


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        (0, 0),
        (START, 0),
        (START + 1, 1),
        (START + 24_000, 24),
        (START + 24_001, 25),
        (START + 99_000, 99),
        (START + 99_001, None),
    ],
)
@pytest.mark.parametrize("name", NAMES)
def test_the_offset_of_a_moment(bootstrap: str, hundred: str, name: str, moment: int, expected: int | None) -> None:
    reader = driver(name).reader(bootstrap, hundred)
    try:
        assert reader.offset_at(hundred, 0, moment) == expected
    finally:
        reader.close()


@pytest.mark.parametrize("name", NAMES)
def test_a_waiting_reader_gets_what_comes_later(bootstrap: str, topic: str, name: str) -> None:
    reader = driver(name).reader(bootstrap, topic)
    try:
        assert reader.poll(0.3) == []
        driver("confluent").produce(bootstrap, topic, [Record(b"late")])
        assert [r.value for r in read(reader, 1)] == [b"late"]
    finally:
        reader.close()
