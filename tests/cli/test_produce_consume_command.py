"""`odradek produce` and `odradek consume` against a broker: what went in comes out."""

from __future__ import annotations

import json
import os
import socket
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import KafkaError

import odradek
from odradek.cli.produce import Run


def read(cli: Any, topic: str, *words: str) -> bytes:
    result = cli("consume", topic, "--from-beginning", "--until-end", *words)
    assert result.code == 0, result.err
    return bytes(result.out)


def test_lines(cli: Any, topic: str) -> None:
    sent = cli("produce", topic, "--partition", "0", stdin=b"one\ntwo\r\n\nlast without newline")
    assert (sent.code, sent.out, sent.err) == (0, b"", "")
    assert read(cli, topic) == b"one\ntwo\n\nlast without newline\n"


@pytest.mark.parametrize("codec", ["none", "gzip", "snappy", "lz4", "zstd"])
def test_every_codec(cli: Any, topic: str, codec: str) -> None:
    lines = b"".join(b"line %d\n" % number for number in range(500))
    assert cli("produce", topic, "-p", "1", "-z", codec, stdin=lines).code == 0
    assert read(cli, topic) == lines


@pytest.mark.parametrize("acks", ["0", "1", "all"])
def test_every_acks(cli: Any, topic: str, acks: str) -> None:
    result = cli("produce", topic, "--acks", acks, "--json", stdin=b"a\nb\n")
    assert json.loads(result.out) == {"topic": topic, "sent": 2, "delivered": 2, "failed": 0, "errors": {}}
    assert sorted(cli("consume", topic, "--from-beginning", "-n", "2").out.split()) == [b"a", b"b"]


def test_keys_nulls_and_headers(cli: Any, topic: str) -> None:
    words = ["--key-separator", "\\t", "--null", "NULL", "--header", "a=1", "--header", "a=2", "-p", "0"]
    assert cli("produce", topic, *words, stdin=b"k\tv\ngone\tNULL\nNULL\t\n").code == 0
    shown = read(cli, topic, "--format", r"%p:%o %k=%v (%K,%V) %h\n", "--null", "-").decode()
    assert shown == "0:0 k=v (1,1) a=1,a=2\n0:1 gone=- (4,-1) a=1,a=2\n0:2 -= (-1,0) a=1,a=2\n"


def test_one_topic_as_json_into_another(cli: Any, topic: str) -> None:
    cli("topic", "create", f"{topic}-copy", "--partitions", "2")
    cli("produce", topic, "-k", ":", "-H", "h=x", stdin=b"a:1\nb:2\n\xff:\xfe\nd:4\n")
    exported = read(cli, topic, "--json")
    assert cli("produce", f"{topic}-copy", "--input", "json", stdin=exported).code == 0
    copied = read(cli, f"{topic}-copy", "--json")
    key = lambda line: (line["partition"], line["offset"])  # noqa: E731
    first = sorted(map(json.loads, exported.splitlines()), key=key)
    second = sorted(map(json.loads, copied.splitlines()), key=key)
    assert [{**line, "topic": topic} for line in second] == first
    assert {"base64": "/w=="} in [line["key"] for line in first]


def test_a_file(cli: Any, topic: str, tmp_path: Path) -> None:
    path = tmp_path / "lines"
    path.write_bytes(b"".join(b"%d\n" % number for number in range(5000)))
    assert cli("produce", topic, "--file", str(path)).code == 0
    assert sorted(read(cli, topic).split(), key=int) == path.read_bytes().split()


def test_a_bad_line_is_named_and_what_came_before_is_sent(cli: Any, topic: str) -> None:
    result = cli("produce", topic, "-k", ":", stdin=b"a:1\nb:2\nno separator\n")
    assert result.code == 1
    assert cli("produce", topic, "-k", ":", stdin=b"a:1\nbad\n").err.endswith("the 1 record before it was sent\n")
    assert cli("produce", topic, "-k", ":", stdin=b"bad\n").err.endswith("; no record was sent\n")
    assert "line 3: no key separator ':' (--key-separator); the 2 records before it were sent" in result.err
    assert len(read(cli, topic).split()) == 3


def test_a_bad_line_does_not_hide_the_counts(cli: Any, topic: str) -> None:
    result = cli("produce", topic, "-k", ":", "--json", stdin=b"a:1\nbad\n")
    assert (result.code, json.loads(result.out)["delivered"]) == (1, 1)
    failed = cli("produce", topic, "-k", ":", "-p", "9", "--json", stdin=b"a:1\nbad\n")
    assert (failed.code, json.loads(failed.out)["failed"]) == (1, 1)
    assert "1 of 1 record not delivered" in failed.err
    assert failed.err.endswith("of the 1 record before it 0 were delivered\n")


def test_blanks_of_a_header_value_are_data(cli: Any, topic: str) -> None:
    cli("produce", topic, "-p", "0", "-H", "a= b ", stdin=b"x\n")
    assert read(cli, topic, "--format", "<%h>") == b"<a= b >"


def test_a_word_that_is_not_utf8_never_reaches_the_client_library(cli: Any, topic: str) -> None:
    bad = os.fsdecode(b"\xff")
    for words in (["topic", "create", bad], ["group", "describe", bad], ["consume", topic, "-g", bad], ["produce", bad],
                  ["produce", topic, "-H", f"a={bad}"], ["consume", topic, "--format", bad]):  # fmt: skip
        result = cli(*words)
        assert (result.code, result.err.endswith("is not UTF-8\n")) == (2, True), words


def test_a_topic_that_is_not_there_and_is_not_made_is_not_found(cli: Any) -> None:
    with odradek.Broker(config={"auto.create.topics.enable": False}) as strict:
        result = cli("produce", "nowhere", "-b", strict.bootstrap_servers, "--request-timeout", "1", stdin=b"x\n")
    assert result.code == 4
    assert "UNKNOWN_TOPIC" in result.err


def test_a_client_config_that_is_no_text_is_a_usage_problem(cli: Any, tmp_path: Path) -> None:
    (tmp_path / "client").write_bytes(b"\xff=1")
    result = cli("topic", "list", "--client-config", str(tmp_path / "client"))
    assert (result.code, result.err.count("\n")) == (2, 1)


def test_a_cluster_that_does_not_answer_is_unreachable(cli: Any, topic: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        address = f"127.0.0.1:{mute.getsockname()[1]}"
        result = cli("produce", topic, "-b", address, "--request-timeout", "0.5", stdin=b"x\n")
    assert result.code == 3
    assert f"no answer from {address} within 0.5 s (--request-timeout)" in result.err


def test_what_cannot_be_delivered_is_counted(cli: Any, topic: str) -> None:
    result = cli("produce", topic, "--partition", "9", "--json", stdin=b"a\nb\n")
    told = json.loads(result.out)
    assert (told["sent"], told["delivered"], told["failed"]) == (2, 0, 2)
    assert "2 of 2 records not delivered" in result.err
    assert result.code == cli("consume", topic, "--partition", "9").code == 4


def test_failures_of_several_kinds_are_failure() -> None:
    run = Run("t", None)
    run.report(KafkaError(KafkaError._UNKNOWN_PARTITION), None)  # type: ignore[arg-type]
    assert run.exit_code == 4
    run.report(KafkaError(KafkaError.MSG_SIZE_TOO_LARGE), None)  # type: ignore[arg-type]
    assert run.exit_code == 1


def test_a_record_that_the_topic_refuses(cli: Any, topic: str) -> None:
    cli("topic", "alter", topic, "--config", "max.message.bytes=1000")
    result = cli("produce", topic, stdin=b"x" * 5000)
    assert result.code == 1 and "MSG_SIZE_TOO_LARGE" in result.err
    assert read(cli, topic) == b""


def test_where_to_begin(cli: Any, topic: str) -> None:
    lines = "".join(
        json.dumps({"value": str(i), "timestamp": 1_700_000_000_000 + 1000 * i, "partition": 0}) + "\n" for i in range(9)
    )
    cli("produce", topic, "--input", "json", stdin=lines.encode())

    def begin(where: str) -> list[bytes]:
        result = cli("consume", topic, "--offset", where, "--until-end")
        assert result.code == 0, result.err
        return bytes(result.out).split()

    assert begin("7") == [b"7", b"8"]
    assert begin("-3") == [b"6", b"7", b"8"]
    assert len(begin("earliest")) == 9
    assert begin("latest") == []
    assert begin("@1700000006500") == [b"7", b"8"]
    assert begin("@2023-11-14T22:13:27") == [b"7", b"8"]
    assert begin("999") == []


def test_limits(cli: Any, topic: str) -> None:
    cli("produce", topic, "-p", "1", stdin=b"a\nb\nc\n")
    assert cli("consume", topic, "--from-beginning", "--max-messages", "2").out == b"a\nb\n"
    assert cli("consume", topic, "--from-beginning", "--partition", "0", "--timeout", "0.2").out == b""
    short = cli("consume", topic, "--from-beginning", "--max-messages", "5", "--timeout", "0.3")
    assert (short.code, short.out) == (1, b"a\nb\nc\n")
    assert "only 3 of 5 records came" in short.err


def test_a_group_goes_on_where_it_stopped(cli: Any, topic: str) -> None:
    cli("produce", topic, "-p", "0", stdin=b"a\nb\nc\nd\n")
    assert cli("consume", topic, "--group", topic, "--from-beginning", "-n", "3").out == b"a\nb\nc\n"
    assert cli("consume", topic, "--group", topic, "-n", "1").out == b"d\n"
    assert cli("consume", topic, "--group", topic, "--from-beginning", "--timeout", "0.5", "--partition", "0").code == 2


def test_what_is_not_there(cli: Any, topic: str) -> None:
    absent = cli("consume", f"{topic}-not", "--from-beginning")
    assert absent.code == 4 and absent.err.count("\n") == 1
    partition = cli("consume", topic, "--partition", "7")
    assert partition.code == 4 and "has no partition 7: it has 2" in partition.err
