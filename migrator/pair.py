"""One database of one side, read: what is neither schema nor instance. Either side is read alike; what it lacks is empty."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from psycopg.rows import DictRow

from migrator import journal
from migrator.catalog import sql
from migrator.connection import Session
from migrator.facts import read_facts
from migrator.model import (
    DatabaseFacts,
    Ledger,
    Lsn,
    Publication,
    RelationSize,
    SequenceValue,
    Subscription,
    SyncState,
)
from migrator.names import parse_group_name
from migrator.quote import qualified
from migrator.schema import Schema

SEQUENCES_AT_ONCE = 200

Origins = Mapping[str, Lsn]
"""pg_replication_origin_status: by the origin's name, the end of the last source transaction applied."""


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
    sequences: Mapping[str, SequenceValue]
    facts: DatabaseFacts


def read_half(
    session: Session,
    version: int,
    mapping: str,
    schema: Schema,
    oids: list[int] | None,
    *,
    is_source: bool,
    origins: Origins | None = None,
) -> Half:
    """Everything but the schema, which the caller has (perhaps from a cache), and the destination's origins."""
    ledger = journal.read_ledger(session, mapping)
    sizes, with_blocks = _sizes(session, oids)
    names = _group_names(session, mapping) if ledger.exists else ()
    return Half(
        schema=schema,
        publications=_publications(session),
        subscriptions=() if is_source else _subscriptions(session, version, origins),
        ledger=ledger,
        ledger_databases=names,
        sizes=sizes,
        filled=frozenset() if is_source else _filled(session, with_blocks, ledger),
        sequences=_sequences(session),
        facts=read_facts(session, oids) if is_source else DatabaseFacts(),
    )


def _name(row: DictRow) -> str:
    """The relation's name in our spelling: a server's own quoting changes with the keywords of its version."""
    return qualified(row["nspname"], row["relname"])


def _group_names(session: Session, mapping: str) -> tuple[str, ...]:
    rows = session.execute("SELECT DISTINCT database FROM migrator.groups WHERE mapping = %s", (mapping,))
    return tuple(row["database"] for row in rows)


def _publications(session: Session) -> tuple[Publication, ...]:
    return tuple(
        Publication(
            name=row["name"],
            oid=int(row["oid"]),
            xmin=row["xmin"],
            relations={
                qualified(schema, name): (int(oid), int(member)) for schema, name, oid, member in row["relations"]
            },
        )
        for row in session.execute(sql("publications", 0))
        if parse_group_name(row["name"])
    )


def _subscriptions(session: Session, version: int, origins: Origins | None) -> tuple[Subscription, ...]:
    rows = [row for row in session.execute(sql("subscriptions", version)) if parse_group_name(row["name"])]
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
        apply_error_count=row["apply_error_count"],
        sync_error_count=row["sync_error_count"],
        conflict_count=row["conflict_count"],
        remote_lsn=origins.get(f"pg_{row['oid']}") if origins else None,
        origin_readable=origins is not None,
        relations=relations,
        copied_bytes={name: copy["bytes_processed"] for name, copy in copied.items()},
        copied_rows={name: copy["tuples_processed"] for name, copy in copied.items()},
    )


def _sizes(session: Session, oids: list[int] | None) -> tuple[dict[str, RelationSize], tuple[str, ...]]:
    """Sizes of all relations, and which have any block."""
    rows = session.execute(sql("sizes", 0), {"relations": oids}).fetchall()
    sizes = {_name(row): RelationSize(row["bytes"], row["rows"]) for row in rows}
    return sizes, tuple(_name(row) for row in rows if row["has_blocks"])


def _filled(session: Session, relations: Iterable[str], ledger: Ledger) -> frozenset[str]:
    """Which hold a row. Those the ledger knows need no look inside; on the source nobody asks, and it would take locks."""
    return frozenset(name for name in relations if name in ledger.relations or has_rows(session, name))


def has_rows(session: Session, relation: str) -> bool:
    """Whether a relation holds at least one row."""
    row = session.execute(f"SELECT EXISTS (SELECT FROM ONLY {relation}) AS present").fetchone()
    return bool(row and row["present"])


def _sequences(session: Session) -> dict[str, SequenceValue]:
    """Each sequence's row, from the sequence itself, many in one query."""
    known = {_name(row): int(row["increment"]) for row in session.execute(sql("sequences", 0))}
    names, values = list(known), {}
    for start in range(0, len(names), SEQUENCES_AT_ONCE):
        batch = names[start : start + SEQUENCES_AT_ONCE]
        query = " UNION ALL ".join(
            f"SELECT {number} AS number, last_value, is_called FROM {name}" for number, name in enumerate(batch)
        )
        for row in session.execute(query):
            name = batch[row["number"]]
            values[name] = SequenceValue(name, row["last_value"], row["is_called"], known[name])
    return values
