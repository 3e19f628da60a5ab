"""Copy method snapshot: partitions that go in mid-copy."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from migrator.config import PartitionMaintenance
from migrator.copying.copy_part import Copied
from migrator.copying.work import Parts
from migrator.machines.cluster import Cluster
from migrator.memory import Memory
from migrator.tick.reconcile import drive
from tests.system.fleet import Leg, equal
from tests.system.scenario import describe, to_the_light
from tests.system.test_snapshot import Died, by_snapshot, until_died

Clusters = Callable[..., Cluster]

EVENTS = """
CREATE TABLE event (id int, day int, body text, PRIMARY KEY (id, day)) PARTITION BY RANGE (day);
CREATE TABLE event_1 PARTITION OF event FOR VALUES FROM (1) TO (2);
CREATE TABLE event_2 PARTITION OF event FOR VALUES FROM (2) TO (3);
CREATE TABLE event_rest PARTITION OF event DEFAULT;
INSERT INTO event SELECT g, 1 + g % 3, repeat('e', 200) FROM generate_series(1, 6000) g;
"""


@pytest.mark.parametrize("rewritten", [False, True])
def test_a_partition_dropped_in_mid_copy_leaves_its_tree(
    cluster: Clusters, monkeypatch: pytest.MonkeyPatch, rewritten: bool
) -> None:
    """Its range goes to the default partition then, and apply would halt at the first such row. `rewritten`: it had left its group."""
    source, destination = cluster(16), cluster(18)
    source.execute("CREATE DATABASE shop")
    source.execute(EVENTS, "shop")
    spec = replace(by_snapshot(source, destination), partition_maintenance=PartitionMaintenance.CREATE_AND_DROP)
    memory = Memory()
    with monkeypatch.context() as patched:
        copy = Parts.copy

        def copying(self: Parts, relation: str, number: int) -> Copied | None:
            done = copy(self, relation, number)
            if left(destination) if rewritten else relation == "public.event_1":
                raise Died
            if done is not None and rewritten and relation == "public.event_1":
                source.execute("VACUUM FULL event_1", "shop")
            return done

        patched.setattr(Parts, "copy", copying)
        until_died(spec, memory)
    source.execute("DROP TABLE event_1", "shop")
    source.execute(
        "INSERT INTO event SELECT g, 1, 'to the default partition' FROM generate_series(7001, 7100) g", "shop"
    )
    seen = drive(spec, memory)
    assert seen is not None
    light = to_the_light(spec, 120)
    assert not [finding for finding in light.decision.findings if finding.blocking], describe(light)
    assert destination.execute("SELECT to_regclass('public.event_1')", "shop") == [(None,)]
    assert destination.execute("SELECT count(*) FROM event_rest WHERE day = 1", "shop") == [(100,)]
    equal(Leg(spec, source, destination), ["shop"])


def left(destination: Cluster) -> list[tuple[object, ...]]:
    return destination.execute("SELECT 1 FROM migrator.relations WHERE group_number = 0", "shop")
