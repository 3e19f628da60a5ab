"""When a partition that is gone from the source may be dropped on the destination: only if every one of these holds."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from migrator.config import PartitionMaintenance
from migrator.contents import Publication, Subscription, SyncState
from migrator.model import Lsn
from migrator.observation import Scope
from migrator.phases import dropped, partitions
from migrator.phases.view import View
from migrator.records import Barrier, Identity, Intent, Journal, Ledger, LedgerGroup, LedgerRelation
from migrator.schema import Schema
from migrator.schema.table import Table
from tests import builders

HERE = Identity("1", 1)
NAME = "public.p"
PARENT = Table(1, "public", "t", "p", False, (), "RANGE (d)", None, None, (), "d", None, ())
PARTITION = Table(7, "public", "p", "r", True, ("public.t",), None, "FOR VALUES ...", None, (), "d", None, ())
ENTRY = LedgerRelation(NAME, 1, 42, 99, target_oid=7, gone_lsn=Lsn(0x1500))


def stage() -> View:
    """A partition that was dropped on the source, in the state in which it may be dropped on the destination."""
    group = builders.group()
    pair = replace(
        builders.pair("shop", 0),
        source_schema=Schema(tables=(PARENT,)),
        target_schema=Schema(tables=(PARENT, PARTITION)),
        publications=(Publication(group, 5, "1", {}),),
        ledger=Ledger(True, (LedgerGroup(1, group, 5, "1", True, 1, HERE, HERE),), {NAME: ENTRY}),
    )
    source = builders.instance(15, slots=(builders.slot(group, confirmed_flush_lsn=Lsn(0x2000)),))
    view = builders.view(pairs=(pair,), about=pair)
    journal = Journal(Intent.MIGRATE, HERE, HERE, None, None, None, False, ())
    return replace(
        view,
        spec=replace(view.spec, partition_maintenance=PartitionMaintenance.CREATE_AND_DROP),
        observation=replace(view.observation, journal=journal, source=source),
    )


def drops(view: View) -> list[str]:
    actions = dropped.examine(view).actions
    return [each.sql for action in actions for each in action.statements if each.sql.startswith("DROP TABLE")]


def with_entry(view: View, **fields: object) -> View:
    ledger = replace(view.database.ledger, relations={NAME: replace(ENTRY, **fields)})  # type: ignore[arg-type]
    return replace(view, pair=replace(view.database, ledger=ledger))


def with_source(view: View, table: Table) -> View:
    return replace(view, pair=replace(view.database, source_schema=Schema(tables=(PARENT, table))))


def with_target(view: View, table: Table) -> View:
    return replace(view, pair=replace(view.database, target_schema=Schema(tables=(PARENT, table))))


def test_it_is_dropped() -> None:
    assert drops(stage()) == [f"DROP TABLE {NAME}"]


REFUSED: dict[str, Callable[[View], View]] = {
    "the default": lambda view: replace(
        view, spec=replace(view.spec, partition_maintenance=PartitionMaintenance.CREATE)
    ),
    "another table in its place": lambda view: with_target(view, replace(PARTITION, oid=8)),
    "a ledger that does not say": lambda view: with_entry(view, target_oid=None),
    "no partition": lambda view: with_target(view, replace(PARTITION, is_partition=False, parents=())),
    "changes on their way": lambda view: with_entry(view, gone_lsn=Lsn(0x2001)),
    "not noted": lambda view: with_entry(view, gone_lsn=None),
    "renamed on the source": lambda view: with_source(view, replace(PARTITION, oid=42, name="q")),
    "made anew on the source": lambda view: with_source(view, replace(PARTITION, oid=43)),
    "another database": lambda view: replace(
        view, pair=replace(view.database, publications=(Publication(builders.group(), 6, "1", {}),))
    ),
    "the barrier": lambda view: replace(
        view,
        observation=replace(view.observation, journal=replace(view.journal, barrier=Barrier(Lsn(1), builders.NOW))),
    ),
    "a narrow look": lambda view: replace(view, observation=replace(view.observation, scope=Scope("shop", (NAME,)))),
    "a lost source": lambda view: replace(view, pair=replace(view.database, source_schema=None)),
}


@pytest.mark.parametrize("why", REFUSED)
def test_it_is_not_dropped(why: str) -> None:
    assert drops(REFUSED[why](stage())) == []


def test_a_copy_that_was_under_way_is_ended_first() -> None:
    view, name = stage(), builders.group()
    states = {NAME: SyncState.DATA_COPY}
    subscription = Subscription(name, 1, True, "u", name, (name,), 1, 0, 0, 0, None, True, states, {}, {})
    actions = dropped.examine(replace(view, pair=replace(view.database, subscriptions=(subscription,)))).actions
    places, note, refresh = (statement.sql for statement in actions[0].statements)
    assert "REFRESH PUBLICATION" in refresh
    # it begins whatever an admission that was stopped has published: unless that is noted first, it is broken for good
    assert "pg_publication_rel" in places and "SET publication_rel_oid" in note and "group_number = 1" in note


def test_a_group_that_is_spent_hides_nothing_of_the_others() -> None:
    """It lost its snapshot before anything of it was finished: its number stays in the ledger, its publication is gone."""
    view = stage()
    spent = LedgerGroup(2, builders.group(), None, None, False, None, HERE, HERE, method="snapshot", retired=True)
    ledger = replace(view.database.ledger, groups=(*view.database.ledger.groups, spent))
    assert drops(replace(view, pair=replace(view.database, ledger=ledger))) == drops(view) != []


def test_a_percent_sign_in_a_name_is_one_in_the_note() -> None:
    (statement,) = partitions.note(stage(), "gone_lsn", ['public."p100%"'], "note").statements[1:]
    assert statement.sql % {"position": "X"} == statement.sql.replace("%%", "%").replace("%(position)s", "X")
    assert "'public.\"p100%%\"'" in statement.sql
