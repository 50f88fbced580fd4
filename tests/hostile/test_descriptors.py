"""More connections than there are descriptors: who is in is served, the loop does not spin, and room is used once back."""

from __future__ import annotations

import time
from contextlib import ExitStack
from typing import Any

from broker_under_test import GoodClient

DESCRIPTORS = 100
TICKS_PER_SECOND_MAX = 50  # of 100: a loop that retries accept without a pause uses them all


def test_no_descriptors_left(start: Any) -> None:
    broker = start(limits={"RLIMIT_NOFILE": DESCRIPTORS})
    good = GoodClient(broker)
    with ExitStack() as crowd:
        for _ in range(DESCRIPTORS + 20):
            crowd.enter_context(broker.connect())
        assert good.produce() == 0
        before = broker.cpu_ticks()
        time.sleep(1)
        assert broker.cpu_ticks() - before < TICKS_PER_SECOND_MAX
        good.check_intact()
    GoodClient(broker, acknowledged=good.acknowledged).check_intact()
    assert "Traceback" not in broker.log()
