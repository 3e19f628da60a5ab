"""pg-migrator: the command line."""

import click

from migrator.cli.carry import carry
from migrator.cli.check import check
from migrator.cli.commands import Commands
from migrator.cli.compare import compare
from migrator.cli.cutover import cutover
from migrator.cli.demo import demo
from migrator.cli.ending import abort, complete, forget
from migrator.cli.grants import grants
from migrator.cli.health import health
from migrator.cli.init import init
from migrator.cli.live import limit, pause, resume, retry
from migrator.cli.machines import beat, flower, web, worker
from migrator.cli.notify import notify
from migrator.cli.plan import plan
from migrator.cli.run import run
from migrator.cli.status import status


@click.group(cls=Commands)
@click.version_option(package_name="pg-migrator")
def main() -> None:
    """Move whole PostgreSQL instances (15 or newer) to new ones while they stay in use.

    Exit statuses of all commands: 0 well, 1 not yet or refused, 2 the command line or the configuration has faults.
    """


for command in (
    init,
    grants,
    check,
    plan,
    run,
    status,
    compare,
    cutover,
    carry,
    complete,
    abort,
    forget,
    limit,
    pause,
    resume,
    retry,
    notify,
    worker,
    beat,
    web,
    flower,
    health,
    demo,
):
    main.add_command(command)
