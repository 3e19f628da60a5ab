"""What logical replication does not carry: large objects, rows of unlogged and of extensions' configuration tables."""

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from threading import Event

import pytest
from click.testing import CliRunner

from migrator import control
from migrator.bucket import Limit
from migrator.cli import main
from migrator.config import MappingSpec, Secret
from migrator.copying.carrying import Carrying
from migrator.errors import MigratorError, RefusedError
from migrator.machines.cluster import Cluster
from migrator.machines.provision import cache, postgres_bin
from migrator.model import Instance
from migrator.phases.carry import UNLOGGED, pieces, unlogged
from migrator.tasks.carriage import carry_again
from migrator.tick.reconcile import Assessment, assess
from tests.conftest import absent
from tests.system.scenario import checksums, drive_until, mapping, ours_left, seed, to_the_light

Clusters = Callable[..., Cluster]

THINGS = """
CREATE UNLOGGED TABLE session (id int PRIMARY KEY, body text, double int GENERATED ALWAYS AS (id * 2) STORED);
CREATE UNLOGGED TABLE answer (id int GENERATED ALWAYS AS IDENTITY, session int NOT NULL REFERENCES session ON DELETE CASCADE);
INSERT INTO session SELECT g, repeat('x', g) FROM generate_series(1, 300) g;
INSERT INTO answer (session) SELECT g FROM generate_series(1, 300) g;
CREATE TABLE page (id int PRIMARY KEY);
CREATE UNLOGGED TABLE visit (id int PRIMARY KEY, page int REFERENCES page);
INSERT INTO page VALUES (1), (2);
INSERT INTO visit VALUES (1, 1), (2, 2);
SELECT lo_from_bytea(4711, convert_to(repeat('0123456789', 60000), 'UTF8')), lo_from_bytea(4712, ''), lo_from_bytea(4713, 'gone');
SELECT lo_create(4714);
SELECT lo_put(4714, 3000000, 'after a hole');
SELECT lo_from_bytea(g::oid, convert_to('n' || g, 'UTF8')) FROM generate_series(20000, 20450) g;
COMMENT ON LARGE OBJECT 4711 IS 'a picture''s';
ALTER LARGE OBJECT 4711 OWNER TO shop_owner;
GRANT SELECT ON LARGE OBJECT 4711 TO reader WITH GRANT OPTION;
GRANT UPDATE ON LARGE OBJECT 4711 TO PUBLIC;
REVOKE UPDATE ON LARGE OBJECT 4712 FROM postgres;
"""

LATER = """
SELECT lo_put(4711, 5, 'changed'), lo_unlink(4713), lo_from_bytea(4715, 'new');
REVOKE UPDATE ON LARGE OBJECT 4711 FROM PUBLIC;
DELETE FROM session WHERE id < 100;
INSERT INTO session (id) VALUES (9999);
"""

LARGE_OBJECTS = """
SELECT m.oid::int8, md5(lo_get(m.oid)), pg_get_userbyid(lomowner), obj_description(m.oid, 'pg_largeobject'),
       (SELECT array_agg(a::text ORDER BY a::text) FROM unnest(lomacl) a)
FROM pg_largeobject_metadata m ORDER BY 1
"""


def large_objects(server: Cluster, database: str = "shop") -> list[tuple[object, ...]]:
    return server.execute(LARGE_OBJECTS, database)


def carried(spec: MappingSpec) -> dict[str, int]:
    """What the command carries: rows by what they are of."""
    return {f"{each.database}: {each.what}": each.copied.rows for each in carry_again(spec, None)}


def equal(source: Cluster, destination: Cluster, database: str = "shop") -> None:
    assert large_objects(source, database) == large_objects(destination, database)
    assert checksums(source, database) == checksums(destination, database)


@pytest.mark.parametrize("old", [15, pytest.param(18, marks=pytest.mark.slow)])
def test_once_before_the_light_and_again_after_the_barrier(cluster: Clusters, old: int) -> None:
    source, destination = cluster(old), cluster(18)
    seed(source)
    source.execute(THINGS, "shop")
    spec = mapping(source, destination)
    light = to_the_light(spec)
    codes = {finding.code for finding in light.decision.findings if finding.database == "shop"}
    assert codes == {"not_replicated", "foreign_key_after_barrier"}
    equal(source, destination)
    assert unlogged(light.observation.databases[0]) == (
        "public.session",
        "public.visit",
        "public.answer",
    ), "what is referred to first"

    source.execute("TRUNCATE page CASCADE; INSERT INTO page VALUES (3); INSERT INTO visit VALUES (3, 3)", "shop")
    light = to_the_light(spec)
    assert destination.execute("TABLE page", "shop") == [(3,)], "of visit nothing is replicated, which would halt apply"
    _gives_way(spec, light, source)
    source.execute(LATER, "shop")
    assert assess(spec).decision.quiet, "what has changed since holds nothing before the barrier"
    assert large_objects(source) != large_objects(destination)
    control.take_barrier(spec)
    refusal = str(_refused(spec))
    assert "large objects were not carried since the barrier: pg-migrator carry m" in refusal
    assert "unlogged tables were not carried" in refusal
    assert _step(assess(spec))["holds"] is False

    assert carried(spec) == {"shop: large objects": 455, "shop: unlogged tables": 404}
    equal(source, destination)
    assert carried(spec) == {}, "what the applications write on the destination from now on is theirs"
    assert _step(assess(spec))["holds"] is True
    control.lift_barrier(spec)
    control.take_barrier(spec)
    assert carried(spec).keys() == {"shop: large objects", "shop: unlogged tables"}
    equal(source, destination)
    assert any("visit_page_fkey" in reason for reason in control.completion_reasons(spec, assess(spec)))
    drive_until(spec, lambda seen: not control.completion_reasons(spec, seen))
    assert control.complete(spec).left == ()
    equal(source, destination)
    assert destination.execute("SELECT count(*) FROM pg_constraint WHERE conname = 'visit_page_fkey'", "shop") == [(1,)]
    assert ours_left(source) == [] and ours_left(destination) == []


class Standstill:
    """A limit that lets nothing through."""

    def take(self, limits: Sequence[Limit], cost_bytes: float) -> float:
        return 0.5


def _gives_way(spec: MappingSpec, light: Assessment, source: Cluster) -> None:
    """However slow the limit makes it: the application gets its table within seconds, and this piece is put off."""
    assert isinstance(light.observation.source, Instance)
    (piece,) = (each for each in pieces(light.observation.databases[0]) if each.what == UNLOGGED)
    system = light.observation.source.system_identifier
    ended = Event()
    with ThreadPoolExecutor(1) as pool, Carrying(spec, "shop", system, Standstill(), ended.is_set) as carrying:
        put_off = pool.submit(carrying.carry, piece, None, made_by_us=True)
        held = "SELECT count(*) FROM pg_locks WHERE relation = 'answer'::regclass AND mode = 'AccessShareLock'"
        while source.execute(held, "shop") == [(0,)]:
            time.sleep(0.1)
        source.execute("SET lock_timeout = '20s'; BEGIN; LOCK TABLE answer IN ACCESS EXCLUSIVE MODE; COMMIT", "shop")
        ended.set()  # it would learn of its lost session when it may read again
        with pytest.raises(MigratorError):
            put_off.result(20)


def _refused(spec: MappingSpec) -> tuple[str, ...]:
    with pytest.raises(RefusedError) as refused:
        control.complete(spec)
    return tuple(refused.value.reasons)


def _step(seen: Assessment) -> dict[str, object]:
    steps = seen.summary["cutover"]
    assert isinstance(steps, list)
    return next(step for step in steps if step["title"] == "Carry what is not replicated")


class Killer:
    """Buckets that are never empty, and end the sessions that carry once so many blocks were paid for."""

    def __init__(self, servers: Sequence[Cluster], blocks: int) -> None:
        self.servers, self.blocks, self.paid = servers, blocks, 0.0

    def take(self, limits: Sequence[Limit], cost_bytes: float) -> float:
        self.paid += cost_bytes
        self.blocks -= 1
        if self.blocks == 0:
            for server in self.servers:
                server.execute(
                    "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
                    " WHERE application_name LIKE 'pg-migrator carry%'"
                )
        return 0.0


@pytest.fixture
def at_the_light(cluster: Clusters) -> Iterator[tuple[MappingSpec, Cluster, Cluster]]:
    source, destination = cluster(15), cluster(18)
    seed(source)
    source.execute(THINGS, "shop")
    spec = mapping(source, destination)
    to_the_light(spec)
    yield spec, source, destination


def test_killed_in_the_midst_each_is_as_before_or_as_it_is_now(
    at_the_light: tuple[MappingSpec, Cluster, Cluster],
) -> None:
    spec, source, destination = at_the_light
    before = {row[0]: row for row in large_objects(destination)}
    rows = checksums(destination, "shop")
    source.execute(LATER + "SELECT lo_put(oid, 0, 'all are other') FROM pg_largeobject_metadata", "shop")
    now = {row[0]: row for row in large_objects(source)}
    control.take_barrier(spec)
    for blocks in (1, 9, 14, 16, 17, 18, 1000):
        killer = Killer((source, destination), blocks)
        try:
            done = [each.what for each in carry_again(spec, killer)]
            assert blocks > 14
            break
        except MigratorError:
            found = {row[0]: row for row in large_objects(destination)}
            assert all(row in (before.get(oid), now.get(oid)) for oid, row in found.items())
            assert checksums(destination, "shop") in (rows, checksums(source, "shop"))
    assert done[-1] == "unlogged tables"
    equal(source, destination)


def test_what_is_not_ours_is_never_written_over(cluster: Clusters) -> None:
    source, destination = cluster(16), cluster(18)
    source.execute("CREATE DATABASE shop")
    source.execute(
        "CREATE UNLOGGED TABLE note (id int); INSERT INTO note VALUES (1); SELECT lo_from_bytea(4711, 'ours')", "shop"
    )
    destination.execute("CREATE DATABASE shop")
    destination.execute(
        "CREATE UNLOGGED TABLE note (id int); INSERT INTO note VALUES (2); SELECT lo_from_bytea(4711, 'x')", "shop"
    )
    spec = mapping(source, destination)
    theirs = large_objects(destination), checksums(destination, "shop")

    refused = drive_until(spec, lambda seen: seen.decision.findings != ())
    codes = {finding.code for finding in refused.decision.findings if finding.blocking}
    assert codes == {"large_object_not_ours", "destination_not_empty"}
    assert (large_objects(destination), checksums(destination, "shop")) == theirs
    destination.execute("SELECT lo_unlink(4711); TRUNCATE note", "shop")
    to_the_light(spec)
    equal(source, destination, "shop")
    assert control.abort(spec).left == ()
    assert ours_left(destination) == []
    equal(source, destination, "shop")


def test_the_command_says_what_it_has_carried(
    at_the_light: tuple[MappingSpec, Cluster, Cluster], tmp_path: Path
) -> None:
    spec, source, destination = at_the_light
    ends = "".join(
        f"  {name}: {{server: 127.0.0.1, port: {server.port}, username: postgres}}\n"
        for name, server in (("src", source), ("dst", destination))
    )
    mappings = "mappings: [{name: m, source_instance: src, destination_instance: dst, databases: [shop]}]\n"
    path = tmp_path / "migrator.yaml"
    path.write_text(f"instances:\n{ends}{mappings}")
    for barrier, expected in ((False, "There is no barrier yet"), (True, "shop: unlogged tables: 602 rows")):
        if barrier:
            control.take_barrier(spec)
        result = CliRunner().invoke(main, ["carry", "-c", str(path), "m"])
        assert result.exit_code == 0, result.output
        assert expected in result.output
    result = CliRunner().invoke(main, ["carry", "-c", str(path), "m"])
    assert (result.exit_code, "There is nothing to carry" in result.output) == (0, True)


EXTENSION = "migrator_carry_test"
CONTROL = "default_version = '1.0'\nrelocatable = false\nschema = public\n"
SCRIPT = """
CREATE TABLE carry_setting (name text PRIMARY KEY, value text, shipped boolean DEFAULT false);
INSERT INTO carry_setting VALUES ('a', 'as shipped', true);
CREATE TABLE carry_detail (name text REFERENCES carry_setting, more int, id serial);
CREATE TABLE carry_internal (id int);
INSERT INTO carry_internal VALUES (1);
SELECT pg_catalog.pg_extension_config_dump('carry_setting', 'WHERE NOT shipped');
SELECT pg_catalog.pg_extension_config_dump('carry_detail', '');
SELECT pg_catalog.pg_extension_config_dump('carry_detail_id_seq', '');
"""


@pytest.fixture
def extension() -> Iterator[None]:
    """A small extension with configuration tables, in the servers' directories: those in our own cache or virtual environment."""
    written = []
    for version in (16, 18):
        directory = next(postgres_bin(version).parent.glob("share/**/extension"), None)
        if directory is None or not any(directory.is_relative_to(place) for place in (cache(), sys.prefix)):
            absent(
                "extension",
                f"*** PostgreSQL {version} of this machine is not ours to add an extension to: not tested ***",
            )
        assert directory is not None
        for name, text in ((f"{EXTENSION}.control", CONTROL), (f"{EXTENSION}--1.0.sql", SCRIPT)):
            path = directory / name
            path.write_text(text)
            written.append(path)
    yield
    for path in written:
        path.unlink(missing_ok=True)


def test_an_extensions_configuration_comes_by_its_conditions(cluster: Clusters, extension: None) -> None:
    source, destination = cluster(16), cluster(18)
    source.execute("CREATE DATABASE shop")
    source.execute(f"CREATE EXTENSION {EXTENSION}", "shop")
    source.execute(
        "INSERT INTO carry_setting VALUES ('b', 'of the user'); INSERT INTO carry_detail VALUES ('a', 1), ('b', 2);"
        "UPDATE carry_setting SET value = 'changed' WHERE shipped; INSERT INTO carry_internal VALUES (2)",
        "shop",
    )
    spec = mapping(source, destination)
    to_the_light(spec)
    source.execute("DELETE FROM carry_detail; UPDATE carry_setting SET name = 'c' WHERE name = 'b'", "shop")
    control.take_barrier(spec)
    assert carried(spec) == {f"shop: extension {EXTENSION}": 1}
    assert destination.execute("SELECT * FROM carry_setting ORDER BY 1", "shop") == [
        ("a", "as shipped", True),
        ("c", "of the user", False),
    ]
    assert destination.execute("SELECT * FROM carry_detail", "shop") == []
    assert destination.execute("SELECT * FROM carry_internal", "shop") == [(1,)]
    assert destination.execute("SELECT last_value, is_called FROM carry_detail_id_seq", "shop") == [(2, True)]
    assert control.complete(spec).left == ()
    assert ours_left(destination) == []


def test_large_objects_that_our_user_may_not_read_are_told_with_the_grant(cluster: Clusters) -> None:
    source, destination = cluster(16), cluster(18)
    source.execute("CREATE DATABASE shop")
    source.execute("SELECT lo_from_bytea(4711, 'a'), lo_from_bytea(4712, 'b')", "shop")
    source.execute(
        "CREATE ROLE mover LOGIN REPLICATION IN ROLE pg_read_all_stats; GRANT CREATE ON DATABASE shop TO mover"
    )
    spec = mapping(source, destination, common_password=Secret("of the roles"))
    spec = replace(spec, source=replace(spec.source, username="mover"))
    (told,) = [each for each in assess(spec).decision.findings if each.code == "large_object_unreadable"]
    assert (told.blocking, told.database) == (True, "shop")
    source.execute(told.remedy.partition(": ")[2], "shop")
    to_the_light(spec)
    query = "SELECT oid::int8, lo_get(oid) FROM pg_largeobject_metadata ORDER BY 1"
    assert source.execute(query, "shop") == destination.execute(query, "shop")
