"""What a shard does for those who ask it: its services, and the handlers that run.

A handler that is a plain function runs at once, while the record with the request is read. One that is a coroutine
function runs in a task, in a context of its own: it sees nothing of whoever asked but the arguments, on the own shard as on
another.

Whoever asked is one of three: a `Peer`, for a call from another shard; `Here`, for one from this shard; `Nobody`, for
one-way messages. However a handler ends (also one that is cancelled before its first step), the payload that it was lent
goes back, and whoever asked is told.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextvars import copy_context
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

from odradek.base.logging import get_logger
from odradek.smp import groups
from odradek.smp.arena import Arena, Lease
from odradek.smp.errors import CallCancelledError, RemoteError, ShardDiedError, UnknownServiceError, in_words
from odradek.smp.groups import ServiceGroup
from odradek.smp.payload import Drop, Reply, discard, stay_answered

_log = get_logger("smp")


@dataclass(frozen=True, slots=True)
class Service:
    """What a shard answers to."""

    name: str
    handler: Callable[..., Any]
    group: ServiceGroup


class Asker(Protocol):
    """Who is to be told how a handler has ended. (`number` is the asker's own name for the call.)"""

    def started(self, number: int, task: asyncio.Task[Any]) -> None: ...

    def answer(self, number: int, result: Any) -> None: ...

    def fail(self, number: int, service: str, error: BaseException) -> None: ...


class Nobody:
    """Asks for one-way messages: what fails is logged."""

    __slots__ = ("_shard",)

    def __init__(self, shard: int) -> None:
        self._shard = shard

    def started(self, number: int, task: asyncio.Task[Any]) -> None:
        """Nobody cancels it."""

    def answer(self, number: int, result: Any) -> None:
        if isinstance(result, Reply):
            discard(result.payload)

    def fail(self, number: int, service: str, error: BaseException) -> None:
        if not isinstance(error, CallCancelledError | ShardDiedError):  # that is how a shard closes
            _log.exception("nobody waits for what failed", error, service=service, shard=self._shard)


class Here:
    """A caller on the handler's own shard. It gets what a caller on another would."""

    __slots__ = ("_arena", "_on_dropped", "_shard", "future", "task")

    def __init__(self, shard: int, arena: Arena, on_dropped: Drop, future: asyncio.Future[Any]) -> None:
        self._shard = shard
        self._arena = arena
        self._on_dropped = on_dropped
        self.future = future
        self.task: asyncio.Task[Any] | None = None

    def started(self, number: int, task: asyncio.Task[Any]) -> None:
        self.task = task

    def answer(self, number: int, result: Any) -> None:
        if isinstance(result, Reply):
            result = Reply(result.value, stay_answered(self._arena, result.payload, self._on_dropped))
        if not self.future.done():
            self.future.set_result(result)
        elif isinstance(result, Reply):
            discard(result.payload)

    def fail(self, number: int, service: str, error: BaseException) -> None:
        if not self.future.done():
            failure = RemoteError(self._shard, service, *in_words(error))
            failure.__cause__ = error
            self.future.set_exception(failure)


class Server:
    """The services of one shard. Lifecycle: services registered, requests begun, closed."""

    __slots__ = ("_closed", "_context", "_loop", "_services", "_shard", "tasks")

    def __init__(self, shard: int) -> None:
        self._shard = shard
        self._loop = asyncio.get_running_loop()
        self._context = copy_context()
        self._services: dict[str, Service] = {}
        self._closed = False
        self.tasks: set[asyncio.Task[Any]] = set()

    def register(self, service: Service) -> None:
        if service.name in self._services:
            raise ValueError(f"shard {self._shard} has a service {service.name} already")
        self._services[service.name] = service

    def service(self, name: str) -> Service:
        """Raises `UnknownServiceError`."""
        found = self._services.get(name)
        if found is None:
            names = ", ".join(sorted(self._services)) or "none"
            raise UnknownServiceError(f"shard {self._shard} knows no service {name}; it has {names}")
        return found

    def begin(self, asker: Asker, name: str, number: int, args: tuple[Any, ...], lease: Lease | None) -> None:
        """Serve a request. Raises nothing: whoever asked is told."""
        try:
            if self._closed:
                raise ShardDiedError(self._shard, "is closing")
            service = self.service(name)
            result = service.handler(*args) if lease is None else service.handler(*args, lease)
        except (Exception, asyncio.CancelledError) as error:
            self._end(asker, name, number, lease, error, None)
            return
        if not asyncio.iscoroutine(result):
            self._end(asker, name, number, lease, None, result)
            return
        context = self._context.copy()
        context.run(groups.enter, service.group)
        task = self._loop.create_task(result, context=context)
        self.tasks.add(task)
        asker.started(number, task)
        task.add_done_callback(partial(self._ended, asker, name, number, lease))

    def _ended(self, asker: Asker, name: str, number: int, lease: Lease | None, task: asyncio.Task[Any]) -> None:
        """(A callback, and no `finally` in a coroutine around the handler's: a task may be cancelled before its first step.)"""
        self.tasks.discard(task)
        if task.cancelled():
            error: BaseException | None = CallCancelledError(f"{name} on shard {self._shard} was cancelled")
        else:
            error = task.exception()
        self._end(asker, name, number, lease, error, None if error is not None else task.result())

    def _end(self, asker: Asker, name: str, number: int, lease: Lease | None, error: BaseException | None, result: Any) -> None:
        if error is None:
            try:
                asker.answer(number, result)  # before the lease ends: the answer may be made of what was lent
            except Exception as raised:
                error = raised
        if error is not None:
            asker.fail(number, name, error)
        if lease is not None:
            lease.release()

    async def close(self) -> None:
        """Take nothing more, cancel what runs, and wait for it. Those who asked are told."""
        self._closed = True
        while self.tasks:
            for task in self.tasks:
                task.cancel()
            await asyncio.wait(self.tasks)
            await asyncio.sleep(0)  # for the callbacks of those that have just ended
