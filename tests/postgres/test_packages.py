"""Schemas that other projects ship: each arrives as pg_dump sees it, and a second look finds nothing to do."""

import subprocess
from collections.abc import Callable
from difflib import unified_diff

import pytest

from migrator.machines.cluster import Cluster
from migrator.machines.provision import client
from tests.conftest import absent
from tests.packages import PackageMissingError, sql_of
from tests.postgres.schema_trial import Trial, dump
from tests.postgres.test_code import spelled_by
from tests.postgres.test_schema import unnamed

Shared = Callable[[int], Cluster]
Databases = Callable[..., str]

QUICK = ("procrastinate", "zabbix", "bacula", "pdns")
PAIRS = [
    *(pytest.param(name, 15, 18, id=f"{name}-15-18") for name in QUICK),
    pytest.param("synapse", 15, 18, id="synapse-15-18", marks=pytest.mark.slow),
    *(
        pytest.param(name, old, new, id=f"{name}-{old}-{new}", marks=pytest.mark.slow)
        for name in (*QUICK, "synapse")
        for old, new in ((15, 15), (16, 18), (17, 18), (18, 18))
    ),
]


@pytest.mark.parametrize(("name", "old", "new"), PAIRS)
def test_a_projects_schema_arrives_as_pg_dump_sees_it(
    name: str, old: int, new: int, shared: Shared, database: Databases
) -> None:
    try:
        sql = sql_of(name)
    except PackageMissingError as error:
        absent("packages", f"the schema of {name} could not be fetched: {error}")
    source, destination = shared(old), shared(new)
    trial = Trial(source, database(source), destination, database(destination))
    source.execute(sql, trial.database)
    carried_whole(trial, shared, database)


def test_pgbench_arrives_as_pg_dump_sees_it(shared: Shared, database: Databases) -> None:
    source, destination = shared(15), shared(18)
    trial = Trial(source, database(source), destination, database(destination))
    command = [str(client("pgbench")), "-i", "-q", "--partitions=3", "--foreign-keys", source.dsn(trial.database)]
    subprocess.run(command, check=True, capture_output=True)
    carried_whole(trial, shared, database)


def carried_whole(trial: Trial, shared: Shared, database: Databases) -> None:
    """The trial runs to its end, says nothing, and pg_dump finds the two sides equal."""
    assert trial.run() > 0
    for step in (trial.pre_data(), trial.post_data(), trial.late_definitions()):
        assert step.quiet
        assert not step.findings, [finding.message for finding in step.findings]
    assert not list(trial.at_cutover())
    here = dump(trial.source, trial.database, shared(18))
    if trial.source.version < trial.destination.version:
        here = spelled_by(shared(18), database(shared(18)), here)
    there = dump(trial.destination, trial.target, shared(18))
    here, there = (unnamed(text, trial.source.version) for text in (here, there))
    assert not (found := differing(here, there)), found


def differing(here: str, there: str) -> str:
    """The lines in which two dumps differ."""
    return "\n".join(unified_diff(here.splitlines(), there.splitlines(), n=1, lineterm=""))


# Rows of extensions' own tables are not the schema's: each of these databases goes without.
EXTENSIONS = {
    "pgtap": """
        CREATE SCHEMA tap; CREATE EXTENSION pgtap SCHEMA tap;
        CREATE FUNCTION public.test_one() RETURNS SETOF text LANGUAGE sql AS 'SELECT tap.pass(''one'')';
        CREATE VIEW public.owned AS SELECT * FROM tap.pg_all_foreign_keys WHERE fk_schema_name = 'public';
    """,
    "pg_partman": """
        CREATE SCHEMA partman; CREATE EXTENSION pg_partman SCHEMA partman;
        CREATE TABLE public.events (id bigint, day date NOT NULL, PRIMARY KEY (id, day)) PARTITION BY RANGE (day);
        CREATE INDEX ON public.events (day);
        SELECT partman.create_parent('public.events', 'day', 'native', 'monthly', p_premake := 2);
        TRUNCATE partman.part_config CASCADE;
    """,
    "postgis": """
        CREATE EXTENSION postgis;
        TRUNCATE public.spatial_ref_sys;
        CREATE TABLE public.places (
            id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text, at geometry(Point, 4326) NOT NULL,
            area geography(Polygon), lon double precision GENERATED ALWAYS AS (st_x(at)) STORED,
            CONSTRAINT placed CHECK (st_isvalid(at))
        );
        CREATE INDEX places_at ON public.places USING gist (at);
        CREATE INDEX places_nd ON public.places USING gist (at gist_geometry_ops_nd) WHERE name IS NOT NULL;
        CREATE VIEW public.near AS SELECT id FROM public.places WHERE st_dwithin(at, st_setsrid(st_point(1, 2), 4326), 3);
        CREATE FUNCTION public.far(geometry) RETURNS boolean LANGUAGE sql IMMUTABLE
            RETURN st_distance($1, 'SRID=4326;POINT(0 0)'::geometry) > 10;
    """,
}


@pytest.mark.slow
@pytest.mark.parametrize("name", EXTENSIONS)
def test_objects_that_use_an_extension_arrive_as_pg_dump_sees_them(
    name: str, shared: Shared, database: Databases
) -> None:
    server = shared(15)
    if not server.execute(f"SELECT 1 FROM pg_available_extensions WHERE name = '{name}'"):
        absent("extensions", f"PostgreSQL 15 here has no {name}: python -m tests.tools extensions, as root on Debian")
    trial = Trial(server, database(server), server, database(server))
    server.execute(EXTENSIONS[name], trial.database)
    carried_whole(trial, shared, database)
