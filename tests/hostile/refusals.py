"""`odradek serve` where it cannot: it ends by itself, with one line for a person and a code for a script."""

from __future__ import annotations

import ctypes
import os
import resource
import subprocess
import sys
from pathlib import Path

_CAP_DAC_OVERRIDE, _CAP_DAC_READ_SEARCH = 1, 2  # linux/capability.h
_PR_CAPBSET_DROP = 24  # linux/prctl.h
_DESCRIPTORS = 1024  # what Linux gives a process that nobody gave more
_libc = ctypes.CDLL(None)


def refusal(data: Path, code: int = 1, *, heard: int = 1) -> str:
    """The last line of standard error, which has `heard` lines in all (0: however many)."""
    command = [sys.executable, "-m", "odradek", "serve", "--listen", "127.0.0.1:0", "--data-dir", str(data)]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=30, preexec_fn=_as_anybody)
    assert done.returncode == code, done.stderr
    assert done.stdout == "" and "Traceback" not in done.stderr
    lines = done.stderr.splitlines()
    assert not heard or len(lines) == heard, done.stderr
    return lines[-1]


def _as_anybody() -> None:
    """In the child: no power over permissions, and the usual limit of descriptors, which the broker then raises."""
    obey_permissions()
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(_DESCRIPTORS, hard), hard))


def obey_permissions() -> None:
    """In the child: root gives up what lets it pass by the permissions of files, so that tests need no second user."""
    if os.geteuid() == 0:
        for capability in (_CAP_DAC_OVERRIDE, _CAP_DAC_READ_SEARCH):
            _libc.prctl(_PR_CAPBSET_DROP, capability, 0, 0, 0)
