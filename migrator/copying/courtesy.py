"""Copies of ours give way to whoever wants their table for itself."""

from migrator.connection import Session

# Within a transaction pg_stat_activity stays as it was first read.
_FORGET = "SELECT pg_stat_clear_snapshot()"
_MAKE_WAY = """
SELECT holder.pid, pg_terminate_backend(holder.pid)
FROM pg_stat_activity holder
WHERE holder.application_name = %s AND holder.datname = current_database() AND holder.usename = session_user
    AND EXISTS (
        SELECT FROM pg_locks wanted JOIN pg_locks held USING (locktype, database, relation)
        WHERE wanted.locktype = 'relation' AND NOT wanted.granted AND wanted.pid <> holder.pid
            AND held.pid = holder.pid AND held.granted AND held.mode = 'AccessShareLock'
            AND holder.pid = ANY (pg_blocking_pids(wanted.pid)))
"""


def make_way(session: Session, application_name: str) -> tuple[int, ...]:
    """End every session of a copy that somebody's lock request waits for; their pids. The parts raise YieldError.

    Not by a cancel: a copy that waits for its throttle may have read everything already, and then nothing is left to cancel.

    For a session in the source's database, of the user that copies too; ask every second or two. `application_name` is the
    copies': all of them, on whatever machine.
    """
    session.execute(_FORGET)
    return tuple(row["pid"] for row in session.execute(_MAKE_WAY, (application_name,)))
