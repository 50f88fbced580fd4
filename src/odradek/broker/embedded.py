"""`odradek.Broker`: a whole broker inside a Python program.

    with odradek.Broker() as broker:                       # its own thread and event loop
        use(broker.bootstrap_servers)
    async with odradek.Broker(data_dir=path) as broker:    # on the running loop
        ...

It is the same broker as the command's, on a real socket: any client in any language can use it. Without `data_dir` it
lives in a temporary directory that goes with it, without `listen` on a free port of 127.0.0.1; several can live in one
process. A temporary broker answers `acks=all` from the page cache (`odradek.acks.all.fsync=false`), starts groups
without the initial rebalance delay, gives `__consumer_offsets` five partitions and keeps its metadata in memory: a test
wants its answers now, and its data does not outlive it. A broker with a `data_dir` keeps the command's defaults.
"""

from __future__ import annotations

import asyncio
import tempfile
import threading
from collections.abc import Callable, Coroutine, Mapping
from types import TracebackType
from typing import Any, TypeVar

from odradek.base.errors import OdradekError
from odradek.broker.node import Node
from odradek.metadata.config_file import load_broker_config

_T = TypeVar("_T")
ConfigText = str | int | float | bool
TEMPORARY: Mapping[str, ConfigText] = {
    "odradek.acks.all.fsync": False,
    "group.initial.rebalance.delay.ms": 0,
    "offsets.topic.num.partitions": 5,
}


class Broker:
    """A broker of this program's. Lifecycle: `start` and `stop`, or a `with` or `async with` block; it can be started again.

    `data_dir`: where the data lives; None for a temporary directory. `listen`: `HOST:PORT`, port 0 for a free one.
    `advertise`: what clients are told, when it is not what is listened on. `config`: Kafka's names, values as text or
    as Python values. Raises `OdradekError` where a value is refused, the directory is in use, or the port is taken.
    """

    def __init__(
        self, data_dir: str | None = None, *, listen: str = "127.0.0.1:0", advertise: str | None = None,
        config: Mapping[str, ConfigText] | None = None,
    ) -> None:  # fmt: skip
        self._data_dir = None if data_dir is None else str(data_dir)
        self._listen = listen
        self._advertise = advertise
        self._given = dict(config or {})
        self._temporary: tempfile.TemporaryDirectory[str] | None = None
        self._node: Node | None = None
        self._thread: _LoopThread | None = None

    @property
    def bootstrap_servers(self) -> str:
        """What a client's `bootstrap.servers` takes: `host:port`."""
        return ",".join(endpoint.address for endpoint in self._running.state.endpoints.values())

    @property
    def host(self) -> str:
        return next(iter(self._running.state.endpoints.values())).host

    @property
    def port(self) -> int:
        return next(iter(self._running.state.endpoints.values())).port

    @property
    def metrics_port(self) -> int | None:
        """Where Prometheus metrics are served (`odradek.metrics.port`), or None."""
        return self._running.metrics_port

    @property
    def data_dir(self) -> str:
        """The directory that holds the data."""
        return self._running.data_dir

    @property
    def _running(self) -> Node:
        if self._node is None:
            raise OdradekError("the broker is not running; use it inside its `with` block, or call start() first")
        return self._node

    def start(self) -> Broker:
        """Start in a thread and a loop of its own; returns when it answers."""
        self._refuse_second_start()
        thread = _LoopThread()
        try:
            self._node = thread.run(self._start_node)
        except BaseException:
            thread.stop()
            self._remove_temporary()
            raise
        self._thread = thread
        return self

    def stop(self) -> None:
        """Stop as SIGTERM does: answer what is under way, flush, mark the directory clean. May be repeated."""
        thread, node = self._thread, self._node
        self._thread = self._node = None
        if thread is not None and node is not None:
            try:
                thread.run(node.stop)
            finally:
                thread.stop()
                self._remove_temporary()

    def __enter__(self) -> Broker:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()

    async def __aenter__(self) -> Broker:
        self._refuse_second_start()
        try:
            self._node = await self._start_node()
        except BaseException:
            self._remove_temporary()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        node, self._node = self._node, None
        try:
            if node is not None:
                await node.stop()
        finally:
            self._remove_temporary()

    def _refuse_second_start(self) -> None:
        if self._node is not None:
            raise OdradekError(f"the broker runs already, at {self.bootstrap_servers}")

    async def _start_node(self) -> Node:
        texts = {name: _text(value) for name, value in (TEMPORARY if self._data_dir is None else {}).items()}
        texts |= {name: _text(value) for name, value in self._given.items()}
        texts.setdefault("listeners", self._listen if "://" in self._listen else f"PLAINTEXT://{self._listen}")
        if self._advertise is not None:
            texts["advertised.listeners"] = self._advertise if "://" in self._advertise else f"PLAINTEXT://{self._advertise}"
        if self._data_dir is None:
            self._temporary = tempfile.TemporaryDirectory(prefix="odradek-")
        texts["log.dirs"] = self._data_dir or self._temporary.name  # type: ignore[union-attr]
        return await Node.start(load_broker_config(None, texts).config, temporary=self._data_dir is None)

    def _remove_temporary(self) -> None:
        if self._temporary is not None:
            self._temporary.cleanup()
            self._temporary = None


class _LoopThread:
    """An event loop in a thread of its own, for callers that have none."""

    def __init__(self) -> None:
        self._loop = new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="odradek", daemon=True)
        self._thread.start()

    def run(self, call: Callable[[], Coroutine[Any, Any, _T]]) -> _T:
        """Run a coroutine on the loop and wait for it."""
        return asyncio.run_coroutine_threadsafe(call(), self._loop).result()

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.run_until_complete(self._loop.shutdown_asyncgens())
        self._loop.close()


def new_event_loop() -> asyncio.AbstractEventLoop:
    """uvloop's where it is installed (1.2 to 1.5 times asyncio's rate on sockets), else asyncio's."""
    try:
        import uvloop
    except ImportError:
        return asyncio.new_event_loop()
    loop: asyncio.AbstractEventLoop = uvloop.new_event_loop()
    return loop


def _text(value: ConfigText) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
