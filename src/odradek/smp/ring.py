"""A queue of records between one writer and one reader, in memory that both can see.

The layout, in native byte order::

    0    tail: u64, bytes ever written; only the writer changes it
    64   head: u64, bytes ever read; only the reader changes it        (each on a cache line of its own)
    128  data: `capacity` bytes, a power of two

    a record: size u32, its bytes, padding to a multiple of 8
    a size of 0xFFFFFFFF: the rest of the data up to the end is unused; the record is at the start

A record is contiguous, so that the reader can look at it in place, and at most half of the capacity, so that it always
fits an empty ring. Both counters only grow: `tail - head` is what the ring holds, and full can't be mistaken for empty.

**Order.** The writer stores the record, then the tail; the reader loads the tail, then the record, and stores the head
when it has done with it. On x86-64 stores are seen in the order in which they were made, and loads are made in order
(Intel SDM volume 3, 8.2.2); a string copy is in order with the plain store after it (8.2.4); an aligned 8-byte store is
never seen by halves (8.1.1), and the interpreter makes one store of each assignment to a cast memoryview. On other
machines nobody promises the first, and Python has no release store: shards in different threads or processes can't be had
there.

A side keeps a copy of the other side's counter and looks at the shared one only when the copy says "full" or "empty": a
cache line that both touch with each record would cost more than all the rest.
"""

from __future__ import annotations

from typing import Final

from odradek.smp.errors import MessageTooLargeError, RingCorruptError

HEADER_BYTES: Final = 128
_TAIL, _HEAD = 0, 8  # as indexes of u64
_WRAP: Final = 0xFFFFFFFF
_SIZE_BYTES: Final = 4

CAPACITY_MIN: Final = 1024


def ring_bytes(capacity: int) -> int:
    """How much memory a ring of `capacity` bytes takes."""
    return HEADER_BYTES + capacity


def record_bytes_max(capacity: int) -> int:
    """The largest record that a ring of `capacity` bytes takes."""
    return capacity // 2 - _SIZE_BYTES


def reset(memory: memoryview) -> None:
    """Make a ring empty, whatever it held; nobody may be using it."""
    memory[:HEADER_BYTES] = bytes(HEADER_BYTES)


def _parts(memory: memoryview) -> tuple[memoryview, memoryview, int]:
    capacity = len(memory) - HEADER_BYTES
    if capacity < CAPACITY_MIN or capacity & (capacity - 1):
        raise ValueError(f"a ring holds a power of two of at least {CAPACITY_MIN} bytes, not {capacity}")
    return memory[:HEADER_BYTES].cast("Q"), memory[HEADER_BYTES:], capacity


class RingWriter:
    """The writing end; one per ring."""

    __slots__ = ("_capacity", "_data", "_head", "_mask", "_sizes", "_tail", "_words", "record_bytes_max")

    def __init__(self, memory: memoryview) -> None:
        self._words, self._data, self._capacity = _parts(memory)
        self._sizes = self._data.cast("I")
        self._mask = self._capacity - 1
        self._tail = self._words[_TAIL]
        self._head = self._words[_HEAD]
        self.record_bytes_max = record_bytes_max(self._capacity)

    def try_write(self, record: bytes) -> bool:
        """Put a record in; False when there is no room for it now. Raises `MessageTooLargeError` when there never will be."""
        size = len(record)
        if size > self.record_bytes_max:
            raise MessageTooLargeError(
                f"a record of {size} bytes; a ring of {self._capacity} bytes takes {self.record_bytes_max} (ring_capacity)"
            )
        need = (size + _SIZE_BYTES + 7) & ~7
        tail = self._tail
        offset = tail & self._mask
        skip = self._capacity - offset
        if need <= skip:
            skip = 0
        end = tail + skip + need
        if end - self._head > self._capacity:
            self._head = self._words[_HEAD]
            if end - self._head > self._capacity:
                return False
        if skip:
            self._sizes[offset >> 2] = _WRAP
            offset = 0
        self._sizes[offset >> 2] = size
        offset += _SIZE_BYTES
        self._data[offset : offset + size] = record
        self._words[_TAIL] = self._tail = end  # after the record: this is what the reader sees
        return True

    @property
    def used(self) -> int:
        """Bytes that wait for the reader."""
        return self._tail - int(self._words[_HEAD])


class RingReader:
    """The reading end; one per ring."""

    __slots__ = ("_capacity", "_data", "_head", "_mask", "_next", "_sizes", "_tail", "_words")

    def __init__(self, memory: memoryview) -> None:
        self._words, self._data, self._capacity = _parts(memory)
        self._sizes = self._data.cast("I")
        self._mask = self._capacity - 1
        self._head = self._next = self._words[_HEAD]
        self._tail = self._words[_TAIL]

    def read(self) -> memoryview | None:
        """The next record, in place, or None; it is valid until `advance()`. Raises `RingCorruptError`."""
        head = self._head
        if head == self._tail:
            self._tail = self._words[_TAIL]
            if head == self._tail:
                return None
        offset = head & self._mask
        size = self._sizes[offset >> 2]
        if size == _WRAP:
            head += self._capacity - offset
            offset = 0
            size = self._sizes[0]
        self._next = head + ((size + _SIZE_BYTES + 7) & ~7)
        offset += _SIZE_BYTES
        if self._next > self._tail or offset + size > self._capacity:
            raise RingCorruptError(
                f"a record of {size} bytes at {head} reaches beyond the ring's tail, {self._tail}, "
                f"or the end of its {self._capacity} bytes"
            )
        return self._data[offset : offset + size]

    def advance(self) -> None:
        """Give the room of the record that was read back to the writer."""
        self._words[_HEAD] = self._head = self._next

    @property
    def waiting(self) -> bool:
        """Whether a record is there: looks at the shared counter each time."""
        return bool(self._words[_TAIL] != self._head)
