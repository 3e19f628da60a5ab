"""Which partitions joined a tree that has a default partition, or were replicated as tables by themselves before?

A new partition takes its range away from the default one. Rows of that range which are still on their way to the default
partition would halt apply for ever, so such a partition is made and copied as a table by itself, and attached when
everything that was written before the source attached it has arrived. So is a table that was replicated before it became a partition:
a row that it must not hold as one may be on its way, and the change that takes it away behind it.
"""

from collections.abc import Iterator

from migrator.contents import SyncState
from migrator.model import Lsn
from migrator.observation import DatabasePair
from migrator.phases.partitions import NAME, ledger, note, passed, schemas, some
from migrator.phases.view import View
from migrator.schema import Schema
from migrator.schema.constraint import CHECK
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
        work = _next(view, source, target, held)
        (actions if isinstance(work, Action) else waits).append(work)  # type: ignore[arg-type]
    return Step(NAME, view.database.name, Gates.RELATION, tuple(actions), tuple(waits))


def held_attachments(pair: DatabasePair, source: Schema, target: Schema) -> Iterator[Attachment]:
    """Attachments that are not pre_data's to make: the tree is replicated, and has a default partition on the destination."""
    defaults = {table.parent: table for table in target.tables if table.parent and table.bound == _DEFAULT}
    for table in source.tables:
        if table.parent is None or not target.has_table(table.parent) or not _is_absent(table, target):
            continue
        tie = attachment(table) if source.storage(table.qualified) else None  # without rows nothing can be noted of it
        default = defaults.get(table.parent)
        rest = target.storage(default.qualified) if default and default.qualified != table.qualified else ()
        if tie is not None and (any(leaf in pair.ledger.relations for leaf in rest) or is_filled(pair, target, table)):
            yield tie


def is_filled(pair: DatabasePair, target: Schema, table: Table) -> bool:
    """Whether we fill it, or one beneath it, on the destination already: the very table that stands there."""
    known = (pair.ledger.relations.get(leaf) for leaf in target.storage(table.qualified))
    return any(entry is not None and target.table(entry.relation).oid == entry.target_oid for entry in known)


def _is_absent(table: Table, target: Schema) -> bool:
    return not target.has_table(table.qualified) or target.table(table.qualified).parent is None


def _next(view: View, source: Schema, target: Schema, tie: Attachment) -> Action | Wait:
    entries = [view.database.ledger.relations.get(leaf) for leaf in source.storage(tie.partition)]
    known = [entry for entry in entries if entry is not None]
    if len(known) < len(entries):
        return Wait(f"{tie.partition} is attached to {tie.parent} once it is replicated")
    new = [entry.relation for entry in known if entry.attached_lsn is None]
    if new:
        return note(view, "attached_lsn", new, f"note in the ledger that {some(new)} was attached on the source")
    if not passed(view, max(entry.attached_lsn or Lsn(0) for entry in known)) or not _is_ready(view, tie.parent):
        return Wait(f"{tie.partition} is attached to {tie.parent} when all that was written before has arrived")
    if lacking := next(_lacking(source, target, tie.partition), None):
        return Wait(f"{tie.partition} is attached to {tie.parent} once it has {lacking}")
    forget = ledger("SET was_partition = true, attached_lsn = NULL", view, [entry.relation for entry in known])
    statements = tuple(Statement(Side.DESTINATION, view.database.target, sql) for sql in (*tie.create(), forget))
    return Action(f"attach partition {tie.partition} to {tie.parent}", statements)


def _lacking(source: Schema, target: Schema, top: str) -> Iterator[str]:
    """ATTACH would make indexes of other names for those of the parent, and refuses a partition without the parent's checks."""
    tree = {top, *source.descendants(top)}
    for index in source.indexes:
        wanted = index.relation in tree and index.parent is not None and index.valid
        if wanted and target.find(f"index {index.parent}") is not None and target.find(index.identity) is None:
            yield index.identity
    for check in source.constraints:
        if check.type == CHECK and check.relation == top and target.find(check.identity) is None:
            yield check.identity


def _is_ready(view: View, parent: str) -> bool:
    """Whether none of the tree on the destination is still being copied."""
    target = view.database.target_schema
    assert target is not None
    leaves = target.storage(parent)
    states = [each.relations.get(leaf) for each in view.database.subscriptions for leaf in leaves]
    return all(state in (None, SyncState.READY) for state in states)
