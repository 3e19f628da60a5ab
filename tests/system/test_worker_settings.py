"""Settings under which a subscription's workers would write something else than they read: the rows are alike all the same."""

from collections.abc import Callable
from time import sleep

import pytest

from migrator import control
from migrator.config import CopyMethod
from migrator.machines.cluster import Cluster
from migrator.tasks.mending import look
from migrator.tick.reconcile import drive
from tests.system.scenario import BY_EITHER, drive_until, mapping, to_the_light

Clusters = Callable[..., Cluster]

# What is made of bytes and of NULL shows in their digests, whatever the asking session's settings are.
ROWS = "SELECT md5(string_agg(md5(convert_to(body, 'UTF8')) || (words[2] IS NULL)::text || bytes::text, ',' ORDER BY id)) FROM t"
INSERT = (
    r"INSERT INTO t SELECT g, U&'h\00E9 \00FC', ARRAY['a', NULL, 'NULL'], '\x00ff27' FROM generate_series({}, {}) g"
)
TWISTED = ("client_encoding TO 'LATIN1'", "array_nulls TO off", "bytea_output TO escape", "\"DateStyle\" TO 'SQL, DMY'")


def kept(destination: Cluster) -> list[tuple[object, ...]]:
    """What roles have for themselves in one database."""
    return destination.execute(
        "SELECT setrole::regrole::text, datname::text, setconfig FROM pg_db_role_setting JOIN pg_database d ON d.oid = setdatabase"
        " WHERE setrole <> 0 ORDER BY 1, 2"
    )


def alike(source: Cluster, destination: Cluster) -> bool:
    return source.execute(ROWS, "shop") == destination.execute(ROWS, "shop")


def twisted(source: Cluster) -> None:
    source.execute("CREATE DATABASE shop")
    source.execute("CREATE TABLE t (id int PRIMARY KEY, body text, words text[], bytes bytea)", "shop")
    source.execute(INSERT.format(1, 50), "shop")
    for setting in TWISTED:
        source.execute(f"ALTER DATABASE shop SET {setting}")


@pytest.mark.parametrize("method", BY_EITHER)
def test_rows_are_what_they_are_on_the_source(cluster: Clusters, method: CopyMethod) -> None:
    source, destination = cluster(15), cluster(18)
    twisted(source)
    spec = mapping(source, destination, copy_method=method)
    to_the_light(spec)
    assert alike(source, destination), "copied"
    source.execute(INSERT.format(51, 60), "shop")
    drive_until(spec, lambda _: destination.execute("SELECT count(*) FROM t", "shop") == [(60,)])
    assert alike(source, destination), "applied"
    assert kept(destination) == [("postgres", "shop", ["client_encoding=UTF8", "array_nulls=on"])]
    assert look(spec)[1].differences == (), "no difference to anybody else"
    seen = drive(spec)
    assert seen is not None and not any(seen.decision.actions)
    assert control.abort(spec).left == ()
    assert kept(destination) == []


def test_what_our_role_had_itself_comes_back(cluster: Clusters) -> None:
    source, destination = cluster(16), cluster(18)
    twisted(source)
    spec = mapping(source, destination)
    drive_until(spec, lambda _: destination.execute("SELECT 1 FROM pg_database WHERE datname = 'shop'") != [])
    for setting in ("client_encoding TO 'LATIN1'", "work_mem TO '8MB'"):
        destination.execute(f"ALTER ROLE postgres IN DATABASE shop SET {setting}")
    to_the_light(spec)
    assert alike(source, destination)
    ((_, _, during),) = kept(destination)
    assert isinstance(during, list) and set(during) == {"client_encoding=UTF8", "array_nulls=on", "work_mem=8MB"}
    assert control.abort(spec).left == ()
    ((_, _, after),) = kept(destination)
    assert isinstance(after, list) and set(after) == {"client_encoding=LATIN1", "work_mem=8MB"}


def test_money_is_read_as_it_was_written(cluster: Clusters) -> None:
    """Only where a table holds money, whatever the two servers were made with."""
    source, destination = cluster(16), cluster(18)
    source.execute("ALTER SYSTEM SET lc_monetary TO 'C'")
    destination.execute("ALTER SYSTEM SET lc_monetary TO 'C.UTF-8'")
    for server in (source, destination):
        server.execute("SELECT pg_reload_conf()")
    for name, kind in (("shop", "money"), ("plain", "numeric")):
        source.execute(f"CREATE DATABASE {name}")
        source.execute(
            f"CREATE TABLE price (id int PRIMARY KEY, price {kind}); INSERT INTO price VALUES (1, 2.50)", name
        )
    spec = mapping(source, destination)
    to_the_light(spec)
    assert kept(destination) == [("postgres", "shop", ["lc_monetary=C"])]
    assert destination.execute("SELECT price::numeric FROM price", "shop") == source.execute(
        "SELECT price::numeric FROM price", "shop"
    )


@pytest.mark.parametrize("method", BY_EITHER)
def test_no_clock_stops_the_workers(cluster: Clusters, method: CopyMethod) -> None:
    """A database that ends what takes long: a copy that takes longer would never end."""
    source, destination = cluster(17), cluster(18)
    source.execute("CREATE DATABASE shop")
    source.execute("CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1)", "shop")
    for setting in ("transaction_timeout TO '2s'", "lock_timeout TO '2s'"):
        source.execute(f"ALTER DATABASE shop SET {setting}")
    unhindered = {"options": "-c transaction_timeout=0 -c lock_timeout=0"}
    spec = mapping(source, destination, copy_method=method)
    to_the_light(spec)
    ((_, _, pinned),) = kept(destination)
    assert isinstance(pinned, list) and set(pinned) == {"transaction_timeout=0", "lock_timeout=0"}
    with destination.connect("shop", **unhindered) as blocker, blocker.transaction():
        blocker.execute("LOCK TABLE t")
        with source.connect("shop", **unhindered) as writer:
            writer.execute("INSERT INTO t VALUES (2)")
        waiting = (
            "SELECT 1 FROM pg_stat_activity"
            " WHERE backend_type = 'logical replication apply worker' AND wait_event_type = 'Lock'"
        )
        drive_until(spec, lambda _: destination.execute(waiting) != [])
        sleep(3)  # longer than either would let it wait
    with destination.connect("shop", **unhindered) as reader:
        drive_until(spec, lambda _: reader.execute("SELECT count(*) FROM t").fetchall() == [(2,)])
    assert destination.execute("SELECT sum(apply_error_count) FROM pg_stat_subscription_stats") == [(0,)]
    assert "terminating connection due to transaction timeout" not in destination.log()
    assert control.abort(spec).left == ()
    assert kept(destination) == []
