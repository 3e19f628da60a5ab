"""Slots that keep more WAL than allowed are dropped where the configuration says so, and only there. On real servers."""

from collections.abc import Callable
from dataclasses import replace

from migrator import control
from migrator.config import WalBudgetAction
from migrator.machines.cluster import Cluster
from migrator.phases.foresight import foresee
from migrator.steps import Status
from migrator.tick.reconcile import assess
from tests.system.scenario import QUICK, describe, drive_until, mapping, ours_left, seed, to_the_light

Clusters = Callable[..., Cluster]

WAL = "SELECT pg_logical_emit_message(true, 'x', repeat('x', 20000000))"


def test_a_slot_over_its_budget_is_dropped_as_configured(cluster: Clusters) -> None:
    source, destination = cluster(15), cluster(18)
    seed(source)
    wide = mapping(source, destination)
    guarded = replace(wide, replication=replace(QUICK, wal_budget_gb=0.01, wal_budget_action=WalBudgetAction.DROP_SLOT))
    before = assess(guarded)
    assert "wal_budget_drops_slot" in {finding.code for finding in before.decision.findings}
    assert any("drop_slot" in each.when for each in foresee(guarded, before.observation))
    assert not any("drop_slot" in each.when for each in foresee(wide, before.observation))

    to_the_light(wide)
    (slot,) = [row[0] for row in source.execute("SELECT slot_name FROM pg_replication_slots")]
    control.pause(wide)
    with destination.connect("shop") as holder:
        holder.execute("BEGIN; LOCK TABLE customer IN SHARE MODE")
        source.execute("INSERT INTO customer (name) VALUES ('held up')", "shop")
        source.execute(WAL)
        source.execute("CHECKPOINT")
        only_told = replace(
            guarded, replication=replace(guarded.replication, wal_budget_action=WalBudgetAction.PAUSE_COPY)
        )
        seen = drive_until(only_told, lambda seen: "wal_budget_exceeded" in describe(seen))
        assert slot in describe(seen)
        assert source.execute("SELECT count(*) FROM pg_replication_slots") == [(1,)]

        seen = drive_until(guarded, lambda seen: "replication_broken" in describe(seen))
        assert source.execute("SELECT count(*) FROM pg_replication_slots") == [(0,)]
        (broken,) = [finding for finding in seen.decision.findings if finding.code == "replication_broken"]
        assert "dropped as configured" in broken.message
        assert seen.status is Status.PAUSED and not seen.summary["cutover_ready"]
        assert seen.summary["wal"]["slots"] == []  # type: ignore[index]
    control.resume(wide)
    seen = drive_until(wide, lambda seen: seen.status is Status.PROBLEMATIC)
    assert source.execute("SELECT count(*) FROM pg_replication_slots") == [(0,)], "nothing is made anew"
    assert control.abort(wide).left == ()
    assert ours_left(source) == []
