"""`odradek log dump|verify|repair PATH`: a look into the files of a stopped broker, Odradek's or Apache Kafka's.

PATH is a file, a partition's directory or a whole data directory. The looking and judging is `odradek.log.inspect`'s; here its
findings become lines, JSON and exit codes: `verify` exits with 6 when something is damaged. `repair` says what it would do and
does it only with `--execute`, since every repair gives something up.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator

import click

from odradek.base.errors import OdradekError
from odradek.cli.errors import Damaged, NotFound
from odradek.cli.log_view import entries, entry_line, finding_line, json_text
from odradek.cli.options import json_option
from odradek.cli.output import note

# Said in one write: a dump may be millions of lines.
_LINES_PER_WRITE = 1000


@click.group()
def log() -> None:
    """Look into log files, and check and repair them."""


@log.command()
@click.argument("path")
@click.option("--records", is_flag=True, help="Also each record in the batches.")
@json_option
def dump(path: str, records: bool, as_json: bool) -> None:
    """Print what is in a file: batches, index entries, producers, checkpoints. A directory: all of its files.

    \b
    Example: odradek log dump odradek-data/orders-0/00000000000000000000.log --records
    """
    _write(_dumped(path, records, as_json))


def _dumped(path: str, records: bool, as_json: bool) -> Iterator[str]:
    for file in files_of(path):
        if file != path and not as_json:
            yield f"# {file}"
        try:
            yield from _dumped_file(file, records, as_json)
        except OdradekError as unreadable:
            if file == path:
                raise
            # One bad file of many: its place in the dump says so, and the others are shown.
            yield entry_line("unreadable", file, {"reason": str(unreadable)}, as_json=as_json)


def _dumped_file(file: str, records: bool, as_json: bool) -> Iterator[str]:
    from odradek.log.inspect import dump as dump_file

    for found in dump_file(file, records=records):
        for kind, fields in entries(found):
            yield entry_line(kind, file, fields, as_json=as_json)


def files_of(path: str) -> Iterator[str]:
    """The file itself; of a directory, its log files and those of its partitions' directories. Raises `NotFound`."""
    from odradek.log.inspect import known_files

    if not os.path.exists(path):
        raise NotFound(f"{path}: no such file or directory")
    if not os.path.isdir(path):
        yield path
        return
    yield from known_files(path)
    for name in sorted(os.listdir(path)):
        if os.path.isdir(f"{path}/{name}"):
            yield from known_files(f"{path}/{name}")


def _check_there_are_logs(path: str) -> None:
    """A directory without a single file of a log is another than was meant, not one without damage. Raises `NotFound`."""
    if os.path.isdir(path) and next(files_of(path), None) is None:
        raise NotFound(f"{path}: no log files there")


@log.command()
@click.argument("path")
@click.option("--records", is_flag=True, help="Decode every record too, not only checksums: slower.")
@json_option
def verify(path: str, records: bool, as_json: bool) -> None:
    """Check files against themselves and each other: checksums, offsets, indexes, missing directories. Changes nothing.

    \b
    Example: odradek log verify odradek-data
    """
    from odradek.log.inspect import Severity, missing_partition
    from odradek.log.inspect import verify as verify_path

    if not os.path.exists(path) and missing_partition(path) is None:
        raise NotFound(f"{path}: no such file or directory")
    _check_there_are_logs(path)
    damaged = 0
    for found in verify_path(path, records=records):
        damaged += found.severity is Severity.DAMAGE
        severity = str(found.severity)
        if as_json:
            position = None if found.position < 0 else found.position
            print(json_text({"severity": severity, "path": found.path, "position": position, "reason": found.reason}))
        else:
            print(finding_line(severity, found.path, found.position, found.reason))
    if damaged:
        raise Damaged(f"{path}: {damaged} damaged (odradek log repair shows what can be done)")
    if not as_json:
        note(f"{path}: no damage")


@log.command()
@click.argument("path")
@click.option("--execute", is_flag=True, help="Do it. Without this, only show what would be done.")
@json_option
def repair(path: str, execute: bool, as_json: bool) -> None:
    """Make a partition's directory sound again: cut at the first fault, rebuild indexes. Shows the steps; --execute takes them.

    Bytes that are cut are copied aside first. A partition's directory that is missing is made anew, empty. The broker must be
    stopped. A data directory: all of its partitions.

    \b
    Example: odradek log repair odradek-data/orders-0 --execute
    """
    from odradek.log.inspect import repair as repair_directory

    steps = 0
    _check_there_are_logs(path)
    for directory in partitions_of(path):
        for act in repair_directory(directory, apply=execute):
            steps += 1
            print(
                json_text({"path": act.path, "action": act.what, "executed": execute}) if as_json else f"{act.path}: {act.what}"
            )
    if as_json:
        return
    if not steps:
        note(f"{path}: nothing to repair")
    elif not execute:
        note("Nothing was changed; --execute does it.")


def partitions_of(path: str) -> list[str]:
    """The directory itself, or the partitions' directories in a data directory. Raises `NotFound`."""
    from odradek.log import names
    from odradek.log.inspect import missing_from, missing_partition

    if missing_partition(path) is not None:
        return [path]
    if not os.path.isdir(path):
        raise NotFound(f"{path}: no such directory (repair takes a partition's directory or a data directory)")
    if names.parse_partition_directory(os.path.basename(os.path.realpath(path))):
        return [path]
    found = [f"{path}/{name}" for name in sorted(os.listdir(path)) if names.parse_partition_directory(name)]
    found += [f"{path}/{names.partition_directory(*key)}" for key in missing_from(path)]
    return [directory for directory in found if not directory.endswith(f"/{names.METADATA_DIRECTORY}")]


def _write(lines: Iterable[str]) -> None:
    waiting: list[str] = []
    for line in lines:
        waiting.append(line)
        if len(waiting) == _LINES_PER_WRITE:
            sys.stdout.write("\n".join(waiting) + "\n")
            waiting.clear()
    if waiting:
        sys.stdout.write("\n".join(waiting) + "\n")
