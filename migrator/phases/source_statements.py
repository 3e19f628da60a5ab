"""All that we ever write on a source: one text for the phases, which do it, and for `plan`, which shows it beforehand."""

from collections.abc import Sequence

from migrator.quote import identifier, literal

MARKER = "SELECT pg_logical_emit_message(true, 'pg-migrator', %s)"
"""A message in the WAL, by which lag in seconds is told."""


def create_publication(name: str) -> str:
    """Empty: relations are added when their turn has come."""
    return f"CREATE PUBLICATION {identifier(name)} WITH (publish = 'insert, update, delete, truncate')"


def create_inserts_publication(name: str) -> str:
    """For tables without a replica identity: the application's UPDATE and DELETE on them go through, and are not published."""
    return f"CREATE PUBLICATION {identifier(name)} WITH (publish = 'insert, truncate')"


def create_slot(name: str) -> str:
    """Waits for every transaction open on the instance."""
    return f"SELECT lsn FROM pg_create_logical_replication_slot({literal(name)}, 'pgoutput')"


def add_tables(name: str, relations: Sequence[str]) -> str:
    """Never a partition root: each leaf by its name."""
    return f"ALTER PUBLICATION {identifier(name)} ADD TABLE {', '.join(f'ONLY {relation}' for relation in relations)}"


def drop_tables(name: str, relations: Sequence[str]) -> str:
    """Of a publication that no subscription follows yet."""
    return f"ALTER PUBLICATION {identifier(name)} DROP TABLE {', '.join(f'ONLY {relation}' for relation in relations)}"


def create_slot_with_snapshot(name: str) -> str:
    """In the replication protocol; waits as `create_slot` does."""
    return f"CREATE_REPLICATION_SLOT {identifier(name)} LOGICAL pgoutput (SNAPSHOT 'export')"


def lock_to_read(relations: Sequence[str]) -> str:
    """Keeps others from rewriting them while they are read, and nobody from writing to them."""
    return f"LOCK TABLE {', '.join(f'ONLY {relation}' for relation in relations)} IN ACCESS SHARE MODE"


def copy_rows(relation: str, columns: str, condition: str) -> str:
    """Of what is carried in one piece: the rows that `condition` (a WHERE clause, or nothing) picks."""
    return f"COPY (SELECT {columns} FROM ONLY {' '.join(filter(None, (relation, condition)))}) TO STDOUT"


LARGE_OBJECT_PIECE = 262_144
"""Bytes read at once."""


def copy_large_objects(oids: str, offsets: str) -> str:
    """A piece of each, from its offset on."""
    pieces = f"unnest({oids}, {offsets}) AS piece (oid, at)"
    return f"COPY (SELECT oid, at, lo_get(oid, at, {LARGE_OBJECT_PIECE}) FROM {pieces}) TO STDOUT"


_IDENTITIES = {"d": "DEFAULT", "f": "FULL", "n": "NOTHING"}
"""By pg_class.relreplident; an index is never ours to choose."""


def set_identity(relation: str, identity: str) -> str:
    """The only statement that alters a table of the source's (`without_identity: replica_identity_full`)."""
    return f"ALTER TABLE ONLY {relation} REPLICA IDENTITY {_IDENTITIES[identity]}"


def make_way(application: str) -> str:
    """End the sessions of ours by this name that somebody's lock request on a table waits for; their pids."""
    return (
        "SELECT holder.pid, pg_terminate_backend(holder.pid) FROM pg_stat_activity holder"
        f" WHERE holder.application_name = {literal(application)}"
        " AND holder.datname = current_database() AND holder.usename = session_user"
        " AND EXISTS (SELECT FROM pg_locks wanted JOIN pg_locks held USING (locktype, database, relation)"
        " WHERE wanted.locktype = 'relation' AND NOT wanted.granted AND wanted.pid <> holder.pid"
        " AND held.pid = holder.pid AND held.granted AND held.mode = 'AccessShareLock'"
        " AND holder.pid = ANY (pg_blocking_pids(wanted.pid)))"
    )


def drop_slot(name: str) -> str:
    """Nothing where it is not there."""
    return f"SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name = {literal(name)}"


def drop_publication(name: str) -> str:
    """Nothing where it is not there."""
    return f"DROP PUBLICATION IF EXISTS {identifier(name)}"
