"""Tables without a usable replica identity: each way of bringing their rows, while the application goes on writing to them."""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

import psycopg
import pytest

from migrator import control
from migrator.config import CopyMethod, DatabaseSelection, MappingSpec, WithoutIdentity
from migrator.contents import SyncState
from migrator.errors import MigratorError, RefusedError
from migrator.machines.cluster import Cluster
from migrator.tasks.carriage import carry_again
from migrator.tick.reconcile import Assessment, assess
from tests.system.scenario import (
    BY_EITHER,
    QUICK,
    checksums,
    describe,
    drive_until,
    mapping,
    ours_left,
    to_the_light,
)

Clusters = Callable[..., Cluster]


TABLES = """
CREATE TABLE plain (id int PRIMARY KEY, body text);
CREATE TABLE loose (id int, body text, CONSTRAINT loose_id UNIQUE (id));
CREATE TABLE child (id int PRIMARY KEY, loose int REFERENCES loose (id));
CREATE TABLE deferred (id int PRIMARY KEY DEFERRABLE INITIALLY DEFERRED, at timestamptz DEFAULT now());
CREATE TABLE nothing (id int PRIMARY KEY, j json);
ALTER TABLE nothing REPLICA IDENTITY NOTHING;
CREATE TABLE tree (id int, body text) PARTITION BY RANGE (id);
CREATE TABLE tree_low PARTITION OF tree FOR VALUES FROM (0) TO (500);
CREATE TABLE tree_high PARTITION OF tree FOR VALUES FROM (500) TO (1000000);
ALTER TABLE tree_low ADD PRIMARY KEY (id);
CREATE TABLE heir (extra text) INHERITS (plain);
INSERT INTO plain SELECT g, 'p' || g FROM generate_series(1, 300) g;
INSERT INTO loose SELECT g, 'l' || g FROM generate_series(1, 2000) g;
INSERT INTO child SELECT g, g FROM generate_series(1, 500) g;
INSERT INTO deferred SELECT g FROM generate_series(1, 100) g;
INSERT INTO nothing SELECT g, json_build_object('n', g) FROM generate_series(1, 100) g;
INSERT INTO tree SELECT g, 't' || g FROM generate_series(1, 999) g;
INSERT INTO heir SELECT g, 'h' || g, 'more' FROM generate_series(1, 50) g;
"""

WITHOUT = ("public.deferred", "public.heir", "public.loose", "public.nothing", "public.tree_high")

WRITES = (
    "INSERT INTO loose VALUES (10000 + {n}, 'new')",
    "UPDATE loose SET body = 'changed {n}' WHERE id = {n} % 2000",
    "DELETE FROM loose WHERE id = 1000 + {n} % 1000",
    "UPDATE tree SET body = 'changed {n}' WHERE id = 500 + {n} % 400",
    "DELETE FROM tree WHERE id = 900 + {n} % 99",
    "UPDATE deferred SET at = now() WHERE id = {n} % 100",
    "DELETE FROM nothing WHERE id = {n} % 100; INSERT INTO nothing VALUES ({n} % 100, '{{}}')",
    "UPDATE plain SET body = 'changed {n}' WHERE id = {n} % 300",
    "INSERT INTO child VALUES (10000 + {n}, 10000 + {n})",
)


@contextmanager
def application(source: Cluster, writes: Sequence[str] = WRITES) -> Iterator[None]:
    """Somebody writes all the time; not one statement may fail."""
    ended, failed = threading.Event(), list[str]()

    def write() -> None:
        number = 0
        with psycopg.connect(source.dsn("shop"), autocommit=True) as connection:
            while not ended.wait(0.005):
                number += 1
                for text in writes:
                    try:
                        connection.execute(text.format(n=number).encode())
                    except psycopg.Error as error:
                        failed.append(f"{text}: {error}")

    thread = threading.Thread(target=write)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
    assert failed == []


def stage(source: Cluster) -> None:
    source.execute("CREATE DATABASE shop")
    source.execute(TABLES, "shop")


def chosen(source: Cluster, destination: Cluster, method: CopyMethod, way: str, **tables: str) -> MappingSpec:
    """A mapping with this way for all tables without identity, and others for some: `loose="refuse"`."""
    return mapping(
        source,
        destination,
        copy_method=method,
        databases=DatabaseSelection(include=("shop",)),
        replication=replace(QUICK, part_mb=0.05),
        without_identity=WithoutIdentity(way),
        without_identity_tables={f"public.{name}": WithoutIdentity(each) for name, each in tables.items()},
    )


def blocking(seen: Assessment) -> dict[str | None, str]:
    """Relation -> code."""
    return {finding.relation: finding.code for finding in seen.decision.findings if finding.blocking}


def published(source: Cluster) -> set[str]:
    return {name for (name,) in source.execute("SELECT prrelid::regclass::text FROM pg_publication_rel", "shop")}


def refusal(spec: MappingSpec) -> str:
    with pytest.raises(RefusedError) as refused:
        control.complete(spec)
    return "\n".join(refused.value.reasons)


def nothing_left(spec: MappingSpec, source: Cluster, destination: Cluster) -> None:
    assert ours_left(source) == []
    assert ours_left(destination) == []


@pytest.mark.parametrize("method", BY_EITHER)
def test_refused_tables_hold_back_themselves_alone(cluster: Clusters, method: CopyMethod) -> None:
    source, destination = cluster(16), cluster(18)
    stage(source)
    spec = chosen(source, destination, method, "refuse")

    def others_are_in(seen: Assessment) -> bool:
        states = {
            n: s
            for pair in seen.observation.databases
            for each in pair.subscriptions
            for n, s in each.relations.items()
        }
        wanted = {"public.plain", "public.child", "public.tree_low"}
        return wanted == {name for name, state in states.items() if state is SyncState.READY} and not list(
            seen.decision.actions
        )

    with application(source):
        seen = drive_until(spec, others_are_in)
        assert published(source) == {"plain", "child", "tree_low"}
    assert set(blocking(seen)) == set(WITHOUT), describe(seen)
    assert not any(step.waits for step in seen.decision.steps), describe(seen)
    control.take_barrier(spec)
    assert "public.loose in database shop has no primary key" in refusal(spec)
    assert control.abort(spec).left == ()
    nothing_left(spec, source, destination)


@pytest.mark.parametrize("method", BY_EITHER)
def test_copied_at_cutover(cluster: Clusters, method: CopyMethod) -> None:
    source, destination = cluster(15), cluster(18)
    stage(source)
    spec = chosen(source, destination, method, "copy_at_cutover")
    with application(source):
        light = to_the_light(spec)
        assert published(source) == {"plain", "child", "tree_low"}
        codes = {finding.code for finding in light.decision.findings}
        assert codes == {"copied_at_cutover", "foreign_key_after_barrier"}, describe(light)
        assert destination.execute("SELECT count(*) FROM loose", "shop") == [(0,)], "none before it is asked for"
        rehearsed = {each.what: each.copied.rows for each in carry_again(spec, None)}
        assert rehearsed.keys() == {f"table {name}" for name in WITHOUT}
    control.take_barrier(spec)
    assert "table public.loose were not carried since the barrier" in refusal(spec)
    (step,) = (each for each in cutover(assess(spec)) if each["title"] == "Carry what is not replicated")
    assert "table public.loose of shop (" in str(step["why"]) and "when last carried" in str(step["why"])
    assert len(list(carry_again(spec, None))) == len(WITHOUT)
    assert checksums(source, "shop") == checksums(destination, "shop")

    standing = (
        "SELECT count(*) FROM pg_constraint WHERE conrelid = 'child'::regclass AND contype = 'f' AND convalidated"
    )
    assert destination.execute(standing, "shop") == [(0,)]
    assert "1 foreign keys are still being added" in refusal(spec)
    drive_until(spec, lambda seen: destination.execute(standing, "shop") == [(1,)])

    assert control.lift_barrier(spec).to_undo == {
        "shop": ("ALTER TABLE public.child DROP CONSTRAINT child_loose_fkey;",)
    }
    control.take_barrier(spec)
    with pytest.raises(MigratorError, match="is referred to by a foreign key") as refused:
        list(carry_again(spec, None))
    destination.execute(refused.value.remedy.removeprefix("There: ").partition(";")[0], "shop")
    assert len(list(carry_again(spec, None))) == len(WITHOUT)
    drive_until(spec, lambda seen: destination.execute(standing, "shop") == [(1,)])
    assert checksums(source, "shop") == checksums(destination, "shop")
    assert control.complete(spec).left == ()
    nothing_left(spec, source, destination)


def cutover(seen: Assessment) -> list[dict[str, object]]:
    steps = seen.summary["cutover"]
    assert isinstance(steps, list)
    return steps


def identities(source: Cluster) -> dict[str, str]:
    rows = source.execute(
        "SELECT relname, relreplident::text FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace",
        "shop",
    )
    return {name: kind for name, kind in rows if kind != "d"}


FULL_WRITES = (
    *(each for each in WRITES if "nothing" not in each),
    "UPDATE nothing SET j = '{{}}' WHERE id = {n} % 100",
)


@pytest.mark.finding("replica_identity_to_full", "replica_identity_set")
@pytest.mark.parametrize(
    ("method", "end"),
    [
        (CopyMethod.SNAPSHOT, "complete"),
        (CopyMethod.SUBSCRIPTION, "abort"),
        pytest.param(CopyMethod.SUBSCRIPTION, "complete", marks=pytest.mark.slow),
    ],
)
def test_replica_identity_full_until_the_end(cluster: Clusters, method: CopyMethod, end: str) -> None:
    source, destination = cluster(16), cluster(18)
    stage(source)
    spec = chosen(source, destination, method, "replica_identity_full")
    told = {finding.code: finding for finding in assess(spec).decision.findings}
    assert "public.loose (about " in told["replica_identity_to_full"].message
    with application(source, FULL_WRITES):
        light = to_the_light(spec)
        assert published(source) == {"plain", "child", "tree_low", *(name.removeprefix("public.") for name in WITHOUT)}
    altered = {name.removeprefix("public."): "f" for name in WITHOUT}
    assert identities(source) == altered
    assert identities(destination) == {"nothing": "n"}, "the destination gets what the source had"
    assert {finding.code for finding in light.decision.findings} == {"replica_identity_set"}, describe(light)
    if end == "complete":
        control.take_barrier(spec)
        assert checksums(source, "shop") == checksums(destination, "shop")
        assert control.complete(spec).left == ()
    else:
        changes = [each for each in FULL_WRITES if not each.startswith("INSERT")]
        with application(source, changes):  # none fails: the publication is gone before the identities are
            assert control.abort(spec).left == ()
    assert identities(source) == {"nothing": "n"}
    nothing_left(spec, source, destination)


def test_what_somebody_altered_since_is_not_given_back(cluster: Clusters) -> None:
    source, destination = cluster(16), cluster(18)
    stage(source)
    spec = chosen(source, destination, CopyMethod.SUBSCRIPTION, "replica_identity_full")
    to_the_light(spec)
    source.execute("ALTER TABLE loose ADD PRIMARY KEY (id), REPLICA IDENTITY DEFAULT; DROP TABLE heir", "shop")
    assert control.abort(spec).left == ()
    assert identities(source) == {"nothing": "n"}
    nothing_left(spec, source, destination)


def test_a_locked_table_holds_up_no_other_and_a_kill_loses_no_note(cluster: Clusters) -> None:
    """The note is written before the ALTER: after a failure between the two, abort finds nothing to give back."""
    source, destination = cluster(16), cluster(18)
    stage(source)
    spec = chosen(source, destination, CopyMethod.SUBSCRIPTION, "replica_identity_full")
    with source.connect("shop") as other, other.transaction():
        other.execute("LOCK loose IN ACCESS SHARE MODE")
        drive_until(spec, lambda seen: published(source) >= {"plain", "nothing"})
        assert "loose" not in identities(source)
        noted = destination.execute("SELECT relation FROM migrator.replica_identities ORDER BY 1")
        assert ("public.loose",) in noted
    assert control.abort(spec).left == ()
    assert identities(source) == {"nothing": "n"}


def test_full_where_columns_cannot_be_compared_is_refused(cluster: Clusters) -> None:
    source, destination = cluster(16), cluster(18)
    source.execute("CREATE DATABASE shop")
    source.execute("CREATE TABLE log (at timestamptz, entry json); CREATE TABLE t (id int PRIMARY KEY)", "shop")
    spec = chosen(source, destination, CopyMethod.SUBSCRIPTION, "replica_identity_full")
    seen = drive_until(spec, lambda seen: "replica_identity_missing" in blocking(seen).values())
    (told,) = (each for each in seen.decision.findings if each.code == "replica_identity_missing")
    assert "replica_identity_full would not do: entry (json) cannot be compared." in told.message
    assert "REPLICA IDENTITY FULL" not in told.remedy and "copy_at_cutover" in told.remedy
    assert identities(source) == {}
