"""What Apache Kafka's own metadata says about a data directory that it wrote: topics' and brokers' configurations.

Kafka (KRaft) keeps its metadata as records in `__cluster_metadata-0`, beside the data. The logs alone tell a topic's
name, id and partitions, but not that it is to be kept for ever or compacted; adopting it with the defaults would
delete what its owner meant to keep. So the configurations are taken over.

A record's value: frame version (uvarint, 1), API key of the record type (uvarint), version (uvarint), then the fields
in the flexible encoding, tagged fields last. Three types matter, all of version 0 (the others are passed over):

     2  TopicRecord        name, topic id (16 bytes)
     4  ConfigRecord       resource type int8, resource name, configuration name, value (null: deleted)
     9  RemoveTopicRecord  topic id

Worked: `01 04 00 | 02 | 02 74 | 0d 73 65 67 ... | 02 31 | 00` sets something on the topic (2) `t` to `1`; lengths are
one more than the text's, and 0 is null.

Reading: the newest snapshot (`OFFSET-EPOCH.checkpoint`, batches like a log's), then the log from its offset on, up to
the first batch that isn't whole. With one controller, which is who writes such a directory, all of that is committed.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from odradek.base.errors import OdradekError
from odradek.base.logging import get_logger

if TYPE_CHECKING:
    from odradek.aio.storage import Storage

DIRECTORY = "__cluster_metadata-0"
SIZE_MAX = 256 << 20  # bytes of one file; Kafka makes a snapshot and begins anew long before (20 MiB by default)
_FRAME_VERSION = 1
_TOPIC_RECORD, _CONFIG_RECORD, _REMOVE_TOPIC_RECORD = 2, 4, 9
_TOPIC, _BROKER = 2, 4
_log = get_logger("metadata")


class KafkaMetadata:
    """Replayed records, as far as they are of use. `topics` are the names by id that Kafka has."""

    __slots__ = ("_configs", "topics")

    def __init__(self) -> None:
        self.topics: dict[bytes, str] = {}
        self._configs: dict[tuple[int, str], dict[str, str]] = {}

    def topic_configs(self, name: str) -> dict[str, str]:
        """What is set on a topic."""
        return self._configs.get((_TOPIC, name), {})

    def broker_configs(self, name: str) -> dict[str, str]:
        """What is set on a broker at run time; "" is all brokers."""
        return self._configs.get((_BROKER, name), {})

    def replay(self, value: bytes) -> None:
        """Take one record in; raises `ValueError` where it is malformed."""
        fields = _Fields(value)
        frame_version, api_key, version = fields.uvarint(), fields.uvarint(), fields.uvarint()
        if frame_version != _FRAME_VERSION:
            raise ValueError(f"metadata record of frame version {frame_version}; known is {_FRAME_VERSION}")
        if version != 0:
            return
        if api_key == _TOPIC_RECORD:
            name = fields.text() or ""
            self.topics[fields.take(16)] = name
        elif api_key == _REMOVE_TOPIC_RECORD:
            removed = self.topics.pop(fields.take(16), None)
            self._configs.pop((_TOPIC, removed or ""), None)
        elif api_key == _CONFIG_RECORD:
            self._set(fields.take(1)[0], fields.text() or "", fields.text() or "", fields.text())

    def _set(self, kind: int, resource: str, name: str, value: str | None) -> None:
        configs = self._configs.setdefault((kind, resource), {})
        if value is None:
            configs.pop(name, None)
        else:
            configs[name] = value


class _Fields:
    """A cursor over the flexible encoding."""

    __slots__ = ("_at", "_data")

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def take(self, size: int) -> bytes:
        taken = self._data[self._at : self._at + size]
        if len(taken) != size:
            raise ValueError(f"metadata record ends at byte {len(self._data)}, a field of {size} bytes begins at {self._at}")
        self._at += size
        return taken

    def uvarint(self) -> int:
        value = shift = 0
        while shift <= 28:
            byte = self.take(1)[0]
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value
            shift += 7
        raise ValueError(f"metadata record with a length of more than five bytes before {self._at}")

    def text(self) -> str | None:
        size = self.uvarint()
        return None if size == 0 else self.take(size - 1).decode()


async def read_kafka_metadata(storage: Storage, data_dir: str) -> KafkaMetadata | None:
    """What Kafka's metadata in `data_dir` says; None where there is none, or where it can't be read (the log says why)."""
    directory = f"{data_dir}/{DIRECTORY}"
    try:
        if not await storage.exists(directory):
            return None
        names = sorted([entry.name async for entry in storage.list_directory(directory)])
        found = KafkaMetadata()
        begin = 0
        for name in [name for name in names if name.endswith(".checkpoint")][-1:]:
            begin = int(name.partition("-")[0])
            _replay_file(found, await storage.read_bytes(f"{directory}/{name}", limit=SIZE_MAX), 0)
        for name in [name for name in names if name.endswith(".log")]:
            _replay_file(found, await storage.read_bytes(f"{directory}/{name}", limit=SIZE_MAX), begin)
        return found
    except (OSError, ValueError, OdradekError) as error:
        _log.warning("Kafka's metadata cannot be read", directory=directory, reason=str(error))
        return None


def _replay_file(found: KafkaMetadata, data: bytes, begin: int) -> None:
    for offset, value in _values(data):
        if offset >= begin:
            found.replay(value)


def _values(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Offset and value of every record in the whole batches that `data` begins with."""
    from odradek.records.record import read_records
    from odradek.records.stored import Verdict, check_stored

    view, position = memoryview(data), 0
    while position < len(view):
        stored = check_stored(view, position)
        if stored.verdict is not Verdict.WHOLE or stored.header is None:
            return
        if not stored.header.is_control:
            for record in read_records(view[position:], stored.header):
                if record.value is not None:
                    yield record.offset, record.value
        position += stored.size
