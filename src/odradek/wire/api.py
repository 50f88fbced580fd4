"""The registry of Kafka's APIs: which there are, in which versions, and where their codecs live.

Knowing an API costs nothing; its messages are imported when `load` first asks, so that a broker that never sees a
transaction never pays for those modules. The versions here are those that can be read and written. Which of them a
broker advertises, and what it answers to Produce 0-2 (which no longer can be read, but which old librdkafka must see
on offer), is the broker's decision.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from types import ModuleType
from typing import Any, Final, NamedTuple

from odradek.wire.api_table import ROWS, ApiKey

__all__ = ["APIS", "Api", "ApiKey", "load"]


class Api(NamedTuple):
    """One API. `name` is Kafka's ("Produce"); `flexible_since` is past `max_version` when no version is flexible."""

    key: int
    name: str
    min_version: int
    max_version: int
    flexible_since: int
    module: str

    def is_flexible(self, version: int) -> bool:
        """Whether `version` uses compact lengths and tagged fields."""
        return version >= self.flexible_since

    def supports(self, version: int) -> bool:
        """Whether `version` can be read and written."""
        return self.min_version <= version <= self.max_version


APIS: Final[dict[int, Api]] = {row[0]: Api(*row) for row in ROWS}
"""Every API by its key."""


@cache
def load(api_key: int) -> Any:
    """The generated module of an API, imported on first use; KeyError for a key that is not in `APIS`.

    Import a module by name (`from odradek.wire.messages import produce`) where the API is known: that is typed.
    """
    module: ModuleType = import_module(f"odradek.wire.messages.{APIS[api_key].module}")
    return module
