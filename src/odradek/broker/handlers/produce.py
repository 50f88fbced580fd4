"""Produce (API key 0), versions 3 to 13; 0 to 2 are advertised and refused, as Apache Kafka does.

One batch per partition, appended in the turn of the loop in which the request was read. `acks=1` is answered from the
page cache; `acks=all` answers when the batch is committed (on disk, by one fdatasync for all that wait on the log), and
`acks=0` not at all: an error then closes the connection, since nothing else can tell the client (KafkaApis does so
too). The order of appends is the order of requests: where a log has to roll first, the handler turns into a coroutine
and holds the connection's later requests.

Left out on purpose: transactional batches are refused until there is a transaction coordinator.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any

from odradek.base.errors import OdradekError
from odradek.base.logging import get_logger
from odradek.broker.dispatch import NO_RESPONSE, BadRequest, NoResponse
from odradek.log.results import NEEDS_ROLL
from odradek.metadata import names
from odradek.records.batch import check_produced
from odradek.records.errors import NotOneBatch, RecordsError
from odradek.sync.turns import PIECE, pieces
from odradek.wire.errors import ErrorCode, name_of
from odradek.wire.messages.produce import (
    BatchIndexAndErrorMessage,
    PartitionProduceData,
    PartitionProduceResponse,
    ProduceRequest,
    ProduceResponse,
    TopicProduceData,
    TopicProduceResponse,
)

if TYPE_CHECKING:
    from odradek.broker.context import RequestContext
    from odradek.log.results import AppendResult
    from odradek.records.batch import BatchHeader
    from odradek.replication.partition import Partition

ALL, LEADER, NONE = -1, 1, 0
_TOPIC_IDS_SINCE = 13
# Refusals by the log tell where it starts, as Kafka's do; not what is refused before the log is asked (`NotOneBatch`), and
# not what says that nothing is known of it (damaged, too large, disk, leader).
_TOLD_WITH_LOG_START = frozenset(
    (
        ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER, ErrorCode.INVALID_PRODUCER_EPOCH, ErrorCode.INVALID_TIMESTAMP,
        ErrorCode.INVALID_RECORD, ErrorCode.NOT_ENOUGH_REPLICAS,
    )
)  # fmt: skip
_ADMIN_CLIENT_ID = "__admin_client"  # whom Kafka lets write to internal topics
# What waiting for the disk is given at least; `timeout.ms` bounds, in Kafka, only the wait for other replicas.
_FLUSH_PATIENCE_MS = 1000
_logger = get_logger("broker")
Answer = ProduceResponse | NoResponse


def handle(request: ProduceRequest, context: RequestContext) -> Answer | asyncio.Future[Any] | Coroutine[Any, Any, Any]:
    """Append what the request carries; see the module's text for when it is answered."""
    return _Produce(request, context).run()


class _Produce:
    """One request on its way through. `appends` are those that still wait for a roll, `waits` for their commit."""

    __slots__ = ("acks", "appends", "context", "now_ms", "request", "response", "waits")

    def __init__(self, request: ProduceRequest, context: RequestContext) -> None:
        self.request = request
        self.context = context
        self.acks = request.acks
        self.now_ms = context.broker.clock.now_ms()
        self.response = ProduceResponse()
        self.appends: list[tuple[Partition, BatchHeader, PartitionProduceData, PartitionProduceResponse]] = []
        self.waits: list[tuple[asyncio.Future[None], PartitionProduceResponse]] = []

    def run(self) -> Answer | asyncio.Future[Any] | Coroutine[Any, Any, Any]:
        count = 0
        for topic in self.request.topic_data:
            count += len(topic.partition_data)
        if count > PIECE:
            return self._run_in_turns()
        for topic in self.request.topic_data:
            answers = [self._append(topic, data) for data in topic.partition_data]
            if answers:
                self.response.responses.append(TopicProduceResponse(topic.name, topic.topic_id, answers))
        return self._roll_then_finish() if self.appends else self._finish()

    async def _run_in_turns(self) -> Answer:
        """Partitions by the thousand: others are served between pieces of them."""
        places: list[tuple[TopicProduceData, PartitionProduceData, list[PartitionProduceResponse]]] = []
        for topic in self.request.topic_data:
            answers: list[PartitionProduceResponse] = []
            places += [(topic, data, answers) for data in topic.partition_data]
            if topic.partition_data:
                self.response.responses.append(TopicProduceResponse(topic.name, topic.topic_id, answers))
        async for piece in pieces(places):
            for topic, data, answers in piece:
                answers.append(self._append(topic, data))
        if self.appends:
            return await self._roll_then_finish()
        finished = self._finish()
        return await finished if isinstance(finished, asyncio.Future) else finished

    def _append(self, topic: TopicProduceData, data: PartitionProduceData) -> PartitionProduceResponse:
        answer = PartitionProduceResponse(data.index, base_offset=-1)
        partition: Partition | None = None
        try:
            partition = self._partition(topic, data.index)
            config = partition.log.config
            if self.acks == ALL and config.min_insync_replicas > 1:
                partition.check_in_sync()
            header = check_produced(
                data.records if data.records is not None else b"", max_batch_size=config.max_message_bytes,
                produce_version=self.context.version,
            )  # fmt: skip
            _refuse_transactions(header)
            # While an earlier batch of this request waits for a roll, all later ones wait behind it.
            result = NEEDS_ROLL if self.appends else partition.append_now(data.records, header, self.now_ms)  # type: ignore[arg-type]
            if result is NEEDS_ROLL:
                self.appends.append((partition, header, data, answer))
            else:
                self._appended(partition, header, result, answer)
        except OdradekError as error:
            self._refuse(topic.name, answer, error, partition)
        return answer

    def _partition(self, topic: TopicProduceData, index: int) -> Partition:
        partitions = self.context.broker.partitions
        by_id = self.context.version >= _TOPIC_IDS_SINCE
        partition = partitions.by_id(topic.topic_id, index) if by_id else partitions.by_name(topic.name, index)
        if self.acks not in (ALL, LEADER, NONE):
            raise ProduceError(ErrorCode.INVALID_REQUIRED_ACKS, f"acks is {self.acks}; it is one of -1 (all), 0 and 1")
        if partition.topic in names.INTERNAL_TOPICS and self.context.client_id != _ADMIN_CLIENT_ID:
            raise ProduceError(ErrorCode.INVALID_TOPIC_EXCEPTION, f"{partition.topic} is written by its coordinator only")
        return partition

    def _appended(
        self, partition: Partition, header: BatchHeader, result: AppendResult, answer: PartitionProduceResponse
    ) -> None:
        answer.base_offset = result.first_offset
        answer.log_append_time_ms = result.append_time_ms
        answer.log_start_offset = result.log_start_offset
        end_offset = result.last_offset + 1
        wait = partition.commit(end_offset) if self.acks == ALL else None
        wait = wait or partition.flush_due(end_offset)
        if wait is not None:
            self.waits.append((wait, answer))

    async def _roll_then_finish(self) -> Answer:
        for partition, header, data, answer in self.appends:
            try:
                result = await partition.append(data.records, header, self.now_ms)  # type: ignore[arg-type]
                self._appended(partition, header, result, answer)
            except (OdradekError, OSError) as error:
                self._refuse(partition.topic, answer, error, partition)
        finished = self._finish()
        return await finished if isinstance(finished, asyncio.Future) else finished

    def _finish(self) -> Answer | asyncio.Future[Any]:
        if self.acks == NONE:
            return self._silent()
        if not self.waits:
            return self.response
        return _Commit(self.waits, self.response, self.request.timeout_ms, self.context).future

    def _silent(self) -> NoResponse:
        for topic in self.response.responses:
            for answer in topic.partition_responses:
                if answer.error_code:
                    raise BadRequest(
                        f"produce with acks=0 to {topic.name}-{answer.index} failed with {name_of(answer.error_code)}: "
                        f"{answer.error_message}"
                    )
        return NO_RESPONSE

    def _refuse(
        self, topic: str, answer: PartitionProduceResponse, error: OdradekError | OSError, partition: Partition | None
    ) -> None:
        unnamed = ErrorCode.KAFKA_STORAGE_ERROR if isinstance(error, OSError) else ErrorCode.UNKNOWN_SERVER_ERROR
        answer.error_code = getattr(error, "code", unnamed)
        answer.error_message = str(error)
        if isinstance(error, RecordsError):
            answer.record_errors = [BatchIndexAndErrorMessage(*each) for each in error.record_errors]
        if partition is not None and answer.error_code in _TOLD_WITH_LOG_START and not isinstance(error, NotOneBatch):
            answer.log_start_offset = partition.log.log_start_offset
        self.context.broker.metrics.produce_errors.count_error(answer.error_code)
        if _logger.is_enabled("debug"):
            _logger.debug("produce refused", topic=topic, partition=answer.index,
                          error=name_of(answer.error_code), reason=str(error), client=self.context.client_id)  # fmt: skip


class _Commit:
    """The answer that waits for its commits, or for `timeout.ms` (a second at least: an append that is on its way to the
    disk is answered by a success, not by a time-out that makes the client send it again)."""

    __slots__ = ("_context", "_left", "_timer", "_waits", "future", "response")

    def __init__(
        self, waits: list[tuple[asyncio.Future[None], PartitionProduceResponse]], response: ProduceResponse, timeout_ms: int,
        context: RequestContext,
    ) -> None:  # fmt: skip
        loop = asyncio.get_running_loop()
        self.future: asyncio.Future[Any] = loop.create_future()
        self.response = response
        self._context = context
        self._waits = waits
        self._left = len(waits)
        self._timer = loop.call_later(max(timeout_ms, _FLUSH_PATIENCE_MS) / 1000, self._expire)
        for wait, _ in waits:
            wait.add_done_callback(self._committed)

    def _committed(self, _: asyncio.Future[None]) -> None:
        self._left -= 1
        if self._left == 0:
            self._timer.cancel()
            self._answer()

    def _expire(self) -> None:
        self._answer()

    def _answer(self) -> None:
        if self.future.done():
            return
        for wait, answer in self._waits:
            error: BaseException | None = TimeoutError() if not wait.done() else wait.exception()
            if error is not None:
                self._fail(answer, error)
        self.future.set_result(self.response)

    def _fail(self, answer: PartitionProduceResponse, error: BaseException) -> None:
        if isinstance(error, TimeoutError):
            answer.error_code = ErrorCode.REQUEST_TIMED_OUT
            answer.error_message = "not committed within the request's timeout.ms; the batch may be yet"
        else:
            answer.error_code = getattr(error, "code", ErrorCode.KAFKA_STORAGE_ERROR)
            answer.error_message = str(error)
        answer.base_offset = -1
        self._context.broker.metrics.produce_errors.count_error(answer.error_code)


class ProduceError(OdradekError):
    """A refusal that the handler itself makes; `code` is Kafka's."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


def _refuse_transactions(header: BatchHeader) -> None:
    if header.attributes & 0x10:
        raise ProduceError(
            ErrorCode.INVALID_TXN_STATE, "transactional batches need a transaction coordinator, which this broker has not yet"
        )
