"""Which relations that we filled are gone from the source, and what becomes of their tables on the destination?

A relation dropped by a nightly partition job loses no row: it vanishes from the publication by itself. Its table on the
destination goes with it only under `partition_maintenance: create_and_drop`, only a partition, only the very table we
filled, and not before the last change to it has arrived: apply would halt at a change without a table.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from migrator.config import PartitionMaintenance
from migrator.contents import SyncState
from migrator.phases import membership
from migrator.phases.partitions import NAME, note, passed, rows, schemas, some
from migrator.phases.view import View
from migrator.quote import identifier, literal
from migrator.records import LedgerRelation
from migrator.schema import Schema
from migrator.schema.constraint import FOREIGN_KEY
from migrator.steps import Action, Finding, Gates, Side, Statement, Step

Gone = tuple[LedgerRelation, ...]


def examine(view: View) -> Step:
    """Of a look at some relations nothing is asked: what is gone from the source is not among them."""
    both = schemas(view)
    if both is None:
        return Step(NAME, view.database.name, Gates.RELATION)
    source, target = both
    gone = tuple(gone_relations(view, source))
    actions = (*_forget(view, gone), *_refresh(view, gone), *_note(view, gone), *_drops(view, gone, source, target))
    findings = tuple(_findings(view, gone, source, target))
    return Step(NAME, view.database.name, Gates.RELATION, actions, findings=findings)


def gone_relations(view: View, source: Schema) -> Iterator[LedgerRelation]:
    """Relations of the ledger whose table, by its oid, the source has no more: neither renamed nor taken out by hand.

    Of those that left their group the renamed ones too: under its new name the table is copied anew, and nothing follows the old.
    """
    members = {oid for publication in view.database.publications for oid, _ in publication.relations.values()}
    ledger = view.database.ledger
    entries = [each for each in ledger.relations.values() if each.source_oid not in members]
    present = {table.oid for table in source.tables} if entries else set()
    gone = [each for each in entries if each.source_oid not in present]
    gone += [each for each in ledger.left.values() if not _stands(each, source)]
    yield from sorted(gone, key=lambda each: each.relation)


def _stands(entry: LedgerRelation, source: Schema) -> bool:
    """Whether the source has the table under its name."""
    return source.has_table(entry.relation) and source.table(entry.relation).oid == entry.source_oid


def _is_renamed(entry: LedgerRelation, source: Schema) -> bool:
    return not _stands(entry, source) and any(table.oid == entry.source_oid for table in source.tables)


def is_over(view: View, entry: LedgerRelation) -> bool:
    """Gone from the destination too: the name is free, and a new table of that name is made and copied as any other."""
    schema = view.database.target_schema
    subscribed = any(entry.relation in each.relations for each in view.database.subscriptions)
    return schema is not None and not schema.has_table(entry.relation) and not subscribed


def _forget(view: View, gone: Gone) -> Iterator[Action]:
    over = [entry.relation for entry in gone if is_over(view, entry)]
    if over:
        statements = tuple(_forgotten(view, over))
        yield Action(f"take {some(over)} out of the ledger: gone from both sides", statements, only_noted=True)


def _forgotten(view: View, relations: Sequence[str]) -> Iterator[Statement]:
    """With their parts: one that is not in would never be, and have the group's snapshot held for it."""
    for table in ("parts", "relations"):
        delete = f"DELETE FROM migrator.{table} WHERE {rows(view, relations)}"
        yield Statement(Side.DESTINATION, view.database.target, delete)


def _refresh(view: View, gone: Gone) -> Iterator[Action]:
    """PostgreSQL tries for ever to copy what is gone, and refuses to drop its table on the destination meanwhile.

    REFRESH begins besides whatever an admission that was stopped has put into the publication: that is recorded before.
    """
    for subscription in view.database.subscriptions:
        states = subscription.relations
        stuck = [each.relation for each in gone if states.get(each.relation, SyncState.READY) is not SyncState.READY]
        if stuck:
            sql = f"ALTER SUBSCRIPTION {identifier(subscription.name)} REFRESH PUBLICATION WITH (copy_data = true)"
            refresh = Statement(Side.DESTINATION, view.database.target, sql, transactional=False)
            of = [each for each in view.database.ledger.groups if each.name == subscription.name]
            recorded = (statement for group in of for statement in membership.record_members(view, group))
            summary = f"take {some(stuck)} out of the subscription: dropped on the source"
            yield Action(summary, (*recorded, refresh))


def _note(view: View, gone: Gone) -> Iterator[Action]:
    new = [entry.relation for entry in gone if entry.gone_lsn is None and not is_over(view, entry)]
    if new:
        noted = note(view, "gone_lsn", new, f"note in the ledger that {some(new)} was dropped on the source")
        yield replace(noted, only_noted=True)


def _drops(view: View, gone: Gone, source: Schema, target: Schema) -> Iterator[Action]:
    """Not where the source has another table of that name: `ledger_check` tells of that."""
    for entry in gone:
        if source.has_table(entry.relation) or _is_renamed(entry, source):
            continue
        if _may_drop(view, entry, target) and passed(view, entry.gone_lsn):
            yield _drop(view, entry)


def _may_drop(view: View, entry: LedgerRelation, target: Schema) -> bool:
    """A partition, the very table that we filled, and nobody has begun to use the destination."""
    if view.spec.partition_maintenance is not PartitionMaintenance.CREATE_AND_DROP or view.journal.barrier is not None:
        return False
    table = target.table(entry.relation) if target.has_table(entry.relation) else None
    return table is not None and table.oid == entry.target_oid and (table.is_partition or entry.was_partition)


def _drop(view: View, entry: LedgerRelation) -> Action:
    """Both ends are asked once more, by oid, in the moment of dropping: a statement that keeps and gets no row fails."""
    target, oid = view.database.target, entry.target_oid
    still = f"SELECT true AS gone WHERE NOT EXISTS (SELECT FROM pg_class WHERE oid = {entry.source_oid})"
    ours = f"SELECT true AS ours FROM pg_class WHERE oid = {oid} AND oid = to_regclass({literal(entry.relation)})"
    return Action(
        f"drop partition {entry.relation}, which was dropped on the source",
        (
            Statement(Side.SOURCE, view.database.name, still, keeps=("gone",)),
            Statement(Side.DESTINATION, target, ours, keeps=("ours",)),
            Statement(Side.DESTINATION, target, f"DROP TABLE {entry.relation}"),
            *_forgotten(view, [entry.relation]),
        ),
    )


def _findings(view: View, gone: Gone, source: Schema, target: Schema) -> Iterator[Finding]:
    for entry in gone:
        remade, renamed = source.has_table(entry.relation), _is_renamed(entry, source)
        if target.has_table(entry.relation) and not remade and (renamed or not _may_drop(view, entry, target)):
            yield _dropped(view, entry, target, "renamed" if renamed else "dropped")


def _dropped(view: View, entry: LedgerRelation, target: Schema, what: str) -> Finding:
    """No row is lost by it, so it keeps the light out only where a foreign key of it would hold up others' DELETEs."""
    name, where = entry.relation, f"database {view.database.target} on the destination"
    parent = target.table(name).parent
    still = f", where queries of {parent} still see its rows" if parent else ""
    statement = f"In {where}: DROP TABLE {name};"
    early = (
        f"Not yet: changes made to it before are still on their way, and apply would halt at them. Then, {statement}"
    )
    return Finding(
        "relation_dropped",
        f"{name} was {what} on the source; it still stands in {where}{still}.",
        statement if passed(view, entry.gone_lsn) else early,
        blocking=not (parent or entry.was_partition) and _refers(name, target),
        database=view.database.name,
        relation=name,
    )


def _refers(relation: str, target: Schema) -> bool:
    return any(each.type == FOREIGN_KEY and each.relation == relation for each in target.constraints)
