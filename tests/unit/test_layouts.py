"""What a relation's layout of before and of now say about rows that no WAL record names."""

from dataclasses import replace

import pytest

from migrator.phases import altered, layouts
from migrator.phases.layouts import State
from migrator.phases.view import View
from migrator.records import LedgerRelation
from migrator.schema import Schema
from migrator.schema.column import Column, spells
from migrator.schema.layout import Attribute, Layout, known_text, parse_known
from migrator.schema.table import Table
from tests import builders

OLD, NEW = Attribute("100", missing=False), Attribute("200", missing=False)
BEFORE = Layout(7, {1: OLD, 2: OLD, 3: Attribute("100", missing=True)})


def column(name: str, default: str | None = None, missing: str | None = None) -> Column:
    plain = Column(name, "integer", "", default, None, "", "", True, None, "", None, ())
    return replace(plain, missing=missing)


OURS = (column("a"), column("b"), column("c", missing="3"))


def table(columns: tuple[Column, ...], layout: Layout) -> Table:
    plain = Table(1, "public", "t", "r", False, (), None, None, None, (), "d", None, columns)
    return replace(plain, layout=layout)


def view(source: Table, target: Table, known: Layout = BEFORE) -> View:
    pair = replace(
        builders.pair("shop", 0), source_schema=Schema(tables=(source,)), target_schema=Schema(tables=(target,))
    )
    entry = LedgerRelation("public.t", 1, 1, 100, layout=known_text(known, BEFORE))
    pair = replace(pair, ledger=replace(pair.ledger, relations={"public.t": entry}))
    return builders.view(pairs=(pair,), about=pair)


def test_the_ledger_gives_back_what_it_was_told() -> None:
    typed = Layout(9, {4: NEW, 5: replace(OLD, type='"a~2C, b=m%" numeric(10,2)[]'), 6: Attribute("1", True, "text")})
    for layout in (BEFORE, Layout(1), typed):
        known = parse_known(known_text(layout, BEFORE))
        assert (known.source, known.target) == (layout, frozenset({1, 2, 3}))


HARMLESS = {
    "VACUUM FULL": Layout(8, {1: OLD, 2: OLD, 3: NEW}),
    "TRUNCATE": Layout(8, dict(BEFORE.attributes)),
    "SET STATISTICS": Layout(7, {1: NEW, 2: OLD, 3: BEFORE.attributes[3]}),
}


@pytest.mark.parametrize("kind", HARMLESS)
def test_what_changes_no_row_is_noted(kind: str) -> None:
    step = altered.examine(view(table(OURS, HARMLESS[kind]), table(OURS, BEFORE)))
    assert not step.findings and not step.waits
    assert HARMLESS[kind].text in step.actions[0].statements[0].sql


def test_what_is_as_it_was_asks_for_nothing() -> None:
    assert altered.examine(view(table(OURS, BEFORE), table(OURS, BEFORE))).quiet


def test_a_column_of_another_type_in_another_file_is_told() -> None:
    step = altered.examine(view(table(OURS, Layout(8, {**BEFORE.attributes, 2: NEW})), table(OURS, BEFORE)))
    assert [finding.code for finding in step.findings] == ["rows_rewritten"] and not step.actions
    assert " in b may differ" in step.findings[0].message


def test_of_a_table_made_again_on_the_destination_nothing_is_said() -> None:
    """By the remedy: it is copied anew. Told once more it would be dropped under its copy."""
    seen = view(table(OURS, Layout(8, {**BEFORE.attributes, 2: NEW})), table(OURS, BEFORE))
    for oid, told in ((1, True), (99, False)):
        entry = replace(seen.database.ledger.relations["public.t"], target_oid=oid)
        pair = replace(seen.database, ledger=replace(seen.database.ledger, relations={"public.t": entry}))
        assert bool(altered.examine(replace(seen, pair=pair)).findings) is told


@pytest.mark.parametrize(
    ("before", "now", "same"),
    [
        ("numeric(10,2)", "numeric", False),
        ("numeric(10,2)", "numeric(12,2)", True),
        ("timestamp(0) without time zone", "timestamp without time zone", False),
        ("timestamp without time zone", "timestamp with time zone", False),
        ("time(0) without time zone", "time(3) without time zone", False),
        ("character varying(10)", "character varying(20)", True),
        ("text", "character varying", True),
        ("text", "extension.citext", True),
        ("cents", "numeric", False),
        ("bit varying(5)", "bit varying(9)", True),
        ("", "numeric", True),
    ],
)
def test_a_column_of_another_type_in_the_same_file(before: str, now: str, same: bool) -> None:
    """Nothing of old rows changed; but what came since, the destination's type may have rounded."""
    known = Layout(7, {**BEFORE.attributes, 2: replace(OLD, type=before)})
    ours = table(
        (OURS[0], replace(OURS[1], type=now), OURS[2]), Layout(7, {**known.attributes, 2: replace(NEW, type=now)})
    )
    both = view(ours, table(ours.columns, BEFORE), known)
    assert [finding.code for finding in altered.examine(both).findings] == ([] if same else ["rows_rewritten"])


def test_a_type_that_was_renamed_and_one_whose_values_nobody_stores() -> None:
    known = Layout(7, {**BEFORE.attributes, 2: replace(OLD, type="cents")})
    renamed = table(OURS, Layout(7, {**known.attributes, 2: replace(OLD, type="euros")}))
    seeming = (OURS[0], replace(OURS[1], generated="v"), OURS[2])
    virtual = table(seeming, Layout(7, {**known.attributes, 2: replace(NEW, type="numeric")}))
    for ours in (renamed, virtual):
        assert not altered.examine(view(ours, table(ours.columns, BEFORE), known)).findings


NUMBERED = Layout(7, {**BEFORE.attributes, 4: Attribute("200", missing=True)})


@pytest.mark.parametrize(
    ("theirs", "layout", "state"),
    [
        (OURS, BEFORE, State.ABSENT),
        ((*OURS, column("d", "8", "7")), NUMBERED, State.SAME),
        ((*OURS, column("d", "7", "7")), NUMBERED, State.EARLY),
        ((*OURS, column("d", "8", "8")), NUMBERED, State.UNKNOWN),
        ((*OURS, column("d", "8")), NUMBERED, State.UNKNOWN),
        ((column("d", "8", "7"), *OURS[1:]), BEFORE, State.UNKNOWN),
    ],
    ids=["not there", "alike", "other default", "other value", "no value", "there before"],
)
def test_a_new_column_with_a_value_for_older_rows(theirs: tuple[Column, ...], layout: Layout, state: State) -> None:
    ours = (*OURS, column("d", "8", "7"))
    (found,) = layouts.altered(view(table(ours, NUMBERED), table(theirs, layout)).database)
    assert found.states["d"] is state


def test_its_second_statement_is_not_told_before_its_time() -> None:
    ours, theirs = (*OURS, column("d", "8", "7")), (*OURS, column("d", "7", "7"))
    early = view(table(ours, NUMBERED), table(theirs, NUMBERED))
    step = altered.examine(early)
    assert "altered_lsn = %(position)s" in step.actions[0].statements[-1].sql
    assert altered.untold(early) == {("table public.t", "column d")}


@pytest.mark.parametrize(
    ("expression", "value", "same"),
    [
        ("7", "7", True),
        ("'-7'::integer", "-7", True),
        ("'it''s'::text", "it's", True),
        ("false", "f", True),
        ("now()", "2026-01-01", False),
        ("1", "1.00", False),
        ("'a'::text || 'b'::text", "a", False),
        ("7", None, False),
    ],
)
def test_when_a_default_is_written_as_that_value(expression: str, value: str | None, same: bool) -> None:
    assert spells(expression, value) is same
