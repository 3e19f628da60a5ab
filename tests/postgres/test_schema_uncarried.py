"""What is not carried is named, kind by kind, and nothing else is."""

from collections.abc import Callable

import pytest

from migrator.machines.cluster import Cluster
from tests.postgres.schema_trial import Trial, load, read

KINDS = {"reserved schema"}


@pytest.mark.parametrize("version", [15, 16, 18])
def test_every_kind_left_behind_is_named(
    version: int, shared: Callable[[int], Cluster], database: Callable[..., str]
) -> None:
    cluster = shared(version)
    trial = Trial(cluster, database(cluster), shared(18), database(shared(18)))
    load(cluster, trial.database, "uncarried/source.sql")
    found = read(cluster, trial.database).uncarried
    findings = trial.portability()
    cluster.execute("DROP SUBSCRIPTION elsewhere", trial.database)
    assert {each.kind for each in found} == KINDS
    assert not [each for each in read(cluster, trial.database).definitions if each.kind == "publication"]
    assert all(each.blocking and each.remedy for each in findings)
    assert sum(each.code == "schema_name_reserved" for each in findings) == 1


@pytest.mark.parametrize("version", [15, 16, 18])
def test_a_fresh_database_and_its_extensions_leave_nothing_behind(
    version: int, shared: Callable[[int], Cluster], database: Callable[..., str]
) -> None:
    name = database(shared(version))
    if version != 16:
        shared(version).execute("CREATE EXTENSION hstore; CREATE EXTENSION postgres_fdw", name)
    assert read(shared(version), name).uncarried == ()
