"""Which partitions left their tree on the source, by DETACH or DROP, or are about to?

While the destination's is still a partition, queries of the parent see its rows, and apply halts at a row of its range that
now goes to the default partition. So the tree is followed at once, also for what is dropped later or never: nothing is lost
by it, and a detached table is replicated on under its own name.
"""

from collections.abc import Iterator

from migrator.config import PartitionMaintenance
from migrator.phases.dropped import Gone, gone_relations
from migrator.phases.partitions import NAME, ledger, schemas
from migrator.phases.view import View
from migrator.records import LedgerRelation
from migrator.schema import Schema
from migrator.schema.table import Table
from migrator.steps import Action, Finding, Gates, Side, Statement, Step


def examine(view: View) -> Step:
    """Follow what left a tree, or under `report` tell of it; tell of a DETACH CONCURRENTLY that was not finished."""
    both = schemas(view)
    if both is None:
        return Step(NAME, view.database.name, Gates.RELATION)
    source, target = both
    left = tuple(_left(view, source, target))
    findings = (*_pending(view, Side.SOURCE, source), *_pending(view, Side.DESTINATION, target))
    if view.spec.partition_maintenance is not PartitionMaintenance.REPORT and view.journal.barrier is None:
        actions = tuple(_detach(view, table, leaves) for table, leaves in left)
        return Step(NAME, view.database.name, Gates.RELATION, actions, findings=findings)
    told = (_detached(view, table) for table, _ in left if source.has_table(table.qualified))
    return Step(NAME, view.database.name, Gates.RELATION, findings=(*told, *findings))


def _left(view: View, source: Schema, target: Schema) -> Iterator[tuple[Table, tuple[str, ...]]]:
    """The destination's partitions that the source has in no tree any more, with their leaves, all of them in the ledger."""
    gone = tuple(gone_relations(view, source))
    known = {**view.database.ledger.left, **view.database.ledger.relations}
    for table in target.tables:
        if table.parent is None or not source.has_table(table.parent):
            continue
        if source.has_table(table.qualified) and source.table(table.qualified).parent is not None:
            continue
        leaves = target.storage(table.qualified)
        if leaves and all(_is_ours(known.get(leaf), source, gone) for leaf in leaves):
            yield table, leaves


def _is_ours(entry: LedgerRelation | None, source: Schema, gone: Gone) -> bool:
    """The table that we fill, or filled until it was dropped; not one made anew by the same name."""
    if entry is None:
        return False
    if source.has_table(entry.relation):
        return source.table(entry.relation).oid == entry.source_oid
    return entry in gone


def _detach(view: View, table: Table, leaves: tuple[str, ...]) -> Action:
    """Not CONCURRENTLY: that refuses a tree with a default partition, and waits for every transaction."""
    statements = (_statement(table), ledger("SET was_partition = true, attached_lsn = NULL", view, leaves))
    return Action(
        f"detach partition {table.qualified}, which left {table.parent} on the source",
        tuple(Statement(Side.DESTINATION, view.database.target, sql) for sql in statements),
    )


def _statement(table: Table) -> str:
    return f"ALTER TABLE {table.parent} DETACH PARTITION {table.qualified}"


def _detached(view: View, table: Table) -> Finding:
    return Finding(
        "partition_detached",
        f"{table.qualified} was detached from {table.parent} on the source; in database {view.database.target} on the "
        "destination it is still a partition: queries of the parent see its rows, and apply halts at rows it must not have.",
        f"In database {view.database.target} on the destination: {_statement(table)};",
        blocking=False,
        database=view.database.name,
        relation=table.qualified,
    )


def _pending(view: View, side: Side, schema: Schema) -> Iterator[Finding]:
    database = view.database.name if side is Side.SOURCE else view.database.target
    for table in schema.tables:
        if table.detach_pending:
            yield Finding(
                "partition_detach_pending",
                f"DETACH PARTITION CONCURRENTLY of {table.qualified} from {table.parent} was not finished in database {database} "
                f"on the {side}: queries of the parent leave its rows out there, yet it is still a partition.",
                f"In database {database} on the {side}: {_statement(table)} FINALIZE;",
                blocking=False,
                database=view.database.name,
                relation=table.qualified,
            )
