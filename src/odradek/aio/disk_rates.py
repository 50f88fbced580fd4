"""What a disk can do, and what a request takes of it.

A disk has four rates: requests and bytes a second, reading and writing. They don't hold together: a disk that is read at its
full rate can't be written at all. So a request is weighed in seconds of the disk's time,

    1 / (its kind's requests a second) + size / (its kind's bytes a second),

and a disk gives one such second a second (Seastar's `io_queue` has the same measure). The rates are measured by
`odradek iotune DIR`, which leaves them in the file `io-properties.json` of that directory; without the file they are not
known, and requests are weighed against one another only.
"""

from __future__ import annotations

import enum
import json
from dataclasses import asdict, dataclass, fields
from typing import Final

FILE_NAME: Final = "io-properties.json"

_UNMEASURED_REQUEST: Final = 64 * 1024
"""Where rates aren't known, a request weighs as much as so many bytes."""


class Direction(enum.Enum):
    """Which way the bytes go."""

    READ = "read"
    WRITE = "write"


class RatesError(ValueError):
    """A file of rates that can't be used."""


@dataclass(frozen=True, slots=True)
class DiskRates:
    """Requests of 4 KiB at random places, and bytes in large ones, each per second."""

    read_iops: float
    read_bandwidth: float
    write_iops: float
    write_bandwidth: float

    def __post_init__(self) -> None:
        for field in fields(self):
            rate = getattr(self, field.name)
            if isinstance(rate, bool) or not isinstance(rate, (int, float)) or not 0 < rate < float("inf"):
                raise RatesError(f"{field.name}: a rate is a number above 0, not {rate!r}")

    def seconds(self, direction: Direction, size: int) -> float:
        """The disk's time that a request takes."""
        if direction is Direction.READ:
            return 1 / self.read_iops + size / self.read_bandwidth
        return 1 / self.write_iops + size / self.write_bandwidth

    def to_json(self) -> str:
        return json.dumps(asdict(self), indent=2) + "\n"

    @classmethod
    def from_json(cls, text: str, path: str) -> DiskRates:
        """Raises `RatesError`, which names `path` and what is wrong; names that are not known are left alone."""
        names = [field.name for field in fields(cls)]
        try:
            found = json.loads(text)
            missing = [name for name in names if name not in found]
            if missing:
                raise RatesError(f"{', '.join(missing)} missing")
            return cls(**{name: found[name] for name in names})
        except (ValueError, TypeError) as error:
            raise RatesError(f"{path}: {error}; `odradek iotune` writes it anew, without it there are no rates") from error


def weight(size: int) -> float:
    """What a request weighs beside others where rates aren't known: any unit will do."""
    return 1.0 + size / _UNMEASURED_REQUEST
