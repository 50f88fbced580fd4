"""Names are read back as they were given, and told from others."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from odradek.log import names


@given(st.integers(0, 2**63 - 1), st.sampled_from([names.LOG, names.OFFSET_INDEX, names.SNAPSHOT]))
def test_segment_names_are_read_back(offset: int, role: str):
    assert names.parse_segment_file(names.segment_file(offset, role)) == (offset, role, "")
    assert names.parse_segment_file(names.segment_file(offset, role) + names.SWAP) == (offset, role, names.SWAP)


def test_partition_directories_are_told_from_others():
    assert names.parse_partition_directory("a-b-12") == ("a-b", 12)
    gone = names.deleted_directory("a.b", 3, bytes(16))
    assert gone == f"a.b-3.{'0' * 32}-delete"
    assert names.is_deleted_directory(gone)
    assert names.parse_partition_directory(gone) is None
    assert names.parse_partition_directory(gone.replace("-delete", "-stray")) is None
    assert len(names.deleted_directory("t" * 249, 3, bytes(16))) == 255
    assert names.parse_segment_file("7.log") is None
