"""Who may come in: limits of the broker and of a listener, by number and by rate."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from odradek.broker.admission import LOOK_AGAIN_SECONDS, Admission, Bucket, Refusal, unheeded
from odradek.metadata.broker_config import BrokerConfig


def admission(**settings: int) -> Admission:
    config = BrokerConfig({name.replace("__", ".name.").replace("_", "."): str(value) for name, value in settings.items()})
    return Admission(lambda: config)


def test_without_limits_everybody_comes_in() -> None:
    assert admission().refusal("PLAINTEXT", 100_000, 200_000, 0.0) is None


def test_the_brokers_number_and_a_listeners_own() -> None:
    door = admission(max_connections=5, listener__internal_max_connections=2)
    assert door.refusal("INTERNAL", 1, 4, 0.0) is None
    assert door.refusal("INTERNAL", 2, 2, 0.0) == Refusal(
        "limit", "2 connections are open, 2 may be", "listener.name.internal.max.connections"
    )
    assert door.refusal("PLAINTEXT", 4, 4, 0.0) is None
    assert door.refusal("PLAINTEXT", 2, 5, 0.0) == Refusal("limit", "5 connections are open, 5 may be", "max.connections")


def test_a_rate_says_when_the_next_may_come() -> None:
    door = admission(max_connection_creation_rate=10)
    for _ in range(10):
        assert door.refusal("PLAINTEXT", 0, 0, 100.0) is None
        door.accepted("PLAINTEXT")
    refused = door.refusal("PLAINTEXT", 0, 0, 100.0)
    assert refused is not None and refused.kind == "rate" and refused.knob == "max.connection.creation.rate"
    assert 0.1 <= refused.seconds < 0.11
    assert door.refusal("PLAINTEXT", 0, 0, 100.0 + refused.seconds) is None


def test_a_listeners_rate_holds_nobody_up_elsewhere() -> None:
    door = admission(listener__internal_max_connection_creation_rate=1, max_connection_creation_rate=3)
    assert door.refusal("INTERNAL", 0, 0, 0.0) is None
    door.accepted("INTERNAL")
    refused = door.refusal("INTERNAL", 0, 0, 0.0)
    assert refused is not None and refused.knob == "listener.name.internal.max.connection.creation.rate"
    for _ in range(2):
        assert door.refusal("PLAINTEXT", 0, 0, 0.0) is None
        door.accepted("PLAINTEXT")
    assert door.refusal("PLAINTEXT", 0, 0, 0.0) is not None, "all three count for the broker's rate"


def test_a_rate_of_nothing_lets_nobody_in_and_is_looked_at_again() -> None:
    refused = admission(max_connection_creation_rate=0).refusal("PLAINTEXT", 0, 0, 0.0)
    assert refused is not None and refused.seconds == LOOK_AGAIN_SECONDS


def test_values_are_read_anew_each_time() -> None:
    configs = [BrokerConfig({"max.connections": "1"}), BrokerConfig({"max.connections": "2"})]
    door = Admission(lambda: configs[0])
    assert door.refusal("PLAINTEXT", 1, 1, 0.0) is not None
    del configs[0]
    assert door.refusal("PLAINTEXT", 1, 1, 0.0) is None


def test_what_is_set_for_a_listener_and_does_nothing_is_told_with_the_reason() -> None:
    names = (
        "max.connections", "listener.name.internal.max.connections", "listener.name.INTERNAL.max.connections",
        "listener.name.outside.max.connections", "listener.name.internal.socket.receive.buffer.bytes",
    )  # fmt: skip
    told = dict(unheeded(names, {"INTERNAL"}))
    assert list(told) == list(names[2:])
    assert "small letters" in told["listener.name.INTERNAL.max.connections"]
    assert "nothing else" in told["listener.name.internal.socket.receive.buffer.bytes"]


@settings(deadline=None)
@given(st.integers(1, 300), st.lists(st.floats(0, 3), max_size=30))
def test_no_span_of_time_lets_more_pass_than_its_rate_and_one_seconds_worth(rate: int, gaps: list[float]) -> None:
    bucket, now = Bucket(), 1000.0
    passed: list[float] = []
    for gap in gaps:
        now += gap
        while not bucket.wait(rate, now) and len(passed) < 1000:
            bucket.take()
            passed.append(now)
        for first in range(0, len(passed), 50):
            span = now - passed[first]
            assert len(passed) - first <= rate * span + rate + 1e-3


@settings(deadline=None)
@given(st.integers(1, 1_000_000), st.lists(st.floats(0, 0.5), max_size=50))
def test_who_waits_as_long_as_was_said_passes(rate: int, gaps: list[float]) -> None:
    bucket, now = Bucket(), 0.0
    for gap in gaps:
        now += gap
        now += bucket.wait(rate, now)
        assert bucket.wait(rate, now) < 1e-6
        bucket.take()
