"""What a server was asked, by its own count: statements, their milliseconds, and the processor time of all its processes."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from migrator.machines.cluster import Cluster
from tests.benchmarks.processor_time import of_servers

VERSION = 15
"""Debian's build has pg_stat_statements; that of 16, from a wheel, has not."""

SETTINGS = {
    "shared_preload_libraries": "pg_stat_statements",
    "pg_stat_statements.track_planning": "on",
    "pg_stat_statements.max": "10000",
}
"""For Cluster.create."""

_COUNTED = """
SELECT coalesce(sum(calls), 0)::bigint, coalesce(sum(total_exec_time + total_plan_time), 0)
FROM pg_stat_statements WHERE query NOT LIKE '%pg_stat_statements%'
"""


@dataclass
class Asked:
    """Filled at the end of `asked`: statements (BEGIN, SET and the like included), milliseconds they took, processor seconds."""

    statements: int = 0
    milliseconds: float = 0.0
    processor_seconds: float = 0.0


@contextmanager
def asked(cluster: Cluster) -> Iterator[Asked]:
    """Counts what happens within it. The cluster was made with SETTINGS, and nobody else is at work there."""
    cluster.execute("CREATE EXTENSION IF NOT EXISTS pg_stat_statements")
    before, found = _counted(cluster), Asked()
    spent = of_servers([cluster])
    yield found
    found.processor_seconds = of_servers([cluster]) - spent
    after = _counted(cluster)
    found.statements, found.milliseconds = after[0] - before[0], after[1] - before[1]


def _counted(cluster: Cluster) -> tuple[int, float]:
    ((calls, milliseconds),) = cluster.execute(_COUNTED)
    return int(calls), float(milliseconds)
