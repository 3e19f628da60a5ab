"""What logical replication does not carry, of one database: carried in one piece, all of it or nothing, as often as asked.

The rows of a piece's tables, what stood there before and the ledger's note of it change in one transaction of the destination;
large objects a batch at a time (`large_objects`).
"""

import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from types import TracebackType

import psycopg

from migrator.bookkeeping import journal
from migrator.bucket import Buckets, Limit, Throttle
from migrator.config import MappingSpec
from migrator.connection import session_of, try_lock
from migrator.contents import Counted
from migrator.copying.copy_part import Copied, agreed, pass_on, refuse_triggers
from migrator.copying.courtesy import make_way
from migrator.copying.entry import Entry
from migrator.copying.errors import named
from migrator.copying.large_objects import carry_large_objects
from migrator.copying.lines import destination_session, source_session
from migrator.copying.wire import Wire
from migrator.errors import MigratorError
from migrator.looks.counters import read_counted
from migrator.model import Lsn
from migrator.names import application_name, lock_key
from migrator.phases.carry import LARGE_OBJECTS, NAME, UNLOGGED, Piece, Rows
from migrator.phases.pacing import limits
from migrator.phases.source_statements import copy_rows, lock_to_read
from migrator.quote import literal
from migrator.records import UNENDED, Journal
from migrator.server_errors import sentence
from migrator.throttle import SharedThrottle

LOOK_SECONDS = 2.0
"""How often the journal is asked for the intent and the live limits, and the source for whoever waits for us, while rows flow."""


@dataclass
class Carrying:
    """The sessions of one database's pieces, and its lock. A context manager: all of it ends with it."""

    spec: MappingSpec
    database: str
    source_system: str
    """The source's system identifier: its bucket is known by that."""
    buckets: Buckets
    stopping: Callable[[], bool]
    locked: bool = False
    """Nobody else is at it; else nothing may be carried."""
    _stack: ExitStack = field(default_factory=ExitStack)
    _asked_at: float = float("-inf")
    _journal: Journal | None = None
    _counted_at: float = float("-inf")
    _counted: Counted | None = None

    def __enter__(self) -> "Carrying":
        try:
            self._open()
        except BaseException as error:
            self._stack.close()
            if isinstance(error, psycopg.Error):
                raise MigratorError(sentence(error)) from None
            raise
        return self

    def _open(self) -> None:
        name, timeout = application_name(self.spec.name, NAME), self.spec.replication.lock_timeout_seconds
        target = self.spec.target_name(self.database)
        self._entry = self._stack.enter_context(session_of(self.spec.destination, None, name))
        self._writer = destination_session(self.spec.destination, target, name, timeout)
        self._stack.callback(self._writer.close)
        self._reader = source_session(self.spec.source, self.database, name, timeout)
        self._stack.callback(self._reader.close)
        self._watch = self._stack.enter_context(
            session_of(self.spec.source, self.database, application_name(self.spec.name, "watch"))
        )
        self.locked = try_lock(self._writer, lock_key(NAME, self.spec.name, self.database))

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def carry(self, piece: Piece, barrier: Lsn | None, *, made_by_us: bool) -> Copied:
        """Carry one piece, again if need be. `made_by_us`: the destination database, and so what its extensions came with.

        `barrier`: the one in force, as the caller has seen it under the lock.

        Raises MigratorError with the transaction rolled back; a session that was in mid-copy is closed.
        """
        reader, writer = Wire(self._reader, self._stop), Wire(self._writer, self._stop)
        throttle = SharedThrottle(self.buckets, self._limits)
        try:
            entry = self._noted(piece, barrier)
            if piece.what == LARGE_OBJECTS:
                return carry_large_objects(reader, writer, entry, throttle)
            refuse = piece.what == UNLOGGED or piece.apart or not made_by_us
            return _carry_rows(reader, writer, entry, piece, throttle, refuse_rows=refuse)
        except BaseException as error:
            reader.abandon()
            writer.abandon()
            if isinstance(error, psycopg.Error):
                raise named(error, piece.what) from None
            raise

    def keep(self, piece: Piece, barrier: Lsn | None) -> None:
        """Note a piece as carried, and leave the destination's as it is."""
        writer = Wire(self._writer, self._stop)
        writer.ask(self._noted(piece, barrier).kept())

    def _noted(self, piece: Piece, barrier: Lsn | None) -> Entry:
        """Counted before the first row is read: what one counts twice is a false alarm, what one misses is silence."""
        if self._counted is None or time.monotonic() > self._counted_at + LOOK_SECONDS:
            self._counted_at, self._counted = time.monotonic(), read_counted(self._reader)
        return Entry(self.spec.name, piece.what, barrier, piece.relations, self._counted)

    def _stop(self) -> bool:
        """Asked several times a second. What is under way is finished through a pause; an ending stops it."""
        return self.stopping() or self._journal_now().intent not in UNENDED

    def _limits(self) -> tuple[Limit, ...]:
        return limits(self.spec, self._journal_now(), self.source_system)

    def _journal_now(self) -> Journal:
        if self._journal is None or time.monotonic() > self._asked_at + LOOK_SECONDS:
            self._journal = journal.read_wishes(self._entry, self.spec.name)
            make_way(self._watch, application_name(self.spec.name, NAME))  # ours included: then this piece is put off
            self._asked_at = time.monotonic()
        return self._journal


def _carry_rows(
    reader: Wire, writer: Wire, entry: Entry, piece: Piece, throttle: Throttle, *, refuse_rows: bool
) -> Copied:
    names = ", ".join(f"ONLY {each.relation}" for each in piece.tables)
    # now() of this transaction is what the ledger notes: the source's snapshot is taken after it.
    writer.ask("BEGIN ISOLATION LEVEL READ COMMITTED, READ WRITE")
    writer.ask(f"LOCK TABLE {names} IN ACCESS EXCLUSIVE MODE")
    reader.ask("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY")
    reader.ask(lock_to_read([each.relation for each in piece.tables]))
    if refuse_rows and not _was_carried(writer, entry):
        _refuse_rows(writer, piece.tables)
    if piece.apart:
        _refuse_replicated(writer, entry.mapping, piece.tables)
        _refuse_references(writer, piece.tables)
    if piece.what == UNLOGGED or piece.apart:
        writer.ask(f"TRUNCATE {names}")  # together: they may refer to one another
    else:
        for each in reversed(piece.tables):
            writer.ask(f"DELETE FROM ONLY {each.relation} {each.condition}")
    copied = [_copy(reader, writer, each, throttle) for each in piece.tables]
    for sequence in piece.sequences:
        (value,) = reader.ask(f"SELECT last_value, is_called FROM {sequence}")
        last, called = ((value.get_value(0, column) or b"").decode() for column in range(2))
        writer.ask(f"SELECT setval({literal(sequence)}, {last}, {literal(called)})")
    if piece.apart:
        writer.ask(f"ANALYZE {', '.join(each.relation for each in piece.tables)}")
    whole = Copied(sum(each.rows for each in copied), sum(each.bytes for each in copied))
    writer.ask(entry.carried("now()", whole, "extract(epoch FROM clock_timestamp() - now())"))
    writer.ask("COMMIT")
    reader.ask("COMMIT")
    return whole


def _copy(reader: Wire, writer: Wire, rows: Rows, throttle: Throttle) -> Copied:
    form = agreed(reader, writer, rows.relation)
    refuse_triggers(writer, rows.relation)
    reader.ask(f"{copy_rows(rows.relation, form.list()[2:-1], rows.condition)} {form.options()}")
    writer.ask(f"COPY {rows.relation}{form.list()} FROM STDIN {form.options()}")
    return pass_on(reader, writer, rows.relation, throttle)


def _was_carried(writer: Wire, entry: Entry) -> bool:
    (found,) = writer.ask(
        f"SELECT FROM migrator.carried WHERE mapping = {literal(entry.mapping)} AND what = {literal(entry.what)}"
    )
    return found.ntuples == 1


def _refuse_rows(writer: Wire, tables: tuple[Rows, ...]) -> None:
    for each in tables:
        (found,) = writer.ask(f"SELECT FROM ONLY {each.relation} {each.condition} LIMIT 1")
        if found.ntuples:
            raise MigratorError(
                f"{each.relation} on the destination holds rows that this migration did not write.",
                f"If they are not needed: DELETE FROM {each.relation} {each.condition} there. Nothing is copied over them.",
            )


def _refuse_replicated(writer: Wire, mapping: str, tables: tuple[Rows, ...]) -> None:
    """It got a replica identity a moment ago, and is copied as others are."""
    names = ", ".join(literal(each.relation) for each in tables)
    (found,) = writer.ask(
        f"SELECT FROM migrator.relations WHERE mapping = {literal(mapping)} AND relation IN ({names})"
    )
    if found.ntuples:
        raise MigratorError(f"{names} is replicated by now.", "It need not be carried any more.")


def _refuse_references(writer: Wire, tables: tuple[Rows, ...]) -> None:
    """A foreign key made after it was carried last, which a TRUNCATE would be refused for."""
    names = ", ".join(f"to_regclass({literal(each.relation)})" for each in tables)
    (found,) = writer.ask(
        "SELECT format('ALTER TABLE %s DROP CONSTRAINT %I;', conrelid::regclass, conname) FROM pg_constraint"
        f" WHERE contype = 'f' AND confrelid IN ({names}) AND conrelid NOT IN ({names}) AND conparentid = 0 ORDER BY 1 LIMIT 1"
    )
    if found.ntuples:
        statement = (found.get_value(0, 0) or b"").decode()
        raise MigratorError(
            f"{tables[0].relation} on the destination is referred to by a foreign key that was added after it was last carried.",
            f"There: {statement} It is added again after the table was carried.",
        )
