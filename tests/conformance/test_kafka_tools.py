"""Apache Kafka's command-line tools, as an administrator types them, with `--bootstrap-server` of the broker under test."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from programs import run
from reference.jars import java

pytestmark = pytest.mark.conformance
TOOLS = "org.apache.kafka.tools."


class Tools:
    """Kafka's tools against one broker."""

    def __init__(self, bootstrap: str) -> None:
        self.bootstrap = bootstrap

    def __call__(self, tool: str, *args: str, stdin: bytes = b"") -> str:
        main = tool if tool.startswith("kafka.") else TOOLS + tool
        return run(java(main, "--bootstrap-server", self.bootstrap, *args), stdin=stdin)

    def make_topic(self, name: str, partitions: int = 1) -> str:
        self("TopicCommand", "--create", "--topic", name, "--partitions", str(partitions))
        return name

    def fill(self, topic: str, records: int) -> None:
        size = ["--record-size", "100", "--throughput", "-1"]
        out = self("ProducerPerformance", "--topic", topic, "--num-records", str(records), *size)
        assert f"{records} records sent" in out


@pytest.fixture
def tools(bootstrap: str) -> Tools:
    """The tools, aimed at the broker under test."""
    return Tools(bootstrap)


def events(output: str) -> list[dict[str, object]]:
    """The JSON lines that the verifiable clients print."""
    return [json.loads(line) for line in output.splitlines() if line.startswith("{")]


def test_topics(tools: Tools, unique: str) -> None:
    tools("TopicCommand", "--create", "--topic", unique, "--partitions", "2", "--config", "retention.ms=1000000")
    tools("TopicCommand", "--alter", "--topic", unique, "--partitions", "3")
    told = tools("TopicCommand", "--describe", "--topic", unique)
    assert "PartitionCount: 3" in told and "retention.ms=1000000" in told
    assert unique in tools("TopicCommand", "--list").split()
    tools("TopicCommand", "--delete", "--topic", unique)
    assert unique not in tools("TopicCommand", "--list").split()


def test_settings(tools: Tools, unique: str) -> None:
    tools.make_topic(unique)
    entity = ("--entity-type", "topics", "--entity-name", unique)
    tools("kafka.admin.ConfigCommand", "--alter", *entity, "--add-config", "retention.ms=777,cleanup.policy=[delete,compact]")
    told = tools("kafka.admin.ConfigCommand", "--describe", *entity)
    assert "retention.ms=777" in told and "DYNAMIC_TOPIC_CONFIG:cleanup.policy=delete,compact" in told
    tools("kafka.admin.ConfigCommand", "--alter", *entity, "--delete-config", "retention.ms")
    assert "retention.ms=604800000" in tools("kafka.admin.ConfigCommand", "--describe", "--all", *entity)


def test_verifiable_producer_and_consumer(tools: Tools, unique: str) -> None:
    tools.make_topic(unique, 3)
    produced = events(tools("VerifiableProducer", "--topic", unique, "--max-messages", "500"))
    assert produced[-1]["acked"] == 500
    group = ("--group-id", f"g-{unique}", "--reset-policy", "earliest", "--max-messages", "500")
    consumed = events(tools("VerifiableConsumer", "--topic", unique, *group))
    assert sum(int(str(e["count"])) for e in consumed if e["name"] == "records_consumed") == 500
    commits = [e for e in consumed if e["name"] == "offsets_committed"]
    assert commits and all(e["success"] for e in commits)


def test_performance_tools(tools: Tools, unique: str) -> None:
    tools.make_topic(unique)
    tools.fill(unique, 20_000)
    limits = ("--num-records", "20000", "--timeout", "20000")
    told = tools("ConsumerPerformance", "--topic", unique, *limits)
    assert told.splitlines()[-1].split(", ")[4] == "20000"


def test_console_producer_and_consumer(tools: Tools, unique: str) -> None:
    tools.make_topic(unique)
    parsing = ("--reader-property", "parse.key=true", "--reader-property", "key.separator=:")
    tools("ConsoleProducer", "--topic", unique, *parsing, stdin=b"a:1\nb:2\nc:3\n")
    shape = ("--formatter-property", "print.key=true", "--formatter-property", "print.offset=true")
    got = tools("consumer.ConsoleConsumer", "--topic", unique, "--from-beginning", "--max-messages", "3", *shape)
    assert got.splitlines() == ["Offset:0\ta\t1", "Offset:1\tb\t2", "Offset:2\tc\t3"]


def test_consumer_groups(tools: Tools, unique: str) -> None:
    tools.make_topic(unique)
    tools.fill(unique, 100)
    group, command = f"g-{unique}", "consumer.group.ConsumerGroupCommand"
    tools("VerifiableConsumer", "--topic", unique, "--group-id", group, "--reset-policy", "earliest", "--max-messages", "100")
    assert group in tools(command, "--list").split()
    columns = tools(command, "--describe", "--group", group).split("\n")[-2].split()
    assert columns[:6] == [group, unique, "0", "100", "100", "0"]
    assert "Empty" in tools(command, "--describe", "--state", "--group", group)
    moved = tools(command, "--reset-offsets", "--group", group, "--topic", unique, "--to-offset", "40", "--execute")
    assert moved.split("\n")[-2].split()[-1] == "40"
    tools(command, "--delete-offsets", "--group", group, "--topic", unique)
    tools(command, "--reset-offsets", "--group", group, "--topic", unique, "--to-latest", "--execute")
    assert "successful" in tools(command, "--delete", "--group", group)
    assert group not in tools(command, "--list").split()


def test_offsets_and_deleted_records(tools: Tools, unique: str, tmp_path: Path) -> None:
    tools.make_topic(unique, 2)
    tools("VerifiableProducer", "--topic", unique, "--max-messages", "100")
    latest = dict(line.rsplit(":", 1) for line in tools("GetOffsetShell", "--topic", unique, "--time", "-1").split())
    assert sum(map(int, latest.values())) == 100
    (full, end), *_ = sorted(latest.items(), key=lambda item: -int(item[1]))
    partition = int(full.rpartition(":")[2])
    wish = tmp_path / "delete.json"
    wish.write_text(json.dumps({"partitions": [{"topic": unique, "partition": partition, "offset": 5}], "version": 1}))
    assert "low_watermark: 5" in tools("DeleteRecordsCommand", "--offset-json-file", str(wish))
    assert f"{full}:5" in tools("GetOffsetShell", "--topic", unique, "--time", "-2").split()
    assert f"{full}:{end}" in tools("GetOffsetShell", "--topic", unique).split()


def test_log_directories(tools: Tools, unique: str) -> None:
    tools.make_topic(unique)
    tools.fill(unique, 1000)
    told = json.loads(tools("LogDirsCommand", "--describe", "--topic-list", unique).splitlines()[-1])
    ((part,),) = [directory["partitions"] for directory in told["brokers"][0]["logDirs"]]
    assert part["partition"] == f"{unique}-0" and part["size"] > 100_000 and part["offsetLag"] == 0


def test_api_versions_and_groups(tools: Tools) -> None:
    told = tools("BrokerApiVersionsCommand")
    assert "Produce(0): 0 to " in told and "JoinGroup(11): 0 to " in told
    assert "GROUP" in tools("GroupsCommand", "--list") or "No groups" in tools("GroupsCommand", "--list")


def test_end_to_end_latency(tools: Tools, unique: str) -> None:
    tools.make_topic(unique)
    shape = ("--num-records", "100", "--producer-acks", "all", "--record-size", "50")
    assert "Avg latency" in tools("EndToEndLatency", "--topic", unique, *shape)
