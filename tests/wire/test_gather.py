"""A gathered fetch answer plus its payloads is the encoded answer, byte for byte, and no payload is copied."""

from __future__ import annotations

import pytest

from odradek.wire.messages import fetch


def answer(payloads: list[bytes | None]) -> fetch.FetchResponse:
    partitions = [fetch.PartitionData(partition_index=i, records=records) for i, records in enumerate(payloads)]
    return fetch.FetchResponse(responses=[fetch.FetchableTopicResponse(topic="t", partitions=partitions)])


@pytest.mark.parametrize("version", range(fetch.MIN_VERSION, fetch.MAX_VERSION + 1))
def test_header_bytes_and_payloads_make_the_whole(version: int) -> None:
    payloads = [b"a" * 10, None, b"", b"b" * 1000]
    whole, rest = bytearray(), bytearray()
    fetch.ENCODE_RESPONSE[version](answer(payloads), whole)
    splices: list[tuple[int, fetch.Buffer]] = []
    fetch.GATHER_RESPONSE[version](answer(payloads), rest, splices)
    assert [payload for _, payload in splices] == [b"a" * 10, b"", b"b" * 1000]
    assert splices[0][1] is payloads[0]
    joined, start = b"", 0
    for position, payload in splices:
        joined += rest[start:position] + payload
        start = position
    assert joined + rest[start:] == whole
