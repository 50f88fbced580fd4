"""Which bytes of an arena are free: the buddy system.

Pure bookkeeping, no memory in it. Blocks are powers of two; a free block is split in halves until it fits, and a block
that is given back melts with its other half when that is free too. Both take a step per power of two, at most a dozen,
so an arena never searches and never needs to be tidied up. The price is rounding: a block holds up to twice what was
asked for.

(Knuth, The Art of Computer Programming, volume 1, section 2.5.)
"""

from __future__ import annotations

from odradek.base.errors import check


class BuddyAllocator:
    """The free blocks of `size` bytes, in steps of at least `block_min`; both powers of two."""

    __slots__ = ("_free", "_order_max", "_orders", "block_min", "size", "used")

    def __init__(self, size: int, block_min: int) -> None:
        if block_min < 1 or block_min & (block_min - 1) or size < block_min or size & (size - 1):
            raise ValueError(f"sizes are powers of two, the whole at least one block: not {size} in blocks of {block_min}")
        self.size = size
        self.block_min = block_min
        self.used = 0  # bytes in blocks that are taken, rounding included
        self._order_max = (size // block_min).bit_length() - 1
        self._free: list[set[int]] = [set() for _ in range(self._order_max + 1)]
        self._free[self._order_max].add(0)
        self._orders: dict[int, int] = {}  # offset of a taken block -> its order

    def allocate(self, size: int) -> int | None:
        """The offset of a block of at least `size` bytes, or None when none is free now."""
        order = (max(size - 1, 0) // self.block_min).bit_length()
        for larger in range(order, self._order_max + 1):
            if self._free[larger]:
                break
        else:
            return None
        offset = self._free[larger].pop()
        while larger > order:
            larger -= 1
            self._free[larger].add(offset + (self.block_min << larger))
        self._orders[offset] = order
        self.used += self.block_min << order
        return offset

    def release(self, offset: int) -> None:
        """Give a block back: exactly once for each `allocate`."""
        check(offset in self._orders, "a block is released once", offset=offset)
        order = self._orders.pop(offset)
        self.used -= self.block_min << order
        while order < self._order_max:
            buddy = offset ^ (self.block_min << order)
            if buddy not in self._free[order]:
                break
            self._free[order].remove(buddy)
            offset &= buddy
            order += 1
        self._free[order].add(offset)

    @property
    def blocks(self) -> int:
        """How many blocks are taken."""
        return len(self._orders)
