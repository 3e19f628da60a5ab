"""A piece of work as a message: names only. Whoever receives it looks again, decides again, acts."""

from dataclasses import dataclass

from migrator.names import lock_key
from migrator.phases import databases, pre_data, sequences
from migrator.phases.ending import NAMES as ENDINGS
from migrator.records import Intent
from migrator.steps import Action, Carry, CopyPart, KeepSnapshot, Step, TrySchema

KEEPERS = "keepers"
"""The queue of those who wait: its workers run threads."""

QUEUES = ("reconcile", "schema", "relations", "parts", "sampling", KEEPERS)

_QUEUE_OF_TASK = {
    "reconcile": "reconcile",
    "copy_schema": "schema",
    "try_schema": "schema",
    "run_phase": "schema",
    "run_relations": "relations",
    "copy_part": "parts",
    "carry": "parts",
    "keep_snapshot": KEEPERS,
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
    group: int | None = None
    """Whose snapshot is kept, or copied under."""
    keeper: str | None = None
    parts: tuple[int, ...] = ()
    """Of `relations`, one of each at its place."""

    @property
    def queue(self) -> str:
        return _QUEUE_OF_TASK[self.task]

    @property
    def arguments(self) -> tuple[object, ...]:
        """What the message carries: names and numbers."""
        if self.task == "keep_snapshot":
            return self.mapping, self.database, self.group, self.keeper
        if self.task == "copy_part":
            return self.mapping, self.database, self.group, self.relations, self.parts
        return self.mapping, self.database, self.phase, self.relations

    @property
    def key(self) -> str:
        """The name of the message while it is in flight."""
        return self.keys[0]

    @property
    def keys(self) -> tuple[str, ...]:
        """What is not sent again while the message is in flight, one for each relation."""
        words = (self.task, self.database or "", self.phase or "")
        if self.group is not None:
            pieces = [f"{relation}:{part}" for relation, part in zip(self.relations, self.parts, strict=True)]
            return tuple(":".join((*words, str(self.group), piece)) for piece in pieces or (self.keeper or "",))
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
        """Whether an action of a fresh decision is this work. Jobs are not done by applying an action."""
        if action.job is not None:
            return False
        wanted = action.relation in self.relations if self.relations else action.relation is None
        return wanted and (step.phase, step.database) == (self.phase, self.database)


def work_for(mapping: str, step: Step, action: Action) -> Work:
    """The message that gets an action done."""
    if isinstance(action.job, KeepSnapshot):
        return Work(
            "keep_snapshot", mapping, step.database, step.phase, group=action.job.group, keeper=action.job.keeper
        )
    if isinstance(action.job, CopyPart) and action.relation is not None:
        group, parts = action.job.group, (action.job.number,)
        return Work("copy_part", mapping, step.database, step.phase, (action.relation,), group, parts=parts)
    if isinstance(action.job, Carry):
        return Work("carry", mapping, step.database, step.phase)
    if isinstance(action.job, TrySchema):
        return Work("try_schema", mapping, step.database, step.phase)
    if action.relation is not None:
        task = "run_relations"
    elif step.phase == sequences.NAME:
        task = "sync_sequences"
    elif step.phase == pre_data.NAME:
        task = "copy_schema"
    else:
        task = "run_phase"
    named = () if action.relation is None else (action.relation,)
    return Work(task, mapping, step.database, step.phase, named)


def is_ending(intent: Intent) -> bool:
    """Whether the operator asked for completion or abort and it is not yet reached."""
    return intent in ENDINGS and intent not in (Intent.COMPLETED, Intent.ABORTED)
