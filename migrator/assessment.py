"""Look at a mapping and judge what was seen: what a tick, `check`, `status` and the endings have in common. Changes nothing."""

from collections.abc import Mapping
from dataclasses import dataclass

from migrator import snapshot
from migrator.config import MappingSpec
from migrator.memory import Failures
from migrator.observation import Hints, Observation
from migrator.observe import Looker
from migrator.phases import decide
from migrator.remembered import SchemaCache
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
    hints = Hints(memory.failures(spec.name), memory.slots(KEEPERS)) if memory else Hints()
    decision = decide(spec, observation, hints, now)
    view = snapshot.summary(spec, observation, decision, now, previous)
    return Assessment(observation, decision, status_of(spec, observation, decision, now), view)
