"""A restart makes no difference to an idempotent producer: what it sends again is known again, as far back as before."""

from __future__ import annotations

import asyncio
import errno
from itertools import chain
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from log_house import NOW, Disk, a_log, make_batch, put

from odradek.aio.faults import Fault
from odradek.aio.memory_storage import MemoryStorage
from odradek.aio.storage import Operation
from odradek.log import recall
from odradek.log.errors import LogOffline
from odradek.log.log import Log
from odradek.log.producer_state import BATCHES_KEPT, BatchMetadata, OutOfOrderSequence, ProducerEntry, ProducerStateError
from odradek.log.recall import SEARCHED_BYTES, Recollection
from odradek.records.batch import BatchHeader, parse_header
from odradek.records.control import ControlType, EndTransactionMarker, build_marker

ANSWER = tuple[int, int, bool] | int


async def send(log: Log, sequence: int, count: int = 1, *, producer: int = 7, epoch: int = 0) -> ANSWER:
    """One batch; where it lies and whether it was known, or the error's code."""
    values = [b"x" * 30] * count
    try:
        result = await put(log, *values, producer_id=producer, producer_epoch=epoch, base_sequence=sequence)
    except ProducerStateError as error:
        return error.code
    return result.first_offset, result.last_offset, result.duplicate


@pytest.mark.parametrize("clean", [True, False], ids=["clean", "killed"])
def test_all_five_that_were_in_flight_are_known_after_a_restart(disk: Disk, clean: bool):
    async def story() -> None:
        async with a_log(disk, clean=clean, segment_bytes=400) as house:
            for number in range(12):
                assert await send(house.log, 2 * number, 2) == (3 * number, 3 * number + 1, False)
                assert await send(house.log, number, producer=8) == (3 * number + 2, 3 * number + 2, False)
        async with a_log(disk, segment_bytes=400) as house:
            for number in range(7, 12):
                assert await send(house.log, 2 * number, 2) == (3 * number, 3 * number + 1, True)
            assert await send(house.log, 12, 2) == OutOfOrderSequence.code, "the sixth is older than anybody remembers"
            assert await send(house.log, 24, 2) == (36, 37, False)

    asyncio.run(story())


def test_a_retry_after_the_restart_counts_what_was_written_since():
    async def story() -> None:
        disk = Disk()
        async with a_log(disk) as house:
            for sequence in range(10):
                await send(house.log, sequence)
        async with a_log(disk) as house:
            for sequence in (10, 11):
                await send(house.log, sequence)
            assert [await send(house.log, sequence) for sequence in range(5, 12)] == [
                45, 45, (7, 7, True), (8, 8, True), (9, 9, True), (10, 10, True), (11, 11, True)
            ]  # fmt: skip

    asyncio.run(story())


def test_the_log_is_searched_once_and_only_for_what_lies_behind():
    async def story() -> None:
        memory = MemoryStorage(cold_chance=1.0)  # so that every look into the log is counted
        disk = Disk(memory=memory)
        async with a_log(disk) as house:
            for sequence in range(10):
                await send(house.log, sequence)
        async with a_log(disk) as house:
            log = house.log

            async def reads(sequence: int, expected: ANSWER) -> int:
                before = memory.statistics().operations[Operation.READ]
                assert await send(log, sequence) == expected
                return memory.statistics().operations[Operation.READ] - before

            assert await send(log, 9) == (9, 9, True)  # whatever opening the segment costs
            assert await reads(9, (9, 9, True)) == 0
            assert await reads(11, OutOfOrderSequence.code) == 0, "a gap is no retry"
            assert await reads(3, OutOfOrderSequence.code) > 0
            assert await reads(3, OutOfOrderSequence.code) == 0
            assert await reads(5, (5, 5, True)) == 0

    asyncio.run(story())


def test_a_producer_with_few_batches_needs_no_search():
    async def story() -> None:
        disk = Disk()
        async with a_log(disk) as house:
            await send(house.log, 0, 3)
        async with a_log(disk) as house:
            entry = house.log.producers.get(7)
            assert entry is not None and not entry.abridged
            assert await send(house.log, 0, 2) == OutOfOrderSequence.code

    asyncio.run(story())


@pytest.mark.parametrize(("between", "answer"), [(14 << 20, (3, 3, True)), (SEARCHED_BYTES, OutOfOrderSequence.code)])
def test_the_search_goes_16_mib_back_and_no_further(between: int, answer: ANSWER):
    async def story() -> None:
        disk = Disk()
        async with a_log(disk, segment_bytes=5 << 20) as house:
            for sequence in range(4):
                await send(house.log, sequence)
            for _ in range(between >> 20):
                await put(house.log, bytes(1 << 20))
            last = await send(house.log, 4)
        async with a_log(disk, segment_bytes=5 << 20) as house:
            assert await send(house.log, 3) == answer
            assert isinstance(last, tuple)
            assert await send(house.log, 4) == (*last[:2], True)

    asyncio.run(story())


@pytest.mark.parametrize("seed", range(12))
def test_retention_may_take_what_is_searched(seed: int):
    async def story() -> None:
        disk = Disk(memory=MemoryStorage(seed=seed, turns_max=3, cold_chance=0.5))
        async with a_log(disk, segment_bytes=150) as house:
            for sequence in range(10):
                await send(house.log, sequence)
        async with a_log(disk, segment_bytes=150) as house:
            await house.log.delete_records(8)
            passing = asyncio.ensure_future(house.log.retention(NOW))
            for _ in range(seed):
                await asyncio.sleep(0)
            assert await send(house.log, 6) in ((6, 6, True), OutOfOrderSequence.code)
            await passing
            assert house.log.offline_reason is None
            assert await send(house.log, 9) == (9, 9, True)
            assert await send(house.log, 10) == (10, 10, False)

    asyncio.run(story())


def test_damage_on_the_way_ends_the_search_and_not_the_partition():
    async def story() -> None:
        disk = Disk()
        async with a_log(disk, segment_bytes=150) as house:
            for sequence in range(4):
                await send(house.log, sequence)
        name = "00000000000000000002.log"
        data = bytearray(await disk.read(name))
        data[16] = 0xEE  # the magic byte
        await disk.write(name, bytes(data))
        async with a_log(disk, segment_bytes=150) as house:
            assert await send(house.log, 2) == OutOfOrderSequence.code
            assert await send(house.log, 4) == (4, 4, False)

    asyncio.run(story())


def test_a_search_that_finds_no_descriptor_left_is_made_again_at_the_next_retry():
    async def story() -> None:
        disk = Disk()
        async with a_log(disk, segment_bytes=150) as house:
            for sequence in range(6):
                await send(house.log, sequence)
        async with a_log(disk, segment_bytes=150) as house:
            disk.memory.faults.add(Fault(Operation.OPEN, errno.EMFILE, path="*3.log"))
            with pytest.raises(LogOffline):
                await send(house.log, 2)
            assert await send(house.log, 2) == (2, 2, True)

    asyncio.run(story())


def test_those_who_come_meanwhile_wait_and_keep_their_order():
    async def story() -> None:
        disk = Disk(memory=MemoryStorage(seed=3, turns_max=4, cold_chance=1.0))
        async with a_log(disk) as house:
            for sequence in range(6):
                await send(house.log, sequence)
        async with a_log(disk) as house:
            answers = await asyncio.gather(
                *(send(house.log, sequence) for sequence in (3, 4, 5, 6)), send(house.log, 0, producer=8)
            )
            assert answers == [(3, 3, True), (4, 4, True), (5, 5, True), (6, 6, False), (7, 7, False)]

    asyncio.run(story())


# -- against a log that was never restarted -------------------------------------------------------------------------


class Put(NamedTuple):
    producer: int
    count: int


class Again(NamedTuple):
    """What the producer sent `back` batches ago."""

    producer: int
    back: int


class NextEpoch(NamedTuple):
    producer: int


Step = Put | Again | NextEpoch
producers = st.integers(1, 2)
puts, agains = st.builds(Put, producers, st.integers(1, 3)), st.builds(Again, producers, st.integers(0, 5))
mixed = st.lists(st.one_of(puts, puts, agains, agains, puts, agains, st.builds(NextEpoch, producers)), max_size=12)
lives = st.tuples(st.lists(agains, max_size=6), mixed, st.lists(puts, max_size=12)).map(lambda parts: [*chain(*parts)])
stories = st.lists(st.tuples(lives, st.booleans()), min_size=2, max_size=4)


class Sender:
    """What a producer has sent: (epoch, first sequence, count) of each batch."""

    def __init__(self, producer: int) -> None:
        self.producer = producer
        self.sent: list[tuple[int, int, int]] = []
        self.epoch = 0
        self.sequence = 0

    def next(self, step: Put | Again) -> tuple[int, int, int] | None:
        if isinstance(step, Put):
            self.sent.append((self.epoch, self.sequence, step.count))
            self.sequence += step.count
            return self.sent[-1]
        return self.sent[-1 - step.back] if step.back < len(self.sent) else None


@settings(max_examples=80, deadline=None)
@given(stories, st.integers(200, 1500), st.sampled_from([100, 1 << 20]), st.sampled_from([61, 256 << 10]))
def test_a_log_that_is_restarted_answers_as_one_that_is_not(
    story: list[tuple[list[Step], bool]], segment_bytes: int, piece: int, read: int
):
    """`story` is what comes between restarts, and whether the log is closed then or killed."""

    async def tell() -> None:
        senders = {number: Sender(number) for number in (1, 2)}
        disk, config = Disk(), {"segment_bytes": segment_bytes, "index_interval_bytes": 100}
        async with a_log(Disk(), **config) as steady:
            for steps, clean in story:
                async with a_log(disk, clean=clean, **config) as house:
                    for step in steps:
                        await compare(step, senders[step.producer], steady.log, house.log)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(recall, "_PIECE", piece)
        patch.setattr(recall, "_READ", read)
        asyncio.run(tell())


async def compare(step: Step, sender: Sender, steady: Log, restarted: Log) -> None:
    if isinstance(step, NextEpoch):
        sender.epoch, sender.sequence = sender.epoch + 1, 0
        return
    batch = sender.next(step)
    if batch is not None:
        epoch, sequence, count = batch
        expected, found = [
            await send(log, sequence, count, producer=sender.producer, epoch=epoch) for log in (steady, restarted)
        ]
        assert found == expected, f"{step}: sequence {sequence}, {count} records in epoch {epoch}"


# -- the decision ----------------------------------------------------------------------------------------------------


def header(sequence: int, count: int = 1, *, epoch: int = 0, offset: int = 0) -> BatchHeader:
    numbered = {"producer_id": 7, "producer_epoch": epoch, "base_sequence": sequence}
    return parse_header(make_batch(*[b"v"] * count, base_offset=offset, **numbered))


def recollection(*, sequence: int = 20, known: int = 1) -> Recollection:
    batches = [BatchMetadata(sequence + number, 100 + number, 0, NOW) for number in range(known)]
    return Recollection(ProducerEntry(7, 0, batches=batches, abridged=True))


def test_batches_that_join_on_are_taken_until_there_are_five():
    found = recollection(known=2)
    assert found.add(header(17, 3, offset=50))
    assert found.add(header(16, offset=40))
    assert not found.add(header(15, offset=30))
    assert found.older == [BatchMetadata(15, 30, 0, NOW), BatchMetadata(16, 40, 0, NOW), BatchMetadata(19, 52, 2, NOW)]
    assert len(found.older) + 2 == BATCHES_KEPT


@pytest.mark.parametrize(
    "other", [header(19, epoch=1), header(18), header(19, 2), header(-1)], ids=["epoch", "gap", "overlap", "not numbered"]
)
def test_where_the_chain_breaks_an_earlier_life_of_the_producer_begins(other):
    found = recollection()
    assert not found.add(other)
    assert found.is_complete
    assert found.older == []


def test_the_end_of_a_transaction_is_passed_over():
    found = recollection()
    commit = EndTransactionMarker(ControlType.COMMIT, 0)
    assert found.add(parse_header(build_marker(commit, producer_id=7, producer_epoch=0, timestamp=NOW, base_offset=60)))
    assert found.add(header(19))


def test_before_the_first_sequence_number_there_is_nothing():
    found = recollection(sequence=2)
    assert not found.add(header(0, 2))
    assert recollection(sequence=0).is_complete


def test_the_chain_goes_round_the_ring_of_sequence_numbers():
    entry = ProducerEntry(7, 0, batches=[BatchMetadata(3, 100, 5, NOW)], abridged=True)  # from 2^31 - 2 to 3
    found = Recollection(entry)
    assert found.add(header(0x7FFFFFFD, offset=90))
    assert found.older == [BatchMetadata(0x7FFFFFFD, 90, 0, NOW)]
