"""Every broker configuration, in tables by what it is about.

`network`, `storage` and `coordination` hold what works here; `own` holds what Kafka has no name for (`odradek.*`);
`accepted` holds the rest of Kafka's names, known so that a file brought from Kafka is read without complaint and
DescribeConfigs shows what its reader expects, and marked as having no effect. `BROKER_CONFIG` is all of them.

Facts (names, types, defaults, ranges) are those of Apache Kafka 4.3; the words are ours.
"""

from __future__ import annotations

from odradek.base.config import ConfigDef
from odradek.metadata.broker_keys import accepted, coordination, network, own, storage

BROKER_CONFIG = ConfigDef("broker", (*network.KEYS, *storage.KEYS, *coordination.KEYS, *own.KEYS, *accepted.keys()))
