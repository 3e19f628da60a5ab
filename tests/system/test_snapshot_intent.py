"""Copy method snapshot: a keeper makes nothing on the source against the wish, and lets go of what it holds for a reason only."""

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import replace

import pytest

from migrator import control
from migrator.config import MappingSpec, WalBudgetAction
from migrator.copying.keeper import Keeper
from migrator.copying.seat import Seat
from migrator.errors import MigratorError
from migrator.looks.remembered import SchemaCache
from migrator.machines.cluster import Cluster
from migrator.memory import Memory
from migrator.tasks.jobs import keep
from migrator.tasks.perform import Outcome
from migrator.tick.inline import Inline
from migrator.tick.reconcile import drive
from migrator.work import Work
from tests.system.scenario import drive_until, ours_left
from tests.system.test_snapshot import by_snapshot

Clusters = Callable[..., Cluster]
Pair = tuple[Cluster, Cluster, MappingSpec]

SENT = Work("keep_snapshot", "m", "shop", "initial_copy", group=1, keeper="1")


@pytest.fixture
def begun(cluster: Clusters, monkeypatch: pytest.MonkeyPatch) -> Pair:
    """A mapping whose publication is complete, and whose keeper is still on its way."""
    source, destination = cluster(16), cluster(18)
    source.execute("CREATE DATABASE shop")
    source.execute("CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t SELECT generate_series(1, 100)", "shop")
    spec, sent = by_snapshot(source, destination), list[Work]()
    memory, schemas = Memory(), SchemaCache()
    with monkeypatch.context() as patched:
        patched.setattr(Inline, "_keep", lambda self, work: sent.append(work))
        deadline = time.monotonic() + 60
        while SENT not in sent:
            drive(spec, memory, schemas)
            assert time.monotonic() < deadline
    return source, destination, spec


def slots(source: Cluster) -> list[tuple[object, ...]]:
    return source.execute("SELECT slot_name FROM pg_replication_slots")


def kept(spec: MappingSpec) -> Outcome:
    """The late keeper, to its end: here nobody copies, so it must not hold anything for long."""
    return keep(spec, SENT, Memory(), lambda entry: None)


class Late(threading.Thread):
    """A keeper at work beside the test."""

    def __init__(self, spec: MappingSpec) -> None:
        super().__init__(daemon=True)
        self._spec = spec
        self.outcome: Outcome | None = None

    def run(self) -> None:
        self.outcome = kept(self._spec)


def eventually(true: Callable[[], object]) -> None:
    deadline = time.monotonic() + 60
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_late_keeper_makes_nothing_against_the_wish(begun: Pair) -> None:
    """After a pause; while its slot has to wait for an older transaction, and a pause or an abort comes; after the abort."""
    source, destination, spec = begun
    control.pause(spec)
    assert kept(spec).applied == 0
    assert slots(source) == []
    for wish in (control.pause, control.abort):
        control.resume(spec)
        with source.connect("shop") as other:
            other.execute("BEGIN; INSERT INTO t VALUES (0)")
            late = Late(spec)
            late.start()
            eventually(lambda: slots(source))
            ended = wish(spec)
            late.join(60)
            assert late.outcome == Outcome()
            assert slots(source) == []
            other.execute("ROLLBACK")
        assert slots(source) == []
    assert ended is not None and ended.left == ()
    assert kept(spec).applied == 0
    assert ours_left(source) == [] and ours_left(destination) == []


def test_a_keeper_takes_no_snapshot_of_somebody_else(begun: Pair) -> None:
    """Names of snapshots recur after a restart of the source: what a dead keeper wrote down is an application's by then."""
    source, destination, spec = begun
    destination.execute("UPDATE migrator.groups SET slot_created = true", "shop")
    with source.connect("shop") as alien:
        alien.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
        ((name,),) = alien.execute("SELECT pg_export_snapshot()").fetchall()
        destination.execute(
            "INSERT INTO migrator.keepers (mapping, group_number, keeper, snapshot, backend_pid, backend_start)"
            f" VALUES ('m', 1, '2', '{name}', {alien.info.backend_pid}, now() - interval '1 day')",
            "shop",
        )
        with pytest.raises(MigratorError, match="No keeper of group 1"):
            Keeper(Seat(spec, "shop", 1, "1")).keep()


def test_an_abort_waits_for_a_keeper_that_is_about_to_make_its_slot(begun: Pair) -> None:
    """It has asked for the intent already, and holds its group's row: what it makes must be seen, and taken away."""
    source, destination, spec = begun
    with destination.connect("shop") as keeper, source.connect("shop") as maker:
        keeper.execute("BEGIN; SELECT FROM migrator.groups FOR KEY SHARE")
        ending = threading.Thread(target=control.abort, args=(spec,), daemon=True)
        ending.start()
        ending.join(2)
        assert ending.is_alive(), "the abort is over, and a slot may still come"
        ((name,),) = destination.execute("SELECT name FROM migrator.groups", "shop")
        maker.execute("SELECT pg_create_logical_replication_slot(%s, 'pgoutput')", (name,))
        keeper.execute("ROLLBACK")  # killed between the two servers
        ending.join(60)
        assert not ending.is_alive()
    assert ours_left(source) == [] and ours_left(destination) == []


def test_a_slot_whose_keeper_died_before_the_note_may_keep_no_more_wal_than_others(
    begun: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is dropped where that is configured, and nothing is given up with it: no part was cut."""
    source, destination, spec = begun
    pace = replace(spec.replication, wal_budget_gb=0.01, wal_budget_action=WalBudgetAction.DROP_SLOT)
    ((name,),) = destination.execute("SELECT name FROM migrator.groups", "shop")
    source.execute(f"SELECT pg_create_logical_replication_slot('{name}', 'pgoutput')", "shop")
    source.execute("SELECT pg_logical_emit_message(true, 'x', repeat('x', 20000000))")
    monkeypatch.setattr(Inline, "_keep", lambda self, work: None)
    drive_until(replace(spec, replication=pace), lambda seen: not slots(source), 60)
    assert destination.execute("SELECT slot_dropped_at FROM migrator.groups", "shop") == [(None,)]


SEATED = (
    "SELECT 1 FROM pg_locks JOIN pg_stat_activity USING (pid)"
    " WHERE locktype = 'advisory' AND granted AND application_name = 'pg-migrator keeper m'"
)
WAITING = "SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
HOLDER = "SELECT pid, backend_start FROM pg_stat_activity WHERE application_name = 'pg-migrator keeper m'"


def end_session(server: Cluster, task: str) -> None:
    name = f"pg-migrator {task} m"
    server.execute(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = '{name}'")


@contextmanager
def seat_taken(destination: Cluster, seat: Seat) -> Iterator[None]:
    """The keeper's line is cut, and its lock is another session's: that of its own before, say, which the server still believes in."""
    with closing(destination.connect("shop")) as other:
        taking = threading.Thread(target=other.execute, args=("SELECT pg_advisory_lock(%s)", (seat.lock,)))
        taking.start()
        eventually(lambda: destination.execute(WAITING))
        end_session(destination, "keeper")
        taking.join(60)
        yield


def test_a_keeper_holds_on_while_its_seat_or_a_session_is_not_to_be_had(
    begun: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only where the ledger names another keeper in its seat it lets go: what it drops is hours of copying."""
    source, destination, spec = begun
    spec = replace(spec, destination=replace(spec.destination, max_connections=12))
    monkeypatch.setattr("migrator.copying.seat.SILENCE_SECONDS", 3.0)
    late = Late(spec)
    late.start()
    eventually(lambda: destination.execute("SELECT 1 FROM migrator.keepers", "shop"))
    holder = source.execute(HOLDER)
    os.kill(int(holder[0][0]), signal.SIGSTOP)
    late.join(5)
    os.kill(int(holder[0][0]), signal.SIGCONT)
    assert late.is_alive(), "its server stood still for a while"
    with seat_taken(destination, Seat(spec, "shop", 1, "1")):
        end_session(source, "watch")
        late.join(4)
        assert late.is_alive(), "it has left a seat that nobody else has"
    eventually(lambda: destination.execute(SEATED))
    with ExitStack() as crowd:
        for _ in range(12):
            crowd.enter_context(closing(destination.connect("shop", application_name="pg-migrator other m")))
        end_session(destination, "keeper")
        late.join(5)
        assert late.is_alive(), "it has let go because there was no room for its session"
    eventually(lambda: destination.execute(SEATED))
    assert source.execute(HOLDER) == holder
    with seat_taken(destination, Seat(spec, "shop", 1, "1")):
        destination.execute("UPDATE migrator.keepers SET backend_pid = 1", "shop")
        late.join(60)
    assert late.outcome == Outcome(applied=1)
    assert destination.execute("SELECT backend_pid FROM migrator.keepers", "shop") == [(1,)]
