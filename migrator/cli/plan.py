"""plan: all that the source will ever see and what the destination gets, then the next statements. Secrets are holes in them."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import groupby
from operator import itemgetter

import click

from migrator import control
from migrator.cli.commands import Exit
from migrator.cli.options import as_json, chosen, configuration, mapping_arguments, print_json, rivals
from migrator.config import Config, MappingSpec
from migrator.phases import gated_findings, trial
from migrator.phases.destination_foresight import Foretold, foretell
from migrator.phases.foresight import Foreseen, foresee
from migrator.phases.wording import counted, some
from migrator.quote import comment
from migrator.redaction import redact
from migrator.steps import Action, Decision, Finding, Statement, Step

UNSEEN = frozenset({"source_unreachable", "destination_unreachable", "database_unreadable", "journal_refused"})
"""Findings that say that something was not read: what is foreseen without it is not all."""


@dataclass(frozen=True)
class Plan:
    """What is known beforehand of one mapping. `trials`: databases whose schema is tried first."""

    decision: Decision
    trials: tuple[str, ...]
    foreseen: tuple[Foreseen, ...]
    foretold: tuple[Foretold, ...]
    unseen: tuple[Finding, ...]
    clashes: Sequence[Finding]


@click.command()
@configuration
@mapping_arguments
@click.option("--sql", is_flag=True, help="Print the statements too.")
@as_json
def plan(config: Config, mappings: tuple[str, ...], sql: bool, as_json: bool) -> None:
    """Show all that the source will ever see and what the destination gets, then what would be done next; change nothing.

    Later steps are decided when the earlier ones are done. Text in braces stands for a secret, filled in at the last
    moment. Exit status: 0, 1 a server or a database could not be read: the plan is incomplete, and says so.
    """
    # What comes after the trials, which change nothing that lasts, is not known to be waiting for them only.
    assessed = {spec.name: control.assess(replace(spec, schema_trial=False)) for spec in chosen(config, mappings)}
    between = control.clashes(rivals(config, assessed), {name: each.observation for name, each in assessed.items()})
    plans = [_plan(spec, assessed[spec.name], between[spec.name]) for spec in chosen(config, mappings)]
    if as_json:
        print_json({"mappings": [_document(each) for each in plans]})
    else:
        for each in plans:
            click.echo("\n".join(_printed(each, sql)))
    raise SystemExit(Exit.NOT_YET if any(each.unseen for each in plans) else Exit.CLEAR)


def _plan(spec: MappingSpec, assessed: control.Assessment, clashes: Sequence[Finding]) -> Plan:
    observation, decision = assessed.observation, assessed.decision
    found = (*decision.findings, *gated_findings(spec, observation, decision))
    return Plan(
        decision,
        trial.due(spec, observation),
        foresee(spec, observation),
        foretell(spec, observation),
        tuple(finding for finding in found if finding.code in UNSEEN),
        clashes,
    )


def _printed(plan: Plan, sql: bool) -> Iterator[str]:
    yield from _incomplete(plan)
    yield from _on_the_source(plan)
    yield from _on_the_destination(plan)
    yield from _lines(plan, sql)
    yield from _later(plan.decision)
    yield from _clashes(plan.clashes)


def _incomplete(plan: Plan) -> Iterator[str]:
    if plan.unseen:
        yield f"-- mapping {plan.decision.mapping}: INCOMPLETE. What could not be read is not in this plan:"
        for finding in plan.unseen:
            yield comment(redact(finding.message), 3)
            yield comment(redact(finding.remedy), 5)


def _later(decision: Decision) -> Iterator[str]:
    for finding in _notices(decision):
        yield comment(redact(finding.message), 3)


def _notices(decision: Decision) -> tuple[Finding, ...]:
    return tuple(finding for finding in decision.findings if finding.code == "partitions_followed")


def _clashes(findings: Sequence[Finding]) -> Iterator[str]:
    for finding in findings:
        yield comment(f"{finding.code}: {redact(finding.message)}", 3)
        yield comment(redact(finding.remedy), 5)


def _on_the_source(plan: Plan) -> Iterator[str]:
    """In comments: it is for reading, and we do it ourselves in its time."""
    if not plan.foreseen:
        return
    what = "what the source will see, as far as is known" if plan.unseen else "all that the source will see"
    yield f"-- mapping {plan.decision.mapping}, from its beginning to completion or abort: {what}."
    yield "-- Besides, at every look: SELECT on the catalogs and on each sequence, SET, and nothing else."
    yield from _by_place(
        (f"in database {each.database}, by {each.by}:", f"{each.sql};  ({each.when})") for each in plan.foreseen
    )


def _on_the_destination(plan: Plan) -> Iterator[str]:
    if not plan.foretold:
        return
    yield f"-- mapping {plan.decision.mapping}, from its beginning to completion or abort: on the destination."
    yield from _by_place(
        (
            f"in database {each.database}:" if each.database is not None else "on the server:",
            f"{each.what}  ({each.when})",
        )
        for each in plan.foretold
    )


def _by_place(lines: Iterable[tuple[str, str]]) -> Iterator[str]:
    """Those that follow each other at one place beneath its name."""
    for place, there in groupby(lines, itemgetter(0)):
        yield comment(place, 3)
        yield from (comment(line, 5) for _, line in there)


def _document(plan: Plan) -> dict[str, object]:
    steps = [
        {"phase": step.phase, "database": step.database, "actions": [_action(action) for action in step.actions]}
        for step in plan.decision.steps
        if step.actions
    ]
    return {
        "name": plan.decision.mapping,
        "unseen": [finding.document() for finding in plan.unseen],
        "source": [asdict(seen) for seen in plan.foreseen],
        "destination": [asdict(told) for told in plan.foretold],
        "trials": plan.trials,
        "steps": steps,
        "later": [finding.message for finding in _notices(plan.decision)],
        "clashes": [finding.document() for finding in plan.clashes],
    }


def _action(action: Action) -> dict[str, object]:
    shown = ("side", "database", "sql", "transactional")
    statements = [{key: getattr(statement, key) for key in shown} for statement in action.statements]
    return {"summary": action.summary, "relation": action.relation, "statements": statements}


def _lines(plan: Plan, sql: bool) -> Iterator[str]:
    """Every line that is not SQL is a comment, so that the whole can be read by psql."""
    decision = plan.decision
    yield f"-- mapping {decision.mapping}, next:"
    if plan.trials:
        what = f"first, on the destination, in databases that are dropped again: the schema of {some(plan.trials)} is tried"
        yield comment(what, 3)
    if not any(step.actions for step in decision.steps):
        yield f"--   nothing to do{_why(decision)}"
    for step in decision.steps:
        if step.actions:
            yield comment(_title(step), 3)
        for action in step.actions:
            yield comment(action.summary, 5)
            yield from _statements(action) if sql else ()


def _why(decision: Decision) -> str:
    blocking = sum(finding.blocking for finding in decision.findings)
    waits = sum(len(step.waits) for step in decision.steps)
    return f": {counted(blocking, 'blocking finding')}, {counted(waits, 'wait')}" if blocking or waits else ""


def _title(step: Step) -> str:
    return f"{step.phase}, database {step.database}" if step.database else step.phase


def _statements(action: Action) -> Iterator[str]:
    place: tuple[str, str | None] | None = None
    for statement in action.statements:
        if (statement.side, statement.database) != place:
            place = (statement.side, statement.database)
            yield comment(f"on the {statement.side}, database {statement.database or '(maintenance)'}")
        yield _terminated(statement)


def _terminated(statement: Statement) -> str:
    text = statement.sql.rstrip()
    return text if text.endswith(";") else text + ";"
