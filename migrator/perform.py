"""One task's work: lock, look again in its own scope, decide again, draw tokens, apply."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import structlog

from migrator import markers
from migrator.apply import Applier, ApplyError
from migrator.config import MappingSpec
from migrator.connection import SILENCE_SECONDS, Session, connect, session_of, try_lock, try_locks
from migrator.errors import MigratorError, SessionLimitError
from migrator.memory import Failures
from migrator.model import Instance, Lsn
from migrator.names import application_name, is_ours, lock_key
from migrator.observation import Hints, Observation, Scope
from migrator.observe import Looker
from migrator.phases import decide, key_of
from migrator.phases.pacing import limits
from migrator.phases.source_statements import MARKER
from migrator.remembered import SchemaCache
from migrator.steps import Action, Gates, Step
from migrator.throttle import SharedThrottle
from migrator.work import Work

ROUNDS = 4
"""Looks of one message: a built index can be commented on and attached, an added constraint validated, a leaf's parent made."""

LOG = structlog.get_logger("migrator")


@dataclass(frozen=True)
class Outcome:
    """What a task did: how many actions it applied, and whether somebody else held the lock."""

    applied: int = 0
    failed: int = 0
    locked_elsewhere: bool = False


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
        for _ in range(ROUNDS if work.relations else 1):
            done = _round(spec, granted, looker, memory, report or (lambda entry: None))
            outcome = Outcome(outcome.applied + done.applied, outcome.failed + done.failed)
            if done.failed or not done.applied:
                break
        return outcome


def _locked(session: Session, work: Work) -> Work | None:
    """The work as far as nobody else is at it; None where somebody is at all of it."""
    locks = work.locks(_system_identifier(session))
    granted = try_locks(session, locks)
    relations = tuple(relation for key, relation in locks.items() if key in granted and relation is not None)
    return replace(work, relations=relations) if granted else None


def _round(spec: MappingSpec, work: Work, looker: Looker, memory: Failures, report: Report) -> Outcome:
    """Look, decide, apply."""
    observation = looker.look(Scope(work.database, work.relations))
    if observation.journal is None or observation.journal.source is None:
        return Outcome()
    decision = decide(spec, observation, Hints(memory.failures(spec.name)), datetime.now(UTC))
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
    applied = failed = 0
    version = observation.source.version if isinstance(observation.source, Instance) else 0
    with Applier(spec, work.task, version, patient=len(work.relations) <= 1) as applier:
        for step, action in actions:
            if action.admits and not _admitted(spec, observation, action, memory):
                break
            if _apply(spec, applier, step, action, memory, report):
                applied += 1
            else:
                failed += 1
    return Outcome(applied, failed)


def _admitted(spec: MappingSpec, observation: Observation, action: Action, memory: Failures) -> bool:
    """Draw a batch's bytes from the buckets of source and mapping. Redis unreachable raises: copying stops."""
    assert isinstance(observation.source, Instance)
    held = limits(spec, observation.journal, observation.source.system_identifier)
    return SharedThrottle(memory, lambda: held).take(action.cost_bytes) == 0.0


def _apply(spec: MappingSpec, applier: Applier, step: Step, action: Action, memory: Failures, report: Report) -> bool:
    key, now = key_of(step, action), datetime.now(UTC)
    entry: dict[str, object] = {
        "at": now.isoformat(),
        "event": action.summary,
        "database": step.database,
        "relation": action.relation,
        "phase": step.phase,
    }
    try:
        before = memory.failures(spec.name).get(key)
        applier.apply(action, before.count if before else 0)
    except SessionLimitError:
        raise  # nobody's failure: the work is put off as a whole
    except (ApplyError, MigratorError) as error:
        memory.record_failure(spec.name, key, error.message, now)
        report({**entry, "level": "error", "error": error.message})
        LOG.error("action failed", mapping=spec.name, action=action.summary, error=error.message, phase=step.phase)
        return False
    memory.clear_failure(spec.name, key)
    seconds = (datetime.now(UTC) - now).total_seconds()
    if step.gates is not Gates.NOTHING:  # upkeep of every tick would push all else out of the dashboard's log
        report({**entry, "level": "info"})
    LOG.info(
        "action applied",
        mapping=spec.name,
        action=action.summary,
        phase=step.phase,
        database=step.database,
        seconds=round(seconds, 3),
    )
    return True


def sample_lag(spec: MappingSpec) -> bool:
    """Emit a WAL marker on the source and note which are confirmed. Upkeep: also while paused, never before the pipe."""
    name = application_name(spec.name, "sample_lag")
    with session_of(spec.destination, None, name) as session:
        if not try_lock(session, lock_key("sampling", spec.name)):
            return False
        positions = _confirmed_positions(spec, _system_identifier(session))
        if not positions:
            return False
        known = [position for position in positions if position is not None]
        if len(known) == len(positions):
            markers.confirm(session, spec.name, min(known))
        markers.add(session, spec.name, emit_marker(spec))
        return True


def _system_identifier(session: Session) -> str:
    row = session.execute("SELECT system_identifier::text AS identifier FROM pg_control_system()").fetchone()
    return str(row["identifier"]) if row else ""


def _confirmed_positions(spec: MappingSpec, destination: str) -> list[Lsn | None]:
    """confirmed_flush_lsn of every main slot of the mapping: a cheap look, asked every few seconds."""
    with session_of(spec.source, None, application_name(spec.name, "sample_lag")) as session:
        rows = session.execute(
            "SELECT slot_name, database, confirmed_flush_lsn::text AS position FROM pg_replication_slots"
            " WHERE slot_type = 'logical'"
        ).fetchall()
    ours = [row for row in rows if is_ours(row["slot_name"], spec.name, destination, row["database"])]
    return [Lsn.parse(row["position"]) if row["position"] else None for row in ours]


def emit_marker(spec: MappingSpec) -> Lsn:
    """A logical message in the source's WAL, flushed: nothing committed before it lies behind the returned position."""
    with session_of(spec.source, None, application_name(spec.name, "marker")) as session:
        session.execute("SET synchronous_commit = local")
        session.execute(MARKER, (spec.name,))
        row = session.execute("SELECT pg_current_wal_flush_lsn()::text AS lsn").fetchone()
        assert row is not None
        return Lsn.parse(row["lsn"])
