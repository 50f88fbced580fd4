"""What reaches the socket: good requests are answered in order, bad bytes close their connection and disturb nobody else.

A real server on a real socket, with just enough of a broker behind it to answer ApiVersions.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from odradek.base.clock import SystemClock
from odradek.broker.context import BrokerState
from odradek.broker.metrics import BrokerMetrics
from odradek.broker.server import Server
from odradek.metadata.broker_config import BrokerConfig
from odradek.wire.api import ApiKey
from odradek.wire.errors import ErrorCode
from odradek.wire.headers import decode_response_header, encode_request_header
from odradek.wire.messages import api_versions, sync_group

Peer = tuple[asyncio.StreamReader, asyncio.StreamWriter]
Connect = Callable[[], Awaitable[Peer]]


@asynccontextmanager
async def serving(**config: str) -> AsyncIterator[tuple[Server, Connect]]:
    state = BrokerState()
    state.config = BrokerConfig({"listeners": "PLAINTEXT://127.0.0.1:0"} | {k.replace("_", "."): v for k, v in config.items()})
    state.metrics = BrokerMetrics()
    state.clock = SystemClock()
    server = Server(state)
    state.endpoints = endpoints = await server.start()
    writers: list[asyncio.StreamWriter] = []

    async def connect() -> Peer:
        reader, writer = await asyncio.open_connection("127.0.0.1", endpoints["PLAINTEXT"].port)
        writers.append(writer)
        return reader, writer

    try:
        yield server, connect
    finally:
        for writer in writers:
            writer.close()
        await server.stop(1.0)


def ask(correlation_id: int, version: int = 3, api_key: int = ApiKey.API_VERSIONS, body: bytes | None = None) -> bytes:
    out = bytearray()
    encode_request_header(out, api_key, version, correlation_id, "test")
    if body is not None:
        out += body
    elif api_key == ApiKey.API_VERSIONS and version in api_versions.ENCODE_REQUEST:
        api_versions.ENCODE_REQUEST[version](api_versions.ApiVersionsRequest("test", "1.0"), out)
    return struct.pack(">i", len(out)) + bytes(out)


async def answer(reader: asyncio.StreamReader, version: int = 3) -> tuple[int, api_versions.ApiVersionsResponse]:
    (size,) = struct.unpack(">i", await asyncio.wait_for(reader.readexactly(4), 5))
    frame = await asyncio.wait_for(reader.readexactly(size), 5)
    correlation_id, position = decode_response_header(frame, ApiKey.API_VERSIONS, version)
    response, end = api_versions.DECODE_RESPONSE[version](frame, position)
    assert end == len(frame)
    return correlation_id, response


async def closed(reader: asyncio.StreamReader) -> bool:
    return await asyncio.wait_for(reader.read(), 5) == b""


async def until(condition: Callable[[], bool]) -> None:
    for _ in range(500):
        if condition():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it did not come to pass within five seconds")


def test_pipelined_requests_are_answered_in_order() -> None:
    async def story() -> None:
        async with serving() as (_, connect):
            reader, writer = await connect()
            writer.write(b"".join(ask(number) for number in range(500)))
            assert [(await answer(reader))[0] for _ in range(500)] == list(range(500))

    asyncio.run(story())


def test_a_request_may_come_byte_by_byte() -> None:
    async def story() -> None:
        async with serving() as (_, connect):
            reader, writer = await connect()
            for byte in ask(7):
                writer.write(bytes((byte,)))
                await asyncio.sleep(0)
            assert (await answer(reader))[0] == 7

    asyncio.run(story())


def test_bytes_behind_a_request_are_ignored_as_kafka_does() -> None:
    async def story() -> None:
        async with serving() as (_, connect):
            reader, writer = await connect()
            writer.write(ask(3, version=0, body=b"trailing"))
            assert (await answer(reader, version=0))[0] == 3

    asyncio.run(story())


def test_an_unknown_version_of_api_versions_is_answered_in_version_0_with_what_is_known() -> None:
    async def story() -> None:
        async with serving() as (_, connect):
            reader, writer = await connect()
            writer.write(ask(1, version=99, body=b"whatever comes"))
            _, response = await answer(reader, version=0)
            assert response.error_code == ErrorCode.UNSUPPORTED_VERSION
            assert {row.api_key: row.max_version for row in response.api_keys}[ApiKey.API_VERSIONS] == 4
            writer.write(ask(2))
            assert (await answer(reader))[0] == 2, "the client goes on with a version that is known"

    asyncio.run(story())


def test_produce_and_join_group_are_on_offer_from_version_0() -> None:
    async def story() -> None:
        async with serving() as (_, connect):
            reader, writer = await connect()
            writer.write(ask(1))
            rows = {row.api_key: row.min_version for row in (await answer(reader))[1].api_keys}
            assert (rows[ApiKey.PRODUCE], rows[ApiKey.JOIN_GROUP], rows[ApiKey.FETCH]) == (0, 0, 4)

    asyncio.run(story())


@pytest.mark.parametrize(
    ("sent", "reason"),
    [
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", "TLS handshake"),
        (b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", "HTTP request"),
        (struct.pack(">i", -5) + b"x" * 20, "negative"),
        (struct.pack(">i", 2_000_000_000) + b"x" * 20, "socket.request.max.bytes"),
        (struct.pack(">i", 3) + b"\0\0\0", "stops short|truncated|RequestHeader"),
        (ask(1, api_key=999, version=0), "API key 999"),
        (ask(1, api_key=ApiKey.WRITE_TXN_MARKERS, version=1), "WriteTxnMarkers"),
        (ask(1, api_key=ApiKey.PRODUCE, version=2), "Produce version 2 is not supported"),
        (ask(1, api_key=ApiKey.FETCH, version=99), "Fetch version 99 is not supported"),
        (ask(1, version=3, body=bytes(9 << 20)), "odradek.request.other.max.bytes"),
        (struct.pack(">i", 12) + struct.pack(">hhih", 18, 3, 1, 2) + b"\xff\xfe", "utf-8|UTF-8"),
        (
            ask(1, version=1, api_key=ApiKey.METADATA, body=struct.pack(">i", 200_000) + bytes(400_000)),
            "odradek.request.elements.max",
        ),
    ],
    ids=["tls", "http", "negative", "huge", "short", "unknown-key", "unserved", "old", "new", "other", "utf8", "elements"],
)
def test_bad_bytes_close_their_connection_with_a_logged_reason_and_no_other(
    sent: bytes, reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def story() -> None:
        async with serving() as (server, connect):
            bystander_in, bystander_out = await connect()
            reader, writer = await connect()
            writer.write(sent)
            assert await closed(reader)
            bystander_out.write(ask(5))
            assert (await answer(bystander_in))[0] == 5
            assert sum(child.value for _, child in server.metrics._closed.items()) == 1

    caplog.set_level(logging.INFO, "odradek.broker")
    asyncio.run(story())
    reasons = [str(getattr(record, "fields", {}).get("reason")) for record in caplog.records if "closed" in record.message]
    assert len(reasons) == 1
    assert any(word in reasons[0] for word in reason.split("|")), reasons


def test_one_connection_more_than_the_limit_is_closed_at_once() -> None:
    async def story() -> None:
        async with serving(max_connections_per_ip="2") as (_, connect):
            kept = [await connect(), await connect()]
            refused, _ = await connect()
            assert await closed(refused)
            for reader, writer in kept:
                writer.write(ask(1))
                assert (await answer(reader))[0] == 1

    asyncio.run(story())


def test_an_idle_connection_is_closed_and_a_busy_one_is_not() -> None:
    async def story() -> None:
        async with serving(connections_max_idle_ms="300") as (_, connect):
            idle, _ = await connect()
            reader, writer = await connect()
            for number in range(8):
                writer.write(ask(number))
                await answer(reader)
                await asyncio.sleep(0.1)
            assert await closed(idle)
            writer.write(ask(9))
            assert (await answer(reader))[0] == 9

    asyncio.run(story())


def test_senders_of_large_requests_take_turns_when_memory_is_spent_and_small_ones_pass() -> None:
    async def story() -> None:
        async with serving(odradek_memory_inflight_bytes=str(1 << 20)) as (server, connect):
            large = struct.pack(">i", 3 << 20) + struct.pack(">hhih", 999, 0, 1, -1) + bytes((3 << 20) - 10)
            first_in, first_out = await connect()
            first_out.write(large[: 2 << 20])
            await until(lambda: server.budget.used > 3 << 20)
            second_in, second_out = await connect()
            second_out.write(large)
            await until(lambda: server.budget.waiting_count == 1)
            reader, writer = await connect()
            writer.write(ask(3))
            assert (await answer(reader))[0] == 3
            first_out.write(large[2 << 20 :])
            assert await closed(first_in), "read whole, and then found to be an unknown API"
            assert await closed(second_in)
            assert server.budget.used == 0

    asyncio.run(story())


def ask_at_length(correlation_id: int, name_size: int) -> bytes:
    body = bytearray()
    api_versions.ENCODE_REQUEST[3](api_versions.ApiVersionsRequest("x" * name_size, "1.0"), body)
    return ask(correlation_id, body=bytes(body))


def test_requests_are_decoded_when_there_is_memory_for_what_they_become() -> None:
    """A handler that takes its time stands for a slow disk."""

    async def story() -> None:
        async with serving(odradek_memory_inflight_bytes=str(1 << 20)) as (server, connect):
            entry, release, begun = server.dispatcher.entry(ApiKey.API_VERSIONS), asyncio.Event(), []
            answer_at_once = entry.handle

            async def slow(request: api_versions.ApiVersionsRequest, context: object) -> object:
                begun.append(len(request.client_software_name))
                await release.wait()
                return answer_at_once(request, context)

            entry.handle = slow
            peers = [await connect() for _ in range(5)]
            for number, (_, writer) in enumerate(peers):
                writer.write(ask_at_length(number, 40_000 + number))  # 640 KB each, as objects
                await until(lambda count=number: len(begun) == 1 and server.decoded.waiting_count == count)
            gone, small = peers[2], await connect()
            small[1].write(ask(77))
            await until(lambda: len(begun) == 2)
            assert begun[1] == 4, "what is small waits for nobody"
            gone[1].close()
            await until(lambda: server.decoded.waiting_count == 3)
            release.set()
            for reader, _ in (*peers[:2], *peers[3:], small):
                await answer(reader)
            assert begun == [40_000, 4, 40_001, 40_003, 40_004]
            await until(lambda: server.decoded.used == 0)

    asyncio.run(story())


def test_who_waits_for_others_holds_no_memory_meanwhile() -> None:
    async def story() -> None:
        async with serving(odradek_memory_inflight_bytes=str(1 << 20)) as (server, connect):
            entry, release = server.dispatcher.entry(ApiKey.SYNC_GROUP), asyncio.Event()
            waiting: list[str] = []

            async def slow(request: sync_group.SyncGroupRequest, _: object) -> sync_group.SyncGroupResponse:
                waiting.append(request.group_id[:1])
                await release.wait()
                return sync_group.SyncGroupResponse()

            entry.handle = slow
            body = bytearray()
            sync_group.ENCODE_REQUEST[3](sync_group.SyncGroupRequest("g" * 30_000, 1, "m"), body)
            peers = [await connect() for _ in range(5)]
            for _, writer in peers:
                writer.write(ask(1, version=3, api_key=ApiKey.SYNC_GROUP, body=bytes(body)))
            await until(lambda: len(waiting) == 5)
            assert server.decoded.used == 0
            release.set()
            for reader, _ in peers:
                assert await reader.readexactly(4)

    asyncio.run(story())


def test_stopping_answers_what_is_under_way_and_closes() -> None:
    async def story() -> None:
        async with serving() as (server, connect):
            reader, writer = await connect()
            writer.write(ask(1))
            assert (await answer(reader))[0] == 1
            await server.stop(1.0)
            assert await closed(reader)
            with pytest.raises(OSError):
                await connect()

    asyncio.run(story())


def waits_for(server: Server, answers: list[asyncio.Future[api_versions.ApiVersionsResponse]]) -> None:
    """Have ApiVersions answered when the test says so: each request adds a future to `answers`."""

    def handle(*_: object) -> asyncio.Future[api_versions.ApiVersionsResponse]:
        answers.append(asyncio.get_running_loop().create_future())
        return answers[-1]

    server.dispatcher.entry(ApiKey.API_VERSIONS).handle = handle


def test_a_stop_waits_longer_for_the_brokers_answers_than_for_peers_that_take_none(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def story() -> None:
        async with serving() as (server, connect):
            with socket.socket() as taking_none:
                taking_none.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
                taking_none.connect(("127.0.0.1", server.state.endpoints["PLAINTEXT"].port))
                taking_none.send(ask(1) * 2000)
                await until(lambda: any(connection.is_peer_slow for connection in server._connections))
                answers: list[asyncio.Future[api_versions.ApiVersionsResponse]] = []
                waits_for(server, answers)
                reader, writer = await connect()
                writer.write(ask(2))
                await until(lambda: bool(answers))
                stopping = asyncio.ensure_future(server.stop(60.0))
                await until(lambda: len(server._connections) == 1)
                answers[0].set_result(api_versions.ApiVersionsResponse())
                assert (await answer(reader))[0] == 2
                assert await closed(reader)
                await stopping

    monkeypatch.setattr("odradek.broker.server.TAKE_SECONDS", 0.05)
    asyncio.run(story())
    (given_up,) = [record for record in caplog.records if "before their answers" in record.message]
    assert (given_up.fields["count"], given_up.fields["requests"]) == (1, 0)  # type: ignore[attr-defined]


def test_a_stop_whose_time_is_up_says_how_many_requests_had_no_answer(caplog: pytest.LogCaptureFixture) -> None:
    async def story() -> None:
        async with serving() as (server, connect):
            answers: list[asyncio.Future[api_versions.ApiVersionsResponse]] = []
            waits_for(server, answers)
            reader, writer = await connect()
            writer.write(ask(1) + ask(2))
            await until(lambda: len(answers) == 2)
            await server.stop(0.05)
            assert await closed(reader)

    asyncio.run(story())
    (given_up,) = [record for record in caplog.records if "before their answers" in record.message]
    assert (given_up.fields["count"], given_up.fields["requests"]) == (1, 2)  # type: ignore[attr-defined]


def test_answers_that_become_ready_in_one_turn_leave_in_one_write() -> None:
    async def story() -> None:
        async with serving() as (server, connect):
            answers: list[asyncio.Future[api_versions.ApiVersionsResponse]] = []
            waits_for(server, answers)
            reader, writer = await connect()
            writer.write(b"".join(ask(number) for number in range(50)))
            await until(lambda: len(answers) == 50)
            writes: list[int] = []
            (connection,) = server._connections
            transport = connection._transport
            connection._transport = Counted(transport, writes)  # type: ignore[assignment]
            for each in reversed(answers):
                each.set_result(api_versions.ApiVersionsResponse())
            assert [(await answer(reader))[0] for _ in range(50)] == list(range(50))
            assert writes == [50]

    asyncio.run(story())


class Counted:
    """A transport that notes of how many parts each write was."""

    def __init__(self, transport: asyncio.Transport, writes: list[int]) -> None:
        self._transport, self._writes = transport, writes

    def writelines(self, parts: list[bytes]) -> None:
        self._writes.append(len(parts))
        self._transport.writelines(parts)

    def __getattr__(self, name: str) -> object:
        return getattr(self._transport, name)
