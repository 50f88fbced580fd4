"""Definitions of configuration: a table of keys says what a name means, once, for parsing, checking and describing.

The problem: Kafka has some 370 configuration names whose types, ranges and defaults its users know by heart, and
tools read them back through DescribeConfigs as text. So a value has two forms: *text* (what a file, a command line or
AlterConfigs gives and DescribeConfigs shows) and *parsed* (what the code works with). A `ConfigKey` turns one into
the other and refuses what is out of range; a `ConfigDef` is a set of keys that also knows which names were probably
meant by an unknown one.

Rules
- A default is stored parsed and is checked once, when its key is made: a table with a wrong default doesn't import.
- Numbers are as wide as Kafka's (short, int, long), because the text must be accepted by Kafka's own tools too.
- A key may be known and yet have no effect here (`effective=False`): people bring Kafka's files, and a name that Kafka knows
  is never an error. Its documentation says so.
- Errors carry name, value and the rule that was broken, in the words that Kafka's users search for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from enum import IntEnum

from odradek.base.errors import OdradekError

ConfigValue = bool | int | float | str | tuple[str, ...] | None
Validator = Callable[[str, ConfigValue], None]


class ConfigType(IntEnum):
    """Types of values, numbered as in DescribeConfigs (KIP-569)."""

    BOOLEAN = 1
    STRING = 2
    INT = 3
    SHORT = 4
    LONG = 5
    DOUBLE = 6
    LIST = 7
    CLASS = 8
    PASSWORD = 9


class Update(IntEnum):
    """When a new value of a broker's key takes effect (KIP-226)."""

    READ_ONLY = 0
    PER_BROKER = 1
    CLUSTER_WIDE = 2


class ConfigError(OdradekError):
    """A value that its key refuses."""

    def __init__(self, name: str, value: object, reason: str) -> None:
        super().__init__(f"Invalid value {_shown(value)} for configuration {name}: {reason}")
        self.name = name
        self.value = value
        self.reason = reason


class UnknownConfigError(OdradekError):
    """A name that no key has; `suggestions` are the nearest known ones."""

    def __init__(self, kind: str, name: str, suggestions: list[str]) -> None:
        hint = f". Did you mean {' or '.join(suggestions)}?" if suggestions else ""
        super().__init__(f"Unknown {kind} config name: {name}{hint}")
        self.name = name
        self.suggestions = suggestions


_INTEGER_BOUNDS = {
    ConfigType.SHORT: (-(2**15), 2**15 - 1),
    ConfigType.INT: (-(2**31), 2**31 - 1),
    ConfigType.LONG: (-(2**63), 2**63 - 1),
}
INT_MAX = 2**31 - 1
LONG_MAX = 2**63 - 1
DOUBLE_MAX = 1.7976931348623157e308


class Range:
    """Numbers from `low` to `high`, both included; None is no bound."""

    __slots__ = ("high", "low")

    def __init__(self, low: float | None = None, high: float | None = None) -> None:
        self.low = low
        self.high = high

    def __call__(self, name: str, value: ConfigValue) -> None:
        if value is None:
            return
        number = value if isinstance(value, int | float) else 0
        if self.low is not None and number < self.low:
            raise ConfigError(name, value, f"Value must be at least {_shown(self.low)}")
        if self.high is not None and number > self.high:
            raise ConfigError(name, value, f"Value must be no more than {_shown(self.high)}")


class OneOf:
    """One of a few words; for a list, each of its items."""

    __slots__ = ("words",)

    def __init__(self, *words: str) -> None:
        self.words = words

    def __call__(self, name: str, value: ConfigValue) -> None:
        items = value if isinstance(value, tuple) else (value,)
        for item in items:
            if item not in self.words:
                raise ConfigError(name, item, f"String must be one of: {', '.join(self.words)}")


class ConfigKey:
    """One name: its type, default, rule, how it may be changed, and what it does.

    `synonyms` are the broker's names that give this key's value when it isn't set itself, most specific first (Kafka's
    `retention.ms` <- `log.retention.ms` <- `log.retention.minutes` <- `log.retention.hours`).
    """

    __slots__ = ("default", "documentation", "effective", "name", "synonyms", "type", "update", "validator")

    def __init__(
        self,
        name: str,
        type: ConfigType,
        default: ConfigValue,
        documentation: str,
        *,
        validator: Validator | None = None,
        update: Update = Update.READ_ONLY,
        synonyms: tuple[str, ...] = (),
        effective: bool = True,
    ) -> None:
        self.name = name
        self.type = type
        self.default = default
        self.documentation = documentation
        self.validator = validator
        self.update = update
        self.synonyms = synonyms
        self.effective = effective
        if default is not None and validator is not None:
            validator(name, default)

    @property
    def sensitive(self) -> bool:
        """Whether the value must never be shown."""
        return self.type is ConfigType.PASSWORD

    def parse(self, text: str) -> ConfigValue:
        """The value that `text` stands for; raises `ConfigError`."""
        value = _PARSERS[self.type](self.name, text.strip(), self.type)
        if isinstance(value, tuple) and isinstance(self.validator, OneOf):
            value = tuple(dict.fromkeys(value))  # a choice of words holds each once (KIP-1161)
        if self.validator is not None:
            self.validator(self.name, value)
        return value

    def render(self, value: ConfigValue) -> str | None:
        """`value` as Kafka writes it; None stays None (Kafka: a null value)."""
        return render(value)

    @property
    def default_text(self) -> str | None:
        return render(self.default)


def render(value: ConfigValue) -> str | None:
    """A parsed value as text: true/false, plain digits, Java's way of writing a double, lists joined by commas."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, tuple):
        return ",".join(value)
    if isinstance(value, float):
        return _render_double(value)
    return str(value)


def _render_double(value: float) -> str:
    text = repr(value)
    if "e" not in text:
        return text
    mantissa, exponent = text.split("e")
    if "." not in mantissa:
        mantissa += ".0"
    return f"{mantissa}E{int(exponent)}"


def _parse_boolean(name: str, text: str, type: ConfigType) -> bool:
    lowered = text.lower()
    if lowered not in ("true", "false"):
        raise ConfigError(name, text, "Expected value to be either true or false")
    return lowered == "true"


def _parse_integer(name: str, text: str, type: ConfigType) -> int:
    low, high = _INTEGER_BOUNDS[type]
    digits = text[1:] if text[:1] in "+-" else text
    if not (digits.isascii() and digits.isdigit()) or not low <= int(text) <= high:
        raise ConfigError(name, text, f"Not a number of type {type.name} ({low} to {high})")
    return int(text)


def _parse_double(name: str, text: str, type: ConfigType) -> float:
    try:
        return float(text)
    except ValueError:
        raise ConfigError(name, text, f"Not a number of type {type.name}") from None


def _parse_list(name: str, text: str, type: ConfigType) -> tuple[str, ...]:
    items = tuple(part.strip() for part in text.split(",")) if text else ()
    if "" in items:
        raise ConfigError(name, text, "the list has an empty item")
    return items


def _parse_string(name: str, text: str, type: ConfigType) -> str:
    return text


_PARSERS: dict[ConfigType, Callable[[str, str, ConfigType], ConfigValue]] = {
    ConfigType.BOOLEAN: _parse_boolean,
    ConfigType.STRING: _parse_string,
    ConfigType.INT: _parse_integer,
    ConfigType.SHORT: _parse_integer,
    ConfigType.LONG: _parse_integer,
    ConfigType.DOUBLE: _parse_double,
    ConfigType.LIST: _parse_list,
    ConfigType.CLASS: _parse_string,
    ConfigType.PASSWORD: _parse_string,
}


class ConfigDef:
    """A set of keys under one kind of resource ("topic", "broker"). Immutable once made; shared freely."""

    __slots__ = ("keys", "kind")

    def __init__(self, kind: str, keys: Iterable[ConfigKey]) -> None:
        self.kind = kind
        self.keys: dict[str, ConfigKey] = {}
        for key in keys:
            if key.name in self.keys:
                raise ConfigError(key.name, key.default, f"defined twice among the {kind} configs")
            self.keys[key.name] = key

    def __contains__(self, name: object) -> bool:
        return name in self.keys

    def __iter__(self) -> Iterator[ConfigKey]:
        return iter(self.keys.values())

    def __len__(self) -> int:
        return len(self.keys)

    def key(self, name: str) -> ConfigKey:
        """The key called `name`; raises `UnknownConfigError` with the nearest names."""
        found = self.keys.get(name)
        if found is None:
            raise UnknownConfigError(self.kind, name, self.suggestions(name))
        return found

    def suggestions(self, name: str, limit: int = 3) -> list[str]:
        """The known names most like `name`, best first."""
        import difflib

        return difflib.get_close_matches(name, self.keys, n=limit, cutoff=0.75)

    def parse(self, texts: Mapping[str, str]) -> dict[str, ConfigValue]:
        """Every given text parsed; raises on the first that is unknown or refused."""
        return {name: self.key(name).parse(text) for name, text in texts.items()}


def _shown(value: object) -> str:
    shown = render(value) if isinstance(value, bool | int | float | str | tuple) else str(value)
    return shown if shown is not None else "null"
