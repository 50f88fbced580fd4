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

A broker lives until it is stopped, or until its process ends: then it is stopped in order, too. It belongs to the process
that started it. A forked child knows the address and may use it as any client does; that the child stops it, leaves the
`with` block or ends has no effect.
"""

from __future__ import annotations

import asyncio
import atexit
import os
import shutil
import tempfile
import threading
from collections.abc import Mapping
from types import TracebackType
from typing import Final

from odradek.aio.to_the_end import to_the_end
from odradek.base.errors import OdradekError
from odradek.broker.loop_thread import LoopThread
from odradek.broker.node import Node
from odradek.metadata.config_file import load_broker_config

ConfigText = str | int | float | bool
EXIT_SECONDS: Final = 10.0  # that the end of the process waits for a broker nobody has stopped
TEMPORARY: Mapping[str, ConfigText] = {
    "odradek.acks.all.fsync": False,
    "group.initial.rebalance.delay.ms": 0,
    "offsets.topic.num.partitions": 5,
}
_running: dict[Broker, None] = {}
"""Brokers between start and stop (in a child, its parent's, too): kept here, so that one lives that nobody refers to."""


class Broker:
    """A broker of this program's. Lifecycle: `start` and `stop`, or a `with` or `async with` block; it can be started again.

    `data_dir`: where the data lives; None for a temporary directory. `listen`: `HOST:PORT`, port 0 for a free one.
    `advertise`: what clients are told, when it is not what is listened on. `config`: Kafka's names, values as text or
    as Python values. Raises `OdradekError` where a value is refused, the directory is in use, or the port is taken.
    All methods may be called from any thread; those of a block that was entered with `async with`, on its loop.
    """

    def __init__(
        self, data_dir: str | os.PathLike[str] | None = None, *, listen: str = "127.0.0.1:0", advertise: str | None = None,
        config: Mapping[str, ConfigText] | None = None,
    ) -> None:  # fmt: skip
        self._data_dir = None if data_dir is None else os.fspath(data_dir)
        self._listen = listen
        self._advertise = advertise
        self._given = dict(config or {})
        self._check_directory()
        self._directory: str | None = None  # the temporary one
        self._node: Node | None = None
        self._thread: LoopThread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None  # that of `async with`
        self._owner = 0  # the process that has started it, 0 while it is stopped
        self._claiming = threading.Lock()

    def _check_directory(self) -> None:
        """Nobody's data goes to a temporary directory, or into the current one, by mistake."""
        if self._data_dir == "":
            raise OdradekError("data_dir is empty: give a directory, or None for a temporary one")
        for name in ("log.dirs", "log.dir"):
            if name in self._given:
                raise OdradekError(f"config gives {name} = {self._given[name]!r}: an embedded broker takes data_dir instead")

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
        """Start in a thread and a loop of its own; returns when it answers. An interrupted start leaves nothing behind."""
        self._claim()
        self._thread = thread = LoopThread(self._start_node, self._release)
        self._node = thread.start()
        return self

    def stop(self) -> None:
        """Stop as SIGTERM does: answer what is under way, flush, mark the directory clean. May be repeated.

        An interrupt (Ctrl-C) is raised when it is done, a second one at once. In a forked child it does nothing.
        """
        if self._owner != os.getpid():
            return
        if self._thread is not None:
            self._thread.stop()
        elif self._loop is not None and self._node is not None:
            self._stop_on(self._loop, self._node)

    def _stop_on(self, loop: asyncio.AbstractEventLoop, node: Node) -> None:
        """It was started on a loop of the caller's, which may run in another thread, stand still, or be closed."""
        if loop.is_closed():
            node.abandon()
        elif not loop.is_running():
            loop.run_until_complete(node.stop())
        elif _running_loop() is loop:
            raise OdradekError("the broker runs on this event loop, which must not wait for it: leave the `async with` block")
        else:
            asyncio.run_coroutine_threadsafe(node.stop(), loop).result()
        self._release()

    def __enter__(self) -> Broker:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()

    async def __aenter__(self) -> Broker:
        self._claim()
        self._loop = asyncio.get_running_loop()
        try:
            self._node = await self._start_node()
        except BaseException:
            self._release()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop it, however often the task is cancelled meanwhile."""
        if self._owner != os.getpid():
            return
        if self._loop is not asyncio.get_running_loop() or self._node is None:
            await to_the_end(asyncio.to_thread(self.stop))
            return
        try:
            await self._node.stop()
        finally:
            self._release()

    # --- between start and stop

    def _claim(self) -> None:
        with self._claiming:
            if self._owner not in (0, os.getpid()):
                raise OdradekError(f"the broker belongs to process {self._owner}, a parent of this one: make another `Broker`")
            if self._owner:
                where = f"at {self.bootstrap_servers}" if self._node is not None else "or is about to"
                raise OdradekError(f"the broker runs already, {where}")
            self._owner = os.getpid()
        if not _running:
            atexit.unregister(_stop_all)
            atexit.register(_stop_all)
        _running[self] = None

    def _release(self) -> None:
        """It is stopped, or could not be started."""
        directory, self._directory = self._directory, None
        if directory is not None:
            shutil.rmtree(directory, ignore_errors=True)
        self._node = self._thread = self._loop = None
        _running.pop(self, None)
        self._owner = 0

    async def _start_node(self) -> Node:
        texts = {name: _text(value) for name, value in (TEMPORARY if self._data_dir is None else {}).items()}
        texts |= {name: _text(value) for name, value in self._given.items()}
        texts.setdefault("listeners", self._listen if "://" in self._listen else f"PLAINTEXT://{self._listen}")
        if self._advertise is not None:
            texts["advertised.listeners"] = self._advertise if "://" in self._advertise else f"PLAINTEXT://{self._advertise}"
        if self._data_dir is None:
            self._directory = tempfile.mkdtemp(prefix="odradek-")
        texts["log.dirs"] = self._data_dir or self._directory or ""
        return await Node.start(load_broker_config(None, texts, source="config").config, temporary=self._data_dir is None)

    def _stop_at_exit(self) -> None:
        if self._owner != os.getpid():  # the parent's, in a forked child that ends
            return
        if self._thread is not None:
            self._thread.stop(EXIT_SECONDS)
        elif self._loop is not None and not self._loop.is_running():
            self.stop()


def _stop_all() -> None:
    """The process ends with brokers that nobody has stopped."""
    for broker in list(_running):
        broker._stop_at_exit()


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


def _text(value: ConfigText) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
