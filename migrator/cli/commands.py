"""The group of commands: what went wrong becomes one clean message and an exit status, never a traceback."""

import os
import sys
import traceback
from enum import IntEnum
from typing import NoReturn

import click

from migrator.errors import ConfigError, MigratorError, RefusedError, UnknownMappingError
from migrator.logs import LEVEL_VARIABLE
from migrator.redaction import redact
from migrator.server_errors import ServerError, sentence

_BROKEN_OFF = (
    "What it had committed stays. See that both servers answer (pg-migrator check), then run the command again."
)


class Exit(IntEnum):
    """Exit statuses that mean the same in every command."""

    CLEAR = 0
    NOT_YET = 1
    """Refused, blocked, something left, or a person is needed."""
    USAGE = 2
    """The command line or the configuration cannot be used."""
    INTERRUPTED = 130


class Commands(click.Group):
    """A group that reports errors as an operator wants to read them."""

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.exceptions.Exit, click.Abort, BrokenPipeError):
            raise
        except KeyboardInterrupt:
            _end("Interrupted.", Exit.INTERRUPTED)
        except ConfigError as error:
            # Fault by fault: beside a key's path as `password`, what is wrong with it would itself be taken for a secret.
            faults = "\n".join(f"  {fault.path}: {redact(fault.message)}" for fault in error.faults)
            _end(f"{error.opening}\n{faults}", Exit.USAGE, masked=True)
        except UnknownMappingError as error:
            _end(str(error), Exit.USAGE)
        except RefusedError as error:
            _end("\n".join([error.message, *(f"  - {reason}" for reason in error.reasons), error.remedy]), Exit.NOT_YET)
        except MigratorError as error:
            _end(f"{error.message}\n{error.remedy}", Exit.NOT_YET)
        except ServerError as error:
            _end(f"A server broke off: {sentence(error)}\n{_BROKEN_OFF}", Exit.NOT_YET)
        except Exception as error:
            _end(_unexpected(error), Exit.NOT_YET)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """In the order they were added, which is the order they are used in."""
        return list(self.commands)


def _end(message: str, status: Exit, *, masked: bool = False) -> NoReturn:
    click.echo(message.strip() if masked else redact(message.strip()), err=True)
    sys.exit(status)


def _unexpected(error: Exception) -> str:
    """A fault of ours, or a server's that nobody foresaw. The traceback is for those who ask for it."""
    if os.environ.get(LEVEL_VARIABLE, "").lower() == "debug":
        return "".join(traceback.format_exception(error))
    return f"{type(error).__name__}: {str(error).strip()}\nSet {LEVEL_VARIABLE}=debug to see where."
