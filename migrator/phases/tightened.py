"""What does the source refuse by now that it held before? The destination follows when all that was written before has arrived.

Apply halts for ever at a row that its table refuses, and at one whose column is not there any more: a NULL from before SET NOT NULL, a
value from before a domain's new CHECK, the column of before DROP COLUMN or RENAME COLUMN. So what a person is to do on the destination
about these is told only then; what apply needs before it is told at once. Of these RENAME COLUMN alone cannot wait for ever: apply stops
at the first row that was written after it, and that is the moment.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

from migrator.contents import SyncState
from migrator.observation import DatabasePair
from migrator.phases import layouts
from migrator.phases.appeared import Appeared
from migrator.phases.view import View
from migrator.schema import Schema, domain
from migrator.schema.column import Column
from migrator.schema.compare import ABSENT, Difference, differences
from migrator.schema.domain import Domain
from migrator.schema.item import Item
from migrator.schema.table import Table
from migrator.steps import Action, Gates, Step, Wait

NAME = "pre_data"

Place = tuple[str, str]
"""(identity of an item, property)."""


def examine(view: View) -> Step:
    """Notes what has changed, and says what is waited for. Holds back nothing: apply needs none of it."""
    pair = view.database
    if pair.source_schema is None or pair.target_schema is None:
        return Step(NAME, pair.name, Gates.RELATION)
    judge = Judge(view, pair.source_schema, pair.target_schema)
    work = tuple(judge.work())
    actions = dict.fromkeys(each for each in work if isinstance(each, Action))
    waits = dict.fromkeys(each for each in work if isinstance(each, Wait))
    return Step(NAME, pair.name, Gates.RELATION, tuple(actions), tuple(waits))


def early(view: View) -> Mapping[Place, str]:
    """Differences that are not to be mended yet, each with what is to be done at once instead, or ""."""
    pair = view.database
    if pair.source_schema is None or pair.target_schema is None:
        return {}
    return Judge(view, pair.source_schema, pair.target_schema).early()


def comes_with_parent(item: Item, difference: Difference, source: Schema, target: Schema) -> bool:
    """Whether a partition's column differs as its parent's does: what mends the parent mends it."""
    if not isinstance(item, Table) or item.parent is None or not difference.property.startswith("column "):
        return False
    if not source.has_table(item.parent) or not target.has_table(item.parent):
        return False
    above = differences(source.table(item.parent), target.table(item.parent))
    return any(each.property == difference.property for each in above)


@dataclass(frozen=True)
class _Tightened:
    """One difference: of which relations rows may come that the destination would refuse, and what may be done before."""

    identity: str
    what: str
    relations: tuple[str, ...]
    at_once: str = ""
    stops: bool = False
    """Apply stops at the first row from after it."""

    @property
    def place(self) -> Place:
        return self.identity, self.what


@dataclass(frozen=True)
class Judge:
    """Both schemas of one database, and what the ledger knows of its relations."""

    view: View
    source: Schema
    target: Schema

    @property
    def pair(self) -> DatabasePair:
        return self.view.database

    def work(self) -> Iterator[Action | Wait]:
        for each in () if self._is_narrow else self._tightened:
            new = self._appeared.altered(each.relations)
            if new and self._are_ready(new):
                yield self._appeared.note_columns(new)
            elif self._is_early(each):
                what = f"{each.identity} is made alike ({each.what})"
                yield Wait(f"{what} when all that was written before has arrived", each.relations[0])

    def _are_ready(self, relations: list[str]) -> bool:
        """What the ledger says of those that are not is how they began: their keys are built by it."""
        left, states = self.pair.ledger.left, self.pair.states
        return all(name in left or states.get(name) is SyncState.READY for name in relations)

    def early(self) -> dict[Place, str]:
        return {each.place: each.at_once for each in self._tightened if self._is_early(each)}

    @cached_property
    def _appeared(self) -> Appeared:
        return Appeared(self.view, self.source)

    @property
    def _is_narrow(self) -> bool:
        """Of a look at some relations: it does not see all that may have to arrive. What is told is for others to say."""
        return bool(self.view.observation.scope.relations)

    def _is_early(self, each: _Tightened) -> bool:
        if self._is_narrow:
            return True
        if each.stops and self._appeared.has_stopped(each.relations):
            return False
        return bool(self._appeared.altered(each.relations)) or self._appeared.awaits(each.relations)

    @cached_property
    def _tightened(self) -> tuple[_Tightened, ...]:
        if not self.pair.ledger.relations and not self.pair.ledger.left:
            return ()
        return (*self._columns(), *self._domains())

    def _columns(self) -> Iterator[_Tightened]:
        for ours in self.source.tables:
            theirs = self.target.table(ours.qualified) if self.target.has_table(ours.qualified) else None
            if theirs is not None and ours.properties() != theirs.properties():
                for each in layouts.compared(self.pair, ours, theirs)[1]:
                    if not comes_with_parent(ours, each, self.source, self.target):
                        yield from _column(ours, theirs, each)

    def _domains(self) -> Iterator[_Tightened]:
        for ours in self.source.domains:
            theirs = self.target.find(ours.identity)
            if isinstance(theirs, Domain) and (found := [each for each in differences(ours, theirs) if _refuses(each)]):
                using = tuple(self._using(ours))
                yield from (
                    _Tightened(ours.identity, each.property, using) for each in found if using or self._is_narrow
                )

    def _using(self, wanted: Domain) -> Iterator[str]:
        types = {type_ for type_, found in domain.beneath(self.source.domains).items() if wanted in found}
        for table in self.source.tables:
            if table.is_replicated and any(column.type in types for column in table.columns):
                yield table.qualified


def _refuses(each: Difference) -> bool:
    """Of a domain: whether it holds less by now. What the source has dropped of it is to be dropped at once."""
    if each.property == "null":
        return each.source == "NOT NULL"
    return each.property.startswith("constraint ") and each.source != ABSENT


def _column(ours: Table, theirs: Table, each: Difference) -> Iterator[_Tightened]:
    if not each.property.startswith("column "):
        return
    here, there = _named(ours, each.property), _named(theirs, each.property)
    if " RENAME COLUMN " in each.mend:
        yield _Tightened(ours.identity, each.property, (ours.qualified,), stops=True)
    elif here is None and there is not None:
        yield _Tightened(ours.identity, each.property, (ours.qualified,), _nullable(theirs, there))
    elif here is not None and there is not None and here.not_null is not None and there.not_null is None:
        rest = replace(ours, columns=tuple(replace(c, not_null=None) if c is here else c for c in ours.columns))
        found = (one for one in differences(rest, theirs) if one.property == each.property)
        yield _Tightened(ours.identity, each.property, (ours.qualified,), next((one.mend for one in found), ""))


def _named(table: Table, name: str) -> Column | None:
    return next((column for column in table.columns if f"column {column.quoted}" == name), None)


def _nullable(table: Table, column: Column) -> str:
    """Rows from after DROP COLUMN have no value for it."""
    if column.not_null is None or column.default is not None or column.identity:
        return ""
    return f"ALTER TABLE {table.qualified} ALTER COLUMN {column.quoted} DROP NOT NULL"
