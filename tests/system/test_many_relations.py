"""Many relations in one database, on servers with small lock tables: each transaction of ours takes its share at most."""

from collections.abc import Callable

from migrator.machines.cluster import Cluster
from tests.system.scenario import drive_until, mapping

Clusters = Callable[..., Cluster]

TABLES = 250
SMALL = {
    "max_connections": "40",
    "max_locks_per_transaction": "10",
    "max_worker_processes": "8",
    "max_wal_senders": "5",
}


def test_a_small_lock_table_is_no_obstacle(cluster: Clusters) -> None:
    source, destination = cluster(16), cluster(18, **SMALL)
    source.execute("CREATE DATABASE shop")
    for start in range(0, TABLES, 50):
        source.execute(
            "".join(
                f"CREATE TABLE t{number} (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, body text);"
                for number in range(start, start + 50)
            ),
            "shop",
        )
    spec = mapping(source, destination)
    drive_until(spec, lambda _: made(destination) == TABLES, 120)


def made(destination: Cluster) -> int:
    """Tables of the destination's database, 0 while there is none."""
    if not destination.execute("SELECT 1 FROM pg_database WHERE datname = 'shop' AND datallowconn"):
        return 0
    [(count,)] = destination.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'", "shop")
    return int(count)
