"""Databases to try a migration with: a shop, its analytics, pgbench; with roles, grants, and a live load (load.py)."""

import subprocess
from importlib.resources import files

from migrator import quote
from migrator.machines.cluster import Cluster
from migrator.machines.provision import client

DATABASES = ("shop", "analytics", "pgbench")
_OWNERS = {"shop": "shop_owner", "analytics": "analytics_owner"}


def create(cluster: Cluster, password: str, events: int = 40_000, scale: int = 2) -> None:
    """Make roles and databases on the cluster. `password`: of every role that can log in.

    `events`: rows of about 1 kB in analytics; `scale`: pgbench's, some 15 MB each.
    """
    cluster.execute(_read("roles").replace(":password", quote.literal(password)))
    for database, owner in _OWNERS.items():
        cluster.execute(f"CREATE DATABASE {database} OWNER {owner}")
        cluster.execute(_read(database).replace(":events", str(events)), database)
    cluster.execute("ALTER DATABASE shop SET timezone = 'UTC'")
    cluster.execute("ALTER ROLE analytics_app IN DATABASE analytics SET lock_timeout = '5s'")
    cluster.execute("REVOKE CONNECT ON DATABASE analytics FROM PUBLIC")
    cluster.execute("GRANT CONNECT ON DATABASE analytics TO analytics_app, readers")
    _pgbench(cluster, scale)


def _pgbench(cluster: Cluster, scale: int) -> None:
    cluster.execute("CREATE DATABASE pgbench")
    parameters = {"PGHOST": str(cluster.home), "PGPORT": str(cluster.port), "PGUSER": cluster.superuser}
    command = [str(client("pgbench")), "-i", "-q", "-s", str(scale), "--foreign-keys", "pgbench"]
    subprocess.run(command, env=parameters, check=True, capture_output=True)
    cluster.execute(_read("bench"), "pgbench")


def _read(name: str) -> str:
    return (files(__name__) / f"{name}.sql").read_text()
