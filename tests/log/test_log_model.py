"""A log against the dumbest model there is: a list of batches. Whatever is done to it, in any order, on both kinds of disk."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from dataclasses import dataclass
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from log_house import NOW, Disk, House, a_log, batches, extent, kill, put, read

from odradek.log.rolling import finish_rolled
from odradek.records.batch import scan
from odradek.records.record import read_records


@dataclass
class Kept:
    """A batch as the model remembers it."""

    first: int
    end: int
    values: list[bytes]
    epoch: int
    timestamp: int


class LogMachine(RuleBasedStateMachine):
    """The rules; `kind` of disk by subclass."""

    kind = "memory"

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.root = tempfile.mkdtemp(prefix="log-model-") if self.kind == "threads" else ""
        self.disk = Disk(self.kind, self.root)
        self.kept: list[Kept] = []
        self.start = self.end = self.epoch = 0
        self.now_ms = NOW
        self.count = 0

    def run(self, awaitable: Any) -> Any:
        return self.loop.run_until_complete(awaitable)

    @initialize(segment=st.sampled_from([400, 800, 5000]), interval=st.sampled_from([0, 150, 4096]))
    def begin(self, segment: int, interval: int) -> None:
        self.config = {"segment_bytes": segment, "index_interval_bytes": interval, "retention_ms": -1}
        self.open()

    def open(self, *, clean: bool = True) -> None:
        self.context = a_log(self.disk, clean=clean, **self.config)
        self.house: House = self.run(self.context.__aenter__())
        self.log = self.house.log

    def shut(self) -> None:
        self.run(self.context.__aexit__(None, None, None))

    # -- what can be done -----------------------------------------------------------------------------------------

    @rule(sizes=st.lists(st.integers(0, 60), min_size=1, max_size=4), later=st.integers(0, 5))
    def append(self, sizes: list[int], later: int) -> None:
        self.count += 1
        self.now_ms += later
        values = [bytes([self.count % 251]) * size for size in sizes]
        result = self.run(put(self.log, *values, epoch=self.epoch, timestamp=self.now_ms, now_ms=self.now_ms))
        assert (result.first_offset, result.last_offset) == (self.end, self.end + len(values) - 1)
        self.kept.append(Kept(self.end, self.end + len(values), values, self.epoch, self.now_ms))
        self.end += len(values)

    @rule(count=st.integers(2, 6))
    def append_at_once(self, count: int) -> None:
        async def together() -> list[Any]:
            return await asyncio.gather(
                *(put(self.log, b"%d" % n, epoch=self.epoch, timestamp=self.now_ms, now_ms=self.now_ms) for n in range(count))
            )

        for number, result in enumerate(self.run(together())):
            assert result.first_offset == self.end
            self.kept.append(Kept(self.end, self.end + 1, [b"%d" % number], self.epoch, self.now_ms))
            self.end += 1

    @rule()
    def raise_epoch(self) -> None:
        self.epoch += 1

    @rule()
    def roll(self) -> None:
        self.run(self.log.roll())

    @rule()
    def flush(self) -> None:
        self.run(self.log.flush())
        assert self.log.durable_offset == self.end

    @rule(data=st.data())
    def truncate(self, data: st.DataObject) -> None:
        offset = data.draw(st.sampled_from([*(batch.first for batch in self.kept if batch.first >= self.start), self.end]))
        self.run(self.log.truncate_to(offset))
        self.kept = [batch for batch in self.kept if batch.end <= offset]
        self.end = offset

    @rule(data=st.data())
    def delete_records(self, data: st.DataObject) -> None:
        offset = data.draw(st.integers(self.start, self.end))
        assert self.run(self.log.delete_records(offset)) == offset
        self.start = offset
        self.kept = [batch for batch in self.kept if batch.end > offset]

    @rule()
    def retention(self) -> None:
        self.run(self.log.retention(self.now_ms))
        self.house.clock.advance(1)
        self.run(self.log.surroundings.deletions.run_due())

    @rule()
    def reopen(self) -> None:
        self.shut()
        self.open()
        assert self.house.manager.clean

    @rule()
    def crash(self) -> None:
        """Killed: the page cache stays, so nothing is lost."""
        self.run(self.house.manager.checkpoint())
        self.run(finish_rolled(self.log))
        self.run(kill(self.house.manager))
        self.shut()
        self.open()

    # -- what must hold -------------------------------------------------------------------------------------------

    @invariant()
    def cursors(self) -> None:
        if not hasattr(self, "log"):
            return
        self.log.check_cursors()
        assert (self.log.log_start_offset, self.log.log_end_offset) == (self.start, self.end)

    @rule()
    def read_all(self) -> None:
        found = self.run(batches(self.log))
        assert extent(found) == [(batch.first, batch.end - 1) for batch in self.kept]
        for data, batch in zip(found.values(), self.kept, strict=True):
            ((_, header),) = scan(data)
            assert (header.leader_epoch, header.max_timestamp) == (batch.epoch, batch.timestamp)
            assert [record.value for record in read_records(data, header)] == batch.values

    @precondition(lambda self: self.kept)
    @rule(data=st.data())
    def read_from(self, data: st.DataObject) -> None:
        offset = data.draw(st.integers(self.start, self.end - 1)) if self.end > self.start else self.end
        got = [header.base_offset for _, header in scan(self.run(read(self.log, offset, 500)))]
        wanted = [batch.first for batch in self.kept if batch.end > offset]
        assert got == wanted[: len(got)]
        assert bool(got) == bool(wanted)

    @precondition(lambda self: self.kept)
    @rule(data=st.data())
    def look_up(self, data: st.DataObject) -> None:
        timestamp = data.draw(st.sampled_from([batch.timestamp for batch in self.kept]))
        found = self.run(self.log.offset_for_timestamp(timestamp))
        first = next(batch for batch in self.kept if batch.timestamp >= timestamp)
        assert found == (max(first.first, self.start), first.timestamp, first.epoch)

    def teardown(self) -> None:
        if hasattr(self, "log"):
            self.shut()
        self.loop.close()
        if self.root:
            shutil.rmtree(self.root)


class RealLogMachine(LogMachine):
    """On real files."""

    kind = "threads"


_SLOW = [HealthCheck.too_slow, HealthCheck.data_too_large]
LogMachine.TestCase.settings = settings(max_examples=60, stateful_step_count=30, deadline=None, suppress_health_check=_SLOW)
RealLogMachine.TestCase.settings = settings(max_examples=8, stateful_step_count=20, deadline=None, suppress_health_check=_SLOW)
TestLogModel = LogMachine.TestCase
TestLogModelOnRealFiles = RealLogMachine.TestCase
