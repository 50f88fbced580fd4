"""Questions and orders about topics, as plain functions: names in, dictionaries (the shapes of `--json`) out.

Every call answers per topic, since a cluster may accept one and refuse the next; only what concerns the whole call (nobody
answers) raises.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from odradek.cli.errors import CliError, NotFound

if TYPE_CHECKING:
    from concurrent.futures import Future

    from confluent_kafka import TopicPartition
    from confluent_kafka.admin import AdminClient

    from odradek.cli.client import Target

Outcome = tuple[str, CliError | None]


def create_topics(
    target: Target,
    names: Sequence[str],
    partitions: int,
    replication_factor: int,
    configs: dict[str, str],
    validate_only: bool,
) -> list[Outcome]:
    """One outcome a name; -1 partitions or replicas means the broker's default."""
    admin = target.admin()
    from confluent_kafka.admin import NewTopic  # type: ignore[attr-defined]

    wanted = [NewTopic(name, partitions, replication_factor, config=configs) for name in dict.fromkeys(names)]
    futures = target.ask(
        lambda: admin.create_topics(
            wanted, validate_only=validate_only, request_timeout=target.timeout, operation_timeout=target.timeout
        ),
        "create topics",
    )
    return _outcomes(target, futures)


def delete_topics(target: Target, names: Sequence[str]) -> list[Outcome]:
    admin = target.admin()
    futures = target.ask(
        lambda: admin.delete_topics(
            list(dict.fromkeys(names)), request_timeout=target.timeout, operation_timeout=target.timeout
        ),
        "delete topics",
    )
    return _outcomes(target, futures)


def _outcomes(target: Target, futures: dict[str, Future[Any]]) -> list[Outcome]:
    outcomes: list[Outcome] = []
    for name, future in futures.items():
        try:
            target.wait(future, f"topic {name!r}")
            outcomes.append((name, None))
        except CliError as failure:
            outcomes.append((name, failure))
    return outcomes


def list_all(target: Target) -> list[dict[str, Any]]:
    """Every topic: name, partitions, replication (the first partition's replica count)."""
    cluster = target.cluster(target.admin())
    return [
        {
            "name": name,
            "partitions": len(topic.partitions),
            "replication": max((len(partition.replicas) for partition in topic.partitions.values()), default=0),
        }
        for name, topic in sorted(cluster.topics.items())
    ]


def describe_topics(target: Target, names: Sequence[str], *, all_configs: bool) -> tuple[list[dict[str, Any]], list[CliError]]:
    """Per topic: name, topic_id, internal, partitions with offsets, configs that differ from the default (or all).

    Second, why the others can't be described.
    """
    admin = target.admin()
    from confluent_kafka import TopicCollection

    unique = list(dict.fromkeys(names))
    futures = target.ask(
        lambda: admin.describe_topics(TopicCollection(unique), request_timeout=target.timeout), "describe topics"
    )
    found: dict[str, Any] = {}
    failures: list[CliError] = []
    for name in unique:
        try:
            found[name] = target.wait(futures[name], f"topic {name!r}")
        except CliError as failure:
            failures.append(failure)
    spans = offset_spans(target, admin, [(name, info.id) for name in found for info in found[name].partitions if info.leader])
    configs = _configs(target, admin, list(found), all_configs) if found else {}
    described = [
        {
            "name": name,
            "topic_id": _kafka_id(str(found[name].topic_id)),
            "internal": found[name].is_internal,
            "partitions": [_partition(info, spans.get((name, info.id))) for info in found[name].partitions],
            "configs": configs[name],
        }
        for name in found
    ]
    return described, failures


def _kafka_id(text: str) -> str:
    """librdkafka writes an id in plain base64; Kafka and the names of its files use the URL alphabet."""
    return text.replace("+", "-").replace("/", "_").rstrip("=")


def _partition(info: Any, span: tuple[int, int] | None) -> dict[str, Any]:
    earliest, latest = span or (None, None)
    return {
        "partition": info.id,
        "leader": info.leader.id if info.leader else None,
        "replicas": [node.id for node in info.replicas],
        "isr": [node.id for node in info.isr],
        "earliest": earliest,
        "latest": latest,
    }


def offset_spans(
    target: Target, admin: AdminClient, partitions: Sequence[tuple[str, int]]
) -> dict[tuple[str, int], tuple[int, int]]:
    """First and next offset of each partition; one that gives an error is left out."""
    from confluent_kafka.admin import OffsetSpec  # type: ignore[attr-defined]

    earliest = list_offsets(target, admin, partitions, OffsetSpec.earliest())  # type: ignore[no-untyped-call]
    latest = list_offsets(target, admin, partitions, OffsetSpec.latest())  # type: ignore[no-untyped-call]
    return {key: (earliest[key], latest[key]) for key in partitions if key in earliest and key in latest}


def list_offsets(
    target: Target, admin: AdminClient, partitions: Iterable[tuple[str, int]], spec: Any
) -> dict[tuple[str, int], int]:
    """The offset that `spec` (an `OffsetSpec`) names in each partition; -1 when no record fits a timestamp."""
    from confluent_kafka import TopicPartition

    wanted: dict[TopicPartition, Any] = {TopicPartition(topic, partition): spec for topic, partition in partitions}
    if not wanted:
        return {}
    futures = target.ask(lambda: admin.list_offsets(wanted, request_timeout=target.timeout), "list offsets")
    found: dict[tuple[str, int], int] = {}
    for key, future in futures.items():
        try:
            found[key.topic, key.partition] = target.wait(future, f"{key.topic}-{key.partition}").offset
        except CliError as failure:
            if failure.exit_code != NotFound.exit_code and not _leaderless(failure):
                raise
    return found


def _leaderless(failure: CliError) -> bool:
    return "LEADER" in str(failure)


def _configs(
    target: Target, admin: AdminClient, names: Sequence[str], everything: bool
) -> dict[str, dict[str, dict[str, Any]]]:
    from confluent_kafka.admin import ConfigResource, ConfigSource  # type: ignore[attr-defined]

    futures = target.ask(
        lambda: admin.describe_configs(
            [ConfigResource(ConfigResource.Type.TOPIC, name) for name in names], request_timeout=target.timeout
        ),
        "describe configs",
    )
    found: dict[str, dict[str, dict[str, Any]]] = {}
    for resource, future in futures.items():
        entries = target.wait(future, f"settings of topic {resource.name!r}")
        shown = [entry for entry in entries.values() if everything or not entry.is_default]
        found[resource.name] = {
            entry.name: {
                "value": entry.value,
                "source": ConfigSource(entry.source).name.removesuffix("_CONFIG").lower().replace("_", "-"),
            }
            for entry in sorted(shown, key=lambda entry: entry.name)
        }
    return found


def alter_configs(target: Target, name: str, values: dict[str, str], removed: Sequence[str]) -> None:
    """Set `values` and put `removed` back to their defaults, leaving every other setting (KIP-339)."""
    admin = target.admin()
    from confluent_kafka.admin import AlterConfigOpType, ConfigEntry, ConfigResource  # type: ignore[attr-defined]

    entries = [ConfigEntry(setting, value, incremental_operation=AlterConfigOpType.SET) for setting, value in values.items()]
    entries += [ConfigEntry(setting, None, incremental_operation=AlterConfigOpType.DELETE) for setting in removed]
    resource = ConfigResource(ConfigResource.Type.TOPIC, name, incremental_configs=entries)
    futures = target.ask(lambda: admin.incremental_alter_configs([resource], request_timeout=target.timeout), f"topic {name!r}")
    for future in futures.values():
        target.wait(future, f"topic {name!r}")


def grow(target: Target, name: str, partitions: int) -> None:
    admin = target.admin()
    from confluent_kafka.admin import NewPartitions  # type: ignore[attr-defined]

    futures = target.ask(
        lambda: admin.create_partitions([NewPartitions(name, partitions)], request_timeout=target.timeout),
        f"topic {name!r}",
    )
    for future in futures.values():
        target.wait(future, f"topic {name!r}")
