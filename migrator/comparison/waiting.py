"""What is missing and must not be made yet, by the judgement of the migration's own phases: rows are being copied, or changes from
before it was there may be on their way, at which apply would halt for ever.

Before a migration, after it, and once everything has arrived nothing waits.
"""

from dataclasses import dataclass
from functools import cached_property

from migrator.phases import new_partitions, post_data
from migrator.phases.building import Builder
from migrator.phases.view import View
from migrator.schema import Schema
from migrator.schema.constraint import Constraint
from migrator.schema.index import Index, IndexAttachment
from migrator.schema.item import Item
from migrator.steps import Action


@dataclass(frozen=True)
class Waiting:
    """Of one database that stands on both sides."""

    view: View
    source: Schema
    target: Schema

    def uncopied(self, item: Item) -> str | None:
        """The first table that it is about and whose rows are not in."""
        return next((name for name in self._relations(item) if self._is_at_work and not self._is_copied(name)), None)

    def reason(self, item: Item) -> str | None:
        """Why it is made later although rows are in; None: it may be made now."""
        if not self._is_at_work:
            return None
        if item.identity in self._held:
            return "attached when all that was written before has arrived"
        if isinstance(item, IndexAttachment):
            missing = (end for end in self._ends(item) if self.target.counterpart(end) is None)
            return next(filter(None, map(self._of_piece, missing)), None)
        return self._of_piece(item) if isinstance(item, Index | Constraint) else None

    def _of_piece(self, piece: Index | Constraint) -> str | None:
        first = next(iter(self._builder.of(piece)), None)
        if isinstance(first, Action):
            new = self._builder.appeared.is_new(piece)
            return f"waits until all that was written to {piece.relation} before has arrived" if new else None
        return first.message if first is not None else None

    @property
    def _is_at_work(self) -> bool:
        return bool(self.view.database.ledger.groups) and not self.view.observation.arrived

    @cached_property
    def _held(self) -> frozenset[str]:
        return new_partitions.held_ties(self.view.database, self.source, self.target)

    @cached_property
    def _builder(self) -> Builder:
        return post_data.builder(self.view, self.source, self.target)

    def _relations(self, item: Item) -> tuple[str, ...]:
        if isinstance(item, IndexAttachment):
            return tuple(end.relation for end in self._ends(item))
        referenced = item.referenced[:1] if isinstance(item, Constraint) and item.referenced is not None else ()
        relation = getattr(item, "relation", None)
        return (relation, *referenced) if relation is not None else ()

    def _ends(self, tie: IndexAttachment) -> tuple[Index, ...]:
        found = (self.source.find(f"index {name}") for name in (tie.index, tie.parent))
        return tuple(each for each in found if isinstance(each, Index))

    def _is_copied(self, relation: str) -> bool:
        return not self.source.has_table(relation) or self.view.database.ready.issuperset(self.source.storage(relation))
