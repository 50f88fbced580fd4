"""A data directory under load on the simulated disk, and what must be true of it after losing power at any moment.

The load: two partitions with small segments, each with an idempotent and a plain producer; some wait for the flush of what they
appended (acks=all), some don't; meanwhile a keeper rolls segments, raises the leader epoch, writes checkpoints and deletes old
records, by request and by size. At boundaries of the disk (each write, each beginning and end of an fdatasync, each change of a
name) the power is cut: what the disk may then hold is kept, together with what had been promised up to there. Some cuts are
kills instead: then the page cache stays, and so must everything that was appended.

The promise, checked on each kept disk by opening it:
* the partition comes online by itself;
* all records up to the last acknowledged one are there, byte for byte, once, in order, behind the promised log start;
* what is there beyond it is a prefix of what was appended: nothing invented, nothing skipped;
* an idempotent producer that sends its last acknowledged batch again does not make a second copy;
* leader epochs and timestamps lead to the same offsets as in the records themselves;
* the partition takes appends, which then obey the same promise, also after the next power cut.

A story is decided by its seed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from odradek.aio.memory_storage import MemoryStorage
from odradek.aio.storage import Operation
from odradek.base.clock import ManualClock
from odradek.base.prng import Prng, seeded
from odradek.log.config import LogConfig
from odradek.log.log import Log
from odradek.log.manager import LogManager
from odradek.log.producer_state import BATCHES_KEPT, OutOfOrderSequence
from odradek.log.results import NEEDS_ROLL, AppendResult
from odradek.records.batch import BatchHeader, parse_header, scan
from odradek.records.record import NewRecord, build_batch

TOPIC = "events"
TOPIC_ID = bytes(range(16))
PARTITIONS = 2
DIRECTORY = "/data"
LIVES = 2
KILLS = 0.15  # how many of the cuts are kills


@dataclass
class Promise:
    """What callers have been told about one partition."""

    exists: bool = False
    acked_end: int = 0
    start: int = 0
    start_asked: int = 0
    last_acked: dict[int, tuple[bytes, int]] = field(default_factory=dict)  # producer id: (batch as sent, first offset)

    def copy(self) -> Promise:
        return Promise(self.exists, self.acked_end, self.start, self.start_asked, dict(self.last_acked))


@dataclass
class Cut:
    """The disk after a power cut, and what had been promised before it."""

    storage: MemoryStorage
    config: LogConfig
    promises: list[Promise]
    number: int
    where: str

    def then(self, what: str, promises: list[Promise]) -> Cut:
        """Another one, of the same disk as it is now."""
        return Cut(self.storage.power_cut(self.number), self.config, promises, self.number, f"{self.where}, then {what}")


class Story:
    """The load of one seed; `cuts` are the power cuts taken on the way, one boundary in `cut_every` on average."""

    def __init__(self, seed: int, *, batches: int = 14, cut_every: int = 12, cuts_max: int = 60) -> None:
        self.seed = seed
        self.prng = seeded(seed)
        self.batches = batches
        self.cut_every = cut_every
        self.cuts_max = cuts_max
        self.cuts: list[Cut] = []
        self.boundaries = 0
        self.promises = [Promise() for _ in range(PARTITIONS)]
        self.appended: list[dict[int, bytes]] = [{} for _ in range(PARTITIONS)]
        self.epochs = [0] * PARTITIONS
        self.config = LogConfig(
            segment_bytes=self.prng.choice((3000, 6000, 6000, 40_000)),
            segment_index_bytes=400,
            index_interval_bytes=self.prng.choice((100, 300, 4096)),
            retention_bytes=self.prng.choice((-1, -1, 8000)),
            file_delete_delay_ms=10,
        )
        self.clock = ManualClock()
        self.storage = MemoryStorage(seed=seed, turns_max=self.prng.choice((0, 1, 4)), cold_chance=self.prng.choice((0, 0.3)))
        self._chance = seeded(f"cuts of {seed}")

    def boundary(self, operation: Operation, path: str) -> None:
        self.boundaries += 1
        if len(self.cuts) < self.cuts_max and self._chance.randrange(self.cut_every) == 0:
            self.cuts.append(self._cut(f"{operation} of {path}"))

    def _cut(self, where: str) -> Cut:
        promises = [promise.copy() for promise in self.promises]
        if self._chance.random() > KILLS:
            return Cut(self.storage.power_cut(self.boundaries), self.config, promises, self.boundaries, where)
        for promise, appended in zip(promises, self.appended, strict=True):
            promise.acked_end = max((parse_header(batch).last_offset + 1 for batch in appended.values()), default=0)
        return Cut(self.storage.process_kill(), self.config, promises, self.boundaries, f"{where} (killed)")

    async def tell(self) -> None:
        self.storage.on_boundary = self.boundary
        manager = manager_on(self.storage, self.clock, self.config)
        await manager.start()
        logs = []
        for partition in range(PARTITIONS):
            logs.append(await manager.open_or_create(TOPIC, partition, TOPIC_ID, self.config))
            self.promises[partition].exists = True
        producing = [self._produce(log, log.partition * 10 + number) for log in logs for number in range(2)]
        keeping = asyncio.ensure_future(self._keep(manager, logs))
        await asyncio.gather(*producing)
        keeping.cancel()
        await asyncio.wait((keeping,))
        if not keeping.cancelled():
            keeping.result()
        await manager.close()
        self.cuts_max += 1
        self.cut_every = 1
        self.boundary(Operation.CLOSE, "everything")
        await self.storage.close()

    async def _produce(self, log: Log, number: int) -> None:
        """Even numbers are idempotent producers."""
        prng = seeded(f"producer {number} of {self.seed}")
        producer_id = number if number % 2 == 0 else -1
        sequence = 0
        unflushed = 0
        for batch_number in range(self.batches):
            self.clock.advance(prng.randrange(3))
            batch = make_batch(prng, f"{self.seed}/{number}/{batch_number}", self.clock.now_ms(), producer_id, sequence)
            sent = bytes(batch)
            sequence += parse_header(batch).record_count
            result = await append(log, batch, self.epochs[log.partition], self.clock.now_ms())
            self.appended[log.partition][result.first_offset] = bytes(batch)
            unflushed += 1
            if prng.random() < 0.5 or unflushed == 3:
                await log.flush(result.last_offset + 1)
                unflushed = 0
                self._acknowledge(log, result, producer_id, sent)
            for _ in range(prng.randrange(4)):
                await asyncio.sleep(0)

    def _acknowledge(self, log: Log, result: AppendResult, producer_id: int, sent: bytes) -> None:
        promise = self.promises[log.partition]
        promise.acked_end = max(promise.acked_end, result.last_offset + 1)
        if producer_id >= 0:
            promise.last_acked[producer_id] = (sent, result.first_offset)

    async def _keep(self, manager: LogManager, logs: list[Log]) -> None:
        """Rolls, checkpoints, deletions, until cancelled (which comes between two of them)."""
        prng = seeded(f"keeper of {self.seed}")
        while True:
            for _ in range(prng.randrange(30)):
                await asyncio.sleep(0)
            log = prng.choice(logs)
            self.epochs[log.partition] += prng.random() < 0.2
            retention = manager.housekeeping.run_retention
            deed = prng.choice((log.roll, manager.checkpoint, retention, lambda log=log: self._delete(log, prng)))
            await asyncio.shield(asyncio.ensure_future(deed()))

    async def _delete(self, log: Log, prng: Prng) -> None:
        """DeleteRecords, of what has been acknowledged only: a client can't name what it was not told of."""
        promise = self.promises[log.partition]
        target = prng.randrange(promise.acked_end + 1)
        promise.start_asked = max(promise.start_asked, target)
        promise.start = max(promise.start, await log.delete_records(target))


def manager_on(storage: MemoryStorage, clock: ManualClock, config: LogConfig) -> LogManager:
    return LogManager(storage, DIRECTORY, clock=clock, prng=seeded(1), node_id=1, config_for=lambda topic: config)


def make_batch(prng: Prng, name: str, now_ms: int, producer_id: int, sequence: int) -> bytearray:
    """One to three records, each named, their sizes crossing sectors now and then."""
    records = []
    for number in range(prng.randint(1, 3)):
        filling = prng.choice((b"\0", b"\x02", bytes([prng.randrange(256)]))) * prng.choice((0, 20, prng.randrange(900)))
        records.append(NewRecord(f"{name}/{number}".encode(), filling, now_ms))
    if producer_id < 0:
        return build_batch(records)
    return build_batch(records, producer_id=producer_id, producer_epoch=0, base_sequence=sequence)


async def append(log: Log, batch: bytearray, epoch: int, now_ms: int) -> AppendResult:
    header = parse_header(batch)
    result = log.append_now(batch, header, leader_epoch=epoch, now_ms=now_ms)
    if result is NEEDS_ROLL:
        result = await log.append(batch, header, leader_epoch=epoch, now_ms=now_ms)
    return result


async def content(log: Log) -> dict[int, bytes]:
    """Every batch from the log start to the log end, by base offset."""
    batches: dict[int, bytes] = {}
    offset = log.log_start_offset
    while offset < log.log_end_offset:
        found = await log.read_slice_cold(offset, 4000, log.log_end_offset)
        data = bytes(await found.read())
        assert data, f"nothing to read at {offset}, between {log.log_start_offset} and {log.log_end_offset}"
        for position, header in scan(data):
            batches[header.base_offset] = data[position : position + header.size]
            offset = header.last_offset + 1
    return batches


async def verify(cut: Cut, history: list[dict[int, bytes]], life: int = 1) -> None:
    """Open the disk, check the promises, append more, lose power again, up to `LIVES` times; then end in order."""
    clock = ManualClock()
    clock.advance(1_000_000)
    manager = manager_on(cut.storage, clock, cut.config)
    await manager.start()
    appended = [dict(batches) for batches in history]
    promises = [promise.copy() for promise in cut.promises]
    for partition, promise in enumerate(promises):
        if promise.exists:
            log = await manager.open_or_create(TOPIC, partition, TOPIC_ID, cut.config)
            await check(log, promise, appended[partition])
            await go_on(log, promise, appended[partition], f"life {life} after cut {cut.number}", clock.now_ms())
    if life < LIVES:
        await verify(cut.then("once more", promises), appended, life + 1)
    await manager.close()
    await verify_clean(cut.then("an orderly end", promises), appended, clock)


async def check(log: Log, promise: Promise, appended: dict[int, bytes]) -> None:
    assert log.offline_reason is None
    check_start(log, promise, appended)
    assert log.log_end_offset >= promise.acked_end
    found = await content(log)
    end = log.log_end_offset
    expected = {
        offset: batch
        for offset, batch in appended.items()
        if offset < end and parse_header(batch).last_offset >= log.log_start_offset
    }
    assert list(found) == sorted(expected)
    assert found == expected
    assert not expected or parse_header(found[max(found)]).last_offset + 1 == end
    await check_lookups(log, [parse_header(batch) for batch in found.values()])
    for sent, first_offset in promise.last_acked.values():
        if first_offset >= log.log_start_offset:
            await send_again(log, sent, first_offset, found)


def check_start(log: Log, promise: Promise, appended: dict[int, bytes]) -> None:
    """The start is where a deletion put it, or further up, where retention by size left as much as it has to."""
    start = log.log_start_offset
    assert start >= promise.start
    if start > promise.start_asked:
        kept = sum(len(batch) for batch in appended.values() if parse_header(batch).last_offset >= start)
        assert 0 <= log.config.retention_bytes <= kept


async def send_again(log: Log, sent: bytes, first_offset: int, found: dict[int, bytes]) -> None:
    """A retry of an acknowledged batch is never a second copy.

    The last five of a producer that are in the log are always known to be duplicates, older ones are refused.
    """
    producer_id = parse_header(sent).producer_id
    known = sorted(offset for offset, batch in found.items() if parse_header(batch).producer_id == producer_id)[-BATCHES_KEPT:]
    try:
        result = await append(log, bytearray(sent), max(log.latest_epoch, 0), log.surroundings.clock.now_ms())
    except OutOfOrderSequence:
        assert first_offset < known[0]
    else:
        assert (result.duplicate, result.first_offset) == (True, first_offset)


async def check_lookups(log: Log, headers: list[BatchHeader]) -> None:
    """By epoch, and by timestamp (all records of a batch have the same one)."""
    for epoch in {header.leader_epoch for header in headers}:
        later = (header.base_offset for header in headers if header.leader_epoch > epoch)
        assert log.end_offset_for_epoch(epoch).end_offset == min(later, default=log.log_end_offset)
    for wanted in {header.max_timestamp for header in headers[:: max(len(headers) // 4, 1)]}:
        holder = next(header for header in headers if header.max_timestamp >= wanted)
        expected = (max(holder.base_offset, log.log_start_offset), holder.max_timestamp)
        answer = await log.offset_for_timestamp(wanted)
        assert answer is not None
        assert (answer.offset, answer.timestamp) == expected


async def go_on(log: Log, promise: Promise, appended: dict[int, bytes], name: str, now_ms: int) -> None:
    """The recovered partition is used: two acknowledged batches, under a new leader epoch."""
    for offset in [offset for offset in appended if offset >= log.log_end_offset]:
        del appended[offset]
    prng, epoch = seeded(name), log.latest_epoch + 1
    for number in range(2):
        batch = make_batch(prng, f"{name}/{number}", now_ms, -1, -1)
        result = await append(log, batch, epoch, now_ms)
        appended[result.first_offset] = bytes(batch)
        await log.flush(result.last_offset + 1)
        promise.acked_end = result.last_offset + 1


async def verify_clean(ended: Cut, appended: list[dict[int, bytes]], clock: ManualClock) -> None:
    """After an orderly end (and losing power then) all is there, and nothing has to be recovered."""
    manager = manager_on(ended.storage, clock, ended.config)
    reports = await manager.start()
    assert manager.clean
    assert [report for report in reports if report.truncated_bytes] == []
    for partition, promise in enumerate(ended.promises):
        if promise.exists:
            log = await manager.open_or_create(TOPIC, partition, TOPIC_ID, ended.config)
            await check(log, promise, appended[partition])
    await manager.close()


async def tell_and_verify(story: Story, report: Callable[[str], None]) -> None:
    await story.tell()
    report(f"seed {story.seed}: {story.boundaries} boundaries, {len(story.cuts)} power cuts")
    for cut in story.cuts:
        try:
            await verify(cut, story.appended)
        except BaseException as error:
            error.add_note(f"seed {story.seed}, power cut {cut.number} of {story.boundaries}, after {cut.where}")
            raise
