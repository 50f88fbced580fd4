"""Fuzz every request decoder (and the request header): whatever the bytes, a decoder returns or raises `WireError`.

    python tests/fuzz/fuzz_requests.py [--seconds 60] [--seed 1]      our own mutator
    python tests/fuzz/fuzz_requests.py --atheris [libFuzzer options]  coverage-guided, where atheris is installed

An input is: API (index byte), version (byte), body. What decodes must also encode again, without any other error than
`WireError`, into something that decodes to the same message. It is decoded once more with exactly the elements that it
took, and with one less, which must fail; and it took no fewer than there are in it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from wire_mutator import main

from odradek.wire.api import APIS, load
from odradek.wire.elements import ElementBudget, TooManyElements
from odradek.wire.errors import WireError
from odradek.wire.headers import decode_request_header
from odradek.wire.message import Message

API_LIST = list(APIS.values())


def one_input(data: bytes) -> None:
    """Try one input; any exception that leaves here is a finding."""
    try:
        decode_request_header(data)
    except WireError:
        pass
    if len(data) < 2:
        return
    api = API_LIST[data[0] % len(API_LIST)]
    version = api.min_version + data[1] % (api.max_version - api.min_version + 1)
    module = load(api.key)
    decode = module.DECODE_REQUEST[version]
    budget = ElementBudget(1 << 40)
    try:
        message, end = decode(memoryview(data), 2, budget)
    except WireError:
        return
    if budget.taken > end - 2:  # the broker counts only what has more bytes than it may have elements
        raise AssertionError(f"{api.name} v{version} counted {budget.taken} elements in {end - 2} bytes")
    check_budget(f"{api.name} v{version}", lambda limit: decode(data, 2, ElementBudget(limit)), message, budget.taken)
    if end > len(data):
        raise AssertionError(f"{api.name} v{version} ended at {end} of {len(data)}")
    again = bytearray()
    module.ENCODE_REQUEST[version](message, again)
    decoded, _ = decode(bytes(again), 0)
    if decoded != message and "nan" not in repr(message):  # NaN differs from itself
        raise AssertionError(f"{api.name} v{version} does not decode to what was encoded: {message}")


def check_budget(name: str, decode: Callable[[int], object], message: Message, taken: int) -> None:
    """The budget bounds what is made, to the element."""
    if taken < listed(message):
        raise AssertionError(f"{name} counted {taken} elements and made {listed(message)}")
    decode(taken)
    try:
        decode(taken - 1)
    except TooManyElements:
        return
    if taken:
        raise AssertionError(f"{name} took {taken} elements out of {taken - 1}")


def listed(value: object) -> int:
    """How many things are in lists, at any depth."""
    if isinstance(value, list):
        return len(value) + sum(map(listed, value))
    return sum(listed(getattr(value, name)) for name in value.__slots__) if isinstance(value, Message) else 0


def seeds() -> list[bytes]:
    """One message with nothing but defaults for every API and version."""
    found = []
    for index, api in enumerate(API_LIST):
        module = load(api.key)
        for version in range(api.min_version, api.max_version + 1):
            body = bytearray((index, version - api.min_version))
            request_type = getattr(module, f"{api.name}Request")
            module.ENCODE_REQUEST[version](request_type(), body)
            found.append(bytes(body))
    return found


if __name__ == "__main__":
    main(one_input, seeds())
