"""Three Kafka clients behind one small interface, so that one matrix of tests runs over all of them and their mixes.

`driver(name)` imports the client library on demand.
"""

from __future__ import annotations

from importlib import import_module

from drivers.base import Consumer, Driver, Received, Record

NAMES = ("confluent", "kafka_python", "aio")
CODECS = ("none", "gzip", "snappy", "lz4", "zstd")


def driver(name: str) -> Driver:
    """The driver called `name`, one of NAMES."""
    made: Driver = import_module(f"drivers.{name}").make()
    return made


__all__ = ["CODECS", "NAMES", "Consumer", "Driver", "Received", "Record", "driver"]
