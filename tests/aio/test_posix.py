"""Corners of the system calls that a healthy disk does not show."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from odradek.aio import FileType, posix


def test_short_writes_are_continued_to_the_end():
    taken = bytearray()

    def three_bytes_at_a_time(data: memoryview, position: int) -> int:
        assert position == 100 + 2 + len(taken)
        taken.extend(data[:3])
        return min(3, len(data))

    size = posix.write_rest(three_bytes_at_a_time, [b"0123456", b"", b"789"], 100, written=2)
    assert (size, taken) == (10, b"23456789")


def test_a_write_that_takes_nothing_is_an_error_not_a_loop():
    with pytest.raises(OSError, match="wrote nothing") as raised:
        posix.write_rest(lambda data, position: 0, [b"x"], 0)
    assert raised.value.errno == errno.EIO


def test_an_error_keeps_its_number_and_class_and_gains_the_path():
    error = posix.with_path(OSError(errno.ENOENT, "?"), "/data/a", "reading")
    assert isinstance(error, FileNotFoundError)
    assert (error.errno, error.filename, error.strerror) == (errno.ENOENT, "/data/a", "No such file or directory while reading")


def test_types_of_names(tmp_path: Path):
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to("nowhere")
    os.mkfifo(tmp_path / "pipe")
    told = {name: posix.file_type(str(tmp_path / name)) for name in ("file", "link", "pipe", ".")}
    assert told == {"file": FileType.FILE, "link": FileType.LINK, "pipe": FileType.OTHER, ".": FileType.DIRECTORY}


def test_removing_a_tree_does_not_follow_links(tmp_path: Path):
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / "file").touch()
    (tmp_path / "tree" / "inner").mkdir(parents=True)
    (tmp_path / "tree" / "inner" / "link").symlink_to(tmp_path / "kept")
    posix.remove_tree(str(tmp_path / "tree"))
    assert sorted(os.listdir(tmp_path)) == ["kept"]
    assert (tmp_path / "kept" / "file").exists()


def test_a_hole_gives_space_back_or_at_least_reads_as_zeros(tmp_path: Path):
    fd = os.open(tmp_path / "a", os.O_RDWR | os.O_CREAT)
    os.write(fd, b"x" * (3 << 20))
    posix.discard(fd, 4096, 2 << 20)
    posix.discard(fd, 5 << 20, 10)
    assert os.pread(fd, 8192, 0) == b"x" * 4096 + bytes(4096)
    assert os.fstat(fd).st_size == 3 << 20
    os.close(fd)
