"""`odradek.Broker` as a test or a program uses it."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from confluent_kafka import Consumer, Producer

import odradek
from odradek.base.errors import OdradekError

NO_DELAY = {"group.initial.rebalance.delay.ms": 0}


def put(broker: odradek.Broker, topic: str, value: bytes) -> None:
    failed: list[object] = []
    producer = Producer({"bootstrap.servers": broker.bootstrap_servers})
    producer.produce(topic, value, on_delivery=lambda error, _: failed.append(error) if error else None)
    assert producer.flush(10) == 0
    assert not failed


def get(broker: odradek.Broker, topic: str, count: int, group: str = "g") -> list[bytes]:
    consumer = Consumer({"bootstrap.servers": broker.bootstrap_servers, "group.id": group, "auto.offset.reset": "earliest"})
    consumer.subscribe([topic])
    found: list[bytes] = []
    try:
        for _ in range(200):
            message = consumer.poll(0.1)
            if message is not None and message.error() is None:
                found.append(message.value())
            if len(found) == count:
                break
    finally:
        consumer.close()
    return found


def test_a_broker_in_a_with_block_serves_any_client() -> None:
    with odradek.Broker() as broker:
        put(broker, "greetings", b"hello")
        assert get(broker, "greetings", 1) == [b"hello"]
        directory = Path(broker.data_dir)
    assert not directory.exists(), "a temporary broker leaves nothing behind"


def test_a_broker_on_the_running_loop() -> None:
    async def story() -> list[bytes]:
        async with odradek.Broker() as broker:
            await asyncio.to_thread(put, broker, "t", b"async")
            return await asyncio.to_thread(get, broker, "t", 1)

    assert asyncio.run(story()) == [b"async"]


def test_several_brokers_live_in_one_process_and_know_nothing_of_each_other() -> None:
    with odradek.Broker() as one, odradek.Broker() as other:
        put(one, "t", b"one")
        put(other, "t", b"other")
        assert (get(one, "t", 1), get(other, "t", 1)) == ([b"one"], [b"other"])


def test_the_next_broker_finds_what_the_last_one_left(tmp_path: Path) -> None:
    for number in range(3):
        with odradek.Broker(data_dir=str(tmp_path), config=NO_DELAY) as broker:
            put(broker, "t", b"%d" % number)
            assert get(broker, "t", number + 1, group=f"g{number}") == [b"%d" % i for i in range(number + 1)]


def test_committed_offsets_survive(tmp_path: Path) -> None:
    with odradek.Broker(data_dir=str(tmp_path), config=NO_DELAY) as broker:
        for value in (b"a", b"b"):
            put(broker, "t", value)
        assert get(broker, "t", 2) == [b"a", b"b"]
    with odradek.Broker(data_dir=str(tmp_path), config=NO_DELAY) as broker:
        put(broker, "t", b"c")
        assert get(broker, "t", 1) == [b"c"]


def test_a_directory_in_use_is_refused_with_its_name(tmp_path: Path) -> None:
    with (
        odradek.Broker(data_dir=str(tmp_path)),
        pytest.raises(OdradekError, match=str(tmp_path)),
        odradek.Broker(data_dir=str(tmp_path)),
    ):
        pass
    with odradek.Broker(data_dir=str(tmp_path)) as broker:
        put(broker, "t", b"free again")


def test_a_taken_port_is_refused_with_the_port_and_the_directory_is_free_again(tmp_path: Path) -> None:
    with odradek.Broker() as broker, pytest.raises(OdradekError, match=str(broker.port)):
        odradek.Broker(data_dir=str(tmp_path), listen=f"127.0.0.1:{broker.port}").start()
    with odradek.Broker(data_dir=str(tmp_path)):
        pass


@pytest.mark.parametrize(
    ("config", "named"), [({"num.partitions": 0}, "num.partitions"), ({"num.partitons": 3}, "num.partitions")]
)
def test_a_bad_configuration_names_what_is_wrong(config: dict[str, int], named: str) -> None:
    with pytest.raises(OdradekError, match=named):
        odradek.Broker(config=config).start()


@pytest.mark.parametrize("name", ["log.dirs", "log.dir"])
def test_a_directory_in_the_configuration_is_refused_since_a_temporary_one_would_be_taken(tmp_path: Path, name: str) -> None:
    with pytest.raises(OdradekError, match=rf"{name} = .*: an embedded broker takes data_dir"):
        odradek.Broker(config={name: str(tmp_path)})


def test_an_empty_directory_name_is_no_temporary_directory() -> None:
    with pytest.raises(OdradekError, match="data_dir is empty"):
        odradek.Broker(data_dir="")


def test_a_path_is_a_directory_too(tmp_path: Path) -> None:
    with odradek.Broker(tmp_path) as broker:
        assert broker.data_dir == str(tmp_path)


def test_configuration_values_may_be_python_values() -> None:
    with odradek.Broker(config={"num.partitions": 4, "auto.create.topics.enable": True}) as broker:
        put(broker, "t", b"x")
        metadata = Producer({"bootstrap.servers": broker.bootstrap_servers}).list_topics("t", timeout=10)
        assert len(metadata.topics["t"].partitions) == 4


def test_what_is_asked_of_a_stopped_broker_says_that_it_is_stopped() -> None:
    broker = odradek.Broker()
    with pytest.raises(OdradekError, match="not running"):
        _ = broker.bootstrap_servers


def test_a_second_start_is_refused_and_stop_may_be_repeated() -> None:
    broker = odradek.Broker().start()
    with pytest.raises(OdradekError, match="runs already"):
        broker.start()
    broker.stop()
    broker.stop()


def test_a_listener_that_promises_encryption_is_not_served_without() -> None:
    with pytest.raises(OdradekError, match=r"SSL://127.0.0.1:0 is SSL, and only PLAINTEXT is served"):
        odradek.Broker(listen="SSL://127.0.0.1:0").start()
    mapped = {"listeners": "OUT://127.0.0.1:0", "listener.security.protocol.map": "OUT:SASL_PLAINTEXT"}
    with pytest.raises(OdradekError, match=r"OUT://127.0.0.1:0 is SASL_PLAINTEXT"):
        odradek.Broker(config=mapped).start()


def test_the_listeners_of_kafka_s_own_server_properties() -> None:
    config = {
        "listeners": "PLAINTEXT://127.0.0.1:0,CONTROLLER://127.0.0.1:0",
        "advertised.listeners": "PLAINTEXT://localhost:9092,CONTROLLER://localhost:9093",
        "controller.listener.names": "CONTROLLER",
    }
    with odradek.Broker(config=config) as broker:
        assert broker.bootstrap_servers == "localhost:9092"


def test_acls_that_are_asked_for_and_not_there_are_warned_of(caplog: pytest.LogCaptureFixture) -> None:
    with odradek.Broker(config={"authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer"}):
        assert "no ACLs here" in caplog.text


def test_localhost_listens_on_both_families() -> None:
    with odradek.Broker(listen="localhost:0") as broker:
        assert broker.bootstrap_servers.startswith("localhost:")
        put(broker, "t", b"x")


SERVE = """
import sys
from odradek.broker.main import run
from odradek.metadata.config_file import load_broker_config
config = load_broker_config(None, {"log.dirs": sys.argv[1], "listeners": "PLAINTEXT://127.0.0.1:0"}).config
sys.exit(run(config, on_started=lambda node: print(next(iter(node.state.endpoints.values())).address, flush=True)))
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_the_process_clean_and_with_exit_code_0(tmp_path: Path, number: signal.Signals) -> None:
    process = subprocess.Popen([sys.executable, "-c", textwrap.dedent(SERVE), str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    with process.stdout:
        address = process.stdout.readline().strip()
        producer = Producer({"bootstrap.servers": address})
        producer.produce("t", b"x")
        assert producer.flush(10) == 0
        os.kill(process.pid, number)
        assert process.wait(10) == 0
    assert (tmp_path / ".kafka_cleanshutdown").exists()
