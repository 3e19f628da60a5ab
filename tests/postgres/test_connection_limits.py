"""What counts against CONNECTION LIMIT of a role and of a database, by the servers themselves: what `phases/connection_limits` says."""

import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager

import psycopg
import pytest

from migrator.machines.cluster import Cluster
from migrator.phases.connection_limits import WALSENDERS_FREE_FROM

Clusters = Callable[..., Cluster]

SOURCE = "CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1); CREATE PUBLICATION p FOR TABLE t"
SLOT = "SELECT pg_create_logical_replication_slot('s', 'pgoutput')"


@contextmanager
def limited(server: Cluster, what: str, limit: int) -> Iterator[None]:
    server.execute(f"ALTER {what} CONNECTION LIMIT {limit}")
    yield
    server.execute(f"ALTER {what} CONNECTION LIMIT -1")


@pytest.mark.parametrize("version", [15, 16, 17, 18])
@pytest.mark.parametrize("what", ["ROLE mover", "DATABASE shop"])
def test_walsenders_neither_count_nor_are_refused_from_some_release_on(
    cluster: Clusters, version: int, what: str
) -> None:
    server = cluster(version)
    server.execute("CREATE ROLE mover LOGIN REPLICATION")
    server.execute("CREATE DATABASE shop")
    [(number,)] = server.execute("SELECT current_setting('server_version_num')::int")
    free = number >= WALSENDERS_FREE_FROM.get(version, 0)
    with limited(server, what, 1), closing(server.connect("shop", user="mover")):
        assert admitted(server, replication="database") is free
        assert not admitted(server)
    with limited(server, what, 1), closing(server.connect("shop", user="mover", replication="database")):
        assert admitted(server) is free
    with limited(server, what, 0):
        assert not admitted(server)
        assert admitted(server, user="postgres")


def admitted(server: Cluster, **parameters: str) -> bool:
    """A session that was closed a moment ago is not counted: it is asked for again for a second."""
    deadline = time.monotonic() + 1
    while True:
        try:
            server.connect("shop", **{"user": "mover", **parameters}).close()
        except psycopg.OperationalError as error:
            assert "too many connections for" in str(error)
            if time.monotonic() > deadline:
                return False
            time.sleep(0.1)
        else:
            return True


@pytest.mark.parametrize("version", [16, 17, 18])
def test_a_subscriptions_workers_never_count(cluster: Clusters, version: int) -> None:
    source, server = cluster(15, password="x"), cluster(version)
    source.execute(SOURCE)
    source.execute(SLOT)
    server.execute("CREATE ROLE mover LOGIN IN ROLE pg_create_subscription")
    server.execute("CREATE DATABASE shop OWNER mover")
    server.execute("CREATE TABLE t (id int PRIMARY KEY); ALTER TABLE t OWNER TO mover", "shop")
    line = f"host=127.0.0.1 port={source.port} user=postgres password=x dbname=postgres"
    server.execute(
        f"SET ROLE mover; CREATE SUBSCRIPTION s CONNECTION '{line}' PUBLICATION p"
        " WITH (create_slot = false, slot_name = 's', enabled = false)",
        "shop",
    )
    with limited(server, "ROLE mover", 1), limited(server, "DATABASE shop", 1):
        server.execute("ALTER SUBSCRIPTION s ENABLE", "shop")
        deadline = time.monotonic() + 30
        while server.execute("SELECT id FROM t", "shop") != [(1,)]:
            assert time.monotonic() < deadline, server.log()[-2000:]
            time.sleep(0.1)
        assert server.execute("SELECT pid IS NOT NULL FROM pg_stat_subscription WHERE relid IS NULL") == [(True,)]
        assert admitted(server)
