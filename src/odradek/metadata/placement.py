"""Which brokers hold a new partition.

Kafka's striping: partitions go round the live brokers from a random start, and a partition's further copies sit on
the next ones, so that leaders and copies are even. Racks are not looked at yet: one node has one.
"""

from __future__ import annotations

from collections.abc import Sequence

from odradek.metadata.errors import InvalidReplicaAssignmentError, InvalidReplicationFactorError
from odradek.metadata.image import Image, PartitionImage


def place(image: Image, count: int, replication_factor: int, start: int) -> tuple[PartitionImage, ...]:
    """`count` partitions over the live brokers; `start` is the first leader's place among them.

    Raises `InvalidReplicationFactorError` when there are fewer brokers than copies.
    """
    live = [broker.node_id for broker in image.live_brokers()]
    if replication_factor > len(live):
        reason = (
            f"The target replication factor of {replication_factor} cannot be reached because only "
            f"{len(live)} broker(s) are {'registered' if len(live) == len(image.brokers) else 'unfenced'}."
        )
        raise InvalidReplicationFactorError(f"Unable to replicate the partition {replication_factor} time(s): {reason}")
    width = len(live)
    patterns = []  # after `width` partitions the pattern repeats, so equal partitions share one value
    for first in range(min(width, count)):
        replicas = tuple(live[(start + first + copy) % width] for copy in range(replication_factor))
        patterns.append(PartitionImage(replicas, replicas, replicas[0]))
    return tuple(patterns[index % width] for index in range(count))


def assign(image: Image, index: int, replicas: Sequence[int], replication_factor: int | None) -> PartitionImage:
    """The partition that a client placed by hand; raises `InvalidReplicaAssignmentError`.

    `replication_factor` is that of the topic's other partitions, None for the first.
    """
    if not replicas:
        raise InvalidReplicaAssignmentError("The manual partition assignment includes an empty replica list.")
    for position, node_id in enumerate(replicas):
        if node_id not in image.brokers:
            raise InvalidReplicaAssignmentError(
                f"The manual partition assignment includes broker {node_id}, but no such broker is registered."
            )
        if node_id in replicas[:position]:
            raise InvalidReplicaAssignmentError(
                f"The manual partition assignment includes the broker {node_id} more than once."
            )
    if replication_factor is not None and len(replicas) != replication_factor:
        raise InvalidReplicaAssignmentError(
            f"The manual partition assignment includes a partition with {len(replicas)} replica(s), but this is not "
            f"consistent with previous partitions, which have {replication_factor} replica(s)."
        )
    isr = tuple(node_id for node_id in replicas if not image.brokers[node_id].fenced)
    if not isr:
        raise InvalidReplicaAssignmentError(
            f"All brokers specified in the manual partition assignment for partition {index} are fenced or in "
            "controlled shutdown."
        )
    return PartitionImage(tuple(replicas), isr, isr[0])
