"""Stopped in order or killed while clients produce: what was acknowledged is there after the next start."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from broker_under_test import GoodClient


@pytest.mark.parametrize("in_order", [True, False])
def test_acknowledged_records_are_there_after_the_next_start(start: Any, in_order: bool) -> None:
    broker = start()
    good = GoodClient(broker)
    enough = threading.Event()

    def load() -> None:
        try:
            while good.produce() == 0:
                if len(good.acknowledged) >= 100:
                    enough.set()
        except OSError:
            pass
        enough.set()

    loader = threading.Thread(target=load)
    loader.start()
    assert enough.wait(30)
    if in_order:
        assert broker.stop() == 0
    else:
        broker.kill()
    loader.join(30)
    assert (broker.data / ".kafka_cleanshutdown").exists() is in_order
    again = GoodClient(start(), acknowledged=good.acknowledged)
    stored = again.stored()
    # The last request may have been stored and its answer lost.
    assert stored[: len(good.acknowledged)] == good.acknowledged
    assert len(stored) <= len(good.acknowledged) + 1
