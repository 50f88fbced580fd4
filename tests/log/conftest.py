"""Tests of the log: helpers beside this file are imported by name, and what works on one disk works on both."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(params=["memory", "threads"])
def disk(request: pytest.FixtureRequest, tmp_path: Path):
    """A disk that survives the manager on it: the simulated one, or a real directory."""
    from log_house import Disk

    return Disk(request.param, str(tmp_path))
