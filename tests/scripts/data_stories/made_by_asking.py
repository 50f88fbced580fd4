"""Topics that Metadata makes because somebody asks for them: when, how, and what is never made."""

from __future__ import annotations

from typing import Any

from odradek.wire.messages import create_partitions, delete_topics, describe_configs, metadata

from .asking import NIL_ID, UNKNOWN_ID
from .conversation import Conversation

SAYS_WHETHER = 4  # from this version on a client says whether topics may be made


def tell(talk: Conversation) -> None:
    for version in range(14):
        name = f"{talk.prefix}asked-{version}"
        if version >= SAYS_WHETHER:
            talk.ask(f"not to be made, v{version}", metadata, version, _asked(name))
            talk.ask(f"still not there, v{version}", metadata, 12, _asked(name))
        answer = talk.quietly(metadata, version, _asked(name, create=True))
        talk.topic_ids.update((topic.name, topic.topic_id) for topic in answer.topics if topic.topic_id != NIL_ID)
        talk.keep(f"to be made, v{version}", answer)
        talk.keep(f"made, v{version}", _there(talk, name))
    refused(talk)
    internal(talk)
    afterwards(talk)


def _asked(*names: str | None, create: bool = False, topic_id: bytes = NIL_ID) -> Any:
    return metadata.MetadataRequest([metadata.MetadataRequestTopic(topic_id, name) for name in names], create)


def _there(talk: Conversation, name: str) -> Any:
    """Metadata's answer for a topic, once it is there and led; the id is drawn by chance."""

    def look() -> Any:
        return talk.quietly(metadata, 12, _asked(name))

    def is_led(topic: Any) -> bool:
        return not topic.error_code and all(not partition.error_code for partition in topic.partitions)

    talk.until(f"{name} is there", lambda: is_led(look().topics[0]))
    answer = look()
    answer.topics[0].partitions.sort(key=lambda partition: partition.partition_index)
    talk.topic_ids[name] = answer.topics[0].topic_id
    return answer


def refused(talk: Conversation) -> None:
    talk.topic("c.d")
    there = talk.topic("there")
    for label, names in {
        "a name that cannot be": ["no such!"], "no name": [""], "a long name": ["x" * 250], "two dots": [".."],
        "a name that collides": [f"{talk.prefix}c_d"], "Kafka's metadata": ["__cluster_metadata"],
        "one that is there": [there],
    }.items():  # fmt: skip
        talk.ask(f"to be made: {label}", metadata, 12, _asked(*names, create=True))
    talk.ask("made by id", metadata, 12, _asked(None, create=True, topic_id=UNKNOWN_ID))
    nothing = metadata.MetadataRequest([], True)
    talk.ask("nothing to be made", metadata, 12, nothing)


def internal(talk: Conversation) -> None:
    """The coordinators' topics: configured as theirs."""
    for name in ("__consumer_offsets", "__transaction_state"):
        talk.quietly(metadata, 12, _asked(name, create=True))
        answer = _there(talk, name)
        answer.topics[0].topic_id = NIL_ID
        talk.keep(f"made: {name}", answer)
        resource = describe_configs.DescribeConfigsResource(2, name, None)
        found = talk.quietly(describe_configs, 4, describe_configs.DescribeConfigsRequest([resource]))
        for result in found.results:
            result.configs = sorted((each for each in result.configs if each.config_source == 1), key=lambda each: each.name)
        talk.keep(f"set on {name}", found)


def afterwards(talk: Conversation) -> None:
    """One that was made so is like any other."""
    name = f"{talk.prefix}asked-12"
    wider = create_partitions.CreatePartitionsRequest([create_partitions.CreatePartitionsTopic(name, 5, None)], 30_000)
    talk.ask("widened", create_partitions, 3, wider)
    state = delete_topics.DeleteTopicState(name)
    talk.ask("deleted", delete_topics, 6, delete_topics.DeleteTopicsRequest([], [state], 30_000))
    talk.until("it is gone", lambda: bool(talk.quietly(metadata, 12, _asked(name)).topics[0].error_code))
    talk.quietly(metadata, 12, _asked(name, create=True))
    talk.keep("made again", _there(talk, name))
