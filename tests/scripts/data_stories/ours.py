"""An Odradek that is set up as the Kafka was that the answers were recorded from.

One thing needs more than settings: where Kafka (from 4.1 on) is formatted, its controller writes the cluster's
`min.insync.replicas` down, since eligible leader replicas (KIP-966) are judged by it. It is then shown as set for all
brokers, with the default behind it. Here nobody writes it, for there are no such replicas; so it is set by hand.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import odradek
from odradek.wire.messages import incremental_alter_configs as alter

from . import CONFIG
from .conversation import Connection

sys.path.insert(0, str(Path(__file__).parents[2] / "clients"))
from reference.settings import SUITE_CONFIG

_SETTINGS = {"node.id": "1", **SUITE_CONFIG, **CONFIG}
_BROKER, _SET = 4, 0


@contextmanager
def running() -> Iterator[str]:
    """The address of a fresh broker."""
    with odradek.Broker(config=_SETTINGS) as broker:
        address = broker.bootstrap_servers
        with closing(Connection(address)) as connection:
            config = alter.AlterableConfig("min.insync.replicas", _SET, "1")
            request = alter.IncrementalAlterConfigsRequest([alter.AlterConfigsResource(_BROKER, "", [config])])
            connection.send(alter, 1, request)
            [done] = connection.receive(alter, 1).responses
            if done.error_code:
                raise RuntimeError(f"min.insync.replicas was not set: {done}")
        yield address
