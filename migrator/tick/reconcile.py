"""The tick: observe, decide, dispatch, publish. Also the same thing in one process, for the ends of a mapping and for tests."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

import psycopg
import structlog

from migrator.bookkeeping import barriers, intents, journal, journal_format, trials
from migrator.config import MappingSpec
from migrator.connection import Session, session_of, try_lock
from migrator.errors import MigratorError, SessionLimitError, UnreachableError
from migrator.looks.remembered import SchemaCache
from migrator.memory import Failures, Memory
from migrator.model import Instance
from migrator.names import application_name, lock_key
from migrator.records import UNENDED, Identity, Intent
from migrator.reports import progress
from migrator.reports.brief import brief
from migrator.reports.snapshot import told_before
from migrator.status import is_stable
from migrator.steps import Decision, Status
from migrator.store import Store
from migrator.store.history import History
from migrator.store.outbox import Outbox
from migrator.tasks.sampling import sample_lag
from migrator.tick.assessment import ALARMS, CHANGED_MEANWHILE, Assessment, arrived_under, assess, judge, verdict
from migrator.tick.dispatch import IN_FLIGHT_SECONDS, Dispatcher, dispatch, errands, messages
from migrator.tick.inline import Inline
from migrator.turns import quiet_of
from migrator.webhooks import tell
from migrator.work import Work, is_ending

__all__ = ["ALARMS", "Assessment", "assess", "judge"]

LOG = structlog.get_logger("migrator")

_SAMPLED = (Status.IN_PROGRESS, Status.SYNCED, Status.CUTOVER_READY, Status.PROBLEMATIC)
"""States in which lag is sampled: one refused database does not keep the others from the end."""


@dataclass
class Reconciler:
    """Ticks one mapping. Holds nothing that a new process would miss but a cache of schemas."""

    spec: MappingSpec
    dispatcher: Dispatcher
    store: Store | None = None
    memory: Failures = field(default_factory=Memory)
    schemas: SchemaCache = field(default_factory=SchemaCache)

    def tick(self) -> Assessment | None:
        """One round. None when another process is at it, or a server has no room for our sessions: a later tick comes."""
        try:
            return self._tick()
        except SessionLimitError as error:
            LOG.info("tick put off", mapping=self.spec.name, reason=error.message)
            return None

    def _tick(self) -> Assessment | None:
        started = datetime.now(UTC)
        try:
            with session_of(self.spec.destination, None, application_name(self.spec.name, "reconcile")) as session:
                if not try_lock(session, lock_key("mapping", self.spec.name)):
                    return None
                assessment = self._locked_tick(session)
        except (UnreachableError, psycopg.OperationalError):
            assessment = self._unlocked()
        self._publish(assessment)
        LOG.info(
            "tick",
            mapping=self.spec.name,
            status=assessment.status.value,
            phase=assessment.summary["phase"],
            actions=sum(1 for _ in assessment.decision.actions),
            findings=len(assessment.decision.findings),
            seconds=round((datetime.now(UTC) - started).total_seconds(), 3),
        )
        return assessment

    def _unlocked(self) -> Assessment:
        """A look while there is no lock to be had: another process may look too, and may have published meanwhile."""
        assessment = self._assess()
        meanwhile = self.store.whole_summary(self.spec.name) if self.store else None
        return replace(assessment, summary=told_before(assessment.summary, meanwhile))

    def _assess(self, *, all_databases: bool = False) -> Assessment:
        """Quiet databases by turns, but for `all_databases`; the process's first look has none to leave out."""
        name = self.spec.name
        previous = self.store.whole_summary(name) if self.store else None
        quiet = None if all_databases else self.schemas.quiet.get(name)
        assessment = assess(self.spec, self.memory, self.schemas, previous, quiet)
        self.schemas.quiet[name] = quiet_of(assessment.observation, assessment.decision)
        return assessment

    def _locked_tick(self, session: Session) -> Assessment:
        journal_format.upgrade_journal(session)
        assessment = self._assess()
        if self._upgrade_ledgers(assessment):
            assessment = self._assess()
        if self._begin(session, assessment) or self._serve_requests(session):
            assessment = self._assess()
        if self._finish(session, assessment):
            return self._assess()
        assessment = self._note_quiet(session, assessment)
        self._note_arrival(session, assessment)
        self._dispatch(assessment.decision)
        return assessment

    def _upgrade_ledgers(self, assessment: Assessment) -> bool:
        """Ledgers of a migration that an older version began get what they lack. Whether there were any."""
        outdated = [pair for pair in assessment.observation.databases if pair.ledger.outdated]
        for pair in outdated:
            name = application_name(self.spec.name, "reconcile")
            with session_of(self.spec.destination, pair.target, name) as session:
                journal_format.upgrade_ledger(session, self.spec.name, pair.name)
        return bool(outdated)

    def _begin(self, session: Session, assessment: Assessment) -> bool:
        """The journal's row is written before the first act, and not before preflight lets anything be done."""
        seen = assessment.observation
        if seen.journal is None or seen.journal.source is not None or not any(assessment.decision.actions):
            return False
        assert isinstance(seen.source, Instance) and isinstance(seen.destination, Instance)
        identities = _identity(seen.source), _identity(seen.destination)
        journal.begin(session, self.spec.name, *identities, self.spec.source.label)
        return True

    def _serve_requests(self, session: Session) -> bool:
        """Requests from the web are judged again, live: by a look at every database."""
        requests = self.store.take_requests(self.spec.name) if self.store else []
        served = False
        for request in requests:
            if request.get("kind") == "retry":
                self.memory.clear_failures(self.spec.name)
                trials.forget_failed(session, self.spec.name)
                self._log("info", "everything that failed is tried again, as asked for over HTTP")
                served = True
            if request.get("kind") != "complete":
                continue
            if reasons := self._complete(session, request.get("barrier")):
                self._log("warning", f"completion refused: {' '.join(reasons)}")
                continue
            self._log("info", "completion begins, as asked for over HTTP")
            served = True
        return served

    def _complete(self, session: Session, shown: object) -> Sequence[str]:
        """Begin completion, or say why not. `shown`: the barrier under which it was asked for."""
        claims = journal.read_journal(session, self.spec.name).claims
        found = verdict(self.spec, claims, lambda: self._assess(all_databases=True))
        if found.reasons:
            return found.reasons
        if found.barrier is None or shown != str(found.barrier.lsn):
            return ("It was asked for under another barrier than the one in force.",)
        if not intents.write(session, self.spec.name, Intent.COMPLETING, UNENDED, barrier=found.barrier):
            return (CHANGED_MEANWHILE,)
        return ()

    def _finish(self, session: Session, assessment: Assessment) -> bool:
        """An ending with nothing left to do is over; only the intent row stays. Whether to look again: for that, or for what came since."""
        entry = assessment.observation.journal
        if entry is None or not is_ending(entry.intent) or not all(step.quiet for step in assessment.decision.steps):
            return False
        ended = Intent.COMPLETED if entry.intent is Intent.COMPLETING else Intent.ABORTED
        if journal.finish(session, self.spec.name, ended, entry):
            self._log("info", f"{ended.value}: nothing of ours is left")
        return True

    def _note_quiet(self, session: Session, assessment: Assessment) -> Assessment:
        """Since when every gating step is quiet, by the destination's clock; kept in the journal."""
        seen = assessment.observation
        if seen.journal is None or seen.journal.source is None:
            return assessment
        quiet = assessment.decision.quiet and seen.journal.intent is Intent.MIGRATE
        if quiet == (seen.journal.quiet_since is not None):
            if quiet and seen.journal.stable_at is None and is_stable(self.spec, seen, seen.observed_at):
                journal.set_stable(session, self.spec.name, seen.observed_at)
            return assessment
        since = seen.observed_at if quiet else None
        journal.set_quiet_since(session, self.spec.name, since)
        known = replace(seen, journal=replace(seen.journal, quiet_since=since, stable_at=None))
        previous = self.store.whole_summary(self.spec.name) if self.store else None
        return judge(self.spec, known, self.memory, previous)

    def _note_arrival(self, session: Session, assessment: Assessment) -> None:
        """Everything has arrived after the barrier: from now on nothing is made on the destination that somebody takes away there."""
        barrier = arrived_under(self.spec, assessment)
        if barrier is not None and barriers.note_arrival(session, self.spec.name, barrier):
            self._log("info", "everything has arrived: what is changed on the destination from now on is left as it is")

    def _dispatch(self, decision: Decision) -> None:
        """Hand out work: by queues and marks where there is Redis, else all of it."""
        if self.store is not None:
            dispatch(self.spec.name, decision, self.store, self.dispatcher)
            return
        for work in messages(errands(self.spec.name, decision)):
            self.dispatcher.dispatch(work)

    def _publish(self, assessment: Assessment) -> None:
        if self.store is None:
            return
        name, seen, view = self.spec.name, assessment.observation, assessment.summary
        before = self.store.summary(name)
        if before is None or before.get("status") != view["status"]:
            self._log("info", f"status: {view['status']}")
        for pair in seen.databases:
            if pair.name in seen.remembered:
                continue
            self.store.publish_relations(name, pair.name, progress.relations(pair))
        done = view["progress"]
        History(self.store, name).append(
            {
                "at": view["observed_at"],
                "lag_bytes": view["lag_bytes"],
                "lag_seconds": view["lag_seconds"],
                "bytes_copied": done["bytes_copied"] if isinstance(done, dict) else 0,
                "retained_bytes": view["retained_bytes"],
                "status": view["status"],
            },
        )
        self._tell(view)
        short = brief(view)
        self.store.publish_summary(name, short, view if short["left_out"] else None)

    def _tell(self, view: Mapping[str, object]) -> None:
        """Note what has happened, and have it sent: by a task, since an address may take its time."""
        assert self.store is not None
        tell(self.spec, self.store, view)
        if not self.spec.notifications or not Outbox(self.store, self.spec.name).due(datetime.now(UTC)):
            return
        work = Work("notify", self.spec.name)
        if work.key not in self.store.in_flight(self.spec.name, work.queue):
            self.store.mark_all_in_flight(self.spec.name, work.queue, {work.key: work.keys}, IN_FLIGHT_SECONDS)
            self.dispatcher.dispatch(work)

    def _log(self, level: str, event: str) -> None:
        LOG.log({"info": 20, "warning": 30}[level], event, mapping=self.spec.name)
        if self.store is not None:
            entry = {"at": datetime.now(UTC).isoformat(), "level": level, "event": event}
            self.store.append_log(self.spec.name, {**entry, "database": None, "relation": None, "phase": None})


def _identity(instance: Instance) -> Identity:
    return Identity(instance.system_identifier, instance.timeline)


def drive(spec: MappingSpec, memory: Failures | None = None, schemas: SchemaCache | None = None) -> Assessment | None:
    """One tick with its work done at once, and a lag sample. For tests and the endings; no Redis, no workers."""
    if schemas is None:
        with SchemaCache() as own:
            return drive(spec, memory, own)
    memory = memory or Memory()
    assessment = Reconciler(spec, Inline(spec, memory, schemas), None, memory, schemas).tick()
    if assessment is not None and assessment.status in _SAMPLED:
        try:
            sample_lag(spec, memory if isinstance(memory, Memory) else None)
        except (MigratorError, psycopg.OperationalError) as error:
            LOG.warning("no lag sample", mapping=spec.name, error=" ".join(str(error).split()))
    return assessment
