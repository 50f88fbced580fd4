"""Names of topics for tests."""

from __future__ import annotations

import re

import pytest

from odradek.testing.topics import TopicAdmin, TopicRefusedError, unique_name


@pytest.mark.parametrize("test", ["test_it", "test_it[a b/ü-1]", "[]", "x" * 500, "..", "__consumer_offsets"])
def test_every_name_is_legal_and_new(test: str) -> None:
    names = {unique_name(test) for _ in range(3)}
    assert len(names) == 3
    assert all(re.fullmatch(r"[a-zA-Z0-9-]{1,249}", name) for name in names)


def test_a_name_says_whose_it_is() -> None:
    assert unique_name("test_orders[2]").startswith("test-orders-2-")


def test_made_once_deleted_as_often_as_one_likes(kafka_bootstrap_servers: str) -> None:
    name = unique_name("once")
    with TopicAdmin(kafka_bootstrap_servers) as admin:
        admin.create(name, partitions=2, config={"retention.ms": 1000, "preallocate": False})
        with pytest.raises(TopicRefusedError, match="TOPIC_ALREADY_EXISTS"):
            admin.create(name)
        with pytest.raises(TopicRefusedError, match="INVALID_CONFIG"):
            admin.create(unique_name("bad"), config={"retention.ms": "soon"})
        admin.delete(name)
        admin.delete(name)
        admin.create(name)
        admin.delete(name)
