"""Copy method snapshot, decided: what must never be asked for, since rows would be lost or doubled without a sign."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta

import pytest

from migrator.config import CopyMethod, InstanceSpec
from migrator.contents import Publication, RelationSize, Subscription
from migrator.machines.ports import free_port
from migrator.memory import Memory
from migrator.model import Failure, Lsn
from migrator.names import group_name
from migrator.observation import Hints
from migrator.phases import failing, giving_up, keys, late_subscription, membership, snapshot_copy
from migrator.phases.view import View
from migrator.records import (
    Backend,
    Identity,
    Intent,
    Journal,
    Ledger,
    LedgerGroup,
    LedgerKeeper,
    LedgerRelation,
    OpenPart,
    PartCount,
)
from migrator.schema import Schema
from migrator.schema.table import Table
from migrator.steps import Action, CopyPart, KeepSnapshot, Step
from migrator.tasks.jobs import keep
from migrator.work import work_for
from tests import builders

ENDS = Identity(builders.SOURCE_SYSTEM, 1), Identity(builders.DESTINATION_SYSTEM, 1)
ALIVE = Backend(77, builders.NOW)
IN, HALF, OUT = PartCount(2, 2, 100, 10), PartCount(2, 1, 50, 5), PartCount()


def name_of(number: int) -> str:
    return group_name(builders.MAPPING, builders.DESTINATION_SYSTEM, "shop", number)


def table(number: int) -> Table:
    return Table(number, "public", f"t{number}", "r", False, (), None, None, None, (), "d", None, ())


def group(number: int = 1, **fields: object) -> LedgerGroup:
    """A group whose slot is made."""
    plain = LedgerGroup(number, name_of(number), number, "1", True, None, *ENDS, method="snapshot")
    return replace(plain, **fields)  # type: ignore[arg-type]


def stage(
    *counts: PartCount,
    groups: tuple[LedgerGroup, ...] = (group(),),
    published: Iterable[int] | None = None,
    keepers: int = 1,
    new: int = 0,
) -> View:
    """Relations t0, t1, ... of group 1 with these parts, `new` more that no group has; `published`: their numbers."""
    number = len(counts)
    tables = tuple(table(each) for each in range(number + new))
    entries = {
        t.qualified: LedgerRelation(t.qualified, 1, t.oid, 100 + t.oid, target_oid=t.oid, count=c)
        for t, c in zip(tables, counts, strict=False)
    }
    members = {f"public.t{each}": (each, 100 + each) for each in (range(number) if published is None else published)}
    open_parts = tuple(OpenPart(1, name, 2) for name, entry in entries.items() if not entry.count.finished)
    seats = tuple(LedgerKeeper(1, seat, "snap", ALIVE) for seat in ("1", "2")[:keepers])
    pair = replace(
        builders.pair("shop", 0),
        source_schema=Schema(tables=tables),
        target_schema=Schema(tables=tables),
        sizes={each.qualified: RelationSize(8192, 1) for each in tables},
        publications=(Publication(name_of(1), 1, "1", members),),
        ledger=Ledger(True, groups, entries, parts=open_parts, keepers=seats),
        backends=frozenset({ALIVE}) if keepers else frozenset(),
    )
    source = builders.instance(slots=tuple(builders.slot(each.name) for each in groups if each.slot_created))
    view = builders.view(source, pairs=(pair,), about=pair, copy_method=CopyMethod.SNAPSHOT)
    journal = Journal(Intent.MIGRATE, *ENDS, None, None, None, False, ())
    return replace(view, observation=replace(view.observation, journal=journal))


def summaries(step: Step) -> list[str]:
    return [action.summary for action in step.actions]


def of_kind(step: Step, start: str) -> list[Action]:
    return [action for action in step.actions if action.summary.startswith(start)]


def sql(actions: Iterable[Action]) -> str:
    return "\n".join(statement.sql for action in actions for statement in action.statements)


def test_a_subscription_is_made_when_all_is_in_and_asks_both_sides_once_more() -> None:
    (create,) = late_subscription.examine(stage(IN, IN)).actions
    assert create.summary == f"create subscription {name_of(1)}"
    first, second, third, *_ = create.statements
    assert first.keeps == ("same",) and "pg_publication_tables" in first.sql and "ARRAY[0, 1]::oid[]" in first.sql
    assert "p.oid = 1" in first.sql
    assert second.keeps == ("filled",) and "IS DISTINCT FROM coalesce(target_oid" in second.sql
    assert "copy_data = false" in third.sql


@pytest.mark.parametrize("counts", [(IN, HALF), (OUT, IN), (HALF,)])
def test_no_subscription_while_a_part_is_not_in(counts: tuple[PartCount, ...]) -> None:
    step = late_subscription.examine(stage(*counts))
    assert not step.actions and step.waits


@pytest.mark.parametrize("published", [(0,), (0, 1, 2), (0, 2), ()])
def test_no_subscription_while_the_publication_holds_anything_else(published: tuple[int, ...]) -> None:
    step = late_subscription.examine(stage(IN, IN, published=published, new=1))
    assert not step.actions and step.waits


def test_no_subscription_before_the_places_in_the_publication_are_known() -> None:
    view = stage(IN)
    entry = replace(view.database.ledger.relations["public.t0"], publication_rel_oid=None)
    ledger = replace(view.database.ledger, relations={"public.t0": entry})
    assert not late_subscription.examine(replace(view, pair=replace(view.database, ledger=ledger))).actions


def test_no_subscription_where_the_slot_is_gone_or_the_publication_another() -> None:
    view = stage(IN)
    gone = replace(view, observation=replace(view.observation, source=builders.instance()))
    step = late_subscription.examine(gone)
    assert not step.actions and step.blocked
    other = replace(view.database, publications=(Publication(name_of(1), 9, "1", {"public.t0": (0, 100)}),))
    step = membership.examine(replace(view, pair=other))
    assert not step.actions and [each.code for each in step.findings] == ["replication_broken"]


def test_a_group_is_given_up_only_when_no_keeper_lives() -> None:
    assert not of_kind(snapshot_copy.examine(stage(HALF, keepers=1)), "give up")
    (retire,) = snapshot_copy.examine(stage(HALF, IN, keepers=0)).actions
    assert retire.summary.startswith(f"give up the snapshot of {name_of(1)}")
    ask, lock, *rest = retire.statements
    assert ask.keeps == ("lost",) and "pg_stat_activity" in ask.sql
    assert "FOR UPDATE" in lock.sql
    assert "p.copied_at IS NULL" in rest[-1].sql, "what is finished stays"


def test_that_no_keeper_lives_is_asked_again_of_each_that_was_known() -> None:
    view = stage(HALF, keepers=2)
    dead = replace(view, pair=replace(view.database, backends=frozenset()))
    (retire,) = snapshot_copy.examine(dead).actions
    assert retire.statements[0].sql.count("pid = 77") == 2


def test_a_group_all_of_whose_relations_are_in_needs_no_keeper() -> None:
    assert not snapshot_copy.examine(stage(IN, IN, keepers=0)).actions


def test_the_slot_is_made_only_where_none_was_recorded() -> None:
    (first,) = snapshot_copy.examine(stage(OUT, groups=(group(slot_created=False),), keepers=0)).actions
    assert first.job == KeepSnapshot(1, "1", makes=True)
    for view in (stage(HALF, keepers=1), stage(HALF, keepers=0), stage(OUT, keepers=0)):
        jobs = [action.job for action in snapshot_copy.examine(view).actions]
        assert not [job for job in jobs if isinstance(job, KeepSnapshot) and job.makes]


def test_no_slot_before_its_publication_holds_everything() -> None:
    unmade = (group(slot_created=False),)
    assert not snapshot_copy.examine(stage(OUT, OUT, groups=unmade, published=(0,), keepers=0)).actions
    (add,) = membership.examine(stage(OUT, OUT, groups=unmade, published=(0,), keepers=0)).actions
    assert add.summary == f"add to publication {name_of(1)}: public.t1"


@pytest.mark.parametrize("counts", [(IN, IN), (HALF, IN), (OUT, OUT)])
def test_nothing_is_added_to_a_publication_between_its_slot_and_its_subscription(counts: tuple[PartCount, ...]) -> None:
    """Neither what the ledger has and the publication lacks, nor what is new: that begins a group of its own."""
    step = membership.examine(stage(*counts, published=(0,), new=1))
    assert "ADD TABLE" not in sql(step.actions)
    (assign,) = step.actions
    assert assign.summary == "assign 1 relation to 1 group" and "'public.t2', 2, 2," in sql([assign])


def test_what_belongs_to_nobody_is_taken_out_of_the_publication() -> None:
    (drop,) = membership.examine(stage(IN, published=(0, 1))).actions
    assert "DROP TABLE ONLY public.t1" in sql([drop]) or "DROP TABLE public.t1" in sql([drop])


def test_a_finished_relation_stays_with_a_group_that_lost_its_snapshot() -> None:
    """It is neither assigned anew nor taken out, and the group gets its subscription."""
    view = stage(IN, IN, groups=(group(retired=True),), keepers=0, new=1)
    (assign,) = membership.examine(view).actions
    assert "public.t0" not in sql([assign]) and "'public.t2', 2, 2," in sql([assign])
    (create,) = late_subscription.examine(view).actions
    assert create.summary == f"create subscription {name_of(1)}"


def test_of_a_group_that_brought_nothing_slot_and_publication_go_and_the_number_stays() -> None:
    view = stage(groups=(group(retired=True),), keepers=0, new=1)
    assign, clear = membership.examine(view).actions
    assert "'public.t0', 2, 0," in sql([assign])
    assert clear.statements[0].keeps == ("spent",)
    assert "DELETE" not in sql([clear])


def test_a_table_made_anew_under_its_name_leaves_its_group() -> None:
    view = stage(HALF, IN)
    found = (Publication(name_of(1), 1, "1", {"public.t0": (4711, 100), "public.t1": (1, 101)}),)
    step = snapshot_copy.examine(replace(view, pair=replace(view.database, publications=found)))
    assert "take public.t0 out of its group: it was altered on the source" in summaries(step)


@pytest.mark.parametrize("count", [IN, HALF])
def test_a_table_made_again_on_the_destination_leaves_its_group(count: PartCount) -> None:
    """It lacks what the ledger says was copied; also where it is not made again yet."""
    view = stage(count, IN)
    for tables in ((replace(table(0), oid=4711), table(1)), (table(1),)):
        made_again = replace(view, pair=replace(view.database, target_schema=Schema(tables=tables)))
        assert len(of_kind(snapshot_copy.examine(made_again), "take public.t0 out of its group")) == 1
        assert not late_subscription.examine(made_again).actions
    unread = replace(view, pair=replace(view.database, target_schema=None))
    assert not of_kind(snapshot_copy.examine(unread), "take")


def test_what_cannot_be_copied_leaves_when_nothing_else_is_left_to_do() -> None:
    bad = {"initial_copy:shop:public.t0": Failure("k", "no", 3, builders.NOW)}
    only = replace(stage(HALF, IN), hints=Hints(bad))
    assert "take public.t0 out of its group: it cannot be copied" in summaries(snapshot_copy.examine(only))
    others = replace(stage(HALF, HALF), hints=Hints(bad))
    assert not of_kind(snapshot_copy.examine(others), "take")
    alone = replace(stage(HALF), hints=Hints(bad))
    assert not of_kind(snapshot_copy.examine(alone), "take"), "it would begin again for ever"


def test_parts_are_handed_out_of_what_is_open_only() -> None:
    jobs = [action for action in snapshot_copy.examine(stage(HALF, IN)).actions if isinstance(action.job, CopyPart)]
    assert [(each.relation, each.job) for each in jobs] == [("public.t0", CopyPart(1, 2))]


def test_keys_come_after_the_rows_and_before_the_subscription() -> None:
    assert keys.deferred(stage(IN, HALF)) == {"public.t0", "public.t1"}
    applied = (group(subscription_oid=5),)
    assert keys.deferred(stage(IN, HALF, groups=applied)) == frozenset()


def test_under_apply_small_new_relations_join_and_nothing_more_is_copied_by_us() -> None:
    view = stage(IN, groups=(group(subscription_oid=1),), new=1)
    there = Subscription(name_of(1), 1, True, "u", name_of(1), (name_of(1),), 1, 0, 0, 0, None, True, {}, {}, {})
    view = replace(view, pair=replace(view.database, subscriptions=(there,)))
    assert membership.joins(view, "public.t1")
    assert late_subscription.examine(view).quiet, "who joins is admitted after this step: it must not gate that"
    assert not snapshot_copy.examine(view).actions
    old = replace(view, observation=replace(view.observation, source=replace(view.source, version=17_00_04)))
    assert membership.joins(old, "public.t1") is None, "the source might pass over its changes from then on"
    assert [action.summary for action in membership.examine(old).actions] == ["assign 1 relation to 1 group"]


def test_a_keepers_failure_is_its_actions() -> None:
    """It is in backoff and told like any other, though a task without an action of its own has failed."""
    view, memory = stage(HALF, keepers=0, groups=(group(slot_created=False),)), Memory()
    nobody = InstanceSpec("old", "127.0.0.1", port=free_port())
    spec = builders.mapping_spec(source=nobody, destination=replace(nobody, name="new"))
    step = snapshot_copy.examine(view)
    (action,) = step.actions
    for _ in range(3):
        assert keep(spec, work_for(spec.name, step, action), memory, lambda entry: None).failed == 1
    (failure,) = memory.failures(spec.name).values()
    now = failure.next_try_at - timedelta(seconds=1)
    held = failing.held_back(spec.name, step, Hints(memory.failures(spec.name)), now)
    assert not held.actions
    (told,) = held.findings
    assert told.code == "action_failed" and told.blocking and "3 tries" in told.message


def test_that_no_worker_would_hold_a_snapshot_is_told() -> None:
    wanting = stage(OUT, keepers=0, groups=(group(slot_created=False),))
    (told,) = snapshot_copy.examine(replace(wanting, hints=Hints(keeper_slots=0))).findings
    assert told.code == "keepers_missing" and told.blocking and "worker --queues keepers" in told.remedy
    (held,) = snapshot_copy.examine(replace(stage(HALF, keepers=1), hints=Hints(keeper_slots=0))).findings
    assert held.code == "keepers_missing" and not held.blocking
    for quiet in (replace(wanting, hints=Hints(keeper_slots=16)), wanting):
        assert not snapshot_copy.examine(quiet).findings
    done = replace(stage(IN, keepers=0), hints=Hints(keeper_slots=0))
    assert not snapshot_copy.examine(done).findings


def test_no_subscription_on_a_slot_that_does_not_begin_where_the_rows_end() -> None:
    """Made anew, or moved by somebody: the changes in between would be missing, and nothing would show it."""
    begin = stage(IN).source.slot(name_of(1))
    assert begin is not None and begin.confirmed_flush_lsn is not None
    same = stage(IN, groups=(group(snapshot_lsn=begin.confirmed_flush_lsn),))
    (create,) = late_subscription.examine(same).actions
    assert f"confirmed_flush_lsn = '{begin.confirmed_flush_lsn}'" in create.statements[0].sql
    other = late_subscription.examine(stage(IN, groups=(group(snapshot_lsn=Lsn(begin.confirmed_flush_lsn - 8)),)))
    assert not other.actions and [each.code for each in other.findings] == ["replication_broken"]


def test_nothing_leaves_a_group_whose_subscription_is_made_and_not_yet_recorded() -> None:
    view = stage(IN)
    found = (Publication(name_of(1), 1, "1", {"public.t0": (4711, 100)}),)
    altered = replace(view.database, publications=found)
    assert of_kind(snapshot_copy.examine(replace(view, pair=altered)), "take public.t0 out of its group")
    made = Subscription(name_of(1), 1, True, "u", name_of(1), (name_of(1),), 1, 0, 0, 0, None, True, {}, {}, {})
    assert not snapshot_copy.examine(replace(view, pair=replace(altered, subscriptions=(made,)))).actions


def test_a_table_named_like_our_quote_leaves_its_group() -> None:
    text = giving_up.removal("m", 1, "r.relation = 'public.\"x$migrator$\"'")
    assert text.startswith("DO $migrator_$") and text.endswith("$migrator_$") and text.count("$migrator_$") == 2


def test_a_used_up_wal_budget_does_not_keep_a_copy_from_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the end of the copy lets the slot go on; a new snapshot is not begun meanwhile."""
    monkeypatch.setattr("migrator.phases.wal_budget.pauses", lambda view: True)
    assert of_kind(snapshot_copy.examine(stage(HALF)), "copy part")
    assert not snapshot_copy.examine(stage(HALF, groups=(group(slot_created=False),), keepers=0)).actions


def test_of_a_group_given_up_for_the_wal_budget_nothing_more_is_copied() -> None:
    """The slot may stand for a moment still: no subscription is made on it, and it is told whose word it was."""
    given_up = group(slot_dropped_at=builders.NOW)
    view = stage(IN, HALF, groups=(given_up,), keepers=0)
    assert snapshot_copy.examine(view).actions == ()
    step = late_subscription.examine(view)
    assert step.actions == ()
    (finding,) = step.findings
    assert finding.code == "replication_broken"
    assert "dropped as configured" in finding.message and "nothing more" in finding.message


@pytest.mark.parametrize("status", ["lost", None])
def test_nothing_is_copied_under_a_slot_that_can_bring_no_changes(status: str | None) -> None:
    """None: it is gone."""
    view = stage(IN, HALF)
    (slot,) = view.source.slots
    slots = (replace(slot, wal_status=status),) if status else ()
    seen = replace(view.observation, source=replace(view.source, slots=slots))
    view = replace(view, observation=seen)
    assert snapshot_copy.examine(view).actions == ()
    assert [finding.code for finding in late_subscription.examine(view).findings] == ["replication_broken"]


def test_a_table_dropped_on_the_source_leaves_its_group_and_does_not_stop_it() -> None:
    """It is out of the publication by itself, so that this does not hold what the ledger says."""
    view = stage(HALF, HALF, published=(1,))
    schema = view.database.source_schema
    assert schema is not None
    view = replace(view, pair=replace(view.database, source_schema=replace(schema, tables=schema.tables[1:])))
    step = snapshot_copy.examine(view)
    assert len(of_kind(step, "take public.t0 out of its group")) == 1
    assert of_kind(step, "copy part 2 of public.t1")
