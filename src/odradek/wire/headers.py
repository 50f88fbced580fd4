"""What stands in front of every message: request header v0, v1, v2 and response header v0, v1.

    request v0:  api_key int16, api_version int16, correlation_id int32          (ControlledShutdown v0 only; gone since 4.0)
    request v1:  ... client_id nullable string
    request v2:  ... client_id nullable string (never compact), tagged fields      flexible versions
    response v0: correlation_id int32
    response v1: correlation_id int32, tagged fields                               flexible versions

One exception (KIP-511): an ApiVersions response has header v0 in every version, because a client that has just asked
does not know yet what the broker speaks. The client id stays an inflexible string for the same reason on the other
side: a broker must be able to read the header of an ApiVersions request whose version it does not know.
"""

from __future__ import annotations

from struct import Struct
from typing import Final, NamedTuple

from odradek.wire.api import APIS, ApiKey
from odradek.wire.elements import ElementBudget
from odradek.wire.primitives import (
    DECODE_ERRORS,
    Buffer,
    bad_length,
    malformed,
    skip_tags,
    truncated,
    write_string,
)

_fixed = Struct(">hhih")
_start = Struct(">hhi")
_correlation = Struct(">i")

API_KEY_OFFSET: Final = 0
CORRELATION_ID_OFFSET: Final = 4
MAX_HEADER_TAGS: Final = 1000
"""Of a request's header; Kafka has defined none yet, and walking over millions would hold up everybody else."""


class RequestHeader(NamedTuple):
    """A request's header; `body` is the position of the message after it."""

    api_key: int
    api_version: int
    correlation_id: int
    client_id: str | None
    body: int


def request_header_version(api_key: int, api_version: int) -> int:
    """2 for a flexible version, else 1. For an API that is not known it is 1: only the fixed part can be trusted then."""
    api = APIS.get(api_key)
    return 2 if api is not None and api.is_flexible(api_version) else 1


def response_header_version(api_key: int, api_version: int) -> int:
    """1 for a flexible version, else 0; 0 always for ApiVersions."""
    api = APIS.get(api_key)
    if api is None or api_key == ApiKey.API_VERSIONS:
        return 0
    return 1 if api.is_flexible(api_version) else 0


def decode_request_header(buf: Buffer, pos: int = 0) -> RequestHeader:
    """The header at `pos`. Raises `WireError` if it stops short; the API and version may be ones that nobody knows."""
    try:
        api_key, api_version, correlation_id, length = _fixed.unpack_from(buf, pos)
        pos += _fixed.size
        if length >= 0:
            end = pos + length
            client_id = str(buf[pos:end], "utf-8")
            pos = end
        elif length == -1:
            client_id = None
        else:
            raise bad_length("RequestHeader.client_id", length)
        api = APIS.get(api_key)
        if api is not None and api_version >= api.flexible_since:
            tags = buf[pos]
            pos += 1
            if tags:
                pos = skip_tags(buf, pos, tags, ElementBudget(MAX_HEADER_TAGS))
    except DECODE_ERRORS as error:
        raise malformed("RequestHeader", buf, error) from None
    if pos > len(buf):
        raise truncated("RequestHeader", pos, len(buf))
    return RequestHeader(api_key, api_version, correlation_id, client_id, pos)


def encode_request_header(out: bytearray, api_key: int, api_version: int, correlation_id: int, client_id: str | None) -> None:
    """Append the header that fits the API and version."""
    out += _start.pack(api_key, api_version, correlation_id)
    write_string(out, client_id)
    if request_header_version(api_key, api_version) == 2:
        out.append(0)


def encode_response_header(out: bytearray, api_key: int, api_version: int, correlation_id: int) -> None:
    """Append the header that fits the API and version."""
    out += _correlation.pack(correlation_id)
    if response_header_version(api_key, api_version) == 1:
        out.append(0)


def decode_response_header(buf: Buffer, api_key: int, api_version: int, pos: int = 0) -> tuple[int, int]:
    """The correlation id of a response to a request of this API and version, and the position of the message."""
    try:
        (correlation_id,) = _correlation.unpack_from(buf, pos)
        pos += _correlation.size
        if response_header_version(api_key, api_version) == 1:
            pos = skip_tags(buf, pos + 1, buf[pos])
    except DECODE_ERRORS as error:
        raise malformed("ResponseHeader", buf, error) from None
    if pos > len(buf):
        raise truncated("ResponseHeader", pos, len(buf))
    return correlation_id, pos
