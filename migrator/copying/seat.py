"""A keeper's place, its session on the source, and what the ledger says of both."""

from collections.abc import Mapping
from dataclasses import dataclass

from psycopg.rows import DictRow

from migrator.config import InstanceSpec, MappingSpec
from migrator.connection import ROOM_SECONDS, SILENCE_SECONDS, Session, connect
from migrator.names import application_name, lock_key
from migrator.quote import literal


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


@dataclass(frozen=True)
class Exported:
    """A snapshot, and the session that exports it."""

    snapshot: str
    pid: int
    started: object


def source_session(seat: Seat, task: str, room_seconds: float = ROOM_SECONDS) -> Session:
    """A session on the source for what keepers do there. Raises what `connect` raises."""
    return _session(seat, seat.spec.source, seat.database, task, room_seconds)


def ledger_session(seat: Seat, room_seconds: float = ROOM_SECONDS) -> Session:
    """A session of the database that holds the ledger, for the seat's lock. Raises what `connect` raises."""
    return _session(seat, seat.spec.destination, seat.target, "keeper", room_seconds)


def _session(seat: Seat, instance: InstanceSpec, database: str, task: str, room_seconds: float) -> Session:
    timeout = {"lock_timeout": f"{seat.spec.replication.lock_timeout_seconds:g}s"}
    name = application_name(seat.spec.name, task)
    return connect(instance, database, name, timeout, SILENCE_SECONDS, room_seconds)


def import_snapshot(holder: Session, snapshot: str) -> Exported:
    """Make the snapshot the session's own, and give it out again: it lives on when the first to export it has gone."""
    me = holder.execute("SELECT pid, backend_start FROM pg_stat_activity WHERE pid = pg_backend_pid()").fetchone()
    holder.execute("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY")
    holder.execute(f"SET TRANSACTION SNAPSHOT {literal(snapshot)}")
    row = holder.execute("SELECT pg_export_snapshot() AS snapshot").fetchone()
    assert me is not None and row is not None
    return Exported(row["snapshot"], me["pid"], me["backend_start"])


def group_of(ledger: Session, seat: Seat) -> DictRow | None:
    """The group's row, while its snapshot may be wanted."""
    return ledger.execute(
        "SELECT name, slot_created FROM migrator.groups WHERE mapping = %(mapping)s AND number = %(group)s"
        " AND retired_at IS NULL AND slot_dropped_at IS NULL AND subscription_oid IS NULL",
        seat.key,
    ).fetchone()


def note_keeper(ledger: Session, seat: Seat, exported: Exported) -> None:
    """Write down who holds the snapshot now, and under which name."""
    ledger.execute(
        "INSERT INTO migrator.keepers (mapping, group_number, keeper, snapshot, backend_pid, backend_start)"
        " VALUES (%(mapping)s, %(group)s, %(keeper)s, %(snapshot)s, %(pid)s, %(started)s)"
        " ON CONFLICT (mapping, group_number, keeper) DO UPDATE SET snapshot = excluded.snapshot,"
        " backend_pid = excluded.backend_pid, backend_start = excluded.backend_start, exported_at = clock_timestamp()",
        {**seat.key, "snapshot": exported.snapshot, "pid": exported.pid, "started": exported.started},
    )
