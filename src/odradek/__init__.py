"""Odradek: a Kafka-compatible event log in Python.

    import odradek
    with odradek.Broker() as broker:            # a real broker on a free port, in a temporary directory
        use(broker.bootstrap_servers)

Importing the package costs next to nothing: `Broker` is loaded when first asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from odradek.base.errors import OdradekError as OdradekError
    from odradek.broker.embedded import Broker as Broker

__version__ = "0.1.0"
__all__ = ["Broker", "OdradekError", "__version__"]


def __getattr__(name: str) -> object:
    if name == "Broker":
        from odradek.broker.embedded import Broker

        return Broker
    if name == "OdradekError":
        from odradek.base.errors import OdradekError

        return OdradekError
    raise AttributeError(f"module 'odradek' has no attribute {name!r}")
