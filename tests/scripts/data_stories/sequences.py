"""Idempotent producers: retries of each of the last five batches, gaps, epochs, and producers nobody knows."""

from __future__ import annotations

from odradek.wire.messages import delete_records, fetch, init_producer_id, produce

from .asking import ALL, batch, deletion, fetched, numbered, produced, wanted
from .conversation import Conversation

ONE, TWO, THREE, FOUR, FIVE = (7_000_000 + place for place in range(1, 6))


def tell(talk: Conversation) -> None:
    topic = talk.topic("numbered")
    retries(talk, topic)
    gaps_and_epochs(talk, topic)
    wrapping(talk, topic)
    forgotten(talk)
    ids(talk)
    talk.ask("what there is of it all", fetch, 12, fetched(topic, wanted(0, 0)))


def retries(talk: Conversation, topic: str) -> None:
    for place in range(7):
        sent = numbered(place * 2, 2, producer=ONE)
        talk.ask(f"batch {place}", produce, 9, produced(topic, (0, sent)))
    for acks in (1, ALL):
        for place in range(7):
            sent = numbered(place * 2, 2, producer=ONE)
            talk.ask(f"batch {place} again, acks {acks}", produce, 9, produced(topic, (0, sent), acks=acks))
    talk.every("the last one again", produce, range(3, 13), lambda v: produced(topic, (0, numbered(12, 2, producer=ONE))))
    talk.ask("half of the last one", produce, 9, produced(topic, (0, numbered(12, 1, producer=ONE))))
    talk.ask("the last one and more", produce, 9, produced(topic, (0, numbered(12, 3, producer=ONE))))
    talk.ask("the second half of the last one", produce, 9, produced(topic, (0, numbered(13, 1, producer=ONE))))
    talk.ask("it goes on", produce, 9, produced(topic, (0, numbered(14, 1, producer=ONE))))
    talk.ask("a new one and its retry in one request", produce, 9,
             produced(topic, (0, numbered(15, producer=ONE)), (0, numbered(15, producer=ONE))))  # fmt: skip


def gaps_and_epochs(talk: Conversation, topic: str) -> None:
    def ask(label: str, *what: int, **more: int) -> None:
        talk.ask(label, produce, 9, produced(topic, (0, numbered(*what, producer=TWO, **more))))

    ask("an unknown producer not from 0", 5, epoch=3)
    ask("a gap", 7, epoch=3)
    ask("a step back", 4, epoch=3)
    ask("its next", 6, epoch=3)
    ask("an older epoch", 7, epoch=2)
    ask("an older epoch from 0", 0, epoch=2)
    ask("a newer epoch not from 0", 7, epoch=4)
    ask("a newer epoch from 0", 0, epoch=4)
    ask("again", 0, epoch=4)
    ask("the old epoch's next", 7, epoch=3)
    ask("the old epoch's last again", 6, epoch=3)
    ask("the new epoch's gap", 2, epoch=4)
    ask("an epoch far ahead", 0, epoch=32767)
    talk.every("a gap", produce, range(3, 13), lambda v: produced(topic, (0, numbered(9, producer=TWO, epoch=32767))))
    talk.every("an older epoch", produce, range(3, 13), lambda v: produced(topic, (0, numbered(1, producer=TWO, epoch=5))))
    talk.ask("a gap, acks all", produce, 9, produced(topic, (0, numbered(9, producer=TWO, epoch=32767)), acks=ALL))


def wrapping(talk: Conversation, topic: str) -> None:
    """Sequences run on a ring of 2^31."""

    def ask(label: str, records: bytearray) -> None:
        talk.ask(label, produce, 9, produced(topic, (0, records)))

    largest = 2**31 - 1
    ask("near the end of numbers", numbered(largest - 2, 2, producer=THREE))
    ask("over the end", numbered(largest, 3, producer=THREE))
    ask("over the end again", numbered(largest, 3, producer=THREE))
    ask("behind the end", numbered(2, 1, producer=THREE))
    ask("exactly at the end", numbered(largest - 1, 2, producer=FOUR))
    ask("from 0 behind the end", numbered(0, 1, producer=FOUR))


def forgotten(talk: Conversation) -> None:
    """Records may be deleted under a producer; it is still known."""
    topic = talk.topic("deleted-under")
    talk.quietly(produce, 9, produced(topic, (0, numbered(0, 2, producer=FIVE))))
    talk.ask("all its records are deleted", delete_records, 2, deletion(topic, (0, -1)))
    talk.ask("a retry of what was deleted", produce, 9, produced(topic, (0, numbered(0, 2, producer=FIVE))))
    talk.ask("a gap behind what was deleted", produce, 9, produced(topic, (0, numbered(4, 1, producer=FIVE))))
    talk.ask("the next behind what was deleted", produce, 9, produced(topic, (0, numbered(2, 1, producer=FIVE))))
    talk.ask("without a number", produce, 9, produced(topic, (0, batch(b"x"))))


def ids(talk: Conversation) -> None:
    def asked(producer: int = -1, epoch: int = -1, transactional: str | None = None) -> init_producer_id.InitProducerIdRequest:
        return init_producer_id.InitProducerIdRequest(transactional, 60_000, producer, epoch)

    def is_ready() -> bool:
        return bool(talk.quietly(init_producer_id, 4, asked()).error_code == 0)

    talk.until("ids are given", is_ready)  # Kafka fetches its first block of ids when it is asked for one
    talk.every("a new id", init_producer_id, range(6), lambda v: asked())
    talk.every("an id with its epoch", init_producer_id, range(3, 6), lambda v: asked(5, 3))
    talk.every("an id without epoch", init_producer_id, range(3, 6), lambda v: asked(5, -1))
    talk.every("an epoch without id", init_producer_id, range(3, 6), lambda v: asked(-1, 5))
    talk.every("an empty transactional id", init_producer_id, range(6), lambda v: asked(transactional=""))
    talk.ask("strange ids", init_producer_id, 4, asked(-2, -2))
    talk.ask("strange epoch", init_producer_id, 4, asked(5, -2))
