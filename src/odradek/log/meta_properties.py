"""The file `meta.properties` at the top of a data directory: whose directory this is.

    #
    version=1
    cluster.id=b2RyYWRlay1yZWZlcmVuYw
    node.id=1
    directory.id=ZERGc7kNUrm94xsp57G0Hg

Java properties (ISO 8859-1, everything else as `\\uXXXX`), written when the directory is formatted and compared at
every start: data of another node or cluster must not be served. Version 0 (Kafka with ZooKeeper) says `broker.id` and
may lack the cluster's; it is read, never written.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from odradek.base.errors import OdradekError
from odradek.base.ids import InvalidUuidError, uuid_from_text, uuid_to_text

_VERSION: Final = "1"
_SEPARATOR: Final = re.compile(r"(?<!\\)(?:\\\\)*[=:\s]")
_ESCAPE: Final = re.compile(r"\\(u[0-9a-fA-F]{4}|.)", re.DOTALL)
_ESCAPED: Final = {"t": "\t", "n": "\n", "r": "\r", "f": "\f"}


class CorruptMetaProperties(OdradekError):
    """A `meta.properties` that cannot be understood."""


class MetaProperties(NamedTuple):
    """Whose directory it is. `cluster_id` is text (Kafka allows any), `directory_id` 16 bytes; None where a file lacks it."""

    cluster_id: str | None
    node_id: int | None
    directory_id: bytes | None = None
    version: int = int(_VERSION)


def encode(properties: MetaProperties) -> bytes:
    """The file, always as version 1: `cluster_id` and `node_id` must be known."""
    if properties.cluster_id is None or properties.node_id is None:
        raise CorruptMetaProperties(f"version {_VERSION} needs cluster.id and node.id: {properties}")
    lines = ["#", f"version={_VERSION}", f"cluster.id={_escape(properties.cluster_id)}", f"node.id={properties.node_id}"]
    if properties.directory_id is not None:
        lines.append(f"directory.id={uuid_to_text(properties.directory_id)}")
    return "\n".join([*lines, ""]).encode()


def decode(data: bytes) -> MetaProperties:
    """What the file says; raises `CorruptMetaProperties`."""
    fields = parse_properties(data.decode("latin-1"))
    version = fields.get("version", "0")
    if not fields.keys() & {"version", "cluster.id", "node.id", "broker.id"}:
        raise CorruptMetaProperties("it does not say whose data this is (cluster.id, node.id): the file is damaged or empty")
    if version not in ("0", _VERSION):
        raise CorruptMetaProperties(f"version is {version!r}, known are 0 and {_VERSION}")
    cluster_id = fields.get("cluster.id")
    node_id = _number(fields, "broker.id" if version == "0" else "node.id")
    if version == _VERSION and (cluster_id is None or node_id is None):
        raise CorruptMetaProperties(f"version {_VERSION} needs cluster.id and node.id, there are {sorted(fields)}")
    return MetaProperties(cluster_id, node_id, _directory_id(fields), int(version))


def parse_properties(text: str) -> dict[str, str]:
    """Java's `.properties`: comments (`#`, `!`), `=`, `:` or blank between name and value, `\\` escapes and continues."""
    fields = {}
    for line in _logical_lines(text):
        match = _SEPARATOR.search(line)
        name, rest = (line[: match.end() - 1], line[match.end() - 1 :]) if match else (line, "")
        value = re.sub(r"\A\s*[=:]?\s*", "", rest)
        fields[_unescape(name)] = _unescape(value)
    return fields


def _logical_lines(text: str) -> list[str]:
    lines: list[str] = []
    continued = False
    for raw in text.splitlines():
        line = raw.lstrip()
        if continued:
            lines[-1] += line
        elif not line or line[0] in "#!":
            continue
        else:
            lines.append(line)
        # An odd number of backslashes at the end: the last one is not escaped itself.
        continued = (len(line) - len(line.rstrip("\\"))) % 2 == 1
        if continued:
            lines[-1] = lines[-1][:-1]
    return lines


def _unescape(text: str) -> str:
    def plain(match: re.Match[str]) -> str:
        code = match[1]
        return chr(int(code[1:], 16)) if len(code) == 5 else _ESCAPED.get(code, code)

    return _ESCAPE.sub(plain, text)


def _escape(text: str) -> str:
    if text > "" and max(text) > "\uffff":
        raise CorruptMetaProperties(f"{text!r} has a character that `\\uXXXX` cannot name")
    escaped = "".join(f"\\{char}" if char in "\\=:#! " else char for char in text)
    return "".join(char if " " <= char <= "~" else f"\\u{ord(char):04x}" for char in escaped)


def _number(fields: dict[str, str], name: str) -> int | None:
    text = fields.get(name)
    if text is None:
        return None
    if not re.fullmatch(r"-?[0-9]{1,10}", text):
        raise CorruptMetaProperties(f"{name} is {text!r}, not a number")
    return int(text)


def _directory_id(fields: dict[str, str]) -> bytes | None:
    text = fields.get("directory.id")
    if text is None:
        return None
    try:
        return uuid_from_text(text)
    except InvalidUuidError as error:
        raise CorruptMetaProperties(f"directory.id: {error}") from error
