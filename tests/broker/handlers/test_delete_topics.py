"""DeleteTopics: by name and by id, and never what is named twice."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from odradek.base.ids import ZERO_UUID
from odradek.wire.errors import ErrorCode
from odradek.wire.messages import create_topics, delete_topics, metadata
from odradek.wire.messages.create_topics import CreatableTopic
from odradek.wire.messages.delete_topics import DeletableTopicResult, DeleteTopicsRequest, DeleteTopicState


def make(client: Any) -> tuple[str, bytes]:
    name = f"delete-{uuid.uuid4().hex[:8]}"
    [made] = client.call(create_topics, 7, create_topics.CreateTopicsRequest([CreatableTopic(name, 2, 1)])).topics
    return made.name, made.topic_id


def delete(client: Any, *topics: tuple[str | None, bytes]) -> list[DeletableTopicResult]:
    request = DeleteTopicsRequest(topics=[DeleteTopicState(*topic) for topic in topics], timeout_ms=5000)
    return client.call(delete_topics, 6, request).responses


def exists(client: Any, name: str) -> bool:
    request = metadata.MetadataRequest([metadata.MetadataRequestTopic(name=name)], False)
    return client.call(metadata, 9, request).topics[0].error_code == ErrorCode.NONE


@pytest.mark.parametrize("version", range(1, 6))
def test_by_name_in_every_version_that_knows_names_only(client: Any, version: int) -> None:
    name, _ = make(client)
    request = DeleteTopicsRequest(topic_names=[name, "nope"], timeout_ms=5000)
    results = {result.name: result for result in client.call(delete_topics, version, request).responses}
    assert results[name].error_code == 0
    assert results["nope"].error_code == ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
    assert not exists(client, name), "it is gone when the answer is there"


def test_by_name_and_by_id(client: Any) -> None:
    (first, first_id), (second, second_id) = make(client), make(client)
    results = delete(client, (first, ZERO_UUID), (None, second_id))
    assert [(r.name, r.topic_id, r.error_code, r.error_message) for r in results] == [
        (first, first_id, 0, None),
        (second, second_id, 0, None),
    ]
    assert not exists(client, first) and not exists(client, second)


@pytest.mark.parametrize(
    ("topic", "code", "words"),
    [
        (("nope", ZERO_UUID), ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, ""),
        ((None, b"\x07" * 16), ErrorCode.UNKNOWN_TOPIC_ID, ""),
        ((None, ZERO_UUID), ErrorCode.INVALID_REQUEST, "Neither topic name nor id were specified."),
        (("nope", b"\x07" * 16), ErrorCode.INVALID_REQUEST, "You may not specify both topic name and topic id."),
    ],
)
def test_what_cannot_be_deleted_says_why(client: Any, topic: tuple[str | None, bytes], code: int, words: str) -> None:
    [refused] = delete(client, topic)
    assert (refused.name, refused.topic_id, refused.error_code) == (*topic, code)
    assert refused.error_message and words in refused.error_message


@pytest.mark.parametrize("how", ["name", "id", "both"])
def test_a_topic_named_twice_stays(client: Any, how: str) -> None:
    name, topic_id = make(client)
    by_name, by_id = (name, ZERO_UUID), (None, topic_id)
    asked = {"name": [by_name, by_name], "id": [by_id, by_id], "both": [by_name, by_id]}[how]
    [refused] = delete(client, *asked)
    assert refused.error_code == ErrorCode.INVALID_REQUEST
    assert exists(client, name)


def test_a_deleted_topic_may_come_back_with_another_id(client: Any) -> None:
    name, topic_id = make(client)
    delete(client, (name, ZERO_UUID))
    [made] = client.call(create_topics, 7, create_topics.CreateTopicsRequest([CreatableTopic(name, 1, 1)])).topics
    assert made.error_code == 0 and made.topic_id != topic_id


@pytest.mark.parametrize(("version", "code"), [(2, ErrorCode.INVALID_REQUEST), (5, ErrorCode.TOPIC_DELETION_DISABLED)])
def test_deletion_may_be_switched_off(raw_client_of: Any, version: int, code: int) -> None:
    with raw_client_of({"delete.topic.enable": "false"}) as client:
        name, _ = make(client)
        [refused] = client.call(delete_topics, version, DeleteTopicsRequest(topic_names=[name])).responses
        assert refused.error_code == code
        assert exists(client, name)
