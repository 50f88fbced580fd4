"""OffsetFetch (API key 9), versions 1 to 10.

Up to version 7 a request is about one group, and from 8 on about several; 2 adds "all topics" (null) and an error for
the whole, 5 leader epochs, 7 require-stable (KIP-447), 10 names topics by id. Old requests are put into the new form
and the answer back into the old one.

A topic need not exist to have an offset. By id it must, as the log keeps offsets by name: an unknown id is
UNKNOWN_TOPIC_ID, and topics without an id are left out where all are asked for. Who asks for all offsets of one group
several times over in one request gets them once: ten bytes must not make a hundred thousand answers each.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from odradek.broker.handlers._client import client_of
from odradek.wire.errors import ErrorCode
from odradek.wire.messages.offset_fetch import (
    OffsetFetchRequest,
    OffsetFetchRequestGroup,
    OffsetFetchRequestTopics,
    OffsetFetchResponse,
    OffsetFetchResponseGroup,
    OffsetFetchResponsePartition,
    OffsetFetchResponsePartitions,
    OffsetFetchResponseTopic,
    OffsetFetchResponseTopics,
)

if TYPE_CHECKING:
    from odradek.broker.context import RequestContext
    from odradek.metadata.image import Image

GROUP_ERROR_SINCE = 2
GROUPS_SINCE = 8
TOPIC_IDS_SINCE = 10


async def handle(request: OffsetFetchRequest, context: RequestContext) -> OffsetFetchResponse:
    """What the groups have committed; with require-stable, commits under way are waited for."""
    groups, client = context.broker.groups, client_of(context)
    if context.version < GROUPS_SINCE:
        asked = _as_group(request)
        fetched = await groups.offset_fetch(OffsetFetchRequest(groups=[asked], require_stable=request.require_stable), client)
        return _as_single(asked, fetched.groups[0], context.version)
    request.groups = _each_whole_once(request.groups)
    if context.version < TOPIC_IDS_SINCE:
        return await groups.offset_fetch(request, client)
    image = context.broker.image
    unknown = [_name_topics(group, image) for group in request.groups]
    response = await groups.offset_fetch(request, client)
    for group, refused in zip(response.groups, unknown, strict=True):
        _identify_topics(group, image)
        group.topics += refused if group.error_code == ErrorCode.NONE else []
    return response


def _each_whole_once(groups: list[OffsetFetchRequestGroup]) -> list[OffsetFetchRequestGroup]:
    whole: set[str] = set()
    kept = []
    for group in groups:
        if group.topics is None and group.group_id in whole:
            continue
        if group.topics is None:
            whole.add(group.group_id)
        kept.append(group)
    return kept


# Topics by id


def _name_topics(group: OffsetFetchRequestGroup, image: Image) -> list[OffsetFetchResponseTopics]:
    """Give the group's topics their names; those with unknown ids are taken out and answered."""
    refused, known = [], []
    for topic in group.topics or ():
        found = image.topic_by_id(topic.topic_id)
        if found is None:
            refused.append(
                OffsetFetchResponseTopics(
                    topic_id=topic.topic_id,
                    partitions=[
                        OffsetFetchResponsePartitions(
                            partition_index=index,
                            committed_offset=-1,
                            committed_leader_epoch=-1,
                            metadata="",
                            error_code=ErrorCode.UNKNOWN_TOPIC_ID,
                        )
                        for index in topic.partition_indexes
                    ],
                )
            )
        else:
            topic.name = found.name
            known.append(topic)
    if group.topics is not None:
        group.topics = known
    return refused


def _identify_topics(group: OffsetFetchResponseGroup, image: Image) -> None:
    found = [(topic, image.topic(topic.name)) for topic in group.topics]
    for topic, known in found:
        if known is not None:
            topic.topic_id = known.topic_id
    group.topics = [topic for topic, known in found if known is not None]


# One group, in the form up to version 7


def _as_group(request: OffsetFetchRequest) -> OffsetFetchRequestGroup:
    topics = (
        None
        if request.topics is None
        else [OffsetFetchRequestTopics(name=topic.name, partition_indexes=topic.partition_indexes) for topic in request.topics]
    )
    return OffsetFetchRequestGroup(group_id=request.group_id, topics=topics)


def _as_single(asked: OffsetFetchRequestGroup, group: OffsetFetchResponseGroup, version: int) -> OffsetFetchResponse:
    if group.error_code != ErrorCode.NONE and version < GROUP_ERROR_SINCE:
        return OffsetFetchResponse(
            topics=[
                OffsetFetchResponseTopic(
                    name=topic.name,
                    partitions=[
                        OffsetFetchResponsePartition(
                            partition_index=index, committed_offset=-1, metadata="", error_code=group.error_code
                        )
                        for index in topic.partition_indexes
                    ],
                )
                for topic in asked.topics or ()
            ]
        )
    return OffsetFetchResponse(
        error_code=group.error_code,
        topics=[
            OffsetFetchResponseTopic(
                name=topic.name,
                partitions=[
                    OffsetFetchResponsePartition(
                        partition_index=each.partition_index,
                        committed_offset=each.committed_offset,
                        committed_leader_epoch=each.committed_leader_epoch,
                        metadata=each.metadata,
                        error_code=each.error_code,
                    )
                    for each in topic.partitions
                ],
            )
            for topic in group.topics
        ],
    )
