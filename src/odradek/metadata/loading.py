"""The image as the store has it: one range read per kind, one JSON value per topic."""

from __future__ import annotations

from collections.abc import Mapping

from odradek.metadata import codec
from odradek.metadata.errors import StoreError
from odradek.metadata.image import ConfigChange, Image, TopicChange
from odradek.metadata.store import Compare, MetadataStore, Put
from odradek.metadata.writer import ImageWriter


async def load(store: MetadataStore, cluster_id: str, node_id: int) -> ImageWriter:
    """Read everything; a new store is marked as `cluster_id`'s.

    Raises `StoreError` when the store is another cluster's (somebody has copied a metadata.db into the wrong directory), or
    holds a value that can't be read.
    """
    await _check_cluster(store, cluster_id)
    image = Image(cluster_id, node_id)
    writer = ImageWriter(store, image)
    topics = await store.range(codec.TOPICS)
    configs = await store.range(codec.CONFIGS)
    for entry in topics:
        image.apply(TopicChange(None, codec.decode_topic(entry)))
    for entry in configs:
        kind, name = codec.split_config_key(entry.key)
        image.apply(ConfigChange(kind, name, codec.decode_configs(entry)))
    removed = await store.range(codec.REMOVED)
    writer.removed = {codec.removed_id(entry.key) for entry in removed}
    for entries in (topics, configs, removed):
        writer.remember(entries)
    return writer


async def load_broker_configs(store: MetadataStore) -> dict[str, Mapping[str, str]]:
    """What was set at run time for brokers, by number ("": all), for whoever needs it before there is an image."""
    found = [(codec.split_config_key(entry.key), codec.decode_configs(entry)) for entry in await store.range(codec.CONFIGS)]
    return {name: configs for (kind, name), configs in found if kind == "broker"}


async def _check_cluster(store: MetadataStore, cluster_id: str) -> None:
    mark = Put(codec.CLUSTER_KEY, codec.encode(cluster_id=cluster_id))
    outcome = await store.transaction([Compare(codec.CLUSTER_KEY, 0)], [mark])
    if outcome.succeeded:
        return
    entry = await store.get(codec.CLUSTER_KEY)
    found = codec.decode(entry).get("cluster_id") if entry is not None else None
    if found != cluster_id:
        raise StoreError(
            f"the metadata store belongs to the cluster {found!r}, the data directory (meta.properties) to {cluster_id!r}"
        )
