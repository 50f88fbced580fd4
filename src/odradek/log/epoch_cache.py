"""Which leader epoch began at which offset: the partition's genealogy.

Every leader writes under an epoch of its own; for each epoch with records in this log, the cache keeps the first offset
written under it. Consumers and followers ask where an epoch *ended* (OffsetsForLeaderEpoch, KIP-320): if that is below
what they have read, records they know were truncated away, and they go back. Hence the rules:

- epochs and their start offsets both grow strictly; a new entry that contradicts older ones removes those (they tell of records
  that are no more);
- `truncate_from_end` forgets epochs that began at or after the new end;
- `truncate_from_start` moves the epoch that holds the new start up to it, so that the first offset always has an epoch.

The file `leader-epoch-checkpoint` lies in the partition's directory: a checkpoint (see `checkpoints`) with a line
`epoch start_offset` for each entry. A worked file, epoch 0 from offset 0 and epoch 3 from 1734: `0\\n2\\n0 0\\n3
1734\\n`. It has to be on disk no later than a new epoch's first record: recovery rebuilds entries only from the batches
that it scans.

Semantics: Kafka's `LeaderEpochFileCache`.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from typing import Final, NamedTuple

from odradek.base.errors import check
from odradek.log.checkpoints import CorruptCheckpoint, decode_lines, encode_lines, parse_number

UNDEFINED_EPOCH: Final = -1
UNDEFINED_EPOCH_OFFSET: Final = -1


class EpochEntry(NamedTuple):
    """An epoch and the offset of the first record written under it."""

    epoch: int
    start_offset: int


class EpochEnd(NamedTuple):
    """Where an epoch ended: the largest known epoch not above the one asked for, and the offset after its last record."""

    epoch: int
    end_offset: int


UNDEFINED: Final = EpochEnd(UNDEFINED_EPOCH, UNDEFINED_EPOCH_OFFSET)


class EpochCache:
    """A partition's epochs. Pure: methods that change it return whether the file must be written again.

    `latest_epoch` is a plain attribute, since every append compares it.
    """

    __slots__ = ("_epochs", "_starts", "latest_epoch")

    def __init__(self, entries: Iterable[EpochEntry] = ()) -> None:
        self._epochs: list[int] = []
        self._starts: list[int] = []
        self.latest_epoch = UNDEFINED_EPOCH
        for epoch, start_offset in entries:
            self.assign(epoch, start_offset)

    @property
    def entries(self) -> list[EpochEntry]:
        return [EpochEntry(epoch, start) for epoch, start in zip(self._epochs, self._starts, strict=True)]

    @property
    def earliest_entry(self) -> EpochEntry | None:
        return EpochEntry(self._epochs[0], self._starts[0]) if self._epochs else None

    @property
    def latest_entry(self) -> EpochEntry | None:
        return EpochEntry(self._epochs[-1], self._starts[-1]) if self._epochs else None

    def assign(self, epoch: int, start_offset: int) -> bool:
        """Note that `epoch` begins at `start_offset`; older entries that contradict it go."""
        check(epoch >= 0 and start_offset >= 0, "no valid epoch entry", epoch=epoch, start_offset=start_offset)
        if self._epochs and epoch == self.latest_epoch and start_offset >= self._starts[-1]:
            return False
        keep = min(bisect_left(self._epochs, epoch), bisect_left(self._starts, start_offset))
        self._keep(keep)
        self._epochs.append(epoch)
        self._starts.append(start_offset)
        self.latest_epoch = epoch
        return True

    def end_offset_for(self, epoch: int, log_end_offset: int) -> EpochEnd:
        """Where `epoch` ended; for an epoch that was skipped here, where the one before it did.

        The latest epoch ends at `log_end_offset`. An epoch older than all that are known ended where the first known
        one begins. `UNDEFINED` for an epoch newer than the latest, and when nothing is known.
        """
        if epoch == UNDEFINED_EPOCH or epoch > self.latest_epoch:
            return UNDEFINED
        if epoch == self.latest_epoch:
            return EpochEnd(epoch, log_end_offset)
        higher = bisect_right(self._epochs, epoch)
        return EpochEnd(self._epochs[higher - 1] if higher else epoch, self._starts[higher])

    def epoch_for_offset(self, offset: int) -> int:
        """The epoch under which `offset` was written; -1 when it lies before all known ones."""
        following = bisect_right(self._starts, offset)
        return self._epochs[following - 1] if following else UNDEFINED_EPOCH

    def previous_epoch(self, epoch: int) -> int:
        """The largest known epoch below `epoch`; -1 when there is none."""
        index = bisect_left(self._epochs, epoch)
        return self._epochs[index - 1] if index else UNDEFINED_EPOCH

    def truncate_from_end(self, end_offset: int) -> bool:
        """Forget the epochs that began at or after `end_offset`."""
        keep = bisect_left(self._starts, end_offset)
        changed = keep < len(self._epochs)
        self._keep(keep)
        return changed

    def truncate_from_start(self, start_offset: int) -> bool:
        """Let nothing begin before `start_offset`: the epoch that holds it begins there now, older ones go."""
        following = bisect_right(self._starts, start_offset)
        if following == 0:
            return False
        changed = following > 1 or self._starts[0] != start_offset
        del self._epochs[: following - 1]
        del self._starts[: following - 1]
        self._starts[0] = start_offset
        return changed

    def entries_in_range(self, start_offset: int, end_offset: int) -> list[EpochEntry]:
        """The genealogy of the offsets from `start_offset` up to `end_offset`, as a cache cut to them would hold it."""
        part = EpochCache(self.entries)
        part.truncate_from_start(start_offset)
        part.truncate_from_end(end_offset)
        return part.entries

    def clear(self) -> bool:
        changed = bool(self._epochs)
        self._keep(0)
        return changed

    def encode(self) -> bytes:
        """The checkpoint file."""
        return encode_lines(f"{epoch} {start}" for epoch, start in zip(self._epochs, self._starts, strict=True))

    @classmethod
    def decode(cls, data: bytes) -> EpochCache:
        """The cache in a checkpoint file; raises `CorruptCheckpoint`."""
        entries = []
        for line in decode_lines(data):
            fields = line.split()
            if len(fields) != 2:
                raise CorruptCheckpoint(f"{line!r} is not 'epoch start_offset'")
            entry = EpochEntry(parse_number(fields[0]), parse_number(fields[1]))
            if entry.epoch < 0 or entry.start_offset < 0:
                raise CorruptCheckpoint(f"{line!r}: epochs and offsets are not negative")
            entries.append(entry)
        return cls(entries)

    def _keep(self, count: int) -> None:
        del self._epochs[count:]
        del self._starts[count:]
        self.latest_epoch = self._epochs[-1] if self._epochs else UNDEFINED_EPOCH
