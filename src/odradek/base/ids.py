"""Identifiers as Kafka writes them: 16 bytes in memory and on the wire, 22 characters of base64url in text.

Topic ids, directory ids and the cluster id share this form (Kafka's `Uuid`). Inside Odradek an id is plain `bytes`: it hashes
and compares fast, and the wire needs nothing else. Two values are reserved: all zero (no id) and one (the metadata topic's).
"""

from __future__ import annotations

import base64
import binascii

from odradek.base.errors import OdradekError
from odradek.base.prng import Prng

ZERO_UUID = bytes(16)
METADATA_TOPIC_UUID = bytes(15) + b"\x01"
_RESERVED = (ZERO_UUID, METADATA_TOPIC_UUID)


class InvalidUuidError(OdradekError):
    """A text that is no Kafka id."""


def random_uuid(prng: Prng) -> bytes:
    """A version-4 UUID that is not reserved and whose text does not begin with a dash (it would look like an option)."""
    while True:
        raw = bytearray(prng.getrandbits(8) for _ in range(16))
        raw[6] = raw[6] & 0x0F | 0x40
        raw[8] = raw[8] & 0x3F | 0x80
        made = bytes(raw)
        if made not in _RESERVED and not uuid_to_text(made).startswith("-"):
            return made


def uuid_to_text(uuid: bytes) -> str:
    """22 characters of base64url without padding."""
    return base64.urlsafe_b64encode(uuid).rstrip(b"=").decode("ascii")


def uuid_from_text(text: str) -> bytes:
    """The 16 bytes behind `text`; raises `InvalidUuidError`."""
    try:
        raw = base64.urlsafe_b64decode(text + "==")
    except (binascii.Error, ValueError) as error:
        raise InvalidUuidError(f"{text!r} is not an id: expected 22 characters of base64url") from error
    if len(raw) != 16:
        raise InvalidUuidError(f"{text!r} is not an id: it holds {len(raw)} bytes, an id has 16")
    return raw
