"""One database of one side, read: what is neither schema nor instance. Either side is read alike; what it lacks is empty."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from psycopg.rows import DictRow

from migrator.bookkeeping import ledger as ledger_book
from migrator.catalog import counting, sql
from migrator.connection import Session
from migrator.contents import (
    DatabaseFacts,
    Publication,
    RelationSize,
    Sequences,
    Subscription,
    SubscriptionState,
    SyncState,
)
from migrator.looks.counters import read_sequences, read_sizes
from migrator.looks.facts import read_facts
from migrator.looks.remembered import Remembered, is_fresh, timed
from migrator.looks.schema_reading import locked_relations
from migrator.model import Lsn
from migrator.names import application_name, parse_group_name
from migrator.phases import carry
from migrator.phases.groups import is_under_snapshot
from migrator.quote import qualified
from migrator.records import Backend, Ledger
from migrator.schema import Schema

_FIRST_LARGE_OBJECTS = "SELECT oid::bigint AS oid FROM pg_largeobject_metadata ORDER BY oid LIMIT 11"

Origins = Mapping[str, Lsn]
"""pg_replication_origin_status: by the origin's name, the end of the last source transaction applied."""


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
    subscriptions = _subscriptions(session, origins, oids)
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


def _name(row: DictRow) -> str:
    """The relation's name in our spelling: a server's own quoting changes with the keywords of its version."""
    return qualified(row["nspname"], row["relname"])


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


def _subscriptions(session: Session, origins: Origins | None, oids: list[int] | None) -> tuple[Subscription, ...]:
    found = session.execute(sql("subscriptions", version := session.info.server_version), {"relations": oids})
    rows = [row for row in found if parse_group_name(row["name"])]
    if not rows:
        return ()
    copies = session.execute(sql("copies", version)).fetchall()
    return tuple(_subscription(row, copies, origins) for row in rows)


def read_origins(session: Session) -> Origins | None:
    """How far each replication origin of the server has come; None where our user may not see it.

    Every database shows the same, so one with the right suffices: the maintenance database, where it can be granted
    before the others exist.
    """
    row = session.execute(
        "SELECT has_function_privilege('pg_show_replication_origin_status()', 'execute') AS readable"
    ).fetchone()
    if row is None or not row["readable"]:
        return None
    rows = session.execute(sql("origins", 0))
    return {row["name"]: Lsn.parse(row["remote_lsn"]) for row in rows if row["name"] and row["remote_lsn"]}


def read_subscription_states(session: Session, origins: Origins | None) -> dict[int, SubscriptionState]:
    """Our subscriptions of all databases of the server, by oid, as far as they move while nobody looks at their database."""
    rows = session.execute(sql("subscription_states", session.info.server_version))
    return {
        int(row["oid"]): SubscriptionState(
            name=row["name"],
            database=row["database"],
            enabled=row["enabled"],
            worker_pid=row["worker_pid"],
            apply_error_count=row["apply_error_count"],
            sync_error_count=row["sync_error_count"],
            conflict_count=row["conflict_count"],
            remote_lsn=origins.get(f"pg_{row['oid']}") if origins else None,
        )
        for row in rows
        if parse_group_name(row["name"])
    }


def _subscription(row: DictRow, copies: list[DictRow], origins: Origins | None) -> Subscription:
    relations = {qualified(schema, name): SyncState(state) for schema, name, state in row["relations"]}
    copied = {name: copy for copy in copies if (name := _name(copy)) in relations}
    return Subscription(
        name=row["name"],
        oid=int(row["oid"]),
        enabled=row["enabled"],
        owner=row["owner"],
        slot_name=row["slot_name"],
        publications=tuple(row["publications"]),
        worker_pid=row["worker_pid"],
        worker_seconds=row["worker_seconds"],
        copies=row["copies"],
        origin=row["origin"],
        apply_error_count=row["apply_error_count"],
        sync_error_count=row["sync_error_count"],
        conflict_count=row["conflict_count"],
        remote_lsn=origins.get(f"pg_{row['oid']}") if origins else None,
        origin_readable=origins is not None,
        relations=relations,
        copied_bytes={name: copy["bytes_processed"] for name, copy in copied.items()},
        copied_rows={name: copy["tuples_processed"] for name, copy in copied.items()},
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
    names = [_name(row) for row in session.execute(sql("with_blocks", 0), {"relations": oids, "settled": known})]
    filled = {name for name in names if name in ledger.relations or has_rows(session, name)}
    return frozenset(filled | {name for name, rows in counted.items() if rows})


def has_rows(session: Session, relation: str) -> bool:
    """Whether a relation holds at least one row."""
    return session.execute(f"SELECT FROM ONLY {relation} LIMIT 1").fetchone() is not None
