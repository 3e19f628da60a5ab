"""What waits for its next try is tried at once when somebody asks for it, from the dashboard or the command line."""

from collections.abc import Callable
from datetime import UTC, datetime

import fakeredis

from migrator.machines.cluster import Cluster
from migrator.phases.failing import key_of
from migrator.store import Store
from migrator.tick.reconcile import Assessment, Reconciler
from migrator.work import Work
from tests.system.scenario import mapping

Clusters = Callable[..., Cluster]


class Nobody:
    """Takes work, and does none of it."""

    def dispatch(self, work: Work) -> None: ...


def test_a_request_to_retry_ends_every_waiting_time(cluster: Clusters) -> None:
    source, destination = cluster(16), cluster(18)
    source.execute("CREATE DATABASE shop")
    spec = mapping(source, destination)
    store = Store(fakeredis.FakeRedis(decode_responses=True))
    reconciler = Reconciler(spec, Nobody(), store, store)

    def tick() -> Assessment:
        seen = reconciler.tick()
        assert isinstance(seen, Assessment)
        return seen

    def told() -> list[str]:
        seen = tick()
        return [finding.remedy for finding in seen.decision.findings if finding.code == "action_failed"]

    action = next(key_of(*each) for each in tick().decision.actions)
    for _ in range(7):
        store.record_failure("m", action, "no space left on device", datetime.now(UTC))
    (remedy,) = told()
    assert "at once with: pg-migrator retry m" in remedy
    seconds = int(remedy.split()[3])
    assert 60 < seconds <= 128
    store.push_request("m", {"kind": "retry"})
    assert told() == []
    assert store.failures("m") == {}
    assert any("tried again" in str(line["event"]) for line in store.log("m"))
