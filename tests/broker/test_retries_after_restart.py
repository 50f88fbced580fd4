"""Five requests of an idempotent producer are in flight, the broker restarts, and all five come again: each once in the log."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import odradek
from odradek.records.record import NewRecord, build_batch
from odradek.wire.errors import ErrorCode
from odradek.wire.messages import create_topics, produce

NOW = 1_700_000_000_000


def request(sequence: int) -> produce.ProduceRequest:
    """Two records of the producer 4711."""
    numbered = {"producer_id": 4711, "producer_epoch": 0, "base_sequence": sequence}
    records = build_batch([NewRecord(b"k", b"%d" % number, NOW) for number in range(2)], **numbered)
    data = produce.TopicProduceData("t", partition_data=[produce.PartitionProduceData(0, records)])
    return produce.ProduceRequest(None, -1, 5000, [data])


def answers(client: Any, sequences: range) -> list[tuple[int, int]]:
    """Error code and first offset of each, all asked before the first is answered."""
    for sequence in sequences:
        client.send(produce, 9, request(sequence))
    found = [client.receive().responses[0].partition_responses[0] for _ in sequences]
    return [(answer.error_code, answer.base_offset) for answer in found]


def test_what_was_in_flight_at_a_restart_is_written_once(tmp_path: Path, connect: Callable[[int], Any]) -> None:
    with odradek.Broker(data_dir=str(tmp_path)) as broker, closing(connect(broker.port)) as client:
        topic = create_topics.CreatableTopic("t", 1, 1)
        assert client.call(create_topics, 7, create_topics.CreateTopicsRequest([topic], 5000)).topics[0].error_code == 0
        assert answers(client, range(0, 16, 2)) == [(0, offset) for offset in range(0, 16, 2)]
    with odradek.Broker(data_dir=str(tmp_path)) as broker, closing(connect(broker.port)) as client:
        assert answers(client, range(6, 20, 2)) == [(0, offset) for offset in range(6, 20, 2)]
        assert answers(client, range(0, 2, 2)) == [(ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER, -1)]
        assert answers(client, range(20, 22, 2)) == [(0, 20)]
