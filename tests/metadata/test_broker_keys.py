"""The tables are honest: a configuration that says it works is read by somebody, one that says it doesn't is not."""

from __future__ import annotations

import re
from pathlib import Path

import odradek
from odradek.metadata.broker_keys import BROKER_CONFIG
from odradek.metadata.topic_keys import TOPIC_CONFIG

SOURCE = Path(odradek.__file__).parent
TABLES = {"broker_keys", "messages"}
READ = re.compile(r'get_(?:optional_)?\w+\(\s*"([^"]+)"')

texts = {
    path: path.read_text(encoding="utf-8")
    for path in SOURCE.rglob("*.py")
    if not TABLES & set(path.parts) and path.name != "topic_keys.py"
}
named = set(re.findall(r'"([a-z][a-z0-9.]+)"', "\n".join(texts.values())))
read = {name for text in texts.values() for name in READ.findall(text)}
of_topics = {synonym for key in TOPIC_CONFIG if key.effective for synonym in key.synonyms}


def test_what_is_said_to_work_is_read_somewhere() -> None:
    idle = [key.name for key in BROKER_CONFIG if key.effective and key.name not in named | of_topics]
    assert idle == [], "mark these `without_effect`, or read them"


def test_what_is_said_to_do_nothing_is_not_read() -> None:
    checked_only = {
        "log.cleaner.min.compaction.lag.ms", "log.cleaner.max.compaction.lag.ms", "connection.failed.authentication.delay.ms",
        "listener.security.protocol.map", "authorizer.class.name",  # what they promise is refused, or warned of
    }  # fmt: skip
    busy = [key.name for key in BROKER_CONFIG if not key.effective and key.name in (read | of_topics) - checked_only]
    assert busy == [], "these have an effect: take them out of `without_effect`"


def test_a_topic_and_the_brokers_default_for_it_work_or_do_not_together() -> None:
    for key in TOPIC_CONFIG:
        for synonym in key.synonyms:
            assert BROKER_CONFIG.keys[synonym].effective == key.effective, (key.name, synonym)
