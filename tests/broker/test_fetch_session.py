"""KIP-227, rule by rule."""

from __future__ import annotations

from odradek.base.prng import seeded
from odradek.broker.fetch_session import FetchItem, FetchKey, FetchPlan, FetchSessionCache
from odradek.wire.errors import ErrorCode


def cache(slots: int = 10, evict_ms: int = 1000) -> FetchSessionCache:
    return FetchSessionCache(slots, evict_ms, seeded(1))


def items(*indexes: int, offset: int = 0) -> list[FetchItem]:
    return [FetchItem("t", b"", index, offset, 1000) for index in indexes]


def plan(
    sessions: FetchSessionCache,
    session_id: int,
    epoch: int,
    *indexes: int,
    now_ms: int = 0,
    forgotten: tuple[FetchKey, ...] = (),
    by_id: bool = False,
) -> FetchPlan:
    return sessions.plan(session_id, epoch, items(*indexes), forgotten, by_id=by_id, now_ms=now_ms)


def order(found: FetchPlan) -> list[int]:
    return [item.index for item in found.items]


def test_epoch_zero_opens_a_session_and_the_next_number_continues_it() -> None:
    sessions = cache()
    opened = plan(sessions, 0, 0, 0, 1)
    assert opened.session_id > 0 and not opened.incremental
    following = plan(sessions, opened.session_id, 1)
    assert following.incremental and order(following) == [0, 1]
    assert plan(sessions, opened.session_id, 2, 2, forgotten=(("t", 0),)).session_id == opened.session_id
    assert order(plan(sessions, opened.session_id, 3)) == [1, 2]


def test_epoch_minus_one_fetches_without_a_session_and_closes_the_old_one() -> None:
    sessions = cache()
    opened = plan(sessions, 0, 0, 0)
    assert plan(sessions, opened.session_id, -1, 0).session_id == 0
    assert plan(sessions, opened.session_id, 1).error == ErrorCode.FETCH_SESSION_ID_NOT_FOUND


def test_a_wrong_epoch_or_a_change_of_naming_is_refused() -> None:
    sessions = cache()
    opened = plan(sessions, 0, 0, 0)
    assert plan(sessions, opened.session_id, 7).error == ErrorCode.INVALID_FETCH_SESSION_EPOCH
    assert plan(sessions, opened.session_id, 1, by_id=True).error == ErrorCode.FETCH_SESSION_TOPIC_ID_ERROR


def test_a_session_that_forgets_everything_ends() -> None:
    sessions = cache()
    opened = plan(sessions, 0, 0, 0)
    assert plan(sessions, opened.session_id, 1, forgotten=(("t", 0),)).session_id == 0
    assert len(sessions) == 0


def test_partitions_that_had_records_go_to_the_end_of_the_order() -> None:
    sessions = cache()
    opened = plan(sessions, 0, 0, 0, 1, 2)
    assert opened.session is not None
    opened.session.served([("t", 0)])
    assert order(plan(sessions, opened.session_id, 1)) == [1, 2, 0]


def test_an_incremental_answer_holds_only_news() -> None:
    item = items(0)[0]
    assert item.has_news(0, 0, high_watermark=5, log_start=0)
    assert not item.has_news(0, 0, high_watermark=5, log_start=0)
    assert item.has_news(0, 10, high_watermark=5, log_start=0)
    assert item.has_news(0, 0, high_watermark=6, log_start=0)
    assert item.has_news(0, 0, high_watermark=6, log_start=1)
    assert item.has_news(ErrorCode.OFFSET_OUT_OF_RANGE, 0, high_watermark=6, log_start=1)
    assert item.has_news(0, 0, high_watermark=6, log_start=1), "after an error the partition is told again"


def test_a_changed_offset_keeps_what_was_told() -> None:
    sessions = cache()
    opened = plan(sessions, 0, 0, 0)
    assert opened.items[0].has_news(0, 0, 5, 0)
    changed = sessions.plan(opened.session_id, 1, items(0, offset=3), (), by_id=False, now_ms=0)
    assert changed.items[0].fetch_offset == 3
    assert not changed.items[0].has_news(0, 0, 5, 0)


def test_a_full_cache_gives_way_only_to_age_or_size() -> None:
    sessions = cache(slots=1, evict_ms=1000)
    first = plan(sessions, 0, 0, 0, now_ms=0)
    assert plan(sessions, 0, 0, 0, now_ms=10).session_id == 0, "full, and the first is young"
    plan(sessions, first.session_id, 1, now_ms=900)
    assert plan(sessions, 0, 0, 0, now_ms=1500).session_id == 0, "old, but in use and no smaller"
    assert plan(sessions, 0, 0, 0, 1, now_ms=1500).session_id > 0, "a larger one replaces an old smaller one"
    assert plan(sessions, 0, 0, 0, now_ms=3000).session_id > 0, "idle for long"
    assert (len(sessions), sessions.evictions_total) == (1, 2)


def test_no_slots_means_full_fetches() -> None:
    assert plan(cache(slots=0), 0, 0, 0).session_id == 0
