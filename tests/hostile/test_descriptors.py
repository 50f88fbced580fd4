"""More connections than there are descriptors: who is in is served, the loop does not spin, and room is used once back."""

from __future__ import annotations

import time
from contextlib import ExitStack
from typing import Any

from broker_under_test import BrokerUnderTest, GoodClient

from odradek.wire.errors import ErrorCode

DESCRIPTORS = 100
TICKS_PER_SECOND_MAX = 50  # of 100: a loop that retries accept without a pause uses them all


def newcomer(broker: BrokerUnderTest, **known: Any) -> GoodClient:
    """A client that comes when the crowd has gone: it waits in the backlog until the broker has noticed that. Where
    descriptors end in the midst of opening a connection, that one is closed, and clients come again."""
    deadline = time.monotonic() + 20
    while True:
        try:
            return GoodClient(broker, **known)
        except ConnectionError:
            assert time.monotonic() < deadline, "turned away for 20 s although there is room"
            time.sleep(0.05)


def test_who_is_in_is_served_and_the_loop_does_not_spin(start: Any) -> None:
    broker = start("socket.listen.backlog.size=200", limits={"RLIMIT_NOFILE": DESCRIPTORS})
    good = GoodClient(broker)
    assert good.produce() == 0  # the log's files are open from here on
    with ExitStack() as crowd:
        for _ in range(DESCRIPTORS + 20):
            crowd.enter_context(broker.connect())
        assert good.produce() == 0
        before = broker.cpu_ticks()
        time.sleep(1)
        assert broker.cpu_ticks() - before < TICKS_PER_SECOND_MAX
        good.check_intact()
    newcomer(broker, topic="after").check_intact()
    assert "Traceback" not in broker.log()


def test_a_log_whose_files_cannot_be_opened_is_back_when_there_is_room(start: Any) -> None:
    broker = start("socket.listen.backlog.size=200", limits={"RLIMIT_NOFILE": DESCRIPTORS})
    good = GoodClient(broker)
    with ExitStack() as crowd:
        for _ in range(DESCRIPTORS + 20):
            crowd.enter_context(broker.connect())
        # A first append opens files; when it comes before the crowd has been let in, it succeeds.
        assert good.produce() in (ErrorCode.NONE, ErrorCode.KAFKA_STORAGE_ERROR)
    newcomer(broker, topic="after").check_intact()
    good.check_intact()
    assert "Traceback" not in broker.log()
