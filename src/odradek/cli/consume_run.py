"""The loop behind `odradek consume`: poll, print, and know when to stop.

Records are taken as many as are there (one poll that waits, then a batch that does not), printed in one write, and only then
marked as consumed: output that was never written must be read again by the group.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple

from odradek.base.clock import Clock, SystemClock
from odradek.cli.errors import CliError, NotFound, from_kafka
from odradek.cli.interrupts import deferred, gentle_termination
from odradek.cli.output import note
from odradek.cli.starting_point import Start, choose

if TYPE_CHECKING:
    from confluent_kafka import Consumer, Message, TopicPartition

    from odradek.cli.client import Target
    from odradek.cli.record_format import Formatter

# A group id is asked for by the library even where no group is joined; nothing is ever committed under this one. The library
# also looks for the group's coordinator at once (it cannot be told not to), and that question makes `__consumer_offsets`, on
# Apache Kafka's brokers as on ours.
_NO_GROUP = "odradek-cli"
_BATCH = 1000
# How long one poll may wait: also how long Ctrl-C and --timeout may lag.
_POLL_SECONDS = 0.1


class Limits(NamedTuple):
    """When to stop; None is never."""

    max_messages: int | None
    until_end: bool
    timeout: float | None


def consume_alone(
    target: Target,
    topic: str,
    partitions: Sequence[int],
    start: Start,
    limits: Limits,
    show: Formatter,
    output: BinaryIO,
    config: dict[str, Any],
) -> None:
    """Read `partitions` (all when empty) from `start`, outside of any group."""
    consumer = target.consumer({"group.id": _NO_GROUP, "enable.auto.commit": False, **_common(limits), **config})
    try:
        positions = resolve(target, consumer, topic, partitions, start)
        consumer.assign(positions)
        _Loop(consumer, limits, show, output).run({part.partition for part in positions})
    finally:
        consumer.close()


def consume_in_group(
    target: Target,
    topic: str,
    group: str,
    start: Start,
    limits: Limits,
    show: Formatter,
    output: BinaryIO,
    config: dict[str, Any],
) -> None:
    """Join `group`, print, and commit what was printed."""
    own = {"group.id": group, "auto.offset.reset": start.kind, "enable.auto.offset.store": False}
    consumer = target.consumer({**own, **_common(limits), **config})
    loop = _Loop(consumer, limits, show, output, stores=True, joining_seconds=target.timeout)
    with gentle_termination():
        try:
            partitions_of(target, consumer, topic)
            consumer.subscribe([topic], on_assign=loop.assigned)
            loop.run(None)
        finally:
            consumer.close()


def _common(limits: Limits) -> dict[str, Any]:
    # The library's default is to pause fetching for a second whenever its queue is full: we print faster than that.
    config: dict[str, Any] = {"fetch.queue.backoff.ms": 10}
    if limits.until_end:
        # The end is noticed when a fetch comes back empty, so a long poll would only be waited for.
        config |= {"enable.partition.eof": True, "fetch.wait.max.ms": 20}
    return config


def partitions_of(target: Target, consumer: Consumer, topic: str) -> list[int]:
    """The topic's partitions; raises `NotFound`."""
    found = target.cluster(consumer, topic).topics[topic]
    if found.error is not None:
        raise from_kafka(found.error, f"topic {topic!r}")
    return sorted(found.partitions)


def resolve(target: Target, consumer: Consumer, topic: str, partitions: Sequence[int], start: Start) -> list[TopicPartition]:
    """Where to begin in each partition, as offsets."""
    from confluent_kafka import OFFSET_BEGINNING, TopicPartition

    there = partitions_of(target, consumer, topic)
    missing = sorted(set(partitions) - set(there))
    if missing:
        raise NotFound(f"topic {topic!r} has no partition {missing[0]}: it has {len(there)}")
    wanted = list(partitions) or there
    if start.kind == "earliest":
        return [TopicPartition(topic, number, OFFSET_BEGINNING) for number in wanted]
    times = _offsets_at(target, consumer, topic, wanted, start)
    found = []
    for number in wanted:
        earliest, latest = target.ask(
            lambda number=number: consumer.get_watermark_offsets(  # type: ignore[misc]
                TopicPartition(topic, number), timeout=target.timeout
            ),
            f"{topic}-{number}",
        )
        found.append(TopicPartition(topic, number, choose(start, earliest, latest, times.get(number))))
    return found


def _offsets_at(target: Target, consumer: Consumer, topic: str, partitions: Sequence[int], start: Start) -> dict[int, int]:
    if start.kind != "time":
        return {}
    from confluent_kafka import TopicPartition

    asked = [TopicPartition(topic, number, start.value) for number in partitions]
    answers = target.ask(lambda: consumer.offsets_for_times(asked, timeout=target.timeout), f"topic {topic!r}")
    return {answer.partition: answer.offset for answer in answers}


class _Loop:
    """Polls until a limit is met."""

    def __init__(
        self,
        consumer: Consumer,
        limits: Limits,
        show: Formatter,
        output: BinaryIO,
        *,
        stores: bool = False,
        joining_seconds: float = 0.0,
        clock: Clock | None = None,
    ) -> None:
        self.consumer = consumer
        self.limits = limits
        self.show = show
        self.output = output
        self.stores = stores
        self.joining_seconds = joining_seconds
        self.clock = clock or SystemClock()
        self.count = 0
        self.at_end: set[int] = set()
        self.reading: set[int] | None = None

    def assigned(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        self.reading = {part.partition for part in partitions}
        self.at_end.clear()

    def run(self, reading: set[int] | None) -> None:
        self.reading = reading
        last_seen = self.clock.monotonic()
        while not self._done():
            batch = self._take()
            if batch:
                self._print(batch)
                last_seen = self.clock.monotonic()
            elif self._is_over(self.clock.monotonic() - last_seen):
                self._timed_out()
                return

    def _is_over(self, silence: float) -> bool:
        """Whether nothing came for too long; a member that still waits for its partitions may take longer."""
        if self.limits.timeout is None:
            return False
        return silence >= self.limits.timeout + (self.joining_seconds if self.reading is None else 0)

    def _done(self) -> bool:
        if self.limits.max_messages is not None and self.count >= self.limits.max_messages:
            return True
        return self.limits.until_end and self.reading is not None and self.at_end >= self.reading

    def _take(self) -> list[Message]:
        first = self.consumer.poll(_POLL_SECONDS)
        if first is None:
            return []
        left = _BATCH if self.limits.max_messages is None else min(_BATCH, self.limits.max_messages - self.count)
        more = self.consumer.consume(left - 1, timeout=0) if left > 1 else []
        return [message for message in (first, *more) if self._is_record(message)]

    def _is_record(self, message: Message) -> bool:
        error = message.error()
        if error is None:
            # A partition that was at its end and got more is no longer at its end.
            self.at_end.discard(message.partition() or 0)
            return True
        if error.name() == "_PARTITION_EOF":
            self.at_end.add(message.partition() or 0)
        elif error.name() == "_AUTO_OFFSET_RESET" or not error.retriable():
            raise from_kafka(error, f"topic {message.topic() or ''!r}")
        else:
            note(f"odradek: {error.str()}; trying again")
        return False

    def _print(self, batch: list[Message]) -> None:
        if not self.stores:
            self._write(batch)
            return
        with deferred():
            self._write(batch)
            self._store(batch)

    def _write(self, batch: list[Message]) -> None:
        show = self.show
        self.output.write(b"".join([show(message) for message in batch]))
        self.output.flush()
        self.count += len(batch)

    def _store(self, batch: list[Message]) -> None:
        """Mark the batch as consumed; a partition that a rebalance has just taken away is another member's to read."""
        from confluent_kafka import KafkaException, TopicPartition

        last = {(message.topic() or "", message.partition() or 0): message.offset() or 0 for message in batch}
        for (topic, partition), offset in last.items():
            try:
                self.consumer.store_offsets(offsets=[TopicPartition(topic, partition, offset + 1)])
            except KafkaException as failed:
                if failed.args[0].name() != "_STATE":
                    raise from_kafka(failed.args[0], f"commit {topic}-{partition}") from failed

    def _timed_out(self) -> None:
        wanted = self.limits.max_messages
        if wanted is not None:
            raise CliError(f"only {self.count} of {wanted} records came; none for {self.limits.timeout:g} s (--timeout)")
