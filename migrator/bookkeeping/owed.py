"""The journal's notes of what a mapping has altered and its end gives back: which there are, and which a look has seen."""

from migrator.connection import Session
from migrator.names import SCHEMA
from migrator.records import Journal

_NOTES = {
    "replica_identities": ("database", "oid"),
    "self_memberships": ("role",),
    "worker_settings": ("database", "setting"),
}
"""The tables, and the columns that tell which thing of the mapping is meant."""

Owed = frozenset[tuple[str, ...]]


def exists(session: Session, table: str) -> bool:
    """Whether the journal has this table: some are dropped when nobody needs them."""
    row = session.execute("SELECT to_regclass(%s) IS NOT NULL AS present", (f"{SCHEMA}.{table}",)).fetchone()
    return bool(row and row["present"])


def noted(session: Session, mapping: str) -> Owed:
    """What is to be given back by now."""
    found = set[tuple[str, ...]]()
    for table, columns in _NOTES.items():
        if exists(session, table):
            rows = session.execute(f"SELECT {', '.join(columns)} FROM migrator.{table} WHERE mapping = %s", (mapping,))
            found |= {(table, *map(str, row.values())) for row in rows}
    return frozenset(found)


def known(seen: Journal) -> Owed:
    """The same, of a journal that was read before."""
    return frozenset(
        (
            *(("replica_identities", each.database, str(each.oid)) for each in seen.identities),
            *(("self_memberships", role) for role in seen.self_memberships),
            *(("worker_settings", each.database, each.setting) for each in seen.worker_settings),
        )
    )
