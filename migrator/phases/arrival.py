"""Everything has arrived after the write stop: from then on the destination is the operator's to change, and nothing is made again.

What was dropped there since (a harmful foreign key, a trigger, a table with its rows) would else be back within seconds. It is told,
and holds up nothing: whatever of it there should have been, there was.
"""

from collections.abc import Sequence
from dataclasses import replace

from migrator.phases import carry, catchup, wal_budget
from migrator.phases.view import View
from migrator.phases.wording import some
from migrator.steps import Finding, Gates, Step, Wait

NOISE = frozenset({"schema_drift", "object_extra", "rows_rewritten", "user_mapping_unreadable"})
"""Differences between the two sides. Had they stood before, nothing would have arrived: they come from using the destination."""

AT_WORK = frozenset({wal_budget.NAME, carry.NAME, catchup.NAME})
"""The source's disk is guarded on, what the operator carries is carried, and apply is watched: none of them makes an object."""


def left_alone(view: View, step: Step) -> Step:
    """The step of a phase, told but not done."""
    if step.gates is Gates.NOTHING or step.phase in AT_WORK:
        return step
    findings = tuple(replace(each, blocking=each.blocking and each.code not in NOISE) for each in step.findings)
    undone = (
        *(action.summary for action in step.actions if not action.only_noted),
        *(wait.message for wait in step.waits),
    )
    if _is_unread(view):  # what comes after it is not to be asked of half a database
        return replace(step, actions=(), waits=tuple(map(Wait, undone)), findings=findings)
    told = (_told(view, step.database, undone),) if undone else ()
    return replace(step, actions=(), waits=(), findings=(*findings, *told))


def _is_unread(view: View) -> bool:
    pair = view.pair
    return pair is not None and (pair.source_schema is None or pair.target_schema is None)


def _told(view: View, database: str | None, undone: Sequence[str]) -> Finding:
    where = f"Database {view.database.target} on the destination" if database is not None else "The destination"
    return Finding(
        "changed_since_arrival",
        f"{where} differs from the source since everything had arrived, and is left as it is. Not done any more: {some(undone)}.",
        "Nothing to do where that was meant: completion does not wait for it. What was not meant is shown with its statements by: "
        f"pg-migrator compare {view.spec.name}",
        blocking=False,
        database=database,
    )
