"""What a broker finds in its directory, and what it makes of it."""

from __future__ import annotations

import asyncio
import socket
import urllib.request
from contextlib import closing
from pathlib import Path

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient

import odradek
from odradek.broker.node import Node
from odradek.coordinator.config import ClientInfo
from odradek.log import meta_properties
from odradek.metadata.config_file import load_broker_config
from odradek.metadata.image import Change, TopicImage
from odradek.metadata.topics import NewTopic
from odradek.wire.messages.offset_commit import OffsetCommitRequest, OffsetCommitRequestPartition, OffsetCommitRequestTopic
from odradek.wire.messages.offset_fetch import OffsetFetchRequest, OffsetFetchRequestGroup, OffsetFetchRequestTopics


def put(broker: odradek.Broker, topic: str, value: bytes = b"x", *, idempotent: bool = False) -> None:
    producer = Producer({"bootstrap.servers": broker.bootstrap_servers, "enable.idempotence": idempotent})
    producer.produce(topic, value)
    assert producer.flush(10) == 0


def topics(broker: odradek.Broker) -> set[str]:
    return set(AdminClient({"bootstrap.servers": broker.bootstrap_servers}).list_topics(timeout=10).topics)


def test_without_its_metadata_a_directory_is_adopted_with_topics_and_ids(tmp_path: Path) -> None:
    with odradek.Broker(data_dir=str(tmp_path)) as broker:
        put(broker, "kept")
    stored = (tmp_path / "kept-0" / "partition.metadata").read_text()
    for file in tmp_path.glob("metadata.db*"):
        file.unlink()
    with odradek.Broker(data_dir=str(tmp_path)) as broker:
        assert "kept" in topics(broker)
        put(broker, "kept")
    assert (tmp_path / "kept-0" / "partition.metadata").read_text() == stored


def test_without_its_metadata_no_producer_id_is_given_a_second_time(tmp_path: Path) -> None:
    """The second producer's first record has the first one's sequence; under its id too, it would be taken for a retry."""
    for value in (b"one", b"two"):
        for file in tmp_path.glob("metadata.db*"):
            file.unlink()
        with odradek.Broker(data_dir=str(tmp_path)) as broker:
            put(broker, "t", value, idempotent=True)
    stored = (tmp_path / "t-0" / "00000000000000000000.log").read_bytes()
    assert b"one" in stored and b"two" in stored


def test_a_log_that_has_seen_a_later_leader_epoch_elsewhere_is_led_under_one_above_it(tmp_path: Path) -> None:
    with odradek.Broker(data_dir=str(tmp_path)) as broker:
        put(broker, "t")
    (tmp_path / "t-0" / "leader-epoch-checkpoint").write_text("0\n2\n0 0\n6 1\n")
    with odradek.Broker(data_dir=str(tmp_path)) as broker:
        put(broker, "t")
    with odradek.Broker(data_dir=str(tmp_path)) as broker:
        put(broker, "t")
    epochs = (tmp_path / "t-0" / "leader-epoch-checkpoint").read_text().split("\n")[2:-1]
    assert epochs == ["0 0", "7 1"]


def test_data_of_an_older_topic_of_the_same_name_is_set_aside_and_kept(tmp_path: Path) -> None:
    with odradek.Broker(data_dir=str(tmp_path)) as broker:
        put(broker, "t", b"old")
    metadata = tmp_path / "t-0" / "partition.metadata"
    metadata.write_text("version: 0\ntopic_id: AAAAAAAAAAAAAAAAAAAABQ\n")
    with odradek.Broker(data_dir=str(tmp_path)) as broker:
        put(broker, "t", b"new")
    (stray,) = tmp_path.glob("t-0.*-stray")
    assert b"old" in (stray / "00000000000000000000.log").read_bytes()
    assert b"new" in (tmp_path / "t-0" / "00000000000000000000.log").read_bytes()


def test_an_unclean_end_bumps_the_leader_epoch(tmp_path: Path) -> None:
    with odradek.Broker(data_dir=str(tmp_path)) as broker:
        put(broker, "t")
    (tmp_path / ".kafka_cleanshutdown").unlink()
    with odradek.Broker(data_dir=str(tmp_path)) as broker:
        put(broker, "t")
    epochs = (tmp_path / "t-0" / "leader-epoch-checkpoint").read_text().split("\n")[2:-1]
    assert epochs == ["0 0", "1 1"]


def test_a_start_that_fails_does_not_make_an_unclean_end_look_clean(tmp_path: Path) -> None:
    with odradek.Broker(data_dir=str(tmp_path)) as broker:
        put(broker, "t")
        taken = broker.port
        (other := tmp_path / "other").mkdir()
        with odradek.Broker(data_dir=str(other)) as second:
            put(second, "t")
        (other / ".kafka_cleanshutdown").unlink()
        with pytest.raises(odradek.OdradekError, match=str(taken)):
            odradek.Broker(data_dir=str(other), listen=f"127.0.0.1:{taken}").start()
    with odradek.Broker(data_dir=str(other)) as second:
        put(second, "t")
    epochs = [line.split()[0] for line in (other / "t-0" / "leader-epoch-checkpoint").read_text().split("\n")[2:-1]]
    assert epochs[-1] != "0", "the epoch was bumped, by the failed start or by this one"


def test_a_metrics_port_that_is_taken_gives_the_listener_back(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as metrics, socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
        probe.close()
        config = {"odradek.metrics.port": metrics.getsockname()[1]}
        with pytest.raises(odradek.OdradekError, match="cannot serve metrics"):
            odradek.Broker(data_dir=str(tmp_path), listen=f"127.0.0.1:{port}", config=config).start()
    with odradek.Broker(data_dir=str(tmp_path), listen=f"127.0.0.1:{port}") as broker:
        assert broker.port == port


def test_a_clean_end_does_not(tmp_path: Path) -> None:
    for _ in range(2):
        with odradek.Broker(data_dir=str(tmp_path)) as broker:
            put(broker, "t")
    epochs = (tmp_path / "t-0" / "leader-epoch-checkpoint").read_text().split("\n")[2:-1]
    assert epochs == ["0 0"]


def test_a_deletion_that_a_crash_cut_short_is_ended_with_what_groups_committed(tmp_path: Path) -> None:
    """Otherwise a topic of the same name would be read from where a group was in the old one."""
    config = load_broker_config(None, {"listeners": "PLAINTEXT://127.0.0.1:0", "log.dirs": str(tmp_path)}).config
    client = ClientInfo("tester", "/127.0.0.1", 8)

    async def story() -> None:
        node = await Node.start(config)
        await node.state.internal_topics.ensure_offsets_topic()
        made = await node.state.controller.create_topics([NewTopic("doomed", 2), NewTopic("stays")])
        where = [
            OffsetCommitRequestTopic(name, partitions=[OffsetCommitRequestPartition(0, 5)]) for name in ("doomed", "stays")
        ]
        await node.state.groups.offset_commit(OffsetCommitRequest("g", topics=where), client)

        async def dies(change: Change) -> None:
            raise OSError("killed between the decision and the deed")

        node.state.controller.listeners[:] = [dies]
        await node.state.controller.delete_topics([topic.topic_id for topic in made if isinstance(topic, TopicImage)][:1])
        await node.stop()
        node = await Node.start(config)
        assert list(node.state.image.topics) == ["__consumer_offsets", "stays"] and not list(tmp_path.glob("doomed-?"))
        wanted = [OffsetFetchRequestTopics(name, partition_indexes=[0]) for name in ("doomed", "stays")]
        fetch = OffsetFetchRequest(groups=[OffsetFetchRequestGroup("g", topics=wanted)])
        [answer] = (await node.state.groups.offset_fetch(fetch, client)).groups
        assert [topic.partitions[0].committed_offset for topic in answer.topics] == [-1, 5]
        await node.stop()

    asyncio.run(story())


def test_the_directory_says_whose_it_is(tmp_path: Path) -> None:
    with odradek.Broker(data_dir=str(tmp_path)):
        pass
    written = meta_properties.decode((tmp_path / "meta.properties").read_bytes())
    assert written.cluster_id is not None and written.node_id == 1
    with pytest.raises(odradek.OdradekError, match=r"node\.id=1"):
        odradek.Broker(data_dir=str(tmp_path), config={"node.id": 7}).start()


def test_a_dynamic_broker_configuration_reaches_every_topic_that_inherits_it(tmp_path: Path) -> None:
    from confluent_kafka.admin import AlterConfigOpType, ConfigEntry, ConfigResource, ResourceType

    with odradek.Broker(data_dir=str(tmp_path)) as broker:
        put(broker, "t")
        admin = AdminClient({"bootstrap.servers": broker.bootstrap_servers})
        entry = ConfigEntry("message.max.bytes", "2000", incremental_operation=AlterConfigOpType.SET)
        resource = ConfigResource(ResourceType.BROKER, "1", incremental_configs=[entry])
        for future in admin.incremental_alter_configs([resource]).values():
            future.result(10)
        failed: list[object] = []
        producer = Producer({"bootstrap.servers": broker.bootstrap_servers})
        producer.produce("t", bytes(3000), on_delivery=lambda error, _: failed.append(error))
        producer.flush(10)
        assert failed[0] is not None and "too large" in str(failed[0]).lower()


def test_metrics_tell_requests_errors_sizes_and_states(tmp_path: Path) -> None:
    with odradek.Broker(config={"odradek.metrics.port": 0}) as broker:
        put(broker, "t", bytes(1000))
        with closing(urllib.request.urlopen(f"http://127.0.0.1:{broker.metrics_port}/metrics", timeout=10)) as page:
            text = page.read().decode()
    lines = dict(line.rsplit(" ", 1) for line in text.splitlines() if line and not line.startswith("#"))
    assert float(lines['odradek_requests_total{api="Produce"}']) >= 1
    assert float(lines['odradek_log_end_offset{partition="0",topic="t"}']) == 1
    assert float(lines['odradek_log_size_bytes{partition="0",topic="t"}']) > 1000
    assert float(lines['odradek_request_duration_seconds_count{api="Produce"}']) >= 1
    assert float(lines['odradek_topics_bytes_in_total{topic="t"}']) > 1000
