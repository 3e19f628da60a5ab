"""Statistics, decided: when a copied relation is analyzed, and where VACUUM comes with it."""

from dataclasses import replace

from migrator.config import CopyMethod
from migrator.contents import RelationSize, Subscription, SyncState
from migrator.phases import analyze, keys
from migrator.phases.view import View
from migrator.records import Identity, Ledger, LedgerGroup, LedgerRelation, PartCount
from migrator.schema import Schema
from migrator.schema.definition import Definition
from migrator.schema.table import Table
from migrator.steps import Step
from tests import builders

TABLE = Table(7, "public", "t", "r", False, (), None, None, None, (), "d", None, ())
STATISTICS = Definition(
    "statistics", "public.s", "statistic_ext:9", ("CREATE STATISTICS ...",), "", True, TABLE.qualified
)
ENDS = Identity(builders.SOURCE_SYSTEM, 1), Identity(builders.DESTINATION_SYSTEM, 1)


def stage(count: PartCount, size: int = 8192, *, analyzed: bool = False, extended: bool = False) -> View:
    """One relation that was copied by snapshot in so many parts, not under apply yet."""
    source = Schema(tables=(TABLE,), definitions=(STATISTICS,) if extended else ())
    group = LedgerGroup(1, "g", 1, "1", True, None, *ENDS, method="snapshot")
    entry = LedgerRelation(TABLE.qualified, 1, TABLE.oid, 8, count=count, analyzed=analyzed)
    pair = replace(
        builders.pair("shop", 0),
        source_schema=source,
        target_schema=Schema(tables=(TABLE,)),
        sizes={TABLE.qualified: RelationSize(size, 1)},
        ledger=Ledger(True, (group,), {TABLE.qualified: entry}),
    )
    return builders.view(pairs=(pair,), about=pair, copy_method=CopyMethod.SNAPSHOT)


def under_apply(view: View, *, copies: bool = False) -> View:
    """The same, replicated and ready; `copies`: another relation is not."""
    states = {TABLE.qualified: SyncState.READY}
    there = Subscription("g", 1, True, "u", "g", ("g",), 1, 0, 0, 0, None, True, states, {}, {}, copies=copies)
    ledger = view.database.ledger
    noted = replace(ledger, groups=tuple(replace(group, subscription_oid=1) for group in ledger.groups))
    return replace(view, pair=replace(view.database, subscriptions=(there,), ledger=noted))


def said(step: Step) -> list[str]:
    return [action.summary for action in step.actions]


IN_ONE, IN_TWO, OPEN = PartCount(1, 1, 100, 10), PartCount(2, 2, 100, 10), PartCount(2, 1, 50, 5)


def test_analyzed_as_soon_as_rows_and_indexes_are_in_and_only_once() -> None:
    assert said(keys.examine(stage(IN_ONE))) == ["analyze public.t"]
    assert said(keys.examine(stage(IN_TWO))) == ["analyze public.t"]
    assert said(keys.examine(stage(OPEN))) == []
    assert said(keys.examine(stage(IN_ONE, analyzed=True))) == []


def test_what_a_statistics_object_needs_waits_for_it() -> None:
    view = stage(IN_ONE, extended=True)
    assert said(keys.examine(view)) == []
    assert said(analyze.examine(under_apply(view))) == ["analyze public.t"]


def test_vacuum_where_rows_were_not_written_frozen_once_no_copy_can_be_open() -> None:
    large = analyze.VACUUM_BYTES
    assert said(keys.examine(stage(IN_TWO, large))) == []
    (action,) = analyze.examine(under_apply(stage(IN_TWO, large))).actions
    vacuum, note = action.statements
    assert vacuum.sql == "VACUUM (ANALYZE) public.t" and not vacuum.transactional
    assert "analyzed_at" in note.sql
    tablesync = under_apply(stage(PartCount(), large))
    assert said(analyze.examine(tablesync)) == ["vacuum and analyze public.t"]


def test_no_vacuum_while_a_copy_may_be_open() -> None:
    step = analyze.examine(under_apply(stage(IN_TWO, analyze.VACUUM_BYTES), copies=True))
    assert not step.actions and step.waits


def test_no_vacuum_of_what_was_frozen_or_is_small() -> None:
    assert said(analyze.examine(under_apply(stage(IN_ONE, analyze.VACUUM_BYTES)))) == ["analyze public.t"]
    assert said(analyze.examine(under_apply(stage(IN_TWO)))) == ["analyze public.t"]
    assert said(analyze.examine(under_apply(stage(IN_TWO, analyzed=True)))) == []
