"""kio's messages as an oracle: hypothesis strategies that make any of its entities, and its own serialised form of them.

kio is written by others from Kafka's own schema files; the strategies are built from its dataclasses, so that every field of
every version is tried with edge values and with lengths on both sides of a one-byte varint.
"""

from __future__ import annotations

import dataclasses
import datetime
import importlib
import io
import pkgutil
import types
import typing
from functools import cache
from typing import Any

from hypothesis import strategies as st
from kio.schema.errors import ErrorCode
from kio.schema.index import api_key_map
from kio.serial import entity_writer

EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
INTEGER_BITS = {"int8": 8, "int16": 16, "int32": 32, "int64": 64}


def millis(value: int) -> datetime.timedelta:
    return datetime.timedelta(milliseconds=value)


PRIMITIVES: dict[str, st.SearchStrategy[Any]] = {
    **{name: st.integers(-(1 << bits - 1), (1 << bits - 1) - 1) for name, bits in INTEGER_BITS.items()},
    "uint16": st.integers(0, 65535),
    "bool": st.booleans(),
    "float64": st.floats(allow_nan=False),
    "string": st.text(max_size=8) | st.sampled_from(["x" * 126, "x" * 127, "\u00e9" * 200]),
    "bytes": st.binary(max_size=8) | st.just(b"y" * 150),
    "records": st.binary(max_size=8) | st.just(b"r" * 20_000),
    "uuid": st.uuids(),
    "error_code": st.sampled_from(list(ErrorCode)),
    "timedelta_i32": st.integers(-(10**6), 2**31 - 1).map(millis),
    "timedelta_i64": st.integers(-(10**6), 10**13).map(millis),
    "datetime_i64": st.integers(0, 10**13).map(lambda v: EPOCH + millis(v)),
}


@cache
def entities(entity: type) -> st.SearchStrategy[Any]:
    """Any instance of a kio entity."""
    fields = {field.name: _field(field) for field in dataclasses.fields(entity)}
    return st.builds(entity, **fields) if fields else st.builds(entity)


def _field(field: dataclasses.Field[Any]) -> st.SearchStrategy[Any]:
    values = _values(field.type, field.metadata.get("kafka_type", ""))
    if "tag" in field.metadata and field.default is not dataclasses.MISSING:
        # kio says "absent" of a tagged field by its default, and cannot write another None
        return st.just(field.default) | values.filter(lambda value: value is not None)
    return values


def _values(annotation: Any, kafka_type: str) -> st.SearchStrategy[Any]:
    if typing.get_origin(annotation) in (types.UnionType, typing.Union):
        (inner,) = [a for a in typing.get_args(annotation) if a is not types.NoneType]
        return st.none() | _values(inner, kafka_type)
    if typing.get_origin(annotation) is tuple:
        return st.lists(_values(typing.get_args(annotation)[0], kafka_type), max_size=3).map(tuple)
    if dataclasses.is_dataclass(annotation):
        return entities(typing.cast(type, annotation))
    return PRIMITIVES[kafka_type]


def versions(api_key: int, kind: str) -> dict[int, type]:
    """kio's class of each version of an API; `kind` is request or response."""
    return package_versions(api_key_map[api_key], kind)


def package_versions(package_name: str, kind: str) -> dict[int, type]:
    """The same by kio's package name, for what is no API."""
    package = importlib.import_module(f"kio.schema.{package_name}")
    found = {}
    for module in pkgutil.iter_modules(package.__path__):
        entity_module = importlib.import_module(f"{package.__name__}.{module.name}.{kind}")
        (root,) = [
            value
            for value in vars(entity_module).values()
            if getattr(value, "__module__", "") == entity_module.__name__ and value.__type__.name == kind
        ]
        found[int(module.name[1:])] = root
    return found


def serialise(entity: Any) -> bytes:
    """What kio writes for it."""
    out = io.BytesIO()
    entity_writer(type(entity))(out, entity)
    return out.getvalue()
