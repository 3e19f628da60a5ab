"""notify: a trial of the addresses that are told of events."""

import sys

import click

from migrator.cli.options import configuration
from migrator.config import Config
from migrator.errors import MigratorError
from migrator.reports import notices
from migrator.webhooks import NotDeliveredError, deliver


@click.command()
@configuration
def notify(config: Config) -> None:
    """Send a test message to every address under `notifications`, and say what became of each.

    Changes nothing, and looks at no server. Exit status: 0 all have arrived, 1 not all.
    """
    if not config.notifications:
        raise MigratorError(
            "No address is configured.", "Add one under notifications: - {url_file: /run/secrets/slack, kind: slack}"
        )
    arrived = True
    for number, address in enumerate(config.notifications):
        try:
            deliver(address, notices.trial(", ".join(mapping.name for mapping in config.mappings)))
        except NotDeliveredError as error:
            arrived = False
            click.echo(f"notifications.{number}, {address.label}: {error.message}")
        else:
            click.echo(f"notifications.{number}, {address.label}: arrived")
    sys.exit(0 if arrived else 1)
