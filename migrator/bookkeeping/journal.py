"""The doorway to our schema in the destination's maintenance database: the journal. The ledger's is `ledger`."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from psycopg.errors import InsufficientPrivilege, UndefinedTable
from psycopg.rows import DictRow

from migrator.bookkeeping import barriers, owed, trials
from migrator.bookkeeping.journal_format import JOURNAL, refuse_foreign_schema, refuse_outdated
from migrator.catalog import journal_tables, sql
from migrator.connection import Session
from migrator.errors import MigratorError
from migrator.model import Lsn
from migrator.names import lock_key
from migrator.records import (
    Brake,
    CarriedRole,
    Claim,
    Identity,
    IdentityBefore,
    Intent,
    Journal,
    Marker,
    WorkerSetting,
)
from migrator.steps import Side

NOT_BEGUN = Journal(
    intent=Intent.MIGRATE,
    source=None,
    destination=None,
    rate_limit_mbps=None,
    quiet_since=None,
    barrier=None,
    source_gone=False,
    markers=(),
)
"""What a mapping's journal is before its first act."""

_OF_WORK = (
    "markers",
    "roles",
    "databases",
    "self_memberships",
    "parameters",
    "trials",
    "worker_settings",
    "replica_identities",
)
"""The journal's tables beside the intent rows: needed as long as any mapping is at work, by all of them."""

_NO_TABLES = dict.fromkeys(_OF_WORK, False)
"""For a look at the intent row alone."""

_IDENTITIES = (
    "SELECT database, oid::bigint AS oid, relation, before::text AS before FROM migrator.replica_identities"
    " WHERE mapping = %s ORDER BY database, relation, oid"
)

_OTHERS_AT_WORK = "SELECT 1 FROM migrator.mappings WHERE intent NOT IN ('completed', 'aborted') LIMIT 1"


def begin(session: Session, mapping: str, source: Identity, destination: Identity, source_name: str = "") -> None:
    """Write the mapping's row before the first act. Does nothing where it stands already.

    `source_name` is what other mappings are told of this one's source.
    """
    refuse_foreign_schema(session)
    with session.transaction():
        session.execute("SELECT pg_advisory_xact_lock(%s)", (lock_key("journal"),))
        session.execute(journal_tables())
        session.execute(
            "INSERT INTO migrator.mappings (name, source, source_system_identifier, source_timeline,"
            " destination_system_identifier, destination_timeline, source_rate_limit_mbps)"
            # a live limit of the source holds for mappings that begin later, too
            " SELECT %(mapping)s, %(source_name)s, %(source)s, %(source_timeline)s, %(destination)s, %(destination_timeline)s,"
            " (SELECT min(source_rate_limit_mbps) FROM migrator.mappings WHERE source_system_identifier = %(source)s)"
            " ON CONFLICT DO NOTHING",
            {
                "mapping": mapping,
                "source_name": source_name,
                "source": source.system_identifier,
                "source_timeline": source.timeline,
                "destination": destination.system_identifier,
                "destination_timeline": destination.timeline,
            },
        )


def read_journal(session: Session, mapping: str) -> Journal:
    """The mapping's journal; NOT_BEGUN where there is no row. Raises MigratorError where it is not ours to read."""
    return read_journal_and_clock(session, mapping)[0]


def read_journal_and_clock(session: Session, mapping: str) -> tuple[Journal, datetime]:
    """The mapping's journal (NOT_BEGUN where there is no row), and the server's clock.

    Raises MigratorError where the journal is not ours to read, OutdatedError where an older version made it.
    """
    try:
        return _read(session, mapping)
    except UndefinedTable:  # the end of another mapping took tables away between two of our statements
        return _read(session, mapping)


def _read(session: Session, mapping: str) -> tuple[Journal, datetime]:
    refuse_foreign_schema(session)
    refuse_outdated(session, JOURNAL)
    try:
        state = session.execute(
            "SELECT clock_timestamp() AS now, to_regclass('migrator.mappings') IS NOT NULL AS mappings,"
            " to_regclass('migrator.markers') IS NOT NULL AS markers, to_regclass('migrator.roles') IS NOT NULL AS roles,"
            " to_regclass('migrator.databases') IS NOT NULL AS databases,"
            " to_regclass('migrator.self_memberships') IS NOT NULL AS self_memberships,"
            " to_regclass('migrator.trials') IS NOT NULL AS trials,"
            " to_regclass('migrator.worker_settings') IS NOT NULL AS worker_settings,"
            " to_regclass('migrator.replica_identities') IS NOT NULL AS replica_identities"
        ).fetchone()
        assert state is not None
        if not state["mappings"]:
            return NOT_BEGUN, state["now"]
        row = session.execute("SELECT * FROM migrator.mappings WHERE name = %s", (mapping,)).fetchone()
    except InsufficientPrivilege as error:
        raise MigratorError(
            f"The journal on the destination cannot be read: {error.diag.message_primary}.",
            f"It belongs to the role that began the migration: use that role, or grant it to {session.info.user}.",
        ) from None
    own = _journal(session, mapping, row, state) if row else NOT_BEGUN
    with session.pipeline():
        claims = session.execute(sql("claims", 0)) if state["databases"] else None
        roles = session.execute(sql("carried_roles", 0)) if state["roles"] else None
    known = replace(
        own,
        claims=tuple(Claim(**each) for each in claims or ()),
        roles=tuple(CarriedRole(**each) for each in roles or ()),
    )
    return known, state["now"]


def read_wishes(session: Session, mapping: str) -> Journal:
    """The intent and the live limits alone, for those who ask every few seconds; NOT_BEGUN where there is no row."""
    row = session.execute("SELECT * FROM migrator.mappings WHERE name = %s", (mapping,)).fetchone()
    return _journal(session, mapping, row, _NO_TABLES) if row else NOT_BEGUN


def _journal(session: Session, mapping: str, row: DictRow, present: Mapping[str, object]) -> Journal:
    markers = session.execute(sql("markers", 0), (mapping,)) if present["markers"] else None
    own = "SELECT role FROM migrator.self_memberships WHERE mapping = %s ORDER BY role"
    self_memberships = session.execute(own, (mapping,)) if present["self_memberships"] else ()
    given = "SELECT parameter FROM migrator.parameters WHERE mapping = %s ORDER BY parameter"
    parameters = session.execute(given, (mapping,)) if present["self_memberships"] else ()
    pinned = (
        "SELECT database, setting, before FROM migrator.worker_settings WHERE mapping = %s ORDER BY database, setting"
    )
    worker_settings = session.execute(pinned, (mapping,)) if present["worker_settings"] else ()
    full = session.execute(_IDENTITIES, (mapping,)) if present["replica_identities"] else ()
    return Journal(
        intent=Intent(row["intent"]),
        source=_identity(row, "source"),
        destination=_identity(row, "destination"),
        rate_limit_mbps=row["rate_limit_mbps"],
        source_rate_limit_mbps=row["source_rate_limit_mbps"],
        brake=Brake(row["brake_mbps"], row["brake_reason"] or "") if row["brake_mbps"] else None,
        quiet_since=row["quiet_since"],
        stable_at=row["stable_at"],
        barrier=barriers.of(row),
        source_gone=row["source_gone"],
        put_back=_put_back(row),
        markers=tuple(
            Marker(Lsn.parse(each["lsn"]), each["emitted_at"], each["confirmed_at"]) for each in markers or ()
        ),
        self_memberships=tuple(each["role"] for each in self_memberships),
        parameters=tuple(each["parameter"] for each in parameters),
        trials=trials.read(session, mapping) if present["trials"] else (),
        worker_settings=tuple(WorkerSetting(**each) for each in worker_settings),
        identities=tuple(IdentityBefore(**each) for each in full),
    )


def _identity(row: DictRow, side: str) -> Identity | None:
    identifier = row[f"{side}_system_identifier"]
    return Identity(identifier, row[f"{side}_timeline"]) if identifier else None


def _put_back(row: DictRow) -> dict[str, datetime]:
    """When which side was noticed to have gone back."""
    times = {side.value: row[f"{side}_put_back_at"] for side in Side}
    return {side: at for side, at in times.items() if at is not None}


def note_put_back(session: Session, mapping: str, side: Side) -> None:
    """A side was found in an earlier state than it had been in. It stays written: what is written since hides it."""
    session.execute(
        f"UPDATE migrator.mappings SET {side}_put_back_at = clock_timestamp(), quiet_since = NULL, stable_at = NULL"
        f" WHERE name = %s AND {side}_put_back_at IS NULL",
        (mapping,),
    )


def set_rate_limit(session: Session, mapping: str, mbps: float | None) -> None:
    """The mapping's own live limit in MB/s; None gives it back to the configuration."""
    session.execute("UPDATE migrator.mappings SET rate_limit_mbps = %s WHERE name = %s", (mbps, mapping))


def set_source_rate_limit(session: Session, mapping: str, mbps: float | None) -> None:
    """The live limit of the mapping's source, which every mapping from it keeps a copy of."""
    session.execute("UPDATE migrator.mappings SET source_rate_limit_mbps = %s WHERE name = %s", (mbps, mapping))


def set_brake(session: Session, mapping: str, brake: Brake | None) -> None:
    """How fast the mapping may copy while its source suffers; None: nothing slows it down."""
    session.execute(
        "UPDATE migrator.mappings SET brake_mbps = %s, brake_reason = %s WHERE name = %s",
        (brake.mbps if brake else None, brake.reason if brake else None, mapping),
    )


def set_quiet_since(session: Session, mapping: str, since: datetime | None) -> None:
    """Since when every gating step has been quiet; None: it is not."""
    session.execute("UPDATE migrator.mappings SET quiet_since = %s, stable_at = NULL WHERE name = %s", (since, mapping))


def set_stable(session: Session, mapping: str, at: datetime) -> None:
    """Every database was seen quiet stable_seconds after `quiet_since`, now that it is `at`."""
    session.execute("UPDATE migrator.mappings SET stable_at = %s WHERE name = %s", (at, mapping))


def finish(session: Session, mapping: str, intent: Intent, seen: Journal) -> bool:
    """The end of completion or abort: only the intent row stays of this mapping.

    False, and nothing is done, where a note is there of what has to be given back that `seen` has not: by a task that was under way; and
    where the operator wants something else by now than in `seen`.
    """
    with session.transaction():
        session.execute("SELECT pg_advisory_xact_lock(%s)", (lock_key("journal"),))
        if owed.noted(session, mapping) - owed.known(seen):
            return False
        ended = session.execute(
            "UPDATE migrator.mappings SET intent = %s, intent_at = clock_timestamp(), quiet_since = NULL, stable_at = NULL,"
            " rate_limit_mbps = NULL, source_rate_limit_mbps = NULL, brake_mbps = NULL, brake_reason = NULL"
            " WHERE name = %s AND intent = %s",
            (intent.value, mapping, seen.intent.value),
        )
        if not ended.rowcount:
            return False
        for table in _OF_WORK:
            if owed.exists(session, table):
                session.execute(f"DELETE FROM migrator.{table} WHERE mapping = %s", (mapping,))
        if not session.execute(_OTHERS_AT_WORK).fetchone():
            for table in _OF_WORK:
                session.execute(f"DROP TABLE IF EXISTS migrator.{table}")
    return True


def _drop_if_empty(session: Session, table: str) -> None:
    if not session.execute(f"SELECT 1 FROM migrator.{table} LIMIT 1").fetchone():
        session.execute(f"DROP TABLE migrator.{table}")


def forget(session: Session, mapping: str) -> None:
    """Remove the intent row, and the schema with the last of them."""
    if not owed.exists(session, "mappings"):
        return
    with session.transaction():
        session.execute("SELECT pg_advisory_xact_lock(%s)", (lock_key("journal"),))
        session.execute("DELETE FROM migrator.mappings WHERE name = %s", (mapping,))
        _drop_if_empty(session, "mappings")
        left = session.execute(
            "SELECT 1 FROM pg_class WHERE relnamespace = to_regnamespace('migrator') LIMIT 1"
        ).fetchone()
        if not left:
            session.execute("DROP SCHEMA migrator")
