"""What all generated message classes share.

A message is a plain mutable object with slots. It holds the fields of all versions of its struct; a field that a
version lacks has its default after decoding and is not written when encoding. Names are Kafka's in snake_case, error
codes and enumerations are ints, uuids are 16 bytes, `records` are any bytes-like object (a view of the input after
decoding).
"""

from __future__ import annotations

from typing import Any, ClassVar, Final

NOT_GIVEN: Final[Any] = object()
"""Default of arguments whose real default is a fresh list or struct."""


class Message:
    """Base of every message and nested struct: equality and a readable form."""

    __slots__: ClassVar[tuple[str, ...]] = ()
    __hash__ = None  # type: ignore[assignment]  # mutable, so not hashable

    def __eq__(self, other: object) -> bool:
        if other.__class__ is not self.__class__:
            return NotImplemented
        return all(getattr(self, name) == getattr(other, name) for name in self.__slots__)

    def __repr__(self) -> str:
        shown = ", ".join(f"{name}={getattr(self, name)!r}" for name in self.__slots__)
        return f"{self.__class__.__name__}({shown})"
