"""A relation leaves its group by the word of whoever copies it."""

from migrator.connection import Session
from migrator.copying.wire import Stop, Wire
from migrator.phases import giving_up
from migrator.quote import literal


def leave_group(session: Session, mapping: str, group: int, relation: str, stop: Stop) -> None:
    """Take a relation out of its group, with its parts and rows: it is begun anew in another.

    Waits for the parts of the group that are being copied, however long they take; for the table itself up to the session's own
    lock_timeout, since the whole group stands still meanwhile. Raises psycopg's errors, and StoppedError, with nothing changed.
    """
    wire = Wire(session, stop)
    try:
        wire.ask(
            f"BEGIN; SET LOCAL lock_timeout = 0; {giving_up.lock(mapping, group)}; SET LOCAL lock_timeout TO DEFAULT;"
            f" {giving_up.removal(mapping, group, f'r.relation = {literal(relation)}')}; COMMIT"
        )
    except BaseException:
        wire.abandon()
        raise
