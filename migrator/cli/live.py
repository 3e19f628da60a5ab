"""limit, pause, resume, retry: live control of a mapping, kept in the journal."""

import math

import click

from migrator import control
from migrator.cli.options import configuration, mapping_argument, mapping_of, sources_of
from migrator.config import Config
from migrator.errors import MigratorError, RefusedError
from migrator.store import Store


class MegabytesPerSecond(click.ParamType[float | None]):
    """A number that is not negative, or `none`."""

    name = "MBPS"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> float | None:
        if str(value).lower() == "none":
            return None
        try:
            number = float(str(value))
        except ValueError:
            number = math.nan
        if not 0 <= number < math.inf:
            self.fail(f"{value!r} must be a number of MB/s, 0 or more, or none.", param, ctx)
        return number


@click.command()
@configuration
@click.option("--instance", is_flag=True, help="NAME is a source instance: limit all mappings from it together.")
@click.argument("name")
@click.argument("mbps", type=MegabytesPerSecond())
def limit(config: Config, instance: bool, name: str, mbps: float | None) -> None:
    """Limit the copying of mapping NAME to MBPS (1 MB = 1,048,576 bytes); 0 stops it, none goes back to the configuration.

    The lower of two limits holds: the mapping's own, and its source instance's (--instance).
    """
    if instance:
        specs = sources_of(config, name)
        exceptions = control.set_source_rate_limit(specs, mbps)
        if exceptions:
            raise RefusedError(f"The limit does not hold for {len(exceptions)} of {len(specs)} mappings.", exceptions)
    else:
        control.set_rate_limit(mapping_of(config, name), mbps)
    click.echo(f"{name}: {'the limit of the configuration' if mbps is None else f'{mbps:g} MB/s'} from now on.")


@click.command()
@configuration
@mapping_argument
def pause(config: Config, mapping: str) -> None:
    """Begin nothing new for MAPPING; changes already flowing go on."""
    control.pause(mapping_of(config, mapping))
    click.echo(
        f"{mapping} is paused. Slots stay on the source and keep WAL there; resume with: pg-migrator resume {mapping}"
    )


@click.command()
@configuration
@mapping_argument
def resume(config: Config, mapping: str) -> None:
    """Go on with a paused MAPPING."""
    control.resume(mapping_of(config, mapping))
    click.echo(f"{mapping} goes on.")


@click.command()
@configuration
@mapping_argument
def retry(config: Config, mapping: str) -> None:
    """Try everything of MAPPING that failed again at once, instead of after its waiting time."""
    spec = mapping_of(config, mapping)
    if config.redis_url is None:
        raise MigratorError(
            "redis_url is not set.",
            "Waiting times are kept in Redis; give the address of the one in use. pg-migrator run prints it when it starts its own.",
        )
    control.retry(spec, Store.connect(config.redis_url.reveal()))
    click.echo(f"{mapping}: everything that failed is tried again at the next tick.")
