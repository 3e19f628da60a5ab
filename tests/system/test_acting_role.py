"""Databases that have their sessions be another role (ALTER DATABASE ... SET role), and a user that works as another by its own setting."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from migrator import control
from migrator.config import CopyMethod, MappingSpec, Secret
from migrator.machines.cluster import Cluster
from migrator.quote import literal
from migrator.tasks.mending import look
from tests.system.scenario import BY_EITHER, checksums, drive_until, mapping, ours_left, to_the_light
from tests.system.test_without_superuser import (
    COMMON,
    ON_THE_DESTINATION,
    ON_THE_SOURCE,
    as_mover,
    create_mover,
    shop_of_its_owner,
)
from tests.system.test_worker_settings import kept

Clusters = Callable[..., Cluster]

PLAIN = {"options": "-c role=none"}


def of_database(server: Cluster) -> list[tuple[object, ...]]:
    return server.execute(
        "SELECT setconfig FROM pg_db_role_setting JOIN pg_database d ON d.oid = setdatabase"
        " WHERE setrole = 0 AND datname = 'shop'"
    )


def run(server: Cluster, sql: str) -> None:
    """In the shop, as the one who logs in."""
    with server.connect("shop", **PLAIN) as session:
        session.execute(sql.encode())


def count(server: Cluster, table: str) -> int:
    with server.connect("shop", **PLAIN) as session:
        row = session.execute(f"SELECT count(*) FROM {table}".encode()).fetchone()
    assert row is not None
    return int(row[0])


def shop_of_somebody(source: Cluster) -> None:
    source.execute("CREATE ROLE somebody")
    source.execute("CREATE DATABASE shop")
    source.execute(
        "CREATE TABLE t (id int PRIMARY KEY, body text); INSERT INTO t SELECT g, g FROM generate_series(1, 50) g",
        "shop",
    )


def applied(spec: MappingSpec, source: Cluster, destination: Cluster) -> None:
    before = count(source, "t")
    run(source, "INSERT INTO t SELECT max(id) + 1, 'late' FROM t")
    drive_until(spec, lambda _: count(destination, "t") == before + 1)


@pytest.mark.parametrize("method", BY_EITHER)
@pytest.mark.parametrize("of", ["DATABASE shop", "ROLE postgres IN DATABASE shop"])
def test_who_sessions_of_a_database_are_does_not_matter(cluster: Clusters, of: str, method: CopyMethod) -> None:
    source, destination = cluster(16), cluster(18)
    shop_of_somebody(source)
    source.execute(f"ALTER {of} SET role TO somebody")
    spec = mapping(source, destination, copy_method=method, schema_trial=True)
    to_the_light(spec)
    applied(spec, source, destination)
    if of == "DATABASE shop":
        assert of_database(destination) == [(["role=somebody"],)], "carried as it is"
        assert kept(destination) == [("postgres", "shop", ["role=none"])]
    assert look(spec)[1].differences == (), "no difference to anybody else"
    assert control.abort(spec).left == ()
    assert kept(destination) == []
    assert ours_left(source) == ours_left(destination) == []


def test_the_destinations_own_setting_comes_back(cluster: Clusters) -> None:
    """Of the database and of our role in it: workers go by neither."""
    source, destination = cluster(16), cluster(18)
    shop_of_somebody(source)
    spec = mapping(source, destination)
    drive_until(spec, lambda _: destination.execute("SELECT 1 FROM pg_database WHERE datname = 'shop'") != [])
    for of in ("DATABASE shop", "ROLE postgres IN DATABASE shop"):
        destination.execute(f"ALTER {of} SET role TO somebody")
    to_the_light(spec)
    applied(spec, source, destination)
    assert kept(destination) == [("postgres", "shop", ["role=none"])]
    assert control.abort(spec).left == ()
    assert kept(destination) == [("postgres", "shop", ["role=somebody"])]
    assert of_database(destination) == [(["role=somebody"],)]


@pytest.mark.parametrize("method", list(CopyMethod))
def test_without_superuser(cluster: Clusters, method: CopyMethod) -> None:
    """On the destination our user becomes a member of the role only while it works: the setting begins to count then."""
    source, destination = cluster(16, password="old-secret"), cluster(18, password="new-secret")
    shop_of_its_owner(source)
    create_mover(source, "REPLICATION")
    create_mover(destination, "CREATEDB CREATEROLE")
    source.execute(ON_THE_SOURCE)
    destination.execute(ON_THE_DESTINATION)
    source.execute("ALTER DATABASE shop SET role TO shop_owner")
    spec = as_mover(mapping(source, destination, common_password=Secret(COMMON), copy_method=method))
    to_the_light(spec)
    run(source, "INSERT INTO customer (name, mail) VALUES ('late', 'late@x')")
    drive_until(spec, lambda _: count(destination, "customer") == 501)
    assert kept(destination) == [("mover", "shop", ["role=none"])]
    assert of_database(destination) == [(["role=shop_owner"],)]
    control.take_barrier(spec)
    assert control.complete(spec).left == ()
    assert kept(destination) == []
    for server in (source, destination):
        server.execute("ALTER DATABASE shop RESET role")
    assert checksums(source, "shop") == checksums(destination, "shop")
    assert ours_left(source) == ours_left(destination) == []


CHAIN = "SET ROLE app; GRANT INSERT ON customer TO reader; RESET ROLE; GRANT SELECT ON customer TO seller;"


@pytest.mark.parametrize("method", BY_EITHER)
def test_a_user_that_works_as_another_by_its_own_setting(cluster: Clusters, method: CopyMethod) -> None:
    """It inherits nothing, and has no rights but as that role: everywhere, whatever the database says."""
    source, destination = cluster(16, password="old-secret"), cluster(18, password="new-secret")
    shop_of_its_owner(source)
    source.execute("GRANT INSERT ON customer TO app WITH GRANT OPTION", "shop")
    source.execute(CHAIN, "shop")
    create_mover(source, "REPLICATION")
    create_mover(destination, "CREATEDB CREATEROLE")
    source.execute(ON_THE_SOURCE)
    destination.execute(ON_THE_DESTINATION)
    source.execute("CREATE ROLE somebody; GRANT pg_read_all_stats, pg_signal_backend TO mover")
    for server in (source, destination):
        server.execute(
            "CREATE ROLE clerk LOGIN NOINHERIT REPLICATION IN ROLE mover; ALTER ROLE clerk SET role TO mover"
        )
        server.execute(f"ALTER ROLE clerk PASSWORD {literal(CLERKS)}")
    source.execute("ALTER ROLE clerk SET work_mem TO '9MB'")
    source.execute("ALTER DATABASE shop SET role TO somebody; GRANT somebody TO mover")
    spec = mapping(source, destination, common_password=Secret(COMMON), copy_method=method, schema_trial=True)
    spec = as_clerk(spec)
    to_the_light(spec)
    run(source, "INSERT INTO customer (name, mail) VALUES ('late', 'late@x')")
    drive_until(spec, lambda _: count(destination, "customer") == 501)
    assert destination.execute("SELECT DISTINCT subowner::regrole::text FROM pg_subscription") == [("mover",)]
    assert kept(destination) == [("mover", "shop", ["role=none"])]
    own = "SELECT setconfig FROM pg_db_role_setting WHERE setrole = 'clerk'::regrole"
    assert destination.execute(own) == [(["role=mover"],)], "who we log in as is left alone"
    control.take_barrier(spec)
    assert control.complete(spec).left == ()
    assert kept(destination) == []
    assert ours_left(source) == ours_left(destination) == []


CLERKS = "pl4nted clerk"


def as_clerk(spec: MappingSpec) -> MappingSpec:
    source, destination = (
        replace(side, username="clerk", password=Secret(CLERKS)) for side in (spec.source, spec.destination)
    )
    return replace(spec, source=source, destination=destination)
