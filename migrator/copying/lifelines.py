"""A keeper's two sessions beside the one that holds the snapshot. Each may end, and be refused for a while: the snapshot stays.

What ends all three at once, a restart of the destination or a line that is cut, ends them for every keeper of the group; were it
the end of their snapshot too, all that is not finished of the group would be copied again.
"""

from dataclasses import dataclass, field
from enum import Enum

import psycopg
import structlog

from migrator.connection import Session, try_lock
from migrator.copying.courtesy import make_way
from migrator.copying.seat import Seat, ledger_session, source_session
from migrator.errors import MigratorError, SessionLimitError, UnreachableError
from migrator.names import COPIES, application_name

LOG = structlog.get_logger("migrator")

AT_ONCE = 0.0
"""No waiting for room on a server that has enough sessions of ours: it is asked for again a second later."""

NO_WATCH = "nobody sees whom copies are in the way of"
NO_LEDGER = "snapshot held without its ledger"


class Want(Enum):
    """What the ledger says of a keeper."""

    NEEDED = "needed"
    OVER = "over"
    """No part is left that could be copied under the snapshot."""
    REPLACED = "replaced"
    """Another keeper has the seat."""
    UNKNOWN = "unknown"
    """The ledger cannot be asked now, or our lock cannot be had."""


@dataclass
class Lifelines:
    """`pid` is the holder's on the source, by which the ledger knows who has the seat; `ledger` has the seat's lock."""

    seat: Seat
    pid: int
    slot: str
    ledger: Session
    watch: Session | None = None
    _told: set[str] = field(default_factory=set)

    def close(self) -> None:
        self.ledger.close()
        if self.watch is not None:
            self.watch.close()

    def make_way(self) -> bool:
        """End copies that somebody's lock request waits for. False: the group's slot is gone, or can bring no changes any more."""
        try:
            if self.watch is None or self.watch.closed:
                self.watch = source_session(self.seat, "watch", AT_ONCE)
            make_way(self.watch, application_name(self.seat.spec.name, COPIES))
            stands = self._slot_stands(self.watch)
            self._told.discard(NO_WATCH)
            return stands
        except (psycopg.Error, UnreachableError, SessionLimitError) as error:
            self._tell(NO_WATCH, error)
            if self.watch is not None:
                self.watch.close()
            return True

    def _slot_stands(self, watch: Session) -> bool:
        query = "SELECT 1 FROM pg_replication_slots WHERE slot_name = %s AND wal_status <> 'lost'"
        return watch.execute(query, (self.slot,)).fetchone() is not None

    def ask(self) -> Want:
        """A server takes up to half a minute to notice that our last session is gone, and has its lock so long."""
        try:
            if self.ledger.closed:
                self.ledger = ledger_session(self.seat, AT_ONCE)
                if not try_lock(self.ledger, self.seat.lock):
                    replaced = self._is_replaced()
                    self.ledger.close()
                    return Want.REPLACED if replaced else Want.UNKNOWN
                if self._is_replaced():
                    return Want.REPLACED
            self._told.discard(NO_LEDGER)
            return Want.NEEDED if self._is_needed() else Want.OVER
        except (psycopg.OperationalError, UnreachableError, SessionLimitError) as error:
            self._tell(NO_LEDGER, error)
            self.ledger.close()
            return Want.UNKNOWN

    def _is_replaced(self) -> bool:
        row = self.ledger.execute(
            "SELECT 1 FROM migrator.keepers WHERE mapping = %(mapping)s AND group_number = %(group)s AND keeper = %(keeper)s"
            " AND backend_pid <> %(pid)s",
            {**self.seat.key, "pid": self.pid},
        ).fetchone()
        return row is not None

    def _is_needed(self) -> bool:
        """Whether a part of the group is still to be copied under its snapshot."""
        row = self.ledger.execute(
            "SELECT EXISTS (SELECT FROM migrator.groups g"
            " JOIN migrator.relations r ON (r.mapping, r.group_number) = (g.mapping, g.number)"
            " JOIN migrator.parts p ON (p.mapping, p.group_number, p.relation) = (r.mapping, r.group_number, r.relation)"
            " WHERE g.mapping = %(mapping)s AND g.number = %(group)s"
            " AND g.retired_at IS NULL AND g.slot_dropped_at IS NULL AND p.copied_at IS NULL) AS needed",
            self.seat.key,
        ).fetchone()
        return bool(row and row["needed"])

    def leave(self) -> None:
        """Take the keeper out of the ledger."""
        if not self.ledger.closed:
            self.ledger.execute(
                "DELETE FROM migrator.keepers WHERE mapping = %(mapping)s AND group_number = %(group)s AND keeper = %(keeper)s"
                " AND backend_pid = %(pid)s",
                {**self.seat.key, "pid": self.pid},
            )

    def _tell(self, what: str, error: psycopg.Error | MigratorError) -> None:
        """Once, until it is over: it is tried every second."""
        if what not in self._told:
            self._told.add(what)
            place = {"mapping": self.seat.spec.name, "database": self.seat.database, "group": self.seat.group}
            LOG.warning(what, **place, reason=" ".join(str(error).split()))
