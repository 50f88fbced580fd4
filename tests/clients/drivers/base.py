"""What the client suites need of a Kafka client: produce a list of records, and poll as a lone reader or in a group.

The problem: three libraries with three interfaces (callbacks, blocking iteration, coroutines) must tell one story.

The contract: a `Driver` makes things; a `Consumer` belongs to the thread that polls it, as each library demands.
Values are bytes or None throughout: what goes in must come out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

Headers = tuple[tuple[str, bytes], ...]


@dataclass(frozen=True, slots=True)
class Record:
    """What a producer sends; `timestamp` in epoch milliseconds, None for the client's own clock."""

    value: bytes | None
    key: bytes | None = None
    headers: Headers = ()
    timestamp: int | None = None
    partition: int = 0


@dataclass(frozen=True, slots=True)
class Received:
    """What a consumer got."""

    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Headers


class Consumer(Protocol):
    """One member or lone reader, owned by one thread."""

    def poll(self, seconds: float) -> list[Received]: ...

    def assignment(self) -> frozenset[int]:
        """Partitions of the one subscribed topic that this consumer owns now."""
        ...

    def seek(self, topic: str, partition: int, offset: int) -> None: ...

    def offset_at(self, topic: str, partition: int, timestamp: int) -> int | None:
        """The first offset whose timestamp is not below `timestamp` (epoch ms), None if there is none."""
        ...

    def bounds(self, topic: str, partition: int) -> tuple[int, int]:
        """The log's start offset and its high watermark."""
        ...

    def commit(self) -> None:
        """Commit the position of everything polled, and wait for the answer."""
        ...

    def committed(self, topic: str, partition: int) -> int | None: ...

    def close(self) -> None: ...


class Driver(Protocol):
    """A client library."""

    name: str

    def produce(
        self, bootstrap: str, topic: str, records: Sequence[Record], *, codec: str = "none", acks: str = "all"
    ) -> list[int]:
        """Send all, wait for all, give their offsets in order (-1 each with acks=0)."""
        ...

    def reader(self, bootstrap: str, topic: str, partitions: Sequence[int] = (0,)) -> Consumer:
        """A consumer without a group, assigned to `partitions` from their beginning."""
        ...

    def member(
        self, bootstrap: str, group: str, topic: str, *, assignor: str = "range", instance: str | None = None
    ) -> Consumer:
        """A member of `group`: starts at the beginning where nothing is committed, commits only when asked."""
        ...
