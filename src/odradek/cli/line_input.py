"""Lines into records: what `odradek produce` sends for each line that it reads.

Two input forms. `lines`: the whole line is the value, or with a key separator, what stands before its first occurrence is the
key. `json`: one object a line, in the shape that `odradek consume --json` prints, so that a topic can be piped into another.
Pure: bytes in, `Outgoing` or `BadLine` out.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable
from typing import Any, NamedTuple

from odradek.cli.errors import CliError

INT32_MAX = 2**31 - 1
INT64_MAX = 2**63 - 1

Headers = list[tuple[str, bytes | None]]


class Outgoing(NamedTuple):
    """A record to send; None where the producer chooses."""

    key: bytes | None
    value: bytes | None
    headers: Headers
    partition: int | None = None
    timestamp: int | None = None


class BadLine(CliError):
    """A line that is no record."""


LineReader = Callable[[bytes], Outgoing]


def line_reader(separator: bytes | None, null: bytes | None, headers: Headers) -> LineReader:
    """Reads plain lines; a key or value equal to `null` becomes null."""

    def read(line: bytes) -> Outgoing:
        if separator is None:
            return Outgoing(None, None if line == null else line, headers)
        key, found, value = line.partition(separator)
        if not found:
            raise BadLine(f"no key separator {separator.decode('utf-8', 'replace')!r} (--key-separator)")
        return Outgoing(None if key == null else key, None if value == null else value, headers)

    return read


def json_reader(headers: Headers) -> LineReader:
    """Reads objects with any of key, value, headers, partition, timestamp; `headers` are added to each."""

    def read(line: bytes) -> Outgoing:
        try:
            found = json.loads(line)
        except ValueError as error:
            raise BadLine(f"not JSON: {error}") from error
        except RecursionError as error:
            raise BadLine("JSON nested too deeply") from error
        if not isinstance(found, dict):
            raise BadLine(f"expected a JSON object, found {type(found).__name__}")
        own = [_header(item) for item in found.get("headers") or []]
        return Outgoing(
            _bytes(found.get("key"), "key"),
            _bytes(found.get("value"), "value"),
            own + headers,
            _integer(found.get("partition"), "partition", INT32_MAX),
            _integer(found.get("timestamp"), "timestamp", INT64_MAX),
        )

    return read


def _bytes(value: Any, name: str) -> bytes | None:
    """Text is UTF-8; `{"base64": ...}` is what it says; any other JSON value is sent as its JSON text."""
    if value is None:
        return None
    if isinstance(value, str):
        return _utf8(value, name)
    if isinstance(value, dict) and value.keys() == {"base64"}:
        try:
            return base64.b64decode(value["base64"], validate=True)
        except (binascii.Error, TypeError, ValueError) as error:
            raise BadLine(f"{name} is not base64: {error}") from error
    return _utf8(json.dumps(value, ensure_ascii=False, separators=(",", ":")), name)


def _utf8(text: str, name: str) -> bytes:
    """JSON can spell half of a surrogate pair, which is no character and has no UTF-8."""
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise BadLine(f"{name} is no text: {error.reason} (character {error.start})") from error


def _integer(value: Any, name: str, most: int) -> int | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise BadLine(f"{name} {value!r} is not a number from 0 upward")
    if value > most:
        raise BadLine(f"{name} {value} is over {most}")
    return value


def _header(item: Any) -> tuple[str, bytes | None]:
    if isinstance(item, list) and len(item) == 2 and isinstance(item[0], str):
        _utf8(item[0], "header name")
        return item[0], _bytes(item[1], f"header {item[0]!r}")
    raise BadLine(f"header {item!r} is not a pair [name, value]")
