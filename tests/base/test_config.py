"""A key turns text into a value and back, and refuses what Kafka refuses, in Kafka's words."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from odradek.base.config import (
    INT_MAX,
    LONG_MAX,
    ConfigDef,
    ConfigError,
    ConfigKey,
    ConfigType,
    OneOf,
    Range,
    UnknownConfigError,
    render,
)


def key(type: ConfigType, default: object = None, **rules: object) -> ConfigKey:
    return ConfigKey("a.name", type, default, "", **rules)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("type", "text", "value"),
    [
        (ConfigType.BOOLEAN, " TRUE ", True),
        (ConfigType.BOOLEAN, "false", False),
        (ConfigType.INT, "-7", -7),
        (ConfigType.INT, "+7", 7),
        (ConfigType.INT, str(INT_MAX), INT_MAX),
        (ConfigType.LONG, str(LONG_MAX), LONG_MAX),
        (ConfigType.DOUBLE, "0.5", 0.5),
        (ConfigType.DOUBLE, "1.7976931348623157E308", 1.7976931348623157e308),
        (ConfigType.LIST, "", ()),
        (ConfigType.LIST, "delete , compact", ("delete", "compact")),
        (ConfigType.STRING, " x ", "x"),
    ],
)
def test_text_becomes_a_value(type: ConfigType, text: str, value: object) -> None:
    assert key(type).parse(text) == value


@pytest.mark.parametrize(
    ("type", "text", "reason"),
    [
        (ConfigType.BOOLEAN, "yes", "Expected value to be either true or false"),
        (ConfigType.INT, "x", "Not a number of type INT"),
        (ConfigType.INT, str(INT_MAX + 1), "Not a number of type INT"),
        (ConfigType.INT, "1_000", "Not a number of type INT"),
        (ConfigType.INT, "٣", "Not a number of type INT"),  # a digit, but not an ASCII one
        (ConfigType.INT, "", "Not a number of type INT"),
        (ConfigType.SHORT, "40000", "Not a number of type SHORT"),
        (ConfigType.DOUBLE, "half", "Not a number of type DOUBLE"),
        (ConfigType.LIST, "a,,b", "the list has an empty item"),
    ],
)
def test_text_is_refused(type: ConfigType, text: str, reason: str) -> None:
    with pytest.raises(ConfigError, match=r"for configuration a\.name: ") as refused:
        key(type).parse(text)
    assert reason in str(refused.value)


@pytest.mark.parametrize(
    ("validator", "text", "words"),
    [
        (Range(1), "0", "Invalid value 0 for configuration a.name: Value must be at least 1"),
        (Range(0, 1), "2", "Invalid value 2 for configuration a.name: Value must be no more than 1"),
    ],
)
def test_a_number_out_of_range_is_refused_in_kafkas_words(validator: Range, text: str, words: str) -> None:
    with pytest.raises(ConfigError) as refused:
        key(ConfigType.INT, validator=validator).parse(text)
    assert str(refused.value) == words


def test_each_item_of_a_list_must_be_one_of_the_words() -> None:
    policy = key(ConfigType.LIST, ("delete",), validator=OneOf("compact", "delete"))
    assert policy.parse("compact,delete") == ("compact", "delete")
    with pytest.raises(ConfigError, match=r"Invalid value x for .*: String must be one of: compact, delete"):
        policy.parse("compact,x")


def test_a_choice_of_words_holds_each_once_and_other_lists_what_they_are_given() -> None:
    policy = key(ConfigType.LIST, ("delete",), validator=OneOf("compact", "delete"))
    assert policy.parse("delete,compact, delete") == ("delete", "compact")
    assert key(ConfigType.LIST, ()).parse("a,b,a") == ("a", "b", "a")


def test_a_table_with_a_wrong_default_cannot_be_made() -> None:
    with pytest.raises(ConfigError):
        key(ConfigType.INT, 0, validator=Range(1))


def test_a_name_is_defined_once() -> None:
    with pytest.raises(ConfigError, match="defined twice"):
        ConfigDef("topic", [key(ConfigType.INT), key(ConfigType.INT)])


def test_an_unknown_name_is_told_the_nearest_known_ones() -> None:
    names = ("retention.ms", "retention.bytes", "segment.ms")
    definition = ConfigDef("topic", [ConfigKey(name, ConfigType.LONG, None, "") for name in names])
    with pytest.raises(UnknownConfigError, match=r"Unknown topic config name: retention.msec. Did you mean retention.ms"):
        definition.key("retention.msec")
    with pytest.raises(UnknownConfigError, match=r"^Unknown topic config name: foo$"):
        definition.parse({"foo": "1"})


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (True, "true"),
        (None, None),
        (("a", "b"), "a,b"),
        ((), ""),
        (0.5, "0.5"),
        (1.7976931348623157e308, "1.7976931348623157E308"),
        (1e100, "1.0E100"),
    ],
)
def test_a_value_is_written_as_java_writes_it(value: object, text: str | None) -> None:
    assert render(value) == text  # type: ignore[arg-type]


@given(st.integers(-(2**63), LONG_MAX))
def test_a_long_survives_the_way_through_text(value: int) -> None:
    assert key(ConfigType.LONG).parse(str(render(value))) == value


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_double_survives_the_way_through_text(value: float) -> None:
    assert key(ConfigType.DOUBLE).parse(str(render(value))) == value
