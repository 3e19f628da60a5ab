"""How rows of relations without a usable replica identity get across: what the operator chose, as far as nothing has begun.

A relation that has none by the source's word, and has not begun, is `apart`: it stands in no publication, since its application's
UPDATE and DELETE would fail there. What comes of it then is its way's to say. Only where INSERT alone is to be replicated it is not:
the publication for that has no need of an identity.
"""

from collections.abc import Mapping

from migrator.config import MappingSpec, WithoutIdentity
from migrator.contents import DatabaseFacts, RelationTrouble, Trouble
from migrator.observation import DatabasePair
from migrator.phases import insert_only

WITHOUT = frozenset(
    {
        Trouble.NO_PRIMARY_KEY,
        Trouble.DEFERRABLE_PRIMARY_KEY,
        Trouble.REPLICA_IDENTITY_NOTHING,
        Trouble.REPLICA_IDENTITY_INDEX,
        Trouble.REPLICA_IDENTITY_FULL,
        Trouble.REPLICA_IDENTITY_GENERATED,
    }
)
"""Of a relation at most one. For want of an identity; the last two for what theirs is made of: not to be compared, or not published."""


def lacking(facts: DatabaseFacts) -> dict[str, Trouble]:
    """The relations without a usable replica identity, and why."""
    return {each.relation: each.reason for each in facts.troubles if each.reason in WITHOUT}


def carried_as(relation: str) -> str:
    """The name under which the ledger notes that a relation's rows were carried by themselves."""
    return f"table {relation}"


def chosen(spec: MappingSpec, pair: DatabasePair) -> Mapping[str, WithoutIdentity]:
    """The way of each relation that needs one. What was carried once stays so until it leaves (`phases.departures`)."""
    schema = pair.source_schema
    if schema is None:
        return {}
    names = [name for name in lacking(pair.facts) if schema.has_table(name)]
    tables = (schema.table(name) for name in names)
    found = {each.qualified: spec.without_identity_of(pair.name, each.namespace, each.name) for each in tables}
    leaves = (name for name in schema.leaves() if name not in found)
    carried = {name: WithoutIdentity.COPY_AT_CUTOVER for name in leaves if carried_as(name) in pair.ledger.carried}
    return {**found, **carried}


def apart(pair: DatabasePair) -> frozenset[str]:
    """The relations that are not to be replicated."""
    names = {name for name in pair.ways if name not in pair.ledger.relations}
    if insert_only.can_begin(pair):
        names -= {name for name in names if insert_only.is_chosen(pair, name)}
    return frozenset(names)


def to_full(pair: DatabasePair) -> tuple[RelationTrouble, ...]:
    """The tables to be given REPLICA IDENTITY FULL: those it was chosen for, and would help."""
    return tuple(
        each
        for each in pair.facts.troubles
        if each.reason in WITHOUT
        and may_be_full(each)
        and pair.ways.get(each.relation) is WithoutIdentity.REPLICA_IDENTITY_FULL
    )


def may_be_full(trouble: RelationTrouble) -> bool:
    """Whether REPLICA IDENTITY FULL would do: its columns can be compared, and are all published that have to be."""
    return not trouble.detail and not trouble.generated


def at_cutover(pair: DatabasePair) -> tuple[str, ...]:
    """The relations whose rows are carried by themselves, the largest first."""
    sizes = {name: size.bytes for name, size in pair.sizes.items()}
    names = (name for name in apart(pair) if pair.ways[name] is WithoutIdentity.COPY_AT_CUTOVER)
    return tuple(sorted(names, key=lambda name: (-sizes.get(name, 0), name)))
