"""Looks at real servers: what one locked table hides, which sessions stay open, and how many there may be."""

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from psycopg.errors import LockNotAvailable

from migrator.bookkeeping import journal, ledger
from migrator.config import DatabaseSelection, InstanceSpec, MappingSpec, Replication
from migrator.connection import Session, connect, session_of
from migrator.contents import Sequences
from migrator.errors import MigratorError, SessionLimitError
from migrator.looks import pair, pairing
from migrator.looks.counters import read_sequences
from migrator.looks.observe import Looker
from migrator.looks.remembered import SchemaCache
from migrator.looks.schema_reading import read_fingerprint, read_schema
from migrator.looks.sessions import Sessions
from migrator.machines.cluster import Cluster
from migrator.model import Lsn
from migrator.observation import DatabasePair, Scope
from migrator.records import Barrier, Ledger
from migrator.schema import Schema

TABLES = """
CREATE TABLE one (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text CHECK (name <> ''),
    half int GENERATED ALWAYS AS (1) STORED);
CREATE INDEX one_name ON one (lower(name)) WHERE name IS NOT NULL;
CREATE TABLE two (id bigint PRIMARY KEY, one bigint REFERENCES one);
CREATE VIEW named AS SELECT one.id, two.id AS other FROM one JOIN two ON two.one = one.id;
CREATE POLICY those ON two USING (one IN (SELECT id FROM one));
CREATE RULE also_one AS ON DELETE TO two DO ALSO DELETE FROM one WHERE id = old.one;
CREATE FUNCTION many() RETURNS bigint LANGUAGE sql BEGIN ATOMIC SELECT count(*) FROM one; END;
CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE TRIGGER touched BEFORE UPDATE ON one FOR EACH ROW WHEN (old.name <> new.name) EXECUTE FUNCTION touch();
INSERT INTO one (name) SELECT 'name' FROM generate_series(1, 1000);
"""

OURS = "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'pg-migrator %'"


@pytest.fixture
def spec(shared: Callable[[int], Cluster], database: Callable[..., str]) -> MappingSpec:
    """A mapping of one database with two tables, to a server that has the same."""
    source, destination = shared(16), shared(18)
    name = database(source)
    database(destination, name)
    for server in (source, destination):
        server.execute(TABLES, name)
    return MappingSpec(
        "looks",
        source.spec("source"),
        destination.spec("destination"),
        Replication(lock_timeout_seconds=0.3),
        databases=DatabaseSelection((name,)),
    )


def only_pair(looker: Looker, scope: Scope | None = None) -> DatabasePair:
    (pair,) = looker.look(scope).databases
    return pair


@contextmanager
def locking(server: Cluster, database: str, statement: str) -> Iterator[None]:
    """Somebody's transaction that has run a statement."""
    with server.connect(database) as application, application.transaction():
        application.execute(statement.encode())
        yield


def locked(server: Cluster, database: str, table: str) -> AbstractContextManager[None]:
    """Somebody's transaction that holds a table exclusively."""
    return locking(server, database, f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")


def test_a_locked_table_hides_nothing_that_was_seen_before(spec: MappingSpec, shared: Callable[[int], Cluster]) -> None:
    (name,) = spec.databases.include
    looker = Looker(spec, "test", SchemaCache())
    before = only_pair(looker)
    with locked(shared(16), name, "one"):
        shared(16).execute("CREATE TABLE three (id int PRIMARY KEY)", name)  # the schema must be read again
        during = only_pair(looker)
    assert during.source_error is None
    assert before.source_schema is not None and during.source_schema is not None
    assert during.source_schema.table("public.one") == before.source_schema.table("public.one")
    assert during.source_schema.has_table("public.three")
    assert {each.name for each in during.source_schema.indexes} >= {"one_pkey", "one_name", "two_pkey", "three_pkey"}
    assert len(during.source_schema.constraints) == len(before.source_schema.constraints)
    assert set(during.source_schema.definitions) == set(before.source_schema.definitions)
    assert during.sizes["public.two"].bytes == before.sizes["public.two"].bytes
    shared(16).execute("ALTER TABLE one ADD COLUMN later int", name)
    after = only_pair(looker)
    assert after.source_schema is not None
    assert "later" in {column.name for column in after.source_schema.table("public.one").columns}


def test_a_locked_table_that_is_new_is_not_taken_for_missing(
    spec: MappingSpec, shared: Callable[[int], Cluster]
) -> None:
    (name,) = spec.databases.include
    looker = Looker(spec, "test", SchemaCache())
    only_pair(looker)
    shared(18).execute("CREATE TABLE three (id int PRIMARY KEY); CREATE MATERIALIZED VIEW four AS SELECT 1", name)
    for statement in ("LOCK TABLE three", "REFRESH MATERIALIZED VIEW four"):
        with locking(shared(18), name, statement):
            during = only_pair(looker)
        assert during.target_schema is None and "ACCESS EXCLUSIVE" in (during.target_error or "")
    after = only_pair(looker)
    assert after.target_schema is not None and after.target_schema.has_table("public.three")


def test_who_acts_sees_what_a_tick_may_pass_over(spec: MappingSpec, shared: Callable[[int], Cluster]) -> None:
    (name,) = spec.databases.include
    cache = SchemaCache()
    tick, task = Looker(spec, "look", cache, patient=True), Looker(spec, "copy_schema", cache)
    only_pair(tick)
    (known,) = (each for key, each in cache.databases.items() if key[0] == "destination")
    assert known.schema is not None
    known.schema = replace(known.schema, seconds=100.0)  # as if it had taken so long to be read
    for side in (16, 18):
        shared(side).execute("CREATE TABLE three (id int PRIMARY KEY)", name)
    seen = only_pair(tick)
    assert seen.source_schema is not None and seen.source_schema.has_table("public.three")
    assert seen.target_schema is not None and not seen.target_schema.has_table("public.three")
    seen = only_pair(task, Scope(name))
    assert seen.target_schema is not None and seen.target_schema.has_table("public.three")


def test_what_came_and_went_around_a_look_does_not_seem_to_stay(
    spec: MappingSpec, shared: Callable[[int], Cluster], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A job's own table, made just after the fingerprint was first asked for and dropped once everything was read."""
    (name,) = spec.databases.include
    destination = shared(18)
    looker, made = Looker(spec, "test", SchemaCache()), list[str]()
    only_pair(looker)
    destination.execute("CREATE TABLE three (id int)", name)  # the schema must be read again

    def read_then_drop(session: Session, *arguments: Any, **options: Any) -> Schema:
        schema = read_schema(session, *arguments, **options)
        if session.info.port == destination.port:
            destination.execute("DROP TABLE IF EXISTS passing", name)
        return schema

    def ask_then_make(session: Session, version: int) -> str:
        found = read_fingerprint(session, version)
        if session.info.port == destination.port and not made:
            made.append(name)
            destination.execute("CREATE TABLE passing (id int)", name)
        return found

    monkeypatch.setattr(pairing, "read_schema", read_then_drop)
    monkeypatch.setattr(pairing, "read_fingerprint", ask_then_make)
    during, after = only_pair(looker), only_pair(looker)
    assert during.target_schema is not None and during.target_schema.has_table("public.passing")
    assert after.target_schema is not None and not after.target_schema.has_table("public.passing")


def test_the_destinations_sequences_are_never_later_than_the_sources(
    spec: MappingSpec, shared: Callable[[int], Cluster], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both sides are read at the same time, but for these: read the other way round, the source would seem to lag."""
    order = list[tuple[str, int]]()

    def watched(session: Session) -> Sequences:
        order.append(("begun", session.info.port))
        if session.info.port == shared(18).port:
            time.sleep(0.3)
        values = read_sequences(session)
        order.append(("done", session.info.port))
        return values

    monkeypatch.setattr(pair, "read_sequences", watched)
    assert "public.one_id_seq" in only_pair(Looker(spec)).sequences
    source, destination = shared(16).port, shared(18).port
    assert order == [("begun", destination), ("done", destination), ("begun", source), ("done", source)]


def test_a_schema_asked_for_at_once_or_one_by_one_is_the_same(spec: MappingSpec) -> None:
    (name,) = spec.databases.include
    for instance in (spec.source, spec.destination):
        with session_of(instance, name, "test") as session:
            version = session.info.server_version
            assert read_schema(session, version, small=True) == read_schema(session, version)


def test_what_is_wrong_with_an_answer_is_told_while_others_are_being_built(
    spec: MappingSpec, shared: Callable[[int], Cluster]
) -> None:
    (name,) = spec.databases.include
    with locked(shared(16), name, "one"), session_of(spec.source, name, "test") as session:
        session.execute("SET lock_timeout = '100ms'")
        for small in (True, False):
            with pytest.raises(LockNotAvailable):
                read_schema(session, session.info.server_version, small=small)
        assert session.execute("SELECT 1 AS one").fetchone() == {"one": 1}


def test_a_destination_that_fails_half_way_does_not_keep_the_source_waiting(
    spec: MappingSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lost(*_: object) -> Ledger:
        raise MigratorError("lost on the way")

    monkeypatch.setattr(ledger, "read", lost)
    found = only_pair(Looker(spec))
    assert found.target_error == "lost on the way" and found.target_schema is None
    assert found.source_error is None and found.source_schema is not None and found.sequences


def test_a_locked_table_has_the_size_that_the_last_vacuum_saw(
    spec: MappingSpec, shared: Callable[[int], Cluster]
) -> None:
    (name,) = spec.databases.include
    shared(16).execute("VACUUM one", name)
    plain = only_pair(Looker(spec)).sizes["public.one"].bytes
    looker = Looker(spec, "test", SchemaCache())
    only_pair(looker)
    with locked(shared(16), name, "one"):
        during = only_pair(looker, Scope(name))
    assert during.source_error is None
    assert 0 < during.sizes["public.one"].bytes <= plain


def test_looks_reuse_their_sessions_and_survive_their_end(spec: MappingSpec, shared: Callable[[int], Cluster]) -> None:
    cache = SchemaCache()
    looker = Looker(spec, "reuse", cache)
    pids = "SELECT array_agg(pid ORDER BY pid) FROM pg_stat_activity WHERE application_name = 'pg-migrator reuse looks'"
    only_pair(looker)
    first = shared(16).execute(pids)[0][0]
    assert only_pair(looker).source_error is None
    assert shared(16).execute(pids)[0][0] == first and len(first) == 2
    shared(16).execute(f"SELECT pg_terminate_backend(pid) FROM unnest(ARRAY{first}) AS pid")
    time.sleep(0.2)
    assert only_pair(looker).source_error is None
    assert not set(shared(16).execute(pids)[0][0]) & set(first)
    cache.sessions.close()
    assert until(lambda: shared(16).execute(pids)[0][0] is None)


def test_a_forked_child_does_not_touch_its_parents_sessions(spec: MappingSpec) -> None:
    sessions = Sessions()
    with sessions.session(spec.source, None, "pg-migrator fork", {}) as session:
        pid = session.info.backend_pid
    child = os.fork()
    if child == 0:
        with sessions.session(spec.source, None, "pg-migrator fork", {}) as session:
            own = session.info.backend_pid
        sessions.close()
        os._exit(0 if own != pid else 1)
    assert os.waitpid(child, 0)[1] == 0
    with sessions.session(spec.source, None, "pg-migrator fork", {}) as session:
        assert session.info.backend_pid == pid
    sessions.close()


def test_a_session_that_went_wrong_or_stayed_in_a_transaction_is_not_kept(spec: MappingSpec) -> None:
    sessions, pids = Sessions(), []
    for statement in ("BEGIN", "SELECT 1"):
        with sessions.session(spec.source, None, "pg-migrator wrong", {}) as session:
            pids.append(session.info.backend_pid)
            session.execute(statement.encode())
    with pytest.raises(ZeroDivisionError), sessions.session(spec.source, None, "pg-migrator wrong", {}) as session:
        assert session.info.backend_pid == pids[1] != pids[0]
        raise ZeroDivisionError
    assert session.closed
    sessions.close()


def test_the_number_of_our_sessions_never_exceeds_its_limit(cluster: Callable[..., Cluster]) -> None:
    server = cluster(16)
    limited = replace(server.spec("source"), max_connections=8)
    refused, most, stop = [], [0], threading.Event()

    def knock() -> None:
        sessions = Sessions()
        for number in range(15):
            try:
                with sessions.session(limited, None, "pg-migrator crowd", {}) as session:
                    session.execute("SELECT pg_sleep(0.05)")
            except SessionLimitError:
                refused.append(number)
        sessions.close()

    def watch() -> None:
        with server.connect() as watcher:
            while not stop.is_set():
                row = watcher.execute(OURS).fetchone()
                assert row is not None
                most.append(row[0])

    watching = threading.Thread(target=watch)
    knocking = [threading.Thread(target=knock) for _ in range(8)]
    watching.start()
    for thread in knocking:
        thread.start()
    for thread in knocking:
        thread.join()
    stop.set()
    watching.join()
    assert 4 <= max(most) <= 8


def test_at_the_limit_a_look_is_put_off(spec: MappingSpec) -> None:
    limited = replace(spec, source=replace(spec.source, max_connections=8))
    held = []
    try:
        with pytest.raises(SessionLimitError, match="max_connections = 8"):
            for _ in range(8):
                held.append(_connected(limited.source))
        with pytest.raises(SessionLimitError):
            Looker(limited, "test", SchemaCache()).look()
    finally:
        for close in held:
            close()
    assert Looker(limited, "test").look().databases


def _connected(instance: InstanceSpec) -> Callable[[], None]:
    return connect(instance, None, "pg-migrator held", room_seconds=0.0).close


def until(done: Callable[[], bool], seconds: float = 10.0) -> bool:
    deadline = time.monotonic() + seconds
    while not done() and time.monotonic() < deadline:
        time.sleep(0.05)
    return done()


def test_once_a_barrier_stands_sequences_of_before_are_not_relied_on(
    spec: MappingSpec, shared: Callable[[int], Cluster], monkeypatch: pytest.MonkeyPatch
) -> None:
    """However long it takes to read them: by old ones everything would seem to have arrived."""
    (name,) = spec.databases.include
    with SchemaCache() as schemas:
        looker = Looker(spec, schemas=schemas)
        before = only_pair(looker)
        for known in schemas.databases.values():
            assert known.sequences is not None
            known.sequences = replace(known.sequences, seconds=1e6)
            known.facts = replace(known.facts, seconds=1e6) if known.facts is not None else None
        shared(16).execute("SELECT nextval('one_id_seq'); SELECT lo_create(0)", name)
        shared(18).execute("SELECT setval('one_id_seq', 5000)", name)
        again = only_pair(looker)
        assert (again.sequences, again.target_sequences) == (before.sequences, before.target_sequences)
        entry = replace(journal.NOT_BEGUN, barrier=Barrier(Lsn(1), datetime.now(UTC)))
        monkeypatch.setattr(journal, "read_journal_and_clock", lambda *_: (entry, datetime.now(UTC)))
        after = only_pair(looker)
        assert after.sequences["public.one_id_seq"].last_value == 1001
        assert after.target_sequences["public.one_id_seq"].last_value == 5000
        assert after.facts.large_objects.count == 1
