"""What AlterConfigs and IncrementalAlterConfigs decide; the refusals are those that Apache Kafka 4.3.1 gave."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from odradek.metadata.broker_config import BrokerConfig
from odradek.metadata.configs import Alteration, Operation, Resource, ResourceType, incremental, legacy
from odradek.metadata.errors import MetadataError
from odradek.metadata.image import Change, ConfigChange, Image, PartitionImage, TopicChange, TopicImage

SET, DELETE, APPEND, SUBTRACT = Operation.SET, Operation.DELETE, Operation.APPEND, Operation.SUBTRACT
TOPIC = Resource(ResourceType.TOPIC, "t")
BROKER = Resource(ResourceType.BROKER, "1")
ALL_BROKERS = Resource(ResourceType.BROKER, "")


def image(**configs: str) -> Image:
    made = Image("cluster", 1)
    set_configs = {name.replace("_", "."): value for name, value in configs.items()}
    made.apply(TopicChange(None, TopicImage("t", b"\1" * 16, (PartitionImage((1,), (1,), 1),), set_configs)))
    return made


def alter(made: Image, resource: Resource, *alterations: tuple[str, int, str | None]) -> Change | None:
    return incremental(made, resource, [Alteration(*a) for a in alterations], BrokerConfig(), 1)


def test_single_names_change_and_the_others_stay() -> None:
    change = alter(image(retention_ms="5", segment_ms="6"), TOPIC, ("retention.ms", SET, "7"), ("segment.ms", DELETE, None))
    assert isinstance(change, TopicChange)
    assert change.new.configs == {"retention.ms": "7"}
    assert change.old is not None and change.old.configs == {"retention.ms": "5", "segment.ms": "6"}


def test_the_legacy_call_replaces_all_that_was_set() -> None:
    change = legacy(image(retention_ms="5", segment_ms="6"), TOPIC, [("retention.ms", "7")], BrokerConfig(), 1)
    assert isinstance(change, TopicChange)
    assert change.new.configs == {"retention.ms": "7"}


def test_what_changes_nothing_is_no_change() -> None:
    assert alter(image(retention_ms="5"), TOPIC, ("retention.ms", SET, "5")) is None
    assert alter(image(), TOPIC) is None
    assert alter(image(), TOPIC, ("foo", DELETE, None)) is None, "as in Kafka, an unknown name can be deleted"


@pytest.mark.parametrize(
    ("before", "operation", "value", "after"),
    [
        (None, APPEND, "compact", "delete,compact"),  # without a value, the default is appended to
        ("compact", APPEND, "compact,delete", "compact,delete"),
        ("compact,delete", SUBTRACT, "delete", "compact"),
        (None, SUBTRACT, "delete", ""),
    ],
)
def test_lists_are_appended_to_and_subtracted_from(before: str | None, operation: int, value: str, after: str) -> None:
    made = image(**({} if before is None else {"cleanup_policy": before}))
    change = alter(made, TOPIC, ("cleanup.policy", operation, value))
    assert isinstance(change, TopicChange)
    assert change.new.configs == {"cleanup.policy": after}


items = st.lists(st.sampled_from(["0:1", "1:1", "2:1", "3:1"]), max_size=6)


@given(items, items)
def test_appending_and_then_subtracting_leaves_what_was_not_named(before: list[str], given_: list[str]) -> None:
    if not before or not given_:
        return
    name = "leader.replication.throttled.replicas"
    made = image(**{name: ",".join(dict.fromkeys(before))})
    appended = alter(made, TOPIC, (name, APPEND, ",".join(given_)))
    if isinstance(appended, TopicChange):
        made.apply(appended)
    held = made.topics["t"].configs[name].split(",")
    assert set(held) == {*before, *given_} and len(held) == len(set(held))
    subtracted = alter(made, TOPIC, (name, SUBTRACT, ",".join(given_)))
    assert isinstance(subtracted, TopicChange)
    assert set(filter(None, subtracted.new.configs[name].split(","))) == set(before) - set(given_)


@pytest.mark.parametrize(
    ("resource", "alterations", "code", "words"),
    [
        (Resource(2, "nope"), [("retention.ms", SET, "5")], 3, "The topic 'nope' does not exist."),
        (Resource(2, "a/b"), [("retention.ms", SET, "5")], 17, "Topic name is invalid: 'a/b'"),
        (Resource(2, ""), [("retention.ms", SET, "5")], 42, "Default topic resources are not allowed."),
        (TOPIC, [("retention.ms", SET, "-7")], 40, "Value must be at least -1"),
        (TOPIC, [("foo", SET, "1")], 40, "Unknown topic config name: foo"),
        (TOPIC, [("retention.ms", APPEND, "1")], 40, "Can't APPEND to key retention.ms because its type is not LIST."),
        (TOPIC, [("foo", SUBTRACT, "1")], 40, "Can't SUBTRACT to key foo because its type is not LIST."),
        (TOPIC, [("cleanup.policy", APPEND, "x")], 40, "String must be one of: compact, delete"),
        (TOPIC, [("retention.ms", 7, "5")], 42, "Unknown operations type 7"),
        (TOPIC, [("retention.ms", SET, None)], 42, "Null value not supported for : retention.ms"),
        (TOPIC, [("retention.ms", SET, "5"), ("retention.ms", SET, "6")], 42, "Error due to duplicate config keys"),
        (BROKER, [("log.retention.hours", SET, "5")], 42, "Cannot update these configs dynamically"),
        (BROKER, [("log.retention.ms", SET, "x")], 42, "Not a number of type LONG"),
        (BROKER, [("log.roll.ms", SET, "0")], 42, "log.roll.ms"),
        (BROKER, [("log.retentoin.ms", SET, "5")], 40, "Did you mean log.retention.ms"),
        (ALL_BROKERS, [("listeners", SET, "PLAINTEXT://:1")], 42, "broker id must be specified"),
        (Resource(4, "2"), [("log.retention.ms", SET, "5")], 42, "Unexpected broker id, expected 1, but received 2"),
        (Resource(4, "zz"), [("log.retention.ms", SET, "5")], 42, "Node id must be an integer, but it is: zz"),
        (Resource(32, ""), [("consumer.session.timeout.ms", SET, "5")], 42, "Default group resources are not allowed."),
        (Resource(32, "g"), [("foo", SET, "5")], 40, "Unknown group config name: foo"),
        (Resource(9, "x"), [("a", SET, "b")], 42, "Unknown resource type 9"),
    ],
)
def test_an_alteration_is_refused(
    resource: Resource, alterations: list[tuple[str, int, str | None]], code: int, words: str
) -> None:
    with pytest.raises(MetadataError) as refused:
        alter(image(), resource, *alterations)
    assert refused.value.code == code
    assert words in str(refused.value)


def test_a_broker_and_all_brokers_are_different_resources() -> None:
    assert alter(image(), BROKER, ("log.retention.ms", SET, "5")) == ConfigChange("broker", "1", {"log.retention.ms": "5"})
    change = alter(image(), ALL_BROKERS, ("log.cleanup.policy", APPEND, "compact"))
    assert change == ConfigChange("broker", "", {"log.cleanup.policy": "delete,compact"})


def test_a_value_that_contradicts_another_layer_is_refused() -> None:
    made = image()
    made.apply(ConfigChange("broker", "", {"log.cleaner.max.compaction.lag.ms": "10"}))
    with pytest.raises(MetadataError, match="must not be above"):
        alter(made, BROKER, ("log.cleaner.min.compaction.lag.ms", SET, "20"))


def test_a_groups_configurations_are_kept() -> None:
    change = alter(image(), Resource(32, "g"), ("consumer.session.timeout.ms", SET, "50000"))
    assert change == ConfigChange("group", "g", {"consumer.session.timeout.ms": "50000"})
