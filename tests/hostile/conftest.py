"""Hard use of a broker process: bad input, too much of everything, signals. Helpers beside this file are imported by name."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from broker_under_test import BrokerUnderTest


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., BrokerUnderTest]]:
    """Start `odradek serve` with settings; it ends with the test, by its process id."""
    with ExitStack() as stack:

        def begin(*settings: str, limits: dict[str, int] | None = None) -> BrokerUnderTest:
            return stack.enter_context(BrokerUnderTest(tmp_path / "data", settings, limits))

        yield begin
