"""Emit the classes: one per struct, with the union of its fields over all versions.

A single tagged struct that is absent is None, whatever Kafka's schema says of null: absence then costs one comparison
in the encoder, and there is no shared default instance that somebody could change.
"""

from __future__ import annotations

from codegen.source import Source
from schema_table import Field, Struct, Table

PYTHON_TYPES = {
    "bool": "bool", "float64": "float", "string": "str", "bytes": "bytes", "records": "Buffer", "uuid": "bytes",
}  # fmt: skip


def is_struct(field: Field) -> bool:
    """Structs are the types that start with a capital."""
    return field.kafka_type[0].isupper()


def may_be_none(field: Field) -> bool:
    """Whether the attribute can hold None in some version."""
    tagged_struct = is_struct(field) and not field.is_array and field.tag is not None
    return field.null_versions is not None or field.kafka_type == "records" or tagged_struct


def python_type(field: Field) -> str:
    """The attribute's annotation."""
    name = field.kafka_type if is_struct(field) else PYTHON_TYPES.get(field.kafka_type, "int")
    name = f"list[{name}]" if field.is_array else name
    return f"{name} | None" if may_be_none(field) else name


def default_expression(field: Field) -> str:
    """Python source of the default; one that ends in a bracket makes a new object each time."""
    if field.default == "null" or field.kafka_type == "records":
        return "None"
    if field.is_array:
        return "[]"
    if is_struct(field):
        return "None" if may_be_none(field) else f"{field.kafka_type}()"
    if field.kafka_type == "string":
        return f'"{field.default}"'
    if field.kafka_type == "bool":
        return "True" if field.default == "true" else "False"
    zeros = {"bytes": 'b""', "uuid": "ZERO_UUID", "float64": "0.0"}
    return field.default or zeros.get(field.kafka_type, "0")


def emit_class(source: Source, struct: Struct) -> None:
    """One message class."""
    source.line(f"class {struct.name}(Message):")
    source.level += 1
    names = [field.name for field in struct.fields]
    source.line(f"__slots__ = ({', '.join(repr(n) for n in names)}{',' if len(names) == 1 else ''})")
    source.line("")
    if names:
        emit_init(source, struct)
    source.level -= 1
    source.line("")
    source.line("")


def emit_init(source: Source, struct: Struct) -> None:
    """The initialiser. Defaults that must be fresh objects are made in its body, where the sentinel stands for "not given"."""
    source.line("def __init__(")
    source.line("    self,")
    fresh = set()
    for field in struct.fields:
        default = default_expression(field)
        if default[-1] in ")]":
            fresh.add(field.name)
            default = source.help("NOT_GIVEN")
        source.line(f"    {field.name}: {python_type(field)} = {default},")
    source.line(") -> None:")
    source.level += 1
    for field in struct.fields:
        if field.name in fresh:
            value = f"{default_expression(field)} if {field.name} is NOT_GIVEN else {field.name}"
        else:
            value = field.name
        source.line(f"self.{field.name} = {value}")
    source.level -= 1


def ordered_structs(table: Table) -> list[Struct]:
    """The structs, innermost first, as the reader of a bottom-up file expects them."""
    ordered: dict[str, Struct] = {}

    def visit(struct: Struct) -> None:
        for field in struct.fields:
            if field.kafka_type in table.structs:
                visit(table.structs[field.kafka_type])
        ordered.setdefault(struct.name, struct)

    for struct in table.structs.values():
        visit(struct)
    return list(ordered.values())
