"""Which partition of `__consumer_offsets` keeps a group: Java's `String.hashCode`, made positive, modulo the partition count.

Clients never compute it, but the log's readers do (Kafka's tools, a Kafka that opens our directory), so it must be Java's: over
UTF-16 code units, 32 bits wide, and made positive by Kafka's `Utils.abs`: negated, and 0 for the one value that has no
positive counterpart. (Its `toPositive`, which clears the sign bit instead, is for other things.)
"""

from __future__ import annotations

_INT_MIN = -(2**31)


def java_string_hash(text: str) -> int:
    """`String.hashCode()` as a signed 32-bit number (java.lang.String)."""
    code = 0
    if text.isascii():
        for unit in text.encode("ascii"):
            code = (code * 31 + unit) & 0xFFFFFFFF
    else:
        units = text.encode("utf-16-be", "surrogatepass")
        for at in range(0, len(units), 2):
            code = (code * 31 + (units[at] << 8 | units[at + 1])) & 0xFFFFFFFF
    return code - (1 << 32) if code & 0x80000000 else code


def partition_for(group_id: str, partition_count: int) -> int:
    """The partition of `__consumer_offsets` that keeps `group_id`."""
    code = java_string_hash(group_id)
    return 0 if code == _INT_MIN else abs(code) % partition_count
