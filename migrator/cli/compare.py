"""compare: what differs between source and destination, object by object, with what would mend it."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import click

from migrator.cli.commands import Exit
from migrator.cli.options import as_json, configuration, mapping_argument, mapping_of, print_json
from migrator.comparison import Comparison, Discrepancy
from migrator.config import Config, MappingSpec
from migrator.observation import Observation
from migrator.phases.wording import counted
from migrator.redaction import redact
from migrator.tasks import mending


@click.command()
@configuration
@mapping_argument
@click.option("--database", metavar="NAME", help="Only this database of the source, and nothing of the instance.")
@click.option(
    "--apply", "apply", is_flag=True, help="Run what only adds to the destination; never a DROP, REVOKE or change."
)
@as_json
def compare(config: Config, mapping: str, database: str | None, apply: bool, as_json: bool) -> None:
    """Compare the two sides of MAPPING object by object; change nothing without --apply.

    What differs is printed with the statements that would mend the destination. What is to differ until the cutover is listed
    apart and does not count. Exit status: 0 no difference, 1 some, 2 bad input.
    """
    spec = mapping_of(config, mapping)
    observation, comparison = mending.look(spec)
    if database is not None and observation.database(database) is None:
        known = ", ".join(pair.name for pair in observation.databases) or "none"
        raise click.UsageError(f"Mapping {spec.name} has no database {database}; it has: {known}.")
    failed = 0
    if apply:
        failed = _apply(spec, observation, database)
        observation, comparison = mending.look(spec)
    shown = comparison if database is None else _only(comparison, database)
    if as_json:
        print_json(shown.document())
    else:
        click.echo(redact("\n".join(_lines(shown))))
    raise SystemExit(Exit.CLEAR if shown.equal and not failed else Exit.NOT_YET)


def _only(comparison: Comparison, database: str) -> Comparison:
    return replace(
        comparison,
        differences=tuple(each for each in comparison.differences if each.database == database),
        expected=tuple(each for each in comparison.expected if each.database == database),
    )


def _apply(spec: MappingSpec, observation: Observation, database: str | None) -> int:
    """Each statement is printed before it runs, on stderr: stdout has what is left."""

    def say(each: Discrepancy, error: str | None) -> None:
        lines = [f"-- {_title(each)}", *_mend(each)] if error is None else [f"-- failed: {error}"]
        click.echo(redact("\n".join(lines)), err=True)

    done = mending.mend(spec, observation, say, database)
    click.echo(f"-- applied: {done.applied}, failed: {done.failed}", err=True)
    return done.failed


def _lines(comparison: Comparison) -> Iterator[str]:
    """Every line that is not SQL is a comment: what is to be run can be taken from it."""
    verdict = "nothing differs" if comparison.equal else counted(len(comparison.differences), "difference")
    yield f"-- mapping {comparison.mapping}: {verdict}; {len(comparison.expected)} expected until the cutover"
    yield from (f"-- not compared: {sentence}" for sentence in comparison.unread)
    yield from _listed(comparison.differences)
    if comparison.expected:
        yield "-- expected, and not counted:"
        yield from (f"--   {_title(each)}: {each.expected}" for each in comparison.expected)


def _listed(differences: Sequence[Discrepancy]) -> Iterator[str]:
    place: tuple[str | None, str | None] | None = None
    for each in differences:
        if (each.database, each.target) != place:
            place = (each.database, each.target)
            yield (
                f"-- database {each.database}, on the destination {each.target}" if each.database else "-- the instance"
            )
        yield f"--   {_title(each)}"
        for name, value in (("source", each.source), ("destination", each.destination), ("note", each.note)):
            if value:
                yield from (
                    f"--     {name + ': ' if n == 0 else '  '}{line}" for n, line in enumerate(value.splitlines())
                )
        yield from _mend(each)


def _title(each: Discrepancy) -> str:
    changed = f", {each.property}" if each.property else ""
    return " ".join(f"{each.what.value}: {each.kind} {each.identity}{changed}".splitlines())


def _mend(each: Discrepancy) -> Iterator[str]:
    """Only what adds stands there to be run at once; the rest is a person's to uncomment."""
    for statement in each.mend:
        text = statement.sql.rstrip().rstrip(";") + ";"
        yield from text.splitlines() if each.additive else (f"--     {line}" for line in text.splitlines())
