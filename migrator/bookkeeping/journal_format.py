"""Whether a journal or ledger is ours to read: made by us, and by this version. What an older one lacks, by the catalogs, it gets."""

from dataclasses import dataclass

from psycopg.errors import InsufficientPrivilege

from migrator.catalog import added_columns, created_tables, journal_tables, ledger_tables, sql
from migrator.connection import Session
from migrator.errors import MigratorError, OutdatedError
from migrator.names import SCHEMA, lock_key

SCHEMA_COMMENT = "pg-migrator journal and ledger, format 1"
"""Tells our schema from somebody else's that happens to have its name."""


@dataclass(frozen=True)
class Format:
    """What this version's tables are: the statements that make them, and those that give older tables their columns."""

    tables: str
    columns: str


JOURNAL = Format(journal_tables(), sql("journal_columns", 0))
LEDGER = Format(ledger_tables(), sql("ledger_columns", 0))

_LACKING = """
WITH standing AS (SELECT oid, relname FROM pg_class
                  WHERE relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = 'migrator'))
SELECT EXISTS (
    SELECT FROM unnest(%(relations)s::text[], %(columns)s::text[]) AS wanted (relation, attribute)
    JOIN standing ON relname = relation
    WHERE NOT EXISTS (SELECT FROM pg_attribute WHERE attrelid = standing.oid AND attname = attribute AND NOT attisdropped)
) OR (
    SELECT count(*) NOT IN (0, cardinality(%(tables)s::text[])) FROM standing WHERE relname = ANY (%(tables)s::text[])
) AS lacking
"""
"""Names are looked up in the catalogs, not by to_regclass(), which fails for whoever may not use the schema."""


def refuse_foreign_schema(session: Session) -> None:
    """Raise MigratorError where a schema named `migrator` stands that we did not make."""
    if _is_foreign(session):
        raise MigratorError(
            f"Database {session.info.dbname} on the destination has a schema named {SCHEMA} that pg-migrator did not make.",
            f"Rename it (ALTER SCHEMA {SCHEMA} RENAME TO ...): pg-migrator keeps its journal under that name.",
        )


def _is_foreign(session: Session) -> bool:
    row = session.execute(
        "SELECT obj_description(oid, 'pg_namespace') AS comment FROM pg_namespace WHERE nspname = %s", (SCHEMA,)
    ).fetchone()
    return row is not None and row["comment"] != SCHEMA_COMMENT


def is_outdated(session: Session, form: Format) -> bool:
    """Whether tables of this kind stand here, but not all of them, or not with all their columns. Reads catalogs only."""
    columns, names = added_columns(form.columns), created_tables(form.tables)
    row = session.execute(
        _LACKING,
        {
            "relations": [relation for relation, _ in columns],
            "columns": [column for _, column in columns],
            # the journal's other tables go, all of them, when no mapping is at work any more
            "tables": [name for name in names if name != "mappings"],
        },
    ).fetchone()
    return bool(row and row["lacking"])


def refuse_outdated(session: Session, form: Format) -> None:
    """Raise OutdatedError where an older version made these tables: they are not read as they are."""
    if is_outdated(session, form):
        raise OutdatedError(
            f"The journal in database {session.info.dbname} on the destination was made by an older version of pg-migrator.",
            "The next tick brings it up to date: pg-migrator run.",
        )


def upgrade_journal(session: Session) -> bool:
    """Give the journal of the maintenance database what it lacks. Whether it lacked anything.

    Raises MigratorError where it belongs to another role.
    """
    return _upgrade(session, JOURNAL)


def upgrade_ledger(session: Session, mapping: str, database: str) -> bool:
    """Give the ledger of a destination database what it lacks; `database` is its source's name. Whether it lacked anything."""
    if not _upgrade(session, LEDGER):
        return False
    session.execute(
        "UPDATE migrator.groups SET database = %s WHERE mapping = %s AND database IS NULL", (database, mapping)
    )
    return True


def _upgrade(session: Session, form: Format) -> bool:
    """Somebody else's tables of these names are left alone: who reads them says so."""
    if _is_foreign(session) or not is_outdated(session, form):
        return False
    try:
        with session.transaction():
            session.execute("SELECT pg_advisory_xact_lock(%s)", (lock_key("journal"),))
            session.execute(form.tables)
            session.execute(form.columns)
    except InsufficientPrivilege as error:
        raise MigratorError(
            f"The journal in database {session.info.dbname} on the destination was made by an older version of pg-migrator, "
            f"and cannot be brought up to date: {error.diag.message_primary}.",
            "It belongs to the role that began the migration: use that role once.",
        ) from None
    return True
