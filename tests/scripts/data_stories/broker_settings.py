"""Every configuration of a broker as DescribeConfigs shows it: value, type, source, synonyms, and whether it may change."""

from __future__ import annotations

from odradek.wire.messages import describe_configs

from .conversation import Conversation

BROKER = 4
# Where a broker is, and how the reference Kafka was made to run there: these say nothing of the broker.
PLACES = {
    "advertised.listeners", "broker.id", "controller.listener.names", "controller.quorum.voters",
    "listener.security.protocol.map", "listeners", "log.dir", "log.dirs", "process.roles",
}  # fmt: skip
# Kafka reads this one and never shows it.
UNSEEN = "producer.id.expiration.check.interval.ms"


def tell(talk: Conversation) -> None:
    resource = describe_configs.DescribeConfigsResource(BROKER, "1", None)
    request = describe_configs.DescribeConfigsRequest([resource], include_synonyms=True, include_documentation=True)
    [result] = talk.quietly(describe_configs, 4, request).results
    for config in sorted(result.configs, key=lambda config: config.name):
        if config.name not in PLACES and config.name != UNSEEN and not config.name.startswith("odradek."):
            talk.keep(config.name, config)
