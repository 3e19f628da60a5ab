"""What many commands take: the configuration, mappings by name, --json, --yes."""

import json
import sys
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import TypeVar

import click

from migrator import logs
from migrator.config import Config, MappingSpec
from migrator.config_file import VARIABLE, load
from migrator.errors import StoreUnavailableError, UnknownMappingError
from migrator.redaction import redact_value
from migrator.store import Store

_Command = TypeVar("_Command", bound=Callable[..., object])

as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON for machines.")
yes = click.option("--yes", is_flag=True, help="Do not ask.")
mapping_argument = click.argument("mapping")
mapping_arguments = click.argument("mappings", nargs=-1, metavar="[MAPPING]...")


def configuration(command: _Command) -> _Command:
    """The option -c; the command gets the loaded `config: Config`. Faults end it with status 2 and all of them."""
    return click.option(
        "-c",
        "--config",
        "config",
        metavar="FILE",
        callback=_load,
        help=f"The configuration: YAML, JSON or TOML. Default: the file that {VARIABLE} names.",
    )(command)


def chosen(config: Config, names: Sequence[str]) -> list[MappingSpec]:
    """The mappings of these names, all where none is named."""
    return [mapping_of(config, name) for name in names] if names else list(config.mappings)


def rivals(config: Config, names: Collection[str]) -> list[MappingSpec]:
    """The mappings of these names, and all others that may have a destination in common with one of them."""
    wanted = [spec for spec in config.mappings if spec.name in names]
    servers = {(spec.destination.server, spec.destination.port) for spec in wanted}
    return [
        spec
        for spec in config.mappings
        if spec in wanted or (spec.destination.server, spec.destination.port) in servers
    ]


def mapping_of(config: Config, name: str) -> MappingSpec:
    """One mapping by its name."""
    mapping = config.mapping(name)
    if mapping is None:
        known = ", ".join(known.name for known in config.mappings)
        raise UnknownMappingError(f"No mapping is called {name}.", f"Known are: {known}.")
    return mapping


def sources_of(config: Config, name: str) -> list[MappingSpec]:
    """The mappings from one instance, of which there is at least one."""
    found = [mapping for mapping in config.mappings if mapping.source.name == name]
    if not found:
        known = ", ".join(dict.fromkeys(mapping.source.name for mapping in config.mappings))
        raise UnknownMappingError(f"No mapping has {name} for its source.", f"Sources are: {known}.")
    return found


def store_of(config: Config) -> Store | None:
    """Redis where it is configured and answers: it knows what is in backoff. Nothing here depends on it."""
    if config.redis_url is None:
        return None
    store = Store.connect(config.redis_url.reveal())
    try:
        store.ping()
    except StoreUnavailableError:
        return None
    return store


def print_json(value: object) -> None:
    """A document on stdout; secrets that a server's own text might carry are masked."""
    click.echo(json.dumps(redact_value(value), indent=2 if sys.stdout.isatty() else None, default=str))


def confirm_by_name(mapping: MappingSpec, consequence: str, sure: bool) -> None:
    """Ask for the mapping's name to be typed, unless --yes was given. Ends the command where it is not."""
    if sure:
        return
    click.echo(consequence)
    if (
        click.prompt(f"Type the mapping's name ({mapping.name}) to go on", default="", show_default=False)
        != mapping.name
    ):
        raise click.Abort


def _load(ctx: click.Context, _parameter: click.Parameter, path: str | None) -> Config:
    """Logs go to stderr: stdout belongs to what the command prints."""
    ctx.meta[VARIABLE] = str(Path(path).absolute()) if path else None
    config = load(path)
    logs.configure(config, stream=sys.stderr, level="warning")
    return config
