"""The journal of several mappings on one destination: what the end of one takes away, and from whom."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace

from migrator.bookkeeping import barriers, intents, journal
from migrator.connection import Session, session_of
from migrator.machines.cluster import Cluster
from migrator.model import Lsn
from migrator.phases.noting import noted
from migrator.records import UNENDED, Identity, Intent

WAITS = "SELECT 1 FROM pg_stat_activity WHERE application_name = 'reader' AND wait_event_type = 'Lock'"


def begin(session: Session) -> None:
    for mapping in ("one", "two"):
        journal.begin(session, mapping, Identity("1", 1), Identity("2", 1))


@contextmanager
def begun(server: Cluster) -> Iterator[tuple[Session, Session]]:
    """Both mappings, and two sessions at them: of who ends one, and of who writes meanwhile."""
    with (
        session_of(server.spec("new"), None, "ender") as ender,
        session_of(server.spec("new"), None, "writer") as writer,
    ):
        begin(ender)
        yield ender, writer


NOTES = (
    ("replica_identities", {"database": "'shop'", "oid": "7", "relation": "'public.t'", "before": "'d'"}),
    ("self_memberships", {"role": "'owner'"}),
    ("worker_settings", {"database": "'shop'", "setting": "'array_nulls'", "before": "NULL"}),
)


def test_an_end_takes_no_note_away_that_it_has_not_seen(cluster: Callable[..., Cluster]) -> None:
    """What was altered would stay so, and nobody would know. None is written any more once the end has begun."""
    server = cluster(18)
    with begun(server) as (ender, writer):
        intents.write(ender, "two", Intent.ABORTING, UNENDED)
        for table, values in NOTES:
            note = noted("one", table, values).sql
            assert writer.execute(note).fetchone() == writer.execute(note).fetchone() == {"noted": True}
            assert writer.execute(noted("two", table, values).sql).fetchone() is None
        assert not journal.finish(ender, "one", Intent.ABORTED, journal.NOT_BEGUN)
        seen = journal.read_journal(ender, "one")
        assert seen.intent is Intent.MIGRATE
        assert len(seen.identities) == len(seen.self_memberships) == len(seen.worker_settings) == 1
        assert journal.finish(ender, "one", Intent.ABORTED, seen)
        assert server.execute("SELECT 1 FROM migrator.worker_settings") == []


def test_an_end_begins_behind_a_note_that_is_being_written(cluster: Callable[..., Cluster]) -> None:
    server = cluster(18)
    with begun(server) as (ender, writer):
        ending = threading.Thread(target=lambda: intents.write(ender, "one", Intent.ABORTING, UNENDED))
        with writer.transaction():
            writer.execute(noted("one", *NOTES[1]).sql)
            ending.start()
            ending.join(0.5)
            assert ending.is_alive()
        ending.join(30)
        assert journal.read_journal(ender, "one").self_memberships == ("owner",)


def test_reading_survives_the_end_of_another_mapping(cluster: Callable[..., Cluster]) -> None:
    """The tables stand when the reader asks for them, and are gone when it reads them: it reads anew."""
    server = cluster(18)
    with ExitStack() as stack:
        reader, ender = (
            stack.enter_context(session_of(server.spec("new"), None, name)) for name in ("reader", "ender")
        )
        begin(ender)
        assert journal.finish(ender, "one", Intent.COMPLETED, journal.NOT_BEGUN)
        read: list[Intent] = []
        thread = threading.Thread(target=lambda: read.append(journal.read_journal(reader, "one").intent))
        with ender.transaction():
            journal.finish(ender, "two", Intent.COMPLETED, journal.NOT_BEGUN)
            thread.start()
            while not server.execute(WAITS):
                time.sleep(0.01)
        thread.join(30)
        assert read == [Intent.COMPLETED]


def test_a_wish_is_written_only_over_what_it_was_given_for(cluster: Callable[..., Cluster]) -> None:
    """Whoever reads, thinks and writes finds out that another was quicker."""
    with session_of(cluster(18).spec("new"), None, "test") as session:
        journal.begin(session, "one", Identity("1", 1), Identity("2", 1))
        barriers.take(session, "one", Lsn(16))
        barrier = journal.read_journal(session, "one").barrier
        assert barrier is not None
        barriers.take(session, "one", Lsn(32))
        assert not intents.write(session, "one", Intent.COMPLETING, UNENDED, barrier=barrier)
        assert intents.write(session, "one", Intent.PAUSED, UNENDED)
        assert not barriers.take(session, "one", Lsn(48)), "a pause takes none"
        assert intents.write(session, "one", Intent.ABORTING, UNENDED)
        for late in (Intent.MIGRATE, Intent.PAUSED, Intent.COMPLETING):
            assert not intents.write(session, "one", late, UNENDED)
        assert not barriers.lift(session, "one")
        completing, aborting = (
            replace(journal.NOT_BEGUN, intent=each) for each in (Intent.COMPLETING, Intent.ABORTING)
        )
        assert not journal.finish(session, "one", Intent.COMPLETED, completing), "it is aborting by now"
        assert journal.finish(session, "one", Intent.ABORTED, aborting)
        assert journal.read_journal(session, "one").intent is Intent.ABORTED
