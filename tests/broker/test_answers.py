"""An answer that was encoded in pieces is, to the byte, the one that would have been encoded whole."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from odradek.base.errors import OdradekError
from odradek.broker.answers import AnswerInPieces
from odradek.wire.api import ApiKey
from odradek.wire.messages.describe_configs import (
    ENCODE_RESPONSE,
    DescribeConfigsResourceResult,
    DescribeConfigsResponse,
    DescribeConfigsResult,
    DescribeConfigsSynonym,
)


def results(count: int) -> list[DescribeConfigsResult]:
    synonym = DescribeConfigsSynonym("log.retention.ms", None, 5)
    config = DescribeConfigsResourceResult("retention.ms", "1", False, 5, False, [synonym], 3, "how long")
    return [DescribeConfigsResult(number % 3, None, 2, f"topic-{number}", [config] * (number % 4)) for number in range(count)]


@pytest.mark.parametrize("version", [1, 3, 4])
@given(cuts=st.lists(st.integers(0, 400), max_size=5), count=st.integers(0, 400))
@settings(max_examples=30, deadline=None)
def test_pieces_make_the_whole(version: int, cuts: list[int], count: int) -> None:
    all_results = results(count)
    answer = AnswerInPieces(
        ApiKey.DESCRIBE_CONFIGS, version, ENCODE_RESPONSE, DescribeConfigsResponse(throttle_time_ms=7), field="results"
    )
    places = [0, *sorted(min(cut, count) for cut in cuts), count]
    for start, end in itertools.pairwise(places):
        answer.add(all_results[start:end])
    whole = bytearray()
    ENCODE_RESPONSE[version](DescribeConfigsResponse(throttle_time_ms=7, results=all_results), whole)
    made = answer.finish()
    assert b"".join(made.parts) == whole
    assert made.error_codes == [each.error_code for each in all_results if each.error_code]


def test_an_answer_is_finished_once() -> None:
    answer = AnswerInPieces(ApiKey.DESCRIBE_CONFIGS, 4, ENCODE_RESPONSE, DescribeConfigsResponse(), field="results")
    answer.finish()
    with pytest.raises(OdradekError, match="finished twice"):
        answer.finish()
