"""Under the method `snapshot`: which relation belongs to which group, and does each group's publication hold just these?

A publication is complete, and committed, before its slot is made; from then until its subscription exists nothing is added to it.
"""

from collections.abc import Iterable, Iterator, Sequence

from migrator.catalog import ledger_tables
from migrator.contents import Publication
from migrator.names import inserts_name
from migrator.phases import appeared, giving_up, groups, insert_only, publication, stale_publication
from migrator.phases.grouping import MOST_GROUPS, foreign_keys, plan
from migrator.phases.layouts import noted
from migrator.phases.relations import bytes_of, wanted
from migrator.phases.source_statements import add_tables, create_publication, drop_publication, drop_slot, drop_tables
from migrator.phases.view import View
from migrator.phases.wording import counted
from migrator.quote import literal
from migrator.records import LedgerGroup
from migrator.steps import Action, Finding, Gates, Side, Statement, Step

NAME = publication.NAME

SMALL_BYTES = 64 * 1024 * 1024
"""A new relation up to this size joins a group that is replicated already, by PostgreSQL's tablesync; a larger one gets a snapshot."""

AT_ONCE = 512
"""Relations of one ALTER PUBLICATION: each holds a lock to its end."""

GB = 1024**3


def examine(view: View) -> Step:
    """Assign relations to groups, make publications, keep them complete; trouble of one that stands holds the database."""
    working = groups.at_work(view)
    findings = tuple(_findings(view, working))
    actions = () if findings else tuple(_actions(view, working))
    gates = Gates.DATABASE if findings else Gates.RELATION
    return Step(NAME, view.database.name, gates, actions, findings=findings)


def unassigned(view: View) -> tuple[str, ...]:
    """The relations that no group has, largest first; not those with rows that are not ours."""
    known = view.database.ledger.relations.keys() | view.database.filled
    return tuple(name for name in wanted(view) if name not in known)


def joins(view: View, relation: str) -> LedgerGroup | None:
    """The group into which a relation that no group has is to be copied by tablesync; None where it is to begin one of its own.

    One that is replicated already, and has a publication for its kind. Only small ones join, while there may be more groups;
    and none where the source might pass over what is written to it from then on.
    """
    working = groups.at_work(view)
    if stale_publication.passes_over(view.source):
        return None
    if bytes_of(view, relation) > SMALL_BYTES and len(working) < MOST_GROUPS:
        return None
    inserts = insert_only.is_chosen(view.database, relation)
    replicated = (group for group in working if group.subscription_oid is not None)
    return next((group for group in replicated if not inserts or group.inserts_oid is not None), None)


def _findings(view: View, working: Iterable[LedgerGroup]) -> Iterator[Finding]:
    for group in working:
        if finding := groups.replaced(view, group):
            yield finding
        elif group.publication_oid is not None:
            yield from publication.trouble(view, group)
    if not view.database.ledger.groups and publication.has_leftovers(view, groups.name_of(view)):
        yield publication.leftover(view, groups.name_of(view))


def _actions(view: View, working: Iterable[LedgerGroup]) -> Iterator[Action]:
    new = [name for name in unassigned(view) if not joins(view, name)]
    if (new or not view.database.ledger.groups) and len(groups.at_work(view)) < MOST_GROUPS:
        yield _assign(view, new)
    for group in working:
        if group.publication_oid is None:
            yield _create(view, group)
        elif insert_only.lacks_publication(view, group):
            yield insert_only.create_publication(view, group)
        elif group.subscription_oid is None:
            for found in groups.publications(view, group):
                yield from _complete(view, group, found)
            yield from _record(view, group)
    for group in groups.spent(view):
        if group.publication_oid is not None or group.slot_created:
            yield _clear(view, group)


def to_begin(view: View, new: Iterable[str]) -> dict[int, frozenset[str]]:
    """The groups that would be begun with these relations now; one without any where there are none."""
    sizes = {name: bytes_of(view, name) for name in new}
    schema, limits = view.database.source_schema, view.spec.replication
    pairs = foreign_keys(schema) if schema is not None else ()
    room = MOST_GROUPS - len(groups.at_work(view))
    planned = plan(sizes, pairs, limits.streams_per_database, limits.own_group_gb * GB, room)
    first = max((group.number for group in view.database.ledger.groups), default=0) + 1
    return dict(enumerate(planned or (frozenset[str](),), start=first))


def _assign(view: View, new: Sequence[str]) -> Action:
    """One transaction: groups are begun with their relations."""
    schema, numbered = view.database.source_schema, to_begin(view, new)
    assert schema is not None
    standing = appeared.structures(schema, new)
    rows = ", ".join(
        f"({literal(view.spec.name)}, {literal(relation)}, {number}, {schema.table(relation).oid},"
        f" to_regclass({literal(relation)}), {'true' if schema.table(relation).is_partition else 'false'},"
        f" {noted(schema, view.database.target_schema, relation)}, {literal(standing[relation])},"
        f" {'true' if insert_only.is_chosen(view.database, relation) else 'false'})"
        for number, relations in numbered.items()
        for relation in sorted(relations)
    )
    members = (
        "INSERT INTO migrator.relations (mapping, relation, group_number, source_oid, target_oid, was_partition, layout,"
        f" structure, insert_only) VALUES {rows} {giving_up.BACK}"
    )
    sentences = (
        ledger_tables(),
        publication.insert_groups(view, numbered),
        *((members,) if rows else ()),
    )
    statements = tuple(Statement(Side.DESTINATION, view.database.target, sql) for sql in sentences)
    again = appeared.begun_again(view, new)
    statements = (*again[:1], *statements, *again[1:])
    return Action(f"assign {counted(len(new), 'relation')} to {counted(len(numbered), 'group')}", statements)


def _create(view: View, group: LedgerGroup) -> Action:
    known = view.database.publication(group.name) is not None
    create = Statement(Side.SOURCE, view.database.name, create_publication(group.name))
    statements = (*(() if known else (create,)), *publication.record(view, group.number))
    return Action(f"{'record' if known else 'create'} publication {group.name}", statements)


def _of(view: View, group: LedgerGroup, found: Publication) -> set[str]:
    """Relations of the group that this one of its publications is to hold."""
    inserts = found.name == inserts_name(group.name)
    return {name for name, entry in groups.members(view, group).items() if entry.insert_only == inserts}


def is_complete(view: View, group: LedgerGroup) -> bool:
    """Whether the publications hold the group's relations, and the ledger knows each by its place in it."""
    standing, entries = groups.publications(view, group), groups.members(view, group)
    return (
        group.publication_oid is not None
        and not insert_only.lacks_publication(view, group)
        and {*insert_only.subscribed(group)} <= {found.name for found in standing}
        and all(found.relations.keys() == _of(view, group, found) for found in standing)
        and all(entry.publication_rel_oid is not None for entry in entries.values())
    )


def _complete(view: View, group: LedgerGroup, found: Publication) -> Iterator[Action]:
    entries = _of(view, group, found)
    surplus = sorted(found.relations.keys() - entries)
    if surplus and view.observation.scope.relations == ():
        drop = Statement(Side.SOURCE, view.database.name, drop_tables(found.name, surplus))
        yield Action(f"take {counted(len(surplus), 'relation')} out of publication {found.name}", (drop,))
    if group.slot_created:
        return
    lacking = sorted(entries - found.relations.keys())
    batch = AT_ONCE if not _failed(view, found) else 1
    for start in range(0, len(lacking), batch):
        relations = lacking[start : start + batch]
        what = relations[0] if len(relations) == 1 else f"{len(relations)} relations"
        add = Statement(Side.SOURCE, view.database.name, add_tables(found.name, relations))
        yield Action(f"add to publication {found.name}: {what}", (add, *record_members(view, group)), last=True)


def _record(view: View, group: LedgerGroup) -> Iterator[Action]:
    if group.slot_created:
        return
    places, entries = groups.published(view, group), groups.members(view, group)
    if entries.keys() <= places.keys() and any(entry.publication_rel_oid is None for entry in entries.values()):
        yield Action(f"record the relations of publication {group.name}", record_members(view, group))


def _failed(view: View, found: Publication) -> bool:
    return any(what.startswith(f"add to publication {found.name}: ") for what in view.failing(NAME))


def record_members(view: View, group: LedgerGroup) -> tuple[Statement, Statement]:
    """Note in the ledger which place each relation has in its publication."""
    read = (
        "SELECT coalesce(jsonb_object_agg(pr.prrelid::text, pr.oid::text), '{}')::text AS members"
        " FROM pg_publication p JOIN pg_publication_rel pr ON pr.prpubid = p.oid"
        f" WHERE p.pubname IN ({', '.join(map(literal, insert_only.subscribed(group)))})"
    )
    note = (
        "UPDATE migrator.relations r SET publication_rel_oid = member.value::oid"
        " FROM jsonb_each_text(%(members)s::jsonb) AS member"
        f" WHERE {groups.in_group(view, group.number)} AND r.source_oid = member.key::oid AND r.publication_rel_oid IS NULL"
    )
    return (
        Statement(Side.SOURCE, view.database.name, read, keeps=("members",)),
        Statement(Side.DESTINATION, view.database.target, note, uses=("members",)),
    )


def _clear(view: View, group: LedgerGroup) -> Action:
    """Of a group that lost its snapshot before any relation was finished, slot and publications go; its number stays."""
    standing = {*insert_only.subscribed(group), *(each.name for each in groups.publications(view, group))}
    still = (
        f"SELECT true AS spent FROM migrator.groups WHERE {groups.of_group(view, group.number)} AND retired_at IS NOT NULL"
        f" AND NOT EXISTS (SELECT FROM migrator.relations WHERE {groups.in_group(view, group.number)})"
    )
    return Action(
        f"remove slot and publication {group.name}",
        (
            Statement(Side.DESTINATION, view.database.target, still, keeps=("spent",)),
            Statement(Side.SOURCE, view.database.name, drop_slot(group.name)),
            *(Statement(Side.SOURCE, view.database.name, drop_publication(name)) for name in sorted(standing)),
            groups.update_group(
                view, "publication_oid = NULL, inserts_oid = NULL, slot_created = false", number=group.number
            ),
        ),
    )
