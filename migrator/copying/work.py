"""Parts of one group, copied one after the other by one worker: the sessions, the look before each part, the pace."""

import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from types import TracebackType

import psycopg
import structlog
from psycopg.errors import LockNotAvailable
from psycopg.rows import DictRow

from migrator.bookkeeping import journal
from migrator.bucket import Buckets, Limit, Throttle
from migrator.clock import Clock
from migrator.config import MappingSpec
from migrator.connection import Session, session_of, try_lock
from migrator.copying.copy_part import Copied, PartCopy, copy_part
from migrator.copying.errors import RewrittenError, SnapshotGoneError, StoppedError, YieldError
from migrator.copying.held import Held
from migrator.copying.leaving import leave_group
from migrator.copying.lines import destination_session, source_session
from migrator.errors import MigratorError, SessionLimitError, UnreachableError
from migrator.names import COPIES, application_name, lock_key
from migrator.parts import Part
from migrator.phases.pacing import limits, rate_limit
from migrator.records import UNENDED, Intent, Journal
from migrator.server_errors import sentence
from migrator.throttle import SharedThrottle
from migrator.work import Work

LOG = structlog.get_logger("migrator")


LOOK_SECONDS = 2.0
"""How often the journal is asked for the intent and the live limits, and the ledger for the group, while rows flow."""


@dataclass
class Parts:
    """A worker's copies of some parts. A context manager: its sessions end with it, and its locks."""

    spec: MappingSpec
    work: Work
    buckets: Buckets
    stopping: Callable[[], bool]
    over: bool = False
    """Nothing more is to be copied now: the intent has changed, the process ends, or too many copy already."""
    _stack: ExitStack = field(default_factory=ExitStack)
    _asked_at: float = float("-inf")
    _journal: Journal | None = None
    _given_up: bool = False
    _eye: Session | None = None

    def __enter__(self) -> "Parts":
        try:
            self._open()
        except BaseException as error:
            self._stack.close()
            raise _told(error) from None
        return self

    def _open(self) -> None:
        assert self.work.database is not None
        name = application_name(self.spec.name, COPIES)
        timeout = self.spec.replication.lock_timeout_seconds
        target = self.spec.target_name(self.work.database)
        self._entry = self._stack.enter_context(session_of(self.spec.destination, None, name))
        self.clock = Clock.of(self._entry)
        self._book = self._stack.enter_context(session_of(self.spec.destination, target, name))
        self._writer = destination_session(self.spec.destination, target, name, timeout)
        self._stack.callback(self._writer.close)
        self._reader = source_session(self.spec.source, self.work.database, name, timeout)
        self._stack.callback(self._reader.close)
        self._system = _system_identifier(self._reader)
        self.over = not self._may_copy() or self._crowded()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    @property
    def cut_off(self) -> bool:
        """Whether a session has ended: nothing can be copied any more, whatever the part."""
        return any(session.closed for session in (self._entry, self._book, self._writer, self._reader))

    def copy(self, relation: str, number: int) -> Copied | None:
        """Copy one part. None: it is not ours to copy now, or not any more; the next tick says what is.

        A relation that was rewritten leaves its group, with what was copied of it. Raises MigratorError.
        """
        words = (self.spec.name, self.work.database or "", str(self.work.group), relation, str(number))
        try:
            return self._copy(words, relation, number)
        except psycopg.Error as error:
            raise _told(error) from None

    def _copy(self, words: Sequence[str], relation: str, number: int) -> Copied | None:
        if self.over or not try_lock(self._book, lock_key("part", *words)):
            return None
        job = self._job(relation, number)
        if job is None:
            return None
        try:
            return copy_part(self._reader, self._writer, job, self._throttle(), self._stop)
        except RewrittenError as error:
            LOG.warning("relation leaves its group", relation=relation, reason=error.message)
            self._leave(job.group, relation)
            return None
        except SnapshotGoneError:
            return None
        except (StoppedError, YieldError) as error:
            LOG.info("part put off", relation=relation, part=number, reason=error.message)
            self.over = self.over or self._reader.closed or self._writer.closed
            return None

    def _leave(self, group: int, relation: str) -> None:
        """Put off, it is found out again by the next who tries to copy a part of it."""
        try:
            leave_group(self._writer, self.spec.name, group, relation, self._stop)
        except (StoppedError, LockNotAvailable) as error:
            LOG.info("leaving put off", relation=relation, reason=" ".join(str(error).split()))
            self.over = self.over or self._writer.closed

    def _throttle(self) -> Throttle:
        return Held(SharedThrottle(self.buckets, self._limits), self._while_held)

    def _while_held(self) -> None:
        """Raises YieldError where the part is not to wait any longer. A source that does not answer now may answer again."""
        wishes = self._journal_now()
        if wishes.intent is Intent.PAUSED and rate_limit(self.spec, wishes) == 0:
            raise YieldError(
                "Copying is paused, and no rate is left for what has begun.", "It begins again when resumed."
            )
        try:
            if self._eye is None or self._eye.closed:
                assert self.work.database is not None
                name = application_name(self.spec.name, "watch")
                self._eye = self._stack.enter_context(session_of(self.spec.source, self.work.database, name))
            pid = self._reader.info.backend_pid
            lives = self._eye.execute("SELECT 1 FROM pg_stat_activity WHERE pid = %s", (pid,)).fetchone()
        except (UnreachableError, SessionLimitError, psycopg.OperationalError):
            return
        if lives is None:
            raise YieldError("The session on the source has ended.", "The part is tried again.")

    def _limits(self) -> tuple[Limit, ...]:
        return limits(self.spec, self._journal_now(), self._system)

    def _stop(self) -> bool:
        """Asked several times a second."""
        if not self.over and (self.stopping() or not self._may_copy()):
            self.over = True
        return self.over

    def _may_copy(self) -> bool:
        """A part that is under way is finished through a pause; only an ending stops it, and the loss of the group's slot."""
        entry = self._journal_now()
        return entry.source is not None and entry.intent in UNENDED and not self._given_up

    def _journal_now(self) -> Journal:
        if self._journal is None or time.monotonic() > self._asked_at + LOOK_SECONDS:
            self._journal = journal.read_wishes(self._entry, self.spec.name)
            self._given_up = self._slot_dropped()
            self._asked_at = time.monotonic()
        return self._journal

    def _slot_dropped(self) -> bool:
        """Whether the group's slot was dropped for the WAL budget: no change would ever follow these rows."""
        row = self._book.execute(
            "SELECT 1 FROM migrator.groups WHERE mapping = %s AND number = %s AND slot_dropped_at IS NOT NULL",
            (self.spec.name, self.work.group),
        ).fetchone()
        return row is not None

    def _crowded(self) -> bool:
        """Whether as many copy from the source as may, not counting those that came later: no more than that get through."""
        most = self.spec.source.max_concurrent_copies
        if not most:
            return False
        row = self._reader.execute(
            "SELECT count(*) AS before FROM pg_stat_activity a, pg_stat_activity me"
            " WHERE me.pid = pg_backend_pid() AND a.application_name LIKE 'pg-migrator copy_part %'"
            " AND (a.backend_start, a.pid) < (me.backend_start, me.pid)"
        ).fetchone()
        return row is not None and row["before"] >= most

    def _job(self, relation: str, number: int) -> PartCopy | None:
        row = self._part(relation, number)
        snapshot = self._snapshot()
        if row is None or snapshot is None or self.work.group is None:
            return None
        part = Part(relation, number, row["first_block"], row["last_block"])
        return PartCopy(
            self.spec.name, self.work.group, part, row["source_oid"], row["target_oid"], row["filenode"], snapshot
        )

    def _part(self, relation: str, number: int) -> DictRow | None:
        """The part, while it is to be copied."""
        return self._book.execute(
            "SELECT p.first_block, p.last_block, p.filenode::bigint AS filenode,"
            " r.source_oid::bigint AS source_oid, coalesce(r.target_oid, to_regclass(r.relation), 0)::bigint AS target_oid"
            " FROM migrator.groups g"
            " JOIN migrator.relations r ON (r.mapping, r.group_number) = (g.mapping, g.number)"
            " JOIN migrator.parts p ON (p.mapping, p.group_number, p.relation) = (r.mapping, r.group_number, r.relation)"
            " WHERE g.mapping = %s AND g.number = %s AND g.retired_at IS NULL AND g.subscription_oid IS NULL"
            " AND g.slot_dropped_at IS NULL"
            " AND p.relation = %s AND p.number = %s AND p.copied_at IS NULL",
            (self.spec.name, self.work.group, relation, number),
        ).fetchone()

    def _snapshot(self) -> str | None:
        """The name of the snapshot by a keeper whose session stands on the source."""
        keepers = self._book.execute(
            "SELECT snapshot, backend_pid, backend_start FROM migrator.keepers WHERE mapping = %s AND group_number = %s"
            " ORDER BY exported_at DESC",
            (self.spec.name, self.work.group),
        ).fetchall()
        alive = {
            (row["pid"], row["backend_start"])
            for row in self._reader.execute(
                "SELECT pid, backend_start FROM pg_stat_activity WHERE pid = ANY (%s)",
                ([k["backend_pid"] for k in keepers],),
            )
        }
        return next((k["snapshot"] for k in keepers if (k["backend_pid"], k["backend_start"]) in alive), None)


def _told(error: BaseException) -> BaseException:
    """A server's error in the words of ours; any other as it is."""
    return MigratorError(sentence(error)) if isinstance(error, psycopg.Error) else error


def _system_identifier(session: Session) -> str:
    row = session.execute("SELECT system_identifier::text AS identifier FROM pg_control_system()").fetchone()
    return str(row["identifier"]) if row else ""
