"""What a topic may be called.

Kafka's rules: 1 to 249 characters (the directory is `name-partition`, and file names end at 255), of ASCII letters,
digits, `.`, `_` and `-`; not `.` and not `..`. Two names that differ only in `.` against `_` *collide*, because
Kafka's metric names turn one into the other; the second is refused.

Internal topics belong to coordinators: clients see them marked so, and may read but not usually write them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from odradek.metadata.errors import InvalidTopicError

MAX_NAME_LENGTH = 249
GROUP_TOPIC = "__consumer_offsets"
TRANSACTION_TOPIC = "__transaction_state"
SHARE_TOPIC = "__share_group_state"
CLUSTER_METADATA_TOPIC = "__cluster_metadata"
INTERNAL_TOPICS = frozenset((GROUP_TOPIC, TRANSACTION_TOPIC, SHARE_TOPIC))

_LEGAL = re.compile(r"[a-zA-Z0-9._-]+").fullmatch


def is_internal(name: str) -> bool:
    return name in INTERNAL_TOPICS


def is_valid(name: str) -> bool:
    """Whether a topic may be called `name`."""
    return invalid_reason(name) is None


def invalid_reason(name: str) -> str | None:
    """Why no topic may be called `name`, or None."""
    if not name:
        return "the empty string is not allowed"
    if name in (".", ".."):
        return f"'{name}' is not allowed"
    if len(name) > MAX_NAME_LENGTH:
        return f"the length of '{name}' is longer than the max allowed length {MAX_NAME_LENGTH}"
    if _LEGAL(name) is None:
        return f"'{name}' contains one or more characters other than ASCII alphanumerics, '.', '_' and '-'"
    return None


def validate(name: str) -> None:
    """Raise `InvalidTopicError` unless a topic may be called `name`."""
    reason = invalid_reason(name)
    if reason is not None:
        raise InvalidTopicError(f"Topic name is invalid: {reason}")


def collision_key(name: str) -> str | None:
    """What colliding names share; None for a name that can't collide."""
    return name.replace(".", "_") if "." in name or "_" in name else None


def find_collision(name: str, existing: Iterable[str]) -> str | None:
    """The first of `existing` that collides with `name` without being it."""
    key = collision_key(name)
    if key is None:
        return None
    return next((other for other in existing if other != name and collision_key(other) == key), None)
