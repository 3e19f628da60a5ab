"""plan: the next statements, grouped by step. Secrets are holes in them."""

from collections.abc import Iterator, Sequence

import click

from migrator import control
from migrator.cli.options import as_json, chosen, configuration, mapping_arguments, print_json, rivals
from migrator.config import Config
from migrator.redaction import redact
from migrator.steps import Action, Decision, Finding, Statement, Step


@click.command()
@configuration
@mapping_arguments
@click.option("--sql", is_flag=True, help="Print the statements too.")
@as_json
def plan(config: Config, mappings: tuple[str, ...], sql: bool, as_json: bool) -> None:
    """Show what would be done next, and change nothing.

    Later steps are decided when the earlier ones are done. Text in braces stands for a secret, filled in at the last
    moment. Exit status: 0.
    """
    assessed = {spec.name: control.assess(spec) for spec in chosen(config, mappings)}
    between = control.clashes(rivals(config, assessed), {name: each.observation for name, each in assessed.items()})
    decisions = [each.decision for each in assessed.values()]
    if as_json:
        print_json({"mappings": [_document(decision, between[decision.mapping]) for decision in decisions]})
        return
    for decision in decisions:
        click.echo("\n".join((*_lines(decision, sql), *_clashes(between[decision.mapping]))))


def _clashes(findings: Sequence[Finding]) -> Iterator[str]:
    for finding in findings:
        yield f"--   {finding.code}: {redact(finding.message)}"
        yield f"--     {redact(finding.remedy)}"


def _document(decision: Decision, clashes: Sequence[Finding]) -> dict[str, object]:
    steps = [
        {"phase": step.phase, "database": step.database, "actions": [_action(action) for action in step.actions]}
        for step in decision.steps
        if step.actions
    ]
    return {"name": decision.mapping, "steps": steps, "clashes": [finding.document() for finding in clashes]}


def _action(action: Action) -> dict[str, object]:
    shown = ("side", "database", "sql", "transactional")
    statements = [{key: getattr(statement, key) for key in shown} for statement in action.statements]
    return {"summary": action.summary, "relation": action.relation, "statements": statements}


def _lines(decision: Decision, sql: bool) -> Iterator[str]:
    """Every line that is not SQL is a comment, so that the whole can be read by psql."""
    yield f"-- mapping {decision.mapping}"
    if not any(step.actions for step in decision.steps):
        yield f"--   nothing to do{_why(decision)}"
    for step in decision.steps:
        if step.actions:
            yield f"--   {_title(step)}"
        for action in step.actions:
            yield f"--     {action.summary}"
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
            yield f"-- on the {statement.side}, database {statement.database or '(maintenance)'}"
        yield _terminated(statement)


def _terminated(statement: Statement) -> str:
    text = statement.sql.rstrip()
    return text if text.endswith(";") else text + ";"
