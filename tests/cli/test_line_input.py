"""Lines into records: the two input forms of `odradek produce`."""

from __future__ import annotations

import pytest

from odradek.cli.line_input import BadLine, Outgoing, json_reader, line_reader


def test_a_plain_line_is_the_value() -> None:
    read = line_reader(None, None, [])
    assert read(b"a:b") == Outgoing(None, b"a:b", [])
    assert read(b"") == Outgoing(None, b"", [])


def test_the_first_separator_parts_key_and_value() -> None:
    read = line_reader(b"::", None, [])
    assert read(b"k::v::w") == Outgoing(b"k", b"v::w", [])
    assert read(b"::") == Outgoing(b"", b"", [])
    with pytest.raises(BadLine, match="no key separator '::'"):
        read(b"k:v")


def test_a_word_may_stand_for_null() -> None:
    read = line_reader(b":", b"NULL", [("h", b"1")])
    assert read(b"k:NULL") == Outgoing(b"k", None, [("h", b"1")])
    assert read(b"NULL:v") == Outgoing(None, b"v", [("h", b"1")])


def test_bytes_that_are_no_text_pass_through() -> None:
    assert line_reader(b"\t", None, [])(b"\xff\t\x00\xfe") == Outgoing(b"\xff", b"\x00\xfe", [])


def test_json_with_everything() -> None:
    line = b'{"key":"k","value":{"base64":"/w=="},"headers":[["a","1"],["b",null]],"partition":2,"timestamp":5,"offset":9}'
    assert json_reader([("z", b"9")])(line) == Outgoing(b"k", b"\xff", [("a", b"1"), ("b", None), ("z", b"9")], 2, 5)


def test_json_values_that_are_not_text_are_sent_as_json() -> None:
    assert json_reader([])(b'{"value":{"a": [1, "\\u00e9"]}}').value == '{"a":[1,"é"]}'.encode()
    assert json_reader([])(b'{"value":17}').value == b"17"
    assert json_reader([])(b"{}") == Outgoing(None, None, [])


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"[]",
        b"17",
        b"{",
        b"\xff",
        b'{"value":{"base64":"?"}}',
        b'{"value":{"base64":5}}',
        b'{"partition":-1}',
        b'{"partition":true}',
        b'{"headers":[["a"]]}',
        b'{"headers":[[1,"a"]]}',
        b'{"timestamp":9223372036854775808}',
        b'{"partition":2147483648}',
        b'{"key":"\\ud800"}',
        b'{"value":{"a":"\\ud800"}}',
        b'{"headers":[["\\ud800",null]]}',
        pytest.param(b'{"value":' + b"[" * 100_000 + b"]" * 100_000 + b"}", id="nested too deeply"),
    ],
)
def test_json_that_is_no_record(line: bytes) -> None:
    with pytest.raises(BadLine):
        json_reader([])(line)
