"""Quiet databases looked at by turns, on real servers: what is seen at once, what in its turn, and that the light waits for all."""

import time
from collections.abc import Callable
from dataclasses import replace

import pytest

from migrator import turns
from migrator.config import MappingSpec
from migrator.looks.remembered import SchemaCache
from migrator.machines.cluster import Cluster
from migrator.memory import Memory
from migrator.steps import Status
from migrator.tick.assessment import assess
from migrator.tick.reconcile import Assessment, drive
from migrator.turns import restless
from tests.system.scenario import QUICK, describe, mapping

Clusters = Callable[..., Cluster]

NAMES = ("one", "two", "three", "four")
TABLE = "CREATE TABLE t (id bigserial PRIMARY KEY, name text); CREATE INDEX t_name ON t (name); INSERT INTO t (name) VALUES ('a')"
LONG, SHORT = 3600.0, 0.001
"""Seconds of a round: hardly anybody's turn comes during the test, or everybody's at every tick."""


class Process:
    """One process that ticks, with what it remembers."""

    def __init__(self, spec: MappingSpec) -> None:
        self.spec, self.memory, self.schemas = spec, Memory(), SchemaCache()

    def tick(self, period: float = LONG) -> Assessment:
        replication = replace(self.spec.replication, quiet_look_interval_seconds=period)
        seen = drive(replace(self.spec, replication=replication), self.memory, self.schemas)
        assert seen is not None
        return seen

    def until(self, done: Callable[[Assessment], bool], period: float = LONG) -> Assessment:
        deadline = time.monotonic() + 90
        while not done(seen := self.tick(period)):
            assert time.monotonic() < deadline, describe(seen)
            time.sleep(0.1)
        return seen


@pytest.fixture
def servers(cluster: Clusters, monkeypatch: pytest.MonkeyPatch) -> tuple[Cluster, Cluster, Process]:
    """Four databases in step, of which one is looked at in each tick."""
    monkeypatch.setattr(turns, "FEW", 1)
    source, destination = cluster(16), cluster(18)
    for name in NAMES:
        source.execute(f"CREATE DATABASE {name}")
        source.execute(TABLE, name)
    process = Process(mapping(source, destination, replication=replace(QUICK, stable_seconds=3.0)))
    process.until(lambda seen: seen.status in (Status.SYNCED, Status.CUTOVER_READY))
    return source, destination, process


def waiting(process: Process) -> str:
    """A database that would not have its turn at the next tick."""
    pairs = process.schemas.quiet["m"].pairs
    latest = max(pairs.values(), key=lambda pair: pair.observed_at.timestamp() if pair.observed_at else 0.0)
    return latest.name


def test_quiet_databases_take_turns(servers: tuple[Cluster, Cluster, Process]) -> None:
    source, destination, process = servers

    # The light waits until each was seen stable_seconds after quiet began: here one a tick.
    began = process.until(
        lambda seen: seen.status is not Status.CUTOVER_READY and len(seen.observation.remembered) == 3
    )
    lit = process.until(lambda seen: seen.status is Status.CUTOVER_READY)
    journal = lit.observation.journal
    assert journal is not None and journal.quiet_since is not None
    assert all(
        pair.observed_at is not None and (pair.observed_at - journal.quiet_since).total_seconds() >= 3
        for pair in lit.observation.databases
    )
    assert began.observation.observed_at < lit.observation.observed_at
    # It stays for a process that knows only looks of before; and one that knows nothing looks at all.
    assert process.tick().status is Status.CUTOVER_READY
    fresh = Process(process.spec).tick()
    assert fresh.status is Status.CUTOVER_READY and not fresh.observation.remembered

    # Upkeep is not asked for again and again by what was seen before.
    name = waiting(process)
    source.execute("SELECT nextval('t_id_seq') FROM generate_series(1, 10)", name)
    seen = process.tick()
    assert name in seen.observation.remembered and not [
        step for step, _ in seen.decision.actions if step.database == name
    ]
    value = "SELECT last_value FROM t_id_seq"
    process.until(lambda _: destination.execute(value, name) == source.execute(value, name))

    # What the servers as a whole know is seen at once, whoever's turn it is.
    name = waiting(process)
    (group,) = destination.execute(
        f"SELECT subname FROM pg_subscription s JOIN pg_database d ON d.oid = subdbid WHERE datname = '{name}'"
    )
    destination.execute(f"ALTER SUBSCRIPTION {group[0]} DISABLE", name)
    seen = process.tick()
    assert seen.status is Status.PROBLEMATIC and name not in seen.observation.remembered
    assert "subscription_disabled" in {finding.code for finding in seen.decision.findings}
    destination.execute(f"ALTER SUBSCRIPTION {group[0]} ENABLE", name)
    process.until(lambda seen: seen.status is Status.CUTOVER_READY)

    # What only the database itself can tell is seen when its turn comes: here after as many ticks as there are databases.
    name = waiting(process)
    destination.execute("ALTER TABLE t ADD COLUMN foreign_to_us int", name)
    for _ in NAMES:
        seen = process.tick()
    assert name in restless(seen.decision) and seen.status is Status.PROBLEMATIC, describe(seen)
    assert seen.observation.journal is not None and process.tick().status is Status.PROBLEMATIC

    # Another process that saw it quiet a moment ago is told by what was published, and looks at once.
    other = Process(process.spec)
    other.schemas.quiet["m"] = lit_before = turns.quiet_of(lit.observation, lit.decision)
    assert name in lit_before.pairs
    told = assess(process.spec, other.memory, other.schemas, seen.summary, lit_before)
    assert name in restless(told.decision) and name not in told.observation.remembered
    destination.execute("ALTER TABLE t DROP COLUMN foreign_to_us", name)
    process.until(lambda seen: seen.status is Status.CUTOVER_READY, SHORT)
