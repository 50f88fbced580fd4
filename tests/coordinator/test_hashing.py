"""Groups go to the partitions that Java's String.hashCode says."""

import pytest

from odradek.coordinator.hashing import java_string_hash, partition_for


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", 0),
        ("a", 97),
        ("hello", 99162322),
        ("polygenelubricants", -(2**31)),
        ("\u00e9", 233),
        ("\U0001f600", 1772899),  # two UTF-16 units, D83D and DE00
    ],
)
def test_known_hashes(text, code):
    assert java_string_hash(text) == code


def test_the_smallest_int_has_a_partition():
    """Math.abs would leave it negative; Kafka makes it 0."""
    assert partition_for("polygenelubricants", 50) == 0


def test_partitions_as_kafka_placed_them():
    """Seen in the directory of an Apache Kafka 4.3 with offsets.topic.num.partitions=4."""
    for group, partition in PLACED:
        assert partition_for(group, 4) == partition


PLACED = [
    ("t-00125d43d811", 0),
    ("t-004fde733d87", 0),
    ("t-03feada3836f", 1),
    ("t-09bff9401e24", 1),
    ("t-0161ffa87bed", 2),
    ("t-03d99ca26cb7", 2),
    ("t-08908c6159c4", 3),
    ("t-0b0100f4b1d0", 3),
]
