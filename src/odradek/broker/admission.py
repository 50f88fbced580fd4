"""Whether one more connection may be accepted: `max.connections` and `max.connection.creation.rate`, pure.

Both hold for the broker and, with `listener.name.NAME.` before them, for one listener; a newcomer must pass all four
(KIP-402, KIP-612). Who may not pass waits in the listening socket's backlog: nobody is turned away, as in Kafka. Values are
read anew each time, since they can be changed at run time.

A rate is counted by a bucket that holds one second's worth, and at least one: so many may come at once after a quiet second,
and never more in any second than twice the rate. Kafka counts over ten seconds and lets as many seconds' worth in at once.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from typing import TYPE_CHECKING, Final, NamedTuple

from odradek.base.config import INT_MAX

if TYPE_CHECKING:
    from odradek.metadata.broker_config import BrokerConfig

LOOK_AGAIN_SECONDS: Final = 0.25
COUNT: Final = "max.connections"
RATE: Final = "max.connection.creation.rate"
PREFIX: Final = "listener.name."
_LEAST_WAIT: Final = 0.002  # a loop's timer may be a millisecond early
_ENOUGH: Final = 1 - 1e-9  # of a token, since sums of parts are not exact
_EVERYWHERE: Final = ""


class Refusal(NamedTuple):
    """Why nobody is let in now: the metric's label, words for the log, the setting, and when to look again at the latest."""

    kind: str
    reason: str
    knob: str
    seconds: float = LOOK_AGAIN_SECONDS


class Bucket:
    """So many per second. Time in seconds, from whichever clock; the rate may be another at each call."""

    __slots__ = ("_at", "_tokens")

    def __init__(self) -> None:
        self._at: float | None = None
        self._tokens = 0.0

    def wait(self, rate: int, now: float) -> float:
        """Seconds until one may pass: 0 when it may now, infinity when none ever may."""
        if rate <= 0:
            return float("inf")
        full = float(rate)
        self._tokens = full if self._at is None else min(full, self._tokens + max(now - self._at, 0.0) * rate)
        self._at = now
        return 0.0 if self._tokens >= _ENOUGH else (1 - self._tokens) / rate

    def take(self) -> None:
        """One has passed."""
        self._tokens = max(self._tokens - 1, 0.0)


class Admission:
    """One broker's limits. `config` gives the configuration as it stands."""

    __slots__ = ("_buckets", "_config")

    def __init__(self, config: Callable[[], BrokerConfig]) -> None:
        self._config = config
        self._buckets: dict[str, Bucket] = {}

    def refusal(self, listener: str, open_there: int, open_everywhere: int, now: float) -> Refusal | None:
        """None when one more may be accepted on `listener`, with so many connections open there and in all."""
        config = self._config()
        scopes = (listener, open_there), (_EVERYWHERE, open_everywhere)
        for scope, count in scopes:
            knob, limit = _setting(config, scope, COUNT)
            if count >= limit:
                return Refusal("limit", f"{count} connections are open, {limit} may be", knob)
        for scope, _ in scopes:
            knob, rate = _setting(config, scope, RATE)
            wait = self._bucket(scope).wait(rate, now) if rate < INT_MAX else 0.0
            if wait:
                seconds = min(max(wait, _LEAST_WAIT), LOOK_AGAIN_SECONDS)
                return Refusal("rate", f"no more than {rate} connections are accepted in a second", knob, seconds)
        return None

    def accepted(self, listener: str) -> None:
        """One was, after `refusal` had nothing against it."""
        for scope in (listener, _EVERYWHERE):
            if scope in self._buckets:
                self._buckets[scope].take()

    def _bucket(self, scope: str) -> Bucket:
        found = self._buckets.get(scope)
        if found is None:
            found = self._buckets[scope] = Bucket()
        return found


def unheeded(names: Iterable[str], listeners: Collection[str]) -> Iterator[tuple[str, str]]:
    """Of settings' names those that are for one listener and do nothing, with the reason."""
    known = {listener.lower() for listener in listeners}
    for name in names:
        if name.startswith(PREFIX):
            listener, _, base = name.removeprefix(PREFIX).partition(".")
            if base not in (COUNT, RATE):
                yield name, f"a listener can have its own {COUNT} and {RATE}, and nothing else"
            elif listener not in known:
                yield name, f"no listener is called {listener} (in small letters): there are {', '.join(sorted(known))}"


def _setting(config: BrokerConfig, listener: str, name: str) -> tuple[str, int]:
    """The setting's whole name and its value, for a listener (none: no limit there) or everywhere."""
    if listener == _EVERYWHERE:
        return name, config.get_int(name)
    full_name, value = config.of_listener(listener, name)
    return full_name, value if isinstance(value, int) else INT_MAX
