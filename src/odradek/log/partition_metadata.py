"""The file `partition.metadata`: which topic a partition's directory belongs to.

    version: 0
    topic_id: xVLhrCFTT02hiOn60KHe8Q

Two lines, the second without a newline. Written once, when the directory is made. A topic that was deleted and made
again has another id: a directory with the old one is left over, and its records must never be served under the new
topic's name.
"""

from __future__ import annotations

from typing import Final

from odradek.base.errors import OdradekError
from odradek.base.ids import InvalidUuidError, uuid_from_text, uuid_to_text

_VERSION: Final = "0"


class CorruptPartitionMetadata(OdradekError):
    """A `partition.metadata` that does not say what it should."""


def encode(topic_id: bytes) -> bytes:
    """The file for a topic's 16-byte id."""
    return f"version: {_VERSION}\ntopic_id: {uuid_to_text(topic_id)}".encode()


def decode(data: bytes) -> bytes:
    """The topic's 16-byte id; raises `CorruptPartitionMetadata`."""
    fields = {}
    for line in data.decode(errors="replace").splitlines():
        name, colon, value = line.partition(":")
        if not colon:
            raise CorruptPartitionMetadata(f"line {line!r} is not 'name: value'")
        fields[name.strip()] = value.strip()
    if fields.get("version") != _VERSION:
        raise CorruptPartitionMetadata(f"version is {fields.get('version')!r}, known is {_VERSION!r}")
    if "topic_id" not in fields:
        raise CorruptPartitionMetadata(f"no topic_id among {sorted(fields)}")
    try:
        return uuid_from_text(fields["topic_id"])
    except InvalidUuidError as error:
        raise CorruptPartitionMetadata(f"topic_id: {error}") from error
