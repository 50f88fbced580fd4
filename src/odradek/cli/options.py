"""Options that several commands share, and the parsing of their values.

`--bootstrap-server` is Kafka's word. Whatever the client library can be told (TLS, SASL, buffers) comes by `-X name=value` or
`--client-config FILE`, under librdkafka's names: a command line that invented its own would only have to be learned.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from odradek.cli.client import Target
from odradek.cli.errors import UsageProblem

F = TypeVar("F", bound=Callable[..., Any])

DEFAULT_BOOTSTRAP = "127.0.0.1:9092"


def broker_options(function: F) -> F:
    """`--bootstrap-server`, `--request-timeout`, `-X` and `--client-config`, handed to the command as one `target: Target`."""

    def wrapped(
        bootstrap_server: str,
        request_timeout: float,
        client_property: tuple[str, ...],
        client_config: Path | None,
        **rest: Any,
    ) -> Any:
        check_text(rest)
        properties = read_properties(client_config) if client_config else {}
        properties.update(parse_pairs(client_property, "-X"))
        return function(target=Target(bootstrap_server, request_timeout, properties), **rest)

    wrapped.__name__ = function.__name__
    wrapped.__doc__ = function.__doc__
    wrapped.__click_params__ = getattr(function, "__click_params__", [])  # type: ignore[attr-defined]
    for option in reversed(_BROKER_OPTIONS):
        wrapped = option(wrapped)
    return wrapped  # type: ignore[return-value]


_BROKER_OPTIONS: list[Callable[[Any], Any]] = [
    click.option(
        "--bootstrap-server",
        "-b",
        envvar="ODRADEK_BOOTSTRAP_SERVER",
        default=DEFAULT_BOOTSTRAP,
        show_default=True,
        metavar="HOST:PORT[,...]",
        help="The broker to talk to (or ODRADEK_BOOTSTRAP_SERVER).",
    ),
    click.option(
        "--request-timeout",
        type=click.FloatRange(min=0, min_open=True),
        default=10.0,
        show_default=True,
        metavar="SECONDS",
        help="How long to wait for an answer.",
    ),
    click.option(
        "-X",
        "client_property",
        multiple=True,
        metavar="NAME=VALUE",
        help="A setting of the client library, by librdkafka's name. Repeatable.",
    ),
    click.option(
        "--client-config",
        type=click.Path(exists=True, dir_okay=False, path_type=Path),
        help="A file of such settings, one name=value a line.",
    ),
]


def check_text(given: dict[str, Any]) -> None:
    """Words for a broker are UTF-8: the client library crashes on others. Raises `UsageProblem`."""
    for name, value in given.items():
        for word in value if isinstance(value, tuple) else (value,):
            if isinstance(word, str) and any("\ud800" <= letter <= "\udfff" for letter in word):
                raise UsageProblem(f"{name}: {word!r} is not UTF-8")


def json_option(function: F) -> F:
    return click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")(function)


def parse_pair(text: str, option: str) -> tuple[str, str]:
    """`"b=x=y"` -> `("b", "x=y")`; raises `UsageProblem` for one without a name or an equals sign."""
    name, equals, value = text.partition("=")
    if not equals or not name.strip():
        raise UsageProblem(f"{option} {text!r}: expected NAME=VALUE")
    return name.strip(), value.strip()


def parse_pairs(texts: tuple[str, ...], option: str) -> dict[str, str]:
    """Each of `texts` by `parse_pair`; of two with one name the last wins."""
    return dict(parse_pair(text, option) for text in texts)


def read_properties(path: Path) -> dict[str, str]:
    """A file of `name=value` lines; blank lines and those that begin with # are skipped."""
    try:
        lines = [line.strip() for line in path.read_text("utf-8").splitlines()]
    except UnicodeDecodeError as error:
        raise UsageProblem(f"--client-config {path}: {error}") from error
    return parse_pairs(tuple(line for line in lines if line and line[0] not in "#!"), str(path))
