"""Copy method snapshot within its limits: bytes a second, copies at once, streams; and one relation that cannot be copied."""

import threading
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from typing import Any

import psycopg
import pytest

from migrator import control
from migrator.bucket import BURST_SECONDS
from migrator.config import WalBudgetAction
from migrator.copying.copy_part import copy_part
from migrator.looks.remembered import SchemaCache
from migrator.machines.cluster import Cluster
from migrator.memory import Memory
from migrator.names import COPIES, application_name
from migrator.phases.pacing import MB
from migrator.steps import Finding, Status
from migrator.store import Store, roster
from migrator.tasks.jobs import copy_parts
from migrator.tick.reconcile import assess, drive
from migrator.work import KEEPERS, Work
from tests.system.fleet import Leg, equal
from tests.system.scenario import describe, drive_until, ours_left, to_the_light
from tests.system.test_snapshot import by_snapshot, copied, end_well, is_replicated, stage

Clusters = Callable[..., Cluster]

BAD = """
CREATE DOMAIN positive AS int;
CREATE TABLE bad (id int PRIMARY KEY, n positive);
INSERT INTO bad SELECT g, 5 - g FROM generate_series(1, 10) g;
ALTER DOMAIN positive ADD CONSTRAINT is_positive CHECK (VALUE > 0) NOT VALID;
"""
"""Rows that the source has, and that no COPY may bring."""


def groups_of(destination: Cluster) -> dict[object, object]:
    return dict(destination.execute("SELECT relation, group_number FROM migrator.relations", "shop"))


def test_streams_copies_at_once_and_a_relation_that_cannot_be_copied(cluster: Clusters) -> None:
    source, destination = cluster(15), cluster(18)
    stage(source)
    source.execute(BAD, "shop")
    spec = by_snapshot(source, destination, streams_per_database=3, part_mb=1)
    spec = replace(spec, source=replace(spec.source, max_concurrent_copies=1))
    memory = Memory()
    with closing(other_copy(source)):
        drive_until(spec, lambda seen: seen.summary["phase"] == "initial_copy", 60, memory)
        for _ in range(3):
            drive(spec, memory)
        assert copied(destination) == {}, "somebody else copies from this source already"
    first = groups_of(destination)
    assert set(first.values()) == {1, 2, 3}
    assert first["public.parent"] == first["public.child"]

    seen = drive_until(spec, lambda seen: any(map(is_of_bad, seen.decision.findings)), 60, memory)
    (told,) = filter(is_of_bad, seen.decision.findings)
    assert told.code == "action_failed" and "is_positive" in told.message, describe(seen)
    drive_until(spec, lambda seen: len(seen.observation.databases[0].subscriptions) == 3, 120, memory)
    kept = {name: number for name, number in groups_of(destination).items() if name != "public.bad"}
    assert kept.items() <= first.items(), "nobody else has moved, and nobody was held up"
    source.execute("UPDATE bad SET n = 1 WHERE n < 1", "shop")
    end_well(spec, source, destination)


def is_of_bad(finding: Finding) -> bool:
    return finding.relation == "public.bad"


def other_copy(source: Cluster) -> "psycopg.Connection[tuple[object, ...]]":
    """Another mapping's copy from the same source, as the limit sees it."""
    session = source.connect("shop")
    session.execute("SET application_name = 'pg-migrator copy_part other'")
    return session


@pytest.mark.finding("keepers_missing")
def test_no_more_bytes_a_second_than_allowed(cluster: Clusters, valkey: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the ledger's own times: after the first part came, the others' bytes took as long as the limit says, or longer."""
    rate = 5
    source, destination = cluster(16), cluster(18)
    source.execute("CREATE DATABASE shop")
    source.execute("CREATE TABLE wide (id int PRIMARY KEY, body text)", "shop")
    source.execute("INSERT INTO wide SELECT g, repeat(md5(g::text), 30) FROM generate_series(1, 20000) g", "shop")
    spec = by_snapshot(source, destination, part_mb=1, rate_limit_mbps=rate)
    store = Store.connect(valkey)
    store.register_worker("rows@here", ("relations",), 2)
    seen = drive_until(spec, lambda seen: seen.summary["phase"] == "initial_copy", 60, store)
    assert "keepers_missing" not in {finding.code for finding in seen.decision.findings}, "they may yet tell"
    monkeypatch.setattr(roster, "WORKER_SECONDS", 5)
    until = time.monotonic() + 6
    while time.monotonic() < until:
        store.register_worker("rows@here", ("relations",), 2)
        time.sleep(0.5)
    seen = assess(spec, store)
    assert "keepers_missing" in {finding.code for finding in seen.decision.findings}, "nobody said so for as long"
    monkeypatch.undo()
    store.register_worker("keepers@here", (KEEPERS,), 16)
    seen = drive_until(spec, lambda seen: bool(seen.observation.databases[0].ledger.parts), 60, store)
    assert "keepers_missing" not in {finding.code for finding in seen.decision.findings}
    drive_until(spec, is_replicated, 120, store)
    ((seconds, later, whole),) = destination.execute(
        "SELECT extract(epoch FROM max(copied_at) - min(copied_at))::float, sum(bytes) FILTER (WHERE copied_at > first)::float,"
        " sum(bytes)::float FROM migrator.parts, (SELECT min(copied_at) AS first FROM migrator.parts) f",
        "shop",
    )
    assert isinstance(seconds, float) and isinstance(later, float) and isinstance(whole, float)
    assert whole > 18 * MB
    assert seconds >= later / (rate * MB) - BURST_SECONDS
    equal(Leg(spec, source, destination), ["shop"])


def test_a_slot_over_its_budget_is_dropped_under_a_copy(
    cluster: Clusters, valkey: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A copy that is under way stops, held by its throttle as it is; its keepers let go; it is told what was done and what to do."""
    source, destination = cluster(16), cluster(18)
    source.execute("CREATE DATABASE shop")
    source.execute("CREATE TABLE wide (id int PRIMARY KEY, body text)", "shop")
    source.execute("INSERT INTO wide SELECT g, repeat(md5(g::text), 30) FROM generate_series(1, 5000) g", "shop")
    spec = by_snapshot(source, destination, part_mb=1)
    pace = replace(spec.replication, wal_budget_gb=0.01, wal_budget_action=WalBudgetAction.DROP_SLOT)
    guarded = replace(spec, replication=pace)
    memory = Memory()
    with monkeypatch.context() as patched:
        patched.setattr("migrator.tick.inline.copy_parts", lambda *_: None)
        drive_until(spec, lambda seen: bool(seen.observation.databases[0].ledger.keepers), 60, memory)
        control.set_rate_limit(spec, 0.0001)
        work = Work("copy_part", "m", "shop", "initial_copy", ("public.wide",), 1, parts=(1,))
        copier = threading.Thread(
            target=copy_parts, args=(spec, work, Store.connect(valkey), lambda entry: None), daemon=True
        )
        copier.start()
        wait_for(lambda: source.execute(COPYING))
        source.execute("SELECT pg_logical_emit_message(true, 'x', repeat('x', 20000000))")
        seen = drive_until(guarded, lambda seen: "replication_broken" in describe(seen), 60, memory)
        copier.join(60)
        assert not copier.is_alive(), "the copy goes on"
        (told,) = [finding for finding in seen.decision.findings if finding.code == "replication_broken"]
        assert "dropped as configured" in told.message and "abort" in told.remedy
        wait_for(lambda: not source.execute(KEEPING))
    drive_until(guarded, lambda seen: not source.execute("SELECT 1 FROM pg_replication_slots"), 60, memory)
    drive(guarded, memory)
    assert copied(destination) == {}
    assert control.abort(guarded).left == ()
    assert ours_left(source) == []


def test_a_cut_line_is_one_failure_however_many_parts_were_to_come(
    cluster: Clusters, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, destination = cluster(16), cluster(18)
    stage(source)
    spec, memory = by_snapshot(source, destination), Memory()

    def cut(*of_a_part: Any) -> object:
        ours = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'pg-migrator copy_part%'"
        source.execute(ours)
        return copy_part(*of_a_part)

    with monkeypatch.context() as patched:
        patched.setattr("migrator.tick.inline.copy_parts", lambda *_: None)
        drive_until(spec, lambda seen: bool(seen.observation.databases[0].ledger.keepers), 60, memory)
        patched.setattr("migrator.copying.work.copy_part", cut)
        work = Work("copy_part", "m", "shop", "initial_copy", ("public.plenty",) * 5, 1, parts=(1, 2, 3, 4, 5))
        outcome = copy_parts(spec, work, memory, lambda entry: None)
        assert (outcome.applied, outcome.failed) == (0, 1)
        assert [failure.count for failure in memory.failures("m").values()] == [1]
    end_well(spec, source, destination)


COPYING = "SELECT 1 FROM pg_stat_activity WHERE application_name LIKE 'pg-migrator copy_part%' AND query LIKE 'COPY%'"
KEEPING = "SELECT 1 FROM pg_stat_activity WHERE application_name LIKE 'pg-migrator keeper%'"


def wait_for(true: Callable[[], object]) -> None:
    deadline = time.monotonic() + 60
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_process_that_begins_while_a_whole_table_is_copied_waits(cluster: Clusters) -> None:
    """It cannot spell the generated column of a table that our copy holds for itself: that is no fault of the database."""
    source, destination = cluster(16), cluster(18)
    stage(source)
    spec = by_snapshot(source, destination)
    drive_until(spec, lambda seen: seen.summary["phase"] == "initial_copy")
    control.set_rate_limit(spec, 0)
    ours = application_name(spec.name, COPIES)
    with destination.connect("shop", application_name=ours) as copier, copier.transaction():
        copier.execute("LOCK TABLE orders_2025")
        seen = assess(spec, schemas=SchemaCache())
        assert seen.status is Status.IN_PROGRESS, describe(seen)
        assert any("filled by a copy of ours" in wait.message for step in seen.decision.steps for wait in step.waits), (
            describe(seen)
        )
    with destination.connect("shop") as somebody, somebody.transaction():
        somebody.execute("LOCK TABLE orders_2025")
        seen = assess(spec, schemas=SchemaCache())
        assert "database_unreadable" in {finding.code for finding in seen.decision.findings}
    control.set_rate_limit(spec, None)
    to_the_light(spec, 120)
