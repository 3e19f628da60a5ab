"""WAL markers in the journal: positions on the source with the time at which they were written. Lag in seconds is told by them."""

from migrator.connection import Session
from migrator.model import Lsn


def add(session: Session, mapping: str, lsn: Lsn) -> None:
    """Note a marker just emitted on the source, by the destination's clock.

    Of those that wait for longer than ten minutes one a minute stays: a line that is down for days must not make every look slow.
    """
    with session.transaction():
        # A crash of the destination must not take back what is remembered elsewhere by then.
        session.execute("SET LOCAL synchronous_commit = local")
        session.execute(
            "INSERT INTO migrator.markers (mapping, lsn, emitted_at) VALUES (%s, %s::pg_lsn, clock_timestamp())"
            " ON CONFLICT DO NOTHING",
            (mapping, str(lsn)),
        )
        session.execute(
            "DELETE FROM migrator.markers WHERE mapping = %(mapping)s AND lsn IN (SELECT lsn FROM (SELECT lsn, row_number()"
            " OVER (PARTITION BY date_trunc('minute', emitted_at) ORDER BY lsn) AS nth FROM migrator.markers"
            " WHERE mapping = %(mapping)s AND confirmed_at IS NULL AND emitted_at < clock_timestamp() - interval '10 minutes')"
            " AS waiting WHERE nth > 1)",
            {"mapping": mapping},
        )


def newest(session: Session, mapping: str) -> Lsn | None:
    """The last marker noted; None before the first."""
    row = session.execute(
        "SELECT max(lsn)::text AS lsn FROM migrator.markers WHERE mapping = %s", (mapping,)
    ).fetchone()
    return Lsn.parse(row["lsn"]) if row and row["lsn"] else None


def confirm(session: Session, mapping: str, upto: Lsn) -> None:
    """Note that every group has passed `upto`, and forget confirmed markers but the newest."""
    with session.transaction():
        session.execute(
            "UPDATE migrator.markers SET confirmed_at = clock_timestamp()"
            " WHERE mapping = %s AND lsn <= %s::pg_lsn AND confirmed_at IS NULL",
            (mapping, str(upto)),
        )
        session.execute(
            "DELETE FROM migrator.markers m WHERE mapping = %(mapping)s AND confirmed_at IS NOT NULL AND lsn <"
            " (SELECT max(lsn) FROM migrator.markers WHERE mapping = %(mapping)s AND confirmed_at IS NOT NULL)",
            {"mapping": mapping},
        )
