"""Structured logs, a level per room.

A logger belongs to a room (`get_logger("log")` is the standard library's `odradek.log`), and takes an event in words plus named
fields: `logger.info("segment rolled", topic="t", base_offset=7)`. An application that embeds a broker configures the standard
`logging` as it likes and sees ordinary records, whose `fields` attribute holds the values; the command calls `configure()`.

The standard library does it because asyncio has imported it already: structlog costs 90 ms at start-up
(docs/decisions/0002-logging.md). Formats: `console` for people, `logfmt`, and `json` for machines, one line each.
"""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Mapping
from typing import TextIO

from odradek.base.errors import OdradekError

ROOMS = ("aio", "smp", "wire", "records", "log", "metadata", "replication", "coordinator", "broker", "cli")
LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}
FORMATS = ("console", "logfmt", "json")


class LogOptionError(OdradekError):
    """A `--log` option that names no room or no level."""


class Logger:
    """A room's voice. Cheap when the level is off: one comparison, no formatting."""

    __slots__ = ("_logger",)

    def __init__(self, logger: logging.Logger) -> None:
        self._logger = logger

    def debug(self, event: str, **fields: object) -> None:
        self._log(logging.DEBUG, event, fields)

    def info(self, event: str, **fields: object) -> None:
        self._log(logging.INFO, event, fields)

    def warning(self, event: str, **fields: object) -> None:
        self._log(logging.WARNING, event, fields)

    def error(self, event: str, **fields: object) -> None:
        self._log(logging.ERROR, event, fields)

    def exception(self, event: str, error: BaseException | None = None, **fields: object) -> None:
        """An error with the traceback of `error`, or of the exception being handled: for bugs, not for bad input."""
        self._logger.error(event, extra={"fields": fields}, exc_info=error or True)

    def is_enabled(self, level: str) -> bool:
        return self._logger.isEnabledFor(LEVELS[level])

    def _log(self, level: int, event: str, fields: dict[str, object]) -> None:
        if self._logger.isEnabledFor(level):
            self._logger.log(level, event, extra={"fields": fields})


def get_logger(room: str) -> Logger:
    """The logger of a room."""
    return Logger(logging.getLogger(f"odradek.{room}"))


def parse_levels(text: str) -> dict[str, int]:
    """Levels by room from `aio=debug,log=info`; a bare level (`debug`) is for all rooms. Raises `LogOptionError`."""
    levels: dict[str, int] = {}
    for item in filter(None, (part.strip() for part in text.split(","))):
        room, equals, level = item.rpartition("=")
        if level.lower() not in LEVELS:
            raise LogOptionError(f"{item!r}: {level!r} is no level; one of {', '.join(LEVELS)}")
        if equals and room not in ROOMS:
            raise LogOptionError(f"{item!r}: {room!r} is no room; one of {', '.join(ROOMS)}")
        levels[room] = LEVELS[level.lower()]
    return levels


def configure(levels: Mapping[str, int], *, style: str = "console", stream: TextIO | None = None) -> None:
    """Send Odradek's logs to `stream` (standard error when None); `levels[""]` is for rooms that are not named."""
    if style not in FORMATS:
        raise LogOptionError(f"{style!r} is no log format; one of {', '.join(FORMATS)}")
    root = logging.getLogger("odradek")
    root.handlers[:] = [handler := logging.StreamHandler(stream or sys.stderr)]
    root.propagate = False
    handler.setFormatter({"console": _Console, "logfmt": _Logfmt, "json": _Json}[style]())
    root.setLevel(levels.get("", logging.INFO))
    for room in ROOMS:
        logging.getLogger(f"odradek.{room}").setLevel(levels.get(room, logging.NOTSET))


def _fields(record: logging.LogRecord) -> Mapping[str, object]:
    found = getattr(record, "fields", None)
    return found if isinstance(found, dict) else {}


def _stamp(record: logging.LogRecord, formatter: logging.Formatter) -> str:
    return f"{formatter.formatTime(record, '%Y-%m-%dT%H:%M:%S')}.{int(record.msecs):03d}"


def _value(value: object) -> str:
    text = str(value)
    plain = text and not any(c in ' "=\n\t\\' for c in text)
    return text if plain else json.dumps(text, ensure_ascii=False)


class _Console(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        room = record.name.removeprefix("odradek.")
        line = f"{_stamp(record, self)} {record.levelname.lower():7} {room:11} {record.getMessage()}"
        shown = "  ".join(f"{name}={_value(value)}" for name, value in _fields(record).items())
        line = f"{line}  {shown}" if shown else line
        return f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line


class _Logfmt(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return " ".join(f"{name}={_value(value)}" for name, value in _flat(record, self).items())


class _Json(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return json.dumps(_flat(record, self), ensure_ascii=False, default=str)


def _flat(record: logging.LogRecord, formatter: logging.Formatter) -> dict[str, object]:
    flat: dict[str, object] = {
        "time": _stamp(record, formatter),
        "level": record.levelname.lower(),
        "room": record.name.removeprefix("odradek."),
        "event": record.getMessage(),
        **_fields(record),
    }
    if record.exc_info:
        flat["exception"] = formatter.formatException(record.exc_info)
    return flat
