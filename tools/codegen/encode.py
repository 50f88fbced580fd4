"""Emit encoders: straight-line code that appends one layout to a bytearray.

Rules of the generated code:

- Fixed-width values that follow each other, with the length prefix after them, are one `pack`.
- Structs are written by list writers, `_write_X_vN(out, items)`, with the fields inline in the loop.
- Tagged fields that have their default are not written. The test for that is inline; writing them is a function
  apart, as it is rare.
- A *gather* encoder writes everything except record payloads: it appends `(position in out, payload)` to `splices`
  and leaves the payload to whoever sends, so that a fetch answer is never copied."""

from __future__ import annotations

from codegen.classes import default_expression, is_struct, may_be_none
from codegen.layout import FIXED, Item, Layout
from codegen.source import Source


def writer_name(layout: Layout, gather: bool) -> str:
    """The list writer of a struct; the gathering one only where there are records to gather."""
    verb = "_gather" if gather and layout.has_records else "_write"
    return f"{verb}_{layout.struct}_v{layout.version}"


def extra(layout: Layout, gather: bool, text: str) -> str:
    """`text`, the further parameter or argument of a gathering function, or nothing."""
    return text if gather and layout.has_records else ""


def emit_writer(source: Source, layout: Layout, gather: bool) -> None:
    """The function that writes a list of structs of `layout`."""
    splices = extra(layout, gather, ", splices: Splices")
    name = writer_name(layout, gather)
    source.line(f"def {name}(out: bytearray, items: Iterable[{layout.struct}]{splices}) -> None:")
    source.level += 1
    source.line("for s in items:")
    source.level += 1
    emit_body(source, layout, gather)
    source.level -= 2
    source.line("")
    source.line("")


def emit_message_encoder(source: Source, layout: Layout, function: str, gather: bool) -> None:
    """The public function that writes one message and turns a value that does not fit into a `WireError`."""
    splices = extra(layout, gather, ", splices: Splices")
    source.line(f"def {function}(s: {layout.struct}, out: bytearray{splices}) -> None:")
    source.level += 1
    source.line("try:")
    source.level += 1
    emit_body(source, layout, gather)
    source.level -= 1
    source.line("except ENCODE_ERRORS as error:")
    source.line(f'    raise unencodable("{layout.struct}", error) from error')
    source.level -= 1
    source.line("")
    source.line("")


def emit_body(source: Source, layout: Layout, gather: bool) -> None:
    """Write one struct `s`."""
    before = len(source.lines)
    for item in layout.items:
        emit_item(source, item, layout.flexible, gather)
    if layout.tagged:
        condition = " or ".join(non_default(item) for item in layout.tagged)
        source.flush_encode()
        source.line(f"if {condition}:")
        source.line(f"    {tags_name(layout)}(out, s)")
        source.line("else:")
        source.line("    out.append(0)")
    elif layout.flexible:
        source.add("0", "B")
    source.flush_encode()
    if len(source.lines) == before:
        source.line("pass")


def emit_item(source: Source, item: Item, flexible: bool, gather: bool) -> None:
    """Write one field of `s`."""
    value = f"s.{item.name}"
    if item.fixed:
        source.add(value, item.fixed[0])
    elif item.layout and not item.field.is_array:
        emit_struct(source, item, item.layout, value)
    elif item.nullable:
        emit_nullable(source, item, flexible, gather, value)
    else:
        if may_be_none(item.field):  # in other versions
            source.line(f"if {value} is None:")
            source.line(f'    raise {source.help("bad_length")}("{item.name}", -1)')
        emit_measured(source, item, flexible, gather, value)


def emit_struct(source: Source, item: Item, layout: Layout, value: str) -> None:
    """Write a single struct; a nullable one has a marker byte before it (KIP-893)."""
    write = f"{writer_name(layout, False)}(out, ({value},))"
    if not item.nullable:
        source.flush_encode()
        source.line(write)
        return
    source.flush_encode()
    source.line(f"if {value} is None:")
    source.line("    out.append(255)")
    source.line("else:")
    source.line("    out.append(1)")
    source.line(f"    {write}")


def emit_nullable(source: Source, item: Item, flexible: bool, gather: bool, value: str) -> None:
    """Write a field that can be null: the waiting run is flushed on either side with the fitting length."""
    waiting = list(source.pending)
    source.line(f"if {value} is None:")
    source.level += 1
    if flexible:
        source.add("0", "B")
    else:
        source.add("-1", length_code(item))
    source.flush_encode()
    source.level -= 1
    source.pending = waiting
    source.line("else:")
    source.level += 1
    emit_measured(source, item, flexible, gather, value)
    source.level -= 1


def length_code(item: Item) -> str:
    """The `struct` code of the length of a field of an inflexible version."""
    return "h" if item.field.kafka_type == "string" and not item.field.is_array else "i"


def emit_measured(source: Source, item: Item, flexible: bool, gather: bool, value: str) -> None:
    """Write a length or a count, then what it measures."""
    if item.field.kafka_type == "string" and not item.field.is_array:
        source.line(f"b = {value}.encode()")
        value = "b"
    if flexible:
        emit_compact_length(source, value)
    else:
        source.add(f"len({value})", length_code(item))
        source.flush_encode()
    emit_content(source, item, flexible, gather, value)


def emit_compact_length(source: Source, value: str) -> None:
    """Write an unsigned varint of the length plus one, in the waiting run where it takes one byte."""
    waiting = list(source.pending)
    source.line(f"n = len({value}) + 1")
    source.line("if n < 128:")
    source.level += 1
    source.add("n", "B")
    source.flush_encode()
    source.level -= 1
    source.line("else:")
    source.level += 1
    source.pending = waiting
    source.flush_encode()
    source.line(f"{source.help('write_uvarint')}(out, n)")
    source.level -= 1


def emit_content(source: Source, item: Item, flexible: bool, gather: bool, value: str) -> None:
    """Write what the length just written measures."""
    kafka_type = item.field.kafka_type
    if item.layout:
        splices = extra(item.layout, gather, ", splices")
        source.line(f"{writer_name(item.layout, gather)}(out, {value}{splices})")
    elif kafka_type == "records" and gather:
        source.line(f"splices.append((len(out), {value}))")
    elif not item.field.is_array:
        source.line(f"out += {value}")
    elif kafka_type == "string":
        source.line(f"{source.help('write_compact_strings' if flexible else 'write_strings')}(out, {value})")
    else:
        source.line(f'{source.help("write_numbers")}(out, {value}, "{FIXED[kafka_type][0]}")')


def tags_name(layout: Layout) -> str:
    """The function that writes the tagged fields of a struct."""
    return f"_tags_{layout.struct}_v{layout.version}"


def non_default(item: Item) -> str:
    """The test whether a tagged field has to be written."""
    value, default = f"s.{item.name}", default_expression(item.field)
    if default == "None":
        return f"{value} is not None"
    if default == "[]":
        return f"({value} is None or {value})" if may_be_none(item.field) else value
    return f"{value} != {default}"


def emit_tags(source: Source, layout: Layout) -> None:
    """The function that writes the tagged fields that differ from their default, each with its tag and size."""
    source.line(f"def {tags_name(layout)}(target: bytearray, s: {layout.struct}) -> None:")
    source.level += 1
    source.line("count = 0")
    source.line("fields = bytearray()")
    for item in layout.tagged:
        condition = non_default(item)
        if is_struct(item.field) and not item.field.is_array:
            condition += f" and s.{item.name} != {item.field.kafka_type}()"
        source.line(f"if {condition}:")
        source.level += 1
        source.line("out = bytearray()")
        emit_item(source, item, True, False)
        source.flush_encode()
        source.line("count += 1")
        source.line(f"{source.help('write_uvarint')}(fields, {item.field.tag})")
        source.line("write_uvarint(fields, len(out))")
        source.line("fields += out")
        source.level -= 1
    source.line("write_uvarint(target, count)")
    source.line("target += fields")
    source.level -= 1
    source.line("")
    source.line("")
