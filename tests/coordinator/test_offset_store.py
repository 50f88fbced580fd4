"""The store of committed offsets beside a flat dictionary."""

from hypothesis import given
from hypothesis import strategies as st

from odradek.coordinator.offset_store import CommittedOffset, OffsetStore

keys = st.tuples(st.sampled_from("gh"), st.sampled_from("tuv"), st.integers(0, 2))
changes = st.lists(st.tuples(st.booleans(), keys, st.integers(0, 9)), max_size=60)


@given(changes)
def test_behaves_like_a_flat_dictionary(changes):
    store, model = OffsetStore(), {}
    for put, key, offset in changes:
        if put:
            store.put(*key, CommittedOffset(offset))
            model[key] = CommittedOffset(offset)
        else:
            assert store.remove(*key) == (model.pop(key, None) is not None)
        assert store.count == len(model)
    for group in "gh":
        held = {key[1:] for key in model if key[0] == group}
        assert set(store.keys_of(group)) == held
        assert set(store.topics_of(group)) == {topic for topic, _ in held}
    assert all(store.get(*key) == model.get(key) for key in model)
    assert set(store.groups()) == {group for group, _, _ in model}
