"""The one function that derives what a mapping's state is called. No code sets a status."""

from datetime import datetime

from migrator.config import MappingSpec
from migrator.observation import Observation
from migrator.phases import PHASES
from migrator.records import Intent
from migrator.steps import Decision, Gates, Status, Step

_LAST_PHASE = PHASES[-1].name

_OF_INTENT = {
    Intent.PAUSED: Status.PAUSED,
    Intent.COMPLETING: Status.COMPLETING,
    Intent.COMPLETED: Status.COMPLETED,
    Intent.ABORTING: Status.ABORTING,
    Intent.ABORTED: Status.ABORTED,
}


def status_of(spec: MappingSpec, observation: Observation, decision: Decision, now: datetime) -> Status:
    """The mapping's status: the intent's own word, else the worst of what its steps say."""
    journal = observation.journal
    if journal is not None and journal.intent in _OF_INTENT:
        return _OF_INTENT[journal.intent]
    if any(finding.blocking for finding in decision.findings):
        return Status.PROBLEMATIC
    if journal is None or journal.source is None:
        return Status.NOT_STARTED
    if not decision.quiet:
        return Status.IN_PROGRESS
    return Status.CUTOVER_READY if is_stable(spec, observation, now) else Status.SYNCED


def is_stable(spec: MappingSpec, observation: Observation, now: datetime) -> bool:
    """Whether every gating step has been quiet for stable_seconds.

    Databases are looked at by turns, so that time alone proves nothing: each must have been seen quiet once more after
    stable_seconds. Once that has been so the journal says it, for processes that looked at them at other times (decision 6).
    """
    journal = observation.journal
    if journal is None or journal.quiet_since is None:
        return False
    oldest = now if journal.stable_at is not None else observation.oldest_look
    return (min(now, oldest) - journal.quiet_since).total_seconds() >= spec.replication.stable_seconds


def database_status(mapping: Status, observation: Observation, decision: Decision, database: str) -> Status:
    """One database's status: its own steps, under the mapping's intent."""
    if mapping in _OF_INTENT.values() or mapping is Status.NOT_STARTED:
        return mapping
    pair = observation.database(database)
    steps = gating_steps(decision, database)
    if any(step.blocked for step in steps):
        return Status.PROBLEMATIC
    # Quiet as far as it was asked is not yet in step: what the whole mapping waits for comes first.
    if not any(step.phase == _LAST_PHASE for step in steps) or not all(step.quiet for step in steps):
        begun = pair is not None and pair.target_schema is not None
        return Status.IN_PROGRESS if begun else Status.NOT_STARTED
    return Status.CUTOVER_READY if mapping is Status.CUTOVER_READY else Status.SYNCED


def gating_steps(decision: Decision, database: str) -> tuple[Step, ...]:
    """The steps of one database that the light waits for."""
    return tuple(step for step in decision.of(database) if step.gates is not Gates.NOTHING)


def phase_of(decision: Decision, database: str | None = None) -> str | None:
    """The first gating step that is not quiet; None when all are."""
    steps = decision.gating if database is None else gating_steps(decision, database)
    return next((step.phase for step in steps if not step.quiet), None)
