"""What stands still, and since when."""

from datetime import UTC, datetime, timedelta

from migrator.reports.movement import moved_at, stalled_since

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


def seen(minutes: float, copied: int, **fields: object) -> dict[str, object]:
    return {
        "observed_at": (NOON + timedelta(minutes=minutes)).isoformat(),
        "status": "in_progress",
        "phase": "initial_copy",
        "progress": {"bytes_copied": copied},
        "totals": {"relations": {"ready": 1}},
        "groups": [{"confirmed_lsn": "0/10"}],
        **fields,
    }


def test_movement_is_dated_as_far_back_as_summaries_go() -> None:
    first = {**seen(0, 5), "moved_at": moved_at(seen(0, 5), None)}
    assert first["moved_at"] == NOON.isoformat()
    assert moved_at(seen(1, 5), first) == NOON.isoformat()
    for other in (seen(1, 6), seen(1, 5, phase="catchup"), seen(1, 5, groups=[{"confirmed_lsn": "0/20"}])):
        assert moved_at(other, first) == other["observed_at"]


def test_only_what_ought_to_move_stands_still() -> None:
    def of(**fields: object) -> str | None:
        return stalled_since({**seen(20, 5), "moved_at": NOON.isoformat(), **fields}, 15)

    assert of() == NOON.isoformat()
    assert of(observed_at=(NOON + timedelta(minutes=15)).isoformat()) is None
    assert of(status="synced") is None
    assert of(status="paused") is None
    assert of(phase="post_data") is None, "an index build moves nothing that is counted"
