"""The table of partitions: found by name and by id, and gone when their topic is."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from broker_rooms import Rooms, tell
from hypothesis import given
from hypothesis import strategies as st

from odradek.base.ids import ZERO_UUID
from odradek.broker.partitions import PartitionTable, UnknownTopicId, UnknownTopicOrPartition
from odradek.replication.partition import Partition
from odradek.wire.errors import ErrorCode


def filled(story: Callable[[PartitionTable, Callable[[str, int], Partition]], None]) -> None:
    """A table with the topics `a` (two partitions) and `b` (one); and a way to find their partitions without it."""

    async def run(rooms: Rooms) -> None:
        await rooms.make("a", 2)
        await rooms.make("b")
        there = {(partition.topic, partition.index): partition for partition in rooms.state.partitions}
        table = PartitionTable()
        for partition in there.values():
            table.add(partition)
        story(table, lambda topic, index: there[topic, index])

    tell(run)


def test_a_partition_is_found_by_name_and_by_id() -> None:
    def story(table: PartitionTable, there: Callable[[str, int], Partition]) -> None:
        second = there("a", 1)
        assert table.by_name("a", 1) is table.get("a", 1) is table.by_id(second.topic_id, 1) is second
        assert table.name_of(second.topic_id) == "a"
        assert len(table) == 3 and set(table) == {there("a", 0), second, there("b", 0)}

    filled(story)


@pytest.mark.parametrize(("topic", "index"), [("nosuch", 0), ("a", 2), ("a", -1), ("", 0)])
def test_what_is_not_there_by_name_is_said_so(topic: str, index: int) -> None:
    def story(table: PartitionTable, there: Callable[[str, int], Partition]) -> None:
        assert table.get(topic, index) is None
        with pytest.raises(UnknownTopicOrPartition, match=f"{topic}-{index}") as refused:
            table.by_name(topic, index)
        assert refused.value.code == ErrorCode.UNKNOWN_TOPIC_OR_PARTITION

    filled(story)


@pytest.mark.parametrize(("topic_id", "shown"), [(ZERO_UUID, "id zero"), (b"\x09" * 16, "id CQkJCQkJCQkJCQkJCQkJCQ")])
def test_an_id_that_is_not_there_is_another_error(topic_id: bytes, shown: str) -> None:
    def story(table: PartitionTable, there: Callable[[str, int], Partition]) -> None:
        assert table.name_of(topic_id) is None
        with pytest.raises(UnknownTopicId, match=shown) as refused:
            table.by_id(topic_id, 0)
        assert refused.value.code == ErrorCode.UNKNOWN_TOPIC_ID

    filled(story)


def test_a_known_id_with_a_wrong_index_is_no_wrong_id() -> None:
    def story(table: PartitionTable, there: Callable[[str, int], Partition]) -> None:
        with pytest.raises(UnknownTopicOrPartition, match="a-7"):
            table.by_id(there("a", 0).topic_id, 7)

    filled(story)


def test_a_topic_leaves_with_all_its_partitions_and_its_id() -> None:
    def story(table: PartitionTable, there: Callable[[str, int], Partition]) -> None:
        topic_id = there("a", 0).topic_id
        assert table.remove_topic("a", topic_id) == [there("a", 0), there("a", 1)]
        assert list(table) == [there("b", 0)] and table.name_of(topic_id) is None
        assert table.remove_topic("a", topic_id) == [], "it may go twice"

    filled(story)


def test_topics_may_leave_while_somebody_goes_through_the_table() -> None:
    def story(table: PartitionTable, there: Callable[[str, int], Partition]) -> None:
        seen = []
        for partition in table:
            seen.append((partition.topic, partition.index))
            table.remove_topic(partition.topic, partition.topic_id)
        assert seen == [("a", 0), ("a", 1), ("b", 0)]

    filled(story)


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 3)), max_size=12))
def test_it_holds_what_a_dictionary_would(steps: list[tuple[str, int]]) -> None:
    """Topics made with so many partitions, or removed (none); the same name comes back with another id."""

    async def story(rooms: Rooms) -> None:
        model: dict[str, tuple[bytes, int]] = {}
        ids: list[bytes] = []
        for name, count in steps:
            found = rooms.state.image.topic(name)
            if found is not None:
                await rooms.delete(found)
                del model[name]
            if count:
                model[name] = ((await rooms.make(name, count)).topic_id, count)
                ids.append(model[name][0])
        table = rooms.state.partitions
        assert rooms.served() == sorted((name, index) for name, (_, count) in model.items() for index in range(count))
        assert [table.name_of(each) for each in ids] == [
            next((name for name, (there, _) in model.items() if there == each), None) for each in ids
        ]

    tell(story)
