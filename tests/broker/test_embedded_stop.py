"""A stop answers whoever waits, at once: in a group with what sends a client to look for its coordinator anew."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import odradek
from odradek.wire.errors import ErrorCode
from odradek.wire.messages import find_coordinator, heartbeat, join_group, sync_group

WAIT_MS = 600_000
Connect = Callable[[int], Any]


def join(group: str, member_id: str = "") -> join_group.JoinGroupRequest:
    protocols = [join_group.JoinGroupRequestProtocol("range", b"")]
    return join_group.JoinGroupRequest(
        group, 30_000, WAIT_MS, member_id=member_id, protocol_type="consumer", protocols=protocols
    )


def until(claim: Callable[[], bool]) -> None:
    for _ in range(10_000):
        if claim():
            return
    pytest.fail("never came true")


class Group:
    """A group whose first member is in, and whose second waits in JoinGroup for the first to come again."""

    def __init__(self, connect: Connect, port: int, name: str) -> None:
        self.name = name
        self.first, self.second = connect(port), connect(port)
        until(lambda: self.first.call(find_coordinator, 2, find_coordinator.FindCoordinatorRequest(name)).error_code == 0)
        until(self._has_joined)
        self.second.send(join_group, 2, join(name))
        until(lambda: self._heartbeat() == ErrorCode.REBALANCE_IN_PROGRESS)

    def _has_joined(self) -> bool:
        self.joined = self.first.call(join_group, 2, join(self.name))
        return bool(self.joined.error_code == 0)

    def _heartbeat(self) -> int:
        request = heartbeat.HeartbeatRequest(self.name, self.joined.generation_id, self.joined.member_id)
        return int(self.first.call(heartbeat, 2, request).error_code)

    def follow(self) -> None:
        """Both join; the second waits in SyncGroup for what the first, who leads, never says."""
        self.first.call(join_group, 2, join(self.name, self.joined.member_id))
        joined = self.second.receive()
        assert joined.leader == self.joined.member_id
        self.second.send(sync_group, 2, sync_group.SyncGroupRequest(self.name, joined.generation_id, joined.member_id))

    def outcome(self) -> Any:
        """What the second is told; then both connections have come to their end."""
        answer = self.second.receive()
        assert self.first.is_closed() and self.second.is_closed()
        self.first.close()
        self.second.close()
        return answer.error_code


def test_who_waits_in_a_group_is_sent_elsewhere(connect: Connect, caplog: pytest.LogCaptureFixture) -> None:
    broker = odradek.Broker().start()
    joins, syncs = Group(connect, broker.port, "joins"), Group(connect, broker.port, "syncs")
    syncs.follow()
    assert broker._node is not None and broker._node.server is not None
    counted = broker._node.server.dispatcher.entry(sync_group.API_KEY).metrics.requests
    until(lambda: bool(syncs.first.call(find_coordinator, 2, find_coordinator.FindCoordinatorRequest("g")) and counted.value))
    broker.stop()
    assert joins.outcome() == ErrorCode.NOT_COORDINATOR
    assert syncs.outcome() == ErrorCode.NOT_COORDINATOR
    assert "before their answers" not in caplog.text


def test_sigterm_tells_who_waits_in_a_group(connect: Connect, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "odradek", "serve", "--listen", "127.0.0.1:0", "--data-dir", str(tmp_path / "data")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        assert process.stdout is not None
        try:
            port = next(int(p) for line in process.stdout for p in _ports(line))
            group = Group(connect, port, "joins")
            process.send_signal(signal.SIGTERM)
            assert group.outcome() == ErrorCode.NOT_COORDINATOR
            said = process.stdout.read()
            assert process.wait(30) == 0, said
            assert "before their answers" not in said
        finally:
            process.kill()


def _ports(line: str) -> list[str]:
    return re.findall(r"127\.0\.0\.1:(\d+)", line)
