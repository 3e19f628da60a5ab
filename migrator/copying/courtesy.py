"""Copies of ours give way to whoever wants their table for itself."""

from migrator.connection import Session
from migrator.phases import source_statements

# Within a transaction pg_stat_activity stays as it was first read.
_FORGET = "SELECT pg_stat_clear_snapshot()"


def make_way(session: Session, application_name: str) -> tuple[int, ...]:
    """End every session of a copy that somebody's lock request waits for; their pids. The parts raise YieldError.

    Not by a cancel: a copy that waits for its throttle may have read everything already, and then nothing is left to cancel.

    For a session in the source's database, of the user that copies too; ask every second or two. `application_name` is the
    copies': all of them, on whatever machine.
    """
    session.execute(_FORGET)
    return tuple(row["pid"] for row in session.execute(source_statements.make_way(application_name)))
