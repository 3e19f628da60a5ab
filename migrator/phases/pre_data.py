"""What can receive rows? Schemas, extensions, types, sequences, tables, partition trees and the keys apply needs."""

from collections.abc import Collection, Iterable, Iterator, Set
from dataclasses import replace

from migrator.observation import DatabasePair
from migrator.phases import altered, late_keys, layouts, new_partitions, tightened
from migrator.phases.keys import deferred
from migrator.phases.tightened import comes_with_parent
from migrator.phases.view import View
from migrator.schema import Schema
from migrator.schema.comment import Comment
from migrator.schema.compare import Difference
from migrator.schema.constraint import CHECK, Constraint
from migrator.schema.index import Index, IndexAttachment
from migrator.schema.index import attachment as index_attachment
from migrator.schema.item import Item
from migrator.schema.order import CircleError, by_dependency, by_depth
from migrator.schema.replica_identity import replica_identity
from migrator.schema.sequence import IDENTITY, ownership
from migrator.schema.spelling import unquoted
from migrator.schema.table import Table
from migrator.schema.table import attachment as partition_attachment
from migrator.steps import Action, Finding, Gates, Quick, Side, Statement, Step, Wait

NAME = "pre_data"

_OLD_ROWS = (
    " -- Rows that stood before get this default here; where the source's have another value (a default that changes, or was"
    " changed since), send them again: UPDATE on the source."
)


def examine(view: View) -> Step:
    """Creates what is missing; names what differs, and what holds rows that are not ours."""
    pair = view.database
    source, target = pair.source_schema, pair.target_schema
    if source is None or target is None:
        return Step(NAME, pair.name, Gates.DATABASE, waits=(Wait(f"the schema of {pair.name} has not been read"),))
    try:
        wanted = wanted_items(source, target, deferred(view), pair.ledger.relations, late_keys.late_keys(view))
    except CircleError as error:
        circle = Finding(
            "circular_dependency", f"{error.message} (database {pair.name}).", error.remedy, database=pair.name
        )
        return Step(NAME, pair.name, Gates.DATABASE, findings=(circle,))
    held = new_partitions.held_ties(pair, source, target)
    absent = [item for item in wanted if item.identity not in held and target.counterpart(item) is None]
    missing, withheld = new_partitions.withheld(view, source, target, absent)
    findings = (*_drift(view, wanted, source, target), *filled(pair, source, target), *withheld)
    actions = tuple(_action(pair.target, item) for item in missing)
    return Step(NAME, pair.name, Gates.DATABASE, actions=actions, findings=findings)


def wanted_items(
    source: Schema,
    target: Schema,
    without_keys: Set[str] = frozenset(),
    begun: Collection[str] = (),
    left: Set[str] = frozenset(),
) -> tuple[Item, ...]:
    """All that has to exist before the first row, in the order of its making; `begun` relations may hold some already.

    What no gentle way builds (EXCLUDE, UNIQUE ... WITHOUT OVERLAPS) is made while its table is still empty: later it would
    keep replication out of that table for as long as it takes.

    Tables `without_keys` get theirs after their rows; those that are `left` (identities) and other indexes are built by post_data: what
    needs one of them (a view that groups by a key) is wanted as soon as that is there.

    A partition that is new beneath a parent the destination already has gets its indexes and checks before it is
    attached: ATTACH would make indexes of other names, and refuse a partition without its parent's checks. Not one whose rows
    are there already: those indexes and checks are post_data's, and it is attached after them (`attached`).
    """
    late = {table.qualified for table in source.tables if _is_late(table, target, begun)}
    later = without_keys - late
    lacking = later | {each.relation for each in source.indexes if each.identity in left and each.replica_identity}
    early = (each for each in _early_indexes(source, late, begun) if each.identity not in left)
    keys = tuple(index for index in early if index.relation not in later)
    with_rows, with_indexes = source.made_first
    made: tuple[Iterable[Item | None], ...] = (
        source.namespaces,
        by_dependency(source.extensions, source.dependencies),
        with_rows,
        map(ownership, source.sequences),
        keys,
        _late_checks(source, late),
        map(partition_attachment, by_depth(source.tables)),
        _index_attachments(source, target, keys),
        map(replica_identity, (table for table in source.tables if table.qualified not in lacking)),
        _standing(source, target, keys, with_indexes),
    )
    items = tuple(item for kind in made for item in kind if item is not None)
    return (*items, *_comments(source, items))


def _early_indexes(source: Schema, late: Set[str], begun: Collection[str]) -> Iterator[Index]:
    for index in source.indexes:
        rough = index.constrains_roughly and not any(leaf in begun for leaf in source.storage(index.relation))
        if index.is_key or rough or (index.relation in late and index.valid):
            yield index


def _comments(source: Schema, items: Iterable[Item]) -> Iterator[Comment]:
    """Those on what is made here."""
    made = [item for item in items if not isinstance(item, Index) or item.is_key]  # others': post_data
    made += [each for each in source.sequences if each.link == IDENTITY]  # they come with their tables
    present = {unquoted(item.identity) for item in made}
    return (comment for comment in source.comments if comment.needs in present)


def _standing(
    source: Schema, target: Schema, keys: Iterable[Index], with_indexes: Iterable[tuple[Item, Set[str]]]
) -> Iterator[Item]:
    """Those whose indexes are made here, or are on the destination with the constraints that stand on them."""
    made = {each.identity for each in keys}
    lacking = {each.key for each in source.indexes if each.identity not in made and not _is_there(each, target)}
    return (item for item, needed in with_indexes if lacking.isdisjoint(needed))


def _is_there(index: Index, target: Schema) -> bool:
    found = target.find(index.identity)
    return isinstance(found, Index) and (index.constraint is None or found.constraint is not None)


def _is_late(table: Table, target: Schema, begun: Collection[str]) -> bool:
    """Its parent is there, itself is not, or not yet attached: it came after the parent was made."""
    if table.parent is None or not target.has_table(table.parent):
        return False
    if any(leaf in begun for leaf in target.storage(table.qualified)):
        return False
    return target.find(f"partition {table.qualified}") is None


def _late_checks(source: Schema, late: set[str]) -> Iterator[Constraint]:
    return (each for each in source.constraints if each.type == CHECK and each.relation in late)


def _index_attachments(source: Schema, target: Schema, keys: Iterable[Index]) -> Iterator[IndexAttachment]:
    """Those whose parent exists by then: a key, or an index the destination already has."""
    identities = {key.identity for key in keys}
    for attachment in filter(None, map(index_attachment, keys)):
        parent = f"index {attachment.parent}"
        if parent in identities or target.find(parent) is not None:
            yield attachment


def _action(database: str, item: Item) -> Action:
    """An object by itself: it is made whole, or not at all. Most take but a moment, and are made many at a time."""
    sentences = item.create()
    statements = tuple(Statement(Side.DESTINATION, database, sql) for sql in sentences)
    return Action(f"create {item.identity}", statements, quick=Quick(sentences, ()))


def _drift(view: View, wanted: Iterable[Item], source: Schema, target: Schema) -> Iterator[Finding]:
    differing = tuple(_differing(view, wanted, target))
    if not differing:  # nearly always: what must wait need not be asked
        return
    untold, early = altered.untold(view), tightened.early(view)
    for item, whole, each in differing:
        place = (item.identity, each.property)
        mend = early.get(place, each.mend)
        if place in untold or (not mend and place in early) or comes_with_parent(item, each, source, target):
            continue
        guessed = isinstance(whole, Table) and " ADD COLUMN " in mend and whole.guesses(each.property)
        yield drift_finding(view.database.name, replace(each, mend=mend + _OLD_ROWS if guessed else mend))


def _differing(view: View, wanted: Iterable[Item], target: Schema) -> Iterator[tuple[Item, Item, Difference]]:
    """What is wanted, the same as it is known by the rows that are there, and one difference of it."""
    for item in wanted:
        counterpart = target.counterpart(item)
        if counterpart is None or (isinstance(item, Index) and not item.is_key):
            continue  # post_data compares these indexes
        whole, found = layouts.compared(view.database, item, counterpart)
        yield from ((item, whole, each) for each in found)


def drift_finding(database: str, difference: Difference, relation: str | None = None) -> Finding:
    """The blocking finding for one difference: both definitions, and what mends the destination."""
    mend = difference.mend
    return Finding(
        code="schema_drift",
        message=f"{difference} (database {database}).",
        remedy=f"On the destination: {mend}" if mend else "Make the two alike, or drop it on the destination.",
        blocking=difference.blocking,
        database=database,
        relation=relation,
    )


def filled(pair: DatabasePair, source: Schema, target: Schema) -> Iterator[Finding]:
    """Tables of both sides that hold rows on the destination which are not ours."""
    for relation in sorted(pair.filled - pair.ledger.relations.keys()):
        if source.is_replicated(relation) and target.has_table(relation):
            yield Finding(
                code="destination_not_empty",
                message=f"{relation} in {pair.target} on the destination holds rows that this migration did not write.",
                remedy=f"Nothing is copied over them. If they are not needed, in database {pair.target} on the destination: "
                f"TRUNCATE {relation};",
                database=pair.name,
                relation=relation,
            )
