"""Tables with generated columns in their replica identity, which no publication of ours holds: the application goes on writing."""

from collections.abc import Callable, Collection
from dataclasses import replace

import psycopg
import pytest

from migrator import control
from migrator.config import CopyMethod, WithoutIdentity
from migrator.contents import SyncState
from migrator.machines.cluster import Cluster
from migrator.tasks.carriage import carry_again
from migrator.tick.reconcile import Assessment
from tests.system.scenario import checksums, describe, drive_until, to_the_light
from tests.system.test_without_identity import application, blocking, chosen, published

Clusters = Callable[..., Cluster]


GENERATED = """
CREATE TABLE full_ (id int, twice int GENERATED ALWAYS AS (id * 2) STORED, n int);
ALTER TABLE full_ REPLICA IDENTITY FULL;
CREATE TABLE key (id int, twice int GENERATED ALWAYS AS (id * 2) STORED PRIMARY KEY, n int);
CREATE TABLE full_key (LIKE key INCLUDING ALL);
ALTER TABLE full_key REPLICA IDENTITY FULL;
CREATE TABLE index_ (id int PRIMARY KEY, twice int GENERATED ALWAYS AS (id * 2) STORED NOT NULL CONSTRAINT u UNIQUE, n int);
ALTER TABLE index_ REPLICA IDENTITY USING INDEX u;
CREATE TABLE loose (id int, twice int GENERATED ALWAYS AS (id * 2) STORED, n int);
CREATE TABLE deferred (LIKE full_ INCLUDING GENERATED, PRIMARY KEY (twice) DEFERRABLE);
CREATE TABLE beside (id int PRIMARY KEY, twice int GENERATED ALWAYS AS (id * 2) STORED CONSTRAINT v UNIQUE, n int);
CREATE TABLE included (id int, twice int GENERATED ALWAYS AS (id * 2) STORED, n int, PRIMARY KEY (id) INCLUDE (twice));
"""
UNFIT_ALWAYS = {"key", "full_key", "index_"}
"""Where the rows of UPDATE and DELETE are told by a generated column, in which no publication of ours has a part."""


def changes(tables: Collection[str]) -> list[str]:
    writes = ("INSERT INTO {0} (id, n) VALUES (1000 + {{n}}, 0)", "UPDATE {0} SET n = {{n}} WHERE id = {{n}} % 100")
    return [
        each.format(name) for name in sorted(tables) for each in (*writes, "DELETE FROM {0} WHERE id = {{n}} + 500")
    ]


def with_generated(source: Cluster, virtual: bool = False) -> set[str]:
    """The names of the tables; each has a row in it whose number the application will meet."""
    source.execute("CREATE DATABASE shop")
    source.execute(GENERATED, "shop")
    if virtual:
        source.execute("CREATE TABLE seeming (id int, twice int GENERATED ALWAYS AS (id * 2) VIRTUAL, n int)", "shop")
        source.execute("ALTER TABLE seeming REPLICA IDENTITY FULL", "shop")
    names = {name for (name,) in source.execute("SELECT relname FROM pg_class WHERE relkind = 'r' AND relowner = 10"
                                                " AND relnamespace = 'public'::regnamespace", "shop")}  # fmt: skip
    for name in names:
        source.execute(f"INSERT INTO {name} (id, n) SELECT g, 0 FROM generate_series(0, 1000) g", "shop")
    return names


def named(relations: Collection[str | None]) -> set[str]:
    return {str(name).removeprefix("public.") for name in relations}


@pytest.mark.parametrize("version", [17, 18])
def test_generated_columns_in_the_identity(cluster: Clusters, version: int) -> None:
    """No statement of the application fails, apply goes on, and what it cannot do is told before it has begun."""
    source, destination = cluster(version), cluster(18)
    every = with_generated(source, virtual=version >= 18)
    spec = chosen(source, destination, CopyMethod.SNAPSHOT, "replica_identity_full")
    unfit = {*UNFIT_ALWAYS, *({"full_", "seeming"} if version >= 18 else ())}
    without = {*unfit, "deferred", *({"loose"} if version >= 18 else ())}

    def others_are_in(seen: Assessment) -> bool:
        (pair,) = seen.observation.databases
        states = [state for each in pair.subscriptions for state in each.relations.values()]
        return len(states) == len(every - without) and set(states) == {SyncState.READY}

    with application(source, changes(every)):
        seen = drive_until(spec, others_are_in)
        assert published(source) == every - without
        found = blocking(seen)
    assert named(found) == without, describe(seen)
    assert {named([name]).pop() for name, code in found.items() if code == "replica_identity_generated"} == unfit
    told = {finding.relation: finding for finding in seen.decision.findings}
    assert "replica_identity_full would not do" in told["public.deferred"].message
    assert not any("REPLICA IDENTITY FULL" in told[f"public.{name}"].remedy for name in without), describe(seen)
    settled = replace(spec, without_identity=WithoutIdentity.COPY_AT_CUTOVER)
    to_the_light(settled)
    control.take_barrier(settled)
    list(carry_again(settled, None))
    assert checksums(source, "shop") == checksums(destination, "shop")


def test_inserts_alone_ask_for_no_identity(cluster: Clusters) -> None:
    source, destination = cluster(18), cluster(18)
    every = with_generated(source, virtual=True)
    spec = chosen(source, destination, CopyMethod.SUBSCRIPTION, "insert_only")
    with application(source, [each for each in changes(every) if each.startswith("INSERT")]):
        to_the_light(spec)
        assert published(source) == every
    source.execute("UPDATE full_ SET n = 1 WHERE id = 1; UPDATE key SET n = 1 WHERE id = 1", "shop")


def test_a_generated_column_that_comes_later(cluster: Clusters) -> None:
    source, destination = cluster(18), cluster(18)
    source.execute("CREATE DATABASE shop")
    source.execute("CREATE TABLE loose (id int, n int); INSERT INTO loose VALUES (1, 1)", "shop")
    spec = chosen(source, destination, CopyMethod.SUBSCRIPTION, "replica_identity_full")
    to_the_light(spec)
    source.execute("ALTER TABLE loose ADD COLUMN twice int GENERATED ALWAYS AS (id * 2) STORED", "shop")
    with pytest.raises(psycopg.Error, match="unpublished generated columns"):
        source.execute("UPDATE loose SET n = 2", "shop")
    seen = drive_until(spec, lambda seen: blocking(seen).get("public.loose") == "replica_identity_generated")
    (told,) = (each for each in seen.decision.findings if each.code == "replica_identity_generated")
    assert "fail now" in told.message
    mend = "ALTER TABLE public.loose ADD PRIMARY KEY (...), REPLICA IDENTITY DEFAULT;"
    assert mend in told.remedy
    source.execute(mend.replace("...", "id"), "shop")
    source.execute("UPDATE loose SET n = 2", "shop")
    drive_until(spec, lambda seen: "replica_identity_generated" not in blocking(seen).values())
