"""What the pipe phases share: a group's one name, and whether what stands is still what the ledger remembers."""

from migrator.model import Identity, LedgerGroup
from migrator.names import group_name
from migrator.phases.view import View
from migrator.quote import literal
from migrator.steps import Finding, Side, Statement

FIRST_GROUP = 1


def name_of(view: View, number: int = FIRST_GROUP) -> str:
    """The name of this database's group: publication, slot and subscription share it."""
    return group_name(view.spec.name, view.destination.system_identifier, view.database.name, number)


def ledger_group(view: View, number: int = FIRST_GROUP) -> LedgerGroup | None:
    """What the ledger remembers of the group; None before it was recorded."""
    return next((group for group in view.database.ledger.groups if group.number == number), None)


def begun(view: View, number: int = FIRST_GROUP) -> bool:
    """Whether any relation of the group was ever admitted: from then on nothing of the pipe is made anew."""
    return any(relation.group == number for relation in view.database.ledger.relations.values())


def identities(view: View) -> tuple[Identity, Identity]:
    """Both servers as they are now."""
    return (
        Identity(view.source.system_identifier, view.source.timeline),
        Identity(view.destination.system_identifier, view.destination.timeline),
    )


def update_group(view: View, assignment: str, uses: tuple[str, ...] = (), number: int = FIRST_GROUP) -> Statement:
    """The ledger statement that notes something about the group."""
    return Statement(
        Side.DESTINATION,
        view.database.target,
        f"UPDATE migrator.groups SET {assignment} WHERE mapping = {literal(view.spec.name)} AND number = {number}",
        uses=uses,
    )


def broken(view: View, what: str, relation: str | None = None) -> Finding:
    """`replication_broken`: changes may be lost without a sign, so nothing is made anew on our own account."""
    scope = f"relation {relation}" if relation else f"database {view.database.name}"
    return Finding(
        "replication_broken",
        f"Replication of {scope} can no longer be trusted: {what}.",
        f"Changes may be missing on the destination. End this mapping with: pg-migrator abort {view.spec.name}; then "
        f"pg-migrator forget {view.spec.name}, drop database {view.database.target} on the destination, and start again.",
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
