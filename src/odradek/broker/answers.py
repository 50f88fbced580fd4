"""An answer of many elements, encoded piece by piece: nobody waits for the whole, and the objects of a piece go with it.

A few bytes can ask for much: ten thousand topics described are a third of a million configurations. As objects they
would be a hundred megabytes, and encoding them would hold the loop for a second. So such a handler adds what it has
made so far, lets others have their turn, and goes on; what is left in the end is bytes.

It works for a response whose one long array is its last field, with nothing tagged behind it: the bytes of an array's
elements are the same whichever array they stand in, so pieces are encoded as small responses and cut out of them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from odradek.base.errors import check
from odradek.wire.api import APIS
from odradek.wire.message import Message
from odradek.wire.primitives import write_uvarint


class Encoded(Message):
    """What a handler returns instead of a message: its bytes in parts, and the error codes in it, which are counted."""

    __slots__ = ("error_codes", "parts")

    def __init__(self, parts: list[bytearray], error_codes: list[int]) -> None:
        self.parts = parts
        self.error_codes = error_codes


class AnswerInPieces:
    """One answer in the making. `response` says what stands before the array `field`, which it must have empty."""

    def __init__(
        self,
        api_key: int,
        version: int,
        encoders: Mapping[int, Callable[[Any, bytearray], None]],
        response: Message,
        field: str,
    ) -> None:
        self._response = response
        self._field = field
        self._encode = encoders[version]
        self._flexible = APIS[api_key].is_flexible(version)
        empty = self._encoded([])
        self._tail = 1 if self._flexible else 0  # no tagged fields
        self._head = empty[: len(empty) - self._tail - len(self._count_of(0))]
        self._elements = bytearray()
        self._error_codes: list[int] = []
        self.count = 0

    def add(self, elements: list[Any]) -> None:
        """Encode some more of the array; the elements are not kept."""
        piece = self._encoded(elements)
        start = len(self._head) + len(self._count_of(len(elements)))
        self._elements += memoryview(piece)[start : len(piece) - self._tail]
        self._error_codes += [element.error_code for element in elements if element.error_code]
        self.count += len(elements)

    def finish(self) -> Encoded:
        """The whole."""
        check(bool(self._head), "an answer was finished twice", field=self._field)
        parts = [self._head + self._count_of(self.count), self._elements, bytearray(self._tail)]
        self._head = self._elements = bytearray()
        return Encoded(parts, self._error_codes)

    def _encoded(self, elements: list[Any]) -> bytearray:
        setattr(self._response, self._field, elements)
        out = bytearray()
        self._encode(self._response, out)
        return out

    def _count_of(self, count: int) -> bytearray:
        if not self._flexible:
            return bytearray(count.to_bytes(4, "big"))
        out = bytearray()
        write_uvarint(out, count + 1)
        return out
