"""Who is admitted when: many small relations at once, a bad one by itself, the rest of them never held up by it."""

from dataclasses import replace
from datetime import timedelta

import pytest

from migrator.contents import Publication, RelationSize, Subscription
from migrator.model import Failure
from migrator.observation import Hints
from migrator.phases import initial_copy
from migrator.phases.initial_copy import ADMISSION, SMALL_AT_ONCE
from migrator.phases.view import View
from migrator.records import Identity, Intent, Journal, Ledger, LedgerGroup, LedgerRelation
from migrator.schema import Schema
from migrator.schema.table import Table
from tests import builders

HERE = Identity("1", 1)


def table(number: int) -> Table:
    return Table(number, "public", f"t{number}", "r", False, (), None, None, None, (), "d", None, ())


def stage(count: int, begun: int = 0, failures: dict[str, int] | None = None) -> View:
    """So many small relations, some of them stopped half way; failures by the end of their keys, counted."""
    name, tables = builders.group(), tuple(table(number) for number in range(count))
    pair = replace(
        builders.pair("shop", 0),
        source_schema=Schema(tables=tables),
        sizes={each.qualified: RelationSize(8192, 1) for each in tables},
        publications=(Publication(name, 1, "1", {}),),
        subscriptions=(Subscription(name, 1, True, "u", name, (name,), 1, 0, 0, 0, None, True, {}, {}, {}),),
        ledger=Ledger(
            True,
            (LedgerGroup(1, name, 1, "1", True, 1, HERE, HERE),),
            {each.qualified: LedgerRelation(each.qualified, 1, each.oid, None) for each in tables[:begun]},
        ),
    )
    view = builders.view(pairs=(pair,), about=pair)
    journal = Journal(Intent.MIGRATE, HERE, HERE, None, None, None, False, ())
    keys = {f"initial_copy:shop:{ADMISSION}: {key}": number for key, number in (failures or {}).items()}
    later = builders.NOW + timedelta(seconds=2)
    hints = Hints({key: Failure(key, "no", number, later) for key, number in keys.items()})
    return replace(view, observation=replace(view.observation, journal=journal), hints=hints)


def batches(view: View) -> list[int]:
    """How many relations each action admits."""
    actions = initial_copy.examine(view).actions
    return [action.statements[0].sql.count("to_regclass(") for action in actions]


def test_small_relations_are_admitted_many_at_once() -> None:
    assert batches(stage(2_000)) == [SMALL_AT_ONCE]


@pytest.mark.parametrize(("failed", "size"), [(1, SMALL_AT_ONCE // 8), (2, SMALL_AT_ONCE // 64), (3, 1), (9, 1)])
def test_after_a_failure_the_batches_become_smaller(failed: int, size: int) -> None:
    assert batches(stage(2_000, failures={"512 at once": failed})) == [size]
    assert batches(stage(2_000, begun=512, failures={"512 at once": failed})) == [size]


def test_a_bad_relation_is_left_to_itself_and_the_others_go_on() -> None:
    known = {"512 at once": 1, "64 at once": 1, "8 at once": 1, "public.t0": 5}
    view = stage(2_000, begun=1, failures=known)
    assert batches(view) == [SMALL_AT_ONCE, 1]
    assert "public.t0'" in initial_copy.examine(view).actions[1].statements[0].sql


def test_an_old_failure_is_forgotten() -> None:
    view = stage(2_000, failures={"512 at once": 3})
    assert batches(replace(view, now=view.now + timedelta(seconds=600))) == [SMALL_AT_ONCE]
