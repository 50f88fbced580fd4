"""Which descriptors a forked child gets."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from odradek.aio.file_lock import acquire
from odradek.aio.forks import keep_from_children

pytestmark = pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")


def in_child(claim: Callable[[], bool]) -> bool:
    pid = os.fork()
    if pid == 0:
        code = 2
        try:
            code = 0 if claim() else 1
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


def is_it(fd: int, identity: tuple[int, int]) -> bool:
    status = os.fstat(fd)
    return (status.st_dev, status.st_ino) == identity


def identity_of(fd: int) -> tuple[int, int]:
    status = os.fstat(fd)
    return status.st_dev, status.st_ino


def test_what_is_kept_is_something_else_in_the_child_and_the_same_in_the_parent(tmp_path: Path) -> None:
    with open(tmp_path / "kept", "w") as kept, open(tmp_path / "shared", "w") as shared:
        keep_from_children(kept.fileno())
        was, other = identity_of(kept.fileno()), identity_of(shared.fileno())
        assert in_child(lambda: not is_it(kept.fileno(), was) and is_it(shared.fileno(), other))
        assert is_it(kept.fileno(), was)


def test_a_number_that_stands_for_something_else_by_now_is_left_alone(tmp_path: Path) -> None:
    with open(tmp_path / "first", "w") as first:
        keep_from_children(first.fileno())
        number = first.fileno()
    with open(tmp_path / "second", "w") as second:
        if second.fileno() != number:
            os.dup2(second.fileno(), number)
        was = identity_of(number)
        assert in_child(lambda: is_it(number, was))
        if second.fileno() != number:
            os.close(number)


def test_a_peer_sees_the_end_of_a_connection_while_a_child_lives() -> None:
    ours, peer = socket.socketpair()
    keep_from_children(ours.fileno())
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(write)
        peer.close()
        os.read(read, 1)
        os._exit(0)
    ours.close()
    peer.settimeout(20)
    assert peer.recv(1) == b""
    os.close(write)
    os.waitpid(pid, 0)
    os.close(read)
    peer.close()


def test_a_child_cannot_release_a_lock_of_its_parent_s(tmp_path: Path) -> None:
    lock = acquire(str(tmp_path / "lock"))

    def released() -> bool:
        lock.release()
        return True

    assert in_child(released)
    assert (tmp_path / "lock").read_text() == f"{os.getpid()}\n"
    lock.release()
