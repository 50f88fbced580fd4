"""Requests of the data and topic APIs as stories, told alike to Apache Kafka and to Odradek, and their answers compared.

The problem: a field that differs from Kafka's in one version of one API is found by the one user whose client reads it.
The contract: a story (`STORIES`) is a function that asks over a `Conversation`; what was said becomes plain data in
`comparable.py`, where the table of what may differ is, each with its reason. Apache Kafka's answers are kept beside the
test, a file per story, so that `make test` compares without Java; `make conformance` asks a real Kafka again.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from . import (
    alterations,
    batches_refused,
    broker_settings,
    codecs_and_stamps,
    fetches,
    listed_offsets,
    made_by_asking,
    places,
    produces,
    sequences,
    sessions,
    topics,
)
from .conversation import Conversation

STORIES: dict[str, Callable[[Conversation], None]] = {
    module.__name__.rpartition(".")[2]: module.tell
    for module in (
        produces,
        batches_refused,
        codecs_and_stamps,
        sequences,
        fetches,
        sessions,
        listed_offsets,
        topics,
        alterations,
        made_by_asking,
        broker_settings,
        places,
    )
}

# The same for both, beside the suites' own: records in these stories are from the year 2020, and stay.
CONFIG = {"log.retention.ms": "-1"}
RECORDED = Path(__file__).parent.parent / "kafka_data"
