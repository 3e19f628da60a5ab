"""The making of a group's slot, with its snapshot and the parts that are copied under it: all of it recorded, or none.

From before the intent is asked until all is recorded, the group's row of the ledger is held: an ending takes it first (`ending`),
and so either hears of the slot, or the maker of the intent.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass

from psycopg.errors import ObjectInUse

from migrator.bookkeeping.journal import read_wishes
from migrator.bookkeeping.ledger import note_changes, note_parts
from migrator.connection import Session, connect_for_replication, session_of
from migrator.copying.errors import StoppedError
from migrator.copying.seat import Seat, import_snapshot, note_keeper, source_session
from migrator.copying.wire import Wire
from migrator.errors import MigratorError
from migrator.names import application_name
from migrator.parts import Part, cut
from migrator.phases import insert_only
from migrator.phases.source_statements import create_slot_with_snapshot, drop_slot
from migrator.quote import literal
from migrator.records import Intent

SLOT_WAIT_SECONDS = 60
"""Slot creation waits for every transaction open on the source instance; it blocks nobody while it does."""

LOOK_SECONDS = 1.0
"""How often the intent is asked for meanwhile."""

LETTING_GO_SECONDS = 10.0
"""How long a walsender that was told to stop may hold on to the slot."""

MB = 1024 * 1024


def make(seat: Seat, ledger: Session, holder: Session, stopping: Callable[[], bool]) -> bool:
    """Make the slot, import its snapshot into `holder`, cut the parts. False: not wanted any more, and nothing of it is left.

    A slot of this name that is not recorded was left by a keeper who died here: no part was cut, so nothing is lost with it.
    Raises psycopg's errors, and MigratorError.
    """
    name = application_name(seat.spec.name, "keeper")
    with session_of(seat.spec.destination, None, name) as entry, ledger.transaction():
        slot = _held(ledger, seat)
        wish = _Wish(entry, seat.spec.name, stopping)
        if slot is None or wish.is_off():
            return False
        holder.execute(drop_slot(slot))
        try:
            _make(seat, slot, ledger, holder, wish)
        except StoppedError:
            holder.execute("ROLLBACK")
            _drop(holder, slot)
            return False
    return True


@dataclass
class _Wish:
    """Whether the slot is still wanted; the journal is asked once a second."""

    entry: Session
    mapping: str
    stopping: Callable[[], bool]
    _asked_at: float = float("-inf")

    def is_off(self) -> bool:
        """Asked now."""
        self._asked_at = time.monotonic()
        wishes = read_wishes(self.entry, self.mapping)
        return self.stopping() or wishes.source is None or wishes.intent is not Intent.MIGRATE

    def was_off(self) -> bool:
        """Asked a moment ago at most."""
        return time.monotonic() > self._asked_at + LOOK_SECONDS and self.is_off()


def _held(ledger: Session, seat: Seat) -> str | None:
    """The slot's name, while it is to be made; the group's row is ours until the transaction ends."""
    row = ledger.execute(
        "SELECT name FROM migrator.groups WHERE mapping = %(mapping)s AND number = %(group)s"
        " AND NOT slot_created AND retired_at IS NULL FOR KEY SHARE",
        seat.key,
    ).fetchone()
    return row["name"] if row else None


def _make(seat: Seat, slot: str, ledger: Session, holder: Session, wish: _Wish) -> None:
    """Raises StoppedError when the wish is off before all is recorded."""
    timeout, name = {"lock_timeout": f"{SLOT_WAIT_SECONDS}s"}, application_name(seat.spec.name, "slot")
    with closing(connect_for_replication(seat.spec.source, seat.database, name, timeout, holder.role)) as walsender:
        wire = Wire(walsender, wish.was_off)
        counted = _count(ledger, holder, seat)
        try:
            (made,) = wire.ask(create_slot_with_snapshot(slot))
        except StoppedError:
            wire.abandon()
            raise
        lsn, snapshot = ((made.get_value(0, column) or b"").decode() for column in (1, 2))
        exported = import_snapshot(holder, snapshot)
        parts = _cut(seat, _members(ledger, seat), exported.snapshot)
        if wish.is_off():
            raise StoppedError(f"Group {seat.group} of {seat.database} is not to be copied now.")
        done = ledger.execute(
            "UPDATE migrator.groups SET slot_created = true, snapshot_lsn = %(lsn)s::pg_lsn"
            " WHERE mapping = %(mapping)s AND number = %(group)s AND NOT slot_created AND retired_at IS NULL",
            {**seat.key, "lsn": lsn},
        )
        if done.rowcount != 1:  # begun by another: the slot just made is nobody's
            raise MigratorError(f"Group {seat.group} of {seat.database} was begun by somebody else.")
        note_parts(ledger, seat.spec.name, seat.group, parts)
        note_changes(ledger, seat.key, *counted)
        note_keeper(ledger, seat, exported)


def _drop(holder: Session, slot: str) -> None:
    """The slot that was being made. Its walsender may hold it for a moment still."""
    until = time.monotonic() + LETTING_GO_SECONDS
    while True:
        try:
            holder.execute(drop_slot(slot))
            return
        except ObjectInUse:
            if time.monotonic() > until:
                raise
            time.sleep(0.1)


def _members(ledger: Session, seat: Seat) -> dict[int, str]:
    rows = ledger.execute(
        "SELECT source_oid::bigint AS oid, relation FROM migrator.relations"
        " WHERE mapping = %(mapping)s AND group_number = %(group)s",
        seat.key,
    )
    return {row["oid"]: row["relation"] for row in rows}


def _count(ledger: Session, holder: Session, seat: Seat) -> tuple[str, str]:
    """What the source has counted of the relations whose UPDATEs and DELETEs are not replicated, before the snapshot is taken."""
    rows = ledger.execute(
        "SELECT source_oid::bigint AS oid FROM migrator.relations"
        " WHERE mapping = %(mapping)s AND group_number = %(group)s AND insert_only",
        seat.key,
    ).fetchall()
    row = holder.execute(insert_only.count(row["oid"] for row in rows).encode()).fetchone()
    assert row is not None
    return row["changes"], row["counted_since"]


def _cut(seat: Seat, members: Mapping[int, str], snapshot: str) -> tuple[tuple[int, Part], ...]:
    """By a session of its own: the holder's transaction lasts, and so would every lock it takes."""
    with closing(source_session(seat, "cutter")) as cutter, cutter.transaction():
        cutter.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        cutter.execute(f"SET TRANSACTION SNAPSHOT {literal(snapshot)}")
        return tuple(_parts(cutter, members, seat.spec.replication.part_mb * MB))


def _parts(cutter: Session, members: Mapping[int, str], part_bytes: float) -> Iterator[tuple[int, Part]]:
    """Parts with their relation's filenode as the snapshot sees it, by sizes that are read after it was taken."""
    rows = cutter.execute(
        "SELECT c.oid::bigint AS oid, c.relfilenode::bigint AS filenode, coalesce(pg_table_size(c.oid), 0) AS bytes,"
        " coalesce(pg_relation_size(c.oid), 0) / current_setting('block_size')::bigint AS blocks"
        " FROM unnest(%(oids)s::oid[]) AS member JOIN pg_class c ON c.oid = member",
        {"oids": list(members)},
    )
    for row in rows:
        for part in cut(members[row["oid"]], row["bytes"], row["blocks"], max(1, int(part_bytes))):
            yield row["filenode"], part
