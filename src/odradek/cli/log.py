"""`odradek log dump|verify|repair PATH`: a look into the files of a stopped broker, Odradek's or Apache Kafka's.

PATH is a file, a partition's directory or a whole data directory. The looking and judging is `odradek.log.inspect`'s; here its
findings become lines, JSON and exit codes: `verify` exits with 6 when something is damaged. `repair` says what it would do and
does it only with `--execute`, since every repair gives something up.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping

import click

from odradek.cli.errors import Damaged
from odradek.cli.options import json_option
from odradek.cli.output import note
from odradek.cli.record_format import json_bytes

# Said in one write: a dump is millions of lines.
_LINES_PER_WRITE = 1000

path_argument = click.argument("path", type=click.Path(exists=True))


@click.group()
def log() -> None:
    """Look into log files, and check and repair them. The broker must be stopped."""


@log.command()
@path_argument
@click.option("--records", is_flag=True, help="Also each record in the batches.")
@json_option
def dump(path: str, records: bool, as_json: bool) -> None:
    """Print what is in a file: batches, index entries, producers, checkpoints. A directory: all of its files.

    \b
    Example: odradek log dump odradek-data/orders-0/00000000000000000000.log --records
    """
    from odradek.log.inspect import dump as dump_path

    shown = (entry_line(entry.kind, entry.path, entry.fields, as_json) for entry in dump_path(path, records=records))
    _write(shown)


@log.command()
@path_argument
@json_option
def verify(path: str, as_json: bool) -> None:
    """Check files against themselves and each other: checksums, offsets, indexes. Changes nothing.

    \b
    Example: odradek log verify odradek-data
    """
    from odradek.log.inspect import verify as verify_path

    damaged = 0
    for finding in verify_path(path):
        damaged += finding.severity == "damage"
        fields = {"severity": finding.severity, "path": finding.path, "position": finding.position, "reason": finding.reason}
        print(_json(fields) if as_json else finding_line(**fields))
    if damaged:
        raise Damaged(f"{path}: {damaged} damaged (odradek log repair {path} shows what can be done)")
    if not as_json:
        note(f"{path}: no damage")


@log.command()
@path_argument
@click.option("--execute", is_flag=True, help="Do it. Without this, only show what would be done.")
@json_option
def repair(path: str, execute: bool, as_json: bool) -> None:
    """Cut torn tails, set damaged bytes aside, rebuild indexes. Shows the steps; --execute takes them.

    \b
    Example: odradek log repair odradek-data/orders-0 --execute
    """
    from odradek.log.inspect import repair as repair_path

    steps = 0
    for step in repair_path(path, dry_run=not execute):
        steps += 1
        fields = {"path": step.path, "action": step.action, "reason": step.reason, "executed": execute}
        print(_json(fields) if as_json else f"{step.path}: {step.action} ({step.reason})")
    if as_json:
        return
    if not steps:
        note(f"{path}: nothing to repair")
    elif not execute:
        note("Nothing was changed; --execute does it.")


def entry_line(kind: str, path: str, fields: Mapping[str, object], as_json: bool) -> str:
    """One entry of a dump: `batch base_offset=0 ...`, or an object with `kind` and `path` before its fields."""
    if as_json:
        return _json({"kind": kind, "path": path, **fields})
    return f"{kind} " + " ".join(f"{name}={_text(value)}" for name, value in fields.items())


def finding_line(severity: str, path: str, position: int | None, reason: str) -> str:
    """One finding: `damage  orders-0/000.log:4096: CRC ...`."""
    where = path if position is None else f"{path}:{position}"
    return f"{severity:8}{where}: {reason}"


def _json(fields: Mapping[str, object]) -> str:
    return json.dumps(fields, ensure_ascii=False, separators=(",", ":"), default=_plain)


def _plain(value: object) -> object:
    """What JSON has no form for: bytes as `consume --json` shows them, anything else as text."""
    return json_bytes(bytes(value)) if isinstance(value, bytes | bytearray | memoryview) else str(value)


def _text(value: object) -> str:
    """A value in a line: bytes as text where they are, quoted when a reader could not tell where it ends."""
    if value is None:
        return "-"
    if isinstance(value, bytes | bytearray | memoryview):
        value = bytes(value).decode("utf-8", "backslashreplace")
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=_plain)
    return json.dumps(text, ensure_ascii=False) if isinstance(value, str) and _needs_quotes(text) else text


def _needs_quotes(text: str) -> bool:
    return not text or any(character in ' "=\\' or not character.isprintable() for character in text)


def _write(lines: Iterable[str]) -> None:
    waiting: list[str] = []
    for line in lines:
        waiting.append(line)
        if len(waiting) == _LINES_PER_WRITE:
            sys.stdout.write("\n".join(waiting) + "\n")
            waiting.clear()
    if waiting:
        sys.stdout.write("\n".join(waiting) + "\n")
