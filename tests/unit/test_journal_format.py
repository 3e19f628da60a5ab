"""Every column that the first version did not have is given to the tables of older versions."""

import re

import pytest

from migrator.bookkeeping import journal
from migrator.bookkeeping.journal_format import JOURNAL, LEDGER, Format
from migrator.catalog import added_columns, created_tables

FIRST = {
    "mappings": "name intent intent_at source_system_identifier source_timeline destination_system_identifier"
    " destination_timeline rate_limit_mbps quiet_since barrier barrier_at source_gone",
    "markers": "mapping lsn emitted_at confirmed_at",
    "roles": "mapping role",
    "databases": "mapping database target",
    "groups": "mapping number name publication_oid publication_xmin slot_created subscription_oid source_system_identifier"
    " source_timeline destination_system_identifier destination_timeline",
    "relations": "mapping relation group_number source_oid publication_rel_oid admitted_at",
}
"""The columns of the first version's tables. Tables made since are made as they are now, unless they get columns later."""


def columns(tables: str) -> dict[str, set[str]]:
    """The columns of each table, by the statements that make them: one a line."""
    bodies = re.findall(r"CREATE TABLE IF NOT EXISTS migrator\.(\w+) \((.*?)\n\);", tables, re.DOTALL)
    return {name: set(re.findall(r"^    ([a-z_]+) ", body, re.MULTILINE)) for name, body in bodies}


@pytest.mark.parametrize("form", [JOURNAL, LEDGER])
def test_every_later_column_is_added(form: Format) -> None:
    made = columns(form.tables)
    assert list(made) == created_tables(form.tables)
    later = {(table, column) for table in FIRST.keys() & made for column in made[table] - set(FIRST[table].split())}
    added = set(added_columns(form.columns))
    assert later == {(table, column) for table, column in added if table in FIRST}
    assert all(column in made[table] for table, column in added)


def test_the_tables_that_go_with_the_last_mapping_are_all_but_the_first() -> None:
    """Where only some of them stand, an older version is taken to have made them."""
    assert [*created_tables(JOURNAL.tables)] == ["mappings", *journal._OF_WORK]
