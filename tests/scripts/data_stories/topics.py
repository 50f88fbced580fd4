"""Topics made, widened, described and deleted, and everything that is refused about it."""

from __future__ import annotations

from typing import Any

from odradek.wire.messages import create_partitions, create_topics, delete_topics, describe_configs, describe_topic_partitions

from .asking import NIL_ID, UNKNOWN_ID
from .conversation import Conversation

CREATE, DELETE, WIDEN, CONFIGS = range(2, 8), range(1, 7), range(4), range(1, 5)
TOPIC, BROKER = 2, 4


def tell(talk: Conversation) -> None:
    creating(talk)
    widening(talk)
    describing(talk)
    configs(talk)
    deleting(talk)


def _created(*topics: Any, validate_only: bool = False) -> Any:
    return create_topics.CreateTopicsRequest(list(topics), 30_000, validate_only)


def _topic(
    name: str, partitions: int = 1, replicas: int = 1, placed: dict[int, list[int]] | None = None, **configs: Any
) -> Any:
    assignments = [create_topics.CreatableReplicaAssignment(index, brokers) for index, brokers in (placed or {}).items()]
    given = [create_topics.CreatableTopicConfig(key.replace("_", "."), value) for key, value in configs.items()]
    return create_topics.CreatableTopic(name, partitions, replicas, assignments, given)


def creating(talk: Conversation) -> None:
    there, p = talk.topic("there"), talk.prefix
    ask = talk.ask
    for version in CREATE:
        name = f"{p}made-{version}"
        made = ask(f"made, v{version}", create_topics, version, _without_ids(talk, name, 3))
        del made
        checked = _created(_topic(f"{p}checked", 2), validate_only=True)
        ask(f"only validated, v{version}", create_topics, version, checked)
        ask(f"there already, v{version}", create_topics, version, _created(_topic(there), _topic(f"{p}no!")))
    for label, topic in {
        "partitions 0": _topic(f"{p}x", 0), "partitions -2": _topic(f"{p}x", -2), "replicas 0": _topic(f"{p}x", 1, 0),
        "replicas 2": _topic(f"{p}x", 1, 2), "replicas -2": _topic(f"{p}x", 1, -2), "no name": _topic(""),
        "a dot": _topic("."), "two dots": _topic(".."), "name too long": _topic("x" * 250), "a space": _topic("a b"),
        "placed": _topic(f"{p}placed", -1, -1, {0: [1], 1: [1]}), "placed and counted": _topic(f"{p}x", 2, -1, {0: [1]}),
        "placed and replicated": _topic(f"{p}x", -1, 1, {0: [1]}), "placed with a gap": _topic(f"{p}x", -1, -1, {1: [1]}),
        "placed on nobody": _topic(f"{p}x", -1, -1, {0: []}), "placed twice on one": _topic(f"{p}x", -1, -1, {0: [1, 1]}),
        "placed on an unknown one": _topic(f"{p}x", -1, -1, {0: [99]}),
        "placed unevenly": _topic(f"{p}x", -1, -1, {0: [1], 1: [1, 99]}),
        "an unknown setting": _topic(f"{p}x", nonsense="1"), "a setting without value": _topic(f"{p}x", retention_ms=None),
        "a setting of the wrong kind": _topic(f"{p}x", retention_ms="soon"),
        "a setting out of range": _topic(f"{p}x", min_insync_replicas="0"),
        "a policy that is none": _topic(f"{p}x", cleanup_policy="shred"),
        "a codec that is none": _topic(f"{p}x", compression_type="rar"),
        "an internal name": _topic(talk.groups_topic()), "defaults": _topic(f"{p}defaults", -1, -1),
        "settings": _topic(f"{p}settings", 1, 1, cleanup_policy="compact", max_message_bytes="5000"),
    }.items():  # fmt: skip
        ask(label, create_topics, 7, _created(topic, validate_only=True))
    ask("nothing to make", create_topics, 7, _created())
    ask(
        "one name twice",
        create_topics,
        7,
        _created(_topic(f"{p}twice"), _topic(f"{p}twice", 2), _topic(f"{p}x"), validate_only=True),
    )
    ask("names that collide", create_topics, 7, _created(_topic(f"{p}c.d"), _topic(f"{p}c_d"), validate_only=True))
    talk.topic("e.f")
    ask("a name that collides", create_topics, 7, _created(_topic(f"{p}e_f"), validate_only=True))


def _without_ids(talk: Conversation, name: str, partitions: int) -> Any:
    return _created(_topic(name, partitions, 1, retention_bytes="1000"))


def widening(talk: Conversation) -> None:
    topic = talk.topic("widened", 2)

    def wanted(*parts: tuple[str, int, list[list[int]] | None], validate_only: bool = False) -> Any:
        topics = [
            create_partitions.CreatePartitionsTopic(
                name, count, None if placed is None else [create_partitions.CreatePartitionsAssignment(each) for each in placed]
            )
            for name, count, placed in parts
        ]
        return create_partitions.CreatePartitionsRequest(topics, 30_000, validate_only)

    for version in WIDEN:
        talk.ask(f"widened, v{version}", create_partitions, version, wanted((topic, 3 + version, None)))
        talk.ask(f"as wide as it is, v{version}", create_partitions, version, wanted((topic, 3 + version, None)))
        talk.ask(f"narrowed, v{version}", create_partitions, version, wanted((topic, 1, None)))
        talk.ask(f"no such topic widened, v{version}", create_partitions, version, wanted(("nosuch", 3, None)))
    for label, request in {
        "widened to 0": wanted((topic, 0, None)), "widened to -1": wanted((topic, -1, None)),
        "widened on a chosen broker": wanted((topic, 7, [[1]]), validate_only=True),
        "widened on too many brokers": wanted((topic, 7, [[1], [1]])), "widened on nobody": wanted((topic, 7, [[]])),
        "widened on an empty list": wanted((topic, 7, [])), "widened on an unknown one": wanted((topic, 7, [[99]])),
        "widened on one twice": wanted((topic, 7, [[1, 1]])), "only validated": wanted((topic, 9, None), validate_only=True),
        "one topic twice": wanted((topic, 9, None), (topic, 8, None)), "nothing to widen": wanted(),
        "a name that cannot be": wanted(("no such!", 3, None)), "no name": wanted(("", 3, None)),
    }.items():  # fmt: skip
        talk.ask(f"widening: {label}", create_partitions, 3, request)


def describing(talk: Conversation) -> None:
    for name in ("d-a", "d-b", "d-c"):
        talk.topic(name, 3)
    a, b, c = (f"{talk.prefix}d-{letter}" for letter in "abc")

    def asked(*names: str, limit: int = 2000, cursor: tuple[str, int] | None = None) -> Any:
        return describe_topic_partitions.DescribeTopicPartitionsRequest(
            [describe_topic_partitions.TopicRequest(name) for name in names], limit,
            describe_topic_partitions.Cursor(*cursor) if cursor else None,
        )  # fmt: skip

    for label, request in {
        "three": asked(c, a, b), "one twice": asked(a, a), "unknown": asked("nosuch", a), "a bad name": asked("no such!"),
        "no name": asked(""),
        "a page of 2": asked(a, b, c, limit=2), "a page of 3": asked(a, b, c, limit=3), "a page of 4": asked(a, b, c, limit=4),
        "the next page": asked(a, b, c, limit=4, cursor=(b, 1)), "the last page": asked(a, b, c, cursor=(c, 2)),
        "a page of 0": asked(a, limit=0), "a page of -1": asked(a, limit=-1),
        "beyond a topic": asked(a, b, cursor=(a, 3)), "a cursor before 0": asked(a, b, cursor=(a, -1)),
        "a cursor at an unknown topic": asked(a, c, cursor=(b + "x", 0)),
        "a cursor at what is not asked": asked(a, c, cursor=(b, 0)),
    }.items():  # fmt: skip
        talk.ask(f"partitions: {label}", describe_topic_partitions, 0, request)


def configs(talk: Conversation) -> None:
    topic = talk.topic("configured", cleanup_policy="compact", retention_ms="5000")

    def asked(*resources: tuple[int, str, list[str] | None], synonyms: bool = False, words: bool = False) -> Any:
        return describe_configs.DescribeConfigsRequest(
            [describe_configs.DescribeConfigsResource(*each) for each in resources], synonyms, words
        )

    some = ["cleanup.policy", "retention.ms", "max.message.bytes", "nonsense"]
    for version in CONFIGS:
        for synonyms in (False, True):
            request = asked((TOPIC, topic, some), synonyms=synonyms, words=version >= 3)
            talk.ask(f"some settings, synonyms {synonyms}, v{version}", describe_configs, version, request)
        talk.ask(f"settings of no topic, v{version}", describe_configs, version, asked((TOPIC, "nosuch", None)))
    everything = talk.quietly(describe_configs, 4, asked((TOPIC, topic, None), synonyms=True))
    _keep_by_name(talk, "all settings", everything)
    for label, resource in {
        "a bad name": (TOPIC, "no such!", None), "no name": (TOPIC, "", None), "broker 99": (BROKER, "99", None),
        "a broker that is no number": (BROKER, "one", None), "an unknown kind": (77, "x", None), "no kind": (0, "x", None),
        "no keys": (TOPIC, topic, []), "one key twice": (TOPIC, topic, ["retention.ms", "retention.ms"]),
        "all brokers": (BROKER, "", ["log.retention.ms"]),
        "a broker's": (BROKER, "1", ["log.retention.ms", "num.partitions", "message.max.bytes", "node.id"]),
    }.items():  # fmt: skip
        talk.ask(f"settings: {label}", describe_configs, 4, asked(resource))
    talk.ask("settings twice", describe_configs, 4, asked((TOPIC, topic, ["retention.ms"]), (TOPIC, topic, ["cleanup.policy"])))
    talk.ask("settings of nothing", describe_configs, 4, asked())


def _keep_by_name(talk: Conversation, label: str, response: Any) -> None:
    """The order of settings means nothing."""
    for result in response.results:
        result.configs.sort(key=lambda config: config.name)
    talk.keep(label, response)


def deleting(talk: Conversation) -> None:
    state = delete_topics.DeleteTopicState
    for version in DELETE:
        name = talk.topic(f"doomed-{version}")
        asked = delete_topics.DeleteTopicsRequest([name, "nosuch"], [state(name), state("nosuch")], 30_000)
        response = talk.quietly(delete_topics, version, asked)
        response.responses.sort(key=lambda result: result.name)
        talk.keep(f"deleted, v{version}", response)
    name, other = talk.topic("doomed"), talk.topic("doomed-too")
    topic_id = talk.topic_ids[name]
    for label, states in {
        "nothing to delete": [], "name and id": [state(name, topic_id)], "neither": [state(None, NIL_ID)],
        "an unknown id": [state(None, UNKNOWN_ID)], "a name twice": [state(name), state(name)],
        "an id twice": [state(None, topic_id), state(None, topic_id)], "a bad name": [state("no such!")],
        "no name": [state("")],
        "by name and by id": [state(name), state(None, topic_id)], "by id": [state(None, talk.topic_ids[other])],
    }.items():  # fmt: skip
        response = talk.quietly(delete_topics, 6, delete_topics.DeleteTopicsRequest([], states, 30_000))
        response.responses.sort(key=lambda result: (result.name or "", result.topic_id))
        talk.keep(f"deleting: {label}", response)
