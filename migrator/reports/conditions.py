"""What the light, and the end, wait for: each gating phase, and whether every database was asked. Pure."""

from collections.abc import Iterator
from dataclasses import replace

from migrator.config import MappingSpec
from migrator.observation import Observation
from migrator.phases import METHODS, PHASES, carry, catchup
from migrator.phases.wording import some
from migrator.steps import Decision, Step

NOT_ASKED = "waits for what comes before it"

JUDGED_OTHERWISE = frozenset({catchup.NAME, carry.NAME})
"""The end asks for the barrier itself, not for a lag below a threshold; and for what was carried since."""

Condition = dict[str, object]


def conditions(spec: MappingSpec, observation: Observation, decision: Decision) -> list[Condition]:
    """Every phase as a condition of the light; where one holds all that follow, the first of them says so for the others."""
    found = [_condition(spec, name, observation, decision) for name in _names(spec)]
    first = next((each for each in found if each["detail"] == NOT_ASKED), None)
    return [{**each, "detail": ""} if each["detail"] == NOT_ASKED and each is not first else each for each in found]


def undone(spec: MappingSpec, observation: Observation, decision: Decision) -> Iterator[str]:
    """What is still to be done, waited for, or not known since it was not asked: a sentence each. Not what blocks."""
    for name in dict.fromkeys(step.phase for step in decision.gating if step.phase not in JUDGED_OTHERWISE):
        outstanding = list(dict.fromkeys(each for step in _steps(decision, name) for each in _to_be_done(step)))
        if outstanding:
            yield f"Not done yet of {name}: {some(outstanding)}."
    names = (name for name in _names(spec) if name not in JUDGED_OTHERWISE)
    unasked = [name for name in names if not _is_asked(spec, name, observation, decision)]
    if unasked:
        yield f"Not looked into yet, since something before is not done: {', '.join(unasked)}."


def _names(spec: MappingSpec) -> list[str]:
    return list(dict.fromkeys(phase.name for phase in METHODS[spec.copy_method] if phase.name != "sequences"))


def _steps(decision: Decision, name: str) -> list[Step]:
    return [step for step in decision.gating if step.phase == name]


def _outstanding(step: Step) -> Iterator[str]:
    yield from (wait.message for wait in step.waits)
    yield from (action.summary for action in step.actions)


def _to_be_done(step: Step) -> Iterator[str]:
    return _outstanding(replace(step, actions=tuple(each for each in step.actions if not each.only_noted)))


def _is_asked(spec: MappingSpec, name: str, observation: Observation, decision: Decision) -> bool:
    """Of every database that the phase is for: one that was begun by the other copy method has other questions."""
    asked = {step.database for step in _steps(decision, name)}
    asking = [phase for phase in PHASES if phase.name == name and phase.per_database]
    if not asking or not observation.databases:
        return bool(asked)
    return {
        pair.name for pair in observation.databases for each in asking if each.asks(spec.copy_method, pair)
    } <= asked


def _condition(spec: MappingSpec, name: str, observation: Observation, decision: Decision) -> Condition:
    """Met when every database was asked and is quiet."""
    asked = _is_asked(spec, name, observation, decision)
    noise = [step for step in _steps(decision, name) if not step.quiet]
    details = [each for step in noise for each in _outstanding(step)]
    details += [finding.message for step in noise for finding in step.findings if finding.blocking]
    if not asked and not noise:
        details = [NOT_ASKED]
    more = f" and {len(details) - 3} more" if len(details) > 3 else ""
    return {"name": name, "met": asked and not noise, "detail": "; ".join(details[:3]) + more}
