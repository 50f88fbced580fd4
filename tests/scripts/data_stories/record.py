"""Tells every story to the Kafka at an address and keeps its answers, a file per story.

python tests/clients/reference/kafka.py --set log.retention.ms=-1       (prints the address)
PYTHONPATH=tests/scripts python -m data_stories.record 127.0.0.1:PORT [STORY ...]
"""

from __future__ import annotations

import json
import sys
import uuid
from typing import Any

from . import RECORDED, STORIES
from .conversation import Conversation


def tell(address: str, story: str) -> list[tuple[str, Any]]:
    """What the broker at `address` says to a story."""
    talk = Conversation(address, f"r{uuid.uuid4().hex[:8]}-")
    try:
        STORIES[story](talk)
    finally:
        talk.close()
    # Through JSON, so that what was said now and what was written down are the same kind of data.
    return [(label, json.loads(json.dumps(answer))) for label, answer in talk.said]


def recorded(story: str) -> list[tuple[str, Any]]:
    """What Apache Kafka said, as it was written down."""
    lines = (RECORDED / f"{story}.jsonl").read_text().splitlines()
    return [(label, answer) for label, answer in map(json.loads, lines)]


def differences(ours: list[tuple[str, Any]], kafkas: list[tuple[str, Any]]) -> dict[str, dict[str, Any]]:
    """What is not the same, by label."""
    ours_by_label, kafkas_by_label = dict(ours), dict(kafkas)
    labels = [*kafkas_by_label, *(label for label in ours_by_label if label not in kafkas_by_label)]
    return {
        label: {"ours": mine, "kafka": theirs}
        for label in labels
        if (mine := ours_by_label.get(label)) != (theirs := kafkas_by_label.get(label))
    }


def main(address: str, *stories: str) -> None:
    RECORDED.mkdir(exist_ok=True)
    for story in stories or STORIES:
        said = tell(address, story)
        (RECORDED / f"{story}.jsonl").write_text("".join(json.dumps(pair) + "\n" for pair in said))
        print(f"{story}: {len(said)} answers")


if __name__ == "__main__":
    main(*sys.argv[1:])
