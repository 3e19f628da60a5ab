"""What a destination's server says of its subscriptions: ours in one database, the states of all, and how far each has come."""

from collections.abc import Mapping

from psycopg.rows import DictRow

from migrator.catalog import sql
from migrator.connection import Session
from migrator.contents import Subscription, SubscriptionState, SyncState
from migrator.model import Lsn
from migrator.names import parse_group_name
from migrator.quote import qualified

Origins = Mapping[str, Lsn]
"""pg_replication_origin_status: by the origin's name, the end of the last source transaction applied."""


def named(row: DictRow) -> str:
    """The relation's name in our spelling: a server's own quoting changes with the keywords of its version."""
    return qualified(row["nspname"], row["relname"])


def read_subscriptions(session: Session, origins: Origins | None, oids: list[int] | None) -> tuple[Subscription, ...]:
    """Our subscriptions of this database, with the states of all relations in them, or of some (oids)."""
    version = session.info.server_version
    found = session.execute(sql("subscriptions", version), {"relations": oids})
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
    copied = {name: copy for copy in copies if (name := named(copy)) in relations}
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
