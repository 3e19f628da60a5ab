"""What has failed: it is told, and tried again later."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

from migrator.model import Failure
from migrator.observation import Hints
from migrator.phases.view import failure_key
from migrator.steps import Action, CopyPart, Finding, Step, Wait

UNTIL_BLOCKING = 3
"""A lock timeout or a lost connection heals by itself; the third failure in a row is shown as a problem."""


def key_of(step: Step, action: Action) -> str:
    """The name under which an action's failures are remembered."""
    return failure_key(step.phase, step.database, action.relation or action.summary)


def held_back(mapping: str, step: Step, hints: Hints, now: datetime) -> Step:
    """With a finding for each action that failed, and a wait for it instead while it is in backoff: that is not quiet."""
    if not hints.failures:
        return step
    failed = [(action, failure) for action in step.actions if (failure := hints.failures.get(key_of(step, action)))]
    held = [action for action, failure in failed if failure.next_try_at > now]
    return replace(
        step,
        actions=tuple(action for action in step.actions if action not in held),
        waits=(*step.waits, *(Wait(f"to be tried again: {action.summary}", action.relation) for action in held)),
        findings=(*step.findings, *(_failed(mapping, step, *each, now) for each in _once(failed))),
    )


def _once(failed: list[tuple[Action, Failure]]) -> Iterator[tuple[Action, Failure]]:
    """The parts of one relation fail as one."""
    told = set()
    for action, failure in failed:
        if not isinstance(action.job, CopyPart) or failure.key not in told:
            yield action, failure
        told.add(failure.key)


def _failed(mapping: str, step: Step, action: Action, failure: Failure, now: datetime) -> Finding:
    wait = max(0.0, (failure.next_try_at - now).total_seconds())
    return Finding(
        "action_failed",
        f"Could not {action.summary} ({failure.count} {'try' if failure.count == 1 else 'tries'}): {failure.message}",
        f"{_room(failure)}Next try in {wait:.0f} s; at once with: pg-migrator retry {mapping}{_by_a_superuser(action, failure)}",
        blocking=failure.count >= UNTIL_BLOCKING,
        database=step.database,
        relation=action.relation,
    )


def _room(failure: Failure) -> str:
    """What comes before any other try where a server's disk is full."""
    return "Make room on that server's disk. " if failure.disk_full else ""


def _by_a_superuser(action: Action, failure: Failure) -> str:
    """For what PostgreSQL lets nobody else make (a foreign-data wrapper, an untrusted language): the statements.

    Not those that note something in our tables, nor those whose holes hold a secret: they would be no use to anybody.
    """
    ours = any(each.holes or "migrator." in each.sql or each.transactional is False for each in action.statements)
    if not failure.message.endswith("[42501]") or not action.statements or ours:
        return ""
    first = action.statements[0]
    where = f"in database {first.database} on the {first.side}" if first.database else f"on the {first.side}"
    return f"; or as a superuser {where}: " + " ".join(f"{each.sql};" for each in action.statements)
