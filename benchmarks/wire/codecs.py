"""What a message costs to read and to write, in microseconds, beside kio where it is installed.

    python -m benchmarks.wire.codecs

CPU time, seven rounds each. Figures to hold: a ProduceResponse v9 written in under 1 us, a
Metadata answer of 1200 partitions written in about 1 ms, a tenth of what interpreters of schemas take.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

from benchmarks.record import at_start, note_result
from benchmarks.timing import microseconds, show
from odradek.wire.frames import NEED_DATA, FrameSplitter
from odradek.wire.headers import decode_request_header, encode_request_header
from odradek.wire.messages import fetch, metadata, produce


def encoded(encode: Callable[[Any, bytearray], None], message: object) -> bytes:
    """The message's bytes."""
    out = bytearray()
    encode(message, out)
    return bytes(out)


def produce_request(size: int) -> produce.ProduceRequest:
    """One partition with one batch of `size` bytes."""
    partition = produce.PartitionProduceData(index=0, records=bytes(size))
    topic = produce.TopicProduceData(name="orders", partition_data=[partition])
    return produce.ProduceRequest(acks=-1, timeout_ms=30000, topic_data=[topic])


def produce_response() -> produce.ProduceResponse:
    """The usual answer to that."""
    partition = produce.PartitionProduceResponse(base_offset=123456, log_start_offset=0)
    return produce.ProduceResponse(responses=[produce.TopicProduceResponse(name="orders", partition_responses=[partition])])


def metadata_response() -> metadata.MetadataResponse:
    """100 topics of 12 partitions on three brokers."""
    partitions = [
        metadata.MetadataResponsePartition(
            partition_index=i, leader_id=i % 3, replica_nodes=[0, 1, 2], isr_nodes=[0, 1, 2], offline_replicas=[]
        )
        for i in range(12)
    ]
    topics = [metadata.MetadataResponseTopic(name=f"topic-{i}", partitions=partitions) for i in range(100)]
    brokers = [metadata.MetadataResponseBroker(node_id=i, host="127.0.0.1", port=9092 + i) for i in range(3)]
    return metadata.MetadataResponse(brokers=brokers, cluster_id="c" * 22, controller_id=1, topics=topics)


def fetch_response() -> fetch.FetchResponse:
    """Ten partitions of 64 KiB each."""
    partitions = [
        fetch.PartitionData(partition_index=i, high_watermark=10, records=memoryview(bytes(65536))) for i in range(10)
    ]
    return fetch.FetchResponse(responses=[fetch.FetchableTopicResponse(topic="orders", partitions=partitions)])


def split(stream: bytes, frames: int) -> None:
    """Put a read into a splitter and take its frames."""
    splitter = FrameSplitter()
    splitter.get_buffer()[: len(stream)] = stream
    splitter.buffer_updated(len(stream))
    seen = 0
    while splitter.next_frame() is not NEED_DATA:
        seen += 1
    if seen != frames:
        raise ValueError(f"{seen} frames instead of {frames}")


def ours() -> dict[str, Callable[[], object]]:
    """What is measured of our own."""
    answer, wide, reading = produce_response(), metadata_response(), fetch_response()
    small = encoded(produce.ENCODE_REQUEST[9], produce_request(200))
    view = memoryview(small)
    wide_bytes = encoded(metadata.ENCODE_RESPONSE[12], wide)
    header = bytearray()
    encode_request_header(header, 0, 9, 7, "producer-1")
    stream = (len(small).to_bytes(4, "big") + small) * 100
    return {
        "request header, read": lambda: decode_request_header(header),
        "ProduceRequest v9 200 B, read from bytes": lambda: produce.decode_request_v9(small, 0),
        "ProduceRequest v9 200 B, read from a view": lambda: produce.decode_request_v9(view, 0),
        "ProduceResponse v9, written": lambda: produce.encode_response_v9(answer, bytearray()),
        "Metadata v12 1200 partitions, written": lambda: metadata.ENCODE_RESPONSE[12](wide, bytearray()),
        "Metadata v12 1200 partitions, read": lambda: metadata.DECODE_RESPONSE[12](wide_bytes, 0),
        "FetchResponse v12 10 x 64 KiB, written": lambda: fetch.ENCODE_RESPONSE[12](reading, bytearray()),
        "FetchResponse v12 10 x 64 KiB, gathered": lambda: fetch.GATHER_RESPONSE[12](reading, bytearray(), []),
        "100 frames out of one read": lambda: split(stream, 100),
    }


def kio() -> dict[str, Callable[[], object]]:
    """The same messages by kio, or nothing where it is not installed."""
    try:
        from kio.schema.metadata.v12.response import MetadataResponse
        from kio.schema.produce.v9.response import ProduceResponse
        from kio.serial import entity_reader, entity_writer
    except ImportError:
        return {}
    answer = encoded(produce.ENCODE_RESPONSE[9], produce_response())
    wide = encoded(metadata.ENCODE_RESPONSE[12], metadata_response())
    answer_entity = entity_reader(ProduceResponse)(answer, 0)[0]
    wide_entity = entity_reader(MetadataResponse)(wide, 0)[0]
    write_answer, write_wide = entity_writer(ProduceResponse), entity_writer(MetadataResponse)
    return {
        "ProduceResponse v9, written by kio": lambda: write_answer(io.BytesIO(), answer_entity),
        "Metadata v12 1200 partitions, written by kio": lambda: write_wide(io.BytesIO(), wide_entity),
        "Metadata v12 1200 partitions, read by kio": lambda: entity_reader(MetadataResponse)(wide, 0),
    }


def main() -> None:
    at_start()
    figures = {
        title: {name: microseconds(call) for name, call in calls.items()}
        for title, calls in (("odradek.wire", ours()), ("kio", kio()))
        if calls
    }
    show(figures)
    note_result("wire_codecs", {"unit": "us of CPU per call", "figures": figures})


if __name__ == "__main__":
    main()
