"""A disk's rates, the file that holds them, and what is said about a file that doesn't."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from odradek.aio.disk_rates import Direction, DiskRates, RatesError, weight

RATES = DiskRates(read_iops=10_000, read_bandwidth=1e9, write_iops=5_125, write_bandwidth=5e8)
rates = st.floats(1e-3, 1e12)


def test_a_request_takes_its_share_of_a_second():
    assert RATES.seconds(Direction.READ, 0) * 10_000 == pytest.approx(1)
    assert RATES.seconds(Direction.READ, 10**9) == pytest.approx(1 + 1 / 10_000)
    assert RATES.seconds(Direction.WRITE, 1_000_000) == pytest.approx(1 / 5_125 + 1 / 500)


@given(st.builds(DiskRates, rates, rates, rates, rates))
def test_the_file_says_what_was_measured(measured):
    assert DiskRates.from_json(measured.to_json(), "here") == measured


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "Expecting value"),
        ("[]", "read_iops, read_bandwidth, write_iops, write_bandwidth missing"),
        ("7", "not iterable"),
        (json.dumps({"read_iops": 1, "write_iops": 1}), "read_bandwidth, write_bandwidth missing"),
        (RATES.to_json().replace("5125", "0"), "write_iops: a rate is a number above 0, not 0"),
        (RATES.to_json().replace("5125", "NaN"), "not nan"),
        (RATES.to_json().replace("5125", '"5125"'), "not '5125'"),
        (RATES.to_json().replace("5125", "true"), "not True"),
    ],
)
def test_a_file_that_cannot_be_used_is_named_with_the_reason(text, reason):
    with pytest.raises(RatesError, match=reason) as told:
        DiskRates.from_json(text, "/data/io-properties.json")
    assert str(told.value).startswith("/data/io-properties.json: ") and "iotune" in str(told.value)


def test_names_of_later_versions_are_left_alone():
    assert DiskRates.from_json(json.dumps({**json.loads(RATES.to_json()), "queue_depth": 64}), "here") == RATES


def test_without_rates_a_large_request_weighs_more_than_a_small_one():
    assert weight(1 << 20) == pytest.approx(17 * weight(0))
