"""carry: what logical replication does not carry, once more after the write stop."""

import click

from migrator.cli.options import configuration, mapping_argument, mapping_of, store_of
from migrator.config import Config
from migrator.redaction import redact
from migrator.tasks.carriage import carry_again


@click.command()
@configuration
@mapping_argument
def carry(config: Config, mapping: str) -> None:
    """Carry what is not replicated of MAPPING: large objects, rows of unlogged tables, of extensions' own tables, and of those
    that copy_at_cutover was chosen for.

    After the barrier, and before the applications switch; what was carried since the barrier is left alone. Before the barrier it is
    a rehearsal. Exit status: 0 done, 1 something could not be carried.
    """
    count, final = 0, True
    for carried in carry_again(mapping_of(config, mapping), store_of(config)):
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
