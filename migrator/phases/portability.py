"""What of this database cannot come along, or not as it stands there? Asked before anything is made on the destination."""

from collections.abc import Iterator
from itertools import groupby

from migrator.names import SCHEMA
from migrator.phases import carry, settings, tablespaces
from migrator.phases.settings import Setting
from migrator.phases.view import View
from migrator.phases.wording import some
from migrator.quote import identifier
from migrator.schema import Schema
from migrator.schema.built_in import COLLATION, SETTING
from migrator.schema.definition import SECURITY_LABEL
from migrator.schema.uncarried import NAMELESS_PARAMETER, RESERVED_SCHEMA
from migrator.steps import Finding

_NO_IDENTITY_OF_PARTITIONS, _NO_NULL_BELOW = 17, 18
"""The first major versions that take no identity column of a partition's own, and no nullable column below a NOT NULL."""


def findings(view: View) -> Iterator[Finding]:
    """Of the source's schema as it is seen now; nothing while it cannot be read."""
    schema = view.database.source_schema
    if schema is None:
        return
    yield from _not_carried(view.database.name, schema)
    yield from _unprintable(view, schema)
    yield from _identities_of_partitions(view, schema)
    yield from _nullable_below(view, schema)
    yield from _gone(view, schema)
    yield from _in_one_piece(view)
    yield from tablespaces.missing(view)
    yield from _label_providers(view, schema)


def _not_carried(database: str, source: Schema) -> Iterator[Finding]:
    if any(each.kind == RESERVED_SCHEMA for each in source.uncarried):
        yield _reserved(database)


def _reserved(database: str) -> Finding:
    return Finding(
        code="schema_name_reserved",
        message=f"{database} has a schema {SCHEMA}, the name of this tool's own on the destination.",
        remedy=f"Rename it on the source: ALTER SCHEMA {SCHEMA} RENAME TO ...",
        database=database,
    )


def _unprintable(view: View, schema: Schema) -> Iterator[Finding]:
    """Until it was mended there, or somebody who has its text made it here."""
    target = view.database.target_schema
    routines = [each.identity for each in schema.uncarried if each.kind == NAMELESS_PARAMETER]
    for routine in routines:
        if target is None or target.find(routine) is None:
            yield Finding(
                "parameter_without_name",
                f"The body of {routine} in database {view.database.name} refers to a parameter that has no name, while others have "
                'one. PostgreSQL prints that reference as "", so that neither pg_get_functiondef nor pg_dump gives a definition '
                "that can be run again.",
                f"In database {view.database.name} of the source, give every parameter a name: CREATE OR REPLACE "
                f"{routine.partition(' ')[0].upper()} with the body that it was made with.",
                database=view.database.name,
            )


def _identities_of_partitions(view: View, schema: Schema) -> Iterator[Finding]:
    """Before 17 a partition could be attached with an identity column of its own; since then ATTACH refuses it."""
    if view.destination.major < _NO_IDENTITY_OF_PARTITIONS:
        return
    for table in schema.tables:
        for column in table.columns:
            if not table.is_partition or column.sequence is None:
                continue
            alter = f"ALTER TABLE {table.qualified} ALTER COLUMN {column.quoted}"
            yield Finding(
                "partition_identity",
                f"Column {column.quoted} of partition {table.qualified} is an identity column of the partition's own, which "
                f"PostgreSQL {_NO_IDENTITY_OF_PARTITIONS} and later do not know.",
                f"In database {view.database.name} of the source, put a sequence in its place: CREATE SEQUENCE ...; "
                f"SELECT setval('...', nextval('{column.sequence.qualified}')); {alter} DROP IDENTITY; "
                f"{alter} SET DEFAULT nextval('...');",
                database=view.database.name,
            )


def _nullable_below(view: View, schema: Schema) -> Iterator[Finding]:
    """Before 18 an inheriting table's column could be made nullable again under its parent's NOT NULL."""
    if view.destination.major < _NO_NULL_BELOW:
        return
    for table in schema.tables:
        for column in table.columns:
            if column.nullable_below:
                yield Finding(
                    "nullable_below_not_null",
                    f"Column {column.quoted} of {table.qualified} is nullable although that of {' or '.join(table.inherits)} is "
                    f"NOT NULL, which PostgreSQL {_NO_NULL_BELOW} and later do not know.",
                    f"In database {view.database.name} of the source, once no row has a NULL there: "
                    f"ALTER TABLE {table.qualified} ALTER COLUMN {column.quoted} SET NOT NULL; or drop the parent's NOT NULL.",
                    database=view.database.name,
                )


def _gone(view: View, schema: Schema) -> Iterator[Finding]:
    """Uses of what the destination's version does not have any more, one finding for each thing."""
    for (kind, name), group in groupby(schema.built_ins, key=lambda each: (each.kind, each.name)):
        uses = list(group)
        if kind == COLLATION:
            yield from _collation(view, name, [each.used_by for each in uses])
            continue
        if not (_lacks_setting(view, name) if kind == SETTING else uses[0].since <= view.destination.major):
            continue
        database, users = view.database.name, some([each.used_by for each in uses])
        reset = f"RESET {name}" if kind == SETTING else "without it"
        yield Finding(
            "built_in_missing",
            f"The destination has no {kind} {name}, which PostgreSQL "
            f"{uses[0].since or view.destination.major} does not know any more. In database {database} it is used by: {users}.",
            f"In database {database} of the source, alter these objects ({reset}), or drop what nobody needs.",
            database=database,
        )


def _collation(view: View, name: str, users: list[str]) -> Iterator[Finding]:
    """One of the system's, which the destination's machine had not when its server was set up."""
    known, database = view.destination.collations, view.database
    if known and name not in known:
        yield Finding(
            "collation_missing",
            f"The destination does not have the collation {identifier(name)}, which initdb found on the source's machine. In "
            f"database {database.name} it is used by: {some(users)}.",
            f"Install the locale on the destination's machine; then in database {view.spec.destination.maintenance_database} on the "
            f"destination, and in {identifier(database.target)} as soon as it is made there: "
            "SELECT pg_import_system_collations('pg_catalog'); what uses it is tried again.",
            blocking=False,
            database=database.name,
        )


def _lacks_setting(view: View, name: str) -> bool:
    return not settings.known(Setting(name, ""), view.destination)


def _in_one_piece(view: View) -> Iterator[Finding]:
    """Told from the beginning on; refused beforehand, while that spares the work, and later by the phase itself."""
    if not view.database.ledger.groups:
        yield from carry.findings(view.database, view.source.user.name)
    yield from carry.note(view.database, view.spec.name)
    yield from carry.trigger_right(view.database, view.destination.user)


def _label_providers(view: View, schema: Schema) -> Iterator[Finding]:
    """No catalog says which providers a server has loaded: told until every label is there."""
    target = view.database.target_schema
    labels = [each for each in schema.definitions if each.kind == SECURITY_LABEL]
    missing = [each for each in labels if target is None or target.find(each.identity) is None]
    if missing:
        providers = sorted({each.name.partition(" on ")[0] for each in missing})
        yield Finding(
            "security_label_provider",
            f"Database {view.database.name} has {len(missing)} security labels of {some(providers)}. The destination takes them "
            "only where it has loaded that provider.",
            "Install the provider there and load it (shared_preload_libraries, or session_preload_libraries of the database). "
            "Until then its labels fail and are tried again.",
            blocking=False,
            database=view.database.name,
        )
