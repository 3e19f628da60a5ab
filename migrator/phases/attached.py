"""Which partitions joined a tree that has a default partition?

A new partition takes its range away from the default one. Rows of that range which are still on their way to the default
partition would halt apply for ever, so such a partition is made and copied as a table by itself, and attached when
everything that was written before the source attached it has arrived.
"""

from collections.abc import Iterator

from migrator.model import Lsn, SyncState
from migrator.observation import DatabasePair
from migrator.phases.partitions import NAME, ledger, note, passed, schemas, some
from migrator.phases.view import View
from migrator.schema import Schema
from migrator.schema.table import Attachment, Table, attachment
from migrator.steps import Action, Gates, Side, Statement, Step, Wait

_DEFAULT = "DEFAULT"


def examine(view: View) -> Step:
    """Note the source's position once a partition's leaves are admitted, and attach it when apply has passed that."""
    both = schemas(view)
    if both is None:
        return Step(NAME, view.database.name, Gates.RELATION)
    source, target = both
    actions: list[Action] = []
    waits: list[Wait] = []
    for held in held_attachments(view.database, source, target):
        work = _next(view, source, held)
        (actions if isinstance(work, Action) else waits).append(work)  # type: ignore[arg-type]
    return Step(NAME, view.database.name, Gates.RELATION, tuple(actions), tuple(waits))


def held_attachments(pair: DatabasePair, source: Schema, target: Schema) -> Iterator[Attachment]:
    """Attachments that are not pre_data's to make: the tree is replicated, and has a default partition on the destination."""
    defaults = {table.parent: table for table in target.tables if table.parent and table.bound == _DEFAULT}
    for table in source.tables:
        default = defaults.get(table.parent) if table.parent is not None else None
        if default is None or default.qualified == table.qualified or not _is_absent(table, target):
            continue
        tie = attachment(table) if source.storage(table.qualified) else None  # without rows nothing can be noted of it
        if tie is not None and any(leaf in pair.ledger.relations for leaf in target.storage(default.qualified)):
            yield tie


def _is_absent(table: Table, target: Schema) -> bool:
    return not target.has_table(table.qualified) or target.table(table.qualified).parent is None


def _next(view: View, source: Schema, tie: Attachment) -> Action | Wait:
    entries = [view.database.ledger.relations.get(leaf) for leaf in source.storage(tie.partition)]
    known = [entry for entry in entries if entry is not None]
    if len(known) < len(entries):
        return Wait(f"{tie.partition} is attached to {tie.parent} once it is replicated")
    new = [entry.relation for entry in known if entry.attached_lsn is None]
    if new:
        return note(view, "attached_lsn", new, f"note in the ledger that {some(new)} was attached on the source")
    if not passed(view, max(entry.attached_lsn or Lsn(0) for entry in known)) or not _is_ready(view, tie.parent):
        return Wait(f"{tie.partition} is attached to {tie.parent} when all that was written before has arrived")
    forget = ledger("SET was_partition = true, attached_lsn = NULL", view, [entry.relation for entry in known])
    statements = tuple(Statement(Side.DESTINATION, view.database.target, sql) for sql in (*tie.create(), forget))
    return Action(f"attach partition {tie.partition} to {tie.parent}", statements)


def _is_ready(view: View, parent: str) -> bool:
    """Whether none of the tree on the destination is still being copied."""
    target = view.database.target_schema
    assert target is not None
    leaves = target.storage(parent)
    states = [each.relations.get(leaf) for each in view.database.subscriptions for leaf in leaves]
    return all(state in (None, SyncState.READY) for state in states)
