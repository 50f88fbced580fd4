"""Emit decoders: straight-line code that reads one layout.

Rules of the generated code:

- Reads never check against the end of the buffer by themselves. A slice past the end is merely short and a fixed-
  width read past it raises `struct.error`; since `pos` only grows, one comparison at the end of a message finds every
  truncation.
- A count is checked against the bytes that remain before anything is made, so a hostile count costs nothing.
- Decoders of requests take an `ElementBudget`, or None for a request too small to count (`wire/elements.py`): every array
  takes its count out of it, once, before anything is made. `source.counted` says whether the message at hand has one.
- Structs are read by list readers, `_read_X_vN(buf, pos, count)`, with the fields inline in the loop: a call per
  list, not per element.
- The variables are always `s` (the object), `n` (a length), `end`, and for tagged fields `tags`, `tag`, `size`,
  `tag_end`."""

from __future__ import annotations

from codegen.classes import default_expression
from codegen.layout import FIXED, Item, Layout
from codegen.source import Source

SCALARS = {
    "string": 'str(buf[pos:end], "utf-8")',
    "bytes": "bytes(buf[pos:end])",
    "records": "memoryview(buf)[pos:end]",
}


def reader_name(layout: Layout) -> str:
    """The list reader of a struct."""
    return f"_read_{layout.struct}_v{layout.version}"


def emit_reader(source: Source, layout: Layout) -> None:
    """The function that reads `count` structs of `layout`."""
    name = layout.struct
    if not layout.min_size:
        raise ValueError(f"{name} can be empty, so a count of it has no bound")
    budget = ""
    if source.counted:
        budget = ", budget: ElementBudget | None"
        source.counting_readers.add(reader_name(layout))
    source.line(f"def {reader_name(layout)}(buf: Buffer, pos: int, count: int{budget}) -> tuple[list[{name}], int]:")
    source.level += 1
    source.line(f"if count * {layout.min_size} > len(buf) - pos:")
    source.line(f'    raise {source.help("bad_count")}("{name}", count, len(buf) - pos)')
    emit_count(source, name, "count")
    source.line(f"items: list[{name}] = []")
    source.line("for _ in range(count):")
    source.level += 1
    emit_body(source, layout)
    source.line("items.append(s)")
    source.level -= 1
    source.line("return items, pos")
    source.level -= 1
    source.line("")
    source.line("")


def emit_message_decoder(source: Source, layout: Layout, function: str) -> None:
    """The public function that reads one message and turns every failure into a `WireError`."""
    budget = ", budget: ElementBudget | None = None" if source.counted else ""
    source.line(f"def {function}(buf: Buffer, pos: int = 0{budget}) -> tuple[{layout.struct}, int]:")
    source.level += 1
    source.line("try:")
    source.level += 1
    emit_body(source, layout)
    source.level -= 1
    source.line("except DECODE_ERRORS as error:")
    source.line(f'    raise malformed("{layout.struct}", buf, error) from None')
    source.line("if pos > len(buf):")
    source.line(f'    raise truncated("{layout.struct}", pos, len(buf))')
    source.line("return s, pos")
    source.level -= 1
    source.line("")
    source.line("")


def emit_count(source: Source, name: str, count: str) -> None:
    """Take so many elements out of the budget, where there is one."""
    if source.counted:
        source.line("if budget is not None:")
        source.line(f'    budget.take("{name}", {count})')


def emit_body(source: Source, layout: Layout) -> None:
    """Read one struct into a new `s`."""
    source.line(f"s = new({layout.struct})")
    emit_defaults(source, layout)
    for item in layout.items:
        emit_item(source, item, layout.flexible, f"s.{item.name}")
    if layout.flexible:
        emit_tags(source, layout)
    source.flush_decode()


def emit_defaults(source: Source, layout: Layout) -> None:
    """Give the fields that this version lacks, and the tagged ones that may be missing, their defaults."""
    by_default: dict[str, list[str]] = {}
    for field in [*layout.absent, *(item.field for item in layout.tagged)]:
        by_default.setdefault(default_expression(field), []).append(f"s.{field.name}")
    for default, targets in by_default.items():
        if default[-1] in ")]":  # a fresh object for each
            for target in targets:
                source.line(f"{target} = {default}")
        else:
            source.line(" = ".join([*targets, default]))


def emit_item(source: Source, item: Item, flexible: bool, target: str) -> None:
    """Read one field into `target`."""
    if item.fixed:
        source.add(target, item.fixed[0])
    elif item.layout and not item.field.is_array:
        emit_struct(source, item, item.layout, target)
    else:
        emit_length(source, item, flexible, target)


def emit_struct(source: Source, item: Item, layout: Layout, target: str) -> None:
    """Read a single struct; a nullable one has a marker byte before it (KIP-893)."""
    read = f"({target},), pos = {read_call(source, layout, '1')}"
    if not item.nullable:
        source.flush_decode()
        source.line(read)
        return
    source.add("n", "b")
    source.flush_decode()
    source.line("if n < 0:")
    source.line(f"    {target} = None")
    source.line("else:")
    source.line(f"    {read}")


def read_call(source: Source, layout: Layout, count: str) -> str:
    """The call of a struct's list reader. A response that holds a struct of its request does without counting."""
    budget = ""
    if reader_name(layout) in source.counting_readers:
        budget = ", budget" if source.counted else ", None"
    return f"{reader_name(layout)}(buf, pos, {count}{budget})"


def emit_length(source: Source, item: Item, flexible: bool, target: str) -> None:
    """Read a length or a count, then what it measures."""
    is_text = item.field.kafka_type == "string" and not item.field.is_array
    source.add("n", "B" if flexible else "h" if is_text else "i")
    source.flush_decode()
    if flexible:
        source.line("if n > 127:")
        source.line(f"    n, pos = {source.help('finish_uvarint')}(buf, pos, n)")
    source.line("if n > 0:" if flexible else "if n >= 0:")
    source.level += 1
    emit_measured(source, item, flexible, target)
    source.level -= 1
    if item.nullable:
        source.line("else:" if flexible else "elif n == -1:")
        source.line(f"    {target} = None")
    if not (item.nullable and flexible):
        source.line("else:")
        source.line(f'    raise {source.help("bad_length")}("{item.name}", n)')


def emit_measured(source: Source, item: Item, flexible: bool, target: str) -> None:
    """Read what a length of `n` (plus one where `flexible`) measures."""
    kafka_type = item.field.kafka_type
    count = "n - 1" if flexible else "n"
    if not item.field.is_array:
        source.line(f"end = pos + {count}")
        source.line(f"{target} = {SCALARS[kafka_type]}")
        source.line("pos = end")
    elif item.layout:
        source.line(f"{target}, pos = {read_call(source, item.layout, count)}")
    elif kafka_type == "string":
        emit_count(source, item.name, count)
        helper = source.help("read_compact_strings" if flexible else "read_strings")
        source.line(f"{target}, pos = {helper}(buf, pos, {count})")
    else:
        emit_count(source, item.name, count)
        code, width = FIXED[kafka_type]
        source.line(f'{target}, pos = {source.help("read_numbers")}(buf, pos, {count}, "{code}", {width})')


def emit_tags(source: Source, layout: Layout) -> None:
    """Read the tagged fields: known ones by their tag, others skipped."""
    source.add("tags" if layout.tagged else "n", "B")
    source.flush_decode()
    if not layout.tagged:
        source.line("if n:")
        source.line(f"    pos = {source.help('skip_tags')}(buf, pos, n{', budget' if source.counted else ''})")
        return
    source.line("if tags:")
    source.level += 1
    source.line("if tags > 127:")
    source.line(f"    tags, pos = {source.help('finish_uvarint')}(buf, pos, tags)")
    emit_count(source, "tagged fields", "tags")
    source.line("for _ in range(tags):")
    source.level += 1
    source.line(f"tag, pos = {source.help('read_uvarint')}(buf, pos)")
    source.line("size, pos = read_uvarint(buf, pos)")
    source.line("tag_end = pos + size")
    for index, item in enumerate(layout.tagged):
        source.line(f"{'el' if index else ''}if tag == {item.field.tag}:")
        source.level += 1
        emit_item(source, item, True, f"s.{item.name}")
        source.flush_decode()
        source.level -= 1
    source.line("else:")
    source.line("    pos = tag_end")
    source.line("if pos != tag_end:")
    source.line(f'    raise {source.help("bad_tag")}("{layout.struct}", tag, size)')
    source.level -= 2
