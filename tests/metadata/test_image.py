"""The image changes in one place, whole values at a time, and its indexes follow."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from odradek.metadata import names
from odradek.metadata.image import (
    BrokerChange,
    BrokerImage,
    ConfigChange,
    Endpoint,
    Image,
    PartitionImage,
    TopicChange,
    TopicImage,
    TopicRemoval,
)

ONE = PartitionImage((1,), (1,), 1)


def topic(name: str, id: int, partitions: int = 1) -> TopicImage:
    return TopicImage(name, id.to_bytes(16, "big"), (ONE,) * partitions)


def test_a_topic_is_found_by_name_by_id_and_by_partition() -> None:
    image = Image("cluster", 1)
    made = topic("t", 7, 2)
    image.apply(TopicChange(None, made))
    assert image.topic("t") is made
    assert image.topic_by_id(made.topic_id) is made
    assert image.partition("t", 1) is made.partitions[1]
    assert image.partition("t", 2) is None
    assert image.partition("t", -1) is None, "a negative index is not the last partition"
    assert image.partition("u", 0) is None


def test_every_change_makes_a_new_version() -> None:
    image = Image("cluster", 1)
    image.apply(TopicChange(None, topic("t", 1)))
    image.apply(ConfigChange("broker", "", {"log.retention.ms": "5"}))
    image.apply(BrokerChange(BrokerImage(1, {"PLAINTEXT": Endpoint("localhost", 9092)})))
    assert image.version == 3


def test_configurations_are_replaced_whole_and_none_left_is_none_held() -> None:
    image = Image("cluster", 1)
    image.apply(ConfigChange("broker", "1", {"a": "1"}))
    image.apply(ConfigChange("group", "1", {"b": "1"}))
    image.apply(ConfigChange("broker", "1", {}))
    assert image.broker_configs == {}
    assert image.group_configs == {"1": {"b": "1"}}


def test_only_brokers_that_are_not_fenced_are_live() -> None:
    image = Image("cluster", 1)
    for node_id, fenced in ((3, False), (2, True), (1, False)):
        image.apply(BrokerChange(BrokerImage(node_id, {}, fenced=fenced)))
    assert [broker.node_id for broker in image.live_brokers()] == [1, 3]


steps = st.lists(
    st.tuples(st.sampled_from(["put", "remove"]), st.sampled_from(["a.b", "a_b", "ab", "c"]), st.integers(1, 3)), max_size=30
)


@given(steps)
def test_the_indexes_agree_with_the_topics(steps: list[tuple[str, str, int]]) -> None:
    image, next_id = Image("cluster", 1), 1
    for verb, name, partitions in steps:
        held = image.topic(name)
        if verb == "put":
            image.apply(TopicChange(held, topic(name, next_id, partitions)))
            next_id += 1
        elif held is not None:
            image.apply(TopicRemoval(held))
        assert image.partition_count == sum(len(t.partitions) for t in image.topics.values())
        assert image.names_by_id == {t.topic_id: t.name for t in image.topics.values()}
        for asked in ("a.b", "a_b", "ab"):
            assert image.colliding_name(asked) == names.find_collision(asked, image.topics)
