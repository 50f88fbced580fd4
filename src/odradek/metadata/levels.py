"""Compression levels as Kafka limits them (KIP-390): gzip 1 to 9 or -1, lz4 1 to 17, zstd -131072 to 22."""

from __future__ import annotations

from odradek.base.config import ConfigError, ConfigValue


class _GzipLevel:
    """1 to 9, or -1 for the library's own choice."""

    __slots__ = ()

    def __call__(self, name: str, value: ConfigValue) -> None:
        if not isinstance(value, int) or (value != -1 and not 1 <= value <= 9):
            raise ConfigError(name, value, "Value must be between 1 and 9 or equal to -1")


GZIP_LEVEL = _GzipLevel()
