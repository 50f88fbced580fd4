"""The topics that the broker itself writes: made when they are first needed, once, by the controller.

Until a group is looked for there is no `__consumer_offsets` and none of its 50 directories: a broker that nobody
consumes from starts and stops without them.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from odradek.metadata.image import TopicImage
from odradek.metadata.names import GROUP_TOPIC
from odradek.metadata.topics import internal_topic

if TYPE_CHECKING:
    from odradek.broker.context import BrokerState


class InternalTopics:
    """One broker's way to them."""

    def __init__(self, state: BrokerState) -> None:
        self._state = state
        self._making = asyncio.Lock()

    async def ensure_offsets_topic(self) -> TopicImage:
        """`__consumer_offsets`, made if it is missing; returns when its partitions are loaded. Raises `MetadataError`."""
        found = self._state.image.topic(GROUP_TOPIC)
        if found is not None:
            return found
        async with self._making:
            return self._state.image.topic(GROUP_TOPIC) or await self._make()

    def note_partition_count(self) -> None:
        """At start: tell the coordinator how many partitions there are; what exists wins over what is configured."""
        found = self._state.image.topic(GROUP_TOPIC)
        if found is not None:
            self._state.groups.partition_count = len(found.partitions)

    async def _make(self) -> TopicImage:
        state = self._state
        request = internal_topic(GROUP_TOPIC, state.config, len(state.image.live_brokers()))
        (made,) = await state.controller.create_topics([request])
        if isinstance(made, TopicImage):
            return made
        found = state.image.topic(GROUP_TOPIC)  # somebody else's request may have been before this one
        if found is None:
            raise made
        return found
