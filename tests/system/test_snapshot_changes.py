"""Copy method snapshot: what people do on either side in mid-copy, and before the changes from that time have arrived."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from migrator.config import MappingSpec
from migrator.copying import copy_part
from migrator.copying.copy_part import Copied, PartCopy
from migrator.copying.wire import Wire
from migrator.copying.work import Parts
from migrator.machines.cluster import Cluster
from migrator.memory import Memory
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
