"""A level per room, three formats, and nothing formatted when the level is off."""

from __future__ import annotations

import io
import json
import logging

import pytest

from odradek.base.logging import LogOptionError, configure, get_logger, parse_levels


@pytest.fixture(autouse=True)
def _restore() -> object:
    root = logging.getLogger("odradek")
    handlers, propagate, level = list(root.handlers), root.propagate, root.level
    yield
    root.handlers[:], root.propagate = handlers, propagate
    root.setLevel(level)


def written(style: str, levels: str) -> str:
    stream = io.StringIO()
    configure(parse_levels(levels), style=style, stream=stream)
    get_logger("log").info("segment rolled", topic="my topic", base_offset=7)
    get_logger("aio").info("not wanted")
    return stream.getvalue()


def test_each_room_has_its_own_level() -> None:
    assert "segment rolled" in written("console", "warning,log=info")
    assert "not wanted" not in written("console", "warning,log=info")
    assert "not wanted" in written("console", "info")


def test_json_is_one_object_a_line() -> None:
    line = json.loads(written("json", "log=info,aio=error"))
    assert (line["room"], line["event"], line["base_offset"]) == ("log", "segment rolled", 7)


def test_logfmt_quotes_what_needs_it() -> None:
    assert 'event="segment rolled" topic="my topic" base_offset=7' in written("logfmt", "log=info,aio=error")


@pytest.mark.parametrize(("option", "names"), [("log=loud", "loud"), ("attic=info", "attic"), ("loud", "loud")])
def test_a_bad_option_says_what_is_wrong_and_what_there_is(option: str, names: str) -> None:
    with pytest.raises(LogOptionError, match=f"{names}.*one of"):
        parse_levels(option)
