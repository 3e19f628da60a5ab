"""May this database be replicated? Asked before any publication exists: one with an unfit table breaks its application."""

import re
from collections.abc import Iterator

from migrator.model import Database
from migrator.phases import (
    claims,
    connection_limits,
    fitness,
    locales,
    portability,
    pre_data,
    source_settings,
    stale_publication,
    trial,
    walsender_settings,
)
from migrator.phases.view import View
from migrator.quote import identifier
from migrator.steps import Finding, Gates, Mend, Side, Step, Wait

NAME = "preflight"

REFUSED_EXTENSIONS = {
    "timescaledb": "its hypertables cannot be replicated table by table",
    "citus": "its distributed tables cannot be replicated from the coordinator",
}


def examine(view: View) -> Step:
    """What this database of the source, and its counterpart, lack."""
    if view.database.target_copied and view.database.source_error is None:
        wait = Wait(
            f"database {view.database.target} on the destination is read again soon: {view.database.target_error}"
        )
        return Step(NAME, view.database.name, Gates.DATABASE, waits=(wait,))
    unreadable = tuple(_unreadable(view))
    if unreadable:
        return Step(NAME, view.database.name, Gates.DATABASE, findings=unreadable)
    findings = (
        *(tuple(claims.findings(view)) or _occupied(view)),
        *_extensions(view),
        *_maintenance(view),
        *locales.findings(view, view.database),
        *_database_rights(view),
        *connection_limits.of_database(view),
        *source_settings.of_database(view),
        *stale_publication.findings(view),
        *walsender_settings.findings(view),
        *fitness.findings(view),
        *portability.findings(view),
        *trial.findings(view),
    )
    return Step(NAME, view.database.name, Gates.DATABASE, tuple(trial.actions(view)), findings=findings)


def _finding(view: View, code: str, message: str, remedy: str, mends: tuple[Mend, ...] = ()) -> Finding:
    return Finding(code, message, remedy, database=view.database.name, mends=mends)


def _unreadable(view: View) -> Iterator[Finding]:
    pair = view.database
    for side, name, error, user in (
        (Side.SOURCE, pair.name, pair.source_error, view.source.user.name),
        (Side.DESTINATION, pair.target, pair.target_error, view.destination.user.name),
    ):
        if error is not None:
            remedy, mends = _readable(side, name, user, error)
            yield _finding(
                view,
                "database_unreadable",
                f"Database {name} on the {side} cannot be read: {error}",
                remedy,
                mends,
            )


def _readable(side: Side, name: str, user: str, error: str) -> tuple[str, tuple[Mend, ...]]:
    """What lets us in; or, where we are in, gives us back what PUBLIC may read of the catalogs unless somebody took it away."""
    catalog = re.search("permission denied for (?:view|table) (pg_[a-z_]+)$", error)
    if catalog:
        grant = f"GRANT SELECT ON pg_catalog.{catalog[1]} TO {identifier(user)};"
        return f"In database {name} of the {side}: {grant}", (Mend(side, grant, name),)
    grant = f"GRANT CONNECT ON DATABASE {identifier(name)} TO {identifier(user)};"
    mends = (Mend(side, grant),) if "permission denied for database" in error else ()
    return f"Check pg_hba.conf; and on the {side}: {grant}", mends


def _occupied(view: View) -> Iterator[Finding]:
    """A database of that name with rows in it: nothing is made there, as it may be in use."""
    pair = view.database
    if pair.source_schema is not None and pair.target_schema is not None and not pair.ledger.groups:
        yield from pre_data.filled(pair, pair.source_schema, pair.target_schema)


def _extensions(view: View) -> Iterator[Finding]:
    installed, available = view.database.facts.extensions, view.destination.available_extensions
    for name in sorted(REFUSED_EXTENSIONS.keys() & installed.keys()):
        yield _finding(
            view,
            "unsupported_extension",
            f"Database {view.database.name} uses the extension {name}: {REFUSED_EXTENSIONS[name]}.",
            "Leave the database out of this mapping (databases.exclude), and move it with the extension's own tools.",
        )
    missing = sorted(installed.keys() - available.keys() - REFUSED_EXTENSIONS.keys())
    if missing:
        yield _finding(
            view,
            "extension_missing",
            f"Database {view.database.name} needs extensions that the destination does not have: {', '.join(missing)}.",
            "Install their packages on the destination server; or, where nothing uses them, in database "
            f"{view.database.name} of the source: "
            + " ".join(f"DROP EXTENSION {identifier(name)};" for name in missing),
        )


def _maintenance(view: View) -> Iterator[Finding]:
    """The maintenance database is selected only while it holds somebody's objects: never left out without a word."""
    name, selection = view.database.name, view.spec.databases
    if name == view.spec.source.maintenance_database and name not in selection.include:
        yield _finding(
            view,
            "maintenance_database_unnamed",
            f"The source's maintenance database {name} holds user objects, but mapping {view.spec.name} does not name it.",
            f"Name {name} under the mapping's databases.include to migrate it, or under databases.exclude to leave it out.",
        )


def _database_rights(view: View) -> Iterator[Finding]:
    pair = view.database
    sides: tuple[tuple[Side, Database | None, str], ...] = (
        (Side.SOURCE, view.source.database(pair.name), view.source.user.name),
        (Side.DESTINATION, view.destination.database(pair.target), view.destination.user.name),
    )
    for side, database, user in sides:
        if database is not None and not database.may_create:
            what = "create a publication" if side is Side.SOURCE else "create schemas and the subscription"
            grant = f"GRANT CREATE ON DATABASE {identifier(database.name)} TO {identifier(user)};"
            yield _finding(
                view,
                f"{side}_create_right",
                f"{user} may not {what} in database {database.name} on the {side}.",
                f"On the {side}: {grant}",
                (Mend(side, grant),),
            )
