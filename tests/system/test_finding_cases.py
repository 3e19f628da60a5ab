"""Trouble in a running migration, one case per finding: it is made for real, the code appears, the remedy as it is printed is
carried out, the finding goes, and the light comes back with every row in its place."""

import os
import re
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass, field, replace

import psycopg
import pytest

from migrator import control
from migrator.config import DatabaseSelection, MappingSpec
from migrator.looks.remembered import SchemaCache
from migrator.machines.cluster import Cluster
from migrator.memory import Memory
from migrator.steps import Finding, Side, Status
from migrator.tick.reconcile import Assessment, assess, drive
from tests.conftest import _need
from tests.remedy import carry_out
from tests.system.scenario import QUICK, checksums, describe, mapping, ours_left

SCHEMA = """
CREATE TABLE t (id int PRIMARY KEY, body text);
CREATE TABLE other (id int PRIMARY KEY, body text);
CREATE SEQUENCE s;
INSERT INTO t SELECT g, 'b' || g FROM generate_series(1, 100) g;
INSERT INTO other SELECT * FROM t;
SELECT nextval('s');
"""

SETTINGS = {"min_wal_size": "32MB", "max_wal_size": "1GB", "max_slot_wal_keep_size": "-1"}


@dataclass
class World:
    """A migration that has come to its light, and that every case leaves so."""

    source: Cluster
    destination: Cluster
    spec: MappingSpec
    memory: Memory = field(default_factory=Memory)
    schemas: SchemaCache = field(default_factory=SchemaCache)

    def until(self, done: Callable[[Assessment], bool], seconds: float = 120.0) -> Assessment:
        """Tick until `done`."""
        deadline = time.monotonic() + seconds
        while True:
            seen = drive(self.spec, self.memory, self.schemas)
            if seen is not None and done(seen):
                return seen
            assert time.monotonic() < deadline, describe(seen) if seen else "locked"
            time.sleep(0.1)

    def light(self) -> Assessment:
        return self.until(lambda seen: seen.status is Status.CUTOVER_READY)

    def told(self, code: str) -> Finding:
        """Wait for the finding."""
        seen = self.until(lambda seen: any(each.code == code for each in seen.decision.findings))
        return next(each for each in seen.decision.findings if each.code == code)

    def gone(self, code: str) -> None:
        self.until(lambda seen: all(each.code != code for each in seen.decision.findings))

    @property
    def group(self) -> str:
        return str(self.destination.execute("SELECT subname FROM pg_subscription")[0][0])

    def carry_out(self, finding: Finding) -> None:
        """The statements of the remedy, on the side and in the database that it names before them."""
        carry_out(finding, {Side.SOURCE: self.source, Side.DESTINATION: self.destination}, "shop")


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    for version in (16, 18):
        _need(version)
    source, destination = Cluster.create(16, SETTINGS), Cluster.create(18, {})
    source.execute("CREATE DATABASE shop")
    source.execute(SCHEMA, "shop")
    made = World(source, destination, mapping(source, destination, replication=replace(QUICK, stable_seconds=0.1)))
    made.light()
    yield made
    source.remove()
    destination.remove()


Trouble = Callable[[World], AbstractContextManager[object] | None]


def disabled(world: World) -> None:
    world.destination.execute(f"ALTER SUBSCRIPTION {world.group} DISABLE", "shop")


def foreign_relation(world: World) -> None:
    world.source.execute(
        f"CREATE TABLE fresh (id int PRIMARY KEY); ALTER PUBLICATION {world.group} ADD TABLE fresh", "shop"
    )


def ahead(world: World) -> None:
    world.destination.execute("SELECT nextval('s') FROM generate_series(1, 5)", "shop")


def drift(world: World) -> None:
    world.source.execute("ALTER TABLE other ADD COLUMN more int DEFAULT 7", "shop")


def conflict(world: World) -> None:
    """Somebody deletes a row on the destination; its update on the source finds nothing. The row is put right again."""
    world.destination.execute("DELETE FROM t WHERE id = 1", "shop")
    world.source.execute("UPDATE t SET body = 'b1' WHERE id = 1", "shop")
    world.told("apply_conflicts")
    world.destination.execute("INSERT INTO t VALUES (1, 'b1')", "shop")


def losing_wal(world: World) -> None:
    disabled(world)
    world.source.execute("ALTER SYSTEM SET max_slot_wal_keep_size = '1MB'")
    world.source.execute("SELECT pg_reload_conf()")
    for _ in range(4):
        world.source.execute("SELECT pg_logical_emit_message(true, 'x', repeat('x', 1000000)), pg_switch_wal()")


def standby(world: World) -> AbstractContextManager[object]:
    where = f"host={world.source.host} port={world.source.port} user=postgres replication=true"
    return psycopg.connect(where, autocommit=True)


def limited(world: World) -> None:
    """A limit is set, and a table that is yet to be admitted comes."""
    world.spec = replace(world.spec, replication=replace(world.spec.replication, rate_limit_mbps=1.0))
    world.source.execute("CREATE TABLE limited (id int PRIMARY KEY)", "shop")


def over_budget(world: World) -> None:
    retain(world)
    world.spec = replace(world.spec, replication=replace(world.spec.replication, wal_budget_gb=0.001))


def near_budget(world: World) -> None:
    retain(world)
    retained = world.until(lambda _: True).summary["retained_bytes"]
    assert isinstance(retained, int)
    budget = retained * 1.15 / 2**30  # a share of 0.87 of it
    world.spec = replace(world.spec, replication=replace(world.spec.replication, wal_budget_gb=budget))


def retain(world: World) -> None:
    disabled(world)
    world.source.execute("SELECT pg_logical_emit_message(true, 'x', repeat('x', 9000000))", "shop")


def as_configured(world: World) -> None:
    """The lines of the configuration that a remedy names: as they were."""
    world.spec = mapping(world.source, world.destination, replication=replace(QUICK, stable_seconds=0.1))


CASES: dict[str, Trouble] = {
    "subscription_disabled": disabled,
    "publication_foreign_relation": foreign_relation,
    "sequence_ahead": ahead,
    "schema_drift": drift,
    "apply_conflicts": conflict,
    "slot_losing_wal": losing_wal,
    "rate_limit_by_admission": limited,
    "wal_budget_exceeded": over_budget,
    "wal_budget_near": near_budget,
}
BY_CONFIGURATION = {"rate_limit_by_admission", "wal_budget_exceeded", "wal_budget_near"}
"""Whose remedy is no statement, but a line of the configuration."""


def test_a_schema_in_our_publication_is_told_like_a_table(world: World) -> None:
    world.source.execute(f"CREATE SCHEMA theirs; ALTER PUBLICATION {world.group} ADD TABLES IN SCHEMA theirs", "shop")
    found = world.told("publication_foreign_relation")
    assert "schema theirs" in found.message
    world.carry_out(found)
    world.gone("publication_foreign_relation")
    world.light()


@pytest.mark.parametrize("code", CASES)
def test_the_remedy_as_printed_mends_it(world: World, code: str) -> None:
    CASES[code](world)
    found = world.told(code)
    assert found.remedy
    if code in BY_CONFIGURATION:
        as_configured(world)
    else:
        world.carry_out(found)
    world.gone(code)
    if not all(row[0] for row in world.destination.execute("SELECT subenabled FROM pg_subscription")):
        world.carry_out(world.told("subscription_disabled"))
    world.light()
    world.until(lambda _: checksums(world.source, "shop") == checksums(world.destination, "shop"))


@pytest.mark.finding("slot_creation_waits")
def test_who_keeps_a_slot_from_being_made_is_told_and_can_be_ended(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of another database of the same source: its slot waits for every transaction of the instance."""
    monkeypatch.setattr("migrator.looks.observe.OLD_SECONDS", 0.0)
    for server in (world.source, world.destination):
        server.execute("CREATE DATABASE held")
    other = mapping(world.source, world.destination, "held", databases=DatabaseSelection(include=("held",)))
    memory, schemas = Memory(), SchemaCache()

    def told() -> Finding | None:
        seen = assess(other, memory, schemas)
        return next((each for each in seen.decision.findings if each.code == "slot_creation_waits"), None)

    with closing(world.source.connect("shop")) as writer:
        writer.execute("BEGIN; SELECT pg_current_xact_id()")
        deadline = time.monotonic() + 60
        while (found := told()) is None:
            drive(other, memory, schemas)
            assert time.monotonic() < deadline
        carry_out(found, {Side.SOURCE: world.source, Side.DESTINATION: world.destination})
    assert told() is None
    assert control.abort(other).left == ()
    control.forget(other)
    for server in (world.source, world.destination):
        server.execute("DROP DATABASE held WITH (FORCE)")


def test_a_subscription_that_passes_over_what_others_sent_is_broken(world: World) -> None:
    world.destination.execute(f"ALTER SUBSCRIPTION {world.group} SET (origin = none)", "shop")
    found = world.told("replication_broken")
    assert found.blocking and "origin = none" in found.message
    world.destination.execute(f"ALTER SUBSCRIPTION {world.group} SET (origin = any)", "shop")
    world.gone("replication_broken")
    world.light()


@pytest.mark.finding("standbys")
def test_a_standby_is_told_while_it_is_fed(world: World) -> None:
    with standby(world):
        assert not world.told("standbys").blocking
    world.gone("standbys")


@pytest.mark.finding("apply_failing")
def test_apply_that_fails_is_mended_on_the_destination_or_by_skipping(world: World) -> None:
    """A row somebody wrote to the destination. Taken away there, apply goes on; skipped, as the remedy says, a transaction is lost."""
    for number, skip in ((900, False), (901, True)):
        world.destination.execute(f"INSERT INTO t VALUES ({number}, 'theirs')", "shop")
        unread = len(world.destination.log())
        world.source.execute(
            f"INSERT INTO t VALUES ({number}, 'ours'); INSERT INTO other VALUES ({number}, 'x')", "shop"
        )
        found = world.told("apply_failing")
        assert found.blocking and "no change of any relation of migrator_" in found.message
        if skip:
            finished = re.findall(r"finished at ([0-9A-F]+/[0-9A-F]+)", world.destination.log()[unread:])
            statement = found.remedy.rsplit(": ", 1)[1]
            assert "<finished at, from the log>" in statement
            world.destination.execute(statement.replace("<finished at, from the log>", finished[-1]), "shop")
        else:
            world.destination.execute(f"DELETE FROM t WHERE id = {number}", "shop")
        world.gone("apply_failing")
        rows = [("t", "theirs" if skip else "ours"), *([] if skip else [("other", "x")])]
        for table, body in rows:
            query = f"SELECT body FROM {table} WHERE id = {number}"
            world.until(lambda _, query=query, body=body: world.destination.execute(query, "shop") == [(body,)])  # type: ignore[misc]
    assert world.destination.execute("SELECT count(*) FROM other WHERE id = 901", "shop") == [(0,)]
    world.destination.execute("UPDATE t SET body = 'ours' WHERE id = 901; INSERT INTO other VALUES (901, 'x')", "shop")
    world.carry_out(world.told("apply_conflicts"))  # 18 counts what it met
    world.light()
    assert checksums(world.source, "shop") == checksums(world.destination, "shop")


@pytest.mark.finding("apply_not_running")
def test_apply_that_does_not_start_is_told(world: World) -> None:
    """What no counter shows: somebody else reads from our slot, so that the apply worker ends before it has begun."""
    disabled(world)
    world.until(lambda _: world.source.execute("SELECT active FROM pg_replication_slots") == [(False,)])
    where = f"host={world.source.host} port={world.source.port} user=postgres dbname=shop replication=database"
    with psycopg.connect(where, autocommit=True) as thief:
        start = (
            f"START_REPLICATION SLOT {world.group} LOGICAL 0/0 (proto_version '1', publication_names '{world.group}')"
        )
        assert thief.pgconn.exec_(start.encode()).status == psycopg.pq.ExecStatus.COPY_BOTH
        world.destination.execute(f"ALTER SUBSCRIPTION {world.group} ENABLE", "shop")
        found = world.told("apply_not_running")
        assert found.blocking and "the source's why its walsender does" in found.remedy
        thief.pgconn.finish()
    world.gone("apply_not_running")
    world.light()


@pytest.mark.finding("replication_leftover")
def test_a_destination_database_that_was_dropped_is_told_and_begun_anew(world: World) -> None:
    name = world.group
    for statement in (f"{name} DISABLE", f"{name} SET (slot_name = NONE)"):
        world.destination.execute(f"ALTER SUBSCRIPTION {statement}", "shop")
    world.destination.execute(f"DROP SUBSCRIPTION {name}", "shop")
    world.destination.execute("DROP DATABASE shop WITH (FORCE)")
    found = world.told("replication_leftover")
    assert "pg-migrator abort m" in found.remedy and "pg-migrator forget m" in found.remedy
    assert control.abort(world.spec).left == ()
    assert [left for left in ours_left(world.source) if not left.startswith("session")] == []
    control.forget(world.spec)
    world.memory, world.schemas = Memory(), SchemaCache()
    world.light()
    assert checksums(world.source, "shop") == checksums(world.destination, "shop")


def promote(server: Cluster) -> None:
    """As after a restore or a failover: the same server by its system identifier, on a new timeline."""
    server.execute("ALTER SYSTEM SET restore_command = 'false'")
    server.stop()
    signal = server.data / "recovery.signal"
    signal.touch()
    owner = server.data.stat()
    os.chown(signal, owner.st_uid, owner.st_gid)
    server.start()


SIDES = [Side.SOURCE, pytest.param(Side.DESTINATION, marks=pytest.mark.slow)]


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.finding("server_replaced")
def test_a_side_that_was_restored_is_told_and_the_mapping_ends_well(world: World, side: Side) -> None:
    """The last case: nothing goes on by itself, whichever side it is; the remedy ends the mapping, and nothing is left."""
    world.light()
    promote(world.source if side is Side.SOURCE else world.destination)
    found = world.told("server_replaced")
    assert found.blocking and f"The {side} " in found.message and "timeline 2" in found.message
    world.source.execute("INSERT INTO t VALUES (5000, 'after')", "shop")
    seen = drive(world.spec, world.memory, world.schemas)
    assert seen is not None
    assert not any(seen.decision.actions), describe(seen)
    assert f"pg-migrator abort {world.spec.name}" in found.remedy
    assert control.abort(world.spec).left == ()
    control.forget(world.spec)
    assert [left for left in ours_left(world.source) if not left.startswith("session")] == []
    assert world.destination.execute("SELECT count(*) >= 100 FROM t", "shop") == [(True,)], (
        "rows stay: they are the operator's"
    )
    world.source.execute("DELETE FROM t WHERE id = 5000", "shop")
    world.destination.execute("DROP DATABASE shop WITH (FORCE)")
    world.memory, world.schemas = Memory(), SchemaCache()
    world.light()
    assert checksums(world.source, "shop") == checksums(world.destination, "shop")
