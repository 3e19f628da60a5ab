"""Who may still write on the source, asked when the operator says that nobody does: at the barrier, and at the completion."""

from collections.abc import Iterable

from migrator.catalog import sql
from migrator.config import MappingSpec
from migrator.connection import session_of
from migrator.names import application_name
from migrator.records import Claim


def open_writers(spec: MappingSpec, claims: Iterable[Claim]) -> tuple[str, ...]:
    """One sentence for each transaction that may still commit in a database of the mapping; in any while it has none.

    Which databases are the mapping's, its claims say: they name also those that are left out or fenced since.
    """
    databases = [claim.database for claim in claims if claim.mapping == spec.name] or None
    with session_of(spec.source, None, application_name(spec.name, "barrier")) as session:
        rows = session.execute(sql("writers", 0), {"databases": databases}).fetchall()
    return tuple(str(row["sentence"]) for row in rows)
