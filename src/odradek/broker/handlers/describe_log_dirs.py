"""DescribeLogDirs (API key 35), versions 1 to 5.

The data directories, what lies in each and how much room there is. No topics named means all. A partition's
`offset_lag` is 0: it is led here. From version 4 on the file system's size and what is free of it are told (KIP-827),
from 3 on an error of the whole request has a place. Version 5 shows cordoned directories (KIP-1066): there are none.
"""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING

from odradek.wire.errors import ErrorCode
from odradek.wire.messages.describe_log_dirs import (
    DescribeLogDirsPartition,
    DescribeLogDirsRequest,
    DescribeLogDirsResponse,
    DescribeLogDirsResult,
    DescribeLogDirsTopic,
)

if TYPE_CHECKING:
    from odradek.broker.context import RequestContext


async def handle(request: DescribeLogDirsRequest, context: RequestContext) -> DescribeLogDirsResponse:
    """One result per data directory."""
    directory = os.path.abspath(context.broker.config.log_dirs[0])
    wanted = None
    if request.topics is not None:
        wanted = {(topic.topic, index) for topic in request.topics for index in topic.partitions}
    result = DescribeLogDirsResult(ErrorCode.NONE, directory, _topics(wanted, context))
    try:
        # statvfs may wait for a file system that is slow to answer, and an administrator's call can wait too.
        status = await asyncio.to_thread(os.statvfs, directory)
        result.total_bytes = status.f_frsize * status.f_blocks
        result.usable_bytes = status.f_frsize * status.f_bavail
    except OSError:
        return DescribeLogDirsResponse(results=[DescribeLogDirsResult(ErrorCode.KAFKA_STORAGE_ERROR, directory)])
    return DescribeLogDirsResponse(results=[result])


def _topics(wanted: set[tuple[str, int]] | None, context: RequestContext) -> list[DescribeLogDirsTopic]:
    topics: dict[str, DescribeLogDirsTopic] = {}
    for partition in context.broker.partitions:
        if wanted is not None and (partition.topic, partition.index) not in wanted:
            continue
        topic = topics.setdefault(partition.topic, DescribeLogDirsTopic(partition.topic))
        topic.partitions.append(DescribeLogDirsPartition(partition.index, partition.log.size_bytes))
    return list(topics.values())
