"""How many elements a request may have: what bounds the objects that its bytes become.

An element on the wire may take one byte, and as an object of Python it takes a hundred or two: two megabytes of empty
structs would become two hundred, and a second in which the loop serves nobody. So decoders of requests take an
`ElementBudget`, out of which every array takes its count before anything is made for it: structs, strings and numbers
alike, at every depth, and tagged fields. It costs one subtraction per array. Who decodes a request that is too small to
matter gives None instead, which costs a comparison (the hot path: a small Produce has two arrays).

Counting while decoding, not in a walk before it: one pass, no second description of every message to keep in step, and
what has been decoded when the budget ends is no more than the budget allows.
"""

from __future__ import annotations

from odradek.wire.errors import WireError


class TooManyElements(WireError):
    """A request has more elements than its budget; `limit` is what it may have."""

    def __init__(self, name: str, count: int, left: int, limit: int) -> None:
        taken = limit - left
        super().__init__(
            f"{name}: {count} elements after {taken} others are more than the {limit} that one request may have"
            " (odradek.request.elements.max)"
        )
        self.limit = limit


class ElementBudget:
    """One request's: made for its decoding and thrown away after it. `limit` in elements of all arrays together."""

    __slots__ = ("left", "limit")

    def __init__(self, limit: int) -> None:
        self.limit = self.left = limit

    def take(self, name: str, count: int) -> None:
        """Count an array of `count` elements called `name`; raises `TooManyElements`, and takes nothing, beyond the limit."""
        left = self.left - count
        if left < 0:
            raise TooManyElements(name, count, self.left, self.limit)
        self.left = left

    @property
    def taken(self) -> int:
        return self.limit - self.left
