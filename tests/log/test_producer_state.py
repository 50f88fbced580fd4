"""Producer state: Kafka's rules one by one, then against a model that remembers everything a producer ever wrote."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from odradek.log.producer_state import (
    BATCHES_KEPT,
    BatchMetadata,
    CompletedTransaction,
    InvalidProducerEpoch,
    InvalidTransactionState,
    OutOfOrderSequence,
    ProducerState,
    ProducerStateError,
    TransactionCoordinatorFenced,
)
from odradek.records.batch import BatchHeader, increment_sequence, parse_header
from odradek.records.control import ControlType, EndTransactionMarker, build_marker
from odradek.records.record import NewRecord, build_batch

SEQUENCE_MAX = 0x7FFFFFFF
DAY = 86_400_000


def batch(
    sequence: int, count: int = 1, *, producer: int = 7, epoch: int = 0, transactional: bool = False, at: int = 0
) -> BatchHeader:
    built = build_batch(
        [NewRecord(b"k", b"v", 1000 + index) for index in range(count)],
        base_offset=at,
        producer_id=producer,
        producer_epoch=epoch,
        base_sequence=sequence,
        is_transactional=transactional,
    )
    return parse_header(built)


def marker(
    type: ControlType, *, producer: int = 7, epoch: int = 0, coordinator: int = 0, at: int = 0
) -> tuple[BatchHeader, EndTransactionMarker]:
    end = EndTransactionMarker(type, coordinator)
    built = build_marker(end, producer_id=producer, producer_epoch=epoch, timestamp=2000, base_offset=at)
    return parse_header(built), end


class Partition:
    """A log end and a producer state, appended to as a log does it: check, then update."""

    def __init__(self) -> None:
        self.state = ProducerState("orders-0")
        self.end = 0

    def append(self, header: BatchHeader) -> BatchMetadata | None:
        known = self.state.check(header)
        if known is None:
            self.state.update(header, self.end, header.max_timestamp)
            self.end += header.record_count
        return known

    def finish(self, type: ControlType, **fields: int) -> CompletedTransaction | None:
        header, end = marker(type, at=self.end, **fields)
        self.state.check_marker(header.producer_id, header.producer_epoch, end)
        completed = self.state.end_transaction(header, end, self.end)
        self.end += 1
        return completed


@pytest.fixture
def partition() -> Partition:
    return Partition()


def test_sequences_follow_each_other(partition: Partition) -> None:
    for sequence, count in ((0, 3), (3, 1), (4, 10)):
        assert partition.append(batch(sequence, count)) is None
    entry = partition.state.get(7)
    assert entry is not None and entry.last_batch == BatchMetadata(13, 13, 9, 1009)


def test_a_gap_is_refused_and_changes_nothing(partition: Partition) -> None:
    partition.append(batch(0, 3))
    with pytest.raises(OutOfOrderSequence, match=r"orders-0.*sends sequence 4 after 2"):
        partition.append(batch(4))
    assert partition.append(batch(3)) is None


def test_a_retry_is_answered_with_the_first_copys_offsets(partition: Partition) -> None:
    partition.append(batch(0, 3))
    partition.append(batch(3, 2))
    for sequence, count, first, last in ((3, 2, 3, 4), (0, 3, 0, 2)):
        known = partition.append(batch(sequence, count))
        assert known is not None and (known.first_offset, known.last_offset) == (first, last)
    assert partition.end == 5


def test_the_last_five_batches_are_known_older_ones_are_out_of_order(partition: Partition) -> None:
    for sequence in range(BATCHES_KEPT + 1):
        partition.append(batch(sequence))
    for sequence in range(1, BATCHES_KEPT + 1):
        assert partition.append(batch(sequence)) is not None
    with pytest.raises(OutOfOrderSequence):
        partition.append(batch(0))


def test_half_a_retry_is_out_of_order(partition: Partition) -> None:
    partition.append(batch(0, 4))
    for sequence, count in ((0, 2), (2, 2), (0, 5)):
        with pytest.raises(OutOfOrderSequence):
            partition.append(batch(sequence, count))


def test_an_unknown_producer_may_begin_anywhere(partition: Partition) -> None:
    assert partition.append(batch(77)) is None
    assert partition.append(batch(78)) is None


def test_sequences_wrap(partition: Partition) -> None:
    partition.append(batch(SEQUENCE_MAX - 1, 2))
    assert partition.append(batch(0)) is None
    partition.append(batch(SEQUENCE_MAX, 3, producer=8))
    entry = partition.state.get(8)
    assert entry is not None and entry.last_batch is not None
    assert (entry.last_batch.first_sequence, entry.last_batch.last_sequence) == (SEQUENCE_MAX, 1)
    assert partition.append(batch(2, producer=8)) is None
    assert partition.append(batch(SEQUENCE_MAX, 3, producer=8)) is not None


def test_a_new_epoch_begins_at_zero_and_forgets_the_old_batches(partition: Partition) -> None:
    partition.append(batch(0, 3))
    with pytest.raises(OutOfOrderSequence, match="begins epoch 1 at sequence 3"):
        partition.append(batch(3, epoch=1))
    assert partition.append(batch(0, epoch=1)) is None
    with pytest.raises(OutOfOrderSequence):
        partition.append(batch(0, 3, epoch=1))


def test_an_old_epoch_is_fenced(partition: Partition) -> None:
    partition.append(batch(0, epoch=3))
    with pytest.raises(InvalidProducerEpoch, match="under epoch 2, its id is at epoch 3"):
        partition.append(batch(1, epoch=2))


def test_coordinators_number_nothing_but_are_fenced(partition: Partition) -> None:
    partition.append(batch(0, epoch=3))
    unnumbered = batch(-1, epoch=3)
    assert partition.state.check(unnumbered, check_sequence=False) is None
    with pytest.raises(InvalidProducerEpoch):
        partition.state.check(batch(-1, epoch=2), check_sequence=False)


def test_producers_expire_by_time_but_not_within_a_transaction(partition: Partition) -> None:
    partition.append(batch(0))
    partition.append(batch(0, producer=8, transactional=True))
    assert partition.state.expire(1000 + DAY - 1, DAY) == 0
    assert partition.state.expire(1000 + DAY, DAY) == 1
    assert [entry.producer_id for entry in partition.state] == [8]


def test_a_transaction_holds_readers_back_until_its_marker_is_below_the_high_watermark(partition: Partition) -> None:
    partition.append(batch(0, 5, producer=1))
    partition.append(batch(0, 2, transactional=True))
    partition.append(batch(2, 2, transactional=True))
    state = partition.state
    assert state.first_undecided_offset == state.first_unstable_offset == 5
    completed = partition.finish(ControlType.ABORT)
    assert completed == CompletedTransaction(7, 5, 9, True)
    assert state.stable_offset_after(completed) == 10
    assert (state.first_undecided_offset, state.first_unstable_offset) == (None, 5)
    state.on_high_watermark(9)
    assert state.first_unstable_offset == 5
    state.on_high_watermark(10)
    assert state.first_unstable_offset is None


def test_another_open_transaction_bounds_what_is_stable(partition: Partition) -> None:
    partition.append(batch(0, transactional=True))
    partition.append(batch(0, producer=8, transactional=True))
    completed = partition.finish(ControlType.COMMIT)
    assert completed is not None and not completed.is_aborted
    assert partition.state.stable_offset_after(completed) == 1
    assert partition.state.first_undecided_offset == 1


def test_a_marker_without_a_transaction_completes_nothing(partition: Partition) -> None:
    assert partition.finish(ControlType.COMMIT) is None
    partition.append(batch(0))
    assert partition.finish(ControlType.COMMIT) is None
    assert partition.append(batch(1)) is None, "the batches before the marker stay known"


def test_a_marker_may_bump_the_epoch(partition: Partition) -> None:
    partition.append(batch(0, transactional=True))
    assert partition.finish(ControlType.COMMIT, epoch=1) is not None
    with pytest.raises(InvalidProducerEpoch):
        partition.append(batch(1, transactional=True))
    with pytest.raises(OutOfOrderSequence):
        partition.append(batch(1, epoch=1, transactional=True))
    assert partition.append(batch(0, epoch=1, transactional=True)) is None


def test_old_markers_are_fenced(partition: Partition) -> None:
    partition.append(batch(0, epoch=2, transactional=True))
    with pytest.raises(InvalidProducerEpoch):
        partition.finish(ControlType.ABORT, epoch=1)
    partition.finish(ControlType.ABORT, epoch=2, coordinator=5)
    with pytest.raises(TransactionCoordinatorFenced, match="epoch 4, the last one was 5"):
        partition.finish(ControlType.ABORT, epoch=2, coordinator=4)


def test_no_plain_write_within_a_transaction(partition: Partition) -> None:
    partition.append(batch(0, transactional=True))
    with pytest.raises(InvalidTransactionState):
        partition.append(batch(1))


def test_replay_rebuilds_what_appending_built(partition: Partition) -> None:
    partition.append(batch(0, 3))
    partition.append(batch(3, 2, transactional=True))
    partition.finish(ControlType.COMMIT)
    replayed = ProducerState("orders-0")
    replayed.replay(batch(0, 3), None)
    replayed.replay(batch(3, 2, transactional=True, at=3), None)
    completed = replayed.replay(*marker(ControlType.COMMIT, at=5))
    assert completed == CompletedTransaction(7, 3, 5, False)
    assert replayed.end_offset == 6
    assert repr(list(replayed)) == repr(list(partition.state))


def test_replay_skips_what_names_no_producer_and_emptied_control_batches() -> None:
    state = ProducerState("orders-0")
    state.replay(batch(-1, producer=-1), None)
    state.replay(marker(ControlType.COMMIT, at=1)[0], None)
    assert (len(state), state.end_offset) == (0, 2)


def test_the_log_start_moves_but_producers_stay(partition: Partition) -> None:
    partition.append(batch(0))
    partition.state.on_log_start(50)
    assert (len(partition.state), partition.state.end_offset) == (1, 50)
    partition.state.reset(60)
    assert (len(partition.state), partition.state.end_offset) == (0, 60)


class Model:
    """All that one producer wrote: (epoch, first sequence, last sequence, first offset)."""

    def __init__(self) -> None:
        self.written: list[tuple[int, int, int, int]] = []

    def expect(self, epoch: int, first: int, last: int) -> int | type[ProducerStateError] | None:
        """The first copy's offset, the error, or None for an append."""
        if not self.written:
            return None
        newest = self.written[-1]
        current = [entry for entry in self.written if entry[0] == newest[0]]
        if epoch < newest[0]:
            return InvalidProducerEpoch
        if epoch > newest[0]:
            return None if first == 0 else OutOfOrderSequence
        for entry in current[-BATCHES_KEPT:]:
            if entry[1:3] == (first, last):
                return entry[3]
        return None if first == increment_sequence(newest[2], 1) else OutOfOrderSequence


appends = st.lists(
    st.tuples(st.integers(0, 1), st.integers(0, 2), st.integers(-4, 2), st.integers(1, 3)), min_size=1, max_size=40
)


@given(appends, st.sampled_from([0, 5, SEQUENCE_MAX - 3]))
def test_against_a_model_that_remembers_everything(moves: list[tuple[int, int, int, int]], begin: int) -> None:
    partition, models = Partition(), (Model(), Model())
    for producer, epoch, drift, count in moves:
        model = models[producer]
        following = increment_sequence(model.written[-1][2], 1) if model.written else begin
        first = 0 if model.written and epoch > model.written[-1][0] and drift else (following + drift) & SEQUENCE_MAX
        last = increment_sequence(first, count - 1)
        expected = model.expect(epoch, first, last)
        header = batch(first, count, producer=producer, epoch=epoch)
        if isinstance(expected, type):
            with pytest.raises(expected):
                partition.append(header)
            continue
        at = partition.end
        known = partition.append(header)
        assert (known.first_offset if known else None) == expected
        if known is None:
            model.written.append((epoch, first, last, at))
