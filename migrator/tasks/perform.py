"""One task's work: lock, look again in its own scope, decide again, draw tokens, apply."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

import structlog

from migrator.apply import Applier, ApplyError
from migrator.clock import Clock
from migrator.config import MappingSpec
from migrator.connection import SILENCE_SECONDS, Session, connect, try_locks
from migrator.errors import MigratorError, SessionLimitError
from migrator.looks.instances import read_system_identifier
from migrator.looks.observe import Looker
from migrator.looks.remembered import SchemaCache
from migrator.memory import Failures
from migrator.model import Instance
from migrator.names import application_name
from migrator.observation import Hints, Observation, Scope
from migrator.phases import decide, membership
from migrator.phases.failing import key_of
from migrator.phases.pacing import limits
from migrator.steps import Action, Gates, Step
from migrator.throttle import SharedThrottle
from migrator.together import bundles, halves, transaction
from migrator.work import Work

ROUNDS = 4
"""Looks of one message: a built index can be commented on and attached, an added constraint validated, a leaf's parent made, a
publication filled that was made."""

LOG = structlog.get_logger("migrator")


@dataclass(frozen=True)
class Outcome:
    """What a task did: how many actions it applied, and whether somebody else held the lock.

    `leads_on`: after some of it there may be more to do.
    """

    applied: int = 0
    failed: int = 0
    locked_elsewhere: bool = False
    leads_on: bool = field(default=False, compare=False)

    def __add__(self, other: "Outcome") -> "Outcome":
        leads_on = self.leads_on or other.leads_on
        return Outcome(self.applied + other.applied, self.failed + other.failed, leads_on=leads_on)


Report = Callable[[dict[str, object]], None]


def perform(
    spec: MappingSpec,
    work: Work,
    memory: Failures,
    report: Report | None = None,
    schemas: SchemaCache | None = None,
) -> Outcome:
    """Do one piece of work, or find that there is nothing to do. Raises UnreachableError when the lock cannot be had.

    Raises SessionLimitError where a server has no room for our sessions; what was applied before stays.
    """
    with _lock_session(spec, work) as session:
        granted = _locked(session, work)
        if granted is None:
            return Outcome(locked_elsewhere=True)
        looker, outcome = Looker(spec, work.task, schemas), Outcome()
        for _ in range(ROUNDS if work.relations or work.phase == membership.NAME else 1):
            done = _round(spec, granted, looker, memory, report or (lambda entry: None))
            outcome += done
            if done.failed or not done.leads_on:
                break
        return outcome


def _locked(session: Session, work: Work) -> Work | None:
    """The work as far as nobody else is at it; None where somebody is at all of it."""
    locks = work.locks(read_system_identifier(session))
    granted = try_locks(session, locks)
    relations = tuple(relation for key, relation in locks.items() if key in granted and relation is not None)
    return replace(work, relations=relations) if granted else None


def _round(spec: MappingSpec, work: Work, looker: Looker, memory: Failures, report: Report) -> Outcome:
    """Look, decide, apply."""
    observation = looker.look(Scope(work.database, work.relations))
    if observation.journal is None or observation.journal.source is None:
        return Outcome()
    decision = decide(spec, observation, Hints(memory.failures(spec.name)), observation.observed_at)
    actions = [(step, action) for step, action in decision.actions if work.covers(step, action)]
    return _apply_all(spec, work, observation, actions, memory, report) if actions else Outcome()


def _lock_session(spec: MappingSpec, work: Work) -> Session:
    """Relation locks live in the destination database, all others in the maintenance database."""
    database = spec.target_name(work.database) if work.relations and work.database else None
    name = application_name(spec.name, work.task)
    return connect(spec.destination, database, name, patience_seconds=SILENCE_SECONDS)


def _apply_all(
    spec: MappingSpec,
    work: Work,
    observation: Observation,
    actions: list[tuple[Step, Action]],
    memory: Failures,
    report: Report,
) -> Outcome:
    assert isinstance(observation.destination, Instance)
    clock = Clock(observation.observed_at)
    version = observation.source.version if isinstance(observation.source, Instance) else 0
    outcome = Outcome()
    with Applier(spec, work.task, version, patient=len(work.relations) <= 1) as applier:
        hand = Hand(spec, applier, memory, report, clock)
        for bundle in bundles(actions, memory.failures(spec.name), observation.destination):
            if any(each.admits and not _admitted(spec, observation, each, memory) for _, each in bundle):
                break
            outcome += hand.apply(bundle)
    return outcome


def _admitted(spec: MappingSpec, observation: Observation, action: Action, memory: Failures) -> bool:
    """Draw a batch's bytes from the buckets of source and mapping. Redis unreachable raises: copying stops."""
    assert isinstance(observation.source, Instance)
    held = limits(spec, observation.journal, observation.source.system_identifier)
    return SharedThrottle(memory, lambda: held).take(action.cost_bytes) == 0.0


@dataclass(frozen=True)
class Hand:
    """Applies what a task has decided, and says what came of it."""

    spec: MappingSpec
    applier: Applier
    memory: Failures
    report: Report
    clock: Clock
    """The destination's: the tick asks by it whether what failed may be tried again."""

    def apply(self, bundle: Sequence[tuple[Step, Action]]) -> Outcome:
        """All in one transaction, where each is quick; what fails in halves; what fails alone once more, in its own way."""
        quick = [action.quick for _, action in bundle if action.quick is not None]
        if len(quick) < len(bundle):
            return self._each(bundle)
        (step, first), started = bundle[0], datetime.now(UTC)
        target = self.spec.target_name(step.database) if step.database is not None else None
        try:
            self.applier.apply_together(target, transaction(quick))
        except SessionLimitError:
            raise  # nobody's failure: the work is put off as a whole
        except ApplyError as error:
            LOG.info(
                "not together", mapping=self.spec.name, actions=len(bundle), action=first.summary, reason=error.message
            )
            if len(bundle) == 1:
                return self._each(bundle)
            ahead, behind = halves(bundle)
            return self.apply(ahead) + self.apply(behind)
        except MigratorError:
            return self._each(bundle)
        more = f", and {len(bundle) - 1} more in its transaction" if len(bundle) > 1 else ""
        self._done(step, first, f"{first.summary}{more}", started, len(bundle))
        return Outcome(len(bundle), leads_on=not all(action.last for _, action in bundle))

    def _each(self, bundle: Sequence[tuple[Step, Action]]) -> Outcome:
        done = [self._by_itself(step, action) for step, action in bundle]
        leads_on = any(well and not action.last for well, (_, action) in zip(done, bundle, strict=True))
        return Outcome(done.count(True), done.count(False), leads_on=leads_on)

    def _by_itself(self, step: Step, action: Action) -> bool:
        key, started = key_of(step, action), datetime.now(UTC)
        try:
            before = self.memory.failures(self.spec.name).get(key)
            self.applier.apply(action, before.count if before else 0)
        except SessionLimitError:
            raise
        except (ApplyError, MigratorError) as error:
            self.memory.record_failure(self.spec.name, key, error.message, self.clock.now())
            self.report({**_entry(step, action, action.summary, started), "level": "error", "error": error.message})
            LOG.error(
                "action failed", mapping=self.spec.name, action=action.summary, error=error.message, phase=step.phase
            )
            return False
        self.memory.clear_failure(self.spec.name, key)
        self._done(step, action, action.summary, started, 1)
        return True

    def _done(self, step: Step, action: Action, what: str, started: datetime, actions: int) -> None:
        if step.gates is not Gates.NOTHING:  # upkeep of every tick would push all else out of the dashboard's log
            self.report({**_entry(step, action, what, started), "level": "info"})
        LOG.info(
            "action applied",
            mapping=self.spec.name,
            action=what,
            actions=actions,
            phase=step.phase,
            database=step.database,
            seconds=round((datetime.now(UTC) - started).total_seconds(), 3),
        )


def _entry(step: Step, action: Action, what: str, at: datetime) -> dict[str, object]:
    return {
        "at": at.isoformat(),
        "event": what,
        "database": step.database,
        "relation": action.relation,
        "phase": step.phase,
    }
