"""plan: all that the source will ever see, then the next statements, grouped by step. Secrets are holes in them."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace

import click

from migrator import control
from migrator.cli.options import as_json, chosen, configuration, mapping_arguments, print_json, rivals
from migrator.config import Config
from migrator.phases import trial
from migrator.phases.foresight import Foreseen, foresee
from migrator.phases.wording import some
from migrator.quote import comment
from migrator.redaction import redact
from migrator.steps import Action, Decision, Finding, Statement, Step


@dataclass(frozen=True)
class Plan:
    """What is known beforehand of one mapping. `trials`: databases whose schema is tried first."""

    decision: Decision
    trials: tuple[str, ...]
    foreseen: tuple[Foreseen, ...]
    clashes: Sequence[Finding]


@click.command()
@configuration
@mapping_arguments
@click.option("--sql", is_flag=True, help="Print the statements too.")
@as_json
def plan(config: Config, mappings: tuple[str, ...], sql: bool, as_json: bool) -> None:
    """Show all that the source will ever see, and what would be done next; change nothing.

    Later steps are decided when the earlier ones are done. Text in braces stands for a secret, filled in at the last
    moment. Exit status: 0.
    """
    # What comes after the trials, which change nothing that lasts, is not known to be waiting for them only.
    assessed = {spec.name: control.assess(replace(spec, schema_trial=False)) for spec in chosen(config, mappings)}
    between = control.clashes(rivals(config, assessed), {name: each.observation for name, each in assessed.items()})
    plans = [
        Plan(
            assessed[spec.name].decision,
            trial.due(spec, assessed[spec.name].observation),
            foresee(spec, assessed[spec.name].observation),
            between[spec.name],
        )
        for spec in chosen(config, mappings)
    ]
    if as_json:
        print_json({"mappings": [_document(each) for each in plans]})
        return
    for each in plans:
        lines = (
            *_on_the_source(each.decision.mapping, each.foreseen),
            *_lines(each, sql),
            *_later(each.decision),
            *_clashes(each.clashes),
        )
        click.echo("\n".join(lines))


def _later(decision: Decision) -> Iterator[str]:
    for finding in _notices(decision):
        yield comment(redact(finding.message), 3)


def _notices(decision: Decision) -> tuple[Finding, ...]:
    return tuple(finding for finding in decision.findings if finding.code == "partitions_followed")


def _clashes(findings: Sequence[Finding]) -> Iterator[str]:
    for finding in findings:
        yield comment(f"{finding.code}: {redact(finding.message)}", 3)
        yield comment(redact(finding.remedy), 5)


def _on_the_source(mapping: str, foreseen: tuple[Foreseen, ...]) -> Iterator[str]:
    """In comments: it is for reading, and we do it ourselves in its time."""
    yield f"-- mapping {mapping}, from its beginning to completion or abort: all that the source will see."
    yield "-- Besides, at every look: SELECT on the catalogs and on each sequence, SET, and nothing else."
    place: tuple[str, str] | None = None
    for seen in foreseen:
        if (seen.database, seen.by) != place:
            place = (seen.database, seen.by)
            yield comment(f"in database {seen.database}, by {seen.by}:", 3)
        yield comment(f"{seen.sql};  ({seen.when})", 5)


def _document(plan: Plan) -> dict[str, object]:
    steps = [
        {"phase": step.phase, "database": step.database, "actions": [_action(action) for action in step.actions]}
        for step in plan.decision.steps
        if step.actions
    ]
    return {
        "name": plan.decision.mapping,
        "source": [asdict(seen) for seen in plan.foreseen],
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
    return f": {blocking} blocking findings, {waits} waits" if blocking or waits else ""


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
