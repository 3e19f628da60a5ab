"""What the destination is told to refuse only when all from before has arrived, and what at once."""

from dataclasses import replace

import pytest

from migrator.model import Lsn
from migrator.observation import Scope
from migrator.phases import appeared, pre_data, tightened
from migrator.phases.view import View
from migrator.schema import Schema
from migrator.schema.column import Column, NotNull
from migrator.schema.domain import Domain
from migrator.schema.table import Table
from tests.unit.test_foreign_keys import CHILD, TABLES, stage

PLAIN = Column("c", "integer", "", None, None, "", "", True, None, "", None, ())
STRICT = replace(PLAIN, not_null=NotNull())
FEW = Domain(7, "public", "few", "integer", "", None, False, None, ())
FEWER = replace(FEW, oid=8, name="fewer", base="public.few")
OF_FEW = replace(PLAIN, type="public.fewer")


def child(*columns: Column) -> Table:
    return replace(TABLES[0], columns=columns)


def seen(ours: Schema, theirs: Schema, noted: int | None, *, known: bool = True, left: bool = False) -> View:
    """The source's and the destination's; a position was `noted` for the source as it is, if that is `known`; 0x2000 is confirmed."""
    view = stage(1)
    ledger = view.database.ledger
    structure = appeared.structures(ours, [CHILD])[CHILD] if known else "columns:before"
    entry = replace(ledger.relations[CHILD], structure=structure, structure_lsn=None if noted is None else Lsn(noted))
    others = {name: each for name, each in ledger.relations.items() if name != CHILD}
    begun = {"left": {CHILD: replace(entry, group=0)}} if left else {"relations": {**others, CHILD: entry}}
    pair = replace(view.database, source_schema=ours, target_schema=theirs)
    pair = replace(pair, ledger=replace(ledger, **{"relations": others, **begun}))  # type: ignore[arg-type]
    return replace(view, pair=pair)


def mends(view: View) -> list[str]:
    return [each.remedy.partition(": ")[2] for each in pre_data.examine(view).findings]


def not_null(noted: int | None, *, known: bool = True, left: bool = False) -> View:
    ours, theirs = Schema(tables=(child(STRICT), TABLES[1])), Schema(tables=(child(PLAIN), TABLES[1]))
    return seen(ours, theirs, noted, known=known, left=left)


@pytest.mark.parametrize("noted", [None, 0x2000])
def test_it_is_told_when_all_from_before_has_arrived(noted: int | None) -> None:
    """Also where it was so when the relation began: then nothing was written without it."""
    assert mends(not_null(noted)) == [
        "ALTER TABLE public.child ALTER COLUMN c DROP DEFAULT, ALTER COLUMN c SET NOT NULL"
    ]
    assert tightened.examine(not_null(noted)).quiet


@pytest.mark.parametrize("left", [False, True])
def test_it_waits(left: bool) -> None:
    view = not_null(0x2001, left=left)
    assert mends(view) == []
    (wait,) = tightened.examine(view).waits
    assert "when all that was written before has arrived" in wait.message


@pytest.mark.parametrize("left", [False, True])
def test_it_is_noted_first(left: bool) -> None:
    view = not_null(0x1000, known=False, left=left)
    assert mends(view) == []
    (note,) = tightened.examine(view).actions
    assert note.relation is None and "structure_lsn = %(position)s" in note.statements[1].sql
    again = appeared.begun_again(view, [CHILD])
    assert len(again) == 2 and f"relation IN ('{CHILD}')" in again[1].sql
    assert appeared.begun_again(view, ["public.other"]) == ()


def test_a_narrow_look_tells_nothing_of_it() -> None:
    """It may not see the tables that a domain waits for: it would hold up what it is for by a finding that no other look has."""
    view = not_null(0x2000)
    narrow = replace(view.observation, scope=Scope("shop", (CHILD,)))
    assert mends(replace(view, observation=narrow)) == []
    assert tightened.examine(replace(view, observation=narrow)).quiet


def test_a_dropped_column_is_made_nullable_at_once() -> None:
    ours, theirs = Schema(tables=(child(), TABLES[1])), Schema(tables=(child(STRICT), TABLES[1]))
    assert mends(seen(ours, theirs, 0x2001)) == ["ALTER TABLE public.child ALTER COLUMN c DROP NOT NULL"]
    assert mends(seen(ours, theirs, 0x2000)) == ["ALTER TABLE public.child DROP column c"]
    nullable = Schema(tables=(child(PLAIN), TABLES[1]))
    assert mends(seen(ours, nullable, 0x2001)) == []


def test_another_type_does_not_wait_for_not_null() -> None:
    """Rows from after it need the type."""
    wide = replace(STRICT, type="bigint")
    ours, theirs = Schema(tables=(child(wide), TABLES[1])), Schema(tables=(child(PLAIN), TABLES[1]))
    (early,) = mends(seen(ours, theirs, 0x2001))
    assert "TYPE bigint" in early and "SET NOT NULL" not in early
    (late,) = mends(seen(ours, theirs, 0x2000))
    assert "TYPE bigint" in late and "SET NOT NULL" in late


@pytest.mark.parametrize("held", [{"not_null": True}, {"checks": (("positive", "CHECK (VALUE > 0)"),)}])
def test_a_domain_waits_for_the_tables_that_use_it(held: dict[str, object]) -> None:
    now = replace(FEW, **held)  # type: ignore[arg-type]
    tables = (child(OF_FEW), TABLES[1])
    ours, theirs = Schema(tables=tables, domains=(now, FEWER)), Schema(tables=tables, domains=(FEW, FEWER))
    assert mends(seen(ours, theirs, 0x2001)) == []
    assert len(mends(seen(ours, theirs, 0x2000))) == 1
    assert len(mends(seen(theirs, ours, 0x2001))) == 1, "what the source holds by now, and the destination does not"
    other = (child(PLAIN), TABLES[1])
    unused = Schema(tables=other, domains=(now, FEWER)), Schema(tables=other, domains=(FEW, FEWER))
    assert len(mends(seen(*unused, 0x2001))) == 1
