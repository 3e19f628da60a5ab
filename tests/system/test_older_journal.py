"""A migration that an older version of the tool began: its journal and ledger get what they lack, and it goes on."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from migrator import control
from migrator.bookkeeping import journal, journal_format
from migrator.bookkeeping.journal_format import JOURNAL, LEDGER, is_outdated
from migrator.catalog import created_tables, journal_tables
from migrator.connection import session_of
from migrator.errors import MigratorError
from migrator.machines.cluster import Cluster
from migrator.steps import Status
from migrator.tick.reconcile import assess, drive
from tests.system.scenario import checksums, mapping, ours_left, to_the_light

AS_THE_JOURNAL_WAS = """
ALTER TABLE migrator.mappings DROP COLUMN source, DROP COLUMN source_rate_limit_mbps, DROP COLUMN stable_at, DROP COLUMN arrived_at;
ALTER TABLE migrator.roles DROP COLUMN created;
ALTER TABLE migrator.databases DROP COLUMN created, DROP CONSTRAINT databases_target_key;
"""
AS_THE_LEDGER_WAS = "ALTER TABLE migrator.groups DROP COLUMN database, DROP COLUMN retired_at; DROP TABLE migrator.parts, migrator.given"


def test_what_an_older_version_began_goes_on(cluster: Callable[..., Cluster]) -> None:
    source, destination = cluster(16), cluster(18)
    source.execute("CREATE DATABASE shop")
    source.execute(
        "CREATE ROLE app; CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1); ALTER TABLE t OWNER TO app",
        "shop",
    )
    spec = mapping(source, destination)
    to_the_light(spec)
    destination.execute(AS_THE_JOURNAL_WAS)
    destination.execute(AS_THE_LEDGER_WAS, "shop")

    # A look changes nothing, and takes nothing for lost.
    told = assess(spec)
    assert {finding.code for finding in told.decision.findings if finding.blocking} == {"journal_refused"}
    assert not [*told.decision.actions]

    # An order to the journal needs no tick before; a ledger is mended by the tick, under its lock.
    control.set_rate_limit(spec, 50.0)
    told = assess(spec)
    assert {finding.code for finding in told.decision.findings if finding.blocking} == {"database_unreadable"}
    assert "older version" in (told.observation.databases[0].target_error or "")
    assert not [*told.decision.actions]
    seen = drive(spec)
    assert seen is not None and seen.observation.databases[0].ledger.groups[0].subscription_oid is not None
    assert destination.execute("SELECT database FROM migrator.groups", "shop") == [("shop",)]

    source.execute("INSERT INTO t VALUES (2)", "shop")
    assert to_the_light(spec).status is Status.CUTOVER_READY
    assert checksums(source, "shop") == checksums(destination, "shop")
    control.take_barrier(spec)
    assert not control.complete(spec).left
    assert not ours_left(source) and not ours_left(destination)


def test_every_added_column_stands_in_the_tables_too(
    shared: Callable[[int], Cluster], database: Callable[..., str]
) -> None:
    name = database(shared(18))
    with session_of(shared(18).spec("dst"), name, "test") as session:
        for form in (JOURNAL, LEDGER):
            assert not is_outdated(session, form)
            session.execute(form.tables)
            assert not is_outdated(session, form)
            session.execute(form.columns)  # which the new tables have
            session.execute(form.tables)
        session.execute("DROP TABLE migrator.relations")
        assert is_outdated(session, LEDGER)
        assert journal_format.upgrade_ledger(session, "m", "shop")
        assert not is_outdated(session, LEDGER)
        of_work = [name for name in created_tables(JOURNAL.tables) if name != "mappings"]
        session.execute("".join(f"DROP TABLE migrator.{name};" for name in of_work))  # no mapping is at work
        assert not is_outdated(session, JOURNAL)


def test_a_journal_of_another_role_is_told(cluster: Callable[..., Cluster]) -> None:
    destination = cluster(18)
    destination.execute("CREATE ROLE other LOGIN")
    destination.execute(journal_tables())
    with session_of(replace(destination.spec("dst"), username="other"), None, "test") as session:
        with pytest.raises(MigratorError, match=r"cannot be read.*role that began"):
            journal.read_journal(session, "m")
        destination.execute(AS_THE_JOURNAL_WAS)
        with pytest.raises(MigratorError, match=r"cannot be brought up to date.*role that began"):
            journal_format.upgrade_journal(session)
