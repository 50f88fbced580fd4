"""The one thing that the coordinator reads of what members say to each other."""

from struct import pack

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kio.schema.consumer_protocol_subscription import v3
from kio.serial import entity_writer

from odradek.coordinator.subscription import MalformedSubscriptionError, subscribed_topics


@given(st.lists(st.text(min_size=1, max_size=20), max_size=5))
def test_later_versions_begin_like_the_first(topics):
    import io

    out = io.BytesIO(pack(">h", 3))
    out.seek(2)
    entity_writer(v3.ConsumerProtocolSubscription)(
        out, v3.ConsumerProtocolSubscription(topics=tuple(topics), user_data=b"x", owned_partitions=(), rack_id=None)
    )
    assert subscribed_topics(out.getvalue()) == frozenset(topics)


@given(st.binary(max_size=40))
def test_noise_raises_nothing_else(noise):
    try:
        subscribed_topics(noise)
    except MalformedSubscriptionError:
        pass


@pytest.mark.parametrize("metadata", [b"", pack(">hi", 0, 1), pack(">hih", 0, 1, 5), pack(">hi", 0, 2**31 - 1)])
def test_what_stops_short_is_refused(metadata):
    with pytest.raises(MalformedSubscriptionError):
        subscribed_topics(metadata)
