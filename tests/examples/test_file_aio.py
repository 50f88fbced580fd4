"""The examples of file aio, as a user runs them."""

from __future__ import annotations

import filecmp
import os
import subprocess
import sys
import zlib
from pathlib import Path

import pytest

from odradek.base.prng import seeded

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


def run(program: str, *words: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(EXAMPLES / program), *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize("size", [0, 1, 4096, 3_000_001])
def test_read_file_reads_all_of_it(tmp_path: Path, size: int) -> None:
    data = seeded(size).randbytes(size)
    (tmp_path / "data").write_bytes(data)
    done = run("read_file.py", tmp_path / "data", "--piece", 100_000, "--ahead", 3)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"{size:,} bytes in ")
    assert f"CRC-32 {zlib.crc32(data):08x}, engine " in done.stdout


def test_read_file_says_what_is_wrong(tmp_path: Path) -> None:
    missing = run("read_file.py", tmp_path / "none")
    assert missing.returncode == 1 and missing.stderr.startswith("read_file: [Errno 2] No such file")
    senseless = run("read_file.py", __file__, "--ahead", 0)
    assert senseless.returncode == 1 and "at least one ahead, not 1048576 and 0" in senseless.stderr


def test_copy_tree_copies_everything(tmp_path: Path) -> None:
    prng = seeded(1)
    for number in range(40):
        path = tmp_path / "source" / f"d{number % 5}" / f"e{number % 2}" / f"file {number}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(prng.randbytes(prng.choice([0, 1, 4095, 4096, 4097, 1_500_000])))
    (tmp_path / "source" / "empty").mkdir()
    done = run("copy_tree.py", tmp_path / "source", tmp_path / "target", "--files", 4)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("40 files, 17 directories, ")
    assert_same(filecmp.dircmp(tmp_path / "source", tmp_path / "target"))


def assert_same(compared: filecmp.dircmp[str]) -> None:
    assert not compared.left_only and not compared.right_only
    same, different, unread = filecmp.cmpfiles(compared.left, compared.right, compared.common_files, shallow=False)
    assert not different and not unread and len(same) == len(compared.common_files)
    for below in compared.subdirs.values():
        assert_same(below)


def test_copy_tree_names_what_it_leaves_out_and_what_it_refuses(tmp_path: Path) -> None:
    (tmp_path / "source").mkdir()
    os.symlink("nowhere", tmp_path / "source" / "link")
    done = run("copy_tree.py", tmp_path / "source", tmp_path / "target")
    assert done.returncode == 1 and done.stderr == f"copy_tree: left out: {tmp_path}/source/link (link)\n"
    again = run("copy_tree.py", tmp_path / "source", tmp_path / "target")
    assert again.returncode == 1 and again.stderr == f"copy_tree: {tmp_path}/target is there already\n"
