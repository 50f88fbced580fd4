"""ListOffsets, OffsetForLeaderEpoch and DeleteRecords: where things are, and where they begin."""

# ruff: noqa: B023 (what `every` is given is called before the loop goes on)
from __future__ import annotations

from odradek.wire.messages import delete_records, fetch, list_offsets, offset_for_leader_epoch, produce

from .asking import THEN, batch, deletion, epoch_ends, fetched, offsets, produced, wanted
from .conversation import Conversation

LIST, ENDS, DELETE = range(1, 12), range(2, 5), range(3)


def tell(talk: Conversation) -> None:
    topic = talk.topic("dated", 3)
    for place in range(4):  # partition 0: twelve records, ten seconds apart
        records = batch(b"a", b"b", b"c", at=THEN + place * 30_000, step=10_000)
        talk.quietly(produce, 9, produced(topic, (0, records)))
    for at in (50, 90, 70, 90, 10):  # partition 1: times that go back and forth
        talk.quietly(produce, 9, produced(topic, (1, batch(b"x", b"y", at=THEN + at, step=-1))))
    listing(talk, topic)
    epochs(talk, topic)
    deleting(talk, topic)


def listing(talk: Conversation, topic: str) -> None:
    for timestamp in range(-1, -9, -1):
        parts = [(index, timestamp) for index in range(3)]
        talk.every(f"special time {timestamp}", list_offsets, LIST, lambda v: offsets(topic, *parts))
    for isolation in (1, 2):
        latest = offsets(topic, (0, -1), (0 + 1, -2), (2, -1), isolation=isolation)
        talk.every(f"isolation {isolation}", list_offsets, range(2, 12), lambda v: latest)
    for label, after in {
        "before all": -1000, "at the first": 0, "within a batch": 10_000, "between two": 15_000, "a batch's end": 20_000,
        "a later batch": 100_000, "the last": 110_000, "after all": 110_001,
    }.items():  # fmt: skip
        asked = offsets(topic, (0, THEN + after), (2, THEN + after))
        talk.every(label, list_offsets, LIST, lambda v: asked)
    for after in (0, 10, 49, 50, 60, 89, 90, 91):
        talk.ask(f"back and forth, {after}", list_offsets, 7, offsets(topic, (1, THEN + after)))
    talk.ask("time 0", list_offsets, 7, offsets(topic, (0, 0)))
    talk.ask("committed before a time", list_offsets, 7, offsets(topic, (0, THEN + 15_000), isolation=1))
    talk.ask("committed largest", list_offsets, 7, offsets(topic, (0, -3), (1, -3), isolation=1))
    for timestamp in (-1, -2, THEN):
        epochs = [(0, timestamp, 0), (1, timestamp, 1), (2, timestamp, 9)]
        talk.every(f"leader epochs for {timestamp}", list_offsets, range(4, 12), lambda v: offsets(topic, *epochs))
    talk.ask("leader epoch -2", list_offsets, 7, offsets(topic, (0, -1, -2)))
    strange(talk, topic)


def strange(talk: Conversation, topic: str) -> None:
    talk.every("no such topic", list_offsets, LIST, lambda v: offsets("nosuch", (0, -1)))
    talk.every("no such partition", list_offsets, LIST, lambda v: offsets(topic, (9, -1), (-1, -2), (0, -1)))
    talk.every("nothing", list_offsets, LIST, lambda v: list_offsets.ListOffsetsRequest(-1))
    talk.every("a topic without partitions", list_offsets, LIST, lambda v: offsets(topic))
    talk.every("one partition twice", list_offsets, LIST, lambda v: offsets(topic, (0, -1), (0, -2), (1, -1)))
    talk.ask("one partition three times", list_offsets, 7, offsets(topic, (0, -1), (0, -2), (0, -1)))
    twice = offsets(topic, (0, -1))
    twice.topics.append(offsets(topic, (0, -2), (1, -2)).topics[0])
    talk.ask("one topic twice", list_offsets, 7, twice)
    talk.ask("an unknown partition twice", list_offsets, 7, offsets(topic, (9, -1), (9, -2)))
    talk.ask("a name that cannot be", list_offsets, 7, offsets("no such!", (0, -1)))


def epochs(talk: Conversation, topic: str) -> None:
    ask = talk.every
    ask("where epochs end", offset_for_leader_epoch, ENDS, lambda v: epoch_ends(topic, (0, -1, 0), (1, 0, 0), (2, 0, 0)))
    ask("where unknown epochs end", offset_for_leader_epoch, ENDS, lambda v: epoch_ends(topic, (0, -1, 5), (1, -1, -1)))
    ask("wrong leader epochs", offset_for_leader_epoch, ENDS, lambda v: epoch_ends(topic, (0, 3, 0), (1, -2, 0)))
    ask("epochs of no topic", offset_for_leader_epoch, ENDS, lambda v: epoch_ends("nosuch", (0, -1, 0)))
    ask("epochs of no partition", offset_for_leader_epoch, ENDS, lambda v: epoch_ends(topic, (9, -1, 0), (0, -1, 0)))
    ask("epochs of nothing", offset_for_leader_epoch, ENDS, lambda v: epoch_ends(topic))
    talk.ask("epochs twice", offset_for_leader_epoch, 4, epoch_ends(topic, (0, -1, 0), (0, -1, 5)))
    talk.ask("epochs, asked as a debugger", offset_for_leader_epoch, 4, epoch_ends(topic, (0, -1, 0), replica=-2))
    nothing = offset_for_leader_epoch.OffsetForLeaderEpochRequest(-1)
    talk.ask("no epochs asked for", offset_for_leader_epoch, 4, nothing)


def deleting(talk: Conversation, topic: str) -> None:
    compacted = talk.topic("only-compacted", cleanup_policy="compact")
    both = talk.topic("compacted-too", cleanup_policy="compact,delete")
    for name in (compacted, both):
        talk.quietly(produce, 9, produced(name, (0, batch(b"a", b"b"))))
    for version in DELETE:
        for label, request in {
            "delete nothing": delete_records.DeleteRecordsRequest([], 1000),
            "delete from no partition": deletion(topic, (9, 0), (0, 0)),
            "delete from no topic": deletion("nosuch", (0, 0)),
            "delete beyond the end": deletion(topic, (0, 13)),
            "delete at -2": deletion(topic, (0, -2)),
            "delete from a compacted topic": deletion(compacted, (0, 1)),
            "delete from one that is also compacted": deletion(both, (0, 1)),
            "delete internal records": deletion(talk.groups_topic(), (0, 1)),
            "delete some": deletion(topic, (0, 4 + version), (1, 1)),
            "delete below the start": deletion(topic, (0, 2)),
            "delete of an empty one": deletion(topic, (2, -1)),
            "delete without partitions": deletion(topic),
        }.items():
            talk.ask(f"{label}, v{version}", delete_records, version, request)
    talk.ask("delete twice", delete_records, 2, deletion(topic, (0, 7), (0, 8)))
    for timestamp in (-1, -2, -3, -4, THEN, THEN + 80_000):
        talk.ask(f"after deleting, time {timestamp}", list_offsets, 11, offsets(topic, (0, timestamp)))
    talk.ask("delete all", delete_records, 2, deletion(topic, (0, -1)))
    for timestamp in (-1, -2, -3, -4, THEN):
        talk.ask(f"after deleting all, time {timestamp}", list_offsets, 11, offsets(topic, (0, timestamp)))
    talk.ask("fetch from the empty rest", fetch, 12, fetched(topic, wanted(0, 12), wanted(1, 1)))
    talk.ask("epochs of the empty rest", offset_for_leader_epoch, 4, epoch_ends(topic, (0, -1, 0)))
