"""Changes made to last: one transaction per request, then the image, with everybody told in between.

The order around the image is the point. What appears (a topic, partitions) is shown after the listeners have made its
logs, so that no client is sent to a partition that isn't there yet; what disappears is hidden before its logs go, and
a configuration holds before its listeners ask for it. The transaction compares the revision of every key that the
decision was based on; a store that somebody else has written to answers with `ConflictError` and nothing is done.

A deleted topic leaves a mark in the store until its logs are gone: without it, the next start after a crash in
between would find the logs, take them for a topic that metadata has lost, and bring the deleted topic back.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence

from odradek.base.errors import OdradekError
from odradek.base.logging import get_logger
from odradek.metadata import codec
from odradek.metadata.errors import ConflictError
from odradek.metadata.image import BrokerChange, Change, ConfigChange, Image, TopicChange, TopicRemoval
from odradek.metadata.store import Compare, Delete, Entry, MetadataStore, Operation, Put

Listener = Callable[[Change], Awaitable[None]]
_log = get_logger("metadata")


class ImageWriter:
    """The only hand that writes to the store and the image. A cluster's single writer; calls must not overlap."""

    __slots__ = ("_revisions", "applied", "image", "listeners", "removed", "store")

    def __init__(self, store: MetadataStore, image: Image) -> None:
        self.store = store
        self.image = image
        self.listeners: list[Listener] = []
        self.applied: Callable[[Change], None] = lambda change: None
        self.removed: set[bytes] = set()  # ids of deleted topics whose logs may still be there
        self._revisions: dict[str, int] = {}

    def remember(self, entries: Sequence[Entry]) -> None:
        """Note what was loaded, for the compares to come."""
        self._revisions.update((entry.key, entry.mod_revision) for entry in entries)

    async def commit(self, changes: Sequence[Change]) -> None:
        """Carry `changes` out; when it returns they are durable, visible and known to all listeners.

        More changes than the store takes at once go in several transactions, in order.
        """
        at_once = max(1, self.store.max_operations // 2)  # the removal of a topic is two operations
        for first in range(0, len(changes), at_once):
            await self._commit_some(changes[first : first + at_once])

    async def forget_removed(self, topic_ids: Collection[bytes]) -> None:
        """The logs of these deleted topics are gone."""
        await self._write([Delete(codec.removed_key(topic_id)) for topic_id in topic_ids])
        self.removed.difference_update(topic_ids)

    async def _commit_some(self, changes: Sequence[Change]) -> None:
        await self._write([operation for change in changes for operation in _operations(change)])
        self.removed.update(change.old.topic_id for change in changes if isinstance(change, TopicRemoval))
        self._apply([change for change in changes if not isinstance(change, TopicChange)])
        told = await asyncio.gather(*map(self._tell, changes))
        self._apply([change for change in changes if isinstance(change, TopicChange)])
        removals = [change for change, heard in zip(changes, told, strict=True) if heard and isinstance(change, TopicRemoval)]
        if removals:
            await self.forget_removed([removal.old.topic_id for removal in removals])

    def _apply(self, changes: Sequence[Change]) -> None:
        for change in changes:
            self.image.apply(change)
            self.applied(change)

    async def _write(self, operations: Sequence[Operation]) -> None:
        if not operations:
            return
        compares = [Compare(operation.key, self._revisions.get(operation.key, 0)) for operation in operations]
        outcome = await self.store.transaction(compares, operations)
        if not outcome.succeeded:
            keys = ", ".join(operation.key for operation in operations[:3])
            raise ConflictError(f"the metadata store was changed by somebody else ({keys}, ...): load the image again")
        for operation in operations:
            if isinstance(operation, Delete):
                self._revisions.pop(operation.key, None)
            else:
                self._revisions[operation.key] = outcome.revision

    async def _tell(self, change: Change) -> bool:
        """Tell every listener; whether all have done what they had to."""
        return all(await asyncio.gather(*(self._hear(listener, change) for listener in self.listeners)))

    async def _hear(self, listener: Listener, change: Change) -> bool:
        try:
            await listener(change)
        except (OSError, OdradekError) as error:
            _log.error("a change could not be carried out", change=_name(change), reason=str(error))
            return False
        except Exception:
            _log.exception("metadata listener failed", change=_name(change))
            return False
        return True


def _operations(change: Change) -> list[Operation]:
    """How a change is written; nothing for what is known only while it lives (a broker)."""
    if isinstance(change, TopicChange):
        return [Put(codec.topic_key(change.new.name), codec.encode_topic(change.new))]
    if isinstance(change, TopicRemoval):
        mark = Put(codec.removed_key(change.old.topic_id), codec.encode(name=change.old.name))
        return [Delete(codec.topic_key(change.old.name)), mark]
    if isinstance(change, ConfigChange):
        key = codec.config_key(change.kind, change.name)
        return [Put(key, codec.encode_configs(change.configs)) if change.configs else Delete(key)]
    return []


def _name(change: Change) -> str:
    if isinstance(change, TopicChange):
        return f"topic {change.new.name}"
    if isinstance(change, TopicRemoval):
        return f"removal of topic {change.old.name}"
    if isinstance(change, BrokerChange):
        return f"broker {change.broker.node_id}"
    return f"{change.kind} configuration {change.name!r}"
