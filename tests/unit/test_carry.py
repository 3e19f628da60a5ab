"""What is carried in one piece, and when."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

import pytest

from migrator.contents import ConfigurationTable, Counted, DatabaseFacts
from migrator.model import Lsn
from migrator.observation import DatabasePair
from migrator.phases import carry
from migrator.phases.carry import UNLOGGED, Piece, Rows
from migrator.records import Ledger, LedgerCarried
from migrator.schema import Schema
from migrator.schema.table import Table
from tests import builders
from tests.builders import pair
from tests.unit.test_arrival import BARRIER, JOURNAL


def with_rows_of(*extensions: str) -> DatabasePair:
    tables = (ConfigurationTable(each, each, "job", "", is_sequence=False, filled=True) for each in extensions)
    return pair("shop", facts=DatabaseFacts(configuration=tuple(tables)))


def test_jobs_of_the_source_are_not_set_going_on_the_destination_before_the_switch() -> None:
    found = with_rows_of("pg_cron", "pg_partman")
    assert [each.what for each in carry.never_carried(found)] == ["extension pg_partman"]
    assert [each.what for each in carry.overdue(found, None) if each.late] == ["extension pg_cron"]
    (told,) = carry.note(found, "m")
    assert "extension pg_cron (pg_cron.job); extension pg_partman (pg_partman.job)" in told.message
    assert "but for extension pg_cron, whose jobs would run" in told.remedy


def test_nothing_is_carried_by_itself_once_everything_has_arrived() -> None:
    pair, done = replace(with_rows_of("pg_partman"), source_schema=Schema()), replace(JOURNAL, barrier=BARRIER)
    view = replace(builders.view(pairs=(pair,)), pair=pair)
    assert len(carry.examine(view).actions) == 1
    arrived = replace(view, observation=replace(view.observation, journal=done))
    assert carry.examine(arrived).actions == (), "the rows on the destination may be the applications' own"


def test_it_counts_under_which_barrier_it_was_carried() -> None:
    """Whatever the clocks say: they may be put back between the two."""
    early, late = BARRIER.taken_at - timedelta(hours=1), BARRIER.taken_at + timedelta(hours=1)
    for at, barrier, due in (
        (late, Lsn(0), True),
        (early, BARRIER.lsn, False),
        (late, None, False),
        (early, None, True),
    ):
        ledger = Ledger(True, carried={"extension pg_partman": LedgerCarried(at, 1, 1, barrier=barrier)})
        assert bool(carry.overdue(replace(with_rows_of("pg_partman"), ledger=ledger), BARRIER)) is due


SESSIONS = Piece(UNLOGGED, (Rows("public.session"),))


def counting(tables: Mapping[str, str], since: str = "1", **noted: object) -> DatabasePair:
    """A database of which `session` was carried when it had counted 5; `tables`, `since`: as the source counts now."""
    table = Table(1, "public", "session", "r", False, (), None, None, None, (), "d", None, (), unlogged=True)
    then = Counted({"public.session": "16400:16401:5"}, "1")
    last = LedgerCarried(BARRIER.taken_at, 1, 1, None, BARRIER.lsn, then.of(SESSIONS.relations), then.since)
    ledger = Ledger(True, carried={UNLOGGED: replace(last, **noted)})  # type: ignore[arg-type]
    facts = DatabaseFacts(counted=Counted(tables, since) if tables else Counted())
    return pair("shop", source_schema=Schema(tables=(table,)), facts=facts, ledger=ledger)


SAME, MORE, TRUNCATED = (
    {"public.session": f"16400:{rest}", "public.other": "1:1:9"} for rest in ("16401:5", "16401:6", "16409:5")
)


@pytest.mark.parametrize(
    ("seen", "due", "precious"),
    [
        (counting(SAME), (False, False), False),
        (counting({}), (False, False), False),
        (counting(SAME, barrier=Lsn(0)), (True, False), False),
        (counting({}, barrier=Lsn(0)), (True, True), False),
        (counting(MORE), (True, True), False),
        (counting(TRUNCATED), (True, True), False),
        (counting(SAME, "2"), (True, True), True),
        (counting(SAME, "2", barrier=Lsn(0)), (True, True), False),
        (counting(SAME, counted=None), (False, False), False),
    ],
)
def test_what_was_written_to_since_is_due_again(seen: DatabasePair, due: tuple[bool, bool], precious: bool) -> None:
    """Before everything has arrived, and after: then a later barrier alone makes nothing due. What a crash may have emptied on the
    source is not copied over what may be the last there is."""
    early = replace(BARRIER, arrived_at=None)
    assert (bool(carry.overdue(seen, early)), bool(carry.overdue(seen, BARRIER))) == due
    assert carry.is_precious(seen, SESSIONS, early) is precious
    assert carry.is_precious(seen, SESSIONS, BARRIER)


def test_sessions_that_are_open_tell_late_what_they_wrote() -> None:
    seen = counting(SAME)
    soon, later = (replace(seen, observed_at=BARRIER.taken_at + timedelta(seconds=seconds)) for seconds in (11, 12))
    assert carry.unsettled(soon, 1) and not carry.unsettled(soon, 0) and not carry.unsettled(later, 1)


def test_what_starts_nothing_is_told_without_more_ado() -> None:
    (told,) = carry.note(with_rows_of("pg_partman"), "m")
    assert "but for" not in told.remedy
