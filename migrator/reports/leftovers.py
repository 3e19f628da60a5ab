"""What an end could not take away, and with which statement it is taken away by hand."""

from collections.abc import Iterator
from dataclasses import dataclass

from migrator.model import Instance
from migrator.names import is_ours, publication_group
from migrator.observation import DatabasePair, Observation
from migrator.phases import insert_only, self_memberships
from migrator.phases.ending import ledger_rows
from migrator.phases.source_statements import set_identity
from migrator.quote import identifier, literal
from migrator.records import IdentityBefore, Journal


@dataclass(frozen=True)
class Leftover:
    """Something of ours that still stands, and the statement that removes it."""

    side: str
    what: str
    sql: str


def leftovers(observation: Observation) -> tuple[Leftover, ...]:
    """What of ours stands on either side now, read from the catalogs: the proof that nothing is left."""
    return tuple(_leftovers(observation))


def _leftovers(observation: Observation) -> Iterator[Leftover]:
    for pair in observation.databases:
        for subscription in pair.subscriptions:
            if _is_of(observation, subscription.name, pair.name):
                name = identifier(subscription.name)
                drop = f"ALTER SUBSCRIPTION {name} DISABLE; ALTER SUBSCRIPTION {name} SET (slot_name = NONE); DROP SUBSCRIPTION {name};"
                yield Leftover("destination", f"subscription {subscription.name} in database {pair.target}", drop)
        for publication in pair.publications:
            if _is_of(observation, publication.name, pair.name):
                drop = f"DROP PUBLICATION {identifier(publication.name)};"
                yield Leftover("source", f"publication {publication.name} in database {pair.name}", drop)
        yield from _unseen(observation, pair)
        yield from _identities(observation, pair)
        if pair.ledger.exists and pair.ledger.groups:
            delete = "; ".join(ledger_rows(observation.mapping))
            yield Leftover("destination", f"ledger in database {pair.target}", f"{delete};")
    if isinstance(observation.source, Instance):
        databases = _databases(observation, observation.source)
        for slot in observation.source.slots:
            if any(_is_of(observation, slot.name, database) for database in databases):
                drop = f"SELECT pg_drop_replication_slot({literal(slot.name)});"
                yield Leftover("source", f"replication slot {slot.name}", drop)


def _databases(observation: Observation, source: Instance) -> set[str]:
    """Whose slots may be ours: also of databases left out, dropped or renamed since, for names keep what they were made for."""
    claims = observation.journal.claims if observation.journal else ()
    return {
        *(pair.name for pair in observation.databases),
        *(database.name for database in source.databases),
        *(slot.database for slot in source.slots if slot.database is not None),
        *(claim.database for claim in claims if claim.mapping == observation.mapping),
    }


def _unseen(observation: Observation, pair: DatabasePair) -> Iterator[Leftover]:
    """Publications that may stand in a database of the source that cannot be read."""
    source = observation.source
    if pair.source_error is None or not isinstance(source, Instance) or source.database(pair.name) is None:
        return
    for name in (name for group in pair.ledger.groups for name in insert_only.subscribed(group)):
        what = f"publication {name}, if it is there still, in database {pair.name}, which cannot be read"
        yield Leftover("source", what, f"DROP PUBLICATION IF EXISTS {identifier(name)};")


def _identities(observation: Observation, pair: DatabasePair) -> Iterator[Leftover]:
    """Tables of the source that we altered and that were not given back what they had; where it cannot be read, all of them."""
    source, journal = observation.source, observation.journal
    if journal is None or not isinstance(source, Instance) or source.database(pair.name) is None:
        return
    unread = ", which cannot be read" if pair.source_error is not None else ""
    for noted in journal.identities:
        relation = _still_full(pair, noted) if noted.database == pair.name else None
        if relation is not None:
            yield _identity(noted, relation, unread)


def _identity(noted: IdentityBefore, relation: str, unread: str = "") -> Leftover:
    what = f"REPLICA IDENTITY FULL of {relation} in database {noted.database}{unread}"
    return Leftover("source", what, f"{set_identity(relation, noted.before)};")


def _still_full(pair: DatabasePair, noted: IdentityBefore) -> str | None:
    """The table's name by now; what it was where nobody can look."""
    if pair.source_schema is None:
        return noted.relation
    names = (each.qualified for each in pair.source_schema.tables if each.oid == noted.oid)
    return next((name for name in names if name in pair.full_identities), None)


def _is_of(observation: Observation, name: str, database: str) -> bool:
    """This mapping's, by its name or by the ledger: another mapping may feed another destination from the same database."""
    if any(publication_group(name) == group.name for pair in observation.databases for group in pair.ledger.groups):
        return True
    destination = observation.destination
    return isinstance(destination, Instance) and is_ours(
        name, observation.mapping, destination.system_identifier, database
    )


def unseen(journal: Journal) -> tuple[Leftover, ...]:
    """What we altered on a source that is given up unseen: should it come back, nothing else will know."""
    return tuple(_identity(noted, noted.relation) for noted in journal.identities)


def owed(observation: Observation) -> tuple[Leftover, ...]:
    """What our user keeps of the roles it made, and only a superuser can take away."""
    source, destination = observation.source, observation.destination
    if not isinstance(source, Instance) or not isinstance(destination, Instance):
        return ()
    remaining = self_memberships.remaining(source, destination)
    return tuple(Leftover("destination", f"ADMIN on role {role}", sql) for role, sql in remaining.items())
