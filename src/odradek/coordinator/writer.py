"""One partition's way to the log: requests queue up while an append is under way, and the next append takes them all.

An append ends when its records are committed, which on a durable node means an fdatasync of milliseconds. A thousand
consumers that commit at the same time must not cost a thousand of them: what waits is gathered into one append, up to
`append_bytes_max`. A request's records stay together, so that they are committed or lost as one (a request larger
than the bound goes alone, and the log may refuse it).

Outcomes are told in the order of submission, which is the order of the log: who applies them in the callback sees the
log's state.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Protocol

from odradek.base.logging import Logger
from odradek.coordinator.actions import Record
from odradek.coordinator.errors import code_of
from odradek.wire.errors import ErrorCode

Outcome = Callable[[int], None]  # takes the error code of the append, NONE when the records are committed


class CoordinatorLog(Protocol):
    """The partitions of `__consumer_offsets`, as the broker gives them."""

    async def append(self, partition: int, records: list[tuple[bytes, bytes | None]]) -> None:
        """Write one batch; returns when it is committed (durable where configured); raises an OdradekError with `.code`."""

    def load(self, partition: int) -> AsyncIterator[tuple[bytes, bytes | None]]:
        """The whole log in order, as (key, value)."""


class PartitionWriter:
    """Serial appends to one partition; touched from its loop only. Idle, it holds no task."""

    __slots__ = ("_bytes_max", "_closed_with", "_log", "_logger", "_partition", "_queue", "_task")

    def __init__(self, partition: int, log: CoordinatorLog, bytes_max: int, logger: Logger) -> None:
        self._partition, self._log, self._bytes_max, self._logger = partition, log, bytes_max, logger
        self._queue: deque[tuple[Sequence[Record], Outcome]] = deque()
        self._task: asyncio.Task[None] | None = None
        self._closed_with = int(ErrorCode.NONE)

    def submit(self, records: Sequence[Record], outcome: Outcome) -> None:
        """Have `records` written; `outcome` is called later, never from within this call.

        Without records it is told when everything submitted before has been.
        """
        self._queue.append((records, outcome))
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._run(), name=f"group coordinator writer {self._partition}")

    @property
    def is_idle(self) -> bool:
        """Whether everything submitted has had its outcome."""
        return self._task is None

    async def close(self, code: int) -> None:
        """Let the append under way end, and refuse with `code` what waits behind it."""
        self._closed_with = code
        if self._task is not None:
            await self._task

    async def _run(self) -> None:
        try:
            while self._queue:
                records, outcomes = self._gather()
                code = await self._append(records) if records else self._closed_with
                for outcome in outcomes:
                    self._tell(outcome, code)
        finally:
            self._task = None

    def _gather(self) -> tuple[list[Record], list[Outcome]]:
        records: list[Record] = []
        outcomes: list[Outcome] = []
        size = 0
        while self._queue:
            more, outcome = self._queue[0]
            size += sum(len(key) + len(value or b"") for key, value in more)
            if records and size > self._bytes_max:
                break
            self._queue.popleft()
            records.extend(more)
            outcomes.append(outcome)
        return records, outcomes

    async def _append(self, records: list[Record]) -> int:
        if self._closed_with != ErrorCode.NONE:
            return self._closed_with
        try:
            await self._log.append(self._partition, records)
        except Exception as error:  # whatever it is, those who wait must hear of it
            code = code_of(error)
            self._logger.error(
                "append failed",
                topic="__consumer_offsets",
                partition=self._partition,
                records=len(records),
                code=code,
                error=str(error) or type(error).__name__,
            )
            return code
        return ErrorCode.NONE

    def _tell(self, outcome: Outcome, code: int) -> None:
        try:
            outcome(code)
        except Exception:  # a bug of ours in one request must not take the partition's writer along
            self._logger.exception("applying committed records failed", partition=self._partition)
