"""Destinations that do not hand the source what we set for replication's sessions there: minor releases before those of February 2026.

Their libpqwalreceiver puts options of its own in the place of the connection string's. A statement_timeout that the source keeps for our
user, or for the database, then ends the copy of every table that takes longer, and it begins from the first byte, for ever. Seen on
17.4 and 18.1. That row_security would be off there is not relied on: `row_security_hides_rows` asks before.
"""

from collections.abc import Iterator

from migrator.model import Instance
from migrator.phases import settings
from migrator.phases.view import View
from migrator.phases.wording import release
from migrator.quote import identifier
from migrator.steps import Finding, Mend, Side

HANDED_ON_FROM = {15: 15_00_16, 16: 16_00_12, 17: 17_00_08, 18: 18_00_02}
"""By the destination's major version."""

TIMEOUTS = (
    "statement_timeout",
    "transaction_timeout",
    "lock_timeout",
    "idle_in_transaction_session_timeout",
    "idle_session_timeout",
)
"""Those that our connection string switches off (`conninfo.replication_conninfo`)."""


def findings(view: View) -> Iterator[Finding]:
    """Of the view's database: the timeouts that would hold there for the destination's sessions."""
    destination = view.destination
    if destination.version >= HANDED_ON_FROM.get(destination.major, 0):
        return
    kept = dict(_kept(view.source, view.database.name))
    if not kept:
        return
    mended = HANDED_ON_FROM[destination.major]
    user, name = view.source.user.session_user, view.database.name
    alters = [f"ALTER ROLE {identifier(user)} IN DATABASE {identifier(name)} SET {each} = 0;" for each in kept]
    yield Finding(
        "walsender_timeout",
        f"The destination is PostgreSQL {release(destination.version)}, which before {release(mended)} does not hand on what we set "
        f"for its sessions on the source: in database {name}, {', '.join(f'{each} = {value}' for each, value in kept.items())} would "
        "hold for them, and end each table's copy that takes longer, again and again.",
        f"Update the destination to {release(mended)} or newer; or on the source: {' '.join(alters)}",
        database=name,
        mends=tuple(Mend(Side.SOURCE, alter) for alter in alters),
    )


def _kept(source: Instance, database: str) -> Iterator[tuple[str, str]]:
    there = source.database(database)
    for name in TIMEOUTS if there is not None else ():
        assert there is not None
        value = settings.kept(source, source.user.session_user, there, name)
        if value is not None and not settings.is_never(value):
            yield name, value
