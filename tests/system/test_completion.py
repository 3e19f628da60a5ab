"""What the end is judged by: all that gates is done, nothing that stood before the barrier is excused, and what is done to the
destination once everything has arrived is the operator's."""

import time
from collections.abc import Callable

import pytest

from migrator import control
from migrator.config import CopyMethod, MappingSpec
from migrator.errors import RefusedError
from migrator.machines.cluster import Cluster
from migrator.steps import Finding, Status
from migrator.tick.reconcile import assess, drive
from tests.system.scenario import checksums, describe, drive_until, mapping, ours_left, seed, to_the_light

Clusters = Callable[..., Cluster]

LEAVES = 7
"""Of the sample database."""

CONSTRAINTS = "SELECT conname FROM pg_constraint WHERE contype IN ('c', 'f') AND conrelid <> 0 ORDER BY 1"
GRANTED = "SELECT has_table_privilege('reader', 'customer', 'SELECT'), has_table_privilege('app', 'customer', 'UPDATE')"


@pytest.fixture
def light(cluster: Clusters) -> tuple[Cluster, Cluster, MappingSpec]:
    """A mapping of the sample database at its light."""
    source, destination = cluster(16), cluster(18)
    seed(source)
    spec = mapping(source, destination)
    to_the_light(spec)
    return source, destination, spec


def told(spec: MappingSpec, code: str) -> list[Finding]:
    return [finding for finding in assess(spec).decision.findings if finding.code == code]


def safe(spec: MappingSpec) -> bool:
    return not control.completion_reasons(spec, assess(spec))


def arrived(spec: MappingSpec) -> None:
    """The barrier is taken, and a tick has seen that everything is there."""
    control.take_barrier(spec)
    drive_until(spec, lambda seen: bool(seen.summary["completion"]["safe"]))  # type: ignore[index]


def all_ready(destination: Cluster) -> bool:
    if not destination.execute("SELECT 1 FROM pg_database WHERE datname = 'shop'"):
        return False
    states = destination.execute("SELECT srsubstate FROM pg_subscription_rel", "shop")
    return len(states) == LEAVES and {state for (state,) in states} == {"r"}


def test_nothing_is_complete_while_constraints_and_privileges_are_missing(cluster: Clusters) -> None:
    source, destination = cluster(16), cluster(18)
    seed(source)
    spec = mapping(source, destination)
    while not all_ready(destination):
        drive(spec)
    assert destination.execute(CONSTRAINTS, "shop") != source.execute(CONSTRAINTS, "shop"), "the case is made"
    control.take_barrier(spec)
    with pytest.raises(RefusedError) as refusal:
        control.complete(spec)
    assert any("post_data" in reason for reason in refusal.value.reasons), refusal.value.reasons
    assert any("privileges" in reason for reason in refusal.value.reasons), "gated, and so not asked"

    control.pause(spec)
    assert not safe(spec), "what a pause holds back is not done by it"
    control.resume(spec)
    drive_until(spec, lambda seen: bool(seen.summary["completion"]["safe"]))  # type: ignore[index]
    assert destination.execute(CONSTRAINTS, "shop") == source.execute(CONSTRAINTS, "shop")
    assert destination.execute(GRANTED, "shop") == [(True, True)]
    assert control.complete(spec).left == ()


def test_drift_that_stands_before_the_barrier_refuses_it(light: tuple[Cluster, Cluster, MappingSpec]) -> None:
    source, destination, spec = light
    source.execute("ALTER TABLE customer ADD COLUMN vip boolean NOT NULL DEFAULT true", "shop")
    with pytest.raises(RefusedError) as refusal:
        control.take_barrier(spec)
    assert any("vip" in reason for reason in refusal.value.reasons)
    assert "ALTER TABLE public.customer ADD COLUMN vip" in refusal.value.remedy
    seen = assess(spec)
    assert seen.status is Status.PROBLEMATIC
    assert seen.observation.journal is not None and seen.observation.journal.barrier is None

    destination.execute("ALTER TABLE customer ADD COLUMN vip boolean NOT NULL DEFAULT true", "shop")
    arrived(spec)
    source.execute("ALTER TABLE customer ADD COLUMN later int", "shop")
    assert [finding.blocking for finding in told(spec, "schema_drift")] == [False]
    arrived(spec)
    assert [finding.blocking for finding in told(spec, "schema_drift")] == [False], "one more barrier changes nothing"
    assert control.complete(spec).left == ()


def test_a_conflict_before_the_barrier_is_not_excused_by_it(light: tuple[Cluster, Cluster, MappingSpec]) -> None:
    source, destination, spec = light
    source.execute("INSERT INTO \"Zweites\".note VALUES (1, 'a')", "shop")
    drive_until(spec, lambda _: bool(destination.execute('SELECT 1 FROM "Zweites".note', "shop")))
    destination.execute('DELETE FROM "Zweites".note', "shop")
    source.execute("UPDATE \"Zweites\".note SET body = 'b'", "shop")
    time.sleep(
        3
    )  # an apply worker tells its statistics when nothing has come for a second: ticks in close order send a marker each
    drive_until(spec, lambda seen: any(each.code == "apply_conflicts" for each in seen.decision.findings))
    control.take_barrier(spec)
    assert [finding.blocking for finding in told(spec, "apply_conflicts")] == [True]
    with pytest.raises(RefusedError, match="not safe") as refusal:
        control.complete(spec)
    assert any("conflicts" in reason for reason in refusal.value.reasons)

    (conflict,) = told(spec, "apply_conflicts")
    destination.execute("INSERT INTO \"Zweites\".note VALUES (1, 'b')", "shop")
    destination.execute(conflict.remedy.rpartition(": ")[2], "shop")
    drive_until(spec, lambda seen: bool(seen.summary["completion"]["safe"]))  # type: ignore[index]
    assert checksums(source, "shop") == checksums(destination, "shop")


ALWAYS = """
CREATE FUNCTION stamp() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE TRIGGER stamped BEFORE INSERT ON customer FOR EACH ROW EXECUTE FUNCTION stamp();
ALTER TABLE customer ENABLE ALWAYS TRIGGER stamped;
CREATE TRIGGER plain BEFORE INSERT ON customer FOR EACH ROW EXECUTE FUNCTION stamp();
"""

USED = """
ALTER TABLE orders DROP CONSTRAINT orders_customer_fkey;
ALTER TABLE customer DROP CONSTRAINT name_given;
DROP TRIGGER plain ON customer;
DROP TRIGGER stamped ON customer;
DROP INDEX customer_lower;
DROP TABLE "Zweites".note;
DROP TABLE "Odd ""Name"".x";
CREATE TABLE "Odd ""Name"".x" (id int, own text);
INSERT INTO "Odd ""Name"".x" VALUES (1, 'ours');
DROP SEQUENCE invoice_number;
ALTER TABLE customer ADD COLUMN own text;
ALTER TABLE customer ALTER COLUMN since TYPE timestamptz;
"""
"""What a DBA may do to a server that is in use."""


@pytest.mark.parametrize("method", CopyMethod)
@pytest.mark.finding("changed_since_arrival")
def test_what_is_dropped_once_everything_has_arrived_stays_so(cluster: Clusters, method: CopyMethod) -> None:
    source, destination = cluster(16), cluster(18)
    seed(source)
    source.execute(ALWAYS, "shop")
    source.execute("INSERT INTO \"Zweites\".note VALUES (1, 'a')", "shop")
    spec = mapping(source, destination, copy_method=method)
    to_the_light(spec)
    control.take_barrier(spec)
    assert not safe(spec), "the trigger that waited for the barrier"
    destination.execute("ALTER TABLE customer ENABLE ALWAYS TRIGGER stamped", "shop")
    arrived(spec)
    destination.execute(USED, "shop")
    deadline = time.monotonic() + 8
    while time.monotonic() < deadline:
        drive(spec)
    seen = assess(spec)
    assert not list(seen.decision.actions), describe(seen)
    assert not [finding for finding in seen.decision.findings if finding.blocking], describe(seen)
    found = " ".join(finding.message for finding in told(spec, "changed_since_arrival"))
    assert '"Zweites".note' in found and "customer_lower" in found and "orders_customer_fkey" in found
    assert destination.execute("SELECT to_regclass('\"Zweites\".note'), to_regclass('customer_lower')", "shop") == [
        (None, None)
    ]
    assert destination.execute('SELECT own FROM "Odd ""Name"".x"', "shop") == [("ours",)]
    assert not destination.execute("SELECT 1 FROM pg_trigger WHERE tgname IN ('plain', 'stamped')", "shop")
    assert safe(spec), control.completion_reasons(spec, seen)
    assert control.complete(spec).left == ()
    assert not ours_left(source) and not ours_left(destination)


def test_what_is_made_on_the_source_once_everything_has_arrived_refuses_the_end(
    light: tuple[Cluster, Cluster, MappingSpec],
) -> None:
    source, destination, spec = light
    arrived(spec)
    source.execute("CREATE TABLE late (id int PRIMARY KEY); INSERT INTO late VALUES (1)", "shop")
    drive(spec)
    with pytest.raises(RefusedError) as refusal:
        control.complete(spec)
    assert any("public.late" in reason for reason in refusal.value.reasons), refusal.value.reasons
    destination.execute('DROP TABLE "Zweites".note', "shop")
    control.take_barrier(spec)
    drive(spec)
    assert not safe(spec), "a new barrier makes nothing again on a destination that may be in use"
    assert destination.execute("SELECT to_regclass('late'), to_regclass('\"Zweites\".note')", "shop") == [(None, None)]
    control.lift_barrier(spec)
    control.take_barrier(spec)
    drive_until(spec, lambda seen: bool(seen.summary["completion"]["safe"]))  # type: ignore[index]
    assert destination.execute("SELECT id FROM late", "shop") == [(1,)]
    assert control.complete(spec).left == ()


def test_the_way_back_makes_again_what_was_dropped(light: tuple[Cluster, Cluster, MappingSpec]) -> None:
    source, destination, spec = light
    arrived(spec)
    destination.execute('DROP TABLE "Zweites".note; DROP INDEX customer_lower', "shop")
    drive(spec)
    assert told(spec, "changed_since_arrival")
    control.lift_barrier(spec)
    to_the_light(spec)
    assert not told(spec, "changed_since_arrival")
    assert checksums(source, "shop") == checksums(destination, "shop")
    assert destination.execute("SELECT to_regclass('customer_lower') IS NOT NULL", "shop") == [(True,)]
