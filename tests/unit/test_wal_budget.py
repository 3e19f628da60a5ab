"""What slots keep, how fast that grows, when it is told, and what is done about it. The dropping itself is tested on real servers."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from migrator.bookkeeping.journal import NOT_BEGUN
from migrator.config import CopyMethod, Replication, WalBudgetAction
from migrator.contents import RelationSize
from migrator.model import Lsn, Slot
from migrator.phases import wal_budget, wal_forecast
from migrator.phases.view import View
from migrator.phases.wording import duration
from migrator.records import Marker
from tests.builders import DESTINATION_SYSTEM, NOW, group, instance, pair, slot, view

GB, MB = 2**30, 2**20
HERE = 100 * GB


def seen(*slots: Slot, rate: float | None = None, markers: tuple[Marker, ...] = (), **replication: Any) -> View:
    source = instance(slots=slots, wal_lsn=Lsn(HERE), wal_bytes_per_second=rate)
    asked = view(source=source, pairs=(pair(),), replication=Replication(wal_budget_gb=64, **replication))
    return replace(asked, observation=replace(asked.observation, journal=replace(NOT_BEGUN, markers=markers)))


def keeping(kept: float, **fields: Any) -> Slot:
    return slot(group(), restart_lsn=Lsn(HERE - int(kept)), **fields)


def codes(asked: View) -> list[str]:
    return [finding.code for finding in wal_budget.findings(asked)]


@pytest.mark.parametrize(
    ("held", "rate", "expected"),
    [
        (
            keeping(0.1 * GB),
            500 * MB,
            [],
        ),  # a busy source, all well: a fifth of a percent is no alarm however fast it grows
        (keeping(15 * GB), 500 * MB, []),
        (keeping(20 * GB), 1 * MB, []),  # eleven hours left
        (keeping(20 * GB), 50 * MB, ["wal_budget_near"]),  # a quarter of an hour left
        (keeping(52 * GB), None, ["wal_budget_near"]),
        (keeping(65 * GB), None, ["wal_budget_exceeded"]),
        (keeping(1 * GB, safe_wal_size=100 * MB, wal_status="extended"), None, ["wal_budget_near"]),
        (keeping(1 * GB, safe_wal_size=3 * GB, wal_status="extended"), None, []),
        (keeping(1 * GB, safe_wal_size=-5, wal_status="unreserved"), None, ["slot_losing_wal"]),
        (slot(group(), restart_lsn=None, wal_status="lost"), None, []),  # keeps nothing; told elsewhere
    ],
)
def test_when_it_is_told(held: Slot, rate: float | None, expected: list[str]) -> None:
    assert codes(seen(held, rate=rate)) == expected


def test_slots_of_tables_being_copied_count_and_others_do_not() -> None:
    sync = slot(f"pg_16400_sync_16500_{DESTINATION_SYSTEM}", restart_lsn=Lsn(HERE - 65 * GB))
    foreign = slot("theirs", restart_lsn=Lsn(1))
    asked = seen(keeping(1 * MB), sync, foreign)
    assert codes(asked) == [], "of a subscription that is not ours"
    ours = replace(asked.observation.databases[0], subscriptions=(_subscription(16400),))
    asked = replace(asked, observation=replace(asked.observation, databases=(ours,)))
    assert codes(asked) == ["wal_budget_exceeded"]
    assert [each.slot.name for each in wal_budget.retentions(asked.observation, 64)] == [sync.name, group()]


def _subscription(oid: int) -> Any:
    class Known:
        name = group()

    Known.oid = oid  # type: ignore[attr-defined]
    return Known()


def test_the_rate_is_that_since_the_last_marker_that_got_through() -> None:
    marker = Marker(Lsn(HERE - 600 * MB), NOW - timedelta(seconds=60), NOW)
    asked = seen(keeping(4 * GB), rate=1.0, markers=(marker,))
    assert wal_budget.bytes_per_second(asked.observation) == 10 * MB
    assert wal_budget.seconds_left(asked.observation, 64) == 60 * GB / (10 * MB)
    fresh = replace(marker, emitted_at=NOW - timedelta(seconds=0.5))
    assert wal_budget.bytes_per_second(seen(rate=7.0, markers=(fresh,)).observation) == 7.0
    assert wal_budget.seconds_left(seen(keeping(1), rate=None).observation, 64) is None


def test_the_message_names_slot_rate_and_time() -> None:
    (told,) = wal_budget.findings(seen(keeping(60 * GB), rate=10 * MB))
    assert "keeps 60.0 GB" in told.message and group() in told.message and "database shop" in told.message
    assert "10.0 MB/s of WAL: used up in 7 min" in told.message
    (told,) = wal_budget.findings(seen(keeping(65 * GB), wal_budget_action=WalBudgetAction.DROP_SLOT))
    assert "dropped now" in told.message


def test_what_is_stopped() -> None:
    for action, pauses in (
        (WalBudgetAction.NONE, False),
        (WalBudgetAction.PAUSE_COPY, True),
        (WalBudgetAction.DROP_SLOT, True),
    ):
        assert wal_budget.pauses(seen(keeping(65 * GB), wal_budget_action=action)) is pauses
        assert not wal_budget.pauses(seen(keeping(63 * GB), wal_budget_action=action))


def forecast(sizes: list[float], rate: float, databases: int = 1, keep: str = "-1", **spec: Any) -> list[str]:
    relations = {f"public.t{number}": RelationSize(int(size), 1) for number, size in enumerate(sizes)}
    pairs = tuple(pair(f"d{number}", sizes=relations if number == 0 else {}) for number in range(databases))
    source = instance(settings={"max_slot_wal_keep_size": keep}, wal_bytes_per_second=rate)
    asked = view(source=source, pairs=pairs, **{"replication": Replication(wal_budget_gb=64), **spec})
    return [finding.code for finding in wal_forecast.findings(asked)]


def test_what_the_copy_will_need_is_foretold() -> None:
    hour = 50 * MB * 3600.0  # bytes of a copy that takes an hour
    assert forecast([hour], 10 * MB) == []
    assert forecast([hour], 20 * MB) == ["wal_budget_small"]
    assert forecast([hour / 2, hour / 2], 20 * MB) == ["wal_budget_small"], "one slot for all of a group's copies"
    native = CopyMethod.SUBSCRIPTION
    assert forecast([hour / 2, hour / 2], 20 * MB, copy_method=native) == [], "PostgreSQL's own copy: a slot per table"
    assert forecast([hour], 20 * MB, copy_method=native) == ["wal_budget_small"]
    assert forecast([hour], 1 * MB, keep="1024") == ["wal_budget_small"]
    slow = Replication(wal_budget_gb=64, rate_limit_mbps=5)
    assert forecast([hour], 10 * MB, replication=slow) == ["wal_budget_small"]
    assert forecast([1.0], 9 * MB, databases=10) == []
    assert forecast([1.0], 11 * MB, databases=10) == ["decoders_many"]
    drops = Replication(wal_budget_action=WalBudgetAction.DROP_SLOT)
    assert forecast([1.0], 0, replication=drops) == ["wal_budget_drops_slot"]


def test_durations() -> None:
    assert [duration(seconds) for seconds in (40, 600, 12_600, 200_000)] == ["40 s", "10 min", "3.5 h", "2.3 days"]
