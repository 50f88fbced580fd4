"""Groups in `__consumer_offsets`: bytes of an Apache Kafka 4.3, old versions, and noise."""

from struct import pack

import pytest
from hypothesis import given
from hypothesis import strategies as st

from odradek.coordinator.group import Group
from odradek.coordinator.group_records import group_key, group_record, read_group, read_group_key
from odradek.coordinator.member import Member
from odradek.coordinator.offset_records import MalformedRecordError
from odradek.coordinator.states import GroupState

KEY = "0002000e742d383538646462343231636666"
STABLE = (
    "00030008636f6e73756d657200000001000572616e67650028616e6e2d32663035633761372d373463612d343835642d393434362d623639373639"
    "363563666231000001a20d35f339000000010028616e6e2d32663035633761372d373463612d343835642d393434362d6236393736393635636662"
    "310003616e6e000f61696f6b61666b612d302e31342e30000a2f3132372e302e302e3100001770000017700000001a000000000001000e742d3962"
    "38656462643035393264000000000000002e000000000001000e742d39623865646264303539326400000004000000000000000100000002000000"
    "0300000000"
)
EMPTY = "00030008636f6e73756d657200000002ffffffff000001a20d317ace00000000"


def test_a_stable_group_of_kafka():
    group = read_group(read_group_key(bytes.fromhex(KEY)), bytes.fromhex(STABLE))
    (member,) = group.members.values()
    assert (group.group_id, group.state, group.generation) == ("t-858ddb421cff", GroupState.STABLE, 1)
    assert (group.protocol_type, group.protocol_name, group.leader_id) == ("consumer", "range", member.member_id)
    assert (member.instance_id, member.client_id, member.client_host) == ("ann", "aiokafka-0.14.0", "/127.0.0.1")
    assert group.subscribed_topics == frozenset({"t-9b8edbd0592d"})
    assert written(group) == (KEY, STABLE)


def test_an_empty_group_of_kafka():
    group = read_group("g", bytes.fromhex(EMPTY))
    assert (group.state, group.generation, group.leader_id, group.protocol_name) == (GroupState.EMPTY, 2, None, None)
    assert group.subscribed_topics == frozenset()
    assert written(group)[1] == EMPTY


def written(group):
    key, value = group_record(group, {id: member.assignment for id, member in group.members.items()})
    return key.hex(), value.hex()


def string(text):
    return b"\xff\xff" if text is None else pack(">h", len(text)) + text.encode()


def data(raw):
    return pack(">i", len(raw)) + raw


@pytest.mark.parametrize("version", [0, 1, 2, 3])
def test_old_versions(version):
    value = pack(">h", version) + string("consumer") + pack(">i", 4) + string("range") + string("m")
    value += pack(">q", 777) if version >= 2 else b""
    value += pack(">i", 1) + string("m") + (string("inst") if version >= 3 else b"") + string("c") + string("/h")
    value += pack(">i", 60_000) if version >= 1 else b""
    value += pack(">i", 10_000) + data(b"subscription") + data(b"assignment")
    group = read_group("g", value)
    member = group.members["m"]
    assert group.state_since_ms == (777 if version >= 2 else -1)
    assert member.instance_id == ("inst" if version >= 3 else None)
    assert member.rebalance_timeout_ms == (60_000 if version >= 1 else 10_000)
    assert (member.protocols, member.assignment) == ((("range", b"subscription"),), b"assignment")


def compact(text):
    return b"\x00" if text is None else bytes([len(text) + 1]) + text.encode()


def test_the_flexible_version():
    value = pack(">h", 4) + compact("consumer") + pack(">i", 4) + compact("range") + compact("m") + pack(">q", 777)
    value += b"\x02" + compact("m") + compact(None) + compact("c") + compact("/h") + pack(">ii", 60_000, 10_000)
    value += compact("sub") + compact("asg") + b"\x00" + b"\x01\x05\x02zz"
    group = read_group("g", value)
    assert group.generation == 4
    assert group.members["m"].assignment == b"asg"


names = st.text(max_size=12)
blobs = st.binary(max_size=20)


@given(
    st.integers(0, 2**31 - 1),
    st.integers(-1, 2**40),
    st.dictionaries(names, st.tuples(st.none() | names, names, blobs, blobs), min_size=1, max_size=4),
)
def test_groups_read_back(generation, since_ms, members):
    instances = [instance for instance, *_ in members.values() if instance is not None]
    if len(instances) != len(set(instances)):
        return
    group = Group("g", since_ms, state=GroupState.STABLE, generation=generation, protocol_name="p")
    for member_id, (instance, client, metadata, assignment) in members.items():
        group.add(
            Member(
                member_id,
                instance_id=instance,
                client_id=client,
                client_host="/h",
                rebalance_timeout_ms=5,
                session_timeout_ms=6,
                protocol_type="t",
                protocols=(("p", metadata),),
                assignment=assignment,
            )
        )
    again = read_group("g", bytes.fromhex(written(group)[1]))
    assert written(again) == written(group)
    assert (again.leader_id, again.static_members, list(again.members)) == (
        group.leader_id,
        group.static_members,
        list(group.members),
    )


@given(st.integers(0, len(STABLE) // 2 - 1))
def test_a_cut_record_is_malformed(size):
    with pytest.raises(MalformedRecordError):
        read_group("g", bytes.fromhex(STABLE)[:size])


@given(st.binary(max_size=80), st.integers(0, 4))
def test_noise_raises_nothing_else(noise, version):
    for read in (read_group_key, lambda value: read_group("g", pack(">h", version) + value)):
        try:
            read(noise)
        except MalformedRecordError:
            pass


def test_a_tombstones_key():
    assert read_group_key(group_key("gr\u00fcn")) == "gr\u00fcn"
