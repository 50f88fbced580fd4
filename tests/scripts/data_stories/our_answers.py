"""What Odradek answers where it is known to differ from Kafka, kept, so that another difference there is seen too.

A name in `differences.py` says that an answer may differ, and would let any answer pass; so ours was judged once, with its
reason, and is written down beside Kafka's. After a change that was meant, write all or some stories' anew, and read the diff:

PYTHONPATH=tests/scripts python -m data_stories.our_answers [STORY ...]
"""

from __future__ import annotations

import json
import sys
from typing import Any

from . import RECORDED, STORIES
from .ours import running
from .record import differences, recorded, tell

OURS = RECORDED.parent / "our_data"


def kept(story: str) -> dict[str, Any]:
    """Our answers that were judged, by label."""
    path = OURS / f"{story}.jsonl"
    return dict(map(json.loads, path.read_text().splitlines())) if path.exists() else {}


def changed(story: str, found: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Where ours is another than was judged, or differed and does no more; `found` is what differs from Kafka's now."""
    judged = kept(story)
    ours = {label: both["ours"] for label, both in found.items()}
    return {
        label: {"ours": ours.get(label, "as Kafka's"), "judged": judged.get(label, "not differing")}
        for label in {**ours, **judged}
        if label not in ours or label not in judged or ours[label] != judged[label]
    }


def main(*stories: str) -> None:
    OURS.mkdir(exist_ok=True)
    with running() as address:
        for story in stories or STORIES:
            found = differences(tell(address, story), recorded(story))
            lines = [json.dumps([label, both["ours"]]) + "\n" for label, both in found.items()]
            path = OURS / f"{story}.jsonl"
            path.write_text("".join(lines)) if lines else path.unlink(missing_ok=True)
            print(f"{story}: {len(lines)} answers differ from Kafka's")


if __name__ == "__main__":
    main(*sys.argv[1:])
