"""The bar that `odradek produce` draws on a terminal: bytes of the file when its size is known, else a running count."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, BinaryIO

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TransferSpeedColumn

if TYPE_CHECKING:
    from odradek.cli.produce import Run


@contextmanager
def bar(lines: BinaryIO, topic: str) -> Iterator[Callable[[Run], None]]:
    """Draw until the block ends; call what it gives with the run now and then."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[records]:,} records"),
        TransferSpeedColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task(topic, total=_size(lines), records=0)
        yield lambda run: progress.update(task, completed=run.bytes, records=run.sent)


def _size(lines: BinaryIO) -> int | None:
    status = os.fstat(lines.fileno())
    return status.st_size if stat.S_ISREG(status.st_mode) else None
