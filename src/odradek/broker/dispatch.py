"""From a request's bytes to its handler, and from the handler's answer to bytes.

An `ApiEntry` is what the broker knows of one API: its versions, codecs, handler and metrics. It is made, and the
modules behind it imported, when the API's first request comes: a broker that never sees CreateTopics never loads it.
Errors of two kinds part here: what is wrong with the *bytes* raises `BadRequest` (the connection is closed, as Kafka
does); what is wrong with the *request* is the handler's answer. An exception that a handler did not mean to raise is a
bug: it is logged with its traceback and answered with UNKNOWN_SERVER_ERROR where the API's response has a place for
that.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from importlib import import_module
from struct import Struct
from typing import TYPE_CHECKING, Any, Final

from odradek.base.errors import OdradekError
from odradek.base.logging import get_logger
from odradek.broker.answers import Encoded
from odradek.broker.apis import RANGES
from odradek.wire.api import APIS, ApiKey, load
from odradek.wire.errors import ErrorCode
from odradek.wire.headers import response_header_version
from odradek.wire.message import Message

if TYPE_CHECKING:
    from odradek.broker.context import BrokerState, RequestContext
    from odradek.broker.metrics import ApiMetrics
    from odradek.wire.primitives import Buffer

_logger = get_logger("broker")
_PREFIX: Final = Struct(">ii")
_V0_PREFIX: Final = bytes(8)  # size, correlation id
_COUNT_THEIR_OWN: Final = (ApiKey.PRODUCE, ApiKey.FETCH)  # too hot to be walked through
_V1_PREFIX: Final = bytes(9)  # ... and no tagged fields


class BadRequest(OdradekError):
    """Bytes that no answer fits: the connection is closed with this reason."""


class NoResponse:
    """The named answer of a request that wants none (Produce with acks=0)."""

    __slots__ = ()


NO_RESPONSE: Final = NoResponse()
Handler = Callable[[Any, "RequestContext"], Any]


class ApiEntry:
    """One API, ready to serve."""

    __slots__ = (
        "api_key", "counts_errors", "decoders", "encoders", "gatherers", "handle", "is_weighed", "metrics", "name", "prefixes",
        "range", "response_class",
    )  # fmt: skip

    def __init__(self, api_key: int, metrics: ApiMetrics) -> None:
        api = APIS[api_key]
        messages = load(api_key)
        self.api_key = api_key
        self.name = api.name
        self.range = RANGES[api_key]
        self.decoders: Mapping[int, Callable[..., tuple[Message, int]]] = messages.DECODE_REQUEST
        self.encoders: Mapping[int, Callable[[Message, bytearray], None]] = messages.ENCODE_RESPONSE
        self.gatherers: Mapping[int, Callable[..., None]] = getattr(messages, "GATHER_RESPONSE", {})
        self.response_class: type[Message] = getattr(messages, f"{api.name}Response")
        self.handle: Handler = import_module(f"odradek.broker.handlers.{api.module}").handle
        self.metrics = metrics
        self.counts_errors = api_key not in _COUNT_THEIR_OWN
        self.is_weighed = api_key != ApiKey.PRODUCE  # what its bytes become is reckoned: see `frame_memory.py`
        self.prefixes = {
            version: _V1_PREFIX if response_header_version(api_key, version) else _V0_PREFIX
            for version in range(api.min_version, api.max_version + 1)
        }

    def check_version(self, version: int) -> None:
        """Raise `BadRequest` unless requests of this version can be read."""
        if not self.range.min <= version <= self.range.max:
            raise BadRequest(
                f"{self.name} version {version} is not supported; supported are {self.range.min} to {self.range.max}"
            )

    def encode(self, version: int, correlation_id: int, message: Message) -> list[Buffer]:
        """The framed answer, in parts: record payloads are not copied."""
        out = bytearray(self.prefixes[version])
        if isinstance(message, Encoded):
            _PREFIX.pack_into(out, 0, len(out) + sum(map(len, message.parts)) - 4, correlation_id)
            return [out, *message.parts]
        gather = self.gatherers.get(version)
        if gather is None:
            self.encoders[version](message, out)
            _PREFIX.pack_into(out, 0, len(out) - 4, correlation_id)
            return [out]
        splices: list[tuple[int, Buffer]] = []
        gather(message, out, splices)
        payload_size = sum(len(payload) for _, payload in splices)
        _PREFIX.pack_into(out, 0, len(out) + payload_size - 4, correlation_id)
        return _spliced(out, splices)

    def error_response(self, code: int) -> Message | None:
        """A response that says `code` at its top level, where it can."""
        response = self.response_class()
        if not hasattr(response, "error_code"):
            return None
        response.error_code = code
        return response

    def count_errors(self, response: Message) -> None:
        """Count every error code in an answer."""
        if isinstance(response, Encoded):
            codes = response.error_codes
        elif self.api_key == ApiKey.METADATA:
            # Metadata of thousands of partitions is asked for often; what goes wrong there is said per topic.
            codes = [topic.error_code for topic in response.topics if topic.error_code]  # type: ignore[attr-defined]
        else:
            codes = _error_codes(response)
        for code, times in Counter(codes).items() if codes else ():
            self.metrics.count_error(code, times)


class Dispatcher:
    """The entries of one broker."""

    __slots__ = ("_broker", "_entries")

    def __init__(self, broker: BrokerState) -> None:
        self._broker = broker
        self._entries: dict[int, ApiEntry] = {}

    def entry(self, api_key: int) -> ApiEntry:
        """The entry of an API; raises `BadRequest` for one that is not served."""
        found = self._entries.get(api_key)
        if found is None:
            if api_key not in RANGES:
                known = APIS.get(api_key)
                named = f"{known.name} (API key {api_key})" if known else f"API key {api_key}"
                raise BadRequest(f"{named} is not served by this broker")
            found = self._entries[api_key] = ApiEntry(api_key, self._broker.metrics.api(APIS[api_key].name))
        return found

    def warm(self, *api_keys: int) -> None:
        """Load what will be asked for first, before the clock of a client runs."""
        for api_key in api_keys:
            self.entry(api_key)


def unexpected(entry: ApiEntry, context: RequestContext, error: BaseException) -> Message:
    """A bug in a handler: say so in the log, with all that helps to find it, and answer what can be answered."""
    _logger.exception(
        "request failed unexpectedly", error=error, api=entry.name, version=context.version, client=context.client_host,
        client_id=context.client_id,
    )  # fmt: skip
    answer = entry.error_response(ErrorCode.UNKNOWN_SERVER_ERROR)
    if answer is None:
        raise BadRequest(f"{entry.name} failed unexpectedly, and its response has no place to say so")
    return answer


def _spliced(out: bytearray, splices: list[tuple[int, Buffer]]) -> list[Buffer]:
    parts: list[Buffer] = []
    view, start = memoryview(out), 0
    for position, payload in splices:
        if position > start:
            parts.append(view[start:position])
            start = position
        if len(payload):
            parts.append(payload)
    if start < len(out):
        parts.append(view[start:])
    return parts


def _error_codes(message: Message) -> list[int]:
    found: list[int] = []
    for name in message.__slots__:
        value = getattr(message, name)
        if name == "error_code":
            if value:
                found.append(value)
        elif isinstance(value, Message):
            found.extend(_error_codes(value))
        elif isinstance(value, list) and value and isinstance(value[0], Message):
            for item in value:
                found.extend(_error_codes(item))
    return found
