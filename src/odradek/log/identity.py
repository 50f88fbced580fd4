"""Whose data directory this is: `meta.properties` compared with who asks, and written where it is missing.

Data of another node or another cluster must not be served, so both are compared. A new directory gets what it is
given, and ids of its own where nothing is given.
"""

from __future__ import annotations

from typing import Final

from odradek.aio.storage import Storage
from odradek.base.ids import random_uuid, uuid_to_text
from odradek.base.prng import Prng
from odradek.log import meta_properties, names
from odradek.log.errors import InconsistentDirectory
from odradek.log.meta_properties import CorruptMetaProperties, MetaProperties

DEFAULT_NODE_ID: Final = 1


async def identify(storage: Storage, directory: str, given: MetaProperties, prng: Prng) -> MetaProperties:
    """What the directory says, completed from `given` and written down if that is new.

    Raises `InconsistentDirectory` when the two contradict each other, CorruptMetaProperties, OSError.
    """
    path = f"{directory}/{names.META_PROPERTIES}"
    try:
        found = meta_properties.decode(await storage.read_bytes(path))
    except FileNotFoundError:
        found = None
    except CorruptMetaProperties as error:  # never written over: whose data this is would be lost with it
        raise CorruptMetaProperties(f"{path} cannot be used: {error}") from error
    there = found or MetaProperties(None, None)
    _refuse_another(path, "node.id", there.node_id, given.node_id)
    _refuse_another(path, "cluster.id", there.cluster_id, given.cluster_id)
    node_id = next(known for known in (there.node_id, given.node_id, DEFAULT_NODE_ID) if known is not None)
    cluster_id = there.cluster_id or given.cluster_id or uuid_to_text(random_uuid(prng))
    wanted = MetaProperties(cluster_id, node_id, there.directory_id or random_uuid(prng))
    if found != wanted:
        await storage.write_atomically(path, meta_properties.encode(wanted))
    return wanted


def _refuse_another(path: str, name: str, there: object, here: object) -> None:
    if there is not None and here is not None and there != here:
        raise InconsistentDirectory(f"{path} says {name}={there}, this broker has {name}={here}: it belongs to another one")
