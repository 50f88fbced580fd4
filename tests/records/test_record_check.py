"""Records that are walked make sense, and those that break a topic's rules are named as Kafka names them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from odradek.records.batch import HEADER_SIZE, parse_header
from odradek.records.errors import NAMED_RECORDS_MAX, InvalidRecord, InvalidTimestamp, KeysMissing
from odradek.records.record import NewRecord, build_batch, decode_records, records_block
from odradek.records.record_check import NO_RULES, RecordRules, check_records

NOW = 1_700_000_000_000
KEYED = RecordRules(require_keys=True)
KEYED_AND_RECENT = RecordRules(True, NOW - 1000, NOW + 500)

nullable = st.none() | st.binary(max_size=80)
headers = st.lists(st.tuples(st.text(max_size=8), nullable), max_size=3).map(tuple)
new_records = st.builds(NewRecord, nullable, nullable, st.integers(-1, 1 << 45), headers)


def check(records: list[NewRecord], rules: RecordRules) -> None:
    data = build_batch(records, base_offset=10)
    check_records(records_block(data, parse_header(data)), parse_header(data), rules)


def test_offsets_count_up_from_0() -> None:
    data = build_batch([NewRecord(b"a", b"1"), NewRecord(None, b"2")], base_offset=10)
    block = records_block(data, parse_header(data))
    check_records(block, parse_header(data))
    skipped = bytearray(block)
    skipped[3] = 4
    with pytest.raises(InvalidRecord, match="record 0 has offset delta 2"):
        check_records(bytes(skipped), parse_header(data))


def test_a_compacted_topic_wants_keys() -> None:
    records = [NewRecord(b"a", b"1"), NewRecord(None, b"2"), NewRecord(b"", b"3")]
    check(records, NO_RULES)
    with pytest.raises(KeysMissing, match=r"^1 of the batch's 3 .* the first is record 1.*cleanup\.policy") as refused:
        check(records, KEYED)
    assert refused.value.record_errors == ((1, "no key"),)


def test_timestamps_are_asked_of_each_record_and_none_is_good() -> None:
    check([NewRecord(b"k", b"", at) for at in (NOW - 1000, NOW + 500, -1)], KEYED_AND_RECENT)
    with pytest.raises(InvalidTimestamp, match=r"^2 of the batch's 4 records .*message\.timestamp\.") as refused:
        check([NewRecord(b"k", b"", at) for at in (NOW, NOW - 1001, NOW, NOW + 501)], KEYED_AND_RECENT)
    assert [each.place for each in refused.value.record_errors] == [1, 3]


def test_a_record_is_blamed_once_and_one_bad_time_makes_it_a_matter_of_time() -> None:
    records = [NewRecord(None, b"", NOW - 1001), NewRecord(b"k", b"", NOW + 501), NewRecord(None, b"", NOW)]
    with pytest.raises(InvalidTimestamp) as refused:
        check(records, KEYED_AND_RECENT)
    assert [(each.place, each.message[:9]) for each in refused.value.record_errors] == [
        (0, "no key"), (1, "timestamp"), (2, "no key"),
    ]  # fmt: skip
    with pytest.raises(KeysMissing):
        check(records[::2], KEYED_AND_RECENT)


@pytest.mark.parametrize(("rules", "error"), [(KEYED, KeysMissing), (KEYED_AND_RECENT, KeysMissing)])
def test_of_very_many_so_many_are_named(rules: RecordRules, error: type[InvalidRecord]) -> None:
    with pytest.raises(error, match=f"^{NAMED_RECORDS_MAX} or more of the batch's {NAMED_RECORDS_MAX + 5} ") as refused:
        check([NewRecord(None, b"", NOW)] * (NAMED_RECORDS_MAX + 5), rules)
    assert [each.place for each in refused.value.record_errors] == list(range(NAMED_RECORDS_MAX))


@given(st.lists(new_records, min_size=1, max_size=4), st.data())
def test_checking_and_reading_agree_on_what_is_sound(records: list[NewRecord], data: st.DataObject) -> None:
    built = build_batch(records)
    header = parse_header(built)
    block = bytearray(built[HEADER_SIZE:])
    for _ in range(data.draw(st.integers(0, 3))):
        block[data.draw(st.integers(0, len(block) - 1))] = data.draw(st.integers(0, 255))
    try:
        read = list(decode_records(bytes(block), header))
        sound = [record.offset for record in read] == list(range(len(read)))
    except InvalidRecord:
        sound = False
    try:
        check_records(bytes(block), header)
    except InvalidRecord:
        assert not sound
    else:
        assert sound


@given(st.lists(new_records, min_size=1, max_size=6), st.booleans(), st.integers(-1, 1 << 45), st.integers(-1, 1 << 45))
def test_the_blamed_are_those_that_break_a_rule(records: list[NewRecord], keyed: bool, oldest: int, newest: int) -> None:
    keyless = {place for place, record in enumerate(records) if keyed and record.key is None}
    late = {
        place for place, record in enumerate(records) if record.timestamp != -1 and not oldest <= record.timestamp <= newest
    }
    try:
        check(records, RecordRules(keyed, oldest, newest))
        blamed = set()
    except (KeysMissing, InvalidTimestamp) as refused:
        blamed = {each.place for each in refused.record_errors}
        assert isinstance(refused, InvalidTimestamp) == bool(late - keyless)
    assert blamed == keyless | late
