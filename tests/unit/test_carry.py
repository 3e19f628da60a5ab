"""What is carried in one piece, and when."""

from dataclasses import replace
from datetime import timedelta

from migrator.contents import ConfigurationTable, DatabaseFacts
from migrator.model import Lsn
from migrator.observation import DatabasePair
from migrator.phases import carry
from migrator.records import Ledger, LedgerCarried
from migrator.schema import Schema
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


def test_what_starts_nothing_is_told_without_more_ado() -> None:
    (told,) = carry.note(with_rows_of("pg_partman"), "m")
    assert "but for" not in told.remedy
