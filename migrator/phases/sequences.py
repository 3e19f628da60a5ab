"""Upkeep, every tick: the destination's sequences follow the source's, forward only, until the barrier. Gates nothing."""

from collections.abc import Iterable

from migrator.contents import SequenceValue
from migrator.phases.fitness import sequence_grants
from migrator.phases.view import View
from migrator.phases.wording import counted, some
from migrator.quote import literal
from migrator.steps import Action, Finding, Gates, Mend, Side, Statement, Step

NAME = "sequences"

BATCH = 500


def examine(view: View) -> Step:
    """Sequences on the destination that are behind; one that is ahead is a finding until the barrier. One unreadable there: to the end."""
    unreadable = tuple(_unreadable(view))
    if view.journal.barrier is not None:
        return Step(NAME, view.database.name, Gates.NOTHING, findings=unreadable)
    behind = [value for value, target in _pairs(view) if value.position() > target.position()]
    actions = tuple(advance(view, behind[start : start + BATCH]) for start in range(0, len(behind), BATCH))
    return Step(NAME, view.database.name, Gates.NOTHING, actions, findings=(*unreadable, *_ahead(view)))


def advance(view: View, values: list[SequenceValue]) -> Action:
    """Move sequences forward in one transaction."""
    statements = (Statement(Side.DESTINATION, view.database.target, setval(value)) for value in values)
    return Action(f"advance {counted(len(values), 'sequence')}", tuple(statements))


def setval(value: SequenceValue) -> str:
    """setval() that never moves a sequence backwards, whatever happened since it was read."""
    forward = ">" if value.increment > 0 else "<"
    called = "true" if value.is_called else "false"
    return (
        f"SELECT setval({literal(value.name)}, {value.last_value}, {called}) FROM {value.name} AS s"
        f" WHERE {value.last_value} {forward} s.last_value"
        f" OR ({value.last_value} = s.last_value AND {called} AND NOT s.is_called)"
    )


def _pairs(view: View) -> Iterable[tuple[SequenceValue, SequenceValue]]:
    for name, value in sorted(view.database.sequences.items()):
        target = view.database.target_sequences.get(name)
        if target is not None:
            yield value, target


def _unreadable(view: View) -> Iterable[Finding]:
    """Of those that the source has: they are not moved. Once all has arrived, its new owner may well keep it from us."""
    names = [name for name in view.database.unreadable_target_sequences if name in view.database.sequences]
    if names:
        user, target = view.destination.user.name, view.database.target
        grants = sequence_grants(names, "SELECT, UPDATE", user)
        yield Finding(
            "destination_sequence_right",
            f"{user} on the destination may not read sequences of database {target}, and so does not move them: {some(names)}.",
            f"In database {target} of the destination: {' '.join(grants)}",
            blocking=not view.observation.arrived,
            database=view.database.name,
            mends=tuple(Mend(Side.DESTINATION, grant, target) for grant in grants),
        )


def _ahead(view: View) -> Iterable[Finding]:
    for value, target in _pairs(view):
        if target.position() > value.position():
            yield Finding(
                "sequence_ahead",
                f"Sequence {value.name} on the destination stands at {target.last_value}, ahead of the source's "
                f"{value.last_value}: somebody uses the destination already.",
                f"If nobody does, put it back in database {view.database.target} on the destination: "
                f"SELECT setval({literal(value.name)}, {value.last_value}, {'true' if value.is_called else 'false'});",
                database=view.database.name,
                relation=value.name,
            )
