"""Lag samples: a marker in the source's WAL, noted on the destination. They also tell of a side that was put back to an earlier state."""

from typing import Protocol

from migrator.bookkeeping import journal, markers
from migrator.config import MappingSpec
from migrator.connection import Session, session_of, try_lock
from migrator.looks.instances import read_system_identifier
from migrator.model import Lsn
from migrator.names import application_name, is_ours, lock_key
from migrator.phases.source_statements import MARKER
from migrator.steps import Side
from migrator.tasks.braking import adjust_brake


class MarkerMemory(Protocol):
    """Who remembers the newest marker beside the journal: Redis, or a process's own Memory."""

    def remember_marker(self, name: str, lsn: Lsn) -> None: ...

    def newest_marker(self, name: str) -> Lsn | None: ...


def sample_lag(spec: MappingSpec, memory: MarkerMemory | None = None) -> bool:
    """Emit a WAL marker on the source and note which are confirmed. Upkeep: also while paused, never before the pipe.

    `memory`: where the newest marker is remembered besides, so that a destination that has lost it is noticed.
    """
    name = application_name(spec.name, "sample_lag")
    with session_of(spec.destination, None, name) as session:
        if not try_lock(session, lock_key("sampling", spec.name)):
            return False
        # One session with the source, not two: to open one costs it more than all that is asked in it.
        with session_of(spec.source, None, name) as source:
            positions = _confirmed_positions(source, spec, read_system_identifier(session))
            if not positions:
                return False
            known = [position for position in positions if position is not None]
            newest = _newest(session, spec, memory)
            if len(known) == len(positions):
                markers.confirm(session, spec.name, min(known))
            emitted = _emit(source, spec)
        if emitted < max((*known, newest), default=emitted):
            journal.note_put_back(session, spec.name, Side.SOURCE)
        markers.add(session, spec.name, emitted)
        if spec.replication.brakes:
            adjust_brake(session, spec)
        if memory is not None:  # never before it is safe on the destination
            memory.remember_marker(spec.name, emitted)
        return True


def _newest(session: Session, spec: MappingSpec, memory: MarkerMemory | None) -> Lsn:
    """The newest marker in the journal. One that we remember, and that it does not have: the destination was put back."""
    newest = markers.newest(session, spec.name)
    remembered = memory.newest_marker(spec.name) if memory is not None else None
    if newest is not None and remembered is not None and newest < remembered:
        journal.note_put_back(session, spec.name, Side.DESTINATION)
    return newest if newest is not None else Lsn(0)


def _confirmed_positions(source: Session, spec: MappingSpec, destination: str) -> list[Lsn | None]:
    """confirmed_flush_lsn of every main slot of the mapping: a cheap look, asked every few seconds."""
    rows = source.execute(
        "SELECT slot_name, database, confirmed_flush_lsn::text AS position FROM pg_replication_slots"
        " WHERE slot_type = 'logical'"
    ).fetchall()
    ours = [row for row in rows if is_ours(row["slot_name"], spec.name, destination, row["database"])]
    return [Lsn.parse(row["position"]) if row["position"] else None for row in ours]


def emit_marker(spec: MappingSpec) -> Lsn:
    """A logical message in the source's WAL, flushed: nothing committed before it lies behind the returned position."""
    with session_of(spec.source, None, application_name(spec.name, "marker")) as session:
        return _emit(session, spec)


def _emit(source: Session, spec: MappingSpec) -> Lsn:
    source.execute("SET synchronous_commit = local")
    source.execute(MARKER, (spec.name,))
    row = source.execute("SELECT pg_current_wal_flush_lsn()::text AS lsn").fetchone()
    assert row is not None
    return Lsn.parse(row["lsn"])
