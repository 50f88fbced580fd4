"""Our answers about groups are those of Apache Kafka 4.3.1, recorded in `kafka_groups.jsonl`, field by field."""

import asyncio
import json

import kafka_groups as script

TOPIC, TOPIC_ID, PREFIX = "a-topic-of-this-test", b"i" * 16, "a-group-of-this-test-"


async def _ask_us():
    broker = script.OurHandlers(TOPIC, TOPIC_ID)
    await broker.groups.load(0)
    talk = script.Conversation(broker, TOPIC, TOPIC_ID)
    await script.hold(talk, PREFIX)
    await broker.groups.close()
    return list(script.comparable(talk.said, PREFIX, TOPIC, TOPIC_ID))


def test_answers_are_kafkas():
    recorded = [tuple(json.loads(line)) for line in script.ANSWERS.read_text().splitlines()]
    ours = asyncio.run(_ask_us())
    assert [label for label, _ in ours] == [label for label, _ in recorded]
    pairs = zip(ours, recorded, strict=True)
    assert not {label: (answer, kafkas) for (label, answer), (_, kafkas) in pairs if answer != kafkas}
    assert len(recorded) > 200
