"""Actions that share a transaction on a real server: what fails alone is at fault, and a stop in the middle leaves nothing behind."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from migrator.apply import Applier, ApplyError
from migrator.clock import Clock
from migrator.contents import RelationSize
from migrator.machines.cluster import Cluster
from migrator.memory import Memory
from migrator.phases import post_data
from migrator.phases.quick import SMALL_BYTES
from migrator.steps import Step
from migrator.tasks.perform import Hand, Outcome
from migrator.together import bundles, transaction
from tests.postgres.schema_trial import LOCK_TABLE, Trial, dump, instance

TABLES = 12
TABLE = """
CREATE TABLE app.t{0} (id int PRIMARY KEY, up int REFERENCES app.t{1}, n int CHECK (n >= 0), UNIQUE (n, id));
CREATE INDEX t{0}_n ON app.t{0} (n); COMMENT ON INDEX app.t{0}_n IS 'of {0}'; INSERT INTO app.t{0} VALUES ({0}, NULL, {0});
"""

Reports = list[dict[str, object]]


@pytest.fixture
def trial(shared: Callable[[int], Cluster], database: Callable[..., str]) -> Trial:
    source, destination = shared(16), shared(18)
    made = Trial(source, database(source), destination, database(destination))
    tables = (TABLE.format(number, number // 2) for number in range(TABLES))
    source.execute("CREATE SCHEMA app;" + "".join(tables), made.database)
    return made


@contextmanager
def hand_of(trial: Trial, memory: Memory, reports: Reports) -> Iterator[Hand]:
    with Applier(trial.spec, "trial", trial.source.version * 10000) as applier:
        yield Hand(trial.spec, applier, memory, reports.append, Clock(datetime.now(UTC)))


def work(trial: Trial, step: Step, memory: Memory, reports: Reports) -> Outcome:
    """The step as a task does it."""
    done = Outcome()
    with hand_of(trial, memory, reports) as hand:
        wanted = [(step, action) for action in step.actions]
        for bundle in bundles(wanted, memory.failures("trial"), instance(18, LOCK_TABLE)):
            done += hand.apply(bundle)
    return done


def as_source(trial: Trial, shared: Callable[[int], Cluster]) -> bool:
    tools = shared(18)
    return dump(trial.source, trial.database, tools) == dump(trial.destination, trial.target, tools)


def index_names(trial: Trial) -> set[str]:
    rows = trial.destination.execute(
        "SELECT relname FROM pg_class JOIN pg_index ON indexrelid = pg_class.oid WHERE indisvalid AND NOT indisprimary"
        " AND relnamespace = 'app'::regnamespace",
        trial.target,
    )
    return {name for (name,) in rows}


def test_a_few_transactions_make_what_the_gentle_way_makes(trial: Trial, shared: Callable[[int], Cluster]) -> None:
    memory, reports = Memory(), Reports()
    before = work(trial, trial.pre_data(), memory, reports)
    step = trial.post_data()
    assert len(step.actions) == TABLES * 6  # two indexes, a check and a foreign key, each of these added and validated
    assert all(action.quick is not None for action in step.actions)
    assert work(trial, step, memory, reports) == Outcome(len(step.actions))
    assert (before.failed, memory.failures("trial")) == (0, {})
    assert len(reports) == 2  # one line of the log for each transaction: both sides of the work fit into one
    work(trial, trial.post_data(), memory, reports)  # comments on what was made
    assert trial.post_data().quiet
    assert as_source(trial, shared)


def test_what_fails_is_found_and_holds_up_no_other(trial: Trial, shared: Callable[[int], Cluster]) -> None:
    memory, reports = Memory(), Reports()
    work(trial, trial.pre_data(), memory, reports)
    trial.destination.execute("CREATE TABLE app.t7_n ()", trial.target)  # the name is taken
    step = trial.post_data()
    assert work(trial, step, memory, reports) == Outcome(len(step.actions) - 1, 1)
    (failure,) = memory.failures("trial")
    assert failure.endswith(":app.t7")
    assert index_names(trial) == {
        name for number in range(TABLES) for name in (f"t{number}_n", f"t{number}_n_id_key")
    } - {"t7_n"}
    (error,) = [entry for entry in reports if entry["level"] == "error"]
    assert (error["relation"], error["event"]) == ("app.t7", "build index app.t7_n")
    trial.destination.execute("DROP TABLE app.t7_n", trial.target)
    trial.run()
    assert as_source(trial, shared)


def waiting(trial: Trial, then: str = "pid") -> bool:
    """Whether the session at work waits for a lock; `then` is done to its pid."""
    query = f"SELECT {then} FROM pg_stat_activity WHERE datname = '{trial.target}' AND wait_event_type = 'Lock'"
    return bool(trial.destination.execute(f"{query} AND application_name LIKE 'pg-migrator%'"))


@contextmanager
def as_soon_as(happened: Callable[[], bool], act: Callable[[], object] = lambda: None) -> Iterator[None]:
    """Acts, in a thread, as soon as something has happened during the block."""
    over = threading.Event()

    def watch() -> None:
        while not happened():
            if over.wait(0.05):
                return
        act()

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def test_a_table_in_use_is_waited_for_alone(trial: Trial, shared: Callable[[int], Cluster]) -> None:
    """With company nobody waits while others are locked out; by itself, and gently, a build waits as long as it may."""
    memory, reports = Memory(), Reports()
    work(trial, trial.pre_data(), memory, reports)
    step = trial.post_data()
    somebody = trial.destination.connect(trial.target)
    somebody.execute("BEGIN")
    somebody.execute("INSERT INTO app.t5 VALUES (1000, NULL, 1)")
    with as_soon_as(lambda: waiting(trial), somebody.close):
        assert work(trial, step, memory, reports) == Outcome(len(step.actions))
    assert somebody.closed
    gentle = [entry["event"] for entry in reports if " more in its transaction" not in str(entry["event"])]
    assert "build index app.t5_n" in gentle or "build index app.t5_n_id_key" in gentle
    trial.run()
    assert as_source(trial, shared)


@pytest.mark.parametrize("phase", ["pre_data", "post_data"])
def test_a_stop_in_the_middle_of_a_transaction_leaves_nothing_of_it(
    trial: Trial, shared: Callable[[int], Cluster], phase: str
) -> None:
    """A session that is ended while its statements run, as by kill -9: the next one finds all of it still to do."""
    memory, reports = Memory(), Reports()
    if phase == "post_data":
        work(trial, trial.pre_data(), memory, reports)
    else:
        trial.destination.execute("CREATE SCHEMA app", trial.target)
    step: Step = getattr(trial, phase)()
    name = "app.t9_n" if phase == "post_data" else "app.t9"
    sentences = transaction([action.quick for action in step.actions if action.quick is not None])
    with trial.destination.connect(trial.target) as somebody, hand_of(trial, memory, reports) as hand:
        # The same name, in a transaction that is not over: ours comes as far as that, and waits.
        somebody.execute("BEGIN")
        somebody.execute(f"CREATE TABLE {name} ()".encode())
        patient = [sql for sql in sentences if "lock_timeout" not in sql and "statement_timeout" not in sql]
        with as_soon_as(lambda: waiting(trial, "pg_terminate_backend(pid)")), pytest.raises(ApplyError):
            hand.applier.apply_together(trial.target, ("SET LOCAL lock_timeout = 0", *patient))
        somebody.execute("ROLLBACK")
    assert getattr(trial, phase)().actions == step.actions
    trial.run()
    assert as_source(trial, shared)


def test_a_table_that_is_not_small_is_built_gently(trial: Trial) -> None:
    memory, reports = Memory(), Reports()
    work(trial, trial.pre_data(), memory, reports)
    view = trial.look()
    large = {**view.database.sizes, "app.t3": RelationSize(SMALL_BYTES + 1, 1)}
    step = post_data.examine(replace(view, pair=replace(view.database, sizes=large)))
    slow = {action.summary for action in step.actions if action.quick is None}
    on_t3 = {action.summary for action in step.actions if action.relation == "app.t3"}
    referring = {f"{verb} constraint t{n}_up_fkey on app.t{n}" for n in (6, 7) for verb in ("add", "validate")}
    assert slow == on_t3 | referring  # a foreign key reads both of its tables
