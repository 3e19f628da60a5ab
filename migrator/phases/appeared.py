"""Which indexes and constraints appeared on the source after a relation had begun? They are built when all from before has arrived.

Apply halts for ever at a row that its table refuses: one that was bad before a CHECK, a UNIQUE or an index on an expression came, and
was mended before it came, too. And it halts at a TRUNCATE of one of two tables that a foreign key has connected since. So the ledger
keeps what stood on the source when a relation began, by oid: that holds for every row that was copied, and for every change, and is
built at once. For the rest it keeps a position of the source noted after they were seen there.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from migrator.model import Lsn
from migrator.phases import groups
from migrator.phases.view import View
from migrator.quote import literal
from migrator.records import LedgerRelation
from migrator.schema import Schema
from migrator.schema.constraint import Constraint
from migrator.schema.index import Index
from migrator.steps import Action, Side, Statement


def structures(source: Schema, relations: Iterable[str]) -> dict[str, str]:
    """The relations' indexes and constraints, with those of the tables above each, as the ledger keeps them."""
    return _structures(source, _marks(source), relations)


def _structures(source: Schema, marks: Mapping[str, list[str]], relations: Iterable[str]) -> dict[str, str]:
    return {
        name: " ".join(mark for table in _upwards(source, name) for mark in marks.get(table, ())) for name in relations
    }


def _marks(source: Schema) -> Mapping[str, list[str]]:
    """Of every table its own."""
    marks: dict[str, list[str]] = {}
    for index in source.indexes:
        if index.valid or index.partitioned:
            marks.setdefault(index.relation, []).append(_mark(index))
    for constraint in source.constraints:
        marks.setdefault(constraint.relation, []).append(_mark(constraint))
    return marks


def _upwards(source: Schema, relation: str) -> Iterator[str]:
    yield relation
    for parent in source.table(relation).parents if source.has_table(relation) else ():
        yield from _upwards(source, parent)


def _mark(piece: Index | Constraint) -> str:
    return f"{'index' if isinstance(piece, Index) else 'constraint'}:{piece.oid}"


@dataclass(frozen=True)
class Appeared:
    """What the ledger knows of the indexes and constraints of one database's relations."""

    view: View
    source: Schema

    def is_new(self, piece: Index | Constraint) -> bool:
        """Whether it was not there when the relation, or one beneath it, began, and nothing was noted of it since."""
        return any(not self._is_known(entry, piece) for entry in self._entries(piece))

    def is_younger(self, piece: Index | Constraint) -> bool:
        """The same of relations of which it was noted what was there; an older version noted nothing."""
        entries = (entry for entry in self._entries(piece) if entry.structure is not None)
        return any(not self._is_known(entry, piece) for entry in entries)

    def is_awaited(self, piece: Index | Constraint) -> bool:
        """Whether changes from before it may be on their way."""
        return any(not self._has_passed(entry) for entry in self._entries(piece))

    def note(self, piece: Index | Constraint) -> Action:
        """Write down what is there now, and then a position of the source: what was written without it lies before."""
        position = "SELECT pg_current_wal_insert_lsn()::text AS position"
        new = [entry.relation for entry in self._entries(piece) if not self._is_known(entry, piece)]
        standing = _structures(self.source, self._all_marks, new)
        rows = ", ".join(f"({literal(name)}, {literal(standing[name])})" for name in new)
        update = (
            "UPDATE migrator.relations r SET structure = seen.structure, structure_lsn = %(position)s::pg_lsn"
            f" FROM (VALUES {rows.replace('%', '%%')}) AS seen (relation, structure)"  # a name may have one
            f" WHERE r.mapping = {literal(self.view.spec.name)} AND r.relation = seen.relation"
        )
        pair = self.view.database
        return Action(
            f"note in the ledger that {piece.relation} has another index or constraint on the source",
            (
                Statement(Side.SOURCE, pair.name, position, keeps=("position",)),
                Statement(Side.DESTINATION, pair.target, update, uses=("position",)),
            ),
            piece.relation,
        )

    @cached_property
    def _all_marks(self) -> Mapping[str, list[str]]:
        """Once for however many relations are noted."""
        return _marks(self.source)

    def _entries(self, piece: Index | Constraint) -> Iterator[LedgerRelation]:
        known = self.view.database.ledger.relations
        return (known[leaf] for leaf in self.source.storage(piece.relation) if leaf in known)

    def _is_known(self, entry: LedgerRelation, piece: Index | Constraint) -> bool:
        return _mark(piece) in (entry.structure or "").split()

    def _has_passed(self, entry: LedgerRelation) -> bool:
        position = entry.structure_lsn
        return position is None or (self._confirmed(entry) or Lsn(0)) >= position

    def _confirmed(self, entry: LedgerRelation) -> Lsn | None:
        """What the relation's group has confirmed: only its changes reach the relation."""
        group = groups.ledger_group(self.view, entry.group)
        slot = self.view.source.slot(group.name) if group is not None else None
        return slot.confirmed_flush_lsn if slot is not None else None
