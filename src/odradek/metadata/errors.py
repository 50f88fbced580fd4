"""What may go wrong with a metadata request, each with its Kafka error code.

The broker's border copies `code` and the message into the response; nothing below it knows responses. The codes are
numbers here rather than names from `wire`, because this room stands beside `wire`, not on it.
"""

from __future__ import annotations

from odradek.base.errors import OdradekError


class MetadataError(OdradekError):
    """A metadata request that Kafka refuses; `code` is the error code on the wire."""

    code = -1


class UnknownTopicError(MetadataError):
    """No topic of that name, or no such partition."""

    code = 3


class RequestTimedOutError(MetadataError):
    """The decision stands, but its effects were not seen in the time that the client gave."""

    code = 7


class InvalidTopicError(MetadataError):
    """A name that breaks Kafka's rules, or collides with an existing one."""

    code = 17


class TopicExistsError(MetadataError):
    """A topic of that name is there already."""

    code = 36


class InvalidPartitionsError(MetadataError):
    """A partition count that is not positive, not an increase, or above the limit."""

    code = 37


class InvalidReplicationFactorError(MetadataError):
    """More copies than brokers, or none."""

    code = 38


class InvalidReplicaAssignmentError(MetadataError):
    """A manual assignment that names no broker, an unknown one, or one twice."""

    code = 39


class InvalidConfigError(MetadataError):
    """A configuration name or value that is refused."""

    code = 40


class InvalidRequestError(MetadataError):
    """A request that contradicts itself."""

    code = 42


class PolicyViolationError(MetadataError):
    """A limit of this broker's own, refused politely."""

    code = 44


class TopicDeletionDisabledError(MetadataError):
    """`delete.topic.enable` is false."""

    code = 73


class UnknownTopicIdError(MetadataError):
    """No topic with that id."""

    code = 100


class StoreError(MetadataError):
    """The metadata store cannot be opened, read or written (KAFKA_STORAGE_ERROR)."""

    code = 56


class ConflictError(StoreError):
    """The store changed under a decision: somebody else wrote. Load the image again and decide anew."""
