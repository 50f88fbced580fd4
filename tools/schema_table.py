"""The schema table: what a Kafka message looks like in every version, as a text that a person can read.

One file per API in `tools/schema/`. A worked example:

    api 60 describe_cluster

    request DescribeClusterRequest 0-2 flexible 0+          ("none" where no version is flexible)
      include_fenced_brokers  bool           2+
      endpoint_type           int8           1+   default=1
      brokers                 []Broker       0+
        id                    int32          0+

Two spaces a level. A field line is: name, type, the versions that have the field, then attributes in any order:
`null=RANGE` (versions in which it may be null), `tag=N` (a tagged field, in `tag_in=RANGE` if not in all its
versions), `default=TEXT` (else the type's zero value: 0, false, "", no elements). The rest of the line after
`default=` is the default. Types are Kafka's: bool, int8, int16, uint16, int32, uint32, int64, float64, string, bytes,
records, uuid, a struct, and `[]` of any of them. A struct's fields follow the first field that has its type; a later
use only names it. Ranges are `N`, `N-M` or `N+`.

A file of stored records has `data` heads instead of `request` and `response`, and no `api` line; `#` starts a comment line.
"""

from __future__ import annotations

from dataclasses import dataclass, field

Range = tuple[int, int]
"""First and last version, both included; an open range ends at `OPEN`."""

OPEN = 32767


@dataclass
class Field:
    """One field of a struct. `kafka_type` is a primitive's or a struct's name, without `[]`."""

    name: str
    kafka_type: str
    is_array: bool = False
    nullable: bool = False
    tag: int | None = None
    default: str = ""
    versions: Range = (0, OPEN)
    null_versions: Range | None = None
    tag_versions: Range | None = None


@dataclass
class Struct:
    """A named list of fields."""

    name: str
    fields: list[Field] = field(default_factory=list)


@dataclass
class Message:
    """One top-level struct: a request, a response or a stored record, and its versions."""

    kind: str
    struct: str
    first_version: int
    last_version: int
    flexible_since: int | None


@dataclass
class Table:
    """One file: the messages of an API (or some stored records) and every struct they use."""

    name: str
    api_key: int | None
    messages: list[Message] = field(default_factory=list)
    structs: dict[str, Struct] = field(default_factory=dict)


def contains(span: Range | None, version: int) -> bool:
    """Whether `version` lies in `span`."""
    return span is not None and span[0] <= version <= span[1]


def make_range(versions: list[int], last_version: int) -> Range:
    """The range that holds exactly `versions`; it is open when it reaches `last_version`."""
    first, last = min(versions), max(versions)
    if sorted(versions) != list(range(first, last + 1)):
        raise ValueError(f"versions {sorted(versions)} have a gap, which a range cannot say")
    return (first, OPEN if last == last_version else last)


def format_range(span: Range) -> str:
    """`N`, `N-M` or `N+`."""
    first, last = span
    if last == OPEN:
        return f"{first}+"
    return f"{first}" if first == last else f"{first}-{last}"


def parse_range(text: str) -> Range:
    """The reverse of `format_range`."""
    if text.endswith("+"):
        return (int(text[:-1]), OPEN)
    first, _, last = text.partition("-")
    return (int(first), int(last or first))


def format_table(table: Table) -> str:
    """The file's text."""
    lines = [f"api {table.api_key} {table.name}"] if table.api_key is not None else []
    shown: set[str] = set()
    for message in table.messages:
        lines.append("")
        span = format_range((message.first_version, message.last_version))
        flexible = "none" if message.flexible_since is None else f"{message.flexible_since}+"
        lines.append(f"{message.kind} {message.struct} {span} flexible {flexible}")
        lines += _format_fields(table, table.structs[message.struct], "  ", shown)
    return "\n".join(lines).lstrip("\n") + "\n"


def _format_fields(table: Table, struct: Struct, indent: str, shown: set[str]) -> list[str]:
    name_width = max((len(f.name) for f in struct.fields), default=0)
    type_width = max((len(f.kafka_type) + 2 * f.is_array for f in struct.fields), default=0)
    lines = []
    for f in struct.fields:
        type_text = ("[]" if f.is_array else "") + f.kafka_type
        line = f"{indent}{f.name:{name_width}}  {type_text:{type_width}}  {format_range(f.versions):5}"
        if f.null_versions is not None:
            line += f" null={format_range(f.null_versions)}"
        if f.tag is not None:
            line += f" tag={f.tag}"
            if f.tag_versions != f.versions and f.tag_versions is not None:
                line += f" tag_in={format_range(f.tag_versions)}"
        if f.default:
            line += f" default={f.default}"
        lines.append(line.rstrip())
        if f.kafka_type in table.structs and f.kafka_type not in shown:
            shown.add(f.kafka_type)
            lines += _format_fields(table, table.structs[f.kafka_type], indent + "  ", shown)
    return lines


def parse_table(text: str, name: str) -> Table:
    """Read a file's text. Raises `ValueError` that names the line."""
    table = Table(name=name, api_key=None)
    stack: list[Struct] = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        try:
            if not line.startswith(" "):
                stack = _parse_head(table, line.split())
                continue
            depth = (len(line) - len(line.lstrip())) // 2
            del stack[depth:]
            stack.append(_parse_field(table, stack[-1], line.strip()))
        except (ValueError, IndexError) as error:
            raise ValueError(f"{name}.txt line {number}: {error}: {line!r}") from error
    return table


def _parse_head(table: Table, words: list[str]) -> list[Struct]:
    kind = words[0]
    if kind == "api":
        table.api_key, table.name = int(words[1]), words[2]
        return []
    if kind not in ("request", "response", "data"):
        raise ValueError(f"unknown head {kind}")
    first, last = parse_range(words[2])
    flexible = None if words[4] == "none" else parse_range(words[4])[0]
    table.messages.append(Message(kind, words[1], first, last, flexible))
    struct = table.structs[words[1]] = Struct(words[1])
    return [struct]


def _parse_field(table: Table, owner: Struct, line: str) -> Struct:
    """Add the field to `owner`; returns the struct that deeper lines belong to."""
    line, _, default = line.partition(" default=")
    name, type_text, span, *attributes = line.split()
    kafka_type = type_text.removeprefix("[]")
    is_new = kafka_type[0].isupper() and kafka_type not in table.structs
    f = Field(name, kafka_type, type_text.startswith("[]"), versions=parse_range(span), default=default)
    for attribute in attributes:
        key, _, value = attribute.partition("=")
        if key == "null":
            f.null_versions, f.nullable = parse_range(value), True
        elif key == "tag":
            f.tag, f.tag_versions = int(value), f.tag_versions or f.versions
        elif key == "tag_in":
            f.tag_versions = parse_range(value)
        else:
            raise ValueError(f"unknown attribute {key}")
    owner.fields.append(f)
    if is_new:
        table.structs[kafka_type] = Struct(kafka_type)
    # Where the struct is named again no deeper lines follow; a field below a primitive is the table's mistake.
    return table.structs[kafka_type] if is_new else Struct("")
