"""What the source keeps for our user does not hold for the destination's sessions there, on real servers."""

import time
from collections.abc import Callable

import pytest

from migrator.conninfo import replication_conninfo
from migrator.machines.cluster import Cluster
from migrator.quote import literal


@pytest.mark.parametrize(("old", "new"), [(16, 18), pytest.param(17, 17, marks=pytest.mark.slow)])
def test_a_statement_timeout_does_not_end_a_table_s_copy(cluster: Callable[..., Cluster], old: int, new: int) -> None:
    """The copy waits for a lock for longer than the timeout."""
    source, destination = cluster(old), cluster(new)
    for server in (source, destination):
        server.execute("CREATE TABLE t (id int PRIMARY KEY)")
    source.execute("INSERT INTO t VALUES (1); CREATE PUBLICATION p FOR TABLE t")
    source.execute("ALTER ROLE postgres SET statement_timeout = 300; ALTER DATABASE postgres SET lock_timeout = 300")
    line = replication_conninfo(source.spec("s"), "postgres", old * 10000, "pg-migrator apply m", None, "postgres")
    making = f"CREATE SUBSCRIPTION p CONNECTION {literal(line)} PUBLICATION p WITH (enabled = false)"
    destination.execute(making)
    with source.connect("postgres", options="-c lock_timeout=0 -c statement_timeout=0") as holder, holder.transaction():
        holder.execute("LOCK TABLE t")
        destination.execute("ALTER SUBSCRIPTION p ENABLE")
        time.sleep(1.5)
    deadline = time.monotonic() + 20
    while destination.execute("SELECT srsubstate FROM pg_subscription_rel") != [("r",)]:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    log = source.log()
    assert "canceling statement" not in log, log
