"""The ledger's parts on a real server: cut once, given up as a whole, and older ledgers brought up to date."""

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import psycopg
import pytest

from migrator import ledger
from migrator.catalog import ledger_tables
from migrator.cluster import Cluster
from migrator.connection import Session, connect, session_of
from migrator.journal_format import upgrade_ledger
from migrator.parts import Part, cut

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


def test_a_relation_is_cut_once(sessions: Sessions) -> None:
    """Whoever comes second, perhaps with other bounds since the table has grown, adds nothing."""
    first, second = sessions(), sessions()
    mine, theirs = cut("public.t", 4 * 8192, 4, 8192), cut("public.t", 6 * 8192, 6, 8192)
    answers: list[bool] = []
    with first.transaction():
        assert ledger.note_parts(first, "m", 1, 4242, mine)
        late = threading.Thread(target=lambda: answers.append(ledger.note_parts(second, "m", 1, 4242, theirs)))
        late.start()
    late.join(30)
    assert answers == [False]
    found = ledger.read_parts(first, "m")
    assert tuple(each.part for each in found) == mine and {each.filenode for each in found} == {4242}


def test_parts_are_read_by_relation_and_state(sessions: Sessions) -> None:
    session = sessions()
    ledger.note_parts(session, "m", 1, 1, cut("public.t", 8192 * 2, 2, 8192))
    ledger.note_parts(session, "m", 1, 4_000_000_000, [Part('public."O"', 1, 0, None)])
    session.execute(
        "UPDATE migrator.parts SET copied_at = now(), rows = 1, bytes = 2 WHERE number = 1 AND relation = 'public.t'"
    )
    assert [(each.part.relation, each.part.number) for each in ledger.read_parts(session, "m", finished=False)] == [
        ('public."O"', 1),
        ("public.t", 2),
    ]
    (only,) = ledger.read_parts(session, "m", ['public."O"'])
    assert only.filenode == 4_000_000_000 and only.copied_at is None
    assert not ledger.read_parts(session, "other")


def test_what_is_discarded_loses_rows_and_parts_together(sessions: Sessions) -> None:
    session = sessions()
    ledger.note_parts(session, "m", 1, 1, cut("public.t", 8192, 1, 8192))
    ledger.discard_parts(session, "m", 1, "public.t")
    assert rows(session) == 0 and not ledger.read_parts(session, "m")


def test_a_table_without_our_parts_is_not_emptied(sessions: Sessions) -> None:
    session = sessions()
    ledger.discard_parts(session, "m", 1, "public.t")
    ledger.retire_group(session, "m", 1, ["public.t"])
    assert rows(session) == 2


def test_retiring_waits_for_a_part_being_copied(sessions: Sessions) -> None:
    """And gives up as a whole where that takes longer than its patience."""
    copier, other = sessions(), sessions()
    ledger.note_parts(copier, "m", 1, 1, cut("public.t", 8192, 1, 8192))
    with copier.transaction():
        copier.execute("SELECT 1 FROM migrator.groups WHERE mapping = 'm' AND number = 1 FOR KEY SHARE")
        with pytest.raises(psycopg.errors.LockNotAvailable):
            ledger.retire_group(other, "m", 1, ["public.t"])
    assert ledger.read_parts(other, "m") and rows(other) == 2
    ledger.retire_group(other, "m", 1, ["public.t"])
    assert not ledger.read_parts(other, "m") and rows(other) == 0
    assert other.execute("SELECT 1 FROM migrator.groups WHERE retired_at IS NOT NULL").fetchone()


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
