"""What the coordinator refuses with: an error that carries Kafka's code, and how failed appends look to clients.

A client of a group knows little of replicas and disks. So an append's failure is told in words that make it do the
right thing: find the coordinator again (NOT_COORDINATOR), or try again later (COORDINATOR_NOT_AVAILABLE); the same
translation as in Kafka's GroupCoordinatorService.
"""

from __future__ import annotations

from odradek.base.errors import OdradekError
from odradek.wire.errors import ErrorCode


class CoordinatorError(OdradekError):
    """A request that cannot be served; `code` is Kafka's."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


_AS_TOLD = {
    ErrorCode.UNKNOWN_TOPIC_OR_PARTITION: ErrorCode.COORDINATOR_NOT_AVAILABLE,
    ErrorCode.NOT_ENOUGH_REPLICAS: ErrorCode.COORDINATOR_NOT_AVAILABLE,
    ErrorCode.NOT_ENOUGH_REPLICAS_AFTER_APPEND: ErrorCode.COORDINATOR_NOT_AVAILABLE,
    ErrorCode.REQUEST_TIMED_OUT: ErrorCode.COORDINATOR_NOT_AVAILABLE,
    ErrorCode.NOT_LEADER_OR_FOLLOWER: ErrorCode.NOT_COORDINATOR,
    ErrorCode.KAFKA_STORAGE_ERROR: ErrorCode.NOT_COORDINATOR,
    ErrorCode.MESSAGE_TOO_LARGE: ErrorCode.UNKNOWN_SERVER_ERROR,
    ErrorCode.RECORD_LIST_TOO_LARGE: ErrorCode.UNKNOWN_SERVER_ERROR,
    ErrorCode.INVALID_FETCH_SIZE: ErrorCode.UNKNOWN_SERVER_ERROR,
}


def told_to_clients(append_code: int) -> int:
    """The code that a client gets when an append fails with `append_code`."""
    return _AS_TOLD.get(append_code, append_code)


def code_of(error: BaseException) -> int:
    """The Kafka code that an exception carries; UNKNOWN_SERVER_ERROR when it carries none."""
    return int(getattr(error, "code", ErrorCode.UNKNOWN_SERVER_ERROR))
