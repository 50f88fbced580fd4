"""The root of Odradek's errors, and the check that stays on.

Every error that leaves a room derives from `OdradekError`, so that a border can translate it in one place (to a Kafka error
code, to an exit code). A message says which thing, its value now, the limit and the knob that moves it.

`check()` states an invariant. It is a function of our own because `python -O` strips `assert`, and a log whose cursors have
crossed must stop, optimised or not.
"""

from __future__ import annotations


class OdradekError(Exception):
    """Any failure that Odradek names itself."""


class InvariantError(OdradekError):
    """A condition that the code relies on does not hold: a bug of ours, never bad input."""


def check(condition: object, what: str, **values: object) -> None:
    """Raise `InvariantError` unless `condition` holds; `values` are the numbers that the reader of the report will want."""
    if not condition:
        shown = ", ".join(f"{name}={value!r}" for name, value in values.items())
        raise InvariantError(f"{what} ({shown})" if shown else what)
