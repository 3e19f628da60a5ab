"""check: may we start? Looks at both sides of every mapping, changes nothing, ends with one script of remedies."""

import click

from migrator import control
from migrator.cli.commands import Exit
from migrator.cli.options import as_json, chosen, configuration, mapping_arguments, print_json, rivals
from migrator.cli.report import console, plain, print_findings
from migrator.config import Config, MappingSpec
from migrator.phases import gated_findings
from migrator.redaction import redact
from migrator.reports.remedies import Found, remedies, script
from migrator.steps import Finding
from migrator.tick.assessment import with_trials


@click.command()
@configuration
@mapping_arguments
@click.option("--script", "only_script", is_flag=True, help="Print only the remedies, as a script for psql.")
@click.option("--no-trial", is_flag=True, help="Do not try the schemas in a database made for that on the destination.")
@as_json
def check(config: Config, mappings: tuple[str, ...], only_script: bool, no_trial: bool, as_json: bool) -> None:
    """Check configuration, servers, rights and schema; change nothing.

    The schema of each database that has not begun is tried on the destination: in a database made for that, and dropped
    again at once. Ends with one script for psql that mends what SQL can mend. Exit status: 0 clear, 1 blocking findings,
    2 the configuration has faults.
    """
    assessed = [(spec, control.assess(spec)) for spec in chosen(config, mappings)]
    if not no_trial:
        assessed = [(spec, with_trials(spec, assessment)) for spec, assessment in assessed]
    seen = {spec.name: assessment.observation for spec, assessment in assessed}
    between = control.clashes(rivals(config, seen), seen)
    found = [(spec, (*between[spec.name], *_findings(spec, assessment))) for spec, assessment in assessed]
    blocked = any(finding.blocking for _, findings in found for finding in findings)
    if as_json:
        print_json(_document(found, blocked))
    elif only_script:
        click.echo(redact(script(found)), nl=False)
    else:
        for spec, findings in found:
            _print(spec, findings)
        click.echo(redact(script(found)), nl=False)
    raise SystemExit(Exit.NOT_YET if blocked else Exit.CLEAR)


def _findings(spec: MappingSpec, assessment: control.Assessment) -> tuple[Finding, ...]:
    return (*assessment.decision.findings, *gated_findings(spec, assessment.observation, assessment.decision))


def _document(found: Found, blocked: bool) -> dict[str, object]:
    return {
        "clear": not blocked,
        "mappings": [
            {
                "name": spec.name,
                "clear": not any(finding.blocking for finding in findings),
                "findings": [finding.document() for finding in findings],
            }
            for spec, findings in found
        ],
        "remedies": [
            {
                "instance": remedy.instance.name,
                "database": remedy.database,
                "sql": remedy.sql,
                "restart": remedy.restart,
                "reasons": remedy.reasons,
            }
            for remedy in remedies(found)
        ],
        "script": script(found),
    }


def _print(spec: MappingSpec, findings: tuple[Finding, ...]) -> None:
    screen = console()
    blocking = sum(finding.blocking for finding in findings)
    verdict = f"[bold red]{blocking} blocking[/]" if blocking else "[bold green]clear[/]"
    screen.print(f"[bold]{plain(spec.name)}[/]: {verdict}, {_notes(len(findings) - blocking)}")
    print_findings(screen, [finding.document() for finding in findings])


def _notes(count: int) -> str:
    return f"{count} {'note' if count == 1 else 'notes'}"
