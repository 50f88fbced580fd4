"""The rooms' log levels as configurations of a broker (resource type BROKER_LOGGER, KIP-412).

A logger is a room (`log`, `broker`, ...), or `root` for all that have no level of their own. Levels have Kafka's
words. Nothing of it is kept: the next start begins with what `--log` says. No API: the leading underscore says so.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence

from odradek.base.logging import ROOMS
from odradek.metadata.configs import Alteration, Operation, check_distinct, check_node_id
from odradek.metadata.errors import InvalidConfigError, InvalidRequestError

ROOT = "root"
_LEVELS = {
    "FATAL": logging.CRITICAL,
    "ERROR": logging.ERROR,
    "WARN": logging.WARNING,
    "INFO": logging.INFO,
    "DEBUG": logging.DEBUG,
    "TRACE": logging.DEBUG,
}
_WORDS = {level: word for word, level in reversed(_LEVELS.items())} | {logging.DEBUG: "DEBUG"}


def levels() -> dict[str, str]:
    """The level of every logger, by name."""
    return {name: _word(_logger(name).getEffectiveLevel()) for name in (ROOT, *ROOMS)}


def alter(broker_name: str, node_id: int, alterations: Sequence[Alteration], *, validate_only: bool) -> None:
    """Change levels; raises `InvalidRequestError` or `InvalidConfigError`, and then nothing has changed."""
    check_node_id(broker_name, node_id)
    check_distinct([alteration.name for alteration in alterations])
    for name, operation, value in alterations:
        if operation not in (Operation.SET, Operation.DELETE):
            verb = Operation(operation).name if operation in frozenset(Operation) else str(operation)
            raise InvalidRequestError(f"{verb} operation is not allowed for the BROKER_LOGGER resource")
        if name != ROOT and name not in ROOMS:
            raise InvalidConfigError(f"Logger {name} does not exist! There are {', '.join((ROOT, *ROOMS))}.")
        if operation == Operation.DELETE and name == ROOT:
            raise InvalidRequestError("Removing the log level of the root logger is not allowed")
        if operation == Operation.SET and value not in _LEVELS:
            raise InvalidConfigError(f"Cannot set the log level of {name} to {value}: it must be one of {', '.join(_LEVELS)}")
    if not validate_only:
        for name, operation, value in alterations:
            _logger(name).setLevel(_LEVELS[value] if operation == Operation.SET and value else logging.NOTSET)


def _logger(name: str) -> logging.Logger:
    return logging.getLogger("odradek" if name == ROOT else f"odradek.{name}")


def _word(level: int) -> str:
    return next((word for known, word in sorted(_WORDS.items()) if level <= known), "FATAL")
