"""Configurations set, taken back, appended to and refused: AlterConfigs and IncrementalAlterConfigs, and what is shown then."""

from __future__ import annotations

from typing import Any

from odradek.wire.messages import alter_configs, describe_configs, incremental_alter_configs, list_config_resources

from .conversation import Conversation

TOPIC, BROKER, LOGGER, METRICS, GROUP = 2, 4, 8, 16, 32
SET, DELETE, APPEND, SUBTRACT = range(4)


def tell(talk: Conversation) -> None:
    topics(talk)
    replacing(talk)
    brokers(talk)
    others(talk)
    listed(talk)


def _changes(*resources: tuple[int, str, Any], validate_only: bool = False) -> Any:
    """`resources`: (kind, name, [(configuration, operation, value), ...])."""
    api = incremental_alter_configs
    made = [
        api.AlterConfigsResource(kind, name, [api.AlterableConfig(*change) for change in changes])
        for kind, name, changes in resources
    ]
    return api.IncrementalAlterConfigsRequest(made, validate_only)


def _replacement(*resources: tuple[int, str, Any], validate_only: bool = False) -> Any:
    """`resources`: (kind, name, {configuration: value})."""
    api = alter_configs
    made = [
        api.AlterConfigsResource(kind, name, [api.AlterableConfig(key, value) for key, value in configs.items()])
        for kind, name, configs in resources
    ]
    return api.AlterConfigsRequest(made, validate_only)


def _settle(talk: Conversation) -> None:
    """Kafka answers when its controller has decided, and its broker hears of it later; but of all decisions in their order."""
    marker, number = f"{talk.prefix}marker", str(len(talk.said) + 1)
    if marker not in talk.topic_ids:
        talk.topic("marker")
    talk.quietly(incremental_alter_configs, 1, _changes((TOPIC, marker, [("retention.ms", SET, number)])))
    resource = describe_configs.DescribeConfigsResource(TOPIC, marker, ["retention.ms"])
    request = describe_configs.DescribeConfigsRequest([resource])
    talk.until(
        "the broker has heard of everything",
        lambda: bool(talk.quietly(describe_configs, 4, request).results[0].configs[0].value == number),
    )


def _show(talk: Conversation, label: str, kind: int, name: str, *keys: str) -> None:
    """What is set on a resource now, or of these keys what holds, with where it comes from."""
    _settle(talk)
    resource = describe_configs.DescribeConfigsResource(kind, name, list(keys) or None)
    answer = talk.quietly(describe_configs, 4, describe_configs.DescribeConfigsRequest([resource], True))
    for result in answer.results:
        set_here = {TOPIC: (1,), BROKER: (2, 3)}.get(kind, (8,))
        result.configs = sorted(
            (config for config in result.configs if keys or config.config_source in set_here), key=lambda config: config.name
        )
    talk.keep(label, answer)


def topics(talk: Conversation) -> None:
    topic = talk.topic("altered", retention_ms="5000")
    ask = talk.ask
    api = incremental_alter_configs
    for version in range(2):
        request = _changes((TOPIC, topic, [("retention.bytes", SET, f"{version}00"), ("retention.ms", DELETE, None)]))
        ask(f"set and deleted, v{version}", api, version, request)
        _show(talk, f"after set and deleted, v{version}", TOPIC, topic)
    policy = "cleanup.policy"
    for label, changes in {
        "nothing": [], "append to a default": [(policy, APPEND, "compact")],
        "append what is there": [(policy, APPEND, "compact")],
        "append two": [(policy, APPEND, "delete,compact")], "subtract one": [(policy, SUBTRACT, "delete")],
        "subtract what is not there": [(policy, SUBTRACT, "delete")], "subtract the last": [(policy, SUBTRACT, "compact")],
        "append to nothing": [(policy, APPEND, " compact , delete ")], "append what it may not be": [(policy, APPEND, "shred")],
        "append nothing": [(policy, APPEND, "")], "append null": [(policy, APPEND, None)],
        "subtract null": [(policy, SUBTRACT, None)],
        "append to a number": [("retention.ms", APPEND, "5")], "subtract from text": [("compression.type", SUBTRACT, "gzip")],
        "append to an unknown one": [("nonsense", APPEND, "5")],
        "set an empty list": [(policy, SET, "")], "set a list with gaps": [(policy, SET, "compact,,delete")],
        "set spaces": [("retention.ms", SET, "  77 ")], "set a list twice over": [(policy, SET, "delete,delete")],
        "throttled": [("leader.replication.throttled.replicas", APPEND, "0:1")],
        "throttled too": [("leader.replication.throttled.replicas", APPEND, "1:1")],
        "throttled by nonsense": [("leader.replication.throttled.replicas", APPEND, "x")],
        "set null": [("retention.ms", SET, None)], "set an unknown one": [("nonsense", SET, "1")],
        "set no name": [("", SET, "1")], "set the wrong kind": [("retention.ms", SET, "soon")],
        "set out of range": [("retention.ms", SET, "-2")], "set no codec": [("compression.type", SET, "rar")],
        "set a lag above the other": [("min.compaction.lag.ms", SET, "9"), ("max.compaction.lag.ms", SET, "8")],
        "set tiers": [("remote.storage.enable", SET, "true")], "delete what is not set": [("segment.ms", DELETE, None)],
        "delete with a value": [("segment.ms", DELETE, "7")], "delete an unknown one": [("nonsense", DELETE, None)],
        "an unknown operation": [("segment.ms", 9, "7")],
        "one name twice": [("segment.ms", SET, "7"), ("segment.ms", SET, "8")],
        "one name set and deleted": [("segment.ms", SET, "7"), ("segment.ms", DELETE, None)],
        "good and bad": [("segment.ms", SET, "7"), ("retention.ms", SET, "soon")], "upper case": [("Segment.ms", SET, "7")],
        "too small a segment": [("segment.bytes", SET, "100")], "a boolean": [("preallocate", SET, "TRUE")],
        "no boolean": [("preallocate", SET, "yes")], "a number with a point": [("segment.ms", SET, "7.0")],
        "a ratio": [("min.cleanable.dirty.ratio", SET, "0.75")],
        "a ratio too large": [("min.cleanable.dirty.ratio", SET, "1.5")],
        "too large a number": [("segment.ms", SET, str(2**63))], "a number with a plus": [("segment.ms", SET, "+7")],
        "a log format of old": [("message.format.version", SET, "2.8")],
        "lag of old": [("message.timestamp.difference.max.ms", SET, "5")],
        "more in sync than brokers": [("min.insync.replicas", SET, "2")], "levels": [("compression.zstd.level", SET, "22")],
        "level too high": [("compression.lz4.level", SET, "18")], "level of gzip": [("compression.gzip.level", SET, "0")],
    }.items():  # fmt: skip
        ask(label, api, 1, _changes((TOPIC, topic, changes)))
        _show(talk, f"after: {label}", TOPIC, topic)
    ask("only validated", api, 1, _changes((TOPIC, topic, [("segment.ms", SET, "99")]), validate_only=True))
    ask("only validated and wrong", api, 1, _changes((TOPIC, topic, [("segment.ms", SET, "x")]), validate_only=True))
    _show(talk, "after only validated", TOPIC, topic)
    for label, name in {"no such topic": "nosuch", "a bad name": "no such!", "no name": ""}.items():
        ask(f"set on {label}", api, 1, _changes((TOPIC, name, [("segment.ms", SET, "7")])))
        ask(f"set nonsense on {label}", api, 1, _changes((TOPIC, name, [("nonsense", SET, "7")])))
    twice = [(TOPIC, topic, [("segment.ms", SET, "7")]), (TOPIC, topic, [("retention.ms", SET, "7")])]
    ask("one topic twice", api, 1, _changes(*twice))
    ask("good and bad topics", api, 1, _changes((TOPIC, "nosuch", [("segment.ms", SET, "7")]), twice[0]))
    ask("no resources", api, 1, _changes())


def replacing(talk: Conversation) -> None:
    topic, api = talk.topic("replaced", retention_ms="5000", segment_ms="6000"), alter_configs
    for version in range(3):
        talk.ask(f"replaced, v{version}", api, version, _replacement((TOPIC, topic, {"retention.bytes": f"{version}00"})))
        _show(talk, f"after replaced, v{version}", TOPIC, topic)
    for label, configs in {
        "by nothing": {}, "by null": {"retention.ms": None}, "by an unknown one": {"nonsense": "1"},
        "by the wrong kind": {"retention.ms": "soon"}, "by a list": {"cleanup.policy": "compact,delete"},
    }.items():  # fmt: skip
        talk.ask(f"replaced {label}", api, 2, _replacement((TOPIC, topic, configs)))
        _show(talk, f"after replaced {label}", TOPIC, topic)
    talk.ask("replaced if it were", api, 2, _replacement((TOPIC, topic, {"segment.ms": "9"}), validate_only=True))
    for label, name in {"no such topic": "nosuch", "a bad name": "no such!", "no name": ""}.items():
        talk.ask(f"replaced on {label}", api, 2, _replacement((TOPIC, name, {"segment.ms": "7"})))
    talk.ask("replaced on a logger", api, 2, _replacement((LOGGER, "1", {"root": "INFO"})))
    talk.ask("replaced on no kind", api, 2, _replacement((0, "x", {})))
    talk.ask("replaced on an unknown kind", api, 2, _replacement((77, "x", {})))


def brokers(talk: Conversation) -> None:
    """Whatever is set for all brokers is taken back: other stories are told to the same one."""
    api = incremental_alter_configs
    size, threads = "message.max.bytes", "num.io.threads"
    topic = talk.topic("inherits")
    for label, name, changes in [
        ("all brokers", "", [(size, SET, "2000000")]), ("this broker", "1", [(size, SET, "3000000")]),
        ("this broker no more", "1", [(size, DELETE, None)]), ("all brokers no more", "", [(size, DELETE, None)]),
    ]:  # fmt: skip
        talk.ask(f"set on {label}", api, 1, _changes((BROKER, name, changes)))
        _show(talk, f"of the topic after {label}", TOPIC, topic, "max.message.bytes")
        _show(talk, f"of all brokers after {label}", BROKER, "", size)
        _show(talk, f"of the broker after {label}", BROKER, "1", size)
    for label, name, changes in [
        ("another broker", "99", [(size, SET, "1000000")]), ("a broker that is no number", "one", [(size, SET, "1000000")]),
        ("a broker below 0", "-1", [(size, SET, "1000000")]),
        ("read-only on one", "1", [("num.partitions", SET, "3")]), ("read-only on all", "", [("node.id", SET, "3")]),
        ("a listener's on all", "", [("ssl.keystore.location", SET, "/x")]), ("the wrong kind", "", [(size, SET, "much")]),
        ("out of range", "", [(size, SET, "-1")]), ("null", "", [(size, SET, None)]),
        ("two where one is read-only", "", [(size, SET, "1000000"), ("log.dirs", SET, "/x")]),
        ("a topic's name", "", [("max.message.bytes", SET, "1000000")]),
        ("nothing on all", "", []), ("delete what is not set", "", [(threads, DELETE, None)]),
        ("more than double the threads", "", [(threads, SET, "100")]),
        ("an unknown operation", "", [(size, 9, "1")]), ("append to a number", "", [(size, APPEND, "1")]),
    ]:  # fmt: skip
        talk.ask(f"brokers: {label}", api, 1, _changes((BROKER, name, changes)))
    talk.ask("brokers: only validated", api, 1, _changes((BROKER, "", [(size, SET, "1000000")]), validate_only=True))
    for label, name, configs in [
        ("another broker", "99", {size: "1000000"}), ("read-only", "1", {"num.partitions": "3"}), ("wrong", "", {size: "much"}),
    ]:  # fmt: skip
        talk.ask(f"brokers replaced: {label}", alter_configs, 2, _replacement((BROKER, name, configs)))
    talk.quietly(api, 1, _changes((BROKER, "", [(threads, DELETE, None), ("max.message.bytes", DELETE, None)])))
    talk.quietly(api, 1, _changes((BROKER, "", [(threads, DELETE, None)])))  # where the other name was refused, alone
    _show(talk, "of all brokers in the end", BROKER, "")


def others(talk: Conversation) -> None:
    api = incremental_alter_configs
    group = f"{talk.prefix}group"
    session = "consumer.session.timeout.ms"
    for label, kind, name, changes in [
        ("a group", GROUP, group, [(session, SET, "50000")]), ("a group's unknown", GROUP, group, [("nonsense", SET, "1")]),
        ("a group's out of range", GROUP, group, [(session, SET, "1")]), ("no group", GROUP, "", [(session, SET, "50000")]),
        ("a group's session too short for its heartbeat", GROUP, group, [("consumer.heartbeat.interval.ms", SET, "50000")]),
        ("a group's no more", GROUP, group, [(session, DELETE, None)]),
        ("a group's assignment", GROUP, group, [("consumer.assignment.interval.ms", SET, "15000")]),
        ("a group's assignment too far apart", GROUP, group, [("consumer.assignment.interval.ms", SET, "15001")]),
        ("a group's start", GROUP, group, [("share.auto.offset.reset", SET, "by_duration:P1DT2H")]),
        ("a group's start somewhere", GROUP, group, [("share.auto.offset.reset", SET, "by_duration:P")]),
        ("a group's deliveries", GROUP, group, [("share.delivery.count.limit", SET, "11")]),
        ("a group's standbys", GROUP, group, [("streams.num.standby.replicas", SET, "3")]),
        ("an unknown kind", 77, "x", [("a", SET, "1")]), ("no kind", 0, "x", [("a", SET, "1")]),
        ("a logger's level to nonsense", LOGGER, "1", [("root", SET, "LOUD")]),
        ("an unknown logger", LOGGER, "1", [("no.such.logger.ever", SET, "INFO")]),
        ("a logger appended to", LOGGER, "1", [("root", APPEND, "INFO")]),
        ("the root logger no more", LOGGER, "1", [("root", DELETE, None)]),
        ("another broker's logger", LOGGER, "99", [("root", SET, "INFO")]), ("no broker's logger", LOGGER, "", []),
        ("a logger set twice", LOGGER, "1", [("root", SET, "INFO"), ("root", SET, "INFO")]),
    ]:  # fmt: skip
        talk.ask(f"set on {label}", api, 1, _changes((kind, name, changes)))
        if kind == GROUP and name:
            _show(talk, f"after set on {label}", GROUP, name)
    for label, kind, name in [
        ("a group", GROUP, group), ("no group", GROUP, ""), ("a group that never was", GROUP, f"{talk.prefix}never"),
        ("loggers of another broker", LOGGER, "99"), ("loggers of none", LOGGER, ""), ("metrics", METRICS, "x"),
    ]:  # fmt: skip
        resource = describe_configs.DescribeConfigsResource(kind, name, None)
        answer = talk.quietly(describe_configs, 4, describe_configs.DescribeConfigsRequest([resource], True, True))
        for result in answer.results:
            result.configs.sort(key=lambda config: config.name)
        talk.keep(f"described: {label}", answer)


def listed(talk: Conversation) -> None:
    """Which things have configurations; of topics and groups this story's own."""
    api = list_config_resources
    _settle(talk)
    for version, kinds in (
        (0, []), (1, []), (1, [TOPIC]), (1, [BROKER]), (1, [LOGGER]), (1, [METRICS]), (1, [GROUP]), (1, [GROUP, TOPIC]),
        (1, [TOPIC, TOPIC]), (1, [0]), (1, [77]), (1, [TOPIC, 77]),
    ):  # fmt: skip
        answer = talk.quietly(api, version, api.ListConfigResourcesRequest(kinds))
        own = (
            each for each in answer.config_resources if each.resource_name.startswith(talk.prefix) or each.resource_name == "1"
        )
        answer.config_resources = sorted(own, key=lambda each: (each.resource_type, each.resource_name))
        talk.keep(f"listed: {kinds or 'all'}, v{version}", answer)
