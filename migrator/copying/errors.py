"""How a part may end without having been copied. In every case its transaction is rolled back: nothing of it stays."""

import psycopg
from psycopg import errors as pg

from migrator.errors import MigratorError, UnreachableError


class RewrittenError(MigratorError):
    """The relation is not what the snapshot saw: rewritten, truncated, dropped, renamed, or its columns altered.

    Its block ranges mean nothing any more: its parts must be discarded, and it moves to a new group with a new snapshot.
    """


class SnapshotGoneError(MigratorError):
    """No session exports this snapshot any more: another keeper's name of it may still do."""


class YieldError(MigratorError):
    """Somebody else's lock goes first, on the source or the destination: the part is to be tried again later."""


class StoppedError(MigratorError):
    """The process is ending, or was asked to stop copying."""


class UnlikeError(MigratorError):
    """The destination's table cannot take these rows: columns missing, generated on one side only, a trigger that would fire."""


class CopyError(MigratorError):
    """A server refused the rows, or to give them: its own sentence with its SQLSTATE. Not its context: that shows rows."""


def named(error: psycopg.Error, relation: str) -> MigratorError:
    """A server's or libpq's error, as whoever wanted the part is told of it."""
    if isinstance(error, pg.LockNotAvailable | pg.DeadlockDetected | pg.QueryCanceled | pg.AdminShutdown):
        return YieldError(f"{relation}: somebody else's lock goes first.", "It is tried again.")
    if isinstance(error, pg.UndefinedColumn):
        return RewrittenError(f"{relation}: its columns have changed since the snapshot: {error.diag.message_primary}.")
    if error.sqlstate is None or (
        isinstance(error, psycopg.OperationalError) and error.sqlstate.startswith(("08", "57P"))
    ):
        return UnreachableError(f"{relation}: a server went away in mid-copy: {' '.join(str(error).split())}")
    parts = (error.diag.message_primary, error.diag.message_detail, error.diag.message_hint)
    sentence = " ".join(part for part in parts if part)
    return CopyError(f"{relation}: {sentence} [{error.sqlstate}]", _remedy(error))


def _remedy(error: psycopg.Error) -> str:
    if isinstance(error, pg.CharacterNotInRepertoire | pg.UntranslatableCharacter):
        return "The text does not fit the destination's encoding: mend the rows, or make the database with the source's encoding."
    if isinstance(error, pg.ProgramLimitExceeded):
        return (
            "The row is larger than PostgreSQL can send as text: its columns must have the same types on both servers."
        )
    return ""
