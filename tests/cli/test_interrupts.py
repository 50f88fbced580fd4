"""Ctrl-C waits for the end of what must not be torn apart; a second one does not."""

from __future__ import annotations

import os
import signal

import pytest

from odradek.cli.interrupts import deferred


def interrupt() -> None:
    os.kill(os.getpid(), signal.SIGINT)


def test_the_first_waits_for_the_end() -> None:
    done: list[str] = []
    with pytest.raises(KeyboardInterrupt), deferred():
        interrupt()
        done.append("printed")
        done.append("stored")
    assert done == ["printed", "stored"]


def test_the_second_does_not() -> None:
    done: list[str] = []
    with pytest.raises(KeyboardInterrupt), deferred():
        interrupt()
        interrupt()
        done.append("never")
    assert done == []


def test_what_held_before_holds_again() -> None:
    before = signal.getsignal(signal.SIGINT)
    with deferred():
        pass
    assert signal.getsignal(signal.SIGINT) is before
