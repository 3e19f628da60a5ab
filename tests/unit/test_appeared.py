"""What may be built under apply at once: what stood on the source when its relation began, and what apply has passed since."""

from dataclasses import replace

import pytest

from migrator.model import Lsn
from migrator.phases import appeared, post_data
from migrator.phases.view import View
from migrator.schema import Schema
from migrator.schema.constraint import CHECK, Constraint
from migrator.schema.table import Table
from tests.unit.test_foreign_keys import CHILD, TABLES, stage

KNOWN = Constraint(77, CHILD, "known", CHECK, False, "CHECK (p > 0)", True, True, True, False, None, None)


def with_check(structure: str | None, noted: int | None = None) -> View:
    """The check is on the source only; its relation's group has confirmed 0x2000."""
    view = stage(1)
    ledger = view.database.ledger
    entry = replace(ledger.relations[CHILD], structure=structure, structure_lsn=None if noted is None else Lsn(noted))
    pair = replace(
        view.database,
        source_schema=Schema(tables=TABLES, constraints=(KNOWN,)),
        ledger=replace(ledger, relations={**ledger.relations, CHILD: entry}),
    )
    return replace(view, pair=pair)


@pytest.mark.parametrize("noted", [None, 0x1FFF, 0x2000])
def test_it_is_built(noted: int | None) -> None:
    step = post_data.examine(with_check("index:1 constraint:77", noted))
    assert [each.summary for each in step.actions][:1] == ["add constraint known on public.child"]


def test_it_waits_for_changes_from_before() -> None:
    step = post_data.examine(with_check("constraint:77", 0x2001))
    assert not step.actions and [each.relation for each in step.waits] == [CHILD]


@pytest.mark.parametrize("structure", [None, "", "constraint:7 constraint:770 index:77"])
def test_what_is_new_is_noted_first_with_a_position_from_after_it_was_seen(structure: str | None) -> None:
    (note,) = post_data.examine(with_check(structure, 0x1000)).actions
    position, update = note.statements
    assert position.keeps == ("position",) and "structure_lsn = %(position)s" in update.sql
    assert "('public.child', 'constraint:77 columns:" in update.sql


def test_a_partition_has_what_the_tables_above_it_have() -> None:
    top = Table(1, "public", "t", "p", False, (), "RANGE (d)", None, None, (), "d", None, ())
    leaf = Table(2, "public", "p", "r", True, ("public.t",), None, "FOR VALUES ...", None, (), "d", None, ())
    above = replace(KNOWN, oid=5, relation="public.t")
    schema = Schema(tables=(top, leaf), constraints=(above, replace(KNOWN, oid=6, relation="public.p")))
    marks = appeared.structures(schema, ["public.p"])["public.p"].split()
    assert marks[:-1] == ["constraint:6", "constraint:5"] and marks[-1].startswith("columns:")
