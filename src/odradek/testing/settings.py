"""Settings from an ini file's lines."""

from __future__ import annotations

from collections.abc import Sequence

from odradek.base.errors import OdradekError


class BadSettingError(OdradekError):
    """A line of `odradek_config` that sets nothing."""


def parse_settings(lines: Sequence[str]) -> dict[str, str]:
    """`["a = 1", "b=2"]` -> `{"a": "1", "b": "2"}`; raises `BadSettingError`."""
    settings: dict[str, str] = {}
    for line in lines:
        name, equals, value = line.partition("=")
        if not equals or not name.strip():
            raise BadSettingError(f"odradek_config: {line!r}: expected name = value")
        settings[name.strip()] = value.strip()
    return settings
