"""Keepers: sessions on the source that hold a group's snapshot as long as a part of the group is to be copied.

The first makes the group's slot over a replication connection, which exports the slot's snapshot; a session of its own imports
it and exports it again, and holds it from then on. Others import it from any that lives, and export it once more: so no single
death ends it. What a keeper says of itself stands in the ledger; whether it lives, the source's pg_stat_activity says.
"""

import time
from collections.abc import Callable
from contextlib import ExitStack, closing
from dataclasses import dataclass, field

import psycopg
import structlog
from psycopg.rows import DictRow

from migrator.connection import Session, try_lock
from migrator.copying.lifelines import Lifelines, Want
from migrator.copying.seat import Seat, group_of, import_snapshot, ledger_session, note_keeper, source_session
from migrator.copying.slot import make
from migrator.errors import MigratorError
from migrator.server_errors import sentence

LOG = structlog.get_logger("migrator")

LOOK_SECONDS = 1.0
"""How often a keeper looks whether it is still needed, whether its session still stands, and whether a copy is in somebody's way."""

DESTINATION_AWAY_SECONDS = 3600.0
"""A destination that is away longer than this cannot hold back VACUUM on the source any more."""

SOURCE_SILENT_SECONDS = 600.0
"""A source that says nothing for so long, frozen, has its session still, and the snapshot: a look would have given up long before."""


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
            ledger = self._stack.enter_context(closing(ledger_session(self.seat)))
            if not try_lock(ledger, self.seat.lock):
                return False
            group = group_of(ledger, self.seat)
            if group is None:
                return False
            holder = self._stack.enter_context(closing(source_session(self.seat, "keeper")))
            if not group["slot_created"]:
                if not try_lock(ledger, self.seat.slot_lock):
                    return False
                if not make(self.seat, ledger, holder, self.stopping):
                    return False
            else:
                self._relay(ledger, holder)
            LOG.info("snapshot held", mapping=self.seat.spec.name, database=self.seat.database, group=self.seat.group)
            self.told()
            with closing(Lifelines(self.seat, holder.info.backend_pid, group["name"], ledger)) as lines:
                self._hold(lines, holder)
            return True

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

    def _hold(self, lines: Lifelines, holder: Session) -> None:
        """Until nothing is left to copy, no change could follow what is copied, or somebody else has this seat.

        Raises psycopg.OperationalError when the session on the source is lost.
        """
        holder.patience_seconds = SOURCE_SILENT_SECONDS
        away_since: float | None = None
        while not self.stopping():
            time.sleep(LOOK_SECONDS)
            holder.execute("SELECT 1")
            stands, want = lines.make_way(), lines.ask()
            if want is Want.REPLACED:
                return
            if want is Want.OVER or not stands:
                break
            away_since = (away_since or time.monotonic()) if want is Want.UNKNOWN else None
            if away_since is not None and time.monotonic() > away_since + DESTINATION_AWAY_SECONDS:
                return
        lines.leave()


def _lives(session: Session, keeper: DictRow) -> bool:
    """Whether a keeper's session stands on the source."""
    query = "SELECT 1 FROM pg_stat_activity WHERE pid = %s AND backend_start = %s"
    return session.execute(query, (keeper["backend_pid"], keeper["backend_start"])).fetchone() is not None
