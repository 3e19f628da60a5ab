"""The ledger's parts on a real server: cut once, given up as a whole, and older ledgers brought up to date."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import psycopg
import pytest

from migrator.bookkeeping import ledger
from migrator.bookkeeping.journal_format import upgrade_ledger
from migrator.catalog import ledger_tables
from migrator.connection import Session, connect, session_of
from migrator.copying.leaving import leave_group
from migrator.machines.cluster import Cluster
from migrator.parts import Part, cut
from migrator.phases import giving_up

Sessions = Callable[[], Session]
OLD_GROUPS = """
CREATE SCHEMA migrator;
COMMENT ON SCHEMA migrator IS 'pg-migrator journal and ledger, format 1';
CREATE TABLE migrator.groups (mapping text, database text, number integer, name text, PRIMARY KEY (mapping, number));
"""


@pytest.fixture
def sessions(shared: Callable[[int], Cluster], database: Callable[..., str]) -> Iterator[Sessions]:
    """Sessions in one destination database with a ledger, a group 1 and a table of two rows."""
    cluster = shared(18)
    name = database(cluster)
    with ExitStack() as stack:

        def open_one() -> Session:
            session = connect(cluster.spec("new"), name, "test", {"lock_timeout": "500"})
            stack.callback(session.close)
            return session

        session = open_one()
        session.execute(ledger_tables())
        session.execute(
            "INSERT INTO migrator.groups VALUES ('m', 'app', 1, 'g1', NULL, NULL, false, NULL, '1', 1, '2', 1, NULL, NULL)"
        )
        session.execute("CREATE TABLE public.t (a int); INSERT INTO public.t VALUES (1), (2)")
        yield open_one


def rows(session: Session) -> int:
    found = session.execute("SELECT count(*) AS n FROM public.t").fetchone()
    assert found is not None
    return int(found["n"])


def begin(session: Session, *parts: Part) -> None:
    """The relation public.t belongs to group 1, which is cut into these parts."""
    session.execute(
        "INSERT INTO migrator.relations (mapping, relation, group_number, source_oid) VALUES ('m', 'public.t', 1, 7)"
    )
    ledger.note_parts(session, "m", 1, [(4_000_000_000, part) for part in parts])


def in_ledger(session: Session) -> int:
    found = session.execute("SELECT count(*) AS n FROM migrator.parts").fetchone()
    assert found is not None
    return int(found["n"])


def mark_copied(session: Session, number: int) -> None:
    session.execute("UPDATE migrator.parts SET copied_at = now(), rows = 1, bytes = 2 WHERE number = %s", (number,))


def give_up(session: Session, which: str) -> None:
    with session.transaction():
        session.execute(giving_up.lock("m", 1).encode())
        session.execute(giving_up.removal("m", 1, which).encode())


def test_a_group_is_cut_once(sessions: Sessions) -> None:
    """Whoever comes second, perhaps with other bounds since the table has grown, adds nothing."""
    session = sessions()
    begin(session, *cut("public.t", 4 * 8192, 4, 8192))
    with pytest.raises(psycopg.errors.UniqueViolation), session.transaction():
        late = [(1, part) for part in reversed(cut("public.t", 6 * 8192, 6, 8192))]
        ledger.note_parts(session, "m", 1, late)
    assert in_ledger(session) == 4


def test_what_leaves_loses_rows_and_parts_together(sessions: Sessions) -> None:
    session = sessions()
    begin(session, *cut("public.t", 2 * 8192, 2, 8192))
    mark_copied(session, 1)
    leave_group(session, "m", 1, "public.t", lambda: False)
    assert rows(session) == 0 and in_ledger(session) == 0
    (left,) = session.execute("SELECT group_number FROM migrator.relations").fetchall()
    assert left["group_number"] == giving_up.LEFT


def test_a_table_that_received_nothing_of_ours_is_not_emptied(sessions: Sessions) -> None:
    session = sessions()
    begin(session, *cut("public.t", 8192, 1, 8192))
    leave_group(session, "m", 1, "public.t", lambda: False)
    leave_group(session, "m", 1, "public.t", lambda: False)
    assert rows(session) == 2 and in_ledger(session) == 0


def test_what_is_finished_stays(sessions: Sessions) -> None:
    session = sessions()
    begin(session, *cut("public.t", 2 * 8192, 2, 8192))
    mark_copied(session, 1)
    mark_copied(session, 2)
    give_up(session, giving_up.UNFINISHED)
    assert rows(session) == 2 and in_ledger(session) == 2


def test_giving_up_waits_for_a_part_being_copied(sessions: Sessions) -> None:
    """And gives up as a whole where that takes longer than its patience."""
    copier, other = sessions(), sessions()
    begin(copier, *cut("public.t", 2 * 8192, 2, 8192))
    mark_copied(copier, 1)
    with copier.transaction():
        copier.execute("SELECT 1 FROM migrator.groups WHERE mapping = 'm' AND number = 1 FOR KEY SHARE")
        with pytest.raises(psycopg.errors.LockNotAvailable):
            give_up(other, giving_up.UNFINISHED)
    assert in_ledger(other) == 2 and rows(other) == 2
    give_up(other, giving_up.UNFINISHED)
    assert in_ledger(other) == 0 and rows(other) == 0


def test_an_older_ledger_gets_its_columns_and_a_newer_one_is_left_alone(
    shared: Callable[[int], Cluster], database: Callable[..., str]
) -> None:
    """A ledger that has them is not even locked: parts being copied hold locks on it for minutes."""
    cluster = shared(18)
    name = database(cluster)
    cluster.execute(OLD_GROUPS, name)
    with session_of(cluster.spec("dst"), name, "test") as session:
        assert upgrade_ledger(session, "m", "shop")
    cluster.execute("SELECT snapshot_lsn, retired_at FROM migrator.groups", name)
    with cluster.connect(name) as copier, copier.transaction():
        copier.execute("SELECT 1 FROM migrator.groups FOR KEY SHARE")
        cluster.execute("SET lock_timeout = 500; " + ledger_tables(), name)
        with session_of(cluster.spec("dst"), name, "test") as session:
            session.execute("SET lock_timeout = 500")
            assert not upgrade_ledger(session, "m", "shop")
