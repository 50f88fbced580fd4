"""Telling how an order about several things went: one line each, and the exit code of what failed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from odradek.cli.errors import CliError
from odradek.cli.output import note, print_json


def finish(
    outcomes: Iterable[tuple[str, CliError | None]],
    done: str,
    *,
    as_json: bool,
    forgiven: int | None = None,
    forgiven_as: str = "",
) -> None:
    """Tell each name's outcome; failures with the exit code `forgiven` count as done. Raises the last of the others."""
    told: list[dict[str, str]] = []
    failures: list[CliError] = []
    for name, failure in outcomes:
        if failure is None:
            told.append({"name": name, "outcome": done})
        elif failure.exit_code == forgiven:
            told.append({"name": name, "outcome": forgiven_as})
        else:
            told.append({"name": name, "outcome": "failed", "error": str(failure)})
            failures.append(failure)
    if as_json:
        print_json(told)
    else:
        for line in told:
            if line["outcome"] != "failed":
                print(f"{line['name']}: {line['outcome']}")
    raise_last(failures)


def raise_last(failures: Sequence[CliError]) -> None:
    """Tell all but the last, and raise that one: the border tells it and takes its exit code."""
    for failure in failures[:-1]:
        note(f"odradek: {failure}")
    if failures:
        raise failures[-1]
