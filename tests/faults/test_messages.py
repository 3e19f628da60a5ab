"""Messages late, doubled, reordered and out of date: whoever receives one looks again, so none of them does harm."""

import os
import random
import threading
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace

import pytest

from migrator import control
from migrator.config import CopyMethod, MappingSpec
from migrator.errors import MigratorError
from migrator.looks.remembered import SchemaCache
from migrator.machines.cluster import Cluster
from migrator.memory import Memory
from migrator.steps import Status
from migrator.tasks.jobs import copy_parts, keep
from migrator.tasks.perform import Outcome, perform
from migrator.tasks.sampling import sample_lag
from migrator.tick.reconcile import Reconciler
from migrator.work import Work
from tests.faults.migration import Clusters
from tests.system.scenario import (
    BY_EITHER,
    QUICK,
    checksums,
    invalid_indexes,
    mapping,
    ours_left,
    seed,
    sequence_positions,
)

SEED = int(os.environ.get("MIGRATOR_FAULT_SEED", random.SystemRandom().randrange(10**6)))


@dataclass
class Postman:
    """A dispatcher that hands every message out twice, in any order, and some earlier ones again."""

    spec: MappingSpec
    dice: random.Random
    memory: Memory = field(default_factory=Memory)
    schemas: SchemaCache = field(default_factory=SchemaCache)
    waiting: list[Work] = field(default_factory=list)
    delivered: dict[Work, None] = field(default_factory=dict)

    def dispatch(self, work: Work) -> None:
        self.waiting.append(work)

    def deliver(self) -> None:
        """What came since the last time, a third of it only at the next, and three old ones."""
        self.dice.shuffle(self.waiting)
        late = self.dice.randrange(1 + len(self.waiting) // 3)
        now, self.waiting = self.waiting[late:], self.waiting[:late]
        old = self.dice.choices(list(self.delivered), k=3) if self.delivered else []
        for work in self.dice.sample([*now, *now, *old], 2 * len(now) + len(old)):
            self.receive(work)

    def receive(self, work: Work) -> Outcome:
        self.delivered[work] = None
        try:
            if work.task == "keep_snapshot":
                return self._keep(work)
            if work.task == "copy_part":
                return copy_parts(self.spec, work, self.memory, _say_nothing)
            return perform(self.spec, work, self.memory, schemas=self.schemas)
        except MigratorError:  # as workers.tasks has it: the tick says so, and asks again
            return Outcome()

    def _keep(self, work: Work) -> Outcome:
        """By a thread that goes on, as a worker's does. Back when the snapshot is held, or will not be."""
        told, done = threading.Event(), [Outcome()]

        def held() -> None:
            done[0] = Outcome(applied=1)
            told.set()

        def hold() -> None:
            with suppress(MigratorError):
                keep(self.spec, work, self.memory, _say_nothing, told=held)
            told.set()

        threading.Thread(target=hold, daemon=True).start()
        told.wait()
        return done[0]

    def tick(self) -> Status | None:
        assessment = Reconciler(self.spec, self, None, self.memory, self.schemas).tick()
        self.deliver()
        with suppress(MigratorError):
            sample_lag(self.spec)
        return assessment.status if assessment else None


def _say_nothing(entry: Mapping[str, object]) -> None:
    """Nobody reads the log of actions."""


def out_of_date(known: Iterable[Work]) -> list[Work]:
    """Messages for what is not there: dropped databases and relations, groups and parts, phases of another release.

    A mapping that is not there is no message of anybody's: workers look its name up first. Those of a group name no phase.
    """
    wrong = []
    for work in known:
        wrong += [replace(work, phase="gone")] if work.group is None else [replace(work, group=4711)]
        wrong += [replace(work, database="gone")] if work.database else []
        wrong += [replace(work, relations=("public.gone",) * len(work.relations))] if work.relations else []
        wrong += [replace(work, parts=(4711,) * len(work.parts))] if work.parts else []
    return wrong


def state(source: Cluster, destination: Cluster) -> tuple[object, ...]:
    """All that a message could spoil."""
    shop = [(checksums(each, "shop"), sequence_positions(each, "shop")) for each in (source, destination)]
    roles = destination.execute("SELECT rolname, rolpassword FROM pg_authid ORDER BY 1")
    classes = destination.execute("SELECT oid, relname, relkind FROM pg_class WHERE oid > 16384 ORDER BY 1", "shop")
    left = [each for side in (source, destination) for each in ours_left(side) if not _is_kept(each)]
    return shop, roles, classes, left, invalid_indexes(destination, "shop")


def _is_kept(left: str) -> bool:
    """A process keeps idle sessions for its next task: which ones, is chance."""
    return left.startswith("session ")


@pytest.mark.timeout(600)
@pytest.mark.parametrize("method", BY_EITHER)
def test_messages_doubled_shuffled_late_and_out_of_date(cluster: Clusters, method: CopyMethod) -> None:
    print(f"MIGRATOR_FAULT_SEED={SEED}")
    source, destination = cluster(15), cluster(18)
    seed(source)
    spec = mapping(source, destination, copy_method=method, replication=replace(QUICK, part_mb=0.05))
    postman = Postman(spec, random.Random(SEED))
    for _ in range(200):
        if postman.tick() is Status.CUTOVER_READY:
            break
        source.execute("INSERT INTO customer (name) VALUES ('late')", "shop")
        for work in postman.dice.sample(wrong := out_of_date(postman.delivered), min(3, len(wrong))):
            assert postman.receive(work).applied == 0, work
            del postman.delivered[work]
    else:
        raise AssertionError(f"no light, seed {SEED}")
    control.take_barrier(spec)
    assert checksums(source, "shop") == checksums(destination, "shop")
    assert sequence_positions(source, "shop") == sequence_positions(destination, "shop")
    tasks = {"copy_schema", "run_phase", "run_relations", "sync_sequences"}
    by_us = {"keep_snapshot", "copy_part"} if method is CopyMethod.SNAPSHOT else set()
    assert {work.task for work in postman.delivered} >= tasks | by_us

    assert control.complete(spec).left == ()
    finished = state(source, destination)
    for work in [*postman.delivered, *out_of_date(postman.delivered)]:
        assert postman.receive(work).applied == 0, work
    assert sample_lag(spec) is False
    assert postman.tick() is Status.COMPLETED
    assert state(source, destination) == finished

    control.forget(spec)
    for work in postman.delivered:
        assert postman.receive(work).applied == 0, work
    assert not destination.execute("SELECT 1 FROM pg_namespace WHERE nspname = 'migrator'")
