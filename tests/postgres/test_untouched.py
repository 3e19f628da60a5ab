"""The list of what initdb made: sent once, known by its digest afterwards, and anew whenever it would be another."""

from collections.abc import Callable

import pytest
from psycopg.rows import tuple_row

from migrator.catalog import sql
from migrator.connection import Session, session_of
from migrator.machines.cluster import Cluster
from migrator.schema import privilege
from migrator.schema.row import Answer, Row
from migrator.schema.spelling import unquoted

ROUTINES = "SELECT oid::regprocedure::text FROM pg_proc WHERE oid < 16384 AND proacl IS NULL"


def ask(session: Session, *known: str) -> Row:
    with session.cursor(row_factory=tuple_row) as cursor:
        cursor.execute(sql("untouched", 0, "migrator.schema"), {"relations": None, "known": list(known)})
        columns = tuple(column.name for column in cursor.description or ())
        (row,) = Answer(columns, cursor.fetchall())
        return row


@pytest.mark.parametrize("version", [15, 18])
def test_the_list_is_sent_once_and_the_same_afterwards(
    version: int, shared: Callable[[int], Cluster], database: Callable[..., str]
) -> None:
    here = shared(version)
    with session_of(here.spec("source"), database(here), "test") as session:
        first = ask(session)
        listed = privilege.read_untouched(first)
        again = ask(session, first.text("digest"))
        assert again.text_or_none("of_initdb") is None
        assert first.text("digest") in privilege.known_digests()
        assert privilege.read_untouched(again) == listed
        with session.cursor(row_factory=tuple_row) as cursor:
            expected = {unquoted(name) for (name,) in cursor.execute(ROUTINES)}
    assert {identity for kind, identity, _ in listed if kind == "ROUTINE"} == expected and len(expected) > 3000
    assert {("TYPE", "pg_catalog.int4", ""), ("LANGUAGE", "plpgsql", ""), ("LANGUAGE", "internal", "")} <= listed


@pytest.mark.parametrize(
    ("change", "key"),
    [
        ("GRANT EXECUTE ON FUNCTION pg_catalog.abs(integer) TO pg_monitor", ("ROUTINE", "abs(integer)", "")),
        ("ALTER FUNCTION pg_catalog.abs(integer) RENAME TO absolute", ("ROUTINE", "abs(integer)", "")),
        ("GRANT USAGE ON TYPE pg_catalog.int4 TO pg_monitor", ("TYPE", "pg_catalog.int4", "")),
        ("REVOKE USAGE ON LANGUAGE plpgsql FROM PUBLIC", ("LANGUAGE", "plpgsql", "")),
        ("GRANT USAGE ON SCHEMA pg_toast TO pg_monitor", ("SCHEMA", "pg_toast", "")),
    ],
)
def test_a_change_makes_it_another(
    change: str, key: privilege.Key, shared: Callable[[int], Cluster], database: Callable[..., str]
) -> None:
    here = shared(16)
    with session_of(here.spec("source"), database(here), "test") as session:
        before = ask(session)
        with session.transaction(force_rollback=True):
            session.execute(change.encode())
            after = ask(session, before.text("digest"))
            assert after.text_or_none("of_initdb") is not None
        assert key not in privilege.read_untouched(after)
        assert ask(session, before.text("digest")).text_or_none("of_initdb") is None
        if not change.startswith("ALTER"):
            assert privilege.read_untouched(before) - privilege.read_untouched(after) == {key}


def test_a_schema_that_one_was_moved_to_is_part_of_its_name(
    shared: Callable[[int], Cluster], database: Callable[..., str]
) -> None:
    here = shared(16)
    with session_of(here.spec("source"), database(here), "test") as session, session.transaction(force_rollback=True):
        session.execute("CREATE SCHEMA own")
        session.execute("ALTER FUNCTION pg_catalog.abs(integer) SET SCHEMA own")
        before = ask(session)
        session.execute("ALTER SCHEMA own RENAME TO other")
        after = ask(session, before.text("digest"))
        assert ("ROUTINE", "own.abs(integer)", "") in privilege.read_untouched(before)
        assert ("ROUTINE", "other.abs(integer)", "") in privilege.read_untouched(after)
