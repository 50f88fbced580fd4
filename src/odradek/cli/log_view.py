"""Entries of log files as lines and as JSON: the showing behind `odradek log`.

`odradek.log.inspect.dump` gives a named tuple for each entry of a file. Its kind is the class's name in words, its fields are
the tuple's, but for batches, which are shown as a person reads them: last offset instead of delta, codec by name. Pure.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from odradek.base.ids import uuid_to_text
from odradek.cli.record_format import json_bytes

if TYPE_CHECKING:
    from odradek.records.batch import BatchHeader

Fields = dict[str, object]
_WORD = re.compile(r"(?<=[a-z])(?=[A-Z])")


def entries(found: Any) -> Iterator[tuple[str, Fields]]:
    """Kind and fields of what `dump` gave; a batch is followed by its records, where they were decoded."""
    kind = kind_of(found)
    if kind != "batch":
        yield kind, {name: _readable(name, value) for name, value in found._asdict().items()}
        return
    yield kind, {"position": found.position, "size": found.size, **batch_fields(found.header)}
    for record in found.records or ():
        yield from entries(record)


def _readable(name: str, value: object) -> object:
    """Ids as Kafka writes them."""
    return uuid_to_text(value) if name.endswith("_id") and isinstance(value, bytes) else value


def kind_of(found: object) -> str:
    """`DumpedTopicId` -> `topic-id`."""
    return _WORD.sub("-", type(found).__name__.removeprefix("Dumped")).lower()


def batch_fields(header: BatchHeader) -> Fields:
    from odradek.records.compression import Codec

    return {
        "base_offset": header.base_offset,
        "last_offset": header.last_offset,
        "record_count": header.record_count,
        "leader_epoch": header.leader_epoch,
        "codec": Codec(header.codec).name.lower(),
        "base_timestamp": header.base_timestamp,
        "max_timestamp": header.max_timestamp,
        "timestamp_type": "LogAppendTime" if header.is_log_append_time else "CreateTime",
        "producer_id": header.producer_id,
        "producer_epoch": header.producer_epoch,
        "base_sequence": header.base_sequence,
        "transactional": header.is_transactional,
        "control": header.is_control,
        "crc": header.crc,
    }


def entry_line(kind: str, path: str, fields: Mapping[str, object], *, as_json: bool) -> str:
    """One entry: `batch position=0 ...` under its file's heading, or an object with `kind` and `path` before its fields."""
    if as_json:
        return json_text({"kind": kind, "path": path, **fields})
    return f"{kind} " + " ".join(f"{name}={value_text(value)}" for name, value in fields.items())


def finding_line(severity: str, path: str, position: int, reason: str) -> str:
    """One finding: `damage  orders-0/000.log:4096: CRC ...`; a negative position is none."""
    where = path if position < 0 else f"{path}:{position}"
    return f"{severity:8}{where}: {reason}"


def json_text(fields: Mapping[str, object]) -> str:
    return json.dumps(fields, ensure_ascii=False, separators=(",", ":"), default=_plain)


def _plain(value: object) -> object:
    """What JSON has no form for: bytes as `consume --json` shows them, anything else as text."""
    return json_bytes(bytes(value)) if isinstance(value, bytes | bytearray | memoryview) else str(value)


def value_text(value: object) -> str:
    """A value in a line: bytes as text where they are, quoted when a reader could not tell where it ends."""
    if value is None:
        return "-"
    if isinstance(value, bytes | bytearray | memoryview):
        value = bytes(value).decode("utf-8", "backslashreplace")
    if not isinstance(value, str):
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=_plain)
    return json.dumps(value, ensure_ascii=False) if _needs_quotes(value) else value


def _needs_quotes(text: str) -> bool:
    return not text or any(character in ' "=\\' or not character.isprintable() for character in text)
