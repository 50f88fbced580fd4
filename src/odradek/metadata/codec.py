"""How metadata is written down: keys and JSON values of the store.

    cluster                {"v": 1, "cluster_id": "..."}            whose metadata this is; checked when it is loaded
    topics/NAME            {"v": 1, "id": "22 characters", "configs": {...}, "partitions": [[replicas, isr, leader, leader
                           epoch, partition epoch], ...]}           one value per topic: a topic changes as a whole
    configs/broker/NODE    {"v": 1, "configs": {...}}               dynamic configurations; an empty NODE is all brokers'
    configs/group/GROUP    {"v": 1, "configs": {...}}
    removed/TOPIC ID       {"v": 1, "name": "..."}                  a deleted topic whose logs may still be on disk

The broker keeps its producer ids in the same store, under `producer-ids/`, as plain digits.

JSON, because people look into it when something is wrong, and because the standard library parses 10,000 partitions
in 15 ms. A reader refuses a `v` it does not know (naming the key) and ignores fields that it does not know.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from odradek.base.ids import InvalidUuidError, uuid_from_text, uuid_to_text
from odradek.metadata.errors import StoreError
from odradek.metadata.image import PartitionImage, TopicImage
from odradek.metadata.store import Entry

VERSION = 1
CLUSTER_KEY = "cluster"
TOPICS = "topics/"
CONFIGS = "configs/"
REMOVED = "removed/"


def topic_key(name: str) -> str:
    return TOPICS + name


def config_key(kind: str, name: str) -> str:
    return f"{CONFIGS}{kind}/{name}"


def removed_key(topic_id: bytes) -> str:
    return REMOVED + uuid_to_text(topic_id)


def removed_id(key: str) -> bytes:
    """The topic id in a key under `REMOVED`; raises `StoreError`."""
    try:
        return uuid_from_text(key.removeprefix(REMOVED))
    except InvalidUuidError as error:
        raise StoreError(f"metadata key {key!r} is no topic id: {error}") from error


def split_config_key(key: str) -> tuple[str, str]:
    """Kind and name of a configured resource."""
    kind, _, name = key.removeprefix(CONFIGS).partition("/")
    return kind, name


def encode(**fields: object) -> bytes:
    """A value of the current version."""
    return json.dumps({"v": VERSION, **fields}, separators=(",", ":")).encode()


def decode(entry: Entry) -> dict[str, Any]:
    """The fields of a value; raises `StoreError` naming the key."""
    try:
        fields = json.loads(entry.value)
        version = fields["v"]
    except (ValueError, KeyError, TypeError) as error:
        raise StoreError(f"metadata key {entry.key!r} holds no value that can be read: {entry.value[:80]!r}") from error
    if version != VERSION:
        raise StoreError(
            f"metadata key {entry.key!r} has version {version}; this version of Odradek reads {VERSION}. "
            "Was the data directory written by a newer one?"
        )
    return dict(fields)


def encode_topic(topic: TopicImage) -> bytes:
    return encode(id=uuid_to_text(topic.topic_id), configs=dict(topic.configs), partitions=[list(p) for p in topic.partitions])


def decode_topic(entry: Entry) -> TopicImage:
    fields = decode(entry)
    try:
        partitions = tuple(
            PartitionImage(tuple(replicas), tuple(isr), leader, leader_epoch, partition_epoch)
            for replicas, isr, leader, leader_epoch, partition_epoch in fields["partitions"]
        )
        name = entry.key.removeprefix(TOPICS)
        return TopicImage(name, uuid_from_text(fields["id"]), partitions, fields["configs"])
    except (KeyError, TypeError, ValueError, InvalidUuidError) as error:
        raise StoreError(f"metadata key {entry.key!r} is no topic: {error!r}") from error


def encode_configs(configs: Mapping[str, str]) -> bytes:
    return encode(configs=dict(configs))


def decode_configs(entry: Entry) -> dict[str, str]:
    fields = decode(entry)
    return {str(name): str(value) for name, value in fields["configs"].items()}
