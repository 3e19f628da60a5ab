"""check: may we start? Looks at both sides of every mapping and changes nothing."""

from dataclasses import asdict

import click

from migrator import control
from migrator.cli.commands import Exit
from migrator.cli.options import as_json, chosen, configuration, mapping_arguments, print_json
from migrator.cli.report import console, plain, print_findings
from migrator.config import Config
from migrator.steps import Finding


@click.command()
@configuration
@mapping_arguments
@as_json
def check(config: Config, mappings: tuple[str, ...], as_json: bool) -> None:
    """Check configuration, servers, rights and schema; change nothing.

    Exit status: 0 clear, 1 blocking findings, 2 the configuration has faults.
    """
    found = {spec.name: control.assess(spec).decision.findings for spec in chosen(config, mappings)}
    blocked = any(finding.blocking for findings in found.values() for finding in findings)
    if as_json:
        print_json({"clear": not blocked, "mappings": [_document(name, found[name]) for name in found]})
    else:
        for name, findings in found.items():
            _print(name, findings)
    raise SystemExit(Exit.NOT_YET if blocked else Exit.CLEAR)


def _document(name: str, findings: tuple[Finding, ...]) -> dict[str, object]:
    return {
        "name": name,
        "clear": not any(finding.blocking for finding in findings),
        "findings": [asdict(finding) for finding in findings],
    }


def _print(name: str, findings: tuple[Finding, ...]) -> None:
    screen = console()
    blocking = sum(finding.blocking for finding in findings)
    verdict = f"[bold red]{blocking} blocking[/]" if blocking else "[bold green]clear[/]"
    screen.print(f"[bold]{plain(name)}[/]: {verdict}, {_notes(len(findings) - blocking)}")
    print_findings(screen, [asdict(finding) for finding in findings])


def _notes(count: int) -> str:
    return f"{count} {'note' if count == 1 else 'notes'}"
