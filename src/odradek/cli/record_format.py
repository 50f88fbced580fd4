r"""How `odradek consume` prints a record: `--format` escapes, and `--json`.

    %k key        %K its length in bytes     %t topic       %T timestamp, ms since 1970     %h headers, a=1,b=2
    %v value      %V its length in bytes     %p partition   %D timestamp, ISO 8601 UTC      %% a percent sign
    %o offset     \n \t \r \0 \\ \xHH

Nothing is added: a format that wants a line per record ends in \n. A length is -1 for null. A format is compiled once, into a
function from a record to bytes. The letters are kcat's where it has one and its letter reads well (its %s and %S are the value
and its length).
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, Protocol

from odradek.cli.errors import UsageProblem
from odradek.cli.output import quoted


class Shown(Protocol):
    """What a consumed message offers (confluent-kafka's `Message`)."""

    def topic(self) -> str | None: ...
    def partition(self) -> int | None: ...
    def offset(self) -> int | None: ...
    def key(self) -> bytes | None: ...
    def value(self) -> bytes | None: ...
    def headers(self) -> Any: ...
    def timestamp(self) -> tuple[int, int]: ...


Formatter = Callable[[Shown], bytes]

_TOKEN = re.compile(r"%(.)|\\(x[0-9a-fA-F]{2}|.)|([^%\\]+)|(.)", re.DOTALL)
_BACKSLASH = {"n": b"\n", "t": b"\t", "r": b"\r", "0": b"\0", "\\": b"\\"}
_TIMESTAMP_TYPES = {1: "CreateTime", 2: "LogAppendTime"}


def compile_format(template: str, null: bytes = b"") -> Formatter:
    """A function that prints a record by `template`, null keys and values as `null`; raises `UsageProblem`."""
    parts: list[bytes | Formatter] = []
    for match in _TOKEN.finditer(template):
        escape, backslash, plain, stray = match.groups()
        if escape is not None:
            parts.append(_escape(escape, null, template))
        elif backslash is not None:
            parts.append(_backslash(backslash, template))
        elif plain is not None:
            parts.append(plain.encode())
        else:
            raise UsageProblem(f"--format {quoted(template)}: ends in a lone {quoted(stray)}")

    def render(message: Shown) -> bytes:
        return b"".join([part if isinstance(part, bytes) else part(message) for part in parts])

    return render


def value_lines(null: bytes = b"") -> Formatter:
    """The default, `%v\\n`, without the detour."""

    def render(message: Shown) -> bytes:
        value = message.value()
        return (null if value is None else value) + b"\n"

    return render


def _escape(letter: str, null: bytes, template: str) -> bytes | Formatter:
    fields: dict[str, bytes | Formatter] = {
        "%": b"%",
        "k": lambda message: _or(message.key(), null),
        "v": lambda message: _or(message.value(), null),
        "s": lambda message: _or(message.value(), null),
        "K": lambda message: _length(message.key()),
        "V": lambda message: _length(message.value()),
        "S": lambda message: _length(message.value()),
        "o": lambda message: b"%d" % (message.offset() or 0),
        "p": lambda message: b"%d" % (message.partition() or 0),
        "t": lambda message: (message.topic() or "").encode(),
        "T": lambda message: b"%d" % message.timestamp()[1],
        "D": lambda message: iso_text(message.timestamp()[1]).encode(),
        "h": lambda message: _headers_text(message.headers(), null),
    }
    if letter not in fields:
        raise UsageProblem(f"--format {quoted(template)}: unknown %{letter} (known: {' '.join('%' + name for name in fields)})")
    return fields[letter]


def _backslash(escape: str, template: str) -> bytes:
    if escape.startswith("x") and len(escape) == 3:
        return bytes([int(escape[1:], 16)])
    if escape not in _BACKSLASH:
        raise UsageProblem(rf"--format {quoted(template)}: unknown \{escape} (known: \n \t \r \0 \\ \xHH)")
    return _BACKSLASH[escape]


def _or(data: bytes | None, null: bytes) -> bytes:
    return null if data is None else data


def _length(data: bytes | None) -> bytes:
    return b"%d" % (-1 if data is None else len(data))


def _headers_text(headers: Sequence[tuple[str, bytes | None]] | None, null: bytes) -> bytes:
    return b",".join(name.encode() + b"=" + _or(value, null) for name, value in headers or ())


def iso_text(timestamp_ms: int) -> str:
    """`1700000000123` -> `2023-11-14T22:13:20.123Z`; empty for a time that is unset or beyond the calendar."""
    if not 0 <= timestamp_ms < 253_402_300_800_000:
        return ""
    when = datetime.fromtimestamp(timestamp_ms / 1000, UTC)
    return when.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def json_line(message: Shown) -> bytes:
    """One object: topic, partition, offset, timestamp, timestamp_type, key, value, headers. Bytes: see `json_bytes`."""
    kind, timestamp = message.timestamp()
    shown = {
        "topic": message.topic(),
        "partition": message.partition(),
        "offset": message.offset(),
        "timestamp": timestamp if kind else None,
        "timestamp_type": _TIMESTAMP_TYPES.get(kind),
        "key": json_bytes(message.key()),
        "value": json_bytes(message.value()),
        "headers": [[name, json_bytes(value)] for name, value in message.headers() or ()],
    }
    return json.dumps(shown, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def json_bytes(data: bytes | None) -> str | dict[str, str] | None:
    """Text where it is UTF-8, `{"base64": "..."}` where it is not, null where there is none."""
    if data is None:
        return None
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(data).decode("ascii")}
