"""Reading a broker's configuration: a TOML file, a Kafka `.properties` file, and `name=value` from the command line.

Which of the two a file is, its ending says (`.properties` is Kafka's). A name that nobody knows is an error in our
own TOML and on the command line, where it is a typing error; in a `.properties` file it is a warning, since people
bring Kafka's files, with names for plug-ins and for versions past.

TOML: names are Kafka's, with dots, so `log.retention.ms = 1000` and a table `[log.retention]` with `ms = 1000` are
the same. Numbers, booleans and lists may be written as such. Where one name goes on from another (`max.connections`
and `max.connections.per.ip`) TOML wants the first in quotes.

Properties: Java's rules. Comments begin with # or !; `=`, `:` or white space ends a name; a backslash at a line's end
continues it, and before a letter escapes it (\\t, \\n, \\uXXXX). Read as UTF-8, as Java does since 9 where it can.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from odradek.base.config import ConfigError, UnknownConfigError, render
from odradek.base.errors import OdradekError
from odradek.metadata.broker_config import BrokerConfig, key_of


class ConfigFileError(OdradekError):
    """A configuration file or option that can't be used; says which, where and why."""


class LoadedConfig(NamedTuple):
    """The configuration, and what its reader should be warned of."""

    config: BrokerConfig
    warnings: list[str]


def load_broker_config(
    path: str | None = None, overrides: Mapping[str, str] | Iterable[str] = (), *, source: str = "--set"
) -> LoadedConfig:
    """The file at `path` (None: no file) with `overrides` over it: a mapping, or texts `name=value`, given by way of `source`.

    Raises `ConfigFileError` for a file or option that can't be read, an unknown name, or a value that is refused.
    """
    texts, warnings = _read_file(path) if path is not None else ({}, [])
    given = dict(overrides) if isinstance(overrides, Mapping) else dict(map(parse_option, overrides))
    for name in given:
        _require_known(name, source)
    texts.update(given)
    try:
        return LoadedConfig(BrokerConfig(texts), warnings)
    except ConfigError as error:
        where = f"{path}: " if path is not None and error.name not in given else ""
        raise ConfigFileError(f"{where}{error}") from error


def parse_option(text: str) -> tuple[str, str]:
    """Name and value of a `name=value`."""
    name, equals, value = text.partition("=")
    if not equals or not name.strip():
        raise ConfigFileError(f"{text!r} is no setting; expected NAME=VALUE, for example num.partitions=4 (--set)")
    return name.strip(), value.strip()


def parse_properties(text: str) -> dict[str, str]:
    """Java's `Properties.load`. A name given twice has its last value."""
    found: dict[str, str] = {}
    for line in _logical_lines(text):
        match = _NAME.match(line)
        name = match.group(0) if match else ""
        rest = line[len(name) :].lstrip(_SPACE)
        if rest[:1] in ("=", ":"):
            rest = rest[1:].lstrip(_SPACE)
        found[_unescape(name)] = _unescape(rest)
    return found


def parse_toml(text: str) -> dict[str, str]:
    """Names with dots and values as text; raises `ValueError` (tomllib's words say the line)."""
    import tomllib

    return dict(_flatten("", tomllib.loads(text)))


def _read_file(path: str) -> tuple[dict[str, str], list[str]]:
    try:
        with open(path, encoding="utf-8-sig") as file:  # some editors begin a file with a mark
            text = file.read()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigFileError(f"cannot read the configuration file {path}: {error}") from error
    if path.endswith(".properties"):
        return _without_unknown(path, parse_properties(text))
    try:
        found = parse_toml(text)
    except ValueError as error:
        hint = ' (a name that another goes on from needs quotes: "max.connections" = 100)'
        raise ConfigFileError(f"{path} is no TOML: {error}{hint if 'overwrite' in str(error) else ''}") from error
    for name in found:
        _require_known(name, path)
    return found, []


def _without_unknown(path: str, found: dict[str, str]) -> tuple[dict[str, str], list[str]]:
    warnings = []
    for name in list(found):
        try:
            key_of(name)
        except UnknownConfigError as error:
            warnings.append(f"{path}: {error}; ignored")
            del found[name]
    return found, warnings


def _require_known(name: str, where: str) -> None:
    try:
        key_of(name)
    except UnknownConfigError as error:
        raise ConfigFileError(f"{where}: {error}") from error


def _flatten(prefix: str, table: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    for name, value in table.items():
        full = prefix + name
        if isinstance(value, dict):
            yield from _flatten(full + ".", value)
        elif isinstance(value, list):
            yield full, ",".join(str(render(item)) for item in value)
        elif isinstance(value, bool | int | float | str):
            yield full, str(render(value))
        else:
            raise ValueError(f"{full} has a value of a kind that no setting has: {value!r}")


_SPACE = " \t\f"
_NAME = re.compile(r"(?:\\.|[^\\=: \t\f])*")
_ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{4}|.)", re.DOTALL)
_ESCAPED = {"t": "\t", "n": "\n", "r": "\r", "f": "\f"}


def _unescape(text: str) -> str:
    return _ESCAPE.sub(lambda m: chr(int(m[1][1:], 16)) if len(m[1]) == 5 else _ESCAPED.get(m[1], m[1]), text)


def _logical_lines(text: str) -> Iterator[str]:
    pending = ""
    for raw in re.split(r"\r\n|\r|\n", text):
        line = raw.lstrip(_SPACE)
        if not pending and (not line or line[0] in "#!"):
            continue
        backslashes = len(line) - len(line.rstrip("\\"))
        if backslashes % 2:
            pending += line[:-1]
            continue
        yield pending + line
        pending = ""
    if pending:
        yield pending
