"""The write stop in the journal: where it was confirmed, and when everything before it was seen to have arrived."""

from psycopg.rows import DictRow

from migrator.connection import Session
from migrator.model import Lsn
from migrator.records import Barrier


def of(row: DictRow) -> Barrier | None:
    """The barrier in a mapping's row of the journal."""
    return Barrier(Lsn.parse(row["barrier"]), row["barrier_at"], row["arrived_at"]) if row["barrier"] else None


def take(session: Session, mapping: str, lsn: Lsn) -> bool:
    """Record the source position after which, says the operator, nobody writes any more. False where the mapping does not migrate.

    That everything had arrived under an earlier one stays: applications may be at work on the destination since.
    """
    taken = session.execute(
        "UPDATE migrator.mappings SET barrier = %s::pg_lsn, barrier_at = clock_timestamp()"
        " WHERE name = %s AND intent = 'migrate'",
        (str(lsn), mapping),
    )
    return taken.rowcount == 1


def lift(session: Session, mapping: str) -> bool:
    """The writers are back: upkeep goes on, and completion is refused until a new barrier. False where none stands, or an end has begun."""
    lifted = session.execute(
        "UPDATE migrator.mappings SET barrier = NULL, barrier_at = NULL, arrived_at = NULL"
        " WHERE name = %s AND barrier IS NOT NULL AND intent IN ('migrate', 'paused')",
        (mapping,),
    )
    return lifted.rowcount == 1


def note_arrival(session: Session, mapping: str, barrier: Barrier) -> bool:
    """Everything was seen to have arrived under this barrier. Whether it is the one in force, and that is news."""
    noted = session.execute(
        "UPDATE migrator.mappings SET arrived_at = clock_timestamp()"
        " WHERE name = %s AND barrier = %s::pg_lsn AND arrived_at IS NULL AND intent IN ('migrate', 'paused')",
        (mapping, str(barrier.lsn)),
    )
    return noted.rowcount == 1
