"""`odradek serve`: options into a configuration, logs on, and over to `odradek.broker.main`.

Each option is another name for a setting (`--data-dir` for `log.dirs`), kept because it is what everybody sets. Nearest wins:
option, then `--set`, then the file, then the default. The default listener is localhost, on IPv4 and IPv6: a broker
without authentication is not put on every network by a command without arguments.

Nothing of the broker is imported before the options are known to be right. What it says on standard output when it serves
is for people; logs go to standard error.
"""

from __future__ import annotations

import os
import shutil
import sys
from typing import TYPE_CHECKING

import click

from odradek import __version__
from odradek.base.errors import OdradekError
from odradek.cli.errors import Conflict, UsageProblem

if TYPE_CHECKING:
    from odradek.broker.node import Node
    from odradek.metadata.config_file import LoadedConfig

DEFAULT_LISTEN = "localhost:9092"
_TRY_TOPIC = "test"


@click.command()
@click.option("--config", "file", type=click.Path(dir_okay=False), help="Settings: TOML, or Kafka's .properties.")
@click.option("--data-dir", metavar="DIR", help="Where the data lives (log.dirs). Default: ./odradek-data.")
@click.option(
    "--listen", metavar="HOST:PORT", help=f"Where to listen (listeners). Default: {DEFAULT_LISTEN}. Port 0: a free one."
)
@click.option("--advertise", metavar="HOST:PORT", help="What clients are told to connect to (advertised.listeners).")
@click.option("--metrics-port", type=click.IntRange(0, 65535), help="Prometheus metrics here (odradek.metrics.port).")
@click.option("--set", "settings", multiple=True, metavar="NAME=VALUE", help="A setting, by Kafka's name. Repeatable.")
@click.option("--log", "levels", default="info", show_default=True, metavar="[ROOM=]LEVEL,...",
              help="How much to log, for example aio=debug,log=info.")  # fmt: skip
@click.option("--log-format", type=click.Choice(["console", "json", "logfmt"]), default="console", show_default=True)
@click.pass_context
def serve(
    ctx: click.Context,
    file: str | None,
    data_dir: str | None,
    listen: str | None,
    advertise: str | None,
    metrics_port: int | None,
    settings: tuple[str, ...],
    levels: str,
    log_format: str,
) -> None:
    """Run a broker until SIGTERM or Ctrl-C. What was acknowledged survives kill -9.

    \b
    Example: odradek serve --data-dir /var/lib/odradek --listen 0.0.0.0:9092 --set num.partitions=4
    """
    named = {
        "log.dirs": data_dir,
        "listeners": None if listen is None else listener(listen, "--listen"),
        "advertised.listeners": None if advertise is None else listener(advertise, "--advertise"),
        "odradek.metrics.port": None if metrics_port is None else str(metrics_port),
    }
    _configure_logs(levels, log_format)
    loaded = load(file, settings, {name: value for name, value in named.items() if value is not None})
    ctx.exit(_run(loaded))


def listener(text: str, option: str) -> str:
    """Kafka's form of an address: `NAME://host:port`, the name defaulting to PLAINTEXT. Raises `UsageProblem`."""
    from odradek.broker.listeners import ListenerError, parse_endpoint

    try:
        return ",".join(str(parse_endpoint(part)) for part in text.split(","))
    except ListenerError as error:
        raise UsageProblem(f"{option}: {error}") from error


def load(file: str | None, settings: tuple[str, ...], named: dict[str, str]) -> LoadedConfig:
    """The configuration; the default listener and data directory where nobody said otherwise. Raises `UsageProblem`."""
    from odradek.metadata.config_file import load_broker_config, parse_option

    try:
        given = dict(parse_option(text) for text in settings)
        given.update(named)
        loaded = load_broker_config(file, given)
        if "listeners" not in loaded.config.static:
            given["listeners"] = f"PLAINTEXT://{DEFAULT_LISTEN}"
            loaded = load_broker_config(file, given)
        return loaded
    except OdradekError as error:
        raise UsageProblem(f"serve: {error}") from error


def _configure_logs(levels: str, style: str) -> None:
    from odradek.base.logging import LogOptionError, configure, parse_levels

    try:
        configure(parse_levels(levels), style=style)
    except LogOptionError as error:
        raise UsageProblem(f"--log {error}") from error


def _run(loaded: LoadedConfig) -> int:
    from odradek.aio.errors import LockedError
    from odradek.base.logging import get_logger
    from odradek.broker.main import run

    for warning in loaded.warnings:
        get_logger("cli").warning(warning)
    try:
        return run(loaded.config, on_started=_announce)
    except LockedError as taken:
        raise Conflict(f"serve: {taken}") from taken


def _announce(node: Node) -> None:
    """Tell the person who started it; that nobody reads it (`odradek serve | true`) is no reason not to serve."""
    addresses = [endpoint.address for endpoint in node.state.endpoints.values()]
    try:
        print(banner(node.state.node_id, addresses, node.data_dir, node.metrics_port, _own_name()), flush=True)
    except OSError as failed:
        from odradek.base.logging import get_logger

        get_logger("cli").debug("nobody reads standard output", reason=failed.strerror)
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115 (what is still buffered must not be tried again)


def banner(node_id: int, addresses: list[str], data_dir: str, metrics_port: int | None, program: str) -> str:
    """What a person wants to know of a broker that has just started."""
    first = addresses[0]
    to_it = "" if first in ("127.0.0.1:9092", "localhost:9092") else f" --bootstrap-server {first}"
    lines = [
        f"Odradek {__version__}, node {node_id}",
        f"  clients   {', '.join(addresses)}",
        f"  data      {data_dir}",
        f"  try       echo hello | {program} produce {_TRY_TOPIC}{to_it}",
        f"            {program} consume {_TRY_TOPIC} --from-beginning --max-messages 1{to_it}",
    ]
    if metrics_port is not None:
        lines.insert(3, f"  metrics   http://localhost:{metrics_port}/metrics")
    return "\n".join(lines)


def _own_name() -> str:
    """How this program was called, in a form that can be pasted."""
    called = sys.argv[0]
    if os.path.basename(called) == "__main__.py":
        return f"{sys.executable} -m odradek"
    found = shutil.which("odradek")
    return "odradek" if found is not None and os.path.realpath(found) == os.path.realpath(called) else called
