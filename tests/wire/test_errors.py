"""The table of error codes agrees with kio's, and every code has a sentence."""

from __future__ import annotations

from kio.schema.errors import ErrorCode as KioErrorCode

from odradek.wire.error_messages import MESSAGES
from odradek.wire.errors import RETRIABLE, ErrorCode, is_retriable, message_of, name_of


def test_codes_names_and_retriability_are_kafkas() -> None:
    for kio in KioErrorCode:
        assert getattr(ErrorCode, kio.name.upper()) == kio
        assert name_of(int(kio)) == kio.name.upper()
        assert is_retriable(int(kio)) == kio.retriable
        assert int(kio) in MESSAGES
    assert set(MESSAGES) >= RETRIABLE
    assert len(MESSAGES) == len(KioErrorCode)


def test_a_code_that_nobody_knows_is_shown_as_a_number() -> None:
    assert name_of(9999) == message_of(9999) == "error 9999"
