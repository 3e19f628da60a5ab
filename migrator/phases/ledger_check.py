"""Are the relations that have begun still what the ledger remembers? By oid on the source, and by their place in the publication."""

from collections.abc import Iterator, Mapping
from dataclasses import replace

from migrator.contents import Subscription
from migrator.phases import catchup, groups
from migrator.phases.dropped import gone_relations, is_over
from migrator.phases.partitions import ledger, note, passed, some
from migrator.phases.view import View
from migrator.quote import identifier, literal
from migrator.records import LedgerGroup, LedgerRelation
from migrator.steps import Action, Finding, Gates, Side, Statement, Step

NAME = "preflight"

Entries = Mapping[str, LedgerRelation]
Places = Mapping[str, tuple[int, int]]
"""`groups.published`."""


def examine(view: View) -> Step:
    """Relations that can no longer be trusted, that changed their name, or that are not ours.

    Asked before pre_data: a table renamed on the source must not be made on the destination under its new name, where
    apply would pass over its changes without a word.
    """
    found: list[Finding] = []
    follow: list[Action] = []
    for group in groups.at_work(view):
        found += _foreign_schemas(view, group)
        publication, subscription = view.database.publication(group.name), view.database.subscription(group.name)
        # Until it is recorded, what stands in publication and ledger is membership's to put right.
        if publication is None or subscription is None or group.subscription_oid is None:
            continue
        entries, places = groups.members(view, group), groups.published(view, group)
        found += (*_entries(view, group, entries, places, subscription), *_foreign(view, group, places))
        follow += (*_note(view, entries, places), *_follow(view, entries, places, subscription))
    return Step(NAME, view.database.name, Gates.DATABASE, tuple(follow), findings=tuple(found))


def _entries(
    view: View, group: LedgerGroup, entries: Entries, places: Places, subscription: Subscription
) -> Iterator[Finding]:
    source = view.database.source_schema
    if source is None:
        return
    gone = frozenset(gone_relations(view, source))
    for name, entry in sorted(entries.items()):
        if renamed := _new_name(entry, places):
            if renamed not in subscription.relations:
                due = passed(view, entry.gone_lsn) or catchup.has_stopped(view, group)
                yield _renamed(view, name, renamed, due=due)
        elif entry in gone:
            if source.has_table(name) and not is_over(view, entry):
                yield from _remade(view, entry)
        elif reason := _reason_broken(view, entry, places, subscription):
            yield groups.broken(view, reason, name)


def _new_name(entry: LedgerRelation, places: Places) -> str | None:
    """The name under which the same table, by oid, stands in the publication now."""
    if entry.relation in places:
        return None
    return next((name for name, (oid, _) in places.items() if oid == entry.source_oid), None)


def _note(view: View, entries: Entries, places: Places) -> Iterator[Action]:
    """By which position of the source no change bears the old name any more; forgotten where the table has that name again."""
    renamed = [name for name, each in entries.items() if each.gone_lsn is None and _new_name(each, places)]
    if renamed:
        yield note(view, "gone_lsn", renamed, f"note in the ledger that {some(renamed)} has another name on the source")
    back = [name for name, each in entries.items() if each.gone_lsn is not None and _stands(each, places)]
    if back:
        statement = Statement(Side.DESTINATION, view.database.target, ledger("SET gone_lsn = NULL", view, back))
        yield Action(f"note in the ledger that {some(back)} has its name again", (statement,))


def _stands(entry: LedgerRelation, places: Places) -> bool:
    return entry.relation in places and places[entry.relation][0] == entry.source_oid


def _renamed(view: View, name: str, now: str, *, due: bool) -> Finding:
    """Too early a rename here halts apply just as well: at what was written under the old name, and that for good."""
    early = (
        "Not yet: what was written under its old name is still on its way, and apply would halt at that. When all of it has "
        "arrived, or apply has halted: "
    )
    return Finding(
        "relation_renamed",
        f"{name} in database {view.database.name} was renamed to {now} on the source: its changes have no home on the "
        "destination, and apply of the whole database halts at the first of them.",
        f"{'' if due else early}Rename it likewise in database {view.database.target} on the destination: {_rename(view, name, now)} "
        "Apply then goes on where it halted. Renaming it back on the source does not mend it: what was written meanwhile bears the "
        "new name.",
        database=view.database.name,
        relation=name,
    )


def _rename(view: View, name: str, now: str) -> str:
    schema = view.database.source_schema
    if schema is None or not schema.has_table(now):
        return f"ALTER TABLE {name} RENAME TO ...;"
    table = schema.table(now)
    moved = not name.startswith(f"{identifier(table.namespace)}.")
    rename = f"ALTER TABLE {name} RENAME TO {identifier(table.name)};"
    return f"ALTER TABLE {name} SET SCHEMA {identifier(table.namespace)}; then {rename}" if moved else rename


def _follow(view: View, entries: Entries, places: Places, subscription: Subscription) -> Iterator[Action]:
    """The ledger takes the new name of a relation that was renamed on both sides: the oid says that it is the same."""
    for name, entry in sorted(entries.items()):
        now = _new_name(entry, places)
        if now is not None and now in subscription.relations:
            update = (
                f"UPDATE migrator.relations SET relation = {literal(now)}, gone_lsn = NULL"
                f" WHERE mapping = {literal(view.spec.name)} AND relation = {literal(name)}"
            )
            statement = Statement(Side.DESTINATION, view.database.target, update)
            yield Action(f"note in the ledger that {name} is now {now}", (statement,))


def _remade(view: View, entry: LedgerRelation) -> Iterator[Finding]:
    """Rows of the old table may stand beside those of the new one, and some be missing: only a copy from the start mends it.

    Changes of the old one are passed over then, but apply halts at them where the new one lacks a column of theirs.
    """
    name = entry.relation
    finding = groups.broken(view, "it was dropped and made anew on the source", name)
    where = f"database {view.database.target} on the destination"
    early = (
        "Not yet: changes of the old table are still on their way, and apply may halt at them. When they have arrived: "
    )
    remedy = f"In {where}: DROP TABLE {name}; it is then made anew there, and copied from the start. The other relations go on."
    remedy = remedy if passed(view, entry.gone_lsn) else early + remedy
    yield replace(finding, remedy=remedy)


def _reason_broken(view: View, entry: LedgerRelation, places: Places, subscription: Subscription) -> str | None:
    """Why a relation that has begun is no longer what the ledger remembers; None while it is."""
    member = places.get(entry.relation)
    if entry.publication_rel_oid is None:
        begun = entry.relation in subscription.relations
        return "it was added to the subscription before it was recorded in the ledger" if begun else None
    if member is None:
        return "it was taken out of the publication, or the publication was made anew"
    source_oid, member_oid = member
    if source_oid != entry.source_oid:
        return "it was dropped and made anew on the source"
    if member_oid != entry.publication_rel_oid:
        return "it was taken out of the publication and put back"
    gone = entry.relation not in subscription.relations and not view.observation.arrived
    if gone and entry.relation in view.database.filled:
        return "it was taken out of the subscription"
    return None


def _foreign(view: View, group: LedgerGroup, places: Places) -> Iterator[Finding]:
    """What is nobody's of ours, and what stands in the group's other publication than it should."""
    ours = {entry.source_oid for entry in view.database.ledger.relations.values()}
    standing = (
        (publication, name, place)
        for publication in groups.publications(view, group)
        for name, place in sorted(publication.relations.items())
    )
    for publication, name, place in standing:
        if (name not in view.database.ledger.relations and place[0] not in ours) or places[name] != place:
            yield Finding(
                "publication_foreign_relation",
                f"Somebody else added {name} to our publication {publication.name}.",
                f"In database {view.database.name} on the source: ALTER PUBLICATION {identifier(publication.name)} DROP TABLE {name};",
                database=view.database.name,
                relation=name,
            )


def _foreign_schemas(view: View, group: LedgerGroup) -> Iterator[Finding]:
    """Whatever comes into them, too, is published: without its rows, and where it has no replica identity its UPDATEs fail."""
    for publication in groups.publications(view, group):
        for schema in publication.schemas:
            yield Finding(
                "publication_foreign_relation",
                f"Somebody else added all tables of schema {schema} to our publication {publication.name}.",
                f"In database {view.database.name} on the source: ALTER PUBLICATION {identifier(publication.name)} DROP TABLES IN "
                f"SCHEMA {identifier(schema)};",
                database=view.database.name,
            )
