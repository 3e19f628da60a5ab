"""Copy method snapshot, with keepers and copies in this process: converges under load, and whatever dies on the way."""

import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import cycle

import psycopg
import pytest

from migrator import control
from migrator.apply import Applier
from migrator.config import CopyMethod, MappingSpec
from migrator.copying.copy_part import Copied
from migrator.copying.work import Parts
from migrator.looks.remembered import SchemaCache
from migrator.machines.cluster import Cluster
from migrator.memory import Memory
from migrator.names import application_name
from migrator.steps import Statement, Status
from migrator.tick.reconcile import Assessment, assess, drive
from tests.system.fleet import Leg, equal
from tests.system.scenario import QUICK, describe, drive_until, mapping, ours_left, seed, to_the_light

Clusters = Callable[..., Cluster]

PLENTY = """
CREATE TABLE plenty (id int PRIMARY KEY, body text);
INSERT INTO plenty SELECT g, repeat('x', 200) FROM generate_series(1, 8000) g;
CREATE INDEX plenty_body ON plenty (body, id);
CREATE TABLE toasted (id int PRIMARY KEY, body text, n int DEFAULT 0);
ALTER TABLE toasted ALTER body SET STORAGE EXTERNAL;
INSERT INTO toasted SELECT g, repeat(md5(g::text), 200) FROM generate_series(1, 300) g;
CREATE TABLE parent (id int PRIMARY KEY);
CREATE TABLE child (id int PRIMARY KEY, parent int REFERENCES parent);
INSERT INTO parent SELECT generate_series(1, 200);
INSERT INTO child SELECT g, 1 + g % 200 FROM generate_series(1, 1000) g;
CREATE VIEW counted AS SELECT p.id, p.body, count(*) FROM plenty p GROUP BY p.id;
"""


class Died(BaseException):
    """The process died here."""


def by_snapshot(source: Cluster, destination: Cluster, **pace: object) -> MappingSpec:
    """A mapping that copies in small parts, so that there are many."""
    replication = replace(QUICK, **{"part_mb": 0.1, **pace})  # type: ignore[arg-type]
    return mapping(source, destination, copy_method=CopyMethod.SNAPSHOT, replication=replication)


def stage(source: Cluster) -> None:
    """The sample database, and tables that are cut into parts."""
    seed(source)
    source.execute(PLENTY, "shop")


def end_well(spec: MappingSpec, source: Cluster, destination: Cluster) -> None:
    """To the light, equal after the barrier, quiet, and nothing left in the end."""
    light = to_the_light(spec, 240)
    assert not [finding for finding in light.decision.findings if finding.blocking]
    assert destination.execute("SELECT relation FROM migrator.relations WHERE analyzed_at IS NULL", "shop") == []
    assert destination.execute("SELECT 1 FROM pg_stats WHERE tablename = 'plenty' AND attname = 'body'", "shop")
    control.take_barrier(spec)
    equal(Leg(spec, source, destination), ["shop"])
    to_the_light(spec, 120)  # foreign keys between relations that have come to be in two groups are built only now
    again = assess(spec)
    assert not list(again.decision.actions), describe(again)
    assert control.complete(spec).left == ()
    assert ours_left(source) == []
    assert ours_left(destination) == []


@pytest.fixture
def deaths(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, int]]:
    """`deaths["part"] = n`: the process dies after n more parts; "step": after n more transactions of actions; 0: not at all."""
    budget = {"part": 0, "step": 0}
    copy, run = Parts.copy, Applier._run

    def spend(kind: str) -> None:
        if budget[kind]:
            budget[kind] -= 1
            if not budget[kind]:
                raise Died

    def copying(self: Parts, relation: str, number: int) -> Copied | None:
        done = copy(self, relation, number)
        spend("part")
        return done

    def running(self: Applier, statements: list[Statement], values: dict[str, object]) -> None:
        run(self, statements, values)
        spend("step")

    monkeypatch.setattr(Parts, "copy", copying)
    monkeypatch.setattr(Applier, "_run", running)
    yield budget


def test_a_database_is_seen_while_a_part_or_what_is_carried_holds_its_table(cluster: Clusters) -> None:
    """A part that is a whole table is written into an emptied one, ACCESS EXCLUSIVE, for minutes."""
    source, destination = cluster(16), cluster(18)
    stage(source)
    source.execute("CREATE UNLOGGED TABLE loose (id int PRIMARY KEY)", "shop")
    spec = by_snapshot(source, destination)
    drive_until(spec, lambda seen: seen.summary["phase"] == "initial_copy")
    control.set_rate_limit(spec, 0)
    drive_until(spec, lambda seen: bool(seen.observation.databases[0].ledger.parts))
    name, schemas = application_name(spec.name, "carry"), SchemaCache()
    assess(spec, schemas=schemas)
    with (
        destination.connect("shop") as copier,
        destination.connect("shop", application_name=name) as carrier,
        copier.transaction(),
        carrier.transaction(),
    ):
        copier.execute("LOCK TABLE plenty")
        carrier.execute("LOCK TABLE loose")
        seen = assess(spec, schemas=schemas)
        (pair,) = seen.observation.databases
        assert pair.target_error is None and seen.summary["phase"] == "initial_copy", describe(seen)
        assert not pair.filled & {"public.plenty", "public.loose"}
    control.set_rate_limit(spec, None)
    to_the_light(spec, 120)


def lose_keepers(source: Cluster) -> None:
    """Every session that holds a snapshot ends, as with its worker."""
    source.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'pg-migrator keeper%'"
    )
    deadline = time.monotonic() + 20
    while source.execute("SELECT 1 FROM pg_stat_activity WHERE application_name LIKE 'pg-migrator keeper%'"):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def copied(destination: Cluster) -> dict[tuple[object, ...], object]:
    """Parts that are in, and when each was brought."""
    rows = destination.execute(
        "SELECT group_number, relation, number, copied_at FROM migrator.parts WHERE copied_at IS NOT NULL", "shop"
    )
    return {row[:3]: row[3] for row in rows}


def finished(destination: Cluster) -> set[object]:
    """Relations all of whose parts are in."""
    rows = destination.execute(
        "SELECT relation FROM migrator.parts GROUP BY relation HAVING count(*) = count(copied_at)", "shop"
    )
    return {row[0] for row in rows}


def until_died(spec: MappingSpec, memory: Memory, seconds: float = 60.0) -> None:
    """Tick until the process dies."""
    deadline = time.monotonic() + seconds
    with pytest.raises(Died):
        while True:
            seen = drive(spec, memory)
            assert time.monotonic() < deadline, describe(seen) if seen else ""


def is_replicated(seen: Assessment) -> bool:
    """Whether every group has its subscription."""
    return seen.summary["phase"] in ("post_data", "privileges", "catchup", None)


@contextmanager
def writers(source: Cluster, seed_of_chance: int) -> Iterator[None]:
    """Inserts, updates of keys and TOASTed values, deletes, subtransactions, long transactions: from before to after."""
    stop = threading.Event()
    errors: list[Exception] = []

    def write(dice: random.Random) -> None:
        try:
            with source.connect("shop") as session:
                while not stop.wait(0.01):
                    one_transaction(session, dice)
        except Exception as error:  # told by the test's own thread
            errors.append(error)

    threads = [threading.Thread(target=write, args=(random.Random(seed_of_chance + n),)) for n in range(3)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert not errors, errors


def one_transaction(session: "psycopg.Connection[tuple[object, ...]]", dice: random.Random) -> None:
    one, other = dice.randint(1, 8000), dice.randint(9000, 10**9)
    with session.transaction():
        session.execute("INSERT INTO plenty VALUES (%s, 'new') ON CONFLICT DO NOTHING", (other,))
        session.execute("UPDATE plenty SET body = body || 'y' WHERE id = %s", (one,))
        if dice.random() < 0.3:
            session.execute("DELETE FROM plenty WHERE id = %s", (dice.randint(1, 8000),))
        if dice.random() < 0.3:
            session.execute("UPDATE plenty SET id = -id WHERE id = %s AND id > 0", (dice.randint(1, 8000),))
        session.execute("UPDATE toasted SET n = n + 1 WHERE id = %s", (dice.randint(1, 300),))
        if dice.random() < 0.2:
            body = "z" * dice.randint(1, 20000)
            session.execute("UPDATE toasted SET body = %s WHERE id = %s", (body, dice.randint(1, 300)))
        with session.transaction(force_rollback=dice.random() < 0.3):
            session.execute("INSERT INTO child VALUES (%s, %s) ON CONFLICT DO NOTHING", (other, dice.randint(1, 200)))
        if dice.random() < 0.02:
            time.sleep(0.7)


@pytest.mark.parametrize(("old", "new"), [(15, 18), pytest.param(16, 18, marks=pytest.mark.slow)])
def test_under_load(cluster: Clusters, old: int, new: int) -> None:
    source, destination = cluster(old), cluster(new)
    stage(source)
    spec = by_snapshot(source, destination)
    memory = Memory()
    with writers(source, 4711):
        drive_until(spec, is_replicated, 120, memory)
        time.sleep(1)
    end_well(spec, source, destination)


@pytest.mark.timeout(600)
def test_stop_anywhere(cluster: Clusters, deaths: dict[str, int]) -> None:
    source, destination = cluster(16), cluster(18)
    stage(source)
    spec = by_snapshot(source, destination)
    died = 0
    for number, lives in enumerate(cycle((1, 2, 3, 4, 5, 7, 30))):
        deaths.update(step=lives, part=4 * lives)
        try:
            seen = drive(spec, Memory())
        except Died:
            died += 1
            if number % 5 == 4:
                lose_keepers(source)
            continue
        assert seen is not None
        assert seen.status is not Status.PROBLEMATIC, describe(seen)
        if seen.status is Status.CUTOVER_READY:
            break
    assert died > 5
    deaths.update(step=0, part=0)
    end_well(spec, source, destination)


def test_all_keepers_lost(cluster: Clusters, deaths: dict[str, int]) -> None:
    """What is finished stays in its group and is not copied again; the rest begins anew in another; the writers never stop."""
    source, destination = cluster(16), cluster(18)
    stage(source)
    spec = by_snapshot(source, destination)
    memory = Memory()
    with writers(source, 42):
        deaths["part"] = 25
        until_died(spec, memory)
        before, whole = copied(destination), finished(destination)
        assert whole
        assert len(before) >= 25
        lose_keepers(source)
        drive_until(spec, is_replicated, 120, memory)
    after = copied(destination)
    kept = {part: at for part, at in before.items() if part[1] in whole}
    assert kept.items() <= after.items(), "finished parts were copied again"
    assert {part[0] for part in after} == {1, 2}
    assert {part[1] for part in after if part[0] == 2}.isdisjoint(whole)
    end_well(spec, source, destination)


@pytest.mark.slow
def test_keepers_lost_before_any_relation_was_finished(cluster: Clusters, deaths: dict[str, int]) -> None:
    source, destination = cluster(16), cluster(18)
    source.execute("CREATE DATABASE shop")
    source.execute("CREATE TABLE plenty (id int PRIMARY KEY, body text)", "shop")
    source.execute("INSERT INTO plenty SELECT g, repeat('x', 200) FROM generate_series(1, 8000) g", "shop")
    spec = by_snapshot(source, destination)
    deaths["part"] = 2
    until_died(spec, Memory())
    lose_keepers(source)
    source.execute("DELETE FROM plenty WHERE id < 100", "shop")
    to_the_light(spec)
    slots = source.execute("SELECT slot_name FROM pg_replication_slots")
    assert len(slots) == 1
    assert str(slots[0][0]).endswith("_g2")
    end_well(spec, source, destination)


@pytest.mark.slow
def test_source_restarts_in_mid_copy(cluster: Clusters, deaths: dict[str, int]) -> None:
    source, destination = cluster(15), cluster(18)
    stage(source)
    spec = by_snapshot(source, destination)
    deaths["part"] = 25
    until_died(spec, Memory())
    source.restart("immediate")
    source.execute("UPDATE plenty SET body = 'after' WHERE id % 7 = 0", "shop")
    end_well(spec, source, destination)


REWRITES = {
    "VACUUM FULL": "VACUUM FULL plenty",
    "CLUSTER": "CLUSTER plenty USING plenty_pkey",
    "ALTER TYPE": "DROP VIEW counted; ALTER TABLE plenty ALTER body TYPE varchar(2000)",
    "TRUNCATE": "TRUNCATE plenty",
}


@pytest.mark.parametrize(
    "kind",
    [pytest.param(kind, marks=[] if kind == "VACUUM FULL" else pytest.mark.slow) for kind in REWRITES],
)
def test_rewritten_in_mid_copy(cluster: Clusters, deaths: dict[str, int], kind: str) -> None:
    """The relation begins anew in a group of its own; the others of its group go on as if nothing had been."""
    source, destination = cluster(15), cluster(18)
    stage(source)
    spec = by_snapshot(source, destination)
    memory = Memory()
    deaths["part"] = 5
    until_died(spec, memory)
    if kind == "ALTER TYPE":
        destination.execute("ALTER TABLE plenty ALTER body TYPE varchar(2000)", "shop")
    source.execute(REWRITES[kind], "shop")
    source.execute("INSERT INTO plenty VALUES (-1, 'late')", "shop")
    drive_until(spec, is_replicated, 120, memory)
    groups = {part[0] for part in copied(destination) if part[1] == "public.plenty"}
    assert groups == {2}
    end_well(spec, source, destination)


def test_what_waits_for_the_barrier_holds_up_no_other_relation(cluster: Clusters, deaths: dict[str, int]) -> None:
    """A narrow look at a child takes in its parent, but not what the parent refers to: a key of it that is left for later is not judged."""
    source, destination = cluster(15), cluster(18)
    stage(source)
    source.execute(
        "CREATE TABLE above (id int PRIMARY KEY, plenty int REFERENCES plenty);"
        "CREATE TABLE below (id int PRIMARY KEY, above int REFERENCES above);"
        "INSERT INTO above VALUES (1, NULL); INSERT INTO below VALUES (1, 1)",
        "shop",
    )
    spec, memory = by_snapshot(source, destination), Memory()
    deaths["part"] = 5
    until_died(spec, memory)
    source.execute("VACUUM FULL plenty", "shop")
    light = drive_until(spec, lambda seen: seen.status is Status.CUTOVER_READY, 120, memory)
    assert "public.above" in {each.relation for each in light.decision.findings if "after_barrier" in each.code}
    destination.execute("UPDATE migrator.relations SET analyzed_at = NULL WHERE relation = 'public.below'", "shop")
    drive_until(spec, lambda seen: seen.status is not Status.CUTOVER_READY, 30, memory)
    end_well(spec, source, destination)


def test_rows_changed_in_mid_copy_after_their_own(cluster: Clusters, deaths: dict[str, int]) -> None:
    """ALTER TABLE writes a relation anew whose parts are all in: nothing else in the catalogs shows it, and no WAL record."""
    source, destination = cluster(15), cluster(18)
    stage(source)
    source.execute("DROP VIEW counted", "shop")
    spec = by_snapshot(source, destination)
    memory = Memory()
    begun = False
    while not begun or "public.plenty" not in finished(destination):
        deaths["part"], begun = 3, True
        until_died(spec, memory)
    source.execute("ALTER TABLE plenty ALTER body TYPE text USING upper(body)", "shop")
    drive_until(spec, is_replicated, 120, memory)
    assert {part[0] for part in copied(destination) if part[1] == "public.plenty"} == {2}
    end_well(spec, source, destination)
