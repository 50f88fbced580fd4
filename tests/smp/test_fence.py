"""The fence where the kernel has it, and what is said where it has not. (What it is for: `test_no_lost_wakeup.py`.)"""

from __future__ import annotations

import ctypes
import errno
import platform
import sys
from types import SimpleNamespace

import pytest

from odradek.smp.fence import global_fence


class Kernel:
    """A `syscall` that answers membarrier's commands as it is told to."""

    def __init__(self, **answers: int) -> None:
        self.answers = {"query": 0b1111, "register": 0, "fence": 0} | answers
        self.calls: list[int] = []

    def __call__(self, number: int, command: int, flags: int, cpu: int) -> int:
        self.calls.append(command)
        return self.answers[{0: "query", 2: "fence", 4: "register"}[command]]


@pytest.fixture
def boot(monkeypatch):
    """Put a kernel of our own in the place of this machine's."""

    def start(kernel: Kernel, system: str = "linux", machine: str = "x86_64") -> None:
        monkeypatch.setattr(sys, "platform", system)
        monkeypatch.setattr(platform, "machine", lambda: machine)
        monkeypatch.setattr(ctypes, "CDLL", lambda name: SimpleNamespace(syscall=kernel))

    return start


def test_registers_before_it_fences(boot):
    boot(kernel := Kernel())
    fence = global_fence()
    assert fence is not None and fence()
    assert kernel.calls == [0, 4, 2]


@pytest.mark.parametrize("answers", [{"query": -1}, {"query": 0b1}, {"register": -1}], ids=str)
def test_a_kernel_or_a_container_without_it(boot, answers):
    boot(Kernel(**answers))
    assert global_fence() is None


@pytest.mark.parametrize(("system", "machine"), [("darwin", "arm64"), ("linux", "s390x")])
def test_a_machine_whose_call_we_do_not_know(boot, system, machine):
    boot(kernel := Kernel(), system, machine)
    assert global_fence() is None and kernel.calls == []


def test_a_kernel_without_memory_says_so(boot):
    boot(Kernel(fence=-errno.ENOMEM))
    fence = global_fence()
    assert fence is not None and not fence()


def test_this_machine():
    fence = global_fence()
    assert fence is None or all(fence() for _ in range(100))
