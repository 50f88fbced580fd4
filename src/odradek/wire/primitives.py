"""Kafka's primitive types: what generated codecs call when the inline path does not do, and what code written by hand uses.

Readers take (buffer, position) and return (value, position after it). They trust slices: a length past the end of the
buffer gives a short value and a position past the end, and whoever decodes a whole message compares that position
with the buffer's length once. Readers that stand alone (`read_string` and its like) say so in their name by not being
lists, and have the same rule.

Writers append to a bytearray. Varints are those of Kafka's protocol (KIP-482: unsigned, little groups first, compact
lengths are the length plus one, zero is null) and of record batches (zigzag for signed).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from struct import Struct
from struct import error as struct_error
from typing import Final, TypeAlias

from odradek.wire.elements import ElementBudget
from odradek.wire.errors import WireError

Buffer: TypeAlias = bytes | bytearray | memoryview
"""Bytes that came from, or go to, a socket. A memoryview is of single bytes."""

Splices: TypeAlias = list[tuple[int, Buffer]]
"""Record payloads left out of an encoded message: (position in it where the payload belongs, payload)."""

ZERO_UUID: Final = bytes(16)
"""Kafka's null uuid."""

DECODE_ERRORS: Final = (struct_error, IndexError, UnicodeDecodeError)
"""What a decoder meets in bad input, besides the `WireError`s it raises itself."""

ENCODE_ERRORS: Final = (struct_error, UnicodeEncodeError, TypeError, AttributeError, ValueError)
"""What an encoder meets in a message that its version cannot say (a value out of range, null where null is not allowed)."""

MAX_UVARINT_BITS: Final = 35

_u_h = Struct(">h").unpack_from
_u_i = Struct(">i").unpack_from
_p_h = Struct(">h").pack
_p_i = Struct(">i").pack


# Errors that decoders raise


def malformed(name: str, buf: Buffer, error: Exception) -> WireError:
    """The error for input that stops short or is not UTF-8."""
    return WireError(f"{name}: malformed message of {len(buf)} bytes: {error}")


def truncated(name: str, needed: int, size: int) -> WireError:
    """The error for a length that leads past the end."""
    return WireError(f"{name}: a length in the message reaches byte {needed} of {size}")


def unencodable(name: str, error: Exception) -> WireError:
    """The error for a message whose values the version cannot carry."""
    return WireError(f"{name}: cannot be encoded: {error}")


def bad_length(name: str, length: int) -> WireError:
    """The error for a null or negative length where none may be."""
    return WireError(f"{name}: length {length} is negative, or null where null is not allowed")


def bad_count(name: str, count: int, remaining: int) -> WireError:
    """The error for more elements than the rest of the message can hold."""
    return WireError(f"{name}: {count} elements cannot be in the {remaining} bytes that are left")


def bad_tag(name: str, tag: int, size: int) -> WireError:
    """The error for a tagged field whose size differs from its content's."""
    return WireError(f"{name}: tagged field {tag} is not of the {size} bytes that it says")


# Varints


def read_uvarint(buf: Buffer, pos: int) -> tuple[int, int]:
    """An unsigned varint of at most five bytes."""
    first = buf[pos]
    if first < 128:
        return first, pos + 1
    return finish_uvarint(buf, pos + 1, first)


def finish_uvarint(buf: Buffer, pos: int, first: int) -> tuple[int, int]:
    """The rest of an unsigned varint whose first byte was `first` (above 127); raises `WireError` past five bytes."""
    value = first & 127
    for shift in range(7, MAX_UVARINT_BITS, 7):
        byte = buf[pos]
        pos += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, pos
    raise WireError(f"varint at byte {pos - 5} is longer than five bytes")


def write_uvarint(out: bytearray, value: int) -> None:
    """An unsigned varint."""
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)


def read_varint(buf: Buffer, pos: int) -> tuple[int, int]:
    """A signed (zigzag) varint of at most ten bytes: Kafka's varint and varlong, as record batches have them."""
    value = shift = 0
    while shift < 70:
        byte = buf[pos]
        pos += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return (value >> 1) ^ -(value & 1), pos
        shift += 7
    raise WireError(f"varint at byte {pos - 10} is longer than ten bytes")


def write_varint(out: bytearray, value: int) -> None:
    """A signed (zigzag) varint of up to 64 bits."""
    write_uvarint(out, (value << 1) ^ (value >> 63))


# Strings and bytes


def read_string(buf: Buffer, pos: int) -> tuple[str | None, int]:
    """A string with an int16 length; -1 is null."""
    (length,) = _u_h(buf, pos)
    pos += 2
    if length < 0:
        return (None, pos) if length == -1 else _refuse(length)
    return str(buf[pos : pos + length], "utf-8"), pos + length


def read_compact_string(buf: Buffer, pos: int) -> tuple[str | None, int]:
    """A string with a varint of its length plus one; 0 is null."""
    length, pos = read_uvarint(buf, pos)
    if not length:
        return None, pos
    end = pos + length - 1
    return str(buf[pos:end], "utf-8"), end


def read_bytes(buf: Buffer, pos: int) -> tuple[bytes | None, int]:
    """Bytes with an int32 length; -1 is null."""
    (length,) = _u_i(buf, pos)
    pos += 4
    if length < 0:
        return (None, pos) if length == -1 else _refuse(length)
    return bytes(buf[pos : pos + length]), pos + length


def read_compact_bytes(buf: Buffer, pos: int) -> tuple[bytes | None, int]:
    """Bytes with a varint of their length plus one; 0 is null."""
    length, pos = read_uvarint(buf, pos)
    if not length:
        return None, pos
    end = pos + length - 1
    return bytes(buf[pos:end]), end


def _refuse(length: int) -> tuple[None, int]:
    raise bad_length("string or bytes", length)


def write_string(out: bytearray, value: str | None) -> None:
    """The reverse of `read_string`."""
    if value is None:
        out += b"\xff\xff"
        return
    data = value.encode()
    out += _p_h(len(data))
    out += data


def write_compact_string(out: bytearray, value: str | None) -> None:
    """The reverse of `read_compact_string`."""
    write_compact_bytes(out, None if value is None else value.encode())


def write_bytes(out: bytearray, value: Buffer | None) -> None:
    """The reverse of `read_bytes`."""
    if value is None:
        out += b"\xff\xff\xff\xff"
        return
    out += _p_i(len(value))
    out += value


def write_compact_bytes(out: bytearray, value: Buffer | None) -> None:
    """The reverse of `read_compact_bytes`."""
    if value is None:
        out.append(0)
        return
    write_uvarint(out, len(value) + 1)
    out += value


# Arrays. The count has been read; it is checked here, before anything is made.


def read_numbers(buf: Buffer, pos: int, count: int, code: str, width: int) -> tuple[list[int], int]:
    """`count` numbers of one `struct` code."""
    if count * width > len(buf) - pos:
        raise bad_count("array", count, len(buf) - pos)
    if count <= 0:
        return [], pos
    return list(_numbers(count, code).unpack_from(buf, pos)), pos + count * width


def write_numbers(out: bytearray, values: Sequence[int], code: str) -> None:
    """The reverse of `read_numbers`."""
    if values:
        out += _numbers(len(values), code).pack(*values)


@lru_cache(maxsize=256)
def _numbers(count: int, code: str) -> Struct:
    """The format of so many numbers; replica lists and partition lists are of few lengths, so making it is saved."""
    return Struct(f">{count}{code}")


def read_strings(buf: Buffer, pos: int, count: int) -> tuple[list[str], int]:
    """`count` strings with int16 lengths, none of them null."""
    if count * 2 > len(buf) - pos:
        raise bad_count("array of strings", count, len(buf) - pos)
    values = []
    for _ in range(count):
        value, pos = read_string(buf, pos)
        if value is None:
            raise bad_length("array of strings", -1)
        values.append(value)
    return values, pos


def read_compact_strings(buf: Buffer, pos: int, count: int) -> tuple[list[str], int]:
    """`count` compact strings, none of them null."""
    if count > len(buf) - pos:
        raise bad_count("array of strings", count, len(buf) - pos)
    values = []
    for _ in range(count):
        value, pos = read_compact_string(buf, pos)
        if value is None:
            raise bad_length("array of strings", -1)
        values.append(value)
    return values, pos


def write_strings(out: bytearray, values: Sequence[str]) -> None:
    """The reverse of `read_strings`."""
    for value in values:
        write_string(out, value)


def write_compact_strings(out: bytearray, values: Sequence[str]) -> None:
    """The reverse of `read_compact_strings`."""
    for value in values:
        write_compact_string(out, value)


# Tagged fields


def skip_tags(buf: Buffer, pos: int, first: int, budget: ElementBudget | None = None) -> int:
    """Go past tagged fields that nobody knows; `first` is the first byte of their count, already read."""
    count = first
    if first > 127:
        count, pos = finish_uvarint(buf, pos, first)
    if budget is not None:
        budget.take("tagged fields", count)
    for _ in range(count):
        _, pos = read_uvarint(buf, pos)
        size, pos = read_uvarint(buf, pos)
        pos += size
    return pos
