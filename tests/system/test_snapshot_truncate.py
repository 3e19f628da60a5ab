"""Copy method snapshot while the application truncates, prepares transactions, and rolls back to savepoints."""

import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psycopg
import pytest

from migrator import control
from migrator.config import MappingSpec
from migrator.copying.copy_part import Copied
from migrator.copying.work import Parts
from migrator.machines.cluster import Cluster
from migrator.memory import Memory
from migrator.reports.completion import reasons_against
from migrator.tick.reconcile import assess
from tests.system.fleet import Leg, equal
from tests.system.scenario import describe, drive_until, ours_left, to_the_light
from tests.system.test_snapshot import Died, by_snapshot, end_well, is_replicated, stage, until_died

Clusters = Callable[..., Cluster]
Groups = dict[object, object]

CHURN = """
CREATE TABLE churn (id int PRIMARY KEY, body text);
INSERT INTO churn SELECT g, repeat('c', 300) FROM generate_series(1, 2000) g;
CREATE TABLE ledger (id serial PRIMARY KEY, who text, amount int);
INSERT INTO ledger (who, amount) SELECT 'first', g FROM generate_series(1, 2000) g;
"""


@contextmanager
def application(source: Cluster) -> Iterator[None]:
    """One thread truncates now and then, one prepares and commits (or not) in two phases, one rolls back to savepoints."""
    stop, errors = threading.Event(), list[Exception]()

    def run(work: Callable[["psycopg.Connection[tuple[object, ...]]", random.Random], None], pause: float) -> None:
        dice = random.Random(pause)
        try:
            with source.connect("shop") as session:
                while not stop.wait(pause):
                    work(session, dice)
        except Exception as error:  # told by the test's own thread
            errors.append(error)

    works = ((truncate, 2.5), (in_two_phases, 0.05), (savepoints, 0.01))
    threads = [threading.Thread(target=run, args=work) for work in works]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert not errors, errors


def truncate(session: "psycopg.Connection[tuple[object, ...]]", dice: random.Random) -> None:
    with session.transaction():
        session.execute("TRUNCATE churn")
        session.execute("INSERT INTO churn SELECT g, 'again' FROM generate_series(1, %s) g", (dice.randint(1, 3000),))
    session.execute("UPDATE churn SET body = body || '!' WHERE id % 3 = 0")


def in_two_phases(session: "psycopg.Connection[tuple[object, ...]]", dice: random.Random) -> None:
    session.execute("BEGIN")
    session.execute("INSERT INTO ledger (who, amount) VALUES ('prepared', %s)", (dice.randint(1, 9),))
    session.execute("SAVEPOINT inner_one")
    session.execute("UPDATE ledger SET amount = amount + 1 WHERE id = %s", (dice.randint(1, 1000),))
    session.execute("PREPARE TRANSACTION 'trial'")
    time.sleep(dice.choice((0.0, 0.0, 0.3)))
    session.execute(f"{dice.choice(('COMMIT', 'COMMIT', 'ROLLBACK'))} PREPARED 'trial'")


def savepoints(session: "psycopg.Connection[tuple[object, ...]]", dice: random.Random) -> None:
    with session.transaction():
        session.execute("INSERT INTO ledger (who, amount) VALUES ('outer', 0)")
        for depth in range(dice.randint(1, 4)):
            with session.transaction(force_rollback=dice.random() < 0.5):
                session.execute("INSERT INTO ledger (who, amount) VALUES ('inner', %s)", (depth,))
                session.execute("DELETE FROM ledger WHERE id = %s", (dice.randint(1001, 1500),))
        session.execute("UPDATE ledger SET amount = -amount WHERE id = %s", (dice.randint(1501, 2000),))


@pytest.mark.slow
def test_truncates_prepared_transactions_and_savepoints(cluster: Clusters) -> None:
    """Before, during and after the copy."""
    source, destination = cluster(15, max_prepared_transactions="4"), cluster(18)
    stage(source)
    source.execute(CHURN, "shop")
    spec = by_snapshot(source, destination)
    with application(source):
        time.sleep(1)
        drive_until(spec, is_replicated, 180, Memory())
        time.sleep(4)
    end_well(spec, source, destination)


@pytest.fixture
def after_child(monkeypatch: pytest.MonkeyPatch) -> None:
    """The process dies once, when public.child is in and public.parent is not."""
    copy, dead = Parts.copy, list[str]()

    def copying(self: Parts, relation: str, number: int) -> Copied | None:
        assert relation != "public.parent" or dead, "parent is smaller than child, and follows it"
        done = copy(self, relation, number)
        if relation == "public.child" and done is not None and not dead:
            dead.append(relation)
            raise Died
        return done

    monkeypatch.setattr(Parts, "copy", copying)


def groups_of(destination: Cluster) -> Groups:
    rows = destination.execute(
        "SELECT relation, group_number FROM migrator.relations WHERE relation IN ('public.parent', 'public.child')",
        "shop",
    )
    return {row[0]: row[1] for row in rows}


def foreign_key_is_there(destination: Cluster) -> bool:
    return bool(
        destination.execute("SELECT 1 FROM pg_constraint WHERE conname = 'child_parent_fkey' AND convalidated", "shop")
    )


def refill(source: Cluster, first: int) -> None:
    """Both at once, as PostgreSQL demands where a foreign key connects them."""
    source.execute(
        f"BEGIN; TRUNCATE parent, child; INSERT INTO parent SELECT generate_series({first}, {first} + 50);"
        f" INSERT INTO child SELECT g, {first} FROM generate_series(1, 20) g; COMMIT",
        "shop",
    )


def finish(spec: MappingSpec, source: Cluster, destination: Cluster) -> None:
    """The barrier, then the foreign key, then the end."""
    control.take_barrier(spec)
    drive_until(spec, lambda _: foreign_key_is_there(destination))
    equal(Leg(spec, source, destination), ["shop"])
    drive_until(spec, lambda seen: not list(seen.decision.actions))
    assert control.complete(spec).left == ()
    assert ours_left(source) == [] and ours_left(destination) == []


@pytest.mark.slow
@pytest.mark.usefixtures("after_child")
@pytest.mark.finding("foreign_key_after_barrier")
def test_one_of_two_that_a_foreign_key_connects_is_truncated_before_it_is_copied(cluster: Clusters) -> None:
    """The finished one stays where it is, and its TRUNCATE comes through the slot; the other goes to a group of its own.

    From then on a TRUNCATE of both is two changes of two groups, and must not stop either.
    """
    source, destination = cluster(15), cluster(18)
    stage(source)
    spec = by_snapshot(source, destination)
    memory = Memory()
    until_died(spec, memory)
    refill(source, 1000)
    drive_until(spec, is_replicated, 120, memory)
    assert groups_of(destination) == {"public.child": 1, "public.parent": 2}
    light = to_the_light(spec)
    (told,) = [each for each in light.decision.findings if each.code == "foreign_key_after_barrier"]
    assert told.relation == "public.child" and not told.blocking
    assert not foreign_key_is_there(destination)
    refill(source, 2000)
    light = to_the_light(spec)
    assert not [each for each in light.decision.findings if each.code == "apply_failing"], describe(light)
    control.take_barrier(spec)
    seen = assess(spec)
    assert any("foreign keys between groups" in each for each in reasons_against(spec, seen.observation, seen.decision))
    finish(spec, source, destination)
