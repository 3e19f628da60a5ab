"""What a group's subscription waits for under copy method snapshot, and what it does not wait for for ever."""

from dataclasses import replace

import pytest

from migrator.config import WalBudgetAction
from migrator.contents import RelationSize
from migrator.model import Failure, Lsn
from migrator.observation import Hints
from migrator.phases import keys, late_subscription, wal_guard
from migrator.phases.view import View
from migrator.schema.index import Index
from tests import builders
from tests.unit.test_snapshot_phases import HALF, IN, OUT, group, name_of, stage

GB = 2**30
FAILED = {"keys:shop:public.t0": Failure("k", "no", keys.TRIES, builders.NOW)}


def index(*, primary: bool = False, replica_identity: bool = False, relation: str = "public.t0") -> Index:
    sql = f"CREATE INDEX i ON {relation} (a)"
    return Index(9, "public", "i", relation, False, sql, primary, replica_identity, True, None, (), None, ())


def without(missing: Index, view: View, failures: dict[str, Failure] | None = None) -> View:
    """The view with an index that only the source has."""
    schema = view.database.source_schema
    assert schema is not None
    pair = replace(view.database, source_schema=replace(schema, indexes=(missing,)))
    databases = replace(view.observation, databases=(pair,))
    return replace(view, pair=pair, observation=databases, hints=Hints(failures or {}))


def keeping(view: View, kept: int, safe: int | None = None, name: str = name_of(1)) -> View:
    """The view with so much WAL kept by a slot; `safe`: how much more max_slot_wal_keep_size allows."""
    slots = {slot.name: replace(slot, restart_lsn=Lsn(1000 * GB)) for slot in view.source.slots}
    slots[name] = builders.slot(name, restart_lsn=Lsn(1000 * GB - kept), safe_wal_size=safe)
    source = replace(view.source, slots=tuple(slots.values()), wal_lsn=Lsn(1000 * GB))
    limits = replace(view.spec.replication, wal_budget_gb=64)
    observation = replace(view.observation, source=source)
    return replace(view, observation=observation, spec=replace(view.spec, replication=limits))


def subscribes(view: View) -> bool:
    step = late_subscription.examine(view)
    assert bool(step.actions) is not bool(step.waits)
    return bool(step.actions)


def test_it_waits_for_every_index() -> None:
    assert not subscribes(without(index(), stage(IN)))
    assert subscribes(stage(IN))


def test_not_for_one_that_has_failed_again_and_again() -> None:
    once = {name: replace(failure, count=keys.TRIES - 1) for name, failure in FAILED.items()}
    assert not subscribes(without(index(), stage(IN, IN), once))
    assert subscribes(without(index(), stage(IN, IN), FAILED))
    assert not subscribes(without(index(relation="public.t1"), stage(IN, IN), FAILED)), "another relation's has not"


@pytest.mark.parametrize("needed", [index(primary=True), index(replica_identity=True)])
def test_always_for_what_tells_rows_apart(needed: Index) -> None:
    assert not subscribes(without(needed, stage(IN), FAILED))
    assert not subscribes(keeping(without(needed, stage(IN)), 60 * GB))


def test_a_replica_identity_is_always_set_first() -> None:
    view = stage(IN)
    schema = view.database.source_schema
    assert schema is not None
    full = replace(schema, tables=(replace(schema.tables[0], replica_identity="f"),))
    view = replace(view, pair=replace(view.database, source_schema=full), hints=Hints(FAILED))
    assert not subscribes(view)


@pytest.mark.parametrize(
    ("kept", "safe", "expected"),
    [(31 * GB, None, False), (33 * GB, None, True), (1 * GB, 2 * GB, False), (1 * GB, GB // 2, True)],
)
def test_not_for_indexes_where_half_of_the_wal_that_may_be_kept_is_used(
    kept: int, safe: int | None, expected: bool
) -> None:
    assert subscribes(keeping(without(index(), stage(IN)), kept, safe)) is expected


def test_another_groups_wal_is_no_reason_to_hurry() -> None:
    assert not subscribes(keeping(without(index(), stage(IN)), 60 * GB, name=name_of(2)))


def test_rows_are_waited_for_whatever_fails_or_is_kept() -> None:
    assert not subscribes(keeping(without(index(), stage(IN, HALF), FAILED), 60 * GB))


def test_of_very_many_relations_the_largest_are_begun(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keys, "MOST_RELATIONS", 2)
    view = stage(IN, IN, IN, IN)
    names = [f"public.t{number}" for number in range(4)]
    indexes = tuple(replace(index(relation=name), oid=90 + n, name=f"i{n}") for n, name in enumerate(names))
    assert view.database.source_schema is not None
    schema = replace(view.database.source_schema, indexes=indexes)
    sizes = {name: RelationSize(8192 * n, 1) for n, name in enumerate(names)}
    view = replace(view, pair=replace(view.database, source_schema=schema, sizes=sizes))
    step = keys.examine(view)
    assert [each.relation for each in step.actions] == ["public.t3", "public.t2"]
    assert len(step.waits) == 1 and not step.quiet
    failed = Failure("keys:shop:public.t3", "no", 3, builders.NOW)
    step = keys.examine(replace(view, hints=Hints({failed.key: failed})))
    begun = [each.relation for each in step.actions]
    assert begun == ["public.t3", "public.t2", "public.t1"], "what fails takes nobody's place"
    monkeypatch.setattr(keys, "MOST_RELATIONS", 5)
    assert len(keys.examine(view).actions) == 4


def test_a_slot_that_no_snapshot_was_noted_of_is_dropped_for_the_budget_and_nothing_is_given_up() -> None:
    """Its keeper died in between: nothing was copied under it, and the next keeper makes it anew."""
    view = keeping(stage(OUT, groups=(group(slot_created=False),), keepers=0), 65 * GB)
    limits = replace(view.spec.replication, wal_budget_action=WalBudgetAction.DROP_SLOT)
    view = replace(view, spec=replace(view.spec, replication=limits))
    assert wal_guard.actions(view, {name_of(1)}) == (), "it is being made"
    (slot,) = view.source.slots
    source = replace(view.source, slots=(replace(slot, active=False),))
    (drop,) = wal_guard.actions(replace(view, observation=replace(view.observation, source=source)), {name_of(1)})
    still, gone = (statement.sql for statement in drop.statements)
    assert "NOT slot_created" in still and drop.statements[0].keeps and "pg_drop_replication_slot" in gone
    assert "slot_dropped_at" not in still + gone


def test_a_group_that_was_given_up_before_it_had_its_snapshot_says_so() -> None:
    view = stage(OUT, groups=(group(slot_created=False, slot_dropped_at=builders.NOW),), keepers=0)
    (told,) = late_subscription.examine(view).findings
    assert told.code == "replication_broken" and "dropped as configured" in told.message
