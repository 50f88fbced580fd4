"""Incremental fetch sessions (KIP-227), in the first version that has them, the last by name, and by id."""

from __future__ import annotations

from typing import Any

from odradek.wire.messages import fetch, produce

from .asking import NIL_ID, UNKNOWN_ID, batch, fetched, produced, wanted
from .conversation import Conversation


def tell(talk: Conversation) -> None:
    for version in (7, 12, 13, 17):
        _Session(talk, version).tell()
    between_versions(talk)


class _Session:
    """One session's life in one version."""

    def __init__(self, talk: Conversation, version: int) -> None:
        self.talk, self.version = talk, version
        self.topic = talk.topic(f"session-{version}", 3)
        self.by_id = version >= 13
        self.id = 0

    def tell(self) -> None:
        opened = self.ask("opens", 0, wanted(0, 0), wanted(1, 0), wanted(2, 0), session=0)
        self.id = opened.session_id
        self.news()
        self.changes()
        self.faults()
        self.closing()
        self.unknown_topics()
        self.gone()

    def news(self) -> None:
        self.ask("nothing is new", 1)
        self.produce(1)
        self.ask("one has records", 2)
        self.ask("the same records again", 3)
        self.ask("it moves on", 4, wanted(1, 1))
        self.ask("nothing new behind it", 5)
        self.produce(0, 1, 2)
        self.ask("all have records, the one that had some last", 6)
        self.ask("and again", 7)
        self.ask("little at a time", 8, max_bytes=1)
        self.ask("little at a time, the next one", 9, max_bytes=1)

    def changes(self) -> None:
        self.ask("an offset beyond the end", 10, wanted(0, 99))
        self.ask("and it stays", 11)
        self.ask("mended", 12, wanted(0, 1), wanted(1, 2), wanted(2, 1))
        self.ask("one is forgotten", 13, forgotten=[2])
        self.produce(2)
        self.ask("its news are not told", 14)
        self.ask("one that is not there is forgotten", 15, forgotten=[9])
        self.ask("it is back", 16, wanted(2, 1))
        self.ask("one is unknown", 17, wanted(9, 0))
        self.ask("still unknown", 18)
        self.ask("the unknown one is forgotten", 19, forgotten=[9])
        self.ask("forgotten and wanted at once", 20, wanted(2, 2), forgotten=[2])
        self.produce(2)
        self.ask("which of both holds", 21)

    def faults(self) -> None:
        self.ask("epoch of before", 21)
        self.ask("epoch too far ahead", 25)
        self.ask("no such session", 1, session=self.id ^ 1)
        self.ask("no session with epoch 1", 1, session=0)
        self.ask("negative epoch", -2)
        self.ask("still there", 22)

    def closing(self) -> None:
        self.ask("closed with an ordinary fetch", -1, wanted(0, 0))
        self.ask("gone", 23)
        again = self.ask("another one opens", 0, wanted(0, 0), wanted(1, 0), session=0)
        self.id = again.session_id
        reopened = self.ask("opens a new one in its place", 0, wanted(0, 0), session=self.id)
        self.ask("the first is gone", 1)
        self.id = reopened.session_id
        self.ask("the last one is forgotten", 1, forgotten=[0])
        self.ask("and the session with it", 2)
        self.ask("opens without partitions", 0, session=0)
        self.ask("closes nothing", -1, session=0)
        self.ask("closes what is not there", -1, session=12345)

    def unknown_topics(self) -> None:
        nosuch = {"topic_id": UNKNOWN_ID} if self.by_id else {"topic": "nosuch"}
        self.id = self.ask("opens on an unknown topic", 0, wanted(0, 0), session=0, **nosuch).session_id
        self.ask("a known one beside", 1, wanted(0, 1))
        self.ask("the unknown one is told again", 2)
        self.ask("wrong epoch and unknown topic", 9, wanted(1, 0), **nosuch)

    def gone(self) -> None:
        """The topic is deleted under the session, and there is another one of its name."""
        first_id = self.talk.topic_ids[self.topic]
        self.id = self.ask("opens once more", 0, wanted(0, 1), wanted(1, 0), session=0).session_id
        self.talk.deleted(self.topic)
        self.ask("its topic is deleted", 1)
        self.ask("and still is", 2)
        self.talk.topic(self.topic.removeprefix(self.talk.prefix), 2)
        self.produce(0, 1)
        self.ask("there is another one of its name", 3)
        self.ask("the other one is wanted", 4, wanted(0, 0), wanted(1, 0))
        self.ask("the first one is forgotten", 5, forgotten=[0, 1], topic_id=first_id)
        self.ask("the other one is left", 6)

    def ask(
        self, label: str, epoch: int, *parts: Any, session: int | None = None, forgotten: list[int] | None = None,
        max_bytes: int = 1 << 20, topic: str | None = None, topic_id: bytes | None = None,
    ) -> Any:  # fmt: skip
        name = "" if self.by_id else topic or self.topic
        named = (topic_id or self.talk.topic_ids.get(self.topic, NIL_ID)) if self.by_id else NIL_ID
        request = fetched(
            name, *parts, topic_id=named, session=(self.id if session is None else session, epoch), max_bytes=max_bytes,
            forgotten=(fetch.ForgottenTopic(name, named, forgotten),) if forgotten else (),
        )  # fmt: skip
        return self.talk.ask(f"v{self.version}: {label}", fetch, self.version, request)

    def produce(self, *partitions: int) -> None:
        self.talk.quietly(produce, 9, produced(self.topic, *((each, batch(b"news")) for each in partitions)))


def between_versions(talk: Conversation) -> None:
    """A session is by name or by id for its whole life."""
    topic = talk.topic("session-mixed", 2)
    topic_id = talk.topic_ids[topic]
    named = talk.ask("a session by name", fetch, 12, fetched(topic, wanted(0, 0), session=(0, 0))).session_id
    talk.ask("asked by id", fetch, 13, fetched("", wanted(1, 0), topic_id=topic_id, session=(named, 1)))
    talk.ask("asked by id, nothing new", fetch, 13, fetched("", session=(named, 1)))
    talk.ask("asked by id in a wrong epoch", fetch, 13, fetched("", session=(named, 7)))
    talk.ask("asked by id and to forget", fetch, 13, fetched("", session=(named, 1), forgotten=(
        fetch.ForgottenTopic("", topic_id, [0]),)))  # fmt: skip
    by_id = talk.ask("a session by id", fetch, 13, fetched("", wanted(0, 0), topic_id=topic_id, session=(0, 0))).session_id
    talk.ask("asked by name", fetch, 12, fetched(topic, wanted(1, 0), session=(by_id, 1)))
    talk.ask("asked by name, nothing new", fetch, 12, fetched("", session=(by_id, 1)))
    talk.ask("the session by id goes on", fetch, 13, fetched("", session=(by_id, 1)))
    talk.ask("closed in the other version", fetch, 12, fetched("", session=(by_id, -1)))
    talk.ask("gone", fetch, 13, fetched("", session=(by_id, 2)))
