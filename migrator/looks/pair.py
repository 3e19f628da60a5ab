"""One database of one side, read: what is neither schema nor instance. Either side is read alike; what it lacks is empty."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from migrator.bookkeeping import ledger as ledger_book
from migrator.catalog import counting, sql
from migrator.connection import Session
from migrator.contents import (
    DatabaseFacts,
    Publication,
    RelationSize,
    Sequences,
    Subscription,
)
from migrator.looks.counters import read_sequences, read_sizes
from migrator.looks.facts import read_facts
from migrator.looks.remembered import Remembered, is_fresh, timed
from migrator.looks.schema_reading import locked_relations
from migrator.looks.subscriptions import Origins, named, read_subscriptions
from migrator.names import application_name, parse_group_name
from migrator.phases import carry
from migrator.phases.groups import is_under_snapshot
from migrator.quote import qualified
from migrator.records import Backend, Ledger
from migrator.schema import Schema

_FIRST_LARGE_OBJECTS = "SELECT oid::bigint AS oid FROM pg_largeobject_metadata ORDER BY oid LIMIT 11"


@dataclass(frozen=True)
class Narrow:
    """The relations of a narrow look: their names, their oids on the source, and on the side being read."""

    names: list[str]
    source_oids: list[int]
    oids: list[int]


@dataclass(frozen=True)
class Half:
    """What one side's database says of itself."""

    schema: Schema
    publications: tuple[Publication, ...]
    subscriptions: tuple[Subscription, ...]
    ledger: Ledger
    ledger_databases: tuple[str, ...]
    """Source databases this database's ledger names for the mapping."""
    sizes: Mapping[str, RelationSize]
    filled: frozenset[str]
    """Of a destination: relations with at least one row."""
    sequences: Sequences
    facts: DatabaseFacts
    backends: frozenset[Backend] = frozenset()
    """Of a source: the sessions of our keepers in this database."""
    strange_large_objects: tuple[int, ...] = ()
    """Of a destination: the first that we did not make."""
    never_analyzed: frozenset[str] = frozenset()
    """Of a destination: partitioned tables."""


def read_target(
    session: Session,
    mapping: str,
    schema: Schema,
    narrow: Narrow | None,
    known: Remembered,
    origins: Origins | None,
    said: Callable[[], object],
    *,
    ending: bool = False,
) -> Half:
    """Everything of a destination but the schema, which the caller has, and the origins. `known`: what need not be read again.

    `said` is called when all has been read that must not be later than the source's. `ending`: neither what the tables hold
    nor the sequences.
    """
    oids = narrow.oids if narrow else None
    ledger = ledger_book.read(session, mapping, (narrow.names, narrow.source_oids) if narrow else None)
    subscriptions = read_subscriptions(session, origins, oids)
    sequences = Sequences() if narrow or ending else _sequences(session, known)
    said()
    return Half(
        schema=schema,
        publications=(),
        subscriptions=subscriptions,
        ledger=ledger,
        ledger_databases=_group_names(session, mapping) if ledger.exists else (),
        sizes=_sizes(session, oids, known),
        filled=frozenset() if ending else _filled(session, oids, schema, ledger, subscriptions),
        sequences=sequences,
        facts=DatabaseFacts(),
        strange_large_objects=() if narrow or ending else _strange_large_objects(session, ledger),
        never_analyzed=frozenset() if ending else _never_analyzed(session, oids),
    )


def _never_analyzed(session: Session, oids: list[int] | None) -> frozenset[str]:
    rows = session.execute(sql("never_analyzed", 0), {"relations": oids})
    return frozenset(qualified(row["nspname"], row["relname"]) for row in rows)


def _strange_large_objects(session: Session, ledger: Ledger) -> tuple[int, ...]:
    """Asked until ours are there: then the applications may make their own."""
    if carry.LARGE_OBJECTS in ledger.carried:
        return ()
    asked = session.execute(sql("strange_large_objects", 0) if ledger.exists else _FIRST_LARGE_OBJECTS)
    return tuple(row["oid"] for row in asked)


def read_source(
    session: Session,
    schema: Schema,
    narrow: Narrow | None,
    known: Remembered,
    target_said: Callable[[], object],
    *,
    final: bool = False,
) -> Half:
    """Everything of a source but the schema. `known`: what need not be read again. `final`: a barrier stands.

    `target_said` returns when the destination has said what ours must be later than: it is then never behind."""
    oids = narrow.oids if narrow else None
    facts, sizes = _facts(session, oids, known, final=final), _sizes(session, oids, known)
    target_said()
    return Half(
        schema=schema,
        publications=_publications(session, oids),
        subscriptions=(),
        ledger=Ledger(),
        ledger_databases=(),
        sizes=sizes,
        filled=frozenset(),
        sequences=Sequences() if narrow else _sequences(session, known),
        facts=facts,
        backends=frozenset(Backend(**row) for row in session.execute(sql("keeper_backends", 0))),
    )


def forget_sequences_together(*sides: Remembered) -> None:
    """Both sides' sequences are read, or neither: one side's of before beside the other's of now would look ahead or behind."""
    if not all(is_fresh(each.sequences) for each in sides):
        for each in sides:
            each.sequences = None


def _facts(session: Session, oids: list[int] | None, known: Remembered, *, final: bool) -> DatabaseFacts:
    if oids is not None:
        return read_facts(session, oids)
    if known.facts is None or not is_fresh(known.facts):
        known.facts = timed(lambda: read_facts(session, None, final=final))
    return known.facts.value


def _sizes(session: Session, oids: list[int] | None, known: Remembered) -> Mapping[str, RelationSize]:
    if oids is not None:
        return read_sizes(session, oids)
    if known.sizes is None or not is_fresh(known.sizes):
        known.sizes = timed(lambda: read_sizes(session, None))
    return known.sizes.value


def _sequences(session: Session, known: Remembered) -> Sequences:
    if known.sequences is None:
        known.sequences = timed(lambda: read_sequences(session))
    return known.sequences.value


def _group_names(session: Session, mapping: str) -> tuple[str, ...]:
    rows = session.execute("SELECT DISTINCT database FROM migrator.groups WHERE mapping = %s", (mapping,))
    return tuple(row["database"] for row in rows)


def _publications(session: Session, oids: list[int] | None) -> tuple[Publication, ...]:
    return tuple(
        Publication(
            name=row["name"],
            oid=int(row["oid"]),
            xmin=row["xmin"],
            relations={
                qualified(schema, name): (int(oid), int(member)) for schema, name, oid, member, _ in row["relations"]
            },
            changes={int(oid): count for _, _, oid, _, count in row["relations"] if count is not None},
            counted_since=row["counted_since"],
            schemas=tuple(row["schemas"]),
        )
        for row in session.execute(counting("publications"), {"relations": oids})
        if parse_group_name(row["name"])
    )


def _filled(
    session: Session,
    oids: list[int] | None,
    schema: Schema,
    ledger: Ledger,
    subscriptions: Iterable[Subscription],
) -> frozenset[str]:
    """Which relations hold a row, and where only a block is to be had, may hold one.

    What the ledger and a subscription know is not asked for: it is filled when the schema is, and nobody is to decide on it. Nor
    what is copied in parts, of which the ledger counts the rows, nor what is being carried: its table may be locked that long.
    """
    subscribed = {name for subscription in subscriptions for name in subscription.relations}
    copying = {group.number for group in ledger.groups if is_under_snapshot(group)}
    counted = {
        name: each.count.rows for name, each in ledger.relations.items() if each.group in copying and each.count.parts
    }
    settled = subscribed & ledger.relations.keys() | counted.keys()
    known = [schema.table(name).oid for name in settled if schema.has_table(name)]
    known += locked_relations(session, application_name("%", carry.NAME))
    names = [named(row) for row in session.execute(sql("with_blocks", 0), {"relations": oids, "settled": known})]
    filled = {name for name in names if name in ledger.relations or has_rows(session, name)}
    return frozenset(filled | {name for name, rows in counted.items() if rows})


def has_rows(session: Session, relation: str) -> bool:
    """Whether a relation holds at least one row."""
    return session.execute(f"SELECT FROM ONLY {relation} LIMIT 1").fetchone() is not None
