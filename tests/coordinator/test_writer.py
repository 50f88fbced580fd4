"""Appends are shared by those that wait, and told in order."""

import asyncio

from odradek.base.logging import get_logger
from odradek.coordinator.writer import PartitionWriter
from odradek.wire.errors import ErrorCode


def record(number, size=1):
    return (b"k%d" % number, b"v" * size)


async def settled(writer):
    """Wait until everything submitted so far has its outcome."""
    passed = asyncio.Event()
    writer.submit((), lambda code: passed.set())
    await passed.wait()
    await asyncio.sleep(0)


def run(scenario, log_class, bytes_max=1000):
    async def main():
        log = log_class()
        await scenario(log, PartitionWriter(3, log, bytes_max, get_logger("coordinator")))
        return log

    return asyncio.run(main())


def test_what_waits_goes_together(memory_log):
    async def scenario(log, writer):
        told = []
        log.hold()
        writer.submit([record(1)], lambda code: told.append((1, code)))
        await asyncio.sleep(0)
        for number in (2, 3, 4):
            writer.submit([record(number)], lambda code, number=number: told.append((number, code)))
        assert told == []
        log.release()
        await settled(writer)
        assert told == [(1, 0), (2, 0), (3, 0), (4, 0)]

    log = run(scenario, memory_log)
    assert log.batches == [(3, [record(1)]), (3, [record(2), record(3), record(4)])]


def test_an_append_has_a_bound_and_a_request_stays_whole(memory_log):
    async def scenario(log, writer):
        log.hold()
        writer.submit([record(0)], lambda code: None)
        await asyncio.sleep(0)
        for number in (1, 2, 3):
            writer.submit([record(number, 300), record(number + 10, 300)], lambda code: None)
        writer.submit([record(4, 5000)], lambda code: None)
        log.release()
        await settled(writer)

    log = run(scenario, memory_log)
    assert [len(records) for _, records in log.batches] == [1, 2, 2, 2, 1]


def test_a_failure_is_told_to_those_in_the_append_only(memory_log):
    async def scenario(log, writer):
        told = []
        log.fail_with = ErrorCode.NOT_ENOUGH_REPLICAS
        writer.submit([record(1)], told.append)
        await settled(writer)
        log.fail_with = None
        writer.submit([record(2)], told.append)
        await settled(writer)
        assert told == [ErrorCode.NOT_ENOUGH_REPLICAS, ErrorCode.NONE]

    assert run(scenario, memory_log).batches == [(3, [record(2)])]


def test_an_outcome_that_fails_is_our_bug_and_stops_nobody(memory_log):
    async def scenario(log, writer):
        told = []
        writer.submit([record(1)], lambda code: 1 // 0)
        writer.submit([record(2)], told.append)
        await settled(writer)
        assert told == [ErrorCode.NONE]

    run(scenario, memory_log)


def test_an_outcome_may_submit(memory_log):
    async def scenario(log, writer):
        told = []
        writer.submit([record(1)], lambda code: writer.submit([record(2)], told.append))
        await settled(writer)
        await settled(writer)
        assert told == [ErrorCode.NONE]

    run(scenario, memory_log)


def test_closing_lets_the_append_end_and_refuses_the_rest(memory_log):
    async def scenario(log, writer):
        told = []
        log.hold()
        writer.submit([record(1)], told.append)
        await asyncio.sleep(0)
        writer.submit([record(2)], told.append)
        closing = asyncio.create_task(writer.close(ErrorCode.NOT_COORDINATOR))
        await asyncio.sleep(0)
        log.release()
        await closing
        assert told == [ErrorCode.NONE, ErrorCode.NOT_COORDINATOR]

    assert run(scenario, memory_log).batches == [(3, [record(1)])]


def test_nothing_to_write_is_no_append(memory_log):
    async def scenario(log, writer):
        assert writer.is_idle
        await settled(writer)
        assert writer.is_idle

    assert run(scenario, memory_log).batches == []
