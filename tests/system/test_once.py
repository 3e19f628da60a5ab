"""Nothing is done twice: whoever acts sees the destination as it is, however lately it changed and however slowly it is read."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

import pytest

from migrator.config import CopyMethod
from migrator.looks import remembered
from migrator.machines.cluster import Cluster
from migrator.memory import Memory
from migrator.model import Failure
from migrator.phases import initial_copy
from migrator.steps import Status
from migrator.tasks.perform import perform
from migrator.tasks.sampling import sample_lag
from migrator.tick.inline import Inline
from migrator.tick.reconcile import Assessment, Reconciler
from migrator.work import Work
from tests.system.scenario import describe, drive_until, mapping, seed

Clusters = Callable[..., Cluster]

LATE = (
    "CREATE TABLE late (id int PRIMARY KEY, body text); CREATE INDEX late_body ON late (body); GRANT SELECT ON late TO app",
    "CREATE TABLE orders_2028 PARTITION OF orders FOR VALUES FROM ('2028-01-01') TO ('2029-01-01')",
    "ALTER TABLE orders DETACH PARTITION orders_2025",
    "CREATE INDEX orders_state ON orders (state)",
)
"""What the application's owner does to the source while it is replicated."""


class Counting(Memory):
    """Keeps every failure, also of what went well later."""

    def __init__(self) -> None:
        super().__init__()
        self.failed: list[str] = []

    def record_failure(self, name: str, key: str, message: str, now: datetime) -> Failure:
        self.failed.append(f"{key}: {message}")
        return super().record_failure(name, key, message, now)


@dataclass
class Doubling(Inline):
    """Delivers each message twice, one right after the other, in a process whose last look could still pass for good."""

    patch: pytest.MonkeyPatch = field(default_factory=pytest.MonkeyPatch)
    done: set[str | None] = field(default_factory=set)
    """Phases in which something was done."""
    again: list[object] = field(default_factory=list)
    """What the second of two messages did that the first had done."""

    def dispatch(self, work: Work) -> None:
        if work.task in ("keep_snapshot", "copy_part"):
            super().dispatch(work)
            return
        with self.patch.context() as patch:
            patch.setattr(remembered, "DEAR_SCHEMA", 1e9)
            first, second = self.events(work), self.events(work)
        if work.phase != initial_copy.NAME:  # there, batches of relations have one name, whichever they are
            self.again += first & second
        self.done |= {work.phase} if first else set()

    def events(self, work: Work) -> set[object]:
        said: list[dict[str, object]] = []
        perform(self.spec, work, self.memory, said.append, self.schemas)
        return {entry["event"] for entry in said}

    def to_the_light(self, done: Callable[[], bool] = lambda: True) -> None:
        deadline = time.monotonic() + 120
        while True:
            seen = Reconciler(self.spec, self, None, self.memory, self.schemas).tick()
            assert seen is not None
            if seen.status is Status.CUTOVER_READY and done():
                return
            assert time.monotonic() < deadline, describe(seen)
            sample_lag(self.spec)
            time.sleep(0.1)


def at_the_light(assessment: Assessment) -> bool:
    return assessment.status is Status.CUTOVER_READY


def test_a_whole_migration_has_no_failed_action(cluster: Clusters) -> None:
    """A tick after the other, each right after the destination was changed by the one before."""
    source, destination, memory = cluster(16), cluster(18), Counting()
    seed(source)
    drive_until(mapping(source, destination), at_the_light, memory=memory)
    assert memory.failed == []


@pytest.mark.parametrize("method", list(CopyMethod))
def test_a_doubled_message_finds_its_work_done(
    cluster: Clusters, monkeypatch: pytest.MonkeyPatch, method: CopyMethod
) -> None:
    monkeypatch.setattr(remembered, "DEAR_SCHEMA", 0.0)  # ticks see what is
    source, destination, memory = cluster(16), cluster(18), Counting()
    seed(source)
    postman = Doubling(mapping(source, destination, copy_method=method), memory)
    postman.to_the_light()
    for statement in LATE if method is CopyMethod.SUBSCRIPTION else LATE[2:]:
        source.execute(statement, "shop")
    postman.to_the_light(lambda: relations(source) == relations(destination))
    assert memory.failed == []
    assert postman.again == []
    assert postman.done >= {"roles", "databases", "pre_data", "post_data", "privileges", "partitions"}


def relations(cluster: Cluster) -> list[tuple[object, ...]]:
    """Tables and indexes, and what each belongs to."""
    return cluster.execute(
        "SELECT c.relname, i.inhparent::regclass::text FROM pg_class c LEFT JOIN pg_inherits i ON i.inhrelid = c.oid"
        " WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'i', 'I') ORDER BY 1",
        "shop",
    )
