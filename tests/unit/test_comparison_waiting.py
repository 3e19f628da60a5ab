"""`compare` says of what must wait that it waits, and offers it to `--apply` no more than the phases would make it."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from migrator.comparison.discrepancy import Discrepancy, What
from migrator.comparison.schemas import discrepancies
from migrator.contents import SyncState
from migrator.model import Lsn
from migrator.phases.view import View
from migrator.records import Barrier, Ledger
from migrator.schema import Schema
from migrator.schema.table import Table
from tests import builders
from tests.unit.test_appeared import KNOWN, with_check
from tests.unit.test_foreign_keys import CHILD, PARENT, referenced_key, stage

__all__ = ["referenced_key"]


def missing(view: View) -> Discrepancy:
    (found,) = discrepancies(view, cutover_to_come=True)
    return found


def unlike(view: View, **fields: object) -> View:
    return replace(view, pair=replace(view.database, **fields))  # type: ignore[arg-type]


def test_a_foreign_key_between_groups_waits_for_the_barrier() -> None:
    found = missing(stage(2))
    assert not found.additive and found.expected is not None and "different groups" in found.expected
    assert missing(stage(1)).additive, "within one group"
    assert missing(stage(2, barrier=0x2000)).additive, "and once every group has passed the barrier"


@pytest.mark.parametrize("structure", [None, "", f"constraint:{KNOWN.oid}"])
def test_what_is_younger_than_the_backlog_waits_for_it(structure: str | None) -> None:
    """Seen and not yet noted, or noted at a position that its group has not confirmed."""
    found = missing(with_check(structure, 0x2001))
    assert not found.additive and found.expected is not None and "before has arrived" in found.expected
    assert missing(with_check(f"constraint:{KNOWN.oid}", 0x2000)).additive


def test_nothing_is_built_on_what_is_still_being_copied() -> None:
    """Under `snapshot` no subscription stands before the whole first copy is in."""
    for copying in (unlike(stage(1), subscriptions=()), in_state(SyncState.DATA_COPY)):
        found = missing(copying)
        assert not found.additive and found.expected is None
        assert found.note == f"waits until {PARENT if copying.database.subscriptions else CHILD} is copied"


def in_state(state: SyncState) -> View:
    """Of the referenced table."""
    view = stage(1)
    (subscription,) = view.database.subscriptions
    return unlike(view, subscriptions=(replace(subscription, relations={**subscription.relations, PARENT: state}),))


def test_without_a_migration_at_work_nothing_waits() -> None:
    """Before it began and after its end there is no ledger; and once everything has arrived, nothing is on its way."""
    begun = unlike(stage(2), subscriptions=())
    assert missing(unlike(begun, ledger=Ledger())).additive
    journal = begun.journal
    arrived = replace(journal, barrier=Barrier(Lsn(0x2000), builders.NOW, builders.NOW))
    assert missing(replace(begun, observation=replace(begun.observation, journal=arrived))).additive


def tree() -> Iterator[Table]:
    """A partitioned table, its default partition, and one more."""
    yield Table(1, "public", "t", "p", False, (), "RANGE (d)", None, None, (), "d", None, ())
    for oid, name, bound in ((2, "rest", "DEFAULT"), (3, "one", "FOR VALUES FROM (1) TO (2)")):
        yield Table(oid, "public", name, "r", True, ("public.t",), None, bound, None, (), "d", None, ())


def test_a_partition_beside_a_default_one_waits_to_be_attached() -> None:
    """Rows of its range may be on their way to the default partition."""
    view = stage(1)
    top, rest, one = tree()
    alone = replace(one, is_partition=False, parents=(), bound=None)
    entry = view.database.ledger.relations[CHILD]
    entries = {each.qualified: replace(entry, relation=each.qualified, target_oid=each.oid) for each in (rest, one)}
    (subscription,) = view.database.subscriptions
    ready = unlike(
        view,
        source_schema=Schema(tables=(top, rest, one)),
        target_schema=Schema(tables=(top, rest, alone)),
        ledger=replace(view.database.ledger, relations=entries),
        subscriptions=(replace(subscription, relations=dict.fromkeys(entries, SyncState.READY)),),
    )
    (found,) = (each for each in discrepancies(ready, cutover_to_come=True) if each.what is What.MISSING)
    assert (found.kind, found.additive) == ("partition", False)
    assert found.expected is not None and "before has arrived" in found.expected
