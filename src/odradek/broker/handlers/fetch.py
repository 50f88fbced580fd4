"""Fetch (API key 1), versions 4 to 18.

A fetch is planned (`fetch_session.py`: which partitions, incremental or full), measured (`fetch_measure.py`: which slice
of which segment each partition would give, no byte read), and then either answered or parked until enough has been
appended, something is wrong, or `max.wait.ms` is over. An answer's bytes come from the page cache in the same turn of the
loop; where the cache is cold the rest of the work moves off the loop. The first batch is given whole however small the
limits are (KIP-74), and always from the batch that holds the offset: clients drop the records before it.

Left out on purpose: fetches by followers, since no partition here has a second replica (whoever says that it is one is told so,
as Kafka tells who is none of a partition's); `rack.id` is not needed while there is one replica to read from.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

from odradek.base.errors import OdradekError
from odradek.broker.fetch_measure import Measured, Measurer
from odradek.broker.fetch_session import FetchItem, FetchKey, FetchPlan
from odradek.log.results import WOULD_BLOCK
from odradek.wire.errors import ErrorCode
from odradek.wire.messages.fetch import (
    FetchableTopicResponse,
    FetchRequest,
    FetchResponse,
    LeaderIdAndEpoch,
    NodeEndpoint,
    PartitionData,
)

if TYPE_CHECKING:
    from odradek.broker.context import RequestContext

_TOPIC_IDS_SINCE = 13
_SESSIONS_SINCE = 7
_REPLICA_STATE_SINCE = 15
_LEADERS_TOLD_SINCE = 16
_LEADER_TOLD_WITH: Final = frozenset((ErrorCode.NOT_LEADER_OR_FOLLOWER, ErrorCode.FENCED_LEADER_EPOCH))
_READ_UNCOMMITTED, _READ_COMMITTED = 0, 1


def handle(request: FetchRequest, context: RequestContext) -> FetchResponse | asyncio.Future[Any]:
    """The answer, or a future of it: a fetch holds nothing back, so later requests of the connection go on."""
    if request.isolation_level not in (_READ_UNCOMMITTED, _READ_COMMITTED):
        return _refused(request, ErrorCode.INVALID_REQUEST, context)
    plan = _plan(request, context)
    request.topics, request.forgotten_topics_data = [], []  # a fetch may be parked for long, and the plan has it all
    if plan.error:
        context.broker.metrics.fetch_errors.count_error(plan.error)
        return FetchResponse(error_code=plan.error)
    fetch = _Fetch(request, context, plan)
    fetch.measure()
    if fetch.is_ready():
        return fetch.answer()
    return _Parked(fetch).future


def _refused(request: FetchRequest, error: int, context: RequestContext) -> FetchResponse:
    """The whole fetch fails: told for each partition too, since versions below 7 have no place for it above them."""
    context.broker.metrics.fetch_errors.count_error(error)
    response = FetchResponse(error_code=error)
    for topic in request.topics:
        refused = [
            PartitionData(asked.partition, error_code=error, high_watermark=-1, records=b"") for asked in topic.partitions
        ]
        response.responses.append(FetchableTopicResponse(topic.topic, topic.topic_id, refused))
    return response


def _replica_id(request: FetchRequest, version: int) -> int:
    """Which broker asks; -1 for a consumer, and other negative ones for tools."""
    if version < _REPLICA_STATE_SINCE:
        return request.replica_id
    return -1 if request.replica_state is None else request.replica_state.replica_id


def _plan(request: FetchRequest, context: RequestContext) -> FetchPlan:
    by_id = context.version >= _TOPIC_IDS_SINCE
    name_of = context.broker.partitions.name_of
    items = [
        FetchItem(
            (name_of(topic.topic_id) or "") if by_id else topic.topic, topic.topic_id, asked.partition, asked.fetch_offset,
            asked.partition_max_bytes, asked.current_leader_epoch, asked.last_fetched_epoch,
        )
        for topic in request.topics
        for asked in topic.partitions
    ]  # fmt: skip
    if len(items) > 1:
        # As in Kafka: the last place that names a partition counts. A parked fetch is then no larger than the cluster.
        items = list({item.key(by_id): item for item in items}.values())
    if context.version < _SESSIONS_SINCE:
        return FetchPlan(items)
    forgotten: list[FetchKey] = [
        (topic.topic_id if by_id else topic.topic, index)
        for topic in request.forgotten_topics_data
        for index in topic.partitions
    ]
    return context.broker.fetch_sessions.plan(
        request.session_id, request.session_epoch, items, forgotten, by_id=by_id, now_ms=context.broker.clock.now_ms()
    )


class _Fetch:
    """One fetch on its way through."""

    __slots__ = ("_leader_told", "_measurer", "context", "measured", "min_bytes", "plan", "request", "size", "urgent")

    def __init__(self, request: FetchRequest, context: RequestContext, plan: FetchPlan) -> None:
        self.request = request
        self.context = context
        self.plan = plan
        self._measurer = Measurer(
            context.broker.partitions, by_id=context.version >= _TOPIC_IDS_SINCE,
            committed=request.isolation_level == _READ_COMMITTED, replica_id=_replica_id(request, context.version),
        )  # fmt: skip
        self.min_bytes = min(request.min_bytes, context.broker.config.get_int("fetch.max.bytes"))
        self.measured: list[Measured] = []
        self.size = 0
        self.urgent = False
        self._leader_told = False

    def measure(self) -> None:
        """Find out what there is to give, without reading it."""
        self.measured, self.size, self.urgent = [], 0, False
        unsent, measurer = self.context.broker.unsent, self._measurer
        left = min(self.request.max_bytes, self.context.broker.config.get_int("fetch.max.bytes"), unsent.room)
        may_be_larger = unsent.has_room_for_one  # for the first that has something, also where its size is not known yet
        for item in self.plan.items:
            found = Measured(item)
            self.measured.append(found)
            try:
                measurer.measure(found, left, min_one_batch=may_be_larger)
                self.urgent = self.urgent or found.cold or found.data.diverging_epoch is not None
            except (OdradekError, OSError) as error:
                self._fail(found, error)
                self.urgent = True
            left = max(0, left - (found.limits[0] if found.cold else found.slice.size))
            self.size += found.slice.size
            may_be_larger = may_be_larger and not found.cold and found.slice.size == 0

    def is_ready(self) -> bool:
        """Whether to answer now rather than park."""
        return self.urgent or self.size >= self.min_bytes or self.request.max_wait_ms <= 0 or not self.plan.items

    def answer(self) -> FetchResponse | asyncio.Future[Any]:
        """Read what was measured: now where the page cache has it, else by a task."""
        cold: list[Measured] = []
        for found in self.measured:
            if found.cold:
                cold.append(found)
            elif found.slice.size:
                self._read_warm(found, cold)
        if cold:
            task = asyncio.ensure_future(self._answer_cold(cold))
            unsent = self.context.broker.unsent
            size = sum(found.limits[0] if found.cold else found.slice.size for found in cold)
            unsent.held += size  # what is being read is in memory before anybody can take it
            task.add_done_callback(lambda _: unsent.give_back(size))
            # Also when the task is cancelled before it has begun: a held slice keeps its segment's file open.
            task.add_done_callback(lambda _: _release(cold))
            return task
        return self._response()

    def _read_warm(self, found: Measured, cold: list[Measured]) -> None:
        try:
            read = found.slice.read_now()
        except OSError as error:
            self._fail(found, error)
            return
        if read is WOULD_BLOCK:
            found.slice.hold()
            cold.append(found)
        else:
            found.data.records = read

    def _fail(self, found: Measured, error: Exception) -> None:
        found.fail(error)
        if found.data.error_code in _LEADER_TOLD_WITH and self.context.version >= _LEADERS_TOLD_SINCE:
            self._tell_leader(found)
        self.context.broker.metrics.fetch_errors.count_error(found.data.error_code)

    def _tell_leader(self, found: Measured) -> None:
        """Whoever takes another for the leader learns of the present one here, without asking for metadata (KIP-951)."""
        if found.partition is not None:
            found.data.current_leader = LeaderIdAndEpoch(self.context.broker.node_id, found.partition.leader_epoch)
            self._leader_told = self._measurer.replica_id < 0  # brokers know each other's addresses

    def _leaders(self) -> list[NodeEndpoint]:
        broker, listener = self.context.broker, self.context.listener
        return [
            NodeEndpoint(each.node_id, endpoint.host, endpoint.port, each.rack)
            for each in broker.image.live_brokers()
            if each.node_id == broker.node_id and (endpoint := each.endpoints.get(listener)) is not None
        ]

    async def _answer_cold(self, cold: list[Measured]) -> FetchResponse:
        for found in cold:
            try:
                await self._read_cold(found)
            except (OdradekError, OSError) as error:
                self._fail(found, error)
        return self._response()

    async def _read_cold(self, found: Measured) -> None:
        if found.cold and found.partition is not None:
            max_bytes, end, min_one = found.limits
            found.slice = await found.partition.log.read_slice_cold(
                found.item.fetch_offset, max_bytes, end, min_one_batch=min_one
            )
            found.data.records = await found.slice.read()
            return
        found.data.records = await found.slice.read()

    def _response(self) -> FetchResponse:
        response = FetchResponse(session_id=self.plan.session_id)
        served: list[FetchKey] = []
        last: FetchableTopicResponse | None = None
        for found in self.measured:
            item, data = found.item, found.data
            size = len(data.records or b"")
            news = item.has_news(data.error_code, size, data.high_watermark, data.log_start_offset)
            if self.plan.incremental and not news and data.diverging_epoch is None:
                continue
            if size:
                served.append(item.key(self._measurer.by_id))
                if found.partition is not None:
                    found.partition.bytes_out += size
            if last is None or last.topic_id != item.topic_id or last.topic != item.topic:
                last = FetchableTopicResponse(item.topic, item.topic_id)
                response.responses.append(last)
            last.partitions.append(data)
        if self.plan.session is not None:
            self.plan.session.served(served)
        if self._leader_told:
            response.node_endpoints = self._leaders()
        return response


def _release(cold: list[Measured]) -> None:
    for found in cold:
        if not found.cold:
            found.slice.release()


class _Parked:
    """A fetch that waits for `min_bytes` on its partitions (an `AppendWatcher` of each), or for its time to be over."""

    __slots__ = ("_fetch", "_missing", "_timer", "_watched", "future")

    def __init__(self, fetch: _Fetch) -> None:
        loop = asyncio.get_running_loop()
        self._fetch = fetch
        self._missing = fetch.min_bytes - fetch.size
        self._watched = [found.partition for found in fetch.measured if found.partition is not None]
        for partition in self._watched:
            partition.watch(self)
        self._timer = loop.call_later(fetch.request.max_wait_ms / 1000, self._wake)
        self.future: asyncio.Future[Any] = loop.create_future()
        self.future.add_done_callback(self._unpark)

    def on_append(self, size: int) -> None:
        """Enough has come (or, with size 0, the partition is going): look again in this turn of the loop, once."""
        self._missing -= size
        if self._missing <= 0 or size == 0:
            self._stop_watching()
            asyncio.get_running_loop().call_soon(self._wake)

    def _stop_watching(self) -> None:
        for partition in self._watched:
            partition.unwatch(self)
        self._watched = []
        self._timer.cancel()

    def _unpark(self, _: asyncio.Future[Any]) -> None:
        self._stop_watching()

    def _wake(self) -> None:
        if self.future.done():
            return
        try:
            self._fetch.measure()
            answer = self._fetch.answer()
        except Exception as error:  # whatever it is: the client must not wait for ever
            self.future.set_exception(error)
            return
        if isinstance(answer, FetchResponse):
            self.future.set_result(answer)
        else:
            answer.add_done_callback(self._answered)

    def _answered(self, task: asyncio.Future[Any]) -> None:
        if self.future.done():
            return
        error = task.exception()
        if error is not None:
            self.future.set_exception(error)
        else:
            self.future.set_result(task.result())
