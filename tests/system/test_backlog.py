"""DDL on the source while changes from before it are on their way; whoever follows the advice at once, as it is told, loses nothing."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

import pytest

from migrator.config import CopyMethod, MappingSpec
from migrator.copying.copy_part import Copied
from migrator.copying.work import Parts
from migrator.machines.cluster import Cluster
from migrator.memory import Memory
from migrator.steps import Finding, Side, Status
from migrator.tick.reconcile import Assessment
from tests.remedy import carry_out, statements
from tests.system.scenario import BY_EITHER, QUICK, checksums, drive_until, mapping, to_the_light

Clusters = Callable[..., Cluster]

ADVISED = (
    "schema_drift",
    "rows_rewritten",
    "object_extra",
    "relation_dropped",
    "relation_renamed",
    "replication_broken",
)

FILLER = "CREATE TABLE filler (id int PRIMARY KEY)"
TABLES = """
CREATE TABLE strict (id int PRIMARY KEY, x int);
CREATE DOMAIN few AS int;
CREATE DOMAIN fewer AS few;
CREATE TABLE held (id int PRIMARY KEY, v few, w fewer);
CREATE TABLE less (id int PRIMARY KEY, s text, gone int NOT NULL);
CREATE TABLE tree (id int PRIMARY KEY, x int) PARTITION BY RANGE (id);
CREATE TABLE tree_1 PARTITION OF tree FOR VALUES FROM (1) TO (100);
INSERT INTO strict SELECT g, g FROM generate_series(1, 50) g;
INSERT INTO less SELECT g, 's', g FROM generate_series(1, 50) g;
"""
TIGHTENING = """
INSERT INTO strict VALUES (101, NULL);
UPDATE strict SET x = 1 WHERE id = 101;
ALTER TABLE strict ALTER x SET NOT NULL;
INSERT INTO strict VALUES (102, 2);
INSERT INTO held VALUES (1, NULL, -1);
UPDATE held SET v = 1, w = 1;
ALTER DOMAIN few SET NOT NULL;
ALTER DOMAIN few ADD CONSTRAINT positive CHECK (VALUE > 0);
INSERT INTO held VALUES (2, 2, 2);
UPDATE less SET s = 'old', gone = 3 WHERE id < 5;
ALTER TABLE less DROP COLUMN s;
ALTER TABLE less DROP COLUMN gone;
INSERT INTO less VALUES (200);
INSERT INTO tree VALUES (1, NULL);
DELETE FROM tree;
ALTER TABLE tree ALTER x SET NOT NULL;
INSERT INTO tree VALUES (2, 2);
"""
DOUBLE = """
CREATE TABLE double (id int, b text);
ALTER TABLE double REPLICA IDENTITY FULL;
INSERT INTO double VALUES (1, 'a'), (1, 'b'), (2, 'c');
"""
KEY = """
INSERT INTO double VALUES (2, 'd'), (3, 'e');
UPDATE double SET b = b || '!';
DELETE FROM double WHERE b IN ('b!', 'd!');
ALTER TABLE double ADD PRIMARY KEY (id);
INSERT INTO double VALUES (4, 'f');
"""
LAST = "ALTER TABLE double REPLICA IDENTITY DEFAULT; UPDATE double SET b = 'last' WHERE id = 4"
NAMED = "CREATE TABLE named (id int PRIMARY KEY, s text); INSERT INTO named VALUES (1, 'a'), (2, 'b')"
RENAMING = """
UPDATE named SET s = 'old' WHERE id = 1;
ALTER TABLE named RENAME s TO z;
UPDATE named SET z = 'new' WHERE id = 2;
"""
CALLED = "CREATE TABLE called (id int PRIMARY KEY, s text); INSERT INTO called VALUES (1, 'a'), (2, 'b')"
CALLING = """
UPDATE called SET s = 'old' WHERE id = 1;
ALTER TABLE called RENAME TO another;
UPDATE another SET s = 'new' WHERE id = 2;
"""
MADE = "CREATE TABLE made (id int PRIMARY KEY, old text); INSERT INTO made VALUES (1, 'a'), (2, 'b')"
MAKING = """
UPDATE made SET old = 'x';
DROP TABLE made;
CREATE TABLE made (id int PRIMARY KEY, new text);
INSERT INTO made VALUES (1, 'n');
"""


@dataclass
class Stage:
    """Apply waits at the backlog's first row, while what is told is followed, each advice once."""

    source: Cluster
    destination: Cluster
    spec: MappingSpec
    memory: Memory = field(default_factory=Memory)
    copies: bool = True
    followed: set[str] = field(default_factory=set)

    def backlog(self, before: str, changes: str) -> None:
        """By snapshot: that is taken, and nothing is copied yet when the changes come. By subscription: they come at the light."""
        self.source.execute("CREATE DATABASE shop")
        self.source.execute(f"{FILLER}; {before}", "shop")
        if self.spec.copy_method is CopyMethod.SNAPSHOT:
            self.copies = False
            self.until(lambda seen: any(p.ledger.parts for p in seen.observation.databases))
            self._change(changes)
            self.copies = True
            with self._apply_waits():
                self._ticks(8)
        else:
            to_the_light(self.spec)
            with self._apply_waits():
                self._change(changes)
                self._ticks(4)

    def end_equal(self) -> None:
        """At the light, and with nothing more to be followed: a table that is gone on the source holds no light back."""
        self.until(
            lambda seen: seen.status is Status.CUTOVER_READY and not any(map(_is_advice, seen.decision.findings))
        )
        assert checksums(self.source, "shop") == checksums(self.destination, "shop")

    def until(self, done: Callable[[Assessment], bool]) -> Assessment:
        return drive_until(self.spec, lambda seen: self._follow(seen) and done(seen), 150, self.memory)

    def _change(self, changes: str) -> None:
        self.source.execute("INSERT INTO filler VALUES (1)", "shop")
        for sentence in filter(None, map(str.strip, changes.split(";"))):
            self.source.execute(sentence, "shop")

    @contextmanager
    def _apply_waits(self) -> Iterator[None]:
        """Once the table that it waits at has its key."""
        key = "SELECT 1 FROM pg_index WHERE indrelid = to_regclass('filler')"
        self.until(lambda seen: bool(self.destination.execute(key, "shop")))
        with self.destination.connect("shop") as session, session.transaction(force_rollback=True):
            session.execute("INSERT INTO filler VALUES (1)")
            yield

    def _ticks(self, number: int) -> None:
        for _ in range(number):
            self.until(lambda seen: True)

    def _follow(self, seen: Assessment) -> bool:
        for finding in seen.decision.findings:
            new = _is_advice(finding) and finding.remedy not in self.followed
            if new and statements(finding.remedy) and not finding.remedy.startswith("Not yet"):
                self.followed.add(finding.remedy)
                carry_out(finding, {Side.SOURCE: self.source, Side.DESTINATION: self.destination}, "shop")
        return True


def _is_advice(finding: Finding) -> bool:
    return finding.code in ADVISED


@pytest.fixture(params=BY_EITHER)
def stage(cluster: Clusters, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Stage:
    source, destination = cluster(16), cluster(18)
    spec = mapping(source, destination, copy_method=request.param, replication=replace(QUICK, part_mb=0.1))
    made, copy = Stage(source, destination, spec), Parts.copy

    def copying(self: Parts, relation: str, number: int) -> Copied | None:
        return copy(self, relation, number) if made.copies else None

    monkeypatch.setattr(Parts, "copy", copying)
    return made


def test_what_refuses_more_follows_after_what_was_written_before(stage: Stage) -> None:
    """A NULL, a value that a domain does not hold any more, a column that is gone: apply would halt at each."""
    stage.backlog(TABLES, TIGHTENING)
    stage.end_equal()
    strict = "SELECT count(*) FROM pg_attribute WHERE attname = 'x' AND attnotnull"
    held = "SELECT conname FROM pg_constraint WHERE contypid = 'few'::regtype AND contype = 'c'"
    gone = "SELECT count(*) FROM pg_attribute WHERE attrelid = 'less'::regclass AND attname IN ('s', 'gone')"
    assert stage.destination.execute(strict, "shop") == [(3,)]
    assert stage.destination.execute(held, "shop") == [("positive",)]
    assert stage.destination.execute(gone, "shop") == [(0,)]


def test_a_key_that_is_new_is_built_after_what_was_written_before(stage: Stage) -> None:
    """Rows that were copied, or are on their way, had it twice. Then rows are found by it alone."""
    stage.backlog(DOUBLE, KEY)
    stage.end_equal()
    key = "SELECT indisprimary FROM pg_index WHERE indrelid = 'double'::regclass"
    assert stage.destination.execute(key, "shop") == [(True,)]
    for sentence in LAST.split("; "):
        stage.source.execute(sentence, "shop")
    stage.end_equal()


def test_a_column_gets_its_other_name_when_apply_comes_to_it(stage: Stage) -> None:
    stage.backlog(NAMED, RENAMING)
    stage.end_equal()


@pytest.mark.parametrize(("before", "changes"), [(CALLED, CALLING), (MADE, MAKING)], ids=["renamed", "made anew"])
def test_a_table_of_another_name_or_of_the_same(stage: Stage, before: str, changes: str) -> None:
    """Renamed, or dropped here, too early, it is missed by what was written to it before."""
    stage.backlog(before, changes)
    stage.end_equal()
