"""The metrics page: what Prometheus' own parser reads from it, and that docs/metrics.md tells the same."""

from __future__ import annotations

import re
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from confluent_kafka import Consumer, Producer
from confluent_kafka.admin import AdminClient
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

import odradek
from odradek.base.metrics import Registry
from odradek.broker.metrics_server import BrokerCollector

PAGE = Path(__file__).parents[2] / "docs" / "metrics.md"


class Described(NamedTuple):
    """One metric as the page or the document has it."""

    kind: str
    labels: frozenset[str]


def parsed(text: str) -> dict[str, tuple[str, list[Sample]]]:
    """Kind and samples by the metric's name; the parser leaves out a counter's `_total`."""
    return {
        family.name + ("_total" if family.type == "counter" else ""): (family.type, family.samples)
        for family in text_string_to_metric_families(text)
    }


def documented() -> dict[str, Described]:
    """The rows of the document's tables: metric, kind, labels, unit, what it is, Kafka's."""
    found: dict[str, Described] = {}
    for line in PAGE.read_text("utf-8").splitlines():
        if not line.startswith("| `odradek_"):
            continue
        name, kind, labels, unit, text, kafka = (cell.strip() for cell in line.strip("|").split("|"))
        assert unit and text and (kafka == "none" or "`" in kafka), line
        assert name not in found, f"{name} is described twice"
        found[name.strip("`")] = Described(kind, frozenset(re.findall(r"`(\w+)`", labels)))
    return found


def read_page(broker: odradek.Broker) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{broker.metrics_port}/metrics", timeout=10) as page:
        text: str = page.read().decode()
        return text


@pytest.fixture(scope="module")
def broker() -> Iterator[odradek.Broker]:
    """A broker that has been produced to, consumed from by a group, and asked for what it does not have."""
    with odradek.Broker(config={"odradek.metrics.port": 0, "group.initial.rebalance.delay.ms": 0}) as broker:
        client = {"bootstrap.servers": broker.bootstrap_servers}
        producer = Producer(client)
        for topic in ("orders", "payments"):
            producer.produce(topic, bytes(1000), partition=0)
        assert producer.flush(10) == 0
        settings = {"group.id": "g", "auto.offset.reset": "earliest", "enable.auto.commit": False, "session.timeout.ms": 6000}
        consumer = Consumer({**client, **settings})
        consumer.subscribe(["orders"])
        assert consumer.poll(20) is not None
        consumer.commit(asynchronous=False)
        consumer.close()
        yield broker


def test_the_document_has_each_metric_with_its_kind_and_no_other(broker: odradek.Broker) -> None:
    served = {name: kind for name, (kind, _) in parsed(read_page(broker)).items()}
    assert served == {name: described.kind for name, described in documented().items()}


def test_the_document_has_each_label(broker: odradek.Broker) -> None:
    told = documented()
    seen = set()
    for name, (_, samples) in parsed(read_page(broker)).items():
        for sample in samples:
            assert frozenset(sample.labels) - {"le"} == told[name].labels, sample
            seen.add(name)
    # All the others count what must not happen here.
    assert told.keys() - seen <= {
        "odradek_accept_pauses_total", "odradek_connections_closed_total", "odradek_partition_offline",
        "odradek_request_errors_total",
    }  # fmt: skip


def test_a_histogram_grows_up_to_its_count(broker: odradek.Broker) -> None:
    _, samples = parsed(read_page(broker))["odradek_request_duration_seconds"]
    fetches = [sample for sample in samples if sample.labels["api"] == "Fetch"]
    buckets = [sample.value for sample in fetches if sample.name.endswith("_bucket")]
    count = next(sample.value for sample in fetches if sample.name.endswith("_count"))
    assert buckets == sorted(buckets) and buckets[-1] == count > 0


def test_latencies_are_not_in_whole_milliseconds(broker: odradek.Broker) -> None:
    """uvloop's time is: every fast answer would count as none at all, and most of the buckets say nothing."""
    _, samples = parsed(read_page(broker))["odradek_request_duration_seconds"]
    total_ms = sum(sample.value for sample in samples if sample.name.endswith("_sum")) * 1000
    assert abs(total_ms - round(total_ms)) > 1e-6


def by_topic(broker: odradek.Broker, name: str) -> dict[str, float]:
    return {sample.labels["topic"]: sample.value for sample in parsed(read_page(broker))[name][1]}


def test_what_goes_in_and_out_is_told_by_topic_and_goes_with_it(broker: odradek.Broker) -> None:
    assert by_topic(broker, "odradek_topics_messages_in_total").items() >= {("orders", 1), ("payments", 1)}
    bytes_in = by_topic(broker, "odradek_topics_bytes_in_total")
    bytes_out = by_topic(broker, "odradek_topics_bytes_out_total")
    assert bytes_in["payments"] > 1000 and bytes_out["payments"] == 0
    assert bytes_in["orders"] > 1000 and bytes_out["orders"] >= bytes_in["orders"]
    assert bytes_in["__consumer_offsets"] > 0, "a coordinator's own appends count, as Kafka's do"
    admin = AdminClient({"bootstrap.servers": broker.bootstrap_servers})
    admin.delete_topics(["payments"])["payments"].result(10)
    assert by_topic(broker, "odradek_topics_bytes_in_total").keys() == bytes_in.keys() - {"payments"}


@pytest.mark.parametrize("reason", ['say "no"', "a\nb", "back\\slash", "ärger, {x=1}"])
def test_any_text_may_be_a_label(reason: str) -> None:
    registry = Registry()
    registry.counter("odradek_odd_total", "What\nis \\ odd", "reason").labels(reason).value += 3
    collected = CollectorRegistry(auto_describe=False)
    collected.register(BrokerCollector(registry))
    _, samples = parsed(generate_latest(collected).decode())["odradek_odd_total"]
    assert [(sample.labels, sample.value) for sample in samples] == [({"reason": reason}, 3)]
