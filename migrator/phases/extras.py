"""What stands on the destination only: dropped on the source meanwhile, or made here by somebody.

It is told with the statement that would take it away, and never taken away by us. What could refuse or change rows (a
constraint, a unique index, a trigger, ...) keeps the light out: apply would halt at rows that the source accepts.
"""

from collections.abc import Iterator

from migrator.phases.post_data import NAME
from migrator.phases.view import View
from migrator.phases.wording import some
from migrator.schema import Schema
from migrator.schema.comment import Comment
from migrator.schema.constraint import Constraint
from migrator.schema.definition import Definition
from migrator.schema.index import Index, IndexAttachment
from migrator.schema.item import Item
from migrator.schema.removal import removal
from migrator.schema.replica_identity import ReplicaIdentity
from migrator.schema.sequence import IDENTITY
from migrator.schema.sequence import Sequence as SequenceItem
from migrator.schema.spelling import unquoted
from migrator.schema.table import Attachment, Table
from migrator.steps import Finding, Gates, Step

_ACTING = frozenset({"trigger", "trigger of a partition", "rule", "policy", "row security of"})


def examine(view: View) -> Step:
    """Once the database is replicated; before, the destination's own objects are nobody's business."""
    pair = view.database
    source, target = pair.source_schema, pair.target_schema
    if source is None or target is None or view.observation.scope.relations or not pair.ledger.relations:
        return Step(NAME, pair.name, Gates.RELATION)
    told = [item for item in extras(source, target) if not _told_elsewhere(item, view)]
    acting = [item for item in told if _acts_on_rows(item)]
    quiet = [item for item in told if not _acts_on_rows(item)]
    findings = (*(_blocking(view, item) for item in acting), *_notes(view, quiet))
    return Step(NAME, pair.name, Gates.RELATION, findings=findings)


def extras(source: Schema, target: Schema) -> tuple[Item, ...]:
    """The destination's objects that the source lacks, each whole: not what goes with another one of them."""
    found = [item for item in target.items if source.counterpart(item) is None]
    tables = {item.qualified for item in found if isinstance(item, Table)}
    identities = {unquoted(item.identity) for item in found}
    return tuple(item for item in found if not _goes_with_another(item, tables, identities, target))


def _goes_with_another(item: Item, tables: set[str], identities: set[str], target: Schema) -> bool:
    if isinstance(item, SequenceItem):
        return item.link == IDENTITY or item.owner_relation in tables
    if isinstance(item, Comment):
        return item.needs in identities
    if isinstance(item, IndexAttachment):
        return True
    if isinstance(item, Attachment):
        return item.partition in tables
    if isinstance(item, Index) and item.parent is not None and unquoted(f"index {item.parent}") in identities:
        return True
    return not isinstance(item, Table) and getattr(item, "relation", None) in tables


def _told_elsewhere(item: Item, view: View) -> bool:
    """By the phase of partitions."""
    ledger = view.database.ledger
    if isinstance(item, Attachment):
        return True
    return isinstance(item, Table) and (item.qualified in ledger.relations or item.qualified in ledger.left)


def _acts_on_rows(item: Item) -> bool:
    if isinstance(item, Index):
        return item.constraint is not None or item.definition.startswith("CREATE UNIQUE")
    return isinstance(item, Constraint | ReplicaIdentity) or (isinstance(item, Definition) and item.kind in _ACTING)


def _blocking(view: View, item: Item) -> Finding:
    where = f"database {view.database.target} on the destination"
    return Finding(
        "object_extra",
        f"{item.identity} stands in {where} only, and may refuse or change rows that the source accepts.",
        f"In {where}: {removal(item)};" if removal(item) else "Take it away there, or make it on the source.",
        database=view.database.name,
        relation=getattr(item, "relation", None),
    )


def _notes(view: View, items: list[Item]) -> Iterator[Finding]:
    if items:
        where = f"database {view.database.target} on the destination"
        yield Finding(
            "object_extra",
            f"{some([item.identity for item in items])} stand{'s' if len(items) == 1 else ''} in {where} only.",
            f"What was dropped on the source on purpose, in {where}: "
            + some([f"{statement};" for item in items if (statement := removal(item))]),
            blocking=False,
            database=view.database.name,
        )
