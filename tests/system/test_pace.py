"""Rate limits over real servers and a real Valkey: of a mapping and of its source, live, and not lifted by an empty Redis.

By admission, under copy method subscription; how each block of a snapshot's copy is paid for: test_throttle, test_snapshot_limits.
"""

from collections.abc import Callable
from dataclasses import replace

import redis

from migrator import control
from migrator.config import CopyMethod, MappingSpec
from migrator.looks.remembered import SchemaCache
from migrator.machines.cluster import Cluster
from migrator.steps import Status
from migrator.store import Store
from migrator.tick.inline import Inline
from migrator.tick.reconcile import Assessment, Reconciler
from tests.system.scenario import checksums, drive_until, mapping, seed

Clusters = Callable[..., Cluster]

CRAWL = 0.0001
"""MB/s: ten seconds of it are less than one page."""


def stage(cluster: Clusters) -> tuple[Cluster, Cluster, MappingSpec]:
    source, destination = cluster(16), cluster(18)
    seed(source)
    spec = mapping(source, destination, copy_method=CopyMethod.SUBSCRIPTION)
    return source, destination, replace(spec, source=replace(spec.source, rate_limit_mbps=CRAWL))


def tick(spec: MappingSpec, store: Store, ticks: int = 1) -> Assessment:
    schemas = SchemaCache()
    for _ in range(ticks):
        assessment = Reconciler(spec, Inline(spec, store, schemas), None, store, schemas).tick()
    assert assessment is not None
    return assessment


def admitted(destination: Cluster) -> int:
    [(count,)] = destination.execute("SELECT count(*) FROM pg_subscription_rel", "shop")
    return int(count)


def test_paced_paused_emptied_and_released(cluster: Clusters, valkey: str) -> None:
    source, destination, spec = stage(cluster)
    store = Store.connect(valkey)
    for _ in range(20):
        tick(spec, store)
        if destination.execute("SELECT 1 FROM pg_subscription", "postgres") and admitted(destination):
            break
    assert admitted(destination) == 1, "a batch is what the limit lets through in some seconds, at least one relation"
    tick(spec, store, 2)
    assert admitted(destination) == 1, "the next one waits until the debt is paid"

    assert control.set_source_rate_limit([spec], 0) == []
    with redis.Redis.from_url(valkey) as client:
        client.flushall()
    waits = [wait.message for step in tick(spec, store, 2).decision.steps for wait in step.waits]
    assert "copying is paused: the rate limit is 0" in waits
    assert admitted(destination) == 1, "an emptied Redis lifts no limit: it stands in the journal"

    control.set_rate_limit(spec, CRAWL)
    assert control.set_source_rate_limit([spec], 1000) == []
    assert tick(spec, store).summary["rate_limit_mbps"] == CRAWL, "the lower of the two holds"
    control.set_rate_limit(spec, 1000)
    drive_until(spec, lambda it: it.status is Status.CUTOVER_READY, memory=store)
    assert checksums(source, "shop") == checksums(destination, "shop")


def test_a_source_s_live_limit_holds_for_its_mappings_that_begin_later(cluster: Clusters, valkey: str) -> None:
    _, _, spec = stage(cluster)
    store = Store.connect(valkey)
    tick(spec, store)
    later = replace(spec, name="later", databases=replace(spec.databases, include=("postgres",)))
    assert control.set_source_rate_limit([spec, later], 7) == ["later: Mapping later has not begun."]
    assert tick(later, store).summary["rate_limit_mbps"] == 7
