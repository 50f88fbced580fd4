"""What the page cache holds of a file, asked without touching it."""

from __future__ import annotations

import os

from odradek.aio.linux.cachestat import CacheStat


def test_a_range_is_cached_when_all_its_pages_are(tmp_path):
    path = tmp_path / "data"
    path.write_bytes(bytes(16 * 4096 + 10))
    fd = os.open(path, os.O_RDWR)
    os.fsync(fd)
    look = CacheStat()
    if look.is_cached(fd, 0, 1) is None:  # before Linux 6.5
        os.close(fd)
        return
    assert look.is_cached(fd, 0, 16 * 4096 + 10) is look.is_cached(fd, 5, 1) is True
    assert look.is_cached(fd, 0, 17 * 4096 + 1) is False, "there is no such page"
    os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
    assert look.is_cached(fd, 4095, 2) is look.is_cached(fd, 0, 1) is False
    os.close(fd)
    assert look.is_cached(fd, 0, 1) is None, "no such descriptor"
