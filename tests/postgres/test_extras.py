"""What stands on the destination only, on real servers: nothing after a migration, and each object is told with its removal."""

from collections.abc import Callable

import psycopg
import pytest

from migrator.machines.cluster import Cluster
from migrator.phases.extras import extras
from migrator.schema.removal import removal
from tests.postgres.schema_trial import Trial, load, read

Shared = Callable[[int], Cluster]
Databases = Callable[..., str]


@pytest.mark.parametrize(
    ("version", "case"),
    [
        (15, "code"),
        (18, "everything"),
        pytest.param(15, "everything", marks=pytest.mark.slow),
        pytest.param(18, "code", marks=pytest.mark.slow),
    ],
)
def test_nothing_is_extra_after_a_migration_and_all_of_it_can_be_removed(
    version: int, case: str, shared: Shared, database: Databases
) -> None:
    source, target = shared(version), shared(18)
    trial = Trial(source, database(source), target, database(target))
    load(source, trial.database, f"{case}/source.sql")
    trial.run()
    here, there = read(source, trial.database), read(target, trial.target)
    assert [item.identity for item in extras(here, there)] == []
    empty = read(source, database(source))
    left = extras(empty, there)
    while left:  # each round what nothing needs any more; then one that is of a circle
        failed = [item for item in left if not removed(target, trial.target, removal(item))]
        rest = extras(empty, read(target, trial.target))
        if len(rest) == len(left):
            assert any(removed(target, trial.target, f"{removal(item)} CASCADE") for item in failed[1:])
        left = rest


def removed(cluster: Cluster, database: str, sql: str) -> bool:
    try:
        cluster.execute(sql, database)
    except psycopg.Error:
        return False
    return True
