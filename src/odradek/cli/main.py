"""The door: `odradek ...` and `python -m odradek ...` both come in here.

`--version` is answered before anything is imported, since scripts and health checks ask it; the rest goes to `root`, which
knows the commands, and this stays the only module that every invocation pays for.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from odradek import __version__


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the process's exit code (`odradek.cli.errors`)."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    if words in (["--version"], ["-V"]):
        print(f"odradek {__version__}")
        return 0
    from odradek.cli.root import run

    return run(words)
