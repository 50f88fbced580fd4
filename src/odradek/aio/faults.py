"""Faults by plan: which operation on which file fails, when, and how.

A plan is a list of rules; an operation takes the first rule that fits it. A rule waits for `skip` matching operations, then
strikes `times` times (None: for ever). So "the third fdatasync of any .log file fails" is

    storage.faults.add(Fault(Operation.FLUSH, errno.EIO, path="*.log", skip=2))

and "the disk takes 100 bytes of the next append and is full" is `Fault(Operation.WRITE, errno.ENOSPC, keep=100)`. A write fault
without an error is a short write: `Fault(Operation.WRITE, keep=100)`.

Faults say what the system *answers*. What it does to the bytes is the disk's contract (see `memory_disk`).
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from odradek.aio.storage import Operation


@dataclass(slots=True)
class Fault:
    """One rule. `path` is a shell pattern on the whole path; `keep` is how many bytes a failing write still takes."""

    operation: Operation
    error: int = 0  # errno; 0 only for a short write
    path: str = "*"
    skip: int = 0
    times: int | None = 1
    keep: int = 0

    def fits(self, operation: Operation, path: str) -> bool:
        return operation is self.operation and self.times != 0 and fnmatchcase(path, self.path)

    def os_error(self, path: str) -> OSError:
        """What the system raises."""
        return OSError(self.error, f"{os.strerror(self.error)} (planned)", path)


@dataclass(slots=True)
class FaultPlan:
    """The rules in force, and what they have done."""

    rules: list[Fault] = field(default_factory=list)
    struck: list[tuple[Operation, str]] = field(default_factory=list)

    def add(self, *rules: Fault) -> None:
        self.rules.extend(rules)

    def clear(self) -> None:
        """The disk is well again; what it has done stays in `struck`."""
        self.rules.clear()

    def take(self, operation: Operation, path: str) -> Fault | None:
        """The rule that strikes this operation, if any."""
        for rule in self.rules:
            if rule.fits(operation, path):
                if rule.skip > 0:
                    rule.skip -= 1
                    continue
                if rule.times is not None:
                    rule.times -= 1
                self.struck.append((operation, path))
                return rule
        return None
