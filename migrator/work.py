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
    "run_relations": "relations",
    "sync_sequences": "sampling",
    "sample_lag": "sampling",
    "notify": "sampling",
}


@dataclass(frozen=True)
class Work:
    """One task: its name, and the names of what it is for. Of several relations each is done for itself."""

    task: str
    mapping: str
    database: str | None = None
    phase: str | None = None
    relations: tuple[str, ...] = ()

    @property
    def queue(self) -> str:
        return _QUEUE_OF_TASK[self.task]

    @property
    def key(self) -> str:
        """The name of the message while it is in flight."""
        return self.keys[0]

    @property
    def keys(self) -> tuple[str, ...]:
        """What is not sent again while the message is in flight, one for each relation."""
        words = (self.task, self.database or "", self.phase or "")
        return tuple(":".join((*words, relation)) for relation in self.relations or ("",))

    def locks(self, destination_system_identifier: str) -> dict[int, str | None]:
        """One at a time: instance-wide work per destination instance, the rest per database or relation of a mapping.

        By lock key the relation it is for, None for work on more than relations.
        """
        if self.database is None or self.phase == databases.NAME:
            return {lock_key("instance", destination_system_identifier): None}
        if self.relations:
            return {lock_key("relation", self.mapping, self.database, each): each for each in self.relations}
        kind = "sequences" if self.task == "sync_sequences" else "database"
        return {lock_key(kind, self.mapping, self.database): None}

    def covers(self, step: Step, action: Action) -> bool:
        """Whether an action of a fresh decision is this work."""
        wanted = action.relation in self.relations if self.relations else action.relation is None
        return wanted and (step.phase, step.database) == (self.phase, self.database)


def work_for(mapping: str, step: Step, action: Action) -> Work:
    """The message that gets an action done."""
    if action.relation is not None:
        task = "run_relations"
    elif step.phase == sequences.NAME:
        task = "sync_sequences"
    elif step.phase == pre_data.NAME:
        task = "copy_schema"
    else:
        task = "run_phase"
    relations = () if action.relation is None else (action.relation,)
    return Work(task, mapping, step.database, step.phase, relations)


def is_ending(intent: Intent) -> bool:
    """Whether the operator asked for completion or abort and it is not yet reached."""
    return intent in ENDINGS and intent not in (Intent.COMPLETED, Intent.ABORTED)
