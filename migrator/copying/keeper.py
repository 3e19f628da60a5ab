"""Keepers: sessions on the source that hold a group's snapshot as long as a part of the group is to be copied.

The first makes the group's slot over a replication connection, which exports the slot's snapshot; a session of its own imports
it and exports it again, and holds it from then on. Others import it from any that lives, and export it once more: so no single
death ends it. What a keeper says of itself stands in the ledger; whether it lives, the source's pg_stat_activity says.
"""

import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field

import psycopg
import structlog
from psycopg.rows import DictRow

from migrator.connection import SILENCE_SECONDS, Session, connect, try_lock
from migrator.copying.courtesy import make_way
from migrator.copying.seat import Seat, group_of, import_snapshot, note_keeper, source_session
from migrator.copying.slot import make
from migrator.errors import MigratorError, UnreachableError
from migrator.names import COPIES, application_name
from migrator.server_errors import sentence

LOG = structlog.get_logger("migrator")

LOOK_SECONDS = 1.0
"""How often a keeper looks whether it is still needed, whether its session still stands, and whether a copy is in somebody's way."""

DESTINATION_AWAY_SECONDS = 3600.0
"""A destination that is away longer than this cannot hold back VACUUM on the source any more."""


class SnapshotLostError(MigratorError):
    """No keeper of the group is left whose snapshot could be passed on."""


@dataclass
class Keeper:
    """One keeper at work. `stopping` asks whether the process is to end; `told` is called once the snapshot is held."""

    seat: Seat
    stopping: Callable[[], bool] = lambda: False
    told: Callable[[], None] = lambda: None
    _stack: ExitStack = field(default_factory=ExitStack)

    def keep(self) -> bool:
        """Hold the snapshot to its end. False: there is nothing to hold, or somebody else has this seat.

        Raises MigratorError where it could not be had, or was lost; what is half made is cleared away by the next try.
        """
        try:
            return self._keep()
        except psycopg.Error as error:
            raise MigratorError(sentence(error)) from None

    def _keep(self) -> bool:
        with self._stack:
            ledger = self._ledger_session()
            if not try_lock(ledger, self.seat.lock):
                return False
            group = group_of(ledger, self.seat)
            if group is None:
                return False
            holder = self._source_session("keeper")
            if not group["slot_created"]:
                if not try_lock(ledger, self.seat.slot_lock):
                    return False
                if not make(self.seat, ledger, holder, self.stopping):
                    return False
            else:
                self._relay(ledger, holder)
            LOG.info("snapshot held", mapping=self.seat.spec.name, database=self.seat.database, group=self.seat.group)
            self.told()
            self._hold(ledger, holder, group["name"])
            return True

    def _ledger_session(self) -> Session:
        name = application_name(self.seat.spec.name, "keeper")
        timeout = {"lock_timeout": f"{self.seat.spec.replication.lock_timeout_seconds:g}s"}
        session = connect(self.seat.spec.destination, self.seat.target, name, timeout, SILENCE_SECONDS)
        self._stack.callback(session.close)
        return session

    def _source_session(self, task: str) -> Session:
        session = source_session(self.seat, task)
        self._stack.callback(session.close)
        return session

    def _relay(self, ledger: Session, holder: Session) -> None:
        """Take the snapshot over from any keeper that lives.

        That it does is asked after the import: names of snapshots recur after a restart of the source, and what a dead keeper wrote
        down may be the name of somebody else's by then. While our session and the keeper's stand, the name is the keeper's.
        """
        rows = ledger.execute(
            "SELECT snapshot, backend_pid, backend_start FROM migrator.keepers WHERE mapping = %(mapping)s"
            " AND group_number = %(group)s AND keeper <> %(keeper)s ORDER BY exported_at DESC",
            self.seat.key,
        ).fetchall()
        for row in rows:
            try:
                exported = import_snapshot(holder, row["snapshot"])
            except (psycopg.errors.InvalidParameterValue, psycopg.errors.UndefinedObject):
                holder.rollback()
                continue
            if not _lives(holder, row):
                holder.rollback()
                continue
            with ledger.transaction():
                ledger.execute(
                    "SELECT FROM migrator.groups WHERE mapping = %(mapping)s AND number = %(group)s FOR KEY SHARE",
                    self.seat.key,
                )
                if group_of(ledger, self.seat) is not None:
                    note_keeper(ledger, self.seat, exported)
            return
        raise SnapshotLostError(f"No keeper of group {self.seat.group} of database {self.seat.database} is left.")

    def _hold(self, ledger: Session, holder: Session, slot: str) -> None:
        """Until nothing is left to copy, or no change could follow what is copied.

        Raises psycopg.OperationalError when the session on the source is lost.
        """
        away_since: float | None = None
        watch = self._source_session("watch")
        copies = application_name(self.seat.spec.name, COPIES)
        while not self.stopping():
            time.sleep(LOOK_SECONDS)
            holder.execute("SELECT 1")
            make_way(watch, copies)
            try:
                if ledger.closed:
                    ledger = self._ledger_session()
                    if not try_lock(ledger, self.seat.lock):
                        return
                if not _needed(ledger, self.seat) or not _stands(watch, slot):
                    break
                away_since = None
            except (psycopg.OperationalError, UnreachableError):
                ledger.close()
                away_since = away_since or time.monotonic()
                if time.monotonic() > away_since + DESTINATION_AWAY_SECONDS:
                    return
        if not ledger.closed:
            ledger.execute(
                "DELETE FROM migrator.keepers WHERE mapping = %(mapping)s AND group_number = %(group)s AND keeper = %(keeper)s",
                self.seat.key,
            )


def _lives(session: Session, keeper: DictRow) -> bool:
    """Whether a keeper's session stands on the source."""
    query = "SELECT 1 FROM pg_stat_activity WHERE pid = %s AND backend_start = %s"
    return session.execute(query, (keeper["backend_pid"], keeper["backend_start"])).fetchone() is not None


def _stands(watch: Session, slot: str) -> bool:
    """Whether the group's slot still is there, and can bring changes."""
    query = "SELECT 1 FROM pg_replication_slots WHERE slot_name = %s AND wal_status <> 'lost'"
    return watch.execute(query, (slot,)).fetchone() is not None


def _needed(ledger: Session, seat: Seat) -> bool:
    """Whether a part of the group is still to be copied under its snapshot."""
    row = ledger.execute(
        "SELECT EXISTS (SELECT FROM migrator.groups g JOIN migrator.parts p ON p.mapping = g.mapping"
        " AND p.group_number = g.number WHERE g.mapping = %(mapping)s AND g.number = %(group)s"
        " AND g.retired_at IS NULL AND g.slot_dropped_at IS NULL AND p.copied_at IS NULL) AS needed",
        seat.key,
    ).fetchone()
    return bool(row and row["needed"])
