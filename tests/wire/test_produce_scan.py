"""Elements of a Produce request, counted before it is decoded."""

from __future__ import annotations

import pytest

from odradek.wire.errors import WireError
from odradek.wire.messages import produce
from odradek.wire.produce_scan import check_elements


def encoded(version: int, topics: int, partitions: int, records: bytes | None) -> bytes:
    out = bytearray()
    data = [produce.PartitionProduceData(index, records) for index in range(partitions)]
    request = produce.ProduceRequest(
        "tx" if version % 2 else None, 1, 1000, [produce.TopicProduceData("topic", bytes(16), data)] * topics
    )
    produce.ENCODE_REQUEST[version](request, out)
    return bytes(out)


@pytest.mark.parametrize("version", range(3, 14))
@pytest.mark.parametrize(("topics", "partitions"), [(0, 0), (1, 1), (7, 3), (1, 40), (40, 0)])
@pytest.mark.parametrize("records", [None, b"", bytes(500)])
def test_exactly_the_limit_passes_and_one_more_does_not(
    version: int, topics: int, partitions: int, records: bytes | None
) -> None:
    request = b"head" + encoded(version, topics, partitions, records)
    count = topics + topics * partitions
    check_elements(request, 4, version, count)
    if count:
        with pytest.raises(WireError, match=f"more than {count - 1} topics and partitions"):
            check_elements(request, 4, version, count - 1)


@pytest.mark.parametrize("version", range(3, 14))
def test_what_is_cut_is_left_to_the_decoder(version: int) -> None:
    request = encoded(version, 2, 2, bytes(10))
    for end in range(len(request)):
        check_elements(request[:end], 0, version, 100)


def test_millions_are_refused_without_being_walked() -> None:
    claim = b"\xff\xff\0\1\0\0\0\0" + (2**31 - 1).to_bytes(4, "big")
    with pytest.raises(WireError, match="more than 1000"):
        check_elements(claim, 0, 3, 1000)
