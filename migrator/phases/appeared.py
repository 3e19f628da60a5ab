"""Which indexes and constraints appeared on the source after a relation had begun? They are built when all from before has arrived.
Which columns are others by now? What only then fits the destination (`tightened`) waits in the same way.

Apply halts for ever at a row that its table refuses: one that was bad before a CHECK, a UNIQUE or an index on an expression came, and
was mended before it came, too. And it halts at a TRUNCATE of one of two tables that a foreign key has connected since. So the ledger
keeps what stood on the source when a relation began, by oid: that holds for every row that was copied, and for every change, and is
built at once. For the rest it keeps a position of the source noted after they were seen there.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

from migrator.model import Lsn
from migrator.phases import catchup, groups
from migrator.phases.partitions import passed, position, rows, stamp
from migrator.phases.view import View
from migrator.quote import literal
from migrator.records import LedgerRelation
from migrator.schema import Schema, domain
from migrator.schema.constraint import Constraint
from migrator.schema.index import Index
from migrator.steps import Action, Side, Statement


def structures(source: Schema, relations: Iterable[str]) -> dict[str, str]:
    """The relations' indexes and constraints, with those of the tables above each, and their columns, as the ledger keeps them."""
    standing = _Standing(source)
    return {name: standing.of(name) for name in relations}


@dataclass(frozen=True)
class _Standing:
    """What stands on the source; gathered once for however many relations are asked about."""

    source: Schema

    def of(self, relation: str) -> str:
        above = _upwards(self.source, relation)
        return " ".join((*(mark for table in above for mark in self._pieces.get(table, ())), self.columns(relation)))

    def columns(self, relation: str) -> str:
        """The mark of what its columns hold: another whenever one was dropped or renamed, or holds more or less than before."""
        columns = self.source.table(relation).columns if self.source.has_table(relation) else ()
        each = [(c.name, c.type, c.not_null is not None, self._checks.get(c.type)) for c in columns]
        return f"columns:{hashlib.sha256(repr(each).encode()).hexdigest()[:12]}"

    @cached_property
    def _pieces(self) -> Mapping[str, list[str]]:
        """The marks of every table's own indexes and constraints."""
        marks: dict[str, list[str]] = {}
        for index in self.source.indexes:
            if index.valid or index.partitioned:
                marks.setdefault(index.relation, []).append(_mark(index))
        for constraint in self.source.constraints:
            marks.setdefault(constraint.relation, []).append(_mark(constraint))
        return marks

    @cached_property
    def _checks(self) -> Mapping[str, list[tuple[object, ...]]]:
        """What the values of each domain obey."""
        within = domain.beneath(self.source.domains)
        return {type_: [(each.name, each.not_null, each.checks) for each in found] for type_, found in within.items()}


def _upwards(source: Schema, relation: str) -> Iterator[str]:
    yield relation
    for parent in source.table(relation).parents if source.has_table(relation) else ():
        yield from _upwards(source, parent)


def _mark(piece: Index | Constraint) -> str:
    return f"{'index' if isinstance(piece, Index) else 'constraint'}:{piece.oid}"


@dataclass(frozen=True)
class Appeared:
    """What the ledger knows of the indexes, constraints and columns of one database's relations."""

    view: View
    source: Schema

    def is_new(self, piece: Index | Constraint) -> bool:
        """Whether it was not there when the relation, or one beneath it, began, and nothing was noted of it since."""
        return any(not _is_known(entry, _mark(piece)) for entry in self._entries(piece.relation))

    def is_younger(self, piece: Index | Constraint) -> bool:
        """The same of relations of which it was noted what was there; an older version noted nothing."""
        entries = (entry for entry in self._entries(piece.relation) if entry.structure is not None)
        return any(not _is_known(entry, _mark(piece)) for entry in entries)

    def is_awaited(self, piece: Index | Constraint) -> bool:
        """Whether changes from before it may be on their way.

        Not where apply stops, and may have come to a row that it finds by just this key: then all from before has arrived.
        """
        if all(self._has_passed(entry) for entry in self._entries(piece.relation)):
            return False
        return not (self._finds_rows(piece) and self.has_stopped([piece.relation]))

    def _finds_rows(self, piece: Index | Constraint) -> bool:
        by_key = self.source.has_table(piece.relation) and self.source.table(piece.relation).replica_identity == "d"
        return isinstance(piece, Index) and (piece.replica_identity or (piece.primary and by_key))

    def awaits(self, relations: Iterable[str]) -> bool:
        """Whether changes of these, or of those beneath them, may be on their way from before what was noted: in any group.

        One that a relation has left sends them still, and apply halts where the table lacks a column before it leaves them out.
        """
        noted = (entry.structure_lsn for name in relations for entry in self._known(name).values())
        return any(position is not None and not passed(self.view, position) for position in noted)

    def has_stopped(self, relations: Iterable[str]) -> bool:
        """Whether apply of a group of theirs fails and starts again: it does not come any nearer to what was noted."""
        numbers = {entry.group for name in relations for entry in self._entries(name)}
        found = (groups.ledger_group(self.view, number) for number in numbers)
        return any(group is not None and catchup.has_stopped(self.view, group) for group in found)

    def altered(self, relations: Iterable[str]) -> list[str]:
        """Those of them and of those beneath them whose columns are others than when they began, and nothing was noted of it since."""
        entries = {leaf: entry for name in relations for leaf, entry in self._known(name).items()}
        return [name for name, entry in entries.items() if not _is_known(entry, self._standing.columns(name))]

    def note(self, piece: Index | Constraint) -> Action:
        """Write down what is there now, and then a position of the source: what was written without it lies before."""
        new = [entry.relation for entry in self._entries(piece.relation) if not _is_known(entry, _mark(piece))]
        return self._note(new, piece.relation, "has another index or constraint")

    def note_columns(self, relations: list[str]) -> Action:
        """The same where columns are others."""
        return replace(self._note(relations, relations[0], "has other columns"), relation=None)

    def _note(self, new: list[str], relation: str, what: str) -> Action:
        seen = ", ".join(f"({literal(name)}, {literal(self._standing.of(name))})" for name in new)
        update = (
            "UPDATE migrator.relations r SET structure = seen.structure, structure_lsn = %(position)s::pg_lsn"
            f" FROM (VALUES {seen.replace('%', '%%')}) AS seen (relation, structure)"  # a name may have one
            f" WHERE r.mapping = {literal(self.view.spec.name)} AND r.relation = seen.relation"
        )
        pair = self.view.database
        return Action(
            f"note in the ledger that {relation} {what} on the source",
            (
                position(self.view),
                Statement(Side.DESTINATION, pair.target, update, uses=("position",)),
            ),
            relation,
        )

    @cached_property
    def _standing(self) -> _Standing:
        return _Standing(self.source)

    def _known(self, relation: str) -> dict[str, LedgerRelation]:
        """Those that left their group, too."""
        ledger = self.view.database.ledger
        found = ((leaf, ledger.relations.get(leaf) or ledger.left.get(leaf)) for leaf in self.source.storage(relation))
        return {leaf: entry for leaf, entry in found if entry is not None}

    def _entries(self, relation: str) -> Iterator[LedgerRelation]:
        known = self.view.database.ledger.relations
        return (known[leaf] for leaf in self.source.storage(relation) if leaf in known)

    def _has_passed(self, entry: LedgerRelation) -> bool:
        position = entry.structure_lsn
        return position is None or (self._confirmed(entry) or Lsn(0)) >= position

    def _confirmed(self, entry: LedgerRelation) -> Lsn | None:
        """What the relation's group has confirmed: only its changes reach the relation."""
        group = groups.ledger_group(self.view, entry.group)
        slot = self.view.source.slot(group.name) if group is not None else None
        return slot.confirmed_flush_lsn if slot is not None else None


def begun_again(view: View, relations: Iterable[str]) -> tuple[Statement, ...]:
    """For those that begin once more: what they hold by now is known, and changes from before are on their way all the same."""
    ledger = view.database.ledger
    names = sorted(name for name in relations if name in ledger.left or name in ledger.relations)
    if not names:
        return ()
    return stamp(view, "structure_lsn", rows(view, names))


def _is_known(entry: LedgerRelation, mark: str) -> bool:
    return mark in (entry.structure or "").split()
