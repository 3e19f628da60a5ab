"""carry: what logical replication does not carry, once more after the write stop."""

import click

from migrator.cli.options import configuration, confirm_by_name, mapping_argument, mapping_of, store_of, yes
from migrator.config import Config, MappingSpec
from migrator.redaction import redact
from migrator.store import Store
from migrator.tasks import carriage


@click.command()
@configuration
@mapping_argument
@click.option(
    "--overwrite",
    is_flag=True,
    help="Once everything had arrived: carry all the same, over what applications have written on the destination.",
)
@click.option("--keep", is_flag=True, help="Carry nothing: the destination's rows are what is to stay.")
@yes
def carry(config: Config, mapping: str, overwrite: bool, keep: bool, yes: bool) -> None:
    """Carry what is not replicated of MAPPING: large objects, rows of unlogged tables, of extensions' own tables, and of those
    that copy_at_cutover was chosen for.

    After the barrier, and before the applications switch; what was carried since the barrier is left alone. Before the barrier it is
    a rehearsal. Exit status: 0 done, 1 something could not be carried.
    """
    if overwrite and keep:
        raise click.UsageError("--overwrite and --keep contradict each other.")
    spec = mapping_of(config, mapping)
    if keep:
        kept = [redact(f"{database}: {what}: left as on the destination") for database, what in carriage.keep(spec)]
        click.echo("\n".join(kept or ["Nothing is due."]))
        return
    if overwrite:
        consequence = (
            f"What applications have written to these on {spec.destination.name} since the switch is overwritten."
        )
        confirm_by_name(spec, consequence, yes)
    _carry(spec, store_of(config), overwrite=overwrite)


def _carry(spec: MappingSpec, store: Store | None, *, overwrite: bool) -> None:
    count, final = 0, True
    for carried in carriage.carry_again(spec, store, overwrite=overwrite):
        count, final = count + 1, carried.final
        unit = "objects" if carried.what == "large objects" else "rows"
        click.echo(
            redact(f"{carried.database}: {carried.what}: {carried.copied.rows} {unit}, {carried.copied.bytes} bytes")
        )
    if not count:
        click.echo(
            "There is nothing to carry: nothing of the kind is there, or all of it was carried since the barrier."
        )
    elif not final:
        click.echo("There is no barrier yet: repeat this once the writers are stopped and it is taken.", err=True)
