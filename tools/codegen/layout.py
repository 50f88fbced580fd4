"""From the schema table to layouts: what one struct looks like on the wire in one version.

The table speaks of ranges of versions; code is generated per layout. Most versions of most structs look alike, so the
work here is to give each struct in each version a `Layout` and to find which versions share one: they share it when
every field has the same wire form, down through the structs they hold. A layout is called after the first version
that has it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from schema_table import Field, Message, Struct, Table, contains

FIXED = {
    "bool": ("?", 1), "int8": ("b", 1), "int16": ("h", 2), "uint16": ("H", 2), "int32": ("i", 4),
    "uint32": ("I", 4), "int64": ("q", 8), "float64": ("d", 8), "uuid": ("16s", 16),
}  # fmt: skip
"""Types of fixed width: their `struct` code and width in bytes."""


@dataclass(frozen=True)
class Item:
    """One field in one version. `layout` is that of the struct it holds, if it holds one."""

    field: Field
    nullable: bool
    layout: Layout | None

    @property
    def name(self) -> str:
        return self.field.name

    @property
    def fixed(self) -> tuple[str, int] | None:
        """Code and width when the field is a single value of fixed width."""
        return None if self.field.is_array else FIXED.get(self.field.kafka_type)

    def min_size(self, flexible: bool) -> int:
        """The fewest bytes that the field can take."""
        if self.fixed:
            return self.fixed[1]
        if flexible:
            return 1
        if self.layout and not self.field.is_array:
            return 1 if self.nullable else self.layout.min_size
        return 2 if self.field.kafka_type == "string" and not self.field.is_array else 4


@dataclass
class Layout:
    """A struct's wire form: items in order, then tagged items by tag; `absent` fields are not in it at all."""

    struct: str
    version: int
    flexible: bool
    items: list[Item]
    tagged: list[Item]
    absent: list[Field]

    @property
    def key(self) -> str:
        """Equal for layouts that one piece of code serves."""
        parts = [f"{self.struct}/{self.flexible}"]
        for item in [*self.items, *self.tagged]:
            held = item.layout.key if item.layout else ""
            parts.append(f"{item.name}:{item.nullable}:{item in self.tagged}:{held}")
        return "(" + ",".join(parts) + ")"

    @property
    def min_size(self) -> int:
        """The fewest bytes an instance takes: what an array's count is checked against."""
        return sum(item.min_size(self.flexible) for item in self.items) + self.flexible

    @property
    def has_records(self) -> bool:
        """Whether a record payload is in it, at any depth."""
        return any(i.field.kafka_type == "records" or (i.layout and i.layout.has_records) for i in self.items)

    def walk(self) -> Iterator[Layout]:
        """The layouts it needs, innermost first, itself last."""
        for item in [*self.items, *self.tagged]:
            if item.layout:
                yield from item.layout.walk()
        yield self


class LayoutSet:
    """The layouts of one table, so that versions alike are given the same object."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._by_key: dict[str, Layout] = {}

    def layout(self, struct: Struct, version: int, flexible: bool) -> Layout:
        """The layout of `struct` in `version`: the object of the first version that has the same form."""
        layout = Layout(struct.name, version, flexible, [], [], [])
        for field in struct.fields:
            if not contains(field.versions, version):
                layout.absent.append(field)
                continue
            if field.is_array and field.kafka_type in ("uuid", "bytes", "records"):
                raise ValueError(f"{struct.name}.{field.name}: no code for arrays of {field.kafka_type}")
            held = self._table.structs.get(field.kafka_type)
            item = Item(
                field=field,
                nullable=contains(field.null_versions, version) or field.kafka_type == "records",
                layout=self.layout(held, version, flexible) if held else None,
            )
            (layout.tagged if contains(field.tag_versions, version) else layout.items).append(item)
        layout.tagged.sort(key=lambda item: item.field.tag or 0)
        return self._by_key.setdefault(layout.key, layout)

    def versions(self, message: Message) -> dict[int, Layout]:
        """The top-level layout of every version of `message`."""
        struct = self._table.structs[message.struct]
        result = {}
        for version in range(message.first_version, message.last_version + 1):
            flexible = message.flexible_since is not None and version >= message.flexible_since
            result[version] = self.layout(struct, version, flexible)
        return result


def snake_case(name: str) -> str:
    """`OffsetCommitKey` to `offset_commit_key`."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()
