"""What the pipe phases share: the groups of a database, their names, and whether what stands is still what the ledger remembers."""

from migrator.config import CopyMethod
from migrator.contents import Publication
from migrator.names import group_name, publication_group
from migrator.observation import DatabasePair
from migrator.phases.view import View
from migrator.phases.wording import begin_anew
from migrator.quote import literal
from migrator.records import Identity, Ledger, LedgerGroup, LedgerKeeper, LedgerRelation
from migrator.steps import Finding, Side, Statement

FIRST_GROUP = 1


def method_of(configured: CopyMethod, pair: DatabasePair) -> CopyMethod:
    """How a database's rows are copied: as its first group was begun, whatever the configuration says since."""
    groups = pair.ledger.groups
    return CopyMethod(groups[0].method) if groups else configured


def name_of(view: View, number: int = FIRST_GROUP) -> str:
    """The name of this database's group: publication, slot and subscription share it."""
    return group_name(view.spec.name, view.destination.system_identifier, view.database.name, number)


def ledger_group(view: View, number: int = FIRST_GROUP) -> LedgerGroup | None:
    """What the ledger remembers of the group; None before it was recorded."""
    return next((group for group in view.database.ledger.groups if group.number == number), None)


def members(view: View, group: LedgerGroup) -> dict[str, LedgerRelation]:
    """The relations that belong to the group."""
    return {name: entry for name, entry in view.database.ledger.relations.items() if entry.group == group.number}


def publications(view: View, group: LedgerGroup) -> tuple[Publication, ...]:
    """The group's publications that stand: of whole tables, and of those that are replicated by INSERT alone."""
    return tuple(each for each in view.database.publications if publication_group(each.name) == group.name)


def published(view: View, group: LedgerGroup) -> dict[str, tuple[int, int]]:
    """Relation -> (its oid, its pg_publication_rel oid), of all the group's publications; of two places the one that the ledger has."""
    ledger, places = view.database.ledger.relations, dict[str, tuple[int, int]]()
    for publication in publications(view, group):
        for name, place in publication.relations.items():
            if name not in places or (name in ledger and ledger[name].publication_rel_oid == place[1]):
                places[name] = place
    return places


def at_work(view: View) -> tuple[LedgerGroup, ...]:
    """The groups that have or are to have relations: not those that lost their snapshot before any relation was finished."""
    return in_ledger(view.database.ledger)


def in_ledger(ledger: Ledger) -> tuple[LedgerGroup, ...]:
    """`at_work`, of a ledger."""
    held = {entry.group for entry in ledger.relations.values()}
    # A narrow look sees few relations of the ledger; what is subscribed is at work whatever it sees.
    return tuple(
        group
        for group in ledger.groups
        if not group.retired or group.number in held or group.subscription_oid is not None
    )


def spent(view: View) -> tuple[LedgerGroup, ...]:
    """Those others: of them only the number stays, so that no late copier takes a later group for the one it knew."""
    working = at_work(view)
    return tuple(group for group in view.database.ledger.groups if group not in working)


def is_under_snapshot(group: LedgerGroup) -> bool:
    """Whether its relations are copied by us, and no subscription applies changes to them yet."""
    return group.method == CopyMethod.SNAPSHOT and group.subscription_oid is None


def living_keepers(view: View, group: LedgerGroup) -> tuple[LedgerKeeper, ...]:
    """The keepers of the group's snapshot whose sessions stand on the source."""
    return tuple(
        keeper
        for keeper in view.database.ledger.keepers
        if keeper.group == group.number and keeper.backend in view.database.backends
    )


def identities(view: View) -> tuple[Identity, Identity]:
    """Both servers as they are now."""
    return (
        Identity(view.source.system_identifier, view.source.timeline),
        Identity(view.destination.system_identifier, view.destination.timeline),
    )


def of_group(view: View, number: int) -> str:
    """The condition that picks a group's rows in the ledger's tables of groups."""
    return f"mapping = {literal(view.spec.name)} AND number = {number}"


def in_group(view: View, number: int) -> str:
    """The condition that picks a group's rows in the ledger's other tables."""
    return f"mapping = {literal(view.spec.name)} AND group_number = {number}"


def update_group(view: View, assignment: str, uses: tuple[str, ...] = (), number: int = FIRST_GROUP) -> Statement:
    """The ledger statement that notes something about the group."""
    sql = f"UPDATE migrator.groups SET {assignment} WHERE {of_group(view, number)}"
    return Statement(Side.DESTINATION, view.database.target, sql, uses=uses)


def broken(view: View, what: str, relation: str | None = None) -> Finding:
    """`replication_broken`: changes may be lost without a sign, so nothing is made anew on our own account."""
    scope = f"relation {relation}" if relation else f"database {view.database.name}"
    return Finding(
        "replication_broken",
        f"Replication of {scope} can no longer be trusted: {what}.",
        "Changes may be missing on the destination. Begin anew: "
        f"{begin_anew(view.spec.name, f'database {view.database.target}')}",
        database=view.database.name,
        relation=relation,
    )


def replaced(view: View, group: LedgerGroup) -> Finding | None:
    """A finding when either server is no longer the one the group was made on (restore or failover)."""
    for side, before, now in zip(
        ("source", "destination"), (group.source, group.destination), identities(view), strict=True
    ):
        if before.system_identifier != now.system_identifier:
            return broken(
                view,
                f"the {side} is another server now (system identifier {now.system_identifier}, was {before.system_identifier})",
            )
        if before.timeline != now.timeline:
            return broken(view, f"the {side} was promoted or restored (timeline {now.timeline}, was {before.timeline})")
    return None
