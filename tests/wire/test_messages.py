"""Every message, in every version, both directions: the same bytes as kio writes, and no other error than `WireError`.

Few examples a version keep this under a minute; `ODRADEK_FUZZ_SECONDS` > 0 makes it a hundred times as many.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from kio_entities import entities, package_versions, serialise, versions

from odradek.wire.api import APIS, Api, load
from odradek.wire.errors import WireError
from odradek.wire.messages import consumer_protocol
from odradek.wire.primitives import write_uvarint

EXAMPLES = 300 if int(os.environ.get("ODRADEK_FUZZ_SECONDS", "0")) else 3
QUICK = settings(max_examples=EXAMPLES, deadline=None, database=None, suppress_health_check=list(HealthCheck))

CASES = [pytest.param(api, kind, id=f"{api.module}-{kind}") for api in APIS.values() for kind in ("request", "response")]


def check_round_trip(decode: Callable[..., Any], encode: Callable[..., Any], raw: bytes) -> None:
    """Decoding `raw` uses all of it, from any kind of buffer and any position, and encoding gives it again."""
    message, end = decode(raw, 0)
    assert end == len(raw)
    out = bytearray()
    encode(message, out)
    assert bytes(out) == raw
    again, end = decode(memoryview(b"..." + raw), 3)
    assert (again, end) == (message, len(raw) + 3)


def check_hostile(decode: Callable[..., Any], raw: bytes, data: st.DataObject) -> None:
    """Cut short it is refused; with changed bytes it is either refused or read within its end."""
    with pytest.raises(WireError):
        decode(raw[: data.draw(st.integers(0, len(raw) - 1))], 0)
    changed = bytearray(raw)
    for _ in range(3):
        changed[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.sampled_from([0, 1, 127, 128, 255]))
    try:
        _, end = decode(bytes(changed), 0)
    except WireError:
        return
    assert end <= len(changed)


def check_version(decode: Callable[..., Any], encode: Callable[..., Any], entity: type) -> None:
    """All of the above for any instance of one of kio's entities."""

    @QUICK
    @given(entities(entity), st.data())
    def agrees(instance: Any, data: st.DataObject) -> None:
        raw = serialise(instance)
        check_round_trip(decode, encode, raw)
        if raw:
            check_hostile(decode, raw, data)

    agrees()


@pytest.mark.parametrize(("api", "kind"), CASES)
def test_bytes_agree_with_kio(api: Api, kind: str) -> None:
    module = load(api.key)
    oracle = versions(api.key, kind)
    decoders = getattr(module, f"DECODE_{kind.upper()}")
    encoders = getattr(module, f"ENCODE_{kind.upper()}")
    assert set(decoders) == set(encoders) == set(oracle) == set(range(api.min_version, api.max_version + 1))
    for version, entity in oracle.items():
        check_version(decoders[version], encoders[version], entity)


@pytest.mark.parametrize(("api", "kind"), CASES)
def test_tagged_fields_that_nobody_knows_are_skipped(api: Api, kind: str) -> None:
    """The outermost tags come last, so a message without any ends in the count 0: put two unknown ones there."""
    module = load(api.key)
    for version, entity in versions(api.key, kind).items():
        if not api.is_flexible(version):
            continue
        decode = getattr(module, f"DECODE_{kind.upper()}")[version]
        encode = getattr(module, f"ENCODE_{kind.upper()}")[version]
        plain = bytearray()
        (message_type,) = [vars(module)[entity.__name__]]
        encode(message_type(), plain)
        assert plain[-1] == 0
        extended = plain[:-1] + b"\x02"
        write_uvarint(extended, 5000)
        extended += b"\x03abc"
        write_uvarint(extended, 70_000)
        write_uvarint(extended, 300)
        extended += bytes(300)
        message, end = decode(bytes(extended), 0)
        assert end == len(extended)
        assert message == decode(bytes(plain), 0)[0]


@pytest.mark.parametrize("name", ["subscription", "assignment"])
def test_consumer_protocol_agrees_with_kio(name: str) -> None:
    for version, entity in package_versions(f"consumer_protocol_{name}", "data").items():
        decode = vars(consumer_protocol)[f"DECODE_CONSUMER_PROTOCOL_{name.upper()}"][version]
        encode = vars(consumer_protocol)[f"ENCODE_CONSUMER_PROTOCOL_{name.upper()}"][version]
        check_version(decode, encode, entity)


@given(st.binary(max_size=300), st.data())
@settings(max_examples=300, deadline=None)
def test_random_bytes_raise_nothing_but_wire_errors(raw: bytes, data: st.DataObject) -> None:
    api = data.draw(st.sampled_from(list(APIS.values())))
    version = data.draw(st.integers(api.min_version, api.max_version))
    try:
        load(api.key).DECODE_REQUEST[version](raw, 0)
    except WireError:
        pass
