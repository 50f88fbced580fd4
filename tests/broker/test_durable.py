"""What `acks=all` waits for, with the disk's flush held back by the test: nothing is acknowledged before it has ended."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from odradek.aio.thread_file import ThreadFile
from odradek.broker.node import Node
from odradek.metadata.config_file import load_broker_config
from odradek.records.batch import parse_header
from odradek.records.record import NewRecord, build_batch
from odradek.replication.partition import Partition
from odradek.wire.errors import ErrorCode
from odradek.wire.messages import create_topics, offset_commit, produce


class HeldFlush:
    """Stands in front of fdatasync: counts it, holds it until told, and may fail it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.gate = asyncio.Event()
        self.began = 0
        self.error: OSError | None = None
        real, held = ThreadFile.flush, self

        async def flush(file: ThreadFile) -> None:
            if file.path.endswith(".log"):
                held.began += 1
                await held.gate.wait()
                if held.error is not None:
                    raise held.error
            await real(file)

        monkeypatch.setattr(ThreadFile, "flush", flush)


@asynccontextmanager
async def node(directory: Path, **config: str) -> AsyncIterator[Node]:
    texts = {"log.dirs": str(directory), "listeners": "PLAINTEXT://127.0.0.1:0", "group.initial.rebalance.delay.ms": "0"}
    running = await Node.start(load_broker_config(None, texts | {k.replace("_", "."): v for k, v in config.items()}).config)
    try:
        yield running
    finally:
        await running.stop()


async def call(running: Node, module: Any, version: int, request: Any) -> Any:
    """Through dispatch, as a connection does it, without the socket."""
    from odradek.broker.context import RequestContext

    entry = running.server.dispatcher.entry(module.API_KEY)
    context = RequestContext(running.state, module.API_KEY, version, 1, "test", "127.0.0.1", "PLAINTEXT")
    outcome = entry.handle(request, context)
    return await outcome if asyncio.iscoroutine(outcome) or isinstance(outcome, asyncio.Future) else outcome


async def make_topic(running: Node, partitions: int = 1, **configs: str) -> Partition:
    given = [create_topics.CreatableTopicConfig(name.replace("_", "."), value) for name, value in configs.items()]
    asked = create_topics.CreatableTopic("t", partitions, 1, configs=given)
    made = await call(running, create_topics, 7, create_topics.CreateTopicsRequest([asked], 5000))
    assert made.topics[0].error_code == 0
    return running.state.partitions.by_name("t", 0)


def put(running: Node, value: bytes = b"x", acks: int = -1, timeout_ms: int = 30_000, **kwargs: int) -> asyncio.Task[Any]:
    records = build_batch([NewRecord(b"k", value, running.state.clock.now_ms())], **kwargs)  # type: ignore[arg-type]
    data = produce.TopicProduceData("t", partition_data=[produce.PartitionProduceData(0, records)])
    return asyncio.ensure_future(call(running, produce, 9, produce.ProduceRequest(None, acks, timeout_ms, [data])))


def answered(task: asyncio.Task[Any]) -> produce.PartitionProduceResponse:
    return task.result().responses[0].partition_responses[0]  # type: ignore[no-any-return]


async def settle() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


def test_acks_all_is_answered_after_the_flush_and_acks_1_before_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def story() -> None:
        async with node(tmp_path) as running:
            partition = await make_topic(running)
            await put(running)
            held = HeldFlush(monkeypatch)
            waiting, quick = put(running), put(running, acks=1)
            await settle()
            assert held.began == 1
            assert quick.done() and answered(quick).base_offset == 2
            assert not waiting.done()
            assert (partition.high_watermark, partition.log.durable_offset) == (3, 1), "readable, and not yet durable"
            held.gate.set()
            await waiting
            assert answered(waiting).base_offset == 1
            assert partition.log.durable_offset >= 2

    asyncio.run(story())


def test_all_that_wait_share_one_flush_and_those_that_come_meanwhile_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story() -> None:
        async with node(tmp_path) as running:
            await make_topic(running)
            await put(running)
            held = HeldFlush(monkeypatch)
            first = [put(running) for _ in range(10)]
            await settle()
            second = [put(running) for _ in range(10)]
            await settle()
            held.gate.set()
            await asyncio.gather(*first, *second)
            assert held.began == 2

    asyncio.run(story())


def test_a_retry_of_an_idempotent_producer_waits_for_the_first_copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def story() -> None:
        async with node(tmp_path) as running:
            await make_topic(running)
            await put(running)
            held = HeldFlush(monkeypatch)
            ids = {"producer_id": 5, "producer_epoch": 0, "base_sequence": 0}
            first, retry = put(running, **ids), put(running, **ids)
            await settle()
            assert not first.done() and not retry.done()
            held.gate.set()
            await asyncio.gather(first, retry)
            assert answered(first).base_offset == answered(retry).base_offset == 1

    asyncio.run(story())


def test_the_wait_is_bounded_by_the_requests_time_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def story() -> None:
        async with node(tmp_path) as running:
            await make_topic(running)
            await put(running)
            held = HeldFlush(monkeypatch)
            late = put(running, timeout_ms=50)
            await late
            assert answered(late).error_code == ErrorCode.REQUEST_TIMED_OUT
            held.gate.set()

    asyncio.run(story())


def test_a_time_out_of_nothing_still_waits_for_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A second at least (decision 8): in Kafka the time-out bounds the wait for other replicas only."""

    async def story() -> None:
        async with node(tmp_path) as running:
            await make_topic(running)
            await put(running)
            held = HeldFlush(monkeypatch)
            waits = put(running, timeout_ms=0)
            await settle()
            assert not waits.done()
            held.gate.set()
            await waits
            assert answered(waits).error_code == ErrorCode.NONE

    asyncio.run(story())


def test_a_failed_flush_fails_all_that_wait_and_is_never_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def story() -> None:
        async with node(tmp_path) as running:
            await make_topic(running)
            await put(running)
            held = HeldFlush(monkeypatch)
            held.error = OSError(5, "Input/output error")
            waiting = [put(running) for _ in range(3)]
            await settle()
            held.gate.set()
            await asyncio.gather(*waiting)
            assert {answered(task).error_code for task in waiting} == {ErrorCode.KAFKA_STORAGE_ERROR}
            assert "Input/output error" in await running.failed
            began = held.began
            refused = put(running, acks=1)
            await refused
            assert answered(refused).error_code == ErrorCode.KAFKA_STORAGE_ERROR
            assert held.began == began
        assert not (tmp_path / ".kafka_cleanshutdown").exists(), "what is on disk is not known: the next start must look"

    asyncio.run(story())


def test_flush_messages_makes_acks_1_wait_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def story() -> None:
        async with node(tmp_path) as running:
            await make_topic(running, flush_messages="1")
            await put(running)
            held = HeldFlush(monkeypatch)
            waiting = put(running, acks=1)
            await settle()
            assert not waiting.done()
            held.gate.set()
            assert (await waiting) and answered(waiting).error_code == 0

    asyncio.run(story())


def test_with_the_switch_off_acks_all_means_the_page_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def story() -> None:
        async with node(tmp_path, odradek_acks_all_fsync="false") as running:
            await make_topic(running)
            await put(running)
            held = HeldFlush(monkeypatch)
            await put(running)
            assert held.began == 0
            held.gate.set()

    asyncio.run(story())


def test_a_committed_offset_is_on_disk_before_its_consumer_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def story() -> None:
        async with node(tmp_path, offsets_topic_num_partitions="1") as running:
            await make_topic(running)
            await running.state.internal_topics.ensure_offsets_topic()
            request = offset_commit.OffsetCommitRequest(
                "g", topics=[offset_commit.OffsetCommitRequestTopic("t", partitions=[
                    offset_commit.OffsetCommitRequestPartition(0, 7)])]
            )  # fmt: skip
            await call(running, offset_commit, 8, request)
            held = HeldFlush(monkeypatch)
            waiting = asyncio.ensure_future(call(running, offset_commit, 8, request))
            await settle()
            assert held.began == 1 and not waiting.done()
            held.gate.set()
            assert (await waiting).topics[0].partitions[0].error_code == 0

    asyncio.run(story())


def test_deleting_a_topic_ends_the_waiting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def story() -> None:
        async with node(tmp_path) as running:
            partition = await make_topic(running)
            await put(running)
            held = HeldFlush(monkeypatch)
            waiting = put(running)
            await settle()
            deleting = asyncio.ensure_future(running.state.controller.delete_topics([partition.topic_id]))
            await waiting
            assert answered(waiting).error_code == ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
            held.gate.set()
            await deleting

    asyncio.run(story())


def test_a_log_that_was_cut_ends_the_waiting(tmp_path: Path) -> None:
    async def story() -> None:
        async with node(tmp_path) as running:
            partition = await make_topic(running)
            await put(running)
            records = build_batch([NewRecord(b"k", b"x", running.state.clock.now_ms())])
            await partition.append(records, parse_header(records), running.state.clock.now_ms())
            waiting = partition.commit(9)
            assert waiting is not None
            with pytest.raises(Exception, match="cut below"):
                await asyncio.wait_for(waiting, 5)

    asyncio.run(story())
