"""Headers by API and version, the exception for ApiVersions, and what a bad header says."""

from __future__ import annotations

import pytest

from odradek.wire.api import ApiKey
from odradek.wire.errors import WireError
from odradek.wire.headers import (
    decode_request_header,
    decode_response_header,
    encode_request_header,
    encode_response_header,
    request_header_version,
    response_header_version,
)


def test_versions_follow_flexibility() -> None:
    assert [request_header_version(ApiKey.PRODUCE, v) for v in (8, 9)] == [1, 2]
    assert [response_header_version(ApiKey.PRODUCE, v) for v in (8, 9)] == [0, 1]


def test_an_api_versions_answer_has_header_0_in_every_version() -> None:
    assert [request_header_version(ApiKey.API_VERSIONS, v) for v in (2, 3, 4)] == [1, 2, 2]
    assert [response_header_version(ApiKey.API_VERSIONS, v) for v in (2, 3, 4)] == [0, 0, 0]


@pytest.mark.parametrize("version", [8, 9])
@pytest.mark.parametrize("client_id", [None, "", "client", "\u00e9" * 100])
def test_a_request_header_reads_as_written(version: int, client_id: str | None) -> None:
    out = bytearray(b"..")
    encode_request_header(out, ApiKey.PRODUCE, version, 7, client_id)
    header = decode_request_header(memoryview(out), 2)
    assert header == (ApiKey.PRODUCE, version, 7, client_id, len(out))


def test_the_client_id_stays_an_inflexible_string() -> None:
    out = bytearray()
    encode_request_header(out, ApiKey.PRODUCE, 9, 1, "ab")
    assert out == b"\x00\x00\x00\x09\x00\x00\x00\x01\x00\x02ab\x00"


def test_unknown_tagged_fields_of_a_header_are_skipped() -> None:
    raw = b"\x00\x00\x00\x09\x00\x00\x00\x01\xff\xff" + b"\x01\x63\x02hi"
    assert decode_request_header(raw).body == len(raw)


def test_the_header_of_an_unknown_api_can_be_read() -> None:
    raw = b"\x7f\xff\x00\x09\x00\x00\x00\x05\x00\x01xrest"
    assert decode_request_header(raw) == (32767, 9, 5, "x", 11)


@pytest.mark.parametrize(
    "raw",
    [b"", b"\x00\x00\x00\x09", b"\x00\x00\x00\x09\x00\x00\x00\x01\x00\x05ab", b"\x00\x00\x00\x09\x00\x00\x00\x01\xff\xfe",
     b"\x00\x00\x00\x09\x00\x00\x00\x01\x00\x01\xff\x00"],
)  # fmt: skip
def test_a_bad_request_header_is_a_wire_error(raw: bytes) -> None:
    with pytest.raises(WireError, match="RequestHeader"):
        decode_request_header(raw)


@pytest.mark.parametrize("version", [8, 9])
def test_a_response_header_reads_as_written(version: int) -> None:
    out = bytearray()
    encode_response_header(out, ApiKey.PRODUCE, version, -3)
    assert decode_response_header(out, ApiKey.PRODUCE, version) == (-3, len(out))
    with pytest.raises(WireError):
        decode_response_header(out[:-1], ApiKey.PRODUCE, version)
