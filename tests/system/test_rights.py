"""Whoever may do something on the source may do it on the destination, and nobody may do more: tried by everybody."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from migrator import control
from migrator.config import WithoutIdentity
from migrator.machines.cluster import Cluster
from tests.postgres.schema_trial import load
from tests.system.rights_matrix import GRANTED, LATER, case, matrix, may_connect, outcomes
from tests.system.scenario import mapping, to_the_light

Clusters = Callable[..., Cluster]

DATABASE = "guarded"


def fill(source: Cluster) -> None:
    """The case's roles and database."""
    source.execute(case("roles"))
    source.execute(f"CREATE DATABASE {DATABASE}")
    source.execute(case("source"), DATABASE)


def in_place(cluster: Cluster, name: str) -> None:
    """A tablespace inside the data directory (15 and newer, for developers)."""
    with cluster.connect() as connection:
        connection.execute("SET allow_in_place_tablespaces = on")
        connection.execute(f"CREATE TABLESPACE {name} LOCATION ''".encode())


@pytest.mark.parametrize("version", [15, *(pytest.param(each, marks=pytest.mark.slow) for each in (16, 17, 18))])
def test_everybody_may_do_the_same(cluster: Clusters, version: int) -> None:
    source, destination = cluster(version), cluster(18)
    fill(source)
    source.execute(case("superuser"), DATABASE)
    for side in (source, destination):
        in_place(side, "fast")
    source.execute("GRANT CREATE ON TABLESPACE fast TO team; GRANT CREATE ON TABLESPACE fast TO app WITH GRANT OPTION")
    spec = mapping(source, destination)
    findings = {finding.code: finding for finding in to_the_light(spec).decision.findings}
    assert not findings["tablespace_rights_differ"].blocking
    assert matrix(source, DATABASE)["tablespace"] != matrix(destination, DATABASE)["tablespace"]
    destination.execute(findings["tablespace_rights_differ"].remedy.partition(": ")[2])
    assert_alike(source, destination)
    control.take_barrier(spec)
    assert control.complete(spec).left == ()

    for side in (source, destination):
        side.execute(LATER, DATABASE)
    assert_alike(source, destination)
    here, there = list(outcomes(source, DATABASE)), list(outcomes(destination, DATABASE))
    assert [pair for pair in zip(here, there, strict=True) if pair[0] != pair[1]] == []
    refused = [each for each in here if each[2] == "42501"]
    assert len(refused) > 100
    assert len(here) - len(refused) > 100
    assert may_connect(source, DATABASE) == may_connect(destination, DATABASE)
    assert set(may_connect(source, DATABASE).values()) == {True, False}


@pytest.mark.parametrize("version", [15, pytest.param(18, marks=pytest.mark.slow)])
def test_every_kind_of_object_with_grants_and_owners_of_every_kind(cluster: Clusters, version: int) -> None:
    source, destination = cluster(version), cluster(18)
    source.execute(f"CREATE DATABASE {DATABASE}")
    source.execute('CREATE ROLE owner; CREATE ROLE app; CREATE ROLE "We""ird {role}"')
    kinds = ("source.sql", "source_18.sql" if version == 18 else "source_before_18.sql")
    load(source, DATABASE, *(f"everything/{kind}" for kind in kinds))
    source.execute(GRANTED, DATABASE)
    to_the_light(replace(mapping(source, destination), without_identity=WithoutIdentity.COPY_AT_CUTOVER), 180)
    assert_alike(source, destination)
    granted = matrix(source, DATABASE)
    assert all(granted[kind] for kind in granted)


def assert_alike(source: Cluster, destination: Cluster) -> None:
    """Class by class, as sets."""
    here, there = matrix(source, DATABASE), matrix(destination, DATABASE)
    different = {name: here[name] ^ there[name] for name in here if here[name] != there[name]}
    assert different == {}
    assert all(here.values())
