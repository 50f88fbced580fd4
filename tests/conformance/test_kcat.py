"""kcat, the command that everybody debugs Kafka with, built on an older librdkafka than the Python client."""

from __future__ import annotations

import json

import pytest
from programs import run
from reference.jars import require

pytestmark = pytest.mark.conformance
CODECS = ("none", "gzip", "snappy", "lz4", "zstd")


def kcat(bootstrap: str, *args: str, stdin: bytes = b"") -> str:
    """Run kcat against the broker."""
    return run([require("kcat", "kcat"), "-b", bootstrap, "-m", "20", *args], stdin=stdin)


def lines(bootstrap: str, topic: str, *args: str) -> list[str]:
    """What kcat consumes of a partition, up to its end, formatted by `-f`."""
    return kcat(bootstrap, "-C", "-q", "-e", "-t", topic, *args).splitlines()


@pytest.mark.parametrize("codec", CODECS)
def test_lines_go_in_and_come_out(bootstrap: str, unique: str, codec: str) -> None:
    sent = [f"{n}\tline {n} " + "x" * (n % 50) for n in range(500)]
    kcat(bootstrap, "-P", "-t", unique, "-p", "0", "-K", "\t", "-z", codec, stdin="\n".join(sent).encode())
    assert lines(bootstrap, unique, "-p", "0", "-o", "beginning", "-K", "\t") == sent


def test_headers_keys_and_nulls(bootstrap: str, unique: str) -> None:
    kcat(bootstrap, "-P", "-t", unique, "-p", "0", "-K", ":", "-Z", "-H", "a=1", "-H", "b=", stdin=b"k:v\nk:\n:v")
    got = lines(bootstrap, unique, "-p", "0", "-o", "beginning", "-f", "%o %K %S %h\n")
    assert got == ["0 1 1 a=1,b=", "1 1 -1 a=1,b=", "2 -1 1 a=1,b="]


def test_a_stream_from_its_middle_its_tail_and_by_time(bootstrap: str, unique: str) -> None:
    kcat(bootstrap, "-P", "-t", unique, "-p", "1", stdin=b"\n".join(b"%d" % n for n in range(100)))
    assert lines(bootstrap, unique, "-p", "1", "-o", "60") == [str(n) for n in range(60, 100)]
    assert lines(bootstrap, unique, "-p", "1", "-o", "-3") == ["97", "98", "99"]
    assert lines(bootstrap, unique, "-p", "1", "-o", "s@0", "-c", "2") == ["0", "1"]


def test_a_group_consumes_everything(bootstrap: str, unique: str) -> None:
    kcat(bootstrap, "-P", "-t", unique, stdin=b"\n".join(b"%d" % n for n in range(200)))
    out = kcat(bootstrap, "-q", "-c", "200", "-X", "auto.offset.reset=earliest", "-G", f"g-{unique}", unique)
    assert sorted(out.splitlines(), key=int) == [str(n) for n in range(200)]


def test_metadata_as_json(bootstrap: str, unique: str) -> None:
    kcat(bootstrap, "-P", "-t", unique, stdin=b"x")
    told = json.loads(kcat(bootstrap, "-L", "-J", "-t", unique))
    assert [broker["name"] for broker in told["brokers"]] == [bootstrap]
    (topic,) = told["topics"]
    assert sorted(part["partition"] for part in topic["partitions"]) == [0, 1, 2, 3]


def test_offsets_are_queried(bootstrap: str, unique: str) -> None:
    kcat(bootstrap, "-P", "-t", unique, "-p", "0", stdin=b"a\nb\nc")
    assert "offset 3" in kcat(bootstrap, "-Q", "-t", f"{unique}:0:-1")
    assert "offset 0" in kcat(bootstrap, "-Q", "-t", f"{unique}:0:-2")
    assert "offset 0" in kcat(bootstrap, "-Q", "-t", f"{unique}:0:1")


def test_an_idempotent_producer(bootstrap: str, unique: str) -> None:
    kcat(
        bootstrap, "-P", "-t", unique, "-p", "0", "-X", "enable.idempotence=true", "-X", "acks=all",
        stdin=b"\n".join(b"%d" % n for n in range(1000)),
    )  # fmt: skip
    assert len(lines(bootstrap, unique, "-p", "0", "-o", "beginning")) == 1000
