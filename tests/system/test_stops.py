"""Stopped after each transaction in turn and started anew from the configuration alone: the end is the same."""

from collections.abc import Callable, Iterator, Sequence
from itertools import cycle

import pytest

from migrator import control
from migrator.apply import Applier
from migrator.config import CopyMethod, WithoutIdentity
from migrator.machines.cluster import Cluster
from migrator.memory import Memory
from migrator.steps import Statement, Status
from migrator.tick.reconcile import assess, drive
from tests.system.scenario import checksums, describe, mapping, ours_left, seed, to_the_light

Clusters = Callable[..., Cluster]


class Stopped(BaseException):
    """The process died here."""


@pytest.fixture
def stops(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """`stops[0] = n`: the process dies after its n-th transaction from now; 0: not at all."""
    budget = [0]
    run, together = Applier._run, Applier.apply_together

    def spend() -> None:
        if budget[0]:
            budget[0] -= 1
            if not budget[0]:
                raise Stopped

    def running(self: Applier, statements: list[Statement], values: dict[str, object]) -> None:
        run(self, statements, values)
        spend()

    def bundled(self: Applier, database: str | None, sentences: Sequence[str]) -> None:
        together(self, database, sentences)
        spend()

    monkeypatch.setattr(Applier, "_run", running)
    monkeypatch.setattr(Applier, "apply_together", bundled)
    yield budget


@pytest.mark.timeout(600)
@pytest.mark.parametrize("method", CopyMethod)
def test_stop_anywhere(cluster: Clusters, stops: list[int], method: CopyMethod) -> None:
    """With a table for the groups' second publication, whose making may stop half way too; once begun, it takes six transactions."""
    source, destination = cluster(16), cluster(18)
    seed(source)
    source.execute("CREATE TABLE visit (at timestamptz DEFAULT now()); INSERT INTO visit DEFAULT VALUES", "shop")
    spec = mapping(source, destination, copy_method=method, without_identity=WithoutIdentity.INSERT_ONLY)
    stopped = 0
    for lives in cycle((1, 2, 3, 1, 2, 7)):
        stops[0] = lives
        try:
            assessment = drive(spec, Memory())
        except Stopped:
            stopped += 1
            continue
        assert assessment is not None
        assert assessment.status is not Status.PROBLEMATIC, describe(assessment)
        if assessment.status is Status.CUTOVER_READY:
            break
    assert stopped > 10
    stops[0] = 0
    again = assess(spec)
    assert not list(again.decision.actions), describe(again)
    ledger = "SELECT relation, changes FROM migrator.relations WHERE insert_only"
    assert destination.execute(ledger, "shop") == [("public.visit", 0)]
    assert checksums(source, "shop") == checksums(destination, "shop")


def test_stop_anywhere_while_ending(cluster: Clusters, stops: list[int]) -> None:
    source, destination = cluster(16), cluster(18)
    seed(source)
    spec = mapping(source, destination)
    to_the_light(spec)
    control.take_barrier(spec)
    for lives in cycle((1, 2, 3)):
        stops[0] = lives
        try:
            removal = control.complete(spec)
        except Stopped:
            continue
        break
    assert removal.left == ()
    assert ours_left(source) == []
    assert ours_left(destination) == []
