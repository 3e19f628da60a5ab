"""Who may still write on a source: sessions, whether we may look into them or not, workers, prepared transactions."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import psycopg
import pytest

from migrator.catalog import sql
from migrator.connection import session_of
from migrator.looks.instances import read_instance, read_transactions
from migrator.machines.cluster import Cluster
from migrator.model import HeldSubscription
from migrator.reports import write_stop
from tests import builders

Clusters = Callable[[int], Cluster]
every_version = pytest.mark.parametrize("version", [15, 16, 17, 18])

DATABASES = ("shop_w", "feed_w")


@pytest.fixture
def server(shared: Clusters, version: int) -> Iterator[Cluster]:
    """A source with two databases, and a user of ours that may nothing but replicate."""
    made = shared(version)
    made.execute("CREATE ROLE onlooker LOGIN REPLICATION")
    for name in DATABASES:
        made.execute(f"CREATE DATABASE {name}")
        made.execute("CREATE TABLE t (id int PRIMARY KEY)", name)
    yield made
    for name in DATABASES:
        made.execute(f"DROP DATABASE {name} WITH (FORCE)")
    made.execute("DROP ROLE onlooker")


def writers(server: Cluster, user: str = "postgres", databases: tuple[str, ...] | None = ("shop_w",)) -> list[str]:
    with session_of(replace(server.spec("s"), username=user), None, "pg-migrator barrier m") as session:
        asked = {"databases": list(databases) if databases else None}
        return [str(row["sentence"]) for row in session.execute(sql("writers", 0), asked)]


@contextmanager
def inserting(server: Cluster, database: str = "shop_w") -> Iterator[psycopg.Connection[tuple[object, ...]]]:
    with server.connect(database) as client, client.transaction(force_rollback=True):
        client.execute("INSERT INTO t VALUES (1)")
        yield client


@every_version
def test_who_may_not_look_into_a_session_is_told_that_it_writes(server: Cluster) -> None:
    with inserting(server) as client:
        pid = client.info.backend_pid
        (hidden,) = writers(server, "onlooker")
        assert hidden == (
            f"pid {pid}, user postgres, database shop_w: a writing transaction, since when is hidden from us (on the source: "
            "GRANT pg_read_all_stats TO onlooker;)"
        )
        server.execute("GRANT pg_read_all_stats TO onlooker")
        (seen,) = writers(server, "onlooker")
        assert seen.startswith(f"pid {pid}, user postgres, database shop_w: a writing transaction open for ")
    assert writers(server) == writers(server, "onlooker") == []


@every_version
def test_who_writes_in_a_database_of_others_stops_nobody(server: Cluster) -> None:
    with inserting(server, "feed_w"):
        assert writers(server) == []
        assert len(writers(server, databases=("shop_w", "feed_w"))) == 1
        assert len(writers(server, databases=None)) == 1


@pytest.mark.parametrize("version", [16])
def test_readers_and_our_own_sessions_are_no_writers(server: Cluster) -> None:
    with server.connect("shop_w") as reader, reader.transaction():
        reader.execute("SELECT count(*) FROM t")
        with server.connect("shop_w", application_name="pg-migrator task m") as ours, ours.transaction():
            ours.execute("CREATE TABLE u ()")
            assert writers(server) == writers(server, "onlooker") == []


@every_version
def test_a_subscription_of_the_source_writes_too(server: Cluster) -> None:
    """Its worker stands in the middle of a transaction: a trigger waits for a lock that we hold."""
    with fed(server):
        assert writers(server) == writers(server, "onlooker") == []  # nothing is under way
        with server.connect("shop_w") as holder:
            holder.execute("SELECT pg_advisory_lock(4711)")
            server.execute("INSERT INTO t VALUES (1)", "feed_w")
            (seen,) = eventually(lambda: writers(server))
            assert "database shop_w (" in seen and " of subscription feed): a writing transaction open for " in seen
            with session_of(server.spec("s"), None, "pg-migrator test") as session:
                assert ("shop_w", True) in {(each.database, each.writing) for each in read_transactions(session, 0.0)}
            (hidden,) = writers(server, "onlooker")
            assert "database shop_w (subscription feed): a writing transaction, since when is hidden" in hidden
        eventually(lambda: [True] if not writers(server) else [])


@every_version
def test_what_is_printed_stops_the_source_s_subscriptions_and_lets_them_go_on(server: Cluster) -> None:
    def read() -> tuple[HeldSubscription, ...]:
        with session_of(replace(server.spec("s"), username="onlooker"), None, "pg-migrator test") as session:
            return read_instance(session).held

    with fed(server):
        assert read() == (HeldSubscription("feed", "shop_w", enabled=True),)
        stop, undo = write_stop.of_subscriptions(read()).split(f"{write_stop.UNDO}\n")
        server.execute(stop, "shop_w")
        assert read() == (HeldSubscription("feed", "shop_w", enabled=False),)
        assert write_stop.of_subscriptions(read()) == f"{write_stop.UNDO}\n{undo}"
        server.execute(undo.removeprefix("--"), "shop_w")
        assert read() == (HeldSubscription("feed", "shop_w", enabled=True),)


@pytest.mark.parametrize("version", [16])
def test_another_superuser_who_pastes_it_ends_no_session_of_ours(server: Cluster) -> None:
    view = builders.view(pairs=(builders.pair("shop_w"),))
    server.execute("CREATE ROLE dba LOGIN SUPERUSER")
    with (
        server.connect("shop_w", application_name="pg-migrator keep_snapshot other") as keeper,
        server.connect("shop_w", application_name="app") as application,
        server.connect("postgres", user="dba") as dba,
    ):
        dba.execute(write_stop.of_roles(view.spec, view.observation, view.source).encode())
        assert keeper.execute("SELECT 1").fetchone() == (1,)
        with pytest.raises(psycopg.OperationalError):
            application.execute("SELECT 1")
    server.execute("DROP ROLE dba")


@contextmanager
def fed(server: Cluster) -> Iterator[None]:
    """shop_w subscribes to feed_w, on one server: a slot made beforehand, which CREATE SUBSCRIPTION would wait for for ever."""
    server.execute("CREATE PUBLICATION feed FOR TABLE t", "feed_w")
    server.execute("SELECT pg_create_logical_replication_slot('feed', 'pgoutput')", "feed_w")
    server.execute(
        "CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS"
        " 'BEGIN PERFORM pg_advisory_xact_lock(4711); RETURN NULL; END';"
        "CREATE TRIGGER wait AFTER INSERT ON t FOR EACH ROW EXECUTE FUNCTION wait();"
        "ALTER TABLE t ENABLE ALWAYS TRIGGER wait",
        "shop_w",
    )
    where = f"host={server.host} port={server.port} user=postgres dbname=feed_w"
    server.execute(
        f"CREATE SUBSCRIPTION feed CONNECTION '{where}' PUBLICATION feed WITH (create_slot = false, copy_data = false)",
        "shop_w",
    )
    try:
        yield
    finally:
        server.execute("ALTER SUBSCRIPTION feed DISABLE", "shop_w")
        server.execute("ALTER SUBSCRIPTION feed SET (slot_name = NONE)", "shop_w")
        server.execute("DROP SUBSCRIPTION feed", "shop_w")
        eventually(lambda: server.execute("SELECT 1 FROM pg_replication_slots WHERE slot_name = 'feed' AND NOT active"))
        server.execute("SELECT pg_drop_replication_slot('feed')")


def eventually(ask: Callable[[], list[Any]], seconds: float = 20.0) -> list[Any]:
    """The first answer that says something."""
    deadline = time.monotonic() + seconds
    while not (answer := ask()):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    return answer


def test_a_prepared_transaction_may_commit_yet(cluster: Callable[..., Cluster]) -> None:
    server = cluster(16, max_prepared_transactions="5")
    with server.connect() as client:
        client.execute("BEGIN; CREATE TABLE t ()")
        client.execute("PREPARE TRANSACTION 'later'")
    (told,) = writers(server, databases=("postgres",))
    assert told == "prepared transaction 'later' of user postgres in database postgres"
    assert writers(server, databases=("template1",)) == []
