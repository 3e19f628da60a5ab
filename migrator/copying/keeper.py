"""Keepers: sessions on the source that hold a group's snapshot as long as a part of the group is to be copied.

The first makes the group's slot over a replication connection, which exports the slot's snapshot; a session of its own imports
it and exports it again, and holds it from then on. Others import it from any that lives, and export it once more: so no single
death ends it. What a keeper says of itself stands in the ledger; whether it lives, the source's pg_stat_activity says.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing
from dataclasses import dataclass, field

import psycopg
import structlog
from psycopg.rows import DictRow

from migrator.config import MappingSpec
from migrator.connection import SILENCE_SECONDS, Session, connect, connect_for_replication, try_lock
from migrator.copying.courtesy import make_way
from migrator.errors import MigratorError, UnreachableError
from migrator.ledger import note_parts
from migrator.names import application_name, lock_key
from migrator.parts import Part, cut
from migrator.phases.source_statements import create_slot_with_snapshot, drop_slot
from migrator.quote import literal
from migrator.server_errors import sentence

LOG = structlog.get_logger("migrator")

SLOT_WAIT_SECONDS = 60
"""Slot creation waits for every transaction open on the source instance; it blocks nobody while it does."""

LOOK_SECONDS = 1.0
"""How often a keeper looks whether it is still needed, whether its session still stands, and whether a copy is in somebody's way."""

COPIES = "copy_part"
"""The task whose sessions give way to whoever wants their table for itself."""

DESTINATION_AWAY_SECONDS = 3600.0
"""A destination that is away longer than this cannot hold back VACUUM on the source any more."""

MB = 1024 * 1024


class SnapshotLostError(MigratorError):
    """No keeper of the group is left whose snapshot could be passed on."""


@dataclass(frozen=True)
class Seat:
    """A keeper's place: which group, of which database, and which of its keepers."""

    spec: MappingSpec
    database: str
    group: int
    keeper: str

    @property
    def target(self) -> str:
        return self.spec.target_name(self.database)

    @property
    def lock(self) -> int:
        return lock_key("keeper", self.spec.name, self.database, str(self.group), self.keeper)

    @property
    def slot_lock(self) -> int:
        """Of making the slot: one at a time."""
        return lock_key("slot", self.spec.name, self.database, str(self.group))

    @property
    def key(self) -> Mapping[str, object]:
        return {"mapping": self.spec.name, "group": self.group, "keeper": self.keeper}


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
            group = _group(ledger, self.seat)
            if group is None:
                return False
            holder = self._source_session("keeper")
            if not group["slot_created"]:
                if not try_lock(ledger, self.seat.slot_lock):
                    return False
                self._make(ledger, holder, group["name"])
            else:
                self._relay(ledger, holder)
            LOG.info("snapshot held", mapping=self.seat.spec.name, database=self.seat.database, group=self.seat.group)
            self.told()
            self._hold(ledger, holder)
            return True

    def _ledger_session(self) -> Session:
        name = application_name(self.seat.spec.name, "keeper")
        timeout = {"lock_timeout": f"{self.seat.spec.replication.lock_timeout_seconds:g}s"}
        session = connect(self.seat.spec.destination, self.seat.target, name, timeout, SILENCE_SECONDS)
        self._stack.callback(session.close)
        return session

    def _source_session(self, task: str) -> Session:
        name = application_name(self.seat.spec.name, task)
        timeout = {"lock_timeout": f"{self.seat.spec.replication.lock_timeout_seconds:g}s"}
        session = connect(self.seat.spec.source, self.seat.database, name, timeout, SILENCE_SECONDS)
        self._stack.callback(session.close)
        return session

    def _make(self, ledger: Session, holder: Session, slot: str) -> None:
        """The slot, its snapshot, and the parts that are copied under it: recorded all at once, or not at all.

        A slot of this name that is not recorded was left by a keeper who died here: no part was cut, so nothing is lost with it.
        """
        _refuse_begun(ledger, self.seat)
        holder.execute(drop_slot(slot))
        timeout = {"lock_timeout": f"{SLOT_WAIT_SECONDS}s"}
        name = application_name(self.seat.spec.name, "slot")
        with closing(connect_for_replication(self.seat.spec.source, self.seat.database, name, timeout)) as walsender:
            made = walsender.execute(create_slot_with_snapshot(slot)).fetchone()
            assert made is not None
            exported = _import(holder, made["snapshot_name"])
            parts = self._cut(_members(ledger, self.seat), exported.snapshot)
            with ledger.transaction():
                done = ledger.execute(
                    "UPDATE migrator.groups SET slot_created = true, snapshot_lsn = %(lsn)s::pg_lsn"
                    " WHERE mapping = %(mapping)s AND number = %(group)s AND NOT slot_created AND retired_at IS NULL",
                    {**self.seat.key, "lsn": made["consistent_point"]},
                )
                if done.rowcount != 1:  # ended, or begun by another: the slot just made is nobody's
                    holder.execute("ROLLBACK")
                    holder.execute(drop_slot(slot))
                    raise MigratorError(f"Group {self.seat.group} of {self.seat.database} was ended meanwhile.")
                note_parts(ledger, self.seat.spec.name, self.seat.group, parts)
                _note_keeper(ledger, self.seat, exported)

    def _cut(self, members: Mapping[int, str], snapshot: str) -> tuple[tuple[int, Part], ...]:
        """By a session of its own: the holder's transaction lasts, and so would every lock it takes."""
        with closing(self._source_session("cutter")) as cutter, cutter.transaction():
            cutter.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            cutter.execute(f"SET TRANSACTION SNAPSHOT {literal(snapshot)}")
            return tuple(_cut(cutter, members, self.seat.spec.replication.part_mb * MB))

    def _relay(self, ledger: Session, holder: Session) -> None:
        """Take the snapshot over from any keeper that lives."""
        rows = ledger.execute(
            "SELECT snapshot, backend_pid, backend_start FROM migrator.keepers WHERE mapping = %(mapping)s"
            " AND group_number = %(group)s AND keeper <> %(keeper)s ORDER BY exported_at DESC",
            self.seat.key,
        ).fetchall()
        for row in rows:
            try:
                exported = _import(holder, row["snapshot"])
            except (psycopg.errors.InvalidParameterValue, psycopg.errors.UndefinedObject):
                holder.rollback()
                continue
            with ledger.transaction():
                ledger.execute(
                    "SELECT FROM migrator.groups WHERE mapping = %(mapping)s AND number = %(group)s FOR KEY SHARE",
                    self.seat.key,
                )
                if _group(ledger, self.seat) is not None:
                    _note_keeper(ledger, self.seat, exported)
            return
        raise SnapshotLostError(f"No keeper of group {self.seat.group} of database {self.seat.database} is left.")

    def _hold(self, ledger: Session, holder: Session) -> None:
        """Until nothing is left to copy. Raises psycopg.OperationalError when the session on the source is lost."""
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
                if not _needed(ledger, self.seat):
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


def _group(ledger: Session, seat: Seat) -> DictRow | None:
    """The group's row, while its snapshot may be wanted."""
    return ledger.execute(
        "SELECT name, slot_created FROM migrator.groups WHERE mapping = %(mapping)s AND number = %(group)s"
        " AND retired_at IS NULL AND subscription_oid IS NULL",
        seat.key,
    ).fetchone()


def _refuse_begun(ledger: Session, seat: Seat) -> None:
    """Asked in the moment before a slot of the group's name is dropped: another keeper may have made, and recorded, it meanwhile."""
    group = _group(ledger, seat)
    if group is None or group["slot_created"]:
        raise MigratorError(f"Group {seat.group} of {seat.database} was begun by somebody else.")


def _needed(ledger: Session, seat: Seat) -> bool:
    """Whether a part of the group is still to be copied under its snapshot."""
    row = ledger.execute(
        "SELECT EXISTS (SELECT FROM migrator.groups g JOIN migrator.parts p ON p.mapping = g.mapping"
        " AND p.group_number = g.number WHERE g.mapping = %(mapping)s AND g.number = %(group)s"
        " AND g.retired_at IS NULL AND p.copied_at IS NULL) AS needed",
        seat.key,
    ).fetchone()
    return bool(row and row["needed"])


def _members(ledger: Session, seat: Seat) -> dict[int, str]:
    rows = ledger.execute(
        "SELECT source_oid::bigint AS oid, relation FROM migrator.relations"
        " WHERE mapping = %(mapping)s AND group_number = %(group)s",
        seat.key,
    )
    return {row["oid"]: row["relation"] for row in rows}


@dataclass(frozen=True)
class _Exported:
    snapshot: str
    pid: int
    started: object


def _import(holder: Session, snapshot: str) -> _Exported:
    """Make the snapshot the session's own, and give it out again: it lives on when the first to export it has gone."""
    me = holder.execute("SELECT pid, backend_start FROM pg_stat_activity WHERE pid = pg_backend_pid()").fetchone()
    holder.execute("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY")
    holder.execute(f"SET TRANSACTION SNAPSHOT {literal(snapshot)}")
    row = holder.execute("SELECT pg_export_snapshot() AS snapshot").fetchone()
    assert me is not None and row is not None
    return _Exported(row["snapshot"], me["pid"], me["backend_start"])


def _cut(holder: Session, members: Mapping[int, str], part_bytes: float) -> Iterator[tuple[int, Part]]:
    """Parts with their relation's filenode as the snapshot sees it, by sizes that are read after it was taken."""
    rows = holder.execute(
        "SELECT c.oid::bigint AS oid, c.relfilenode::bigint AS filenode, coalesce(pg_table_size(c.oid), 0) AS bytes,"
        " coalesce(pg_relation_size(c.oid), 0) / current_setting('block_size')::bigint AS blocks"
        " FROM unnest(%(oids)s::oid[]) AS member JOIN pg_class c ON c.oid = member",
        {"oids": list(members)},
    )
    for row in rows:
        for part in cut(members[row["oid"]], row["bytes"], row["blocks"], max(1, int(part_bytes))):
            yield row["filenode"], part


def _note_keeper(ledger: Session, seat: Seat, exported: _Exported) -> None:
    ledger.execute(
        "INSERT INTO migrator.keepers (mapping, group_number, keeper, snapshot, backend_pid, backend_start)"
        " VALUES (%(mapping)s, %(group)s, %(keeper)s, %(snapshot)s, %(pid)s, %(started)s)"
        " ON CONFLICT (mapping, group_number, keeper) DO UPDATE SET snapshot = excluded.snapshot,"
        " backend_pid = excluded.backend_pid, backend_start = excluded.backend_start, exported_at = clock_timestamp()",
        {**seat.key, "snapshot": exported.snapshot, "pid": exported.pid, "started": exported.started},
    )
