"""One database's schema, object by object."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

from migrator.comparison.discrepancy import Discrepancy, What
from migrator.comparison.waiting import Waiting
from migrator.phases import layouts
from migrator.phases.building import NOT_VALID_ON_PARTITIONED
from migrator.phases.extras import extras
from migrator.phases.pre_data import wanted_items
from migrator.phases.tightened import comes_with_parent
from migrator.phases.view import View
from migrator.schema import Schema
from migrator.schema.compare import Difference
from migrator.schema.constraint import FOREIGN_KEY, Constraint
from migrator.schema.definition import MATERIALIZED_VIEW, POPULATED, Definition
from migrator.schema.enum import Enum
from migrator.schema.index import Index
from migrator.schema.item import Item
from migrator.schema.order import CircleError
from migrator.schema.removal import removal
from migrator.schema.sequence import IDENTITY
from migrator.schema.sequence import Sequence as SequenceItem
from migrator.schema.table import Table
from migrator.steps import Side, Statement


def discrepancies(view: View, *, cutover_to_come: bool) -> Iterator[Discrepancy]:
    """Missing objects first, in the order of their making; then what differs; then what the destination has besides."""
    source, target = view.database.source_schema, view.database.target_schema
    if source is None or target is None:
        return
    each = _Comparer(view, source, target, cutover_to_come)
    yield from each.missing()
    for item in source.items:
        found = target.counterpart(item)
        if found is not None:
            yield from each.differing(item, found)
    yield from each.extra()


class _Comparer:
    """The two schemas of one database."""

    def __init__(self, view: View, source: Schema, target: Schema, cutover_to_come: bool) -> None:
        self.pair, self.source, self.target = view.database, source, target
        self.major, self.waiting = view.destination.major, Waiting(view, source, target)
        self.cutover_to_come = cutover_to_come

    def missing(self) -> Iterator[Discrepancy]:
        unprintable = {each.identity for each in self.source.uncarried}
        for item in _in_order(self.source, self.target):
            if item.identity in unprintable:
                continue
            if bringer := _brought_by(item):
                yield self._discrepancy(item, What.MISSING, note=f"It comes with {bringer}.")
                continue
            made = self._discrepancy(item, What.MISSING, mend=self._creation(item), additive=True)
            if uncopied := self.waiting.uncopied(item):
                yield replace(made, additive=False, note=f"waits until {uncopied} is copied")
            else:
                reason = self.waiting.reason(item)
                yield replace(made, additive=reason is None, expected=reason)
        for kind in sorted(set(self.source.uncarried) - set(self.target.uncarried), key=str):
            note = "not carried: see what check says of it"
            yield Discrepancy(self.pair.name, self.pair.target, kind.kind, kind.identity, What.MISSING, note=note)

    def differing(self, ours: Item, theirs: Item) -> Iterator[Discrepancy]:
        whole, found = layouts.compared(self.pair, ours, theirs)
        for each in found:
            if not comes_with_parent(ours, each, self.source, self.target):
                yield self._difference(whole, theirs, each)
        if isinstance(ours, Constraint) and isinstance(theirs, Constraint) and ours.validated and not theirs.validated:
            yield self._unvalidated(ours)
        if isinstance(ours, Index) and isinstance(theirs, Index) and ours.valid and not theirs.valid:
            mend = self._statements([f"REINDEX INDEX CONCURRENTLY {ours.qualified}"], alone=True)
            yield self._discrepancy(ours, What.DIFFERS, "validity", "valid", "invalid", mend)
        if isinstance(ours, Definition) and isinstance(theirs, Definition) and ours.state != theirs.state:
            yield from self._state(ours, theirs)

    def extra(self) -> Iterator[Discrepancy]:
        for item in extras(self.source, self.target):
            statement = removal(item)
            mend = self._statements([statement]) if statement else ()
            note = "Take it away only once you know why it is there." if isinstance(item, Table) else ""
            yield self._discrepancy(item, What.EXTRA, mend=mend, note=note)

    def _difference(self, ours: Item, theirs: Item, difference: Difference) -> Discrepancy:
        sentences, additive = [difference.mend] if difference.mend else [], False
        if isinstance(ours, Enum) and isinstance(theirs, Enum):
            added = ours.additions(difference.destination)
            sentences, additive = list(added or sentences), added is not None
        elif isinstance(ours, Table) and difference.property.startswith("column "):
            additive = ours.may_add(difference.property) and " ADD COLUMN " in difference.mend
        elif isinstance(ours, Index) and isinstance(theirs, Index):
            additive = difference.property in ours.unset(theirs)
        note = "" if sentences else "No single statement mends it: make it anew on the destination."
        return self._discrepancy(
            ours, What.DIFFERS, difference.property, difference.source, difference.destination,
            self._statements(sentences), additive=additive, note=note,
        )  # fmt: skip

    def _unvalidated(self, constraint: Constraint) -> Discrepancy:
        expected = (
            "validated once every row is there" if constraint.type == FOREIGN_KEY and self.pair.subscriptions else None
        )
        mend = self._statements([constraint.validate()])
        return self._discrepancy(
            constraint, What.DIFFERS, "validation", "valid", "NOT VALID", mend, additive=True, expected=expected
        )

    def _state(self, ours: Definition, theirs: Definition) -> Iterator[Discrepancy]:
        if ours.at_cutover:
            expected = "set by the cutover, after the barrier" if self.cutover_to_come else None
            mend = self._statements(ours.at_cutover)
            yield self._discrepancy(ours, What.DIFFERS, "state", ours.state, theirs.state, mend, expected=expected)
        elif ours.kind == MATERIALIZED_VIEW and ours.state == POPULATED:
            mend = self._statements([f"REFRESH MATERIALIZED VIEW {ours.name}"], alone=True)
            yield self._discrepancy(ours, What.DIFFERS, "contents", ours.state, theirs.state or "not populated", mend)

    def _discrepancy(
        self,
        item: Item,
        what: What,
        changed: str | None = None,
        ours: str | None = None,
        theirs: str | None = None,
        mend: tuple[Statement, ...] = (),
        *,
        additive: bool = False,
        note: str = "",
        expected: str | None = None,
    ) -> Discrepancy:
        kind, name = kind_and_name(item)
        relation = item.qualified if isinstance(item, Table) else getattr(item, "relation", None)
        return Discrepancy(
            self.pair.name, self.pair.target, kind, name, what, changed, ours, theirs, mend, additive, note, expected,
            relation if what is not What.MISSING or not isinstance(item, Table) else None,
        )  # fmt: skip

    def _creation(self, item: Item) -> tuple[Statement, ...]:
        """As the migration makes it where others work on the table: indexes CONCURRENTLY, constraints NOT VALID and then VALIDATE."""
        if isinstance(item, Index) and (gentle := item.create_gently()):
            adopted = (item.adopt(),) if item.constraint is not None else ()
            return (*self._statements(gentle[:1], alone=True), *self._statements((*gentle[1:], *adopted)))
        if isinstance(item, Constraint):
            if item.partitioned and item.type == FOREIGN_KEY and self.major < NOT_VALID_ON_PARTITIONED:
                return self._statements([item.add_valid()])
            validation = (item.validate(),) if item.validated and item.enforced else ()
            return (*self._statements([item.add()], alone=True), *self._statements(validation))
        return self._statements(item.create())

    def _statements(self, sentences: Iterable[str], *, alone: bool = False) -> tuple[Statement, ...]:
        return tuple(Statement(Side.DESTINATION, self.pair.target, sql, transactional=not alone) for sql in sentences)


def _brought_by(item: Item) -> str | None:
    """What makes it besides itself."""
    if isinstance(item, Constraint) and (item.parent is not None or not item.local):
        return "that of its parent"
    return "its column" if isinstance(item, SequenceItem) and item.link == IDENTITY else None


def _in_order(source: Schema, target: Schema) -> Iterator[Item]:
    """The missing objects, as far as may be in the order in which they can be made."""
    absent: Callable[[Item], bool] = lambda item: target.counterpart(item) is None  # noqa: E731
    try:
        early = tuple(filter(absent, wanted_items(source, target)))
    except CircleError:
        early = ()
    known = {item.identity for item in early}
    yield from early
    yield from (item for item in source.items if absent(item) and item.identity not in known)


_KINDS_OF_TIES = ("replica identity of", "owner of sequence", "partition index", "comment on")


def kind_and_name(item: Item) -> tuple[str, str]:
    """An identity is its kind's words and its name."""
    if isinstance(item, Definition):
        return item.kind, item.name
    for kind in _KINDS_OF_TIES:
        if item.identity.startswith(f"{kind} "):
            return kind, item.identity.removeprefix(f"{kind} ")
    kind, _, name = item.identity.partition(" ")
    return kind, name
