"""Look at a mapping and judge what was seen: what a tick, `check`, `status` and the endings have in common. Changes nothing."""

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace

from migrator.config import MappingSpec
from migrator.connection import session_of, try_lock
from migrator.errors import MigratorError, UnreachableError
from migrator.looks.observe import Looker
from migrator.looks.remembered import SchemaCache
from migrator.looks.writers import open_writers
from migrator.memory import Failures
from migrator.model import Instance
from migrator.names import application_name, lock_key
from migrator.observation import Hints, Observation
from migrator.phases import decide, trial
from migrator.phases.view import View
from migrator.records import Barrier, Claim, SchemaTrial
from migrator.reports import snapshot
from migrator.reports.completion import reasons_against
from migrator.schema_trial import try_schema
from migrator.status import status_of
from migrator.steps import Decision, Finding, Status
from migrator.turns import Quiet, restless
from migrator.work import KEEPERS

ALARMS = frozenset(
    {
        "replication_broken",
        "replication_leftover",
        "publication_foreign_relation",
        "sequence_ahead",
        "destination_not_empty",
        "object_extra",
    }
)
"""Findings that compare the two servers, and that a task caught between two statements would raise falsely."""

LOOKS_AT_AN_ALARM = 4

CHANGED_MEANWHILE = (
    "While it was judged, the barrier was taken back or taken anew, or the mapping's end was begun: look again."
)


@dataclass(frozen=True)
class Assessment:
    """One full look and what follows from it. Nothing was changed."""

    observation: Observation
    decision: Decision
    status: Status
    summary: dict[str, object]


def assess(
    spec: MappingSpec,
    memory: Failures | None = None,
    schemas: SchemaCache | None = None,
    previous: Mapping[str, object] | None = None,
    quiet: Quiet | None = None,
) -> Assessment:
    """Look at everything, decide, and change nothing. `quiet`: databases that may wait for their turn to be looked at.

    The two servers are read one after the other while tasks are at work, so that half an action may show. What would be
    an alarm is therefore looked at again, until two looks in a row say the same. A database that was not looked at and yet is
    not quiet, by what the servers say as a whole, is looked at at once.
    """
    looker = Looker(spec, "look", schemas, patient=True)
    seen = looker.look() if quiet is None else looker.look_by_turns(quiet, _restless_before(previous))
    assessment = judge(spec, seen, memory, previous)
    for _ in range(LOOKS_AT_AN_ALARM):
        alarms, doubtful = _alarms(assessment.decision), _doubtful(assessment)
        if not alarms and not doubtful:
            break
        again = _suspects(assessment) if alarms else doubtful
        assessment = judge(spec, looker.look_again(assessment.observation, again), memory, previous)
        if _alarms(assessment.decision) == alarms and not _doubtful(assessment):
            break
    return assessment


def arrived_under(spec: MappingSpec, assessment: Assessment) -> Barrier | None:
    """The barrier under which everything is seen to have arrived, where that is not noted yet."""
    seen = assessment.observation
    barrier = seen.journal.barrier if seen.journal is not None else None
    if barrier is None or barrier.arrived_at is not None:
        return None
    return None if reasons_against(spec, seen, assessment.decision) else barrier


@dataclass(frozen=True)
class Verdict:
    """Why completion is refused; where nothing is said, it is safe under this barrier, and under no other."""

    reasons: tuple[str, ...]
    barrier: Barrier | None


def verdict(spec: MappingSpec, claims: Iterable[Claim], look: Callable[[], Assessment]) -> Verdict:
    """Whether completion is refused now, by a look at everything. What is written in a transaction that is open stands at no position.

    So writers are asked for before the look, which would not see what they commit behind it, and after it, where it found nothing: one
    that has begun meanwhile would stay unnoticed.
    """
    known, writers = tuple(claims), tuple[str, ...]()
    with suppress(UnreachableError):  # a source that does not answer is for the look to tell
        writers = open_writers(spec, known)
    assessment = look()
    entry = assessment.observation.journal
    reasons = (*writers, *reasons_against(spec, assessment.observation, assessment.decision))
    return Verdict(reasons or tuple(open_writers(spec, known)), entry.barrier if entry else None)


def with_trials(spec: MappingSpec, assessment: Assessment) -> Assessment:
    """The same, with the schema of each database of which nothing has begun tried now, one after the other.

    What the destination has of it for as long as that takes is gone afterwards.
    """
    seen = assessment.observation
    if seen.journal is None or not isinstance(seen.source, Instance) or not isinstance(seen.destination, Instance):
        return assessment
    known = {each.database: each for each in seen.journal.trials}
    for pair in seen.databases:
        view = View(spec, seen, Hints(), seen.observed_at, pair)
        made = _tried(view) if trial.is_possible(view, pair) else None
        if made is not None:
            known[pair.name] = made
    return judge(spec, replace(seen, journal=replace(seen.journal, trials=tuple(known.values()))))


def _tried(view: View) -> SchemaTrial | None:
    """None where a worker is at it."""
    name = application_name(view.spec.name, "trial")
    with session_of(view.spec.destination, None, name) as session:
        if not try_lock(session, lock_key("database", view.spec.name, view.database.name)):
            return None
        try:
            return try_schema(view)
        except MigratorError as error:
            return trial.broken_off(view, error.message)


def _doubtful(assessment: Assessment) -> frozenset[str]:
    return restless(assessment.decision) & assessment.observation.remembered


def _suspects(assessment: Assessment) -> frozenset[str]:
    """Databases that half an action may show in: not those where nobody has anything to do."""
    if any(finding.database is None for finding in _alarms(assessment.decision)):
        return frozenset(pair.name for pair in assessment.observation.databases)
    return restless(assessment.decision)


def _restless_before(previous: Mapping[str, object] | None) -> frozenset[str]:
    """The databases that were not quiet when somebody, perhaps another process, last told of the mapping."""
    databases = (previous or {}).get("databases")
    return (
        frozenset(each["name"] for each in databases if each["phase"]) if isinstance(databases, list) else frozenset()
    )


def _alarms(decision: Decision) -> frozenset[Finding]:
    return frozenset(finding for finding in decision.findings if finding.blocking and finding.code in ALARMS)


def judge(
    spec: MappingSpec,
    observation: Observation,
    memory: Failures | None = None,
    previous: Mapping[str, object] | None = None,
) -> Assessment:
    """Decide on an observation. The clock is the destination's, as the journal's times are."""
    now = observation.observed_at
    hints = Hints(memory.failures(spec.name), memory.known_slots(KEEPERS)) if memory else Hints()
    decision = decide(spec, observation, hints, now)
    view = snapshot.summary(spec, observation, decision, now, previous)
    return Assessment(observation, decision, status_of(spec, observation, decision, now), view)
