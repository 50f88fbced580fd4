"""Every limit on connections that a server has, over real sockets: who waits, who is closed, and who is not concerned."""

from __future__ import annotations

import asyncio
import select
import socket
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager, closing

from odradek.base.clock import SystemClock
from odradek.broker.context import BrokerState
from odradek.broker.metrics import BrokerMetrics
from odradek.broker.server import Server
from odradek.metadata.broker_config import BrokerConfig
from odradek.wire.api import ApiKey
from odradek.wire.headers import encode_request_header
from odradek.wire.messages import api_versions

TWO_LISTENERS = "INTERNAL://127.0.0.1:0,PLAINTEXT://127.0.0.1:0"
LARGE = 2 << 20


def greeting() -> bytes:
    out = bytearray()
    encode_request_header(out, ApiKey.API_VERSIONS, 3, 1, "test")
    api_versions.ENCODE_REQUEST[3](api_versions.ApiVersionsRequest("test", "1.0"), out)
    return struct.pack(">i", len(out)) + bytes(out)


class Peer:
    """A client that greets as it comes; `greeted` when it has been answered."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self.writer = writer
        writer.write(greeting())
        self._answer = asyncio.ensure_future(reader.read(4))

    @property
    def is_greeted(self) -> bool:
        return self._answer.done()

    async def greeted(self) -> None:
        assert await asyncio.wait_for(asyncio.shield(self._answer), 30)

    async def is_closed(self) -> bool:
        """Whether it comes to its end, after what it is told before."""
        try:
            await asyncio.wait_for(asyncio.shield(self._answer), 30)
            await asyncio.wait_for(self._reader.read(), 30)
        except ConnectionResetError:  # what it had sent was not read
            pass
        return True

    async def leave(self) -> None:
        self.writer.close()
        await self.writer.wait_closed()


class Serving:
    """A server, and clients that come to it."""

    def __init__(self, server: Server, peers: AsyncExitStack) -> None:
        self.server = server
        self._peers = peers

    async def come(self, listener: str = "PLAINTEXT") -> Peer:
        peer = Peer(*await asyncio.open_connection("127.0.0.1", self.server.state.endpoints[listener].port))
        self._peers.callback(peer.writer.close)
        return peer

    def set(self, **settings: str) -> None:
        """As a change at run time does."""
        self.server.state.config = self.server.state.config.with_dynamic(dotted(settings), {})

    def pauses(self, reason: str) -> int:
        return int(sum(child.value for labels, child in self.server._acceptor._pauses.items() if labels == (reason,)))


def dotted(settings: dict[str, str]) -> dict[str, str]:
    return {name.replace("_", "."): value for name, value in settings.items()}


@asynccontextmanager
async def serving(listeners: str = "PLAINTEXT://127.0.0.1:0", **settings: str) -> AsyncIterator[Serving]:
    state = BrokerState()
    state.config = BrokerConfig({"listeners": listeners} | dotted(settings))
    state.metrics = BrokerMetrics()
    state.clock = SystemClock()
    server = Server(state)
    state.endpoints = await server.start()
    async with AsyncExitStack() as peers:
        try:
            yield Serving(server, peers)
        finally:
            await server.stop(0)


async def until(condition: Callable[[], bool]) -> None:
    for _ in range(3000):
        if condition():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it did not come to pass within thirty seconds")


def test_above_a_listeners_number_newcomers_wait_there_and_nowhere_else() -> None:
    async def story() -> None:
        async with serving(TWO_LISTENERS, listener_name_internal_max_connections="1") as here:
            first = await here.come("INTERNAL")
            await first.greeted()
            waiting = await here.come("INTERNAL")
            await until(lambda: here.pauses("limit") > 0)
            for _ in range(3):
                await (await here.come("PLAINTEXT")).greeted()
            assert not waiting.is_greeted
            await first.leave()
            await waiting.greeted()

    asyncio.run(story())


def test_above_the_brokers_number_newcomers_wait_on_every_listener() -> None:
    async def story() -> None:
        async with serving(TWO_LISTENERS, max_connections="1") as here:
            await (await here.come("INTERNAL")).greeted()
            waiting = await here.come("PLAINTEXT")
            await until(lambda: here.pauses("limit") > 0)
            assert not waiting.is_greeted
            here.set(max_connections="2")
            await waiting.greeted()

    asyncio.run(story())


def test_no_more_are_accepted_than_the_rate_allows_and_all_in_the_end() -> None:
    async def story() -> None:
        async with serving(max_connection_creation_rate="20") as here:
            clock = asyncio.get_running_loop()
            began = clock.time()
            crowd = [await here.come() for _ in range(50)]
            accepted = here.server.metrics.connections_accepted.value
            assert accepted <= 20 + 20 * (clock.time() - began) + 1
            for peer in crowd:
                await peer.greeted()
            assert 20 + 20 * (clock.time() - began) + 1 >= len(crowd)
            assert here.pauses("rate") > 0

    asyncio.run(story())


def test_a_listeners_rate_holds_up_nobody_elsewhere_and_may_change() -> None:
    async def story() -> None:
        async with serving(TWO_LISTENERS, listener_name_internal_max_connection_creation_rate="0") as here:
            waiting = await here.come("INTERNAL")
            await until(lambda: here.pauses("rate") > 0)
            await (await here.come("PLAINTEXT")).greeted()
            assert not waiting.is_greeted
            here.set(listener_name_internal_max_connection_creation_rate="100")
            await waiting.greeted()

    asyncio.run(story())


def test_addresses_have_limits_of_their_own_and_one_more_is_closed() -> None:
    async def story() -> None:
        overrides = "127.0.0.1:1,10.0.0.7:5"
        async with serving(max_connections_per_ip="1000", max_connections_per_ip_overrides=overrides) as here:
            first = await here.come()
            await first.greeted()
            assert await (await here.come()).is_closed()
            here.set(max_connections_per_ip_overrides="127.0.0.1:2")
            await (await here.come()).greeted()

    asyncio.run(story())


def test_who_is_idle_for_too_long_is_closed_and_where_it_is_negative_nobody_is() -> None:
    async def story() -> None:
        async with serving(connections_max_idle_ms="200") as here, serving(connections_max_idle_ms="-1") as patient:
            stays = await patient.come()
            await stays.greeted()
            assert await (await here.come()).is_closed()
            patient.server._sweep()
            assert patient.server.metrics.connections.value == 1

    asyncio.run(story())


def test_the_backlog_is_as_long_as_it_is_set() -> None:
    async def story() -> None:
        async with serving(max_connections="0", socket_listen_backlog_size="3") as here:
            with ExitStack() as crowd:
                coming = [crowd.enter_context(closing(socket.socket())) for _ in range(12)]
                for sock in coming:
                    sock.setblocking(False)
                    sock.connect_ex(("127.0.0.1", here.server.state.endpoints["PLAINTEXT"].port))
                await until(lambda: len(select.select([], coming, [], 0)[1]) >= 3)
                assert len(select.select([], coming, [], 0)[1]) in (3, 4), "Linux takes one more"

    asyncio.run(story())


def test_accepted_sockets_have_the_buffers_that_were_set() -> None:
    async def story() -> None:
        async with serving(socket_send_buffer_bytes="50000", socket_receive_buffer_bytes="60000") as here:
            await (await here.come()).greeted()
            (connection,) = here.server._connections
            accepted = connection._transport.get_extra_info("socket")
            assert accepted.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF) in (50_000, 100_000)  # Linux doubles it
            assert accepted.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) in (60_000, 120_000)

    asyncio.run(story())


def test_large_requests_wait_where_queued_max_request_bytes_is_spent() -> None:
    async def story() -> None:
        limits = {"queued_max_request_bytes": str(LARGE), "socket_request_max_bytes": str(LARGE)}
        async with serving(**limits) as here:
            begun = struct.pack(">i", LARGE - 4) + bytes(LARGE // 2)
            first, second = await here.come(), await here.come()
            await first.greeted()
            await second.greeted()
            first.writer.write(begun)
            await until(lambda: here.server.budget.used > 0)
            second.writer.write(begun)
            await until(lambda: here.server.budget.waiting_count == 1)
            await (await here.come()).greeted()
            await first.leave()
            await until(lambda: here.server.budget.waiting_count == 0)

    asyncio.run(story())
