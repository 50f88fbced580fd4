"""A topic's configuration, taken from Kafka's names."""

from __future__ import annotations

from odradek.log.config import LogConfig


def test_configuration_is_taken_from_kafkas_names():
    config = LogConfig.of({"segment.bytes": 7, "cleanup.policy": ("compact", "delete"), "unclean.leader.election.enable": True})
    assert (config.segment_bytes, config.is_compacted, config.deletes) == (7, True, True)
    assert LogConfig.of({}) == LogConfig()
