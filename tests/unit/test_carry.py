"""What is carried in one piece, and when."""

from migrator.contents import ConfigurationTable, DatabaseFacts
from migrator.observation import DatabasePair
from migrator.phases import carry
from tests.builders import pair


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


def test_what_starts_nothing_is_told_without_more_ado() -> None:
    (told,) = carry.note(with_rows_of("pg_partman"), "m")
    assert "but for" not in told.remedy
