"""Where partitions go: evenly round the live brokers, or where a client says."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from odradek.metadata.errors import InvalidReplicaAssignmentError, InvalidReplicationFactorError
from odradek.metadata.image import BrokerChange, BrokerImage, Image
from odradek.metadata.placement import assign, place


def cluster(*node_ids: int, fenced: tuple[int, ...] = ()) -> Image:
    image = Image("cluster", 1)
    for node_id in node_ids:
        image.apply(BrokerChange(BrokerImage(node_id, {}, fenced=node_id in fenced)))
    return image


@given(st.integers(1, 6), st.integers(1, 6), st.integers(1, 40), st.integers(0, 100))
def test_leaders_and_copies_are_even(brokers: int, factor: int, count: int, start: int) -> None:
    if factor > brokers:
        return
    partitions = place(cluster(*range(brokers)), count, factor, start % brokers)
    assert len(partitions) == count
    for held in ([p.leader for p in partitions], [node for p in partitions for node in p.replicas]):
        loads = [held.count(node_id) for node_id in range(brokers)]
        assert max(loads) - min(loads) <= factor
    for partition in partitions:
        assert len(set(partition.replicas)) == factor
        assert partition.isr == partition.replicas and partition.leader == partition.replicas[0]
        assert (partition.leader_epoch, partition.partition_epoch) == (0, 0)


def test_more_copies_than_brokers_are_refused_in_kafkas_words() -> None:
    with pytest.raises(InvalidReplicationFactorError) as refused:
        place(cluster(1), 1, 3, 0)
    assert str(refused.value) == (
        "Unable to replicate the partition 3 time(s): The target replication factor of 3 cannot be reached because only 1 "
        "broker(s) are registered."
    )
    with pytest.raises(InvalidReplicationFactorError, match=r"only 1 broker\(s\) are unfenced"):
        place(cluster(1, 2, fenced=(2,)), 1, 2, 0)


@pytest.mark.parametrize(
    ("replicas", "factor", "reason"),
    [
        ([], None, "empty replica list"),
        ([9], None, "includes broker 9, but no such broker is registered"),
        ([1, 1], None, "includes the broker 1 more than once"),
        ([1, 2], 1, r"2 replica\(s\), but this is not consistent with previous partitions, which have 1 replica\(s\)"),
        ([3], None, "for partition 5 are fenced"),
    ],
)
def test_a_wrong_manual_assignment_is_refused(replicas: list[int], factor: int | None, reason: str) -> None:
    with pytest.raises(InvalidReplicaAssignmentError, match=reason):
        assign(cluster(1, 2, 3, fenced=(3,)), 5, replicas, factor)


def test_the_first_live_broker_of_an_assignment_leads() -> None:
    partition = assign(cluster(1, 2, 3, fenced=(3,)), 0, [3, 2, 1], 3)
    assert (partition.replicas, partition.isr, partition.leader) == ((3, 2, 1), (2, 1), 2)
