"""ApiVersions (API key 18), versions 0 to 4.

The first thing that every client asks. An unknown version is answered with the body of version 0, UNSUPPORTED_VERSION
and the range that is understood (KIP-511): `connection.py` does that, before there is anything to decode. Version 4
lets features have a minimum of 0 (KIP-1022).

Left out on purpose: features are finalised when what they stand for works; today none is, so that clients keep to
classic groups and transactions of version 1.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from odradek.broker.apis import RANGES
from odradek.wire.api import ApiKey
from odradek.wire.errors import ErrorCode
from odradek.wire.messages.api_versions import ApiVersion, ApiVersionsRequest, ApiVersionsResponse

if TYPE_CHECKING:
    from odradek.broker.context import RequestContext

_SOFTWARE = re.compile(r"[a-zA-Z0-9](?:[a-zA-Z0-9\-.]*[a-zA-Z0-9])?")
_SOFTWARE_SINCE = 3


def handle(request: ApiVersionsRequest, context: RequestContext) -> ApiVersionsResponse:
    """The list of what is served; INVALID_REQUEST for a client software name that could not be logged safely."""
    if context.version >= _SOFTWARE_SINCE:
        for text in (request.client_software_name, request.client_software_version):
            if not _SOFTWARE.fullmatch(text):
                return ApiVersionsResponse(ErrorCode.INVALID_REQUEST)
    return ApiVersionsResponse(api_keys=_served(), finalized_features_epoch=0)


def unsupported() -> ApiVersionsResponse:
    """The answer to a version that is not known, to be encoded as version 0: which versions of this API there are."""
    own = RANGES[ApiKey.API_VERSIONS]
    return ApiVersionsResponse(ErrorCode.UNSUPPORTED_VERSION, [ApiVersion(own.api_key, own.advertised_min, own.max)])


def _served() -> list[ApiVersion]:
    return [ApiVersion(served.api_key, served.advertised_min, served.max) for served in RANGES.values()]
