"""Copy method snapshot: what people do on either side in mid-copy, and before the changes from that time have arrived."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest

from migrator.config import MappingSpec
from migrator.copying import copy_part
from migrator.copying.copy_part import Copied, PartCopy
from migrator.copying.wire import Wire
from migrator.copying.work import Parts
from migrator.machines.cluster import Cluster
from migrator.memory import Memory
from migrator.tasks import mending
from migrator.tasks.perform import perform
from migrator.tick.reconcile import Assessment
from migrator.work import Work
from tests.system.fleet import Leg, equal
from tests.system.scenario import drive_until, to_the_light
from tests.system.test_snapshot import by_snapshot

Clusters = Callable[..., Cluster]

SMALL = """
CREATE TABLE small (id int PRIMARY KEY, body text);
INSERT INTO small SELECT g, 'b' || g FROM generate_series(1, 100) g;
"""
PLENTY = """
CREATE TABLE plenty (id int PRIMARY KEY, body text);
INSERT INTO plenty SELECT g, repeat('x', 200) FROM generate_series(1, 8000) g;
"""


CLEANED = """
CREATE TABLE filler (id int PRIMARY KEY);
CREATE TABLE checked (id int PRIMARY KEY, x int, n int DEFAULT 0);
INSERT INTO checked SELECT g, nullif(g, 5) FROM generate_series(1, 100) g;
CREATE TABLE single (id int PRIMARY KEY, x int, n int DEFAULT 0);
INSERT INTO single SELECT g, 1 + g % 99 FROM generate_series(1, 100) g;
CREATE TABLE parent (id int PRIMARY KEY);
INSERT INTO parent SELECT generate_series(1, 10);
CREATE TABLE child (id int PRIMARY KEY, parent int);
INSERT INTO child SELECT g, g + 1 FROM generate_series(1, 10) g;
"""
MENDING = """
INSERT INTO filler VALUES (1);
UPDATE checked SET n = n + 1 WHERE x IS NULL;
UPDATE checked SET x = 5 WHERE x IS NULL;
ALTER TABLE checked ADD CONSTRAINT known CHECK (x IS NOT NULL);
UPDATE single SET n = n + 1;
UPDATE single SET x = id;
CREATE UNIQUE INDEX single_x ON single (x);
INSERT INTO parent VALUES (11);
ALTER TABLE child ADD CONSTRAINT adopted FOREIGN KEY (parent) REFERENCES parent;
"""
BUILT = """
SELECT conname FROM pg_constraint WHERE conname IN ('known', 'adopted') AND convalidated
UNION ALL SELECT relname FROM pg_class WHERE relname = 'single_x' ORDER BY 1
"""


@dataclass
class Stage:
    """Both servers, the mapping, its failures; and of which relations parts may be copied now, given their numbers."""

    source: Cluster
    destination: Cluster
    spec: MappingSpec
    memory: Memory
    may: Callable[[str, int], bool] = lambda relation, number: False

    def until_cut(self) -> None:
        """The snapshot is taken: what is written from now on is the backlog."""
        drive_until(self.spec, lambda seen: any(p.ledger.parts for p in seen.observation.databases), 60, self.memory)

    @contextmanager
    def apply_waits(self) -> Iterator[None]:
        """Stands for hours of other changes: apply waits at the backlog's first row. Once that row's table has its key."""
        key = "SELECT 1 FROM pg_index WHERE indrelid = to_regclass('filler')"

        def has_key(seen: Assessment) -> bool:
            return bool(seen.observation.databases and self.destination.execute(key, "shop"))

        drive_until(self.spec, has_key, 60, self.memory)
        with self.destination.connect("shop") as session, session.transaction(force_rollback=True):
            session.execute("INSERT INTO filler VALUES (1)")
            yield

    def until_waits(self, what: str) -> None:
        """Until nothing is left to do but what waits with these words."""

        def done(seen: Assessment) -> bool:
            waits = [wait for step in seen.decision.steps for wait in step.waits if what in wait.message]
            return bool(waits) and not list(seen.decision.actions)

        drive_until(self.spec, done, 60, self.memory)

    def end_equal(self) -> None:
        """To the light, with the same rows on both sides."""
        to_the_light(self.spec, 120)
        equal(Leg(self.spec, self.source, self.destination), ["shop"])


@pytest.fixture
def stage(cluster: Clusters, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    """16 to 18; nothing is copied until the test says what."""
    source, destination = cluster(16), cluster(18)
    source.execute("CREATE DATABASE shop")
    made = Stage(source, destination, by_snapshot(source, destination), Memory())
    copy = Parts.copy

    def copying(self: Parts, relation: str, number: int) -> Copied | None:
        return copy(self, relation, number) if made.may(relation, number) else None

    monkeypatch.setattr(Parts, "copy", copying)
    yield made


def applied_by_compare(stage: Stage) -> list[str]:
    """What `compare --apply` runs now."""
    said: list[str] = []
    seen, _ = mending.look(stage.spec)
    mending.mend(stage.spec, seen, lambda each, _: said.append(f"{each.kind} {each.identity}"))
    return said


def copied(seen: Assessment) -> dict[str, int]:
    """How many parts of each relation are in."""
    return {name: each.count.copied for p in seen.observation.databases for name, each in p.ledger.relations.items()}


@pytest.mark.parametrize("dropped", ["small", "plenty"])
def test_a_table_dropped_on_the_destination_in_mid_copy_is_copied_anew(stage: Stage, dropped: str) -> None:
    """`small` is finished, `plenty` half copied. It is made again, empty: what the ledger says of its parts is of the table before."""
    stage.source.execute(SMALL + PLENTY, "shop")
    stage.may = lambda relation, number: relation == "public.small" or number <= 3
    drive_until(stage.spec, lambda seen: copied(seen) == {"public.small": 1, "public.plenty": 3}, 60, stage.memory)
    stage.destination.execute(f"DROP TABLE {dropped} CASCADE", "shop")
    stage.may = lambda relation, number: True
    stage.end_equal()


def test_a_table_dropped_on_both_sides_in_mid_copy_is_waited_for_by_nobody(stage: Stage) -> None:
    """By a script for both servers, say, between two ticks: nothing asks for its parts any more, and nothing holds a snapshot for them."""
    stage.source.execute(SMALL + PLENTY, "shop")
    stage.may = lambda relation, number: number <= 3
    drive_until(stage.spec, lambda seen: copied(seen) == {"public.small": 1, "public.plenty": 3}, 60, stage.memory)
    for side in (stage.source, stage.destination):
        side.execute("DROP TABLE plenty", "shop")
    stage.end_equal()
    deadline = time.monotonic() + 20
    while held := stage.source.execute(
        "SELECT application_name FROM pg_stat_activity WHERE application_name ~ 'keeper'"
    ):
        assert time.monotonic() < deadline, held
        time.sleep(0.2)
    assert stage.destination.execute("SELECT DISTINCT relation FROM migrator.parts", "shop") == [("public.small",)]


def test_rows_changed_while_a_copier_stands_still_before_its_commit(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has looked at the source for the last time, and its session there is ended to make way for the ALTER TABLE."""
    stage.source.execute(SMALL, "shop")
    check, checks = copy_part._check, list[PartCopy]()

    def checking(reader: Wire, job: PartCopy) -> int:
        size = check(reader, job)
        checks.append(job)
        if len(checks) == 2:
            ours = "application_name LIKE 'pg-migrator copy_part%'"
            stage.source.execute(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {ours}")
            stage.source.execute("ALTER TABLE small ALTER body TYPE text USING upper(body)", "shop")
            perform(stage.spec, Work("copy_schema", "m", "shop", "pre_data"), stage.memory)
        return size

    monkeypatch.setattr(copy_part, "_check", checking)
    stage.may = lambda relation, number: True
    stage.end_equal()


def test_what_appears_in_mid_copy_is_built_after_what_was_written_before(stage: Stage) -> None:
    """Rows that were bad, were written to, and were mended before: apply would halt for ever at what they were in between."""
    stage.source.execute(CLEANED, "shop")
    stage.until_cut()
    assert applied_by_compare(stage) == [], "keys come after the rows"
    for sentence in MENDING.strip().splitlines():
        stage.source.execute(sentence, "shop")
    stage.may = lambda relation, number: True
    with stage.apply_waits():
        stage.until_waits("before has arrived")
        assert applied_by_compare(stage) == []
        assert stage.destination.execute(BUILT, "shop") == []
    stage.end_equal()
    assert stage.destination.execute(BUILT, "shop") == [("adopted",), ("known",), ("single_x",)]


def test_a_table_that_was_replicated_is_attached_after_what_was_written_before(stage: Stage) -> None:
    """A row that no partition may hold was taken out of it just before: apply would halt for ever at what came to that row."""
    stage.source.execute(
        "CREATE TABLE filler (id int PRIMARY KEY);"
        "CREATE TABLE event (id int, day int, n int, PRIMARY KEY (id, day), CHECK (n >= 0)) PARTITION BY RANGE (day);"
        "CREATE INDEX event_n ON event (n);"
        "CREATE TABLE event_1 PARTITION OF event FOR VALUES FROM (1) TO (2);"
        "CREATE TABLE event_2 (id int, day int, n int, PRIMARY KEY (id, day));"
        "INSERT INTO event_2 SELECT g, 2 + g % 2, g FROM generate_series(1, 100) g",
        "shop",
    )
    stage.until_cut()
    for sentence in (
        "INSERT INTO filler VALUES (1)",
        "UPDATE event_2 SET n = n + 1 WHERE day = 3",
        "DELETE FROM event_2 WHERE day = 3",
        "ALTER TABLE event_2 ADD CONSTRAINT event_n_check CHECK (n >= 0)",
        "ALTER TABLE event ATTACH PARTITION event_2 FOR VALUES FROM (2) TO (3)",
    ):
        stage.source.execute(sentence, "shop")
    stage.may = lambda relation, number: True
    attached = "SELECT inhparent::regclass::text FROM pg_inherits WHERE inhrelid = 'event_2'::regclass"
    with stage.apply_waits():
        stage.until_waits("before has arrived")
        assert applied_by_compare(stage) == []
        assert stage.destination.execute(attached, "shop") == []
    stage.end_equal()
    assert stage.destination.execute(attached, "shop") == [("event",)]


@pytest.mark.parametrize("how", ["DROP TABLE gone", "ALTER TABLE gone RENAME TO other"])
def test_a_table_whose_changes_are_on_their_way_is_not_to_be_dropped(stage: Stage, how: str) -> None:
    """It leaves its group when it is dropped or renamed on the source; apply halts at a change whose table is not there."""
    stage.source.execute("CREATE TABLE filler (id int PRIMARY KEY); CREATE TABLE gone (id int PRIMARY KEY)", "shop")
    stage.until_cut()
    stage.source.execute("INSERT INTO filler VALUES (1)", "shop")
    stage.source.execute("INSERT INTO gone VALUES (1)", "shop")
    stage.source.execute(how, "shop")
    stage.may = lambda relation, number: True

    def told(seen: Assessment) -> list[str]:
        about = [each for each in seen.decision.findings if "public.gone" in each.message + each.remedy]
        return [each.remedy for each in about if not each.remedy.startswith("Not yet: ")]

    with stage.apply_waits():
        early = drive_until(stage.spec, lambda seen: replicated(seen, "filler"), 60, stage.memory)
        for _ in range(5):
            assert told(early) == []
            early = drive_until(stage.spec, lambda seen: True, 60, stage.memory)
    late = drive_until(stage.spec, lambda seen: bool(told(seen)), 60, stage.memory)
    ((statement),) = told(late)
    assert "DROP TABLE public.gone;" in statement
    stage.destination.execute("DROP TABLE public.gone", "shop")
    stage.end_equal()
    assert stage.destination.execute("SELECT 1 FROM migrator.relations WHERE relation = 'public.gone'", "shop") == []


def replicated(seen: Assessment, table: str) -> bool:
    """Whether a subscription has the table."""
    return any(f"public.{table}" in each.relations for p in seen.observation.databases for each in p.subscriptions)
