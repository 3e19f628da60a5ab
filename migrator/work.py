"""A piece of work as a message: names only. Whoever receives it looks again, decides again, acts."""

from dataclasses import dataclass

from migrator.model import Intent
from migrator.names import lock_key
from migrator.phases import databases, pre_data, sequences
from migrator.phases.ending import NAMES as ENDINGS
from migrator.steps import Action, Step

QUEUES = ("reconcile", "schema", "relations", "parts", "sampling", "keepers")

_QUEUE_OF_TASK = {
    "reconcile": "reconcile",
    "copy_schema": "schema",
    "run_phase": "schema",
    "run_relation": "relations",
    "sync_sequences": "sampling",
    "sample_lag": "sampling",
}


@dataclass(frozen=True)
class Work:
    """One task: its name, and the names of what it is for."""

    task: str
    mapping: str
    database: str | None = None
    phase: str | None = None
    relation: str | None = None

    @property
    def queue(self) -> str:
        return _QUEUE_OF_TASK[self.task]

    @property
    def key(self) -> str:
        """What suppresses repeats while it is in flight."""
        return ":".join((self.task, self.database or "", self.phase or "", self.relation or ""))

    def lock(self, destination_system_identifier: str) -> int:
        """One at a time: instance-wide work per destination instance, the rest per database or relation of a mapping."""
        if self.database is None or self.phase == databases.NAME:
            return lock_key("instance", destination_system_identifier)
        if self.relation is not None:
            return lock_key("relation", self.mapping, self.database, self.relation)
        kind = "sequences" if self.task == "sync_sequences" else "database"
        return lock_key(kind, self.mapping, self.database)

    def covers(self, step: Step, action: Action) -> bool:
        """Whether an action of a fresh decision is this work."""
        return (step.phase, step.database, action.relation) == (self.phase, self.database, self.relation)


def work_for(mapping: str, step: Step, action: Action) -> Work:
    """The message that gets an action done."""
    if action.relation is not None:
        task = "run_relation"
    elif step.phase == sequences.NAME:
        task = "sync_sequences"
    elif step.phase == pre_data.NAME:
        task = "copy_schema"
    else:
        task = "run_phase"
    return Work(task, mapping, step.database, step.phase, action.relation)


def is_ending(intent: Intent) -> bool:
    """Whether the operator asked for completion or abort and it is not yet reached."""
    return intent in ENDINGS and intent not in (Intent.COMPLETED, Intent.ABORTED)
