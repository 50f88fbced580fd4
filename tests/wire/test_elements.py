"""Elements of a request are counted while it is decoded: at every depth, in every API and version, before anything is made."""

from __future__ import annotations

import struct
import tracemalloc
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from kio_entities import entities, serialise, versions

from odradek.wire.api import APIS, Api, load
from odradek.wire.elements import ElementBudget, TooManyElements
from odradek.wire.errors import WireError
from odradek.wire.headers import MAX_HEADER_TAGS, decode_request_header
from odradek.wire.message import Message
from odradek.wire.messages import join_group, metadata, offset_fetch, produce
from odradek.wire.primitives import write_uvarint

QUICK = settings(max_examples=5, deadline=None, database=None, suppress_health_check=list(HealthCheck))


def encoded(encode: Any, message: Message) -> bytes:
    out = bytearray()
    encode(message, out)
    return bytes(out)


def listed(value: object) -> int:
    """The dumb model: how many things are in lists, at any depth."""
    if isinstance(value, list):
        return len(value) + sum(map(listed, value))
    return sum(listed(getattr(value, name)) for name in value.__slots__) if isinstance(value, Message) else 0


def test_a_budget_is_spent_to_the_last_and_no_further() -> None:
    budget = ElementBudget(10)
    budget.take("topics", 7)
    budget.take("partitions", 0)
    with pytest.raises(TooManyElements, match="partitions: 4 elements after 7 others are more than the 10"):
        budget.take("partitions", 4)
    budget.take("partitions", 3)
    assert budget.taken == 10


@pytest.mark.parametrize("api", [pytest.param(api, id=api.module) for api in APIS.values()])
def test_every_decoder_counts_what_it_makes(api: Api) -> None:
    decoders = load(api.key).DECODE_REQUEST
    for version, entity in versions(api.key, "request").items():
        check_counted(decoders[version], entity)


def check_counted(decode: Any, entity: type) -> None:
    @QUICK
    @given(entities(entity))
    def is_counted(instance: Any) -> None:
        raw = serialise(instance)
        budget = ElementBudget(1_000_000)
        message, end = decode(raw, 0, budget)
        assert (message, end) == decode(raw, 0)
        assert budget.taken >= listed(message)
        assert decode(raw, 0, ElementBudget(budget.taken)) == (message, end)
        if budget.taken:
            with pytest.raises(TooManyElements):
                decode(raw, 0, ElementBudget(budget.taken - 1))

    is_counted()


@pytest.mark.parametrize("version", range(3, 14))
@given(topics=st.integers(0, 20), partitions=st.integers(0, 20), records=st.sampled_from([None, b"", bytes(50)]))
@settings(max_examples=10, deadline=None)
def test_a_produce_counts_topics_and_partitions(version: int, topics: int, partitions: int, records: bytes | None) -> None:
    data = [produce.PartitionProduceData(index, records) for index in range(partitions)]
    request = produce.ProduceRequest(None, 1, 1000, [produce.TopicProduceData("topic", bytes(16), data)] * topics)
    budget = ElementBudget(1000)
    produce.DECODE_REQUEST[version](encoded(produce.ENCODE_REQUEST[version], request), 0, budget)
    assert budget.taken == topics + topics * partitions


def test_numbers_and_strings_are_elements_too() -> None:
    topic = offset_fetch.OffsetFetchRequestTopics("t", partition_indexes=list(range(500)))
    asked = offset_fetch.OffsetFetchRequest(groups=[offset_fetch.OffsetFetchRequestGroup("g", topics=[topic] * 3)])
    budget = ElementBudget(10_000)
    offset_fetch.DECODE_REQUEST[8](encoded(offset_fetch.ENCODE_REQUEST[8], asked), 0, budget)
    assert budget.taken == 1 + 3 + 3 * 500


def test_nothing_is_made_for_an_array_that_is_too_long() -> None:
    names = [metadata.MetadataRequestTopic(name="t")] * 300_000
    raw = encoded(metadata.ENCODE_REQUEST[9], metadata.MetadataRequest(names, False))
    tracemalloc.start()
    with pytest.raises(TooManyElements, match="MetadataRequestTopic: 300000 elements after 0 others"):
        metadata.DECODE_REQUEST[9](raw, 0, ElementBudget(100_000))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 50_000


def test_arrays_of_arrays_share_one_budget() -> None:
    topics = [produce.TopicProduceData("t", partition_data=[produce.PartitionProduceData(0, b"")] * 50)] * 50
    raw = encoded(produce.ENCODE_REQUEST[9], produce.ProduceRequest(None, 1, 0, topics))
    with pytest.raises(TooManyElements, match="50 elements after 1000 others are more than the 1010"):
        produce.DECODE_REQUEST[9](raw, 0, ElementBudget(1010))


def test_tagged_fields_without_end_are_elements() -> None:
    plain = encoded(join_group.ENCODE_REQUEST[9], join_group.JoinGroupRequest("g"))
    assert plain[-1] == 0
    many = bytearray(plain[:-1])
    write_uvarint(many, 5000)
    many += bytes(2) * 5000  # tag 0, of no size
    assert join_group.DECODE_REQUEST[9](bytes(many), 0)[1] == len(many)
    with pytest.raises(TooManyElements, match="tagged fields: 5000"):
        join_group.DECODE_REQUEST[9](bytes(many), 0, ElementBudget(4999))


@pytest.mark.parametrize(("count", "passes"), [(MAX_HEADER_TAGS, True), (MAX_HEADER_TAGS + 1, False)])
def test_a_header_has_few_tagged_fields(count: int, passes: bool) -> None:
    raw = bytearray(struct.pack(">hhih", 3, 12, 1, -1))
    write_uvarint(raw, count)
    raw += bytes(2) * count
    if passes:
        assert decode_request_header(raw).body == len(raw)
    else:
        with pytest.raises(TooManyElements):
            decode_request_header(raw)


def test_a_count_that_the_bytes_cannot_hold_is_told_as_such() -> None:
    claim = b"\xff\xff\0\1\0\0\0\0" + (2**31 - 1).to_bytes(4, "big")
    with pytest.raises(WireError, match="cannot be in the 0 bytes"):
        produce.DECODE_REQUEST[3](claim, 0, ElementBudget(1000))
