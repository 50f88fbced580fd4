"""A bell wakes one who sleeps on its descriptor, however often it was rung, and can be rung again."""

from __future__ import annotations

import os
import select

import pytest

from odradek.smp import bell as bells
from odradek.smp.bell import Bell


def heard(bell: Bell) -> bool:
    return bool(select.select([bell.read_fd], [], [], 0)[0])


@pytest.fixture(params=[True, False], ids=["eventfd", "pipe"])
def bell(request, monkeypatch):
    monkeypatch.setattr(bells, "_EVENTFD", request.param and bells._EVENTFD)
    made = Bell()
    yield made
    made.close()


def test_heard_until_silenced(bell):
    assert not heard(bell)
    for _ in range(3):
        bell.ring()
    assert heard(bell)
    bell.silence()
    assert not heard(bell)
    bell.silence()  # nothing to silence
    bell.ring()
    assert heard(bell)


def test_ringing_never_blocks(bell):
    for _ in range(20_000):  # more than a pipe holds
        bell.ring()
    assert heard(bell)


def test_the_same_bell_behind_inherited_descriptors(bell):
    Bell(bell.fds).ring()
    assert heard(bell)


def test_rung_and_silenced_after_it_was_closed(bell):
    bell.close()
    bell.close()
    bell.ring()
    bell.silence()
    assert bell.fds == (-1, -1)


def test_a_pipe_whose_sleeper_has_died(monkeypatch):
    monkeypatch.setattr(bells, "_EVENTFD", False)
    bell = Bell()
    os.close(bell.read_fd)
    bell.ring()
    bell.read_fd = -1
    bell.close()
