"""Write `tools/schema/*.txt`, our compact table of Kafka's message schemas, from the dataclasses of the `kio` package.

Development only: needs `kio` (a test extra), takes a few seconds, and its result is committed. Run it when a new
Kafka release adds versions, read the diff, then run `tools/generate_messages.py`.

kio keeps one dataclass tree per API, direction and version; the table keeps one tree per API and direction in which
each field says the versions that have it. So the work is a merge: for every struct the fields of all its versions are
laid in one order that agrees with each version's own (`merge_order`), and what differs between versions becomes a
range.

What is undone of kio's conveniences, so that the table speaks Kafka's types and names: timedelta and datetime fields
become integers again and get their `_ms` back, error codes become int16, uuids are never null (the zero uuid is
Kafka's null).

The format is described in `tools/schema_table.py`, which also reads it.
"""

from __future__ import annotations

import dataclasses
import datetime
import importlib
import pkgutil
import types
import typing
import uuid
from pathlib import Path

from schema_table import Field, Message, Struct, Table, format_table, make_range

SCHEMA_DIR = Path(__file__).parent / "schema"

# Kafka's client-facing APIs and the share coordinator's own; what only a KRaft quorum speaks is left out, since our metadata
# store takes that place.
API_KEYS = [*range(4), *range(8, 52), 55, 57, 60, 61, 64, 65, 66, 68, 69, 71, 72, 74, 75,
            76, 77, 78, 79, *range(83, 93)]  # fmt: skip

INTEGER_TYPES = {
    "error_code": "int16", "timedelta_i32": "int32", "timedelta_i64": "int64", "datetime_i64": "int64",
}  # fmt: skip


# Arrays whose default is null in Kafka's schema. kio knows no default for them, and null means "unchanged" here.
NULL_DEFAULTS = {
    "ConsumerGroupHeartbeatRequest": ["topic_partitions"],
    "ListPartitionReassignmentsRequest": ["topics"],
    "StreamsGroupHeartbeatRequest": [
        "active_tasks", "standby_tasks", "warmup_tasks", "client_tags", "task_offsets", "task_end_offsets",
    ],
    "StreamsGroupHeartbeatResponse": [
        "active_tasks", "standby_tasks", "warmup_tasks", "partitions_by_user_endpoint",
    ],
    "Topology": ["subtopologies"],
}  # fmt: skip


def is_nullable(annotation: object) -> bool:
    """Whether the annotation is a union with None."""
    return typing.get_origin(annotation) in (types.UnionType, typing.Union)


def strip_null(annotation: object) -> object:
    """The annotation without `| None`."""
    if not is_nullable(annotation):
        return annotation
    (inner,) = [a for a in typing.get_args(annotation) if a is not types.NoneType]
    return inner


def default_text(field: dataclasses.Field[object], kafka_type: str) -> str:
    """The default as the table writes it; "" for the type's own zero value."""
    value = field.default
    if value is dataclasses.MISSING or value == () or dataclasses.is_dataclass(value):
        return ""
    if value is None:
        if kafka_type == "uuid":
            return ""
        return "-1" if field.metadata.get("kafka_type") == "datetime_i64" else "null"
    if isinstance(value, datetime.timedelta):
        value = round(value.total_seconds() * 1000)
    if isinstance(value, bool):
        return "true" if value else ""
    if isinstance(value, uuid.UUID):
        raise ValueError(f"{field.name}: a default uuid is not something the table can say")
    if isinstance(value, str):
        return value
    if isinstance(value, float):
        return str(value) if value else ""
    if isinstance(value, int):
        return str(int(value)) if value else ""
    raise ValueError(f"{field.name}: default {value!r} is of a type the table does not know")


def read_field(field: dataclasses.Field[object]) -> tuple[Field, type | None]:
    """One kio field as a table field without versions, and the nested dataclass if there is one."""
    annotation = field.type
    nullable = is_nullable(annotation)
    inner = strip_null(annotation)
    is_array = typing.get_origin(inner) is tuple
    if is_array:
        inner = typing.get_args(inner)[0]
    nested = inner if isinstance(inner, type) and dataclasses.is_dataclass(inner) else None
    kio_type = field.metadata.get("kafka_type", "")
    kafka_type = nested.__name__ if nested else INTEGER_TYPES.get(kio_type, kio_type)
    name = field.name + "_ms" if kio_type in ("timedelta_i32", "timedelta_i64", "datetime_i64") else field.name
    if (kafka_type == "uuid" and not is_array) or kio_type == "datetime_i64":
        nullable = False
    table_field = Field(
        name=name, kafka_type=kafka_type, is_array=is_array, nullable=nullable,
        tag=field.metadata.get("tag"), default=default_text(field, kafka_type),
    )  # fmt: skip
    return table_field, nested


def merge_order(orders: list[list[str]]) -> list[str]:
    """One order of all names that agrees with every given order; newer versions come last and break ties."""
    merged: list[str] = []
    for order in orders:
        position = 0
        for index, name in enumerate(order):
            if name in merged:
                position = merged.index(name) + 1
                continue
            later = [merged.index(n) for n in order[index + 1 :] if n in merged]
            position = min([*later, len(merged)]) if later else max(position, len(merged))
            merged.insert(position, name)
    for order in orders:
        places = [merged.index(name) for name in order]
        if places != sorted(places):
            raise ValueError(f"no common field order for {orders}")
    return merged


class Merger:
    """Collects every version of one message and makes its struct tree. Nested structs are keyed by name."""

    def __init__(self) -> None:
        self.seen: dict[str, dict[int, list[Field]]] = {}

    def add(self, entity: type, version: int) -> None:
        """Record the fields that `entity` and the structs below it have in `version`."""
        fields: list[Field] = []
        self.seen.setdefault(entity.__name__, {})[version] = fields
        for kio_field in dataclasses.fields(entity):
            field, nested = read_field(kio_field)
            fields.append(field)
            if nested is not None:
                self.add(nested, version)

    def struct(self, name: str, last_version: int) -> Struct:
        """The merged struct called `name`."""
        by_version = dict(sorted(self.seen[name].items()))
        orders = [[f.name for f in fields] for fields in by_version.values()]
        struct = Struct(name)
        for field_name in merge_order(orders):
            having = {v: f for v, fields in by_version.items() for f in fields if f.name == field_name}
            merged = merge_field(having, last_version)
            if merged.null_versions and field_name in NULL_DEFAULTS.get(name, ()):
                merged.default = "null"
            struct.fields.append(merged)
        return struct


def merge_field(having: dict[int, Field], last_version: int) -> Field:
    """One table field out of the field's form in each version that has it."""
    newest = having[max(having)]
    for field in having.values():
        same = (field.kafka_type, field.is_array) == (newest.kafka_type, newest.is_array)
        if not same:
            raise ValueError(f"{newest.name}: its type changes between versions: {having}")
    tagged = [v for v, f in having.items() if f.tag is not None]
    nullable = [v for v, f in having.items() if f.nullable]
    # Some fields have a default only where null is allowed; the newest version's word counts.
    return dataclasses.replace(
        newest,
        versions=make_range(list(having), last_version),
        null_versions=make_range(nullable, last_version) if nullable else None,
        tag_versions=make_range(tagged, last_version) if tagged else None,
    )


def load_versions(api: str, kind: str) -> dict[int, type]:
    """kio's entity class of each version of `api`; `kind` is request, response or data."""
    package = importlib.import_module(f"kio.schema.{api}")
    versions = {}
    for module in pkgutil.iter_modules(package.__path__):
        entities = importlib.import_module(f"kio.schema.{api}.{module.name}.{kind}")
        (root,) = [
            value
            for value in vars(entities).values()
            if isinstance(value, type)
            and value.__module__ == entities.__name__
            and getattr(value, "__type__", None) is not None
            and value.__type__.name == kind
        ]
        versions[int(module.name[1:])] = root
    return dict(sorted(versions.items()))


def extract_message(api: str, kind: str) -> tuple[Message, dict[str, Struct]]:
    """One direction of an API (or a stored record), and every struct it uses."""
    by_version = load_versions(api, kind)
    first, last = min(by_version), max(by_version)
    flexible = [v for v, root in by_version.items() if root.__flexible__]  # type: ignore[attr-defined]
    if len(flexible) == len(by_version):
        flexible = [0]  # also for versions that Kafka has withdrawn: their headers can still come
    merger = Merger()
    for version, root in by_version.items():
        merger.add(root, version)
    message = Message(kind, by_version[last].__name__, first, last, min(flexible, default=None))
    return message, {name: merger.struct(name, last) for name in merger.seen}


def find_clashes(ours: dict[str, Struct], theirs: dict[str, Struct]) -> set[str]:
    """Names of structs that both have but not the same, in themselves or in a struct they hold."""
    clashes = {name for name in ours.keys() & theirs.keys() if ours[name] != theirs[name]}
    while True:
        holders = {n for n in ours.keys() & theirs.keys() if any(f.kafka_type in clashes for f in ours[n].fields)}
        if holders <= clashes:
            return clashes
        clashes |= holders


def rename(structs: dict[str, Struct], names: set[str], prefix: str) -> list[Struct]:
    """The structs, with `prefix` put before each of `names`, also where a field has such a struct as its type."""
    for struct in structs.values():
        struct.name = prefix + struct.name if struct.name in names else struct.name
        for field in struct.fields:
            field.kafka_type = prefix + field.kafka_type if field.kafka_type in names else field.kafka_type
    return list(structs.values())


def extract_api(key: int, api: str) -> Table:
    """The table of one API. A struct name that both directions use differently gets the direction in front."""
    table = Table(name=api, api_key=key)
    for kind in ("request", "response"):
        message, structs = extract_message(api, kind)
        clashes = find_clashes(table.structs, structs)
        table.messages.append(message)
        table.structs |= {s.name: s for s in rename(structs, clashes, kind.capitalize())}
    return table


def main() -> None:
    """Rewrite the table of every API."""
    index = importlib.import_module("kio.schema.index")
    SCHEMA_DIR.mkdir(exist_ok=True)
    for key in API_KEYS:
        api = index.api_key_map[key]
        (SCHEMA_DIR / f"{api}.txt").write_text(format_table(extract_api(key, api)))


if __name__ == "__main__":
    main()
