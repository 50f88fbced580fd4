"""A broker whose disk is slow: each fdatasync takes as many seconds as a file says, as long as that file exists.

python slow_disk.py FILE serve --data-dir ...
"""

from __future__ import annotations

import os
import runpy
import sys
import time
from pathlib import Path
from typing import Any

told_in = Path(sys.argv.pop(1))
fdatasync = os.fdatasync


def slow_fdatasync(fd: Any) -> None:
    if told_in.exists():
        time.sleep(float(told_in.read_text()))
    fdatasync(fd)


os.fdatasync = slow_fdatasync
runpy.run_module("odradek", run_name="__main__", alter_sys=True)
