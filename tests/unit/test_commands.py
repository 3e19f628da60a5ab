"""What goes wrong in a command is one clean message and an exit status."""

import click
import psycopg
from click.testing import CliRunner

from migrator.cli.commands import Commands, Exit


def test_a_server_that_goes_away_in_mid_command_is_told_with_what_to_do() -> None:
    @click.command()
    def move() -> None:
        raise psycopg.OperationalError(
            "consuming input failed: server closed the connection\nunexpectedly password=geheim"
        )

    result = CliRunner().invoke(Commands("pg-migrator", commands={"move": move}), ["move"])
    assert result.exit_code == Exit.NOT_YET
    assert "A server broke off: consuming input failed: server closed the connection unexpectedly" in result.stderr
    assert "run the command again" in result.stderr
    assert "geheim" not in result.output and "Traceback" not in result.output
