"""Fetch in every version: limits, offsets, epochs, isolation, and waiting."""

# ruff: noqa: B023 (what `every` is given is called before the loop goes on)
from __future__ import annotations

from odradek.wire.messages import delete_records, fetch, produce

from .asking import NIL_ID, UNKNOWN_ID, batch, deletion, fetched, numbered, produced, wanted
from .conversation import Conversation

BY_NAME, BY_ID = range(4, 13), range(13, 19)


def tell(talk: Conversation) -> None:
    topic = talk.topic("read", 3)
    for partition in (0, 1):
        for place in range(6):
            talk.quietly(produce, 9, produced(topic, (partition, batch(*[b"%d" % place * 100] * (place + 1)))))
    topic_id = talk.topic_ids[topic]
    good(talk, topic, topic_id)
    refused(talk, topic, topic_id)
    limits(talk, topic)
    epochs(talk, topic)
    waiting(talk)
    shortened(talk)
    as_replica(talk, topic, topic_id)
    gone(talk)
    segments(talk)


def good(talk: Conversation, topic: str, topic_id: bytes) -> None:
    for isolation in (0, 1):
        parts = [wanted(index, 0) for index in range(3)]
        talk.every(f"all, isolation {isolation}", fetch, BY_NAME, lambda v: fetched(topic, *parts, isolation=isolation))
        talk.every(
            f"all by id, isolation {isolation}", fetch, BY_ID,
            lambda v: fetched("", *parts, topic_id=topic_id, isolation=isolation),
        )  # fmt: skip
    talk.every("from within a batch", fetch, BY_NAME, lambda v: fetched(topic, wanted(0, 4)))
    talk.every("at the end", fetch, BY_NAME, lambda v: fetched(topic, wanted(0, 21)))
    talk.ask("isolation 2", fetch, 12, fetched(topic, wanted(0, 20), isolation=2))
    talk.ask("isolation -1", fetch, 12, fetched(topic, wanted(0, 20), isolation=-1))


def refused(talk: Conversation, topic: str, topic_id: bytes) -> None:
    talk.every("beyond the end", fetch, BY_NAME, lambda v: fetched(topic, wanted(0, 22), wanted(1, 0)))
    talk.every("a negative offset", fetch, BY_NAME, lambda v: fetched(topic, wanted(0, -1)))
    talk.every("no such topic", fetch, BY_NAME, lambda v: fetched("nosuch", wanted(0, 0)))
    talk.every("no such partition", fetch, BY_NAME, lambda v: fetched(topic, wanted(9, 0), wanted(-1, 0)))
    talk.every("an unknown id", fetch, BY_ID, lambda v: fetched("", wanted(0, 0), topic_id=UNKNOWN_ID))
    talk.every("the nil id", fetch, BY_ID, lambda v: fetched("", wanted(0, 0), topic_id=NIL_ID))
    talk.every("no such partition by id", fetch, BY_ID, lambda v: fetched("", wanted(9, 0), topic_id=topic_id))
    talk.every("nothing", fetch, range(4, 19), lambda v: fetched(""))
    some = fetched(topic, wanted(0, 20), wanted(9, 0), wanted(1, 99))
    some.topics.append(fetched("nosuch", wanted(0, 0)).topics[0])
    talk.ask("good and bad together", fetch, 12, some)
    mixed = fetched("", wanted(0, 20), topic_id=topic_id)
    mixed.topics.append(fetched("", wanted(0, 0), topic_id=UNKNOWN_ID).topics[0])
    mixed.topics.append(fetched("", wanted(1, 20), topic_id=topic_id).topics[0])
    talk.ask("good and bad ids together", fetch, 17, mixed)
    talk.ask("one partition twice", fetch, 12, fetched(topic, wanted(0, 20), wanted(0, 15)))
    talk.ask("one partition twice by id", fetch, 17, fetched("", wanted(0, 15), wanted(0, 20), topic_id=topic_id))


def limits(talk: Conversation, topic: str) -> None:
    for size in (0, 1, 171, 500, 2000, -1):
        both = [wanted(0, 0, max_bytes=size), wanted(1, 0, max_bytes=size)]
        talk.ask(f"at most {size} of a partition", fetch, 12, fetched(topic, *both))
        talk.ask(f"at most {size} of all", fetch, 12, fetched(topic, wanted(0, 0), wanted(1, 0), max_bytes=size))
    talk.ask("nothing of the first, all of the second", fetch, 12, fetched(topic, wanted(0, 0, max_bytes=0), wanted(1, 0)))
    talk.ask("the empty one first, little", fetch, 12, fetched(topic, wanted(2, 0), wanted(0, 0), wanted(1, 0), max_bytes=1))
    talk.ask("a bad one first, little", fetch, 12, fetched(topic, wanted(0, 99), wanted(1, 0), max_bytes=1))
    for version in (4, 7, 11):
        talk.ask(f"little of all, v{version}", fetch, version, fetched(topic, wanted(0, 0), wanted(1, 0), max_bytes=1))


def epochs(talk: Conversation, topic: str) -> None:
    for version in range(9, 13):
        parts = [wanted(0, 20, epoch=0), wanted(1, 20, epoch=1), wanted(2, 0, epoch=7)]
        talk.ask(f"leader epochs, v{version}", fetch, version, fetched(topic, *parts))
    talk.ask("leader epoch -2", fetch, 12, fetched(topic, wanted(0, 20, epoch=-2)))
    talk.ask("fetched epochs", fetch, 12, fetched(topic, wanted(0, 20, last_epoch=0), wanted(1, 20, last_epoch=1)))
    talk.ask("fetched epoch of an empty one", fetch, 12, fetched(topic, wanted(2, 0, last_epoch=0)))
    talk.ask("fetched epoch beyond its end", fetch, 12, fetched(topic, wanted(0, 25, last_epoch=0)))
    talk.ask("a wrong epoch and beyond the end", fetch, 12, fetched(topic, wanted(0, 99, epoch=5)))
    topic_id = talk.topic_ids[topic]
    parts = [wanted(0, 20, epoch=3), wanted(1, 20, epoch=0, last_epoch=9)]
    talk.every("epochs by id", fetch, BY_ID, lambda v: fetched("", *parts, topic_id=topic_id))


def waiting(talk: Conversation) -> None:
    """A fetch that waits is woken by enough bytes, or by its time."""
    topic = talk.topic("awaited", 2)
    talk.ask("time is over", fetch, 12, fetched(topic, wanted(0, 0), max_wait_ms=50))
    wait = talk.away(fetch, 12, fetched(topic, wanted(0, 0), wanted(1, 0), max_wait_ms=30_000))
    talk.quietly(produce, 9, produced(topic, (1, batch(b"woken"))))
    wait("woken by a record")
    wait = talk.away(fetch, 12, fetched(topic, wanted(0, 0), max_wait_ms=30_000, min_bytes=150))
    for value in (b"one", b"two"):
        talk.quietly(produce, 9, produced(topic, (0, batch(value))))
    talk.quietly(produce, 9, produced(topic, (0, batch(b"three" * 20))))
    wait("woken by enough")
    talk.ask("more wanted than there is", fetch, 12, fetched(topic, wanted(0, 0), max_wait_ms=50, min_bytes=100_000))
    talk.ask("negative wait", fetch, 12, fetched(topic, wanted(0, 9), max_wait_ms=-1, min_bytes=100_000))
    talk.ask("negative minimum", fetch, 12, fetched(topic, wanted(1, 1), max_wait_ms=10_000, min_bytes=-1))
    talk.ask(
        "an error does not wait", fetch, 12, fetched(topic, wanted(0, 0), wanted(1, 99), max_wait_ms=10_000, min_bytes=9999)
    )
    talk.ask("an unknown topic does not wait", fetch, 12, fetched("nosuch", wanted(0, 0), max_wait_ms=10_000, min_bytes=9999))


def shortened(talk: Conversation) -> None:
    """The start has moved up."""
    topic = talk.topic("shortened")
    for place in range(4):
        talk.quietly(produce, 9, produced(topic, (0, numbered(place * 2, 2))))
    talk.ask("deleted below 3", delete_records, 2, deletion(topic, (0, 3)))
    for offset in (0, 2, 3, 8):
        talk.ask(f"read from {offset} of 3 to 8", fetch, 12, fetched(topic, wanted(0, offset)))
    talk.ask("a retry says where the log starts", produce, 9, produced(topic, (0, numbered(6, 2))))
    talk.ask("an append says where the log starts", produce, 9, produced(topic, (0, numbered(8, 2))))
    talk.ask("fetched epoch below the start", fetch, 12, fetched(topic, wanted(0, 2, last_epoch=0)))


def as_replica(talk: Conversation, topic: str, topic_id: bytes) -> None:
    """Ids of replicas are brokers', and what is not one has no business with them."""
    for replica in (0, 1, 5, -2, -3):
        asked = fetched(topic, wanted(0, 20))
        asked.replica_id = replica
        talk.ask(f"as replica {replica}, v12", fetch, 12, asked)
        asked = fetched("", wanted(0, 20), topic_id=topic_id)
        asked.replica_state = fetch.ReplicaState(replica, -1)
        talk.ask(f"as replica {replica}, v15", fetch, 15, asked)
    asked = fetched("", wanted(0, 20), wanted(9, 0), topic_id=topic_id)
    asked.replica_state = fetch.ReplicaState(5, -1)
    talk.ask("as replica, who leads is told", fetch, 16, asked)


def gone(talk: Conversation) -> None:
    """A topic is deleted, and there is another one of its name."""
    topic = talk.topic("gone")
    first_id = talk.topic_ids[topic]
    talk.quietly(produce, 9, produced(topic, (0, batch(b"first"))))
    talk.deleted(topic)
    talk.ask("of a deleted topic", fetch, 12, fetched(topic, wanted(0, 0)))
    talk.ask("of a deleted id", fetch, 13, fetched("", wanted(0, 0), topic_id=first_id))
    talk.ask("to a deleted topic", produce, 12, produced(topic, (0, batch(b"x"))))
    talk.ask("to a deleted id", produce, 13, produced("", (0, batch(b"x")), topic_id=first_id))
    talk.topic("gone")
    talk.quietly(produce, 9, produced(topic, (0, batch(b"second"))))
    talk.ask("of the second topic", fetch, 12, fetched(topic, wanted(0, 0)))
    talk.ask("of the first id", fetch, 13, fetched("", wanted(0, 0), topic_id=first_id))
    talk.ask("to the first id", produce, 13, produced("", (0, batch(b"x")), topic_id=first_id))


def segments(talk: Conversation) -> None:
    """A log of several segments."""
    topic = talk.topic("segmented", segment_bytes="1048576")
    for place in range(5):
        talk.quietly(produce, 9, produced(topic, (0, batch(bytes(400_000), bytes([place])))))
    for offset in (0, 1, 2, 3, 4, 5, 6, 8, 9, 10):
        talk.ask(
            f"segments, from {offset}", fetch, 12, fetched(topic, wanted(0, offset, max_bytes=10_000_000), max_bytes=10_000_000)
        )
        talk.ask(f"segments, a batch from {offset}", fetch, 12, fetched(topic, wanted(0, offset, max_bytes=500_000)))
    asked = fetched(topic, wanted(0, 0, max_bytes=10_000_000), max_bytes=10_000_000, min_bytes=1_500_000, max_wait_ms=50)
    talk.ask("segments, more wanted than is in one", fetch, 12, asked)
