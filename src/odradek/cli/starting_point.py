"""Where reading begins, as a person says it: for `consume --offset` and `group reset-offsets`.

    earliest, latest     the ends of the log             -N     the last N records of each partition
    N                    that offset                     @WHEN  the first record from then on

WHEN is milliseconds since 1970, or an ISO 8601 date or date-time (no zone: UTC, as Kafka's own tools read it). Pure: `parse`
gives a `Start`, and `choose` makes an offset of it once the partition's ends, and what the broker said of the time, are known.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Literal, NamedTuple

from odradek.cli.errors import UsageProblem

Kind = Literal["earliest", "latest", "offset", "last", "time"]


class Start(NamedTuple):
    """A place to begin; `value` is an offset, a count or epoch milliseconds, by kind."""

    kind: Kind
    value: int = 0


EARLIEST = Start("earliest")
LATEST = Start("latest")


def parse(text: str, option: str) -> Start:
    """Raises `UsageProblem` naming `option`."""
    word = text.strip().lower()
    if word in ("earliest", "beginning"):
        return EARLIEST
    if word in ("latest", "end"):
        return LATEST
    if word.startswith("@"):
        return Start("time", parse_time(text.strip()[1:], option, shown=text))
    if word.removeprefix("-").isdigit() and len(word) <= 19 and word.isascii():
        return Start("last", -int(word)) if word.startswith("-") else Start("offset", int(word))
    raise UsageProblem(f"{option} {text!r}: expected earliest, latest, N, -N (the last N) or @WHEN (ms since 1970, ISO 8601)")


def parse_time(text: str, option: str, *, shown: str | None = None) -> int:
    """Epoch milliseconds from `1700000000000`, `2023-11-14` or `2023-11-14T22:13:20+01:00`.

    Raises `UsageProblem` naming `option` and the value as it was typed, `shown` where that was more than `text`.
    """
    if text.isascii() and text.isdigit():
        return int(text)
    try:
        when = datetime.fromisoformat(text)
    except ValueError as error:
        raise UsageProblem(
            f"{option} {text if shown is None else shown!r}: expected ms since 1970 or an ISO 8601 date or date-time"
        ) from error
    if when.tzinfo is None:
        when = when.replace(tzinfo=UTC)
    return round(when.timestamp() * 1000)


def choose(start: Start, earliest: int, latest: int, at_time: int | None = None) -> int:
    """The offset where `start` lies in a partition that holds [earliest, latest).

    `at_time` is the broker's answer for a time: the first such offset, or None or negative when every record is older.
    """
    if start.kind == "earliest":
        return earliest
    if start.kind == "last":
        return max(earliest, latest - start.value)
    if start.kind == "offset":
        return min(max(start.value, earliest), latest)
    if start.kind == "time" and at_time is not None and at_time >= 0:
        return min(max(at_time, earliest), latest)
    return latest
