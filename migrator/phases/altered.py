"""What ALTER TABLE did on the source to rows that are on the destination already (`layouts`): waited for, taken up again, or told."""

from collections.abc import Mapping
from dataclasses import replace

from migrator.phases import groups, partitions
from migrator.phases.layouts import Altered, State, altered
from migrator.phases.snapshot_copy import leave_out
from migrator.phases.view import View
from migrator.quote import identifier, literal
from migrator.schema.table import Table
from migrator.steps import Action, Finding, Gates, Side, Statement, Step, Wait

NAME = "pre_data"


def examine(view: View) -> Step:
    """Notes layouts that are settled, and what is waited for; takes up again, or tells of, what cannot be known."""
    actions: list[Action] = []
    waits: list[Wait] = []
    findings: list[Finding] = []
    settled: dict[str, str] = {}
    for each in altered(view.database):
        if each.having(State.UNKNOWN):
            unknown = _unknown(view, each)
            (actions if isinstance(unknown, Action) else findings).append(unknown)  # type: ignore[arg-type]
        elif each.having(State.EARLY):
            early = _early(view, each)
            (actions if isinstance(early, Action) else waits).append(early)  # type: ignore[arg-type]
        elif not each.having(State.ABSENT):
            settled[each.entry.relation] = each.now
    if settled:
        actions.append(_note(view, settled))
    return Step(NAME, view.database.name, Gates.RELATION, tuple(actions), tuple(waits), tuple(findings))


def untold(view: View) -> frozenset[tuple[str, str]]:
    """(identity of a table, property) that must stay as it is on the destination until what was written before has arrived."""
    source = view.database.source_schema
    found = set()
    for each in altered(view.database):
        early = each.having(State.EARLY)
        if source is None or not early or _is_over(view, each):
            continue
        table: Table | None = each.source
        while table is not None:
            found |= {(table.identity, f"column {identifier(name)}") for name in early}
            table = source.table(table.parent) if table.parent is not None and source.has_table(table.parent) else None
    return frozenset(found)


def _is_over(view: View, each: Altered) -> bool:
    assert each.source.layout is not None
    return each.entry.altered_layout == each.source.layout.text and partitions.passed(view, each.entry.altered_lsn)


def _early(view: View, each: Altered) -> Action | Wait:
    """While the destination's default is what older rows have, those that are on their way get it too."""
    relation, layout = each.entry.relation, each.source.layout
    assert layout is not None
    if each.entry.altered_layout == layout.text:
        return Wait(f"the columns of {relation} are made alike when all that was written before has arrived", relation)
    forget = f"SET altered_layout = {literal(layout.text)}, altered_lsn = NULL"
    statement = Statement(Side.DESTINATION, view.database.target, partitions.ledger(forget, view, [relation]))
    summary = f"note in the ledger that {relation} has another column on the source"
    note = partitions.note(view, "altered_lsn", [relation], summary)
    return replace(note, statements=(statement, *note.statements))


def _unknown(view: View, each: Altered) -> Action | Finding:
    """Copied anew by ourselves while no subscription applies to it; what was not cut into parts yet was not read before.

    A part that is not in may be about to be: its copier has looked at the source for the last time, and stands still before its COMMIT.
    """
    entry = each.entry
    group = groups.ledger_group(view, entry.group)
    if group is not None and groups.is_under_snapshot(group) and view.database.subscription(group.name) is None:
        if not entry.count.parts:
            return _note(view, {entry.relation: each.now})
        return leave_out(view, entry, "its rows were changed by ALTER TABLE on the source")
    return _rewritten(view, each)


def _rewritten(view: View, each: Altered) -> Finding:
    name, target = each.entry.relation, view.database.target
    columns = ", ".join(identifier(column) for column in each.having(State.UNKNOWN))
    settle = partitions.ledger(f"SET layout = {literal(each.now)}", view, [name])
    return Finding(
        "rows_rewritten",
        f"{name} in database {view.database.name}: ALTER TABLE on the source changed rows that are on the destination already, or what "
        f"they can hold. Replication does not carry that; what they hold there in {columns} may differ.",
        f"Copy it anew: in database {target} on the destination, DROP TABLE {name} CASCADE; it is made there again with all that "
        f"belongs to it, and copied from the start. Only if you know that the rows are the same, in database {target} on the "
        f"destination: {settle};",
        database=view.database.name,
        relation=name,
    )


def _note(view: View, layouts: Mapping[str, str]) -> Action:
    values = ", ".join(f"({literal(relation)}, {literal(text)})" for relation, text in layouts.items())
    update = (
        "UPDATE migrator.relations r SET layout = seen.layout, altered_layout = NULL, altered_lsn = NULL"
        f" FROM (VALUES {values}) AS seen (relation, layout)"
        f" WHERE r.mapping = {literal(view.spec.name)} AND r.relation = seen.relation"
    )
    statement = Statement(Side.DESTINATION, view.database.target, update)
    summary = f"note in the ledger how {partitions.some(list(layouts))} is stored"
    return Action(summary, (statement,), only_noted=True)
