"""Kill the broker with SIGKILL, again and again, under load, also while it recovers; see `crash_load` for what must hold.

One directory and one set of clients live through all rounds. Each round: start, wait until the clients are whole again, compare
the topic and the group's offsets with the books, load, and kill at a random moment of the load. One start in four is killed
before it is ready, in the middle of recovery. At the end the broker stops in order, starts once more, and all is read anew.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from crash_load import PARTITIONS, BookkeepingProducer, BrokerProcess, CommittingConsumer, Reader

from odradek.base.prng import Prng, seeded, system_prng

ROUNDS = 50
LOAD_SECONDS_MAX = 1.0


def seed_of_this_run() -> int:
    seed = int(os.environ.get("ODRADEK_CRASH_SEED", system_prng().randrange(1 << 32)))
    print(f"ODRADEK_CRASH_SEED={seed}")
    return seed


def compare(reader: Reader, producers: list[BookkeepingProducer], consumer: CommittingConsumer) -> None:
    acked_before = dict(consumer.acked)
    for producer in producers:
        producer.settle()
    reader.read_on()
    for producer in producers:
        for partition in range(PARTITIONS):
            producer.check(partition, reader.numbers(producer.name, partition))
    for partition, committed in reader.committed().items():
        assert committed >= acked_before.get(partition, -1001), f"partition {partition}: an acknowledged commit is gone"
        assert committed <= consumer.tried.get(partition, -1001), f"partition {partition}: nobody committed {committed}"


def load(broker: BrokerProcess, producers: list[BookkeepingProducer], prng: Prng) -> None:
    """Produce until a random moment, kill there, and go on for a bit, into the void."""
    killed_at = time.monotonic() + prng.uniform(0.02, LOAD_SECONDS_MAX)
    while time.monotonic() < killed_at:
        for producer in producers:
            producer.produce(prng.randrange(20))
        time.sleep(prng.choice((0, 0.001, 0.01)))
    broker.kill()
    for producer in producers:
        producer.produce(5)


def start(broker: BrokerProcess, prng: Prng) -> None:
    broker.start()
    if prng.randrange(4) == 0:
        time.sleep(prng.uniform(0.1, 0.6))
        broker.kill()
        broker.start()
    broker.wait_ready()


@pytest.mark.conformance
def test_acknowledged_records_and_commits_survive_sigkill(tmp_path: Path):
    prng = seeded(seed_of_this_run())
    broker = BrokerProcess(tmp_path)
    broker.start()
    try:
        broker.wait_ready()
        broker.make_topic()
        producers = [
            BookkeepingProducer("idempotent", broker.address, prng, idempotent=True),
            BookkeepingProducer("plain", broker.address, prng, idempotent=False),
        ]
        reader, consumer = Reader(broker.address), CommittingConsumer(broker.address)
        try:
            for number in range(ROUNDS):
                load(broker, producers, prng)
                start(broker, prng)
                compare(reader, producers, consumer)
                print(f"round {number}: {[p.acked_count for p in producers]} acknowledged, {consumer.commits} commits")
        except BaseException:
            consumer.abandon()
            raise
        consumer.end()
        assert all(producer.acked_count > ROUNDS for producer in producers)
        assert consumer.commits > ROUNDS
        assert broker.end() == 0
        broker.start()
        broker.wait_ready()
        again = Reader(broker.address)
        compare(again, producers, consumer)
        assert again.keys == reader.keys
        reader.close()
        again.close()
        assert broker.end() == 0
    except BaseException:
        print(broker.tail())
        raise
    finally:
        broker.make_sure_it_is_gone()
