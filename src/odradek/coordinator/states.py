"""The five states of a classic group, and from which state each may be entered.

Empty: no members, perhaps offsets. PreparingRebalance: waiting for members to (re)join. CompletingRebalance: everyone knows the
generation, the leader works out the assignment. Stable: everyone consumes. Dead: taken out of memory (deleted, or its partition
moved away); whoever still holds the object must look the group up again.
"""

from __future__ import annotations

from enum import StrEnum


class GroupState(StrEnum):
    """Values are the names that DescribeGroups and ListGroups show."""

    EMPTY = "Empty"
    PREPARING_REBALANCE = "PreparingRebalance"
    COMPLETING_REBALANCE = "CompletingRebalance"
    STABLE = "Stable"
    DEAD = "Dead"


ENTERED_FROM: dict[GroupState, frozenset[GroupState]] = {
    GroupState.EMPTY: frozenset({GroupState.PREPARING_REBALANCE}),
    GroupState.PREPARING_REBALANCE: frozenset({GroupState.STABLE, GroupState.COMPLETING_REBALANCE, GroupState.EMPTY}),
    GroupState.COMPLETING_REBALANCE: frozenset({GroupState.PREPARING_REBALANCE}),
    GroupState.STABLE: frozenset({GroupState.COMPLETING_REBALANCE}),
    GroupState.DEAD: frozenset(GroupState),
}
