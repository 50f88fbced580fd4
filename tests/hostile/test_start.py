"""A data directory that cannot be used: one line that names it, a code other than 0, no traceback, nothing changed in it.
One that can be used in spite of something odd in it is served, and the odd thing is said and left alone.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from broker_under_test import BrokerUnderTest, GoodClient
from refusals import obey_permissions, refusal
from small_disks import KINDS

CONFLICT = 5


@pytest.fixture(scope="module")
def used(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, GoodClient]:
    """A data directory with records in it, and whoever knows which."""
    path = tmp_path_factory.mktemp("used") / "data"
    with BrokerUnderTest(path) as broker:
        client = GoodClient(broker)
        for _ in range(5):
            assert client.produce() == 0
        assert broker.stop() == 0
    return path, client


@pytest.fixture
def data(used: tuple[Path, GoodClient], tmp_path: Path) -> Path:
    """A copy of it to spoil."""
    return Path(shutil.copytree(used[0], tmp_path / "data"))


def check_served(data: Path, client: GoodClient) -> str:
    """The broker starts and has everything; what it said."""
    with BrokerUnderTest(data) as broker:
        again = GoodClient(broker, acknowledged=client.acknowledged)
        again.check_intact()
        assert broker.stop() == 0
        assert "Traceback" not in broker.log()
        return broker.log()


@pytest.mark.parametrize("inner", ["", "/inside"])
def test_a_file_where_the_directory_should_be(tmp_path: Path, inner: str) -> None:
    file = tmp_path / "data"
    file.write_bytes(b"mine")
    assert str(file) in refusal(Path(f"{file}{inner}"))
    assert file.read_bytes() == b"mine"


@pytest.mark.parametrize("mode", [0o000, 0o555])
def test_a_directory_without_permission(data: Path, mode: int) -> None:
    data.chmod(mode)
    try:
        line = refusal(data)
    finally:
        data.chmod(0o755)
    assert "Permission denied" in line and f"{data}/" in line


def test_a_directory_that_may_not_be_made(tmp_path: Path) -> None:
    tmp_path.chmod(0o555)
    try:
        line = refusal(tmp_path / "data")
    finally:
        tmp_path.chmod(0o755)
    assert "Permission denied" in line and f"{tmp_path}/data" in line


def test_partitions_without_permission_are_offline_and_the_rest_is_served(
    data: Path, used: tuple[Path, GoodClient], monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(data / "good-0", data / "other-0")
    (data / "other-0" / "partition.metadata").unlink()
    (data / "other-0").chmod(0)
    command = subprocess.Popen
    monkeypatch.setattr(subprocess, "Popen", lambda *words, **how: command(*words, **how, preexec_fn=obey_permissions))
    try:
        said = check_served(data, used[1])
    finally:
        (data / "other-0").chmod(0o755)
    assert "cannot be loaded: [Errno 13] Permission denied" in said and "partition=other-0" in said


@contextmanager
def read_only(data: Path) -> Iterator[None]:
    """A read-only file system; where nobody may mount one, files and directories without the right to write."""
    if "mounted" in KINDS:
        subprocess.run(["mount", "--bind", str(data), str(data)], check=True)
        subprocess.run(["mount", "-o", "remount,ro,bind", str(data)], check=True)
        try:
            yield
        finally:
            subprocess.run(["umount", str(data)], check=True)
    else:
        inside = [data, *data.rglob("*")]
        modes = [path.stat().st_mode for path in inside]
        for path in inside:
            path.chmod(0o555)
        yield
        for path, mode in zip(inside, modes, strict=True):
            path.chmod(mode)


def test_a_read_only_file_system(data: Path) -> None:
    with read_only(data):
        line = refusal(data)
    assert ("Read-only file system" in line or "Permission denied" in line) and f"{data}/" in line


def test_a_directory_that_another_broker_uses(tmp_path: Path) -> None:
    with BrokerUnderTest(tmp_path / "data") as first:
        client = GoodClient(first)
        assert f"is locked by process {first.process.pid}" in refusal(tmp_path / "data", CONFLICT)
        client.check_intact()


def cut_in_half(content: bytes) -> bytes:
    return content[: len(content) // 2]


def cut_its_end(content: bytes) -> bytes:
    return content[:-100]


def zero_a_page(content: bytes) -> bytes:
    return content[:4096] + bytes(4096) + content[8192:]


@pytest.mark.parametrize("spoil", [cut_in_half, cut_its_end, zero_a_page, lambda _: os.urandom(20_000)])
def test_a_damaged_metadata_store_is_not_touched(data: Path, spoil: Callable[[bytes], bytes]) -> None:
    store = data / "metadata.db"
    spoilt = spoil(store.read_bytes())
    store.write_bytes(spoilt)
    assert str(store) in refusal(data)
    assert store.read_bytes() == spoilt


@pytest.mark.parametrize("is_there", [True, False])
def test_without_any_metadata_topics_are_found_by_their_data(data: Path, used: tuple[Path, GoodClient], is_there: bool) -> None:
    (data / "metadata.db").unlink()
    if is_there:
        (data / "metadata.db").touch()  # what a crash while it was made leaves
    assert "topics adopted without their configurations" in check_served(data, used[1])


def test_a_metadata_store_of_a_newer_version(data: Path) -> None:
    with sqlite3.connect(data / "metadata.db") as connection:
        connection.execute("update counters set value = 2 where name = 'format'")
    connection.close()
    assert "metadata.db has format 2; this version of Odradek reads format 1" in refusal(data)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"version=2\ncluster.id=c\nnode.id=1\n", "version is '2'"),
        (b"", "does not say whose data this is"),
        (bytes(100), "does not say whose data this is"),
        (b"\x8a\xff\x00binary\n" * 9, "does not say whose data this is"),
    ],
)
def test_meta_properties_that_cannot_be_used_are_not_written_over(data: Path, content: bytes, reason: str) -> None:
    file = data / "meta.properties"
    file.write_bytes(content)
    line = refusal(data)
    assert str(file) in line and reason in line
    assert file.read_bytes() == content


def test_another_brokers_directory(data: Path) -> None:
    file = data / "meta.properties"
    file.write_text(file.read_text().replace("cluster.id=", "cluster.id=another"))
    assert "belongs to the cluster" in refusal(data)


def test_unknown_names_are_said_and_left_alone(data: Path, used: tuple[Path, GoodClient]) -> None:
    files: dict[str, Any] = {"notes.txt": b"mine", "like-0": b"a file", "good-0/notes.txt": b"mine"}
    for name, content in files.items():
        (data / name).write_bytes(content)
    (data / "some directory").mkdir()
    os.mkfifo(data / "pipe")
    os.symlink("/", data / "link-0")
    os.mkfifo(data / "good-0" / "00000000000000009999.log")
    said = check_served(data, used[1])
    for name in (*files, "some directory", "pipe", "link-0", "good-0/00000000000000009999.log"):
        assert f"{data}/{name}" in said
        assert os.path.lexists(data / name)


def test_damaged_checkpoints_cost_a_scan(data: Path, used: tuple[Path, GoodClient]) -> None:
    for file in (*data.glob("*checkpoint"), *data.glob("good-0/*checkpoint")):
        file.write_bytes(b"\xff\x00 no numbers \n")
    (data / ".kafka_cleanshutdown").unlink()
    assert "recovery-point-offset-checkpoint" in check_served(data, used[1])
