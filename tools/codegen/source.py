"""A piece of Python source under construction, with the run of fixed-width values that waits to be packed in one go.

`pending` is the heart of the generator: values of fixed width that follow each other on the wire (fields, length
prefixes, the count of tagged fields) are collected and go through one `struct` call. Whoever emits something else
calls `flush` first.
"""

from __future__ import annotations

import struct


class Source:
    """Lines with an indentation, and the formats and helpers that they use, which the module has to define or import."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.level = 0
        self.unpacks: set[str] = set()
        self.packs: set[str] = set()
        self.helpers: set[str] = set()
        self.pending: list[tuple[str, str]] = []
        self.counted = False  # whether what is emitted now counts its elements: in requests
        self.counting_readers: set[str] = set()  # those that take a budget

    def line(self, text: str) -> None:
        """Add one line at the present indentation."""
        self.lines.append("    " * self.level + text if text else "")

    def help(self, name: str) -> str:
        """Note that the module needs the helper `name`."""
        self.helpers.add(name)
        return name

    def add(self, expression: str, code: str) -> None:
        """Put a fixed-width value into the waiting run."""
        self.pending.append((expression, code))

    def take(self) -> tuple[list[str], str]:
        """Empty the waiting run: its expressions and its format."""
        expressions = [expression for expression, _ in self.pending]
        form = "".join(code for _, code in self.pending)
        self.pending.clear()
        return expressions, form

    def flush_decode(self) -> None:
        """Emit the unpacking of the waiting run."""
        targets, form = self.take()
        if form == "B":
            self.line(f"{targets[0]} = buf[pos]")
            self.line("pos += 1")
        elif form:
            self.unpacks.add(form)
            self.line(f"{', '.join(targets)}{',' if len(targets) == 1 else ''} = {format_name('_u_', form)}(buf, pos)")
            self.line(f"pos += {struct.calcsize('>' + form)}")

    def flush_encode(self) -> None:
        """Emit the packing of the waiting run."""
        values, form = self.take()
        if form == "B":
            self.line(f"out.append({values[0]})")
        elif form:
            self.packs.add(form)
            self.line(f"out += {format_name('_p_', form)}({', '.join(values)})")


def format_name(prefix: str, form: str) -> str:
    """The constant that holds a precompiled format; `?` is no letter, so a bool shows as `T`."""
    return prefix + form.replace("?", "T")


def format_constants(source: Source) -> list[str]:
    """The module's precompiled formats."""
    unpacks = [f'{format_name("_u_", form)} = Struct(">{form}").unpack_from' for form in sorted(source.unpacks)]
    packs = [f'{format_name("_p_", form)} = Struct(">{form}").pack' for form in sorted(source.packs)]
    return unpacks + packs
