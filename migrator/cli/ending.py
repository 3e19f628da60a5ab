"""complete, abort, forget: end a mapping, say what was removed, and prove that nothing of ours is left."""

import click

from migrator import control
from migrator.cli.commands import Exit
from migrator.cli.options import configuration, confirm_by_name, mapping_argument, mapping_of, store_of, yes
from migrator.config import Config
from migrator.redaction import redact
from migrator.tick.standing_alone import standing_alone

source_gone = click.option(
    "--source-gone", is_flag=True, help="The source no longer exists: do not touch it, do not check it."
)
_UNCHECKED = (
    "The source was not looked at: whether all its writes arrived, and what stands there, is unknown. "
    "If it comes back, drop our slots and publications (migrator_*) there."
)
_ALONE = """\
-- For psql, on the destination, before it is written to. What cannot be known stands as a comment: read it.
{script}
"""


@click.command()
@configuration
@mapping_argument
@yes
@source_gone
def complete(config: Config, mapping: str, yes: bool, source_gone: bool) -> None:
    """Finish MAPPING after the cutover: replication ends, nothing of ours remains on either side.

    With --source-gone the SQL is printed first that lets the destination be written to: keep it.

    Exit status: 0 done, 1 refused because it would be unsafe, or something is left.
    """
    spec = mapping_of(config, mapping)
    if source_gone and (script := standing_alone(spec)):
        click.echo(redact(_ALONE.format(script=script)))
    consequence = f"Replication from {spec.source.name} to {spec.destination.name} ends for good; the data stays."
    confirm_by_name(spec, consequence, yes)
    _report(control.complete(spec, source_gone=source_gone), source_gone)


@click.command()
@configuration
@mapping_argument
@yes
@source_gone
def abort(config: Config, mapping: str, yes: bool, source_gone: bool) -> None:
    """Give MAPPING up: the source is left as it was found; what was copied stays on the destination.

    Exit status: 0 done, 1 something is left.
    """
    spec = mapping_of(config, mapping)
    confirm_by_name(spec, f"Replication from {spec.source.name} to {spec.destination.name} is given up.", yes)
    _report(control.abort(spec, source_gone=source_gone), source_gone)


@click.command()
@configuration
@mapping_argument
@yes
def forget(config: Config, mapping: str, yes: bool) -> None:
    """Remove the last trace of a completed or aborted MAPPING: its row in our journal.

    Exit status: 0 done, 1 refused: the mapping is neither completed nor aborted.
    """
    spec = mapping_of(config, mapping)
    confirm_by_name(
        spec,
        "A beat that runs would begin this mapping anew: stop it first; before it starts again, take the mapping out.",
        yes,
    )
    control.forget(spec, store_of(config))
    click.echo(f"{spec.name} is forgotten.")


def _report(removal: control.Removal, source_gone: bool) -> None:
    for removed in removal.removed:
        click.echo(f"removed: {redact(removed)}")
    if source_gone:
        click.echo(_UNCHECKED, err=True)
    for unseen in removal.unseen:
        click.echo(f"and there give back what {redact(unseen.what)} had before:\n    {redact(unseen.sql)}", err=True)
    for owed in removal.owed:
        click.echo(f"a superuser may take from us on the {owed.side}: {redact(owed.what)}\n    {redact(owed.sql)}")
    if not removal.left:
        click.echo("Looked again: nothing of ours is left" + (" on the destination." if source_gone else "."))
        raise SystemExit(Exit.CLEAR)
    for left in removal.left:
        click.echo(f"left on the {left.side}: {redact(left.what)}\n    {redact(left.sql)}", err=True)
    raise SystemExit(Exit.NOT_YET)
