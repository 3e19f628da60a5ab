"""What did ALTER TABLE on the source do to rows that are on the destination already? No WAL record names them.

Four things make rows differ that way. ADD COLUMN gives older rows a value: pg_attribute.attmissingval says which, and it is theirs
whatever becomes of the default afterwards. A default that is not the same for every row, and ALTER COLUMN ... TYPE, write the table
anew: then only the rows say what they hold. A column that is dropped and added again is another by the same name. And ALTER COLUMN ... TYPE
that writes nothing anew (numeric(10,2) to numeric, timestamp(0) to timestamp, under UTC timestamp to timestamptz) leaves the destination
with a type that rounds what comes next, without an error, until it follows; and what follows may shift the older rows.

The ledger keeps each relation's layout of when both sides were known to hold the same rows. From it to the one of now:

* the same filenode: no row was written anew; a column that is new has its attmissingval in older rows, or NULL
* the same filenode, and another type: nobody knows, but where the older type refuses what it cannot hold (`_refuses`)
* another filenode, and nothing else: VACUUM FULL, CLUSTER or TRUNCATE, which change no row behind WAL's back
* another filenode, and altered columns: nobody knows; the relation is copied anew, or its rows are sent again

A column that lost its attmissingval with the old file counts as not altered: VACUUM FULL does that, and nothing in the catalogs tells
it from an ALTER COLUMN ... TYPE to the same type, of just that column.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from enum import Enum

from migrator.observation import DatabasePair
from migrator.quote import identifier, literal
from migrator.records import LedgerRelation
from migrator.schema import Schema
from migrator.schema.column import NULL, Column
from migrator.schema.compare import Difference, differences
from migrator.schema.item import Item
from migrator.schema.layout import Known, known_text, parse_known
from migrator.schema.table import Table

_TEXT = re.compile(r"text|bpchar|character varying(\(\d+\))?|(\S+\.)?citext")
_SCALED = re.compile(r"numeric\(\d+,(-?\d+)\)")
_BITS = re.compile(r"bit varying(\(\d+\))?")


class State(Enum):
    """How one column of a relation stands on the destination."""

    SAME = "the older rows have what they have on the source"
    ABSENT = "not there yet"
    EARLY = "there, and rows that were written without it may be on their way: they take its default"
    UNKNOWN = "the rows may hold something else"


@dataclass(frozen=True)
class Altered:
    """A relation whose layout is not the one that the ledger knows, and how its columns stand."""

    entry: LedgerRelation
    source: Table
    target: Table
    states: Mapping[str, State]

    @property
    def now(self) -> str:
        """What the ledger is to know once both sides hold the same rows."""
        assert self.source.layout is not None and self.target.layout is not None
        return known_text(self.source.layout, self.target.layout)

    def having(self, state: State) -> list[str]:
        return [name for name, each in self.states.items() if each is state]


def noted(source: Schema, target: Schema | None, relation: str) -> str:
    """What the ledger is to know of a relation that begins, as SQL."""
    here = source.table(relation).layout
    there = target.table(relation).layout if target is not None and target.has_table(relation) else None
    return literal(known_text(here, there)) if here is not None and there is not None else NULL


def altered(pair: DatabasePair) -> Iterator[Altered]:
    """The ledger's relations that stand on both sides and are not stored as it remembers: not a table made again since on either side,
    which is to be copied anew whatever it holds.
    """
    source, target = pair.source_schema, pair.target_schema
    if source is None or target is None:
        return
    for name, entry in sorted(pair.ledger.relations.items()):
        if source.is_replicated(name) and target.is_replicated(name):
            here, there = source.table(name), target.table(name)
            same = here.layout is None or there.layout is None or entry.layout == known_text(here.layout, there.layout)
            if not same and here.oid == entry.source_oid and entry.target_oid in (None, there.oid):
                yield Altered(entry, here, there, _states(entry, here, there))


def _states(entry: LedgerRelation, source: Table, target: Table) -> dict[str, State]:
    if entry.layout is None:  # noted by no version before: taken as it is, once both sides have the same columns
        there = {column.name for column in target.columns}
        return {column.name: State.SAME if column.name in there else State.ABSENT for column in source.columns}
    known = parse_known(entry.layout)
    places, numbers = _places(target), _places(source)
    theirs = {column.name: column for column in target.columns}
    differing = {each.property for each in differences(source, target)}
    found = {}
    for column in source.columns:
        state = _state(known, source, column, numbers[column.name])
        if state is State.ABSENT and column.name in theirs:
            state = _arrived(known, column, theirs[column.name], places[column.name])
            if state is State.SAME and f"column {column.quoted}" in differing:
                state = State.EARLY
        elif state is State.SAME and column.name not in theirs:
            state = State.ABSENT  # renamed on the source
        elif state is State.SAME and places[column.name] not in known.target:
            state = State.UNKNOWN  # the destination's was not there when the rows were the same
        found[column.name] = state
    return found


def _state(known: Known, source: Table, column: Column, number: int) -> State:
    """Of a column by the source alone: ABSENT stands for one that is new and known."""
    assert source.layout is not None
    before, now = known.source.attributes.get(number), source.layout.attributes[number]
    rewritten = known.source.filenode != source.layout.filenode
    if before is None:
        return State.ABSENT if column.generated or now.missing or not rewritten else State.UNKNOWN
    if before.xmin == now.xmin:  # a type that was given another name is the same, too
        return State.SAME
    vacuumed = before.missing and not now.missing
    return State.UNKNOWN if (rewritten and not vacuumed) or _may_round(column, before.type, now.type) else State.SAME


def _may_round(column: Column, before: str, now: str) -> bool:
    """Whether a column of the type it had takes in what it cannot hold, as something else. What is VIRTUAL nobody stores."""
    return before not in ("", now) and column.generated != "v" and not _refuses(before, now)


def _refuses(before: str, now: str) -> bool:
    """Whether a column of the one type stops apply at a value of the other that it cannot hold: texts, and numerics of one scale.

    Blanks alone that are too many for a varchar(n) are cut off in silence, as the SQL standard has it: not worth a new copy of every
    table whose varchar(n) grows.
    """
    if _TEXT.fullmatch(before) and _TEXT.fullmatch(now):
        return True
    scales = _SCALED.fullmatch(before), _SCALED.fullmatch(now)
    bits = _BITS.fullmatch(before) and _BITS.fullmatch(now)
    return bool(bits) or (scales[0] is not None and scales[1] is not None and scales[0][1] == scales[1][1])


def _arrived(known: Known, column: Column, theirs: Column, place: int) -> State:
    """Of a column that is new on the source, and there on the destination: not if it was there before."""
    if column.generated:
        return State.SAME if theirs.generated else State.UNKNOWN
    return State.SAME if place not in known.target and theirs.missing == column.missing else State.UNKNOWN


def compared(pair: DatabasePair, ours: Item, theirs: Item) -> tuple[Item, tuple[Difference, ...]]:
    """What differs, with what mends it by what is known of rows that are there; and the source's object as it is known by that."""
    if not isinstance(ours, Table) or not isinstance(theirs, Table):
        return ours, differences(ours, theirs)
    if not differences(ours, theirs):  # nearly always: no column is new
        return ours, ()
    whole = with_older(pair, ours)
    found = differences(whole, theirs)
    if not (name := _renamed(pair, ours, theirs)):
        return whole, found
    before, now = map(identifier, name)
    rename = f"ALTER TABLE {ours.qualified} RENAME COLUMN {before} TO {now}"
    others = (each for each in found if each.property != f"column {before}")
    return whole, tuple(replace(each, mend=rename) if each.property == f"column {now}" else each for each in others)


def _renamed(pair: DatabasePair, ours: Table, theirs: Table) -> tuple[str, str] | None:
    """The one column that both sides had when their rows were the same, and which has another name on the source now."""
    source, target = pair.source_schema, pair.target_schema
    names = {column.name for column in theirs.columns} ^ {column.name for column in ours.columns}
    if len(names) != 2 or source is None or target is None:
        return None
    for leaf in source.storage(ours.qualified):
        entry = pair.ledger.relations.get(leaf)
        if entry is not None and entry.layout is not None and target.is_replicated(leaf):
            known, here, there = parse_known(entry.layout), source.table(leaf), target.table(leaf)
            new = [name for name, place in _places(here).items() if name in names and place in known.source.attributes]
            old = [name for name, place in _places(there).items() if name in names and place in known.target]
            return (old[0], new[0]) if len(old) == len(new) == 1 else None
    return None


def _places(table: Table) -> dict[str, int]:
    """The attnum of each column."""
    assert table.layout is not None
    return dict(zip((column.name for column in table.columns), table.layout.attributes, strict=True))


def with_older(pair: DatabasePair, table: Table) -> Table:
    """The source's table, its columns with what older rows have in them, as far as that is the same in all of its relations here."""
    source, target = pair.source_schema, pair.target_schema
    if source is None or target is None or not target.has_table(table.qualified):
        return table
    there = {column.name for column in target.table(table.qualified).columns}
    new = [column for column in table.columns if column.name not in there]
    leaves = [source.table(leaf) for leaf in source.storage(table.qualified) if leaf in pair.ledger.relations]
    if not new or not leaves:
        return table
    known = {column.name: _with_older(pair, source, leaves, column) for column in new}
    return replace(table, columns=tuple(known.get(column.name, column) for column in table.columns))


def _with_older(pair: DatabasePair, source: Schema, leaves: list[Table], column: Column) -> Column:
    values = {_older(pair.ledger.relations[leaf.qualified], leaf, column.name) for leaf in leaves}
    value = values.pop() if len(values) == 1 else None
    if value is None or column.generated or column.identity:
        return column
    if value != (None,):
        return replace(column, missing=value[0], older=f"{literal(value[0] or '').strip()}::{column.type}")
    defaults = any(each.default is not None and column.type == each.qualified for each in source.domains)
    return replace(column, older=NULL) if column.default is not None or defaults else column


def _older(entry: LedgerRelation, leaf: Table, name: str) -> tuple[str | None] | None:
    """The value of its rows that are older than the column, (None,) for NULL; None: not known."""
    column, number = next(each for each in leaf.columns if each.name == name), _places(leaf)[name]
    if column.missing is not None:
        return (column.missing,)
    known = parse_known(entry.layout) if entry.layout is not None else None
    return (None,) if known is not None and _state(known, leaf, column, number) is State.ABSENT else None
