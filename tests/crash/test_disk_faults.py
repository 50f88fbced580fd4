"""A disk that fails: what is refused, what goes offline with which reason, and that acknowledged records stay.

First the log on the simulated disk, where each fault is planned; then `odradek serve` on a real disk: too small, locked, or not
a directory at all.
"""

from __future__ import annotations

import asyncio
import errno
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from confluent_kafka import KafkaError, Producer
from crash_load import QUICK, BrokerProcess, Reader, free_port
from power_cut_story import DIRECTORY, TOPIC, TOPIC_ID, append, content

from odradek.aio import LockedError, Operation
from odradek.aio.faults import Fault
from odradek.aio.memory_storage import MemoryStorage
from odradek.base.clock import ManualClock
from odradek.base.prng import seeded
from odradek.log.config import LogConfig
from odradek.log.errors import LogOffline
from odradek.log.log import Log
from odradek.log.manager import LogManager
from odradek.records.record import NewRecord, build_batch

CONFIG = LogConfig(segment_bytes=4000)
SEEDS = range(20)


class Bench:
    """Two partitions on a simulated disk, and what was acknowledged on each."""

    def __init__(self, storage: MemoryStorage) -> None:
        self.storage = storage
        self.clock = ManualClock()
        self.failures: list[str] = []
        self.acked: dict[int, int] = {0: 0, 1: 0}
        self.manager = LogManager(
            storage, DIRECTORY, clock=self.clock, prng=seeded(1), node_id=1, on_directory_failure=self.failures.append
        )

    async def open(self) -> list[Log]:
        await self.manager.start()
        return [await self.manager.open_or_create(TOPIC, partition, TOPIC_ID, CONFIG) for partition in (0, 1)]

    async def produce(self, log: Log, size: int = 300) -> None:
        """One acknowledged record; raises what the log raises."""
        batch = build_batch([NewRecord(b"%d" % log.log_end_offset, b"v" * size, self.clock.now_ms())])
        result = await append(log, batch, 0, self.clock.now_ms())
        await log.flush(result.last_offset + 1)
        self.acked[log.partition] = result.last_offset + 1


async def durable(bench: Bench) -> None:
    """After a power cut the acknowledged records are there, in order, and the partitions take more."""
    for seed in SEEDS:
        again = Bench(bench.storage.power_cut(seed))
        for log in await again.open():
            assert log.offline_reason is None
            found = await content(log)
            assert list(found) == list(range(log.log_end_offset))
            assert log.log_end_offset >= bench.acked[log.partition]
            await again.produce(log)
        await again.manager.close()


def test_no_space_takes_one_partition_offline_and_leaves_what_was_acknowledged():
    async def story() -> None:
        bench = Bench(MemoryStorage())
        full, other = await bench.open()
        bench.storage.faults.add(Fault(Operation.WRITE, errno.ENOSPC, path="*/events-0/*.log", skip=5, times=None, keep=70))
        with pytest.raises(LogOffline, match=r"No space left.*events-0"):
            for _ in range(10):
                await bench.produce(full)
        assert bench.acked[0] == full.log_end_offset == 5
        assert full.offline_reason is not None and "No space left" in full.offline_reason
        assert list(await content(full)) == list(range(5))  # it can still be read
        await bench.produce(other)
        assert bench.failures == []
        bench.storage.faults.clear()
        await durable(bench)

    asyncio.run(story())


def test_a_disk_that_fills_up_and_is_given_room_again():
    async def story() -> None:
        bench = Bench(MemoryStorage(capacity=9000))
        logs = await bench.open()
        with pytest.raises(LogOffline):
            for _ in range(20):
                for log in logs:
                    await bench.produce(log)
        assert sum(bench.acked.values()) > 10
        assert bench.failures == []
        bench.storage.disk.capacity = None
        await durable(bench)

    asyncio.run(story())


@pytest.mark.parametrize("operation", [Operation.WRITE, Operation.FLUSH])
def test_an_input_output_error_takes_the_directory_offline_with_the_reason(operation: Operation):
    async def story() -> None:
        bench = Bench(MemoryStorage(seed=4, turns_max=2))
        failing, other = await bench.open()
        await bench.produce(other)
        bench.storage.faults.add(Fault(operation, errno.EIO, path="*/events-0/*.log", skip=3))
        with pytest.raises(LogOffline):
            for _ in range(10):
                await bench.produce(failing)
        assert bench.acked[0] == 3
        assert len(bench.failures) == 1
        assert "events-0" in bench.failures[0]
        for log in (failing, other):
            with pytest.raises(LogOffline, match="events-0"):
                await bench.produce(log)
        await bench.manager.close()
        await durable(bench)

    asyncio.run(story())


def test_all_who_wait_for_a_failing_flush_are_told_and_it_is_not_tried_again():
    async def story() -> None:
        bench = Bench(MemoryStorage(seed=5, turns_max=2))
        log, _ = await bench.open()
        bench.storage.faults.add(Fault(Operation.FLUSH, errno.EIO, path="*/events-0/*.log"))
        outcomes = await asyncio.gather(*(bench.produce(log) for _ in range(20)), return_exceptions=True)
        assert {type(outcome) for outcome in outcomes} == {LogOffline}
        with pytest.raises(LogOffline):
            await log.flush()
        assert [operation for operation, _ in bench.storage.faults.struck] == [Operation.FLUSH]
        assert log.durable_offset == 0
        await durable(bench)

    asyncio.run(story())


def test_a_directory_that_was_offline_is_not_marked_clean():
    async def story() -> None:
        bench = Bench(MemoryStorage())
        log, _ = await bench.open()
        bench.storage.faults.add(Fault(Operation.FLUSH, errno.EIO, path="*/events-0/*.log"))
        with pytest.raises(LogOffline):
            await bench.produce(log)
        await bench.manager.close()
        again = Bench(bench.storage.process_kill())
        await again.open()
        assert not again.manager.clean

    asyncio.run(story())


def test_a_partition_that_may_not_be_read_is_offline_and_the_others_serve():
    async def story() -> None:
        bench = Bench(MemoryStorage())
        for log in await bench.open():
            await bench.produce(log)
        again = Bench(bench.storage.process_kill())
        again.storage.faults.add(Fault(Operation.OPEN, errno.EACCES, path="*/events-0/*", times=None))
        denied, other = await again.open()
        with pytest.raises(LogOffline, match="Permission denied"):
            await again.produce(denied)
        await again.produce(other)
        again.storage.faults.clear()
        await again.manager.close()
        again.acked[0] = bench.acked[0]
        await durable(again)

    asyncio.run(story())


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EACCES])
def test_a_checkpoint_that_can_not_be_written_costs_nothing_but_time(number: int):
    async def story() -> None:
        bench = Bench(MemoryStorage())
        logs = await bench.open()
        await bench.produce(logs[0])
        for operation in (Operation.WRITE, Operation.OPEN):
            bench.storage.faults.add(Fault(operation, number, path="*offset-checkpoint*", times=None))
        await tolerating(bench.manager.checkpoint)
        await bench.produce(logs[0])
        await tolerating(bench.manager.close)
        bench.storage.faults.clear()
        await durable(bench)

    asyncio.run(story())


async def tolerating(deed: Callable[[], Awaitable[None]]) -> None:
    try:
        await deed()
    except OSError:
        pass  # told to the caller: housekeeping logs it


def test_a_directory_in_use_is_refused():
    async def story() -> None:
        bench = Bench(MemoryStorage())
        await bench.open()
        with pytest.raises(LockedError, match=r"/data/\.lock is locked by process"):
            await Bench(bench.storage).open()
        await bench.manager.close()
        await Bench(bench.storage).open()

    asyncio.run(story())


# `odradek serve` on real disks.


def serve_and_wait(directory: Path) -> subprocess.CompletedProcess[str]:
    """Start a broker that is expected to give up."""
    command = [sys.executable, "-m", "odradek", "serve", "--listen", f"127.0.0.1:{free_port()}", "--data-dir", str(directory)]
    return subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)


def test_a_second_broker_on_the_same_directory_names_the_first(tmp_path: Path):
    broker = BrokerProcess(tmp_path)
    broker.start()
    try:
        broker.wait_ready()
        second = serve_and_wait(tmp_path / "data")
        assert second.returncode == 5
        assert broker.process is not None and f"process {broker.process.pid}" in second.stderr
        assert "Traceback" not in second.stderr
        assert broker.end() == 0
    finally:
        broker.make_sure_it_is_gone()


def test_a_data_directory_that_is_a_file_is_told_without_a_stack(tmp_path: Path):
    (tmp_path / "file").write_text("not a directory")
    refused = serve_and_wait(tmp_path / "file")
    assert refused.returncode not in (0, -6, -11)
    assert str(tmp_path / "file") in refused.stderr
    assert "Traceback" not in refused.stderr


@contextmanager
def mounted(size: int) -> Iterator[Path]:
    """A real, small file system. Raises CalledProcessError where this user may not mount one."""
    with tempfile.TemporaryDirectory() as directory:
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", directory], check=True, capture_output=True)
        try:
            yield Path(directory)
        finally:
            subprocess.run(["umount", directory], check=True)


def may_mount() -> bool:
    try:
        with mounted(1 << 20):
            return True
    except (subprocess.CalledProcessError, OSError):
        return False


@contextmanager
def limited(size: int) -> Iterator[Path]:
    """No file of a process started meanwhile may grow past a quarter of `size`."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    with tempfile.TemporaryDirectory() as directory:
        resource.setrlimit(resource.RLIMIT_FSIZE, (size // 4, before[1]))
        try:
            yield Path(directory)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)


SMALL_DISKS = {"file size limit": limited} | ({"mounted": mounted} if os.geteuid() == 0 and may_mount() else {})


def deliver(address: str, partition: int, size: int) -> int | None:
    """Produce one record with acks=all; the error code, None when it was acknowledged."""
    outcome: list[KafkaError | None] = []
    producer = Producer({"bootstrap.servers": address, "acks": "all", "message.send.max.retries": 0, **QUICK})
    producer.produce("crash", b"x" * size, b"k", partition, on_delivery=lambda error, _: outcome.append(error))
    producer.flush(15)
    return None if outcome[0] is None else int(outcome[0].code())


@pytest.mark.parametrize("kind", SMALL_DISKS)
def test_a_broker_on_a_full_disk_stays_up_and_keeps_what_it_acknowledged(kind: str):
    with SMALL_DISKS[kind](3 << 20) as directory:
        broker = BrokerProcess(directory)
        broker.start()
        try:
            broker.wait_ready()
            broker.make_topic()
            codes = [deliver(broker.address, 0, 400_000) for _ in range(12)]
            acked = codes.index(KafkaError.KAFKA_STORAGE_ERROR)
            assert acked >= 1
            assert set(codes[acked:]) == {KafkaError.KAFKA_STORAGE_ERROR}
            assert "partition offline" in broker.tail()
            assert deliver(broker.address, 1, 100) is None  # a small record finds room on another partition
            reader = Reader(broker.address)
            reader.read_on()
            assert (len(reader.keys[0]), len(reader.keys[1])) == (acked, 1)
            broker.kill()
            broker.start()
            broker.wait_ready()
            again = Reader(broker.address)
            again.read_on()
            assert again.keys == reader.keys
            reader.close()
            again.close()
        finally:
            broker.make_sure_it_is_gone()
