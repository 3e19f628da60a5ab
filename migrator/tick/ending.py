"""Drives a mapping whose end is written in the journal to that end, and looks what is left."""

import time
from dataclasses import dataclass

from migrator.config import MappingSpec
from migrator.looks.observe import Looker
from migrator.looks.remembered import SchemaCache
from migrator.memory import Memory
from migrator.records import Intent, Journal
from migrator.reports.leftovers import Leftover, leftovers, owed, unseen
from migrator.tick.reconcile import drive

ENDING_SECONDS = 120.0
"""How long `complete` and `abort` keep trying before they report what is left."""

STUCK_SECONDS = 5.0
"""How long something must stand in the way of an ending before they report it: workers are at the same work, and half of it may show."""


@dataclass(frozen=True)
class Removal:
    """The end of a mapping: what was taken away, and what could not be."""

    removed: tuple[str, ...]
    left: tuple[Leftover, ...]
    owed: tuple[Leftover, ...] = ()
    """What we have no right to take away: PostgreSQL gave it to our user when it made a role."""
    unseen: tuple[Leftover, ...] = ()
    """What we altered on a source that is gone."""


def end(spec: MappingSpec, before: Journal, source_gone: bool) -> Removal:
    """Tick with the work done at once until nothing is left, or time is up. `before`: the journal as the wish found it."""
    with SchemaCache() as schemas:
        removed = _tick_to_the_end(spec, schemas)
    observation = Looker(spec, "proof").look()
    return Removal(removed, leftovers(observation), owed(observation), unseen(before) if source_gone else ())


def _tick_to_the_end(spec: MappingSpec, schemas: SchemaCache) -> tuple[str, ...]:
    """What was done for it."""
    memory, removed = Memory(), dict[str, None]()
    deadline, clear_at = time.monotonic() + ENDING_SECONDS, time.monotonic()
    while time.monotonic() < min(deadline, clear_at + STUCK_SECONDS):
        assessment = drive(spec, memory, schemas)
        if assessment is not None:
            removed.update(dict.fromkeys(action.summary for _, action in assessment.decision.actions))
            entry = assessment.observation.journal
            if entry is not None and entry.intent in (Intent.COMPLETED, Intent.ABORTED):
                break
        if assessment is None or not assessment.decision.findings:
            clear_at = time.monotonic()
        time.sleep(0.3)
    return tuple(removed)
