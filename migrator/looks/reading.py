"""Runs the reading SQL of catalog/ on one connection and turns its rows into the model's values."""

from collections.abc import Callable, Generator, Mapping
from functools import partial
from typing import TypeVar

import psycopg
from psycopg.adapt import Loader
from psycopg.rows import DictRow, dict_row, kwargs_row

from migrator import catalog
from migrator.errors import MigratorError
from migrator.model import Lsn
from migrator.server_errors import sentence

Noun = TypeVar("Noun")


class _LsnLoader(Loader):
    """pg_lsn as our Lsn."""

    def load(self, data: bytes | bytearray | memoryview) -> Lsn:
        return Lsn.parse(bytes(data).decode())


def frozen(kind: Callable[..., Noun], /, **columns: object) -> Noun:
    """A row as a value that can be hashed: arrays become tuples."""
    return kind(**{name: tuple(value) if isinstance(value, list) else value for name, value in columns.items()})


class Reader:
    """One connection, asked in the words of its server's version."""

    def __init__(self, connection: psycopg.Connection[DictRow]) -> None:
        self.connection = connection
        self.version = connection.info.server_version

    def rows(
        self, noun: str, kind: Callable[..., Noun], parameters: Mapping[str, object] | None = None
    ) -> tuple[Noun, ...]:
        """Each row of catalog/`noun`.sql as a `kind`, whose fields its columns are named after."""
        with self.connection.cursor(row_factory=kwargs_row(partial(frozen, kind))) as cursor:
            cursor.adapters.register_loader("pg_lsn", _LsnLoader)
            return tuple(cursor.execute(catalog.sql(noun, self.version).encode(), parameters))

    def stream(self, noun: str, kind: Callable[..., Noun]) -> Generator[Noun]:
        """The rows of a noun as they come, a thousand at a time: for what may be millions. Raises MigratorError."""
        try:
            with self.connection.transaction(), self.connection.cursor(noun, row_factory=kwargs_row(kind)) as cursor:
                cursor.itersize = 1000
                yield from cursor.execute(catalog.sql(noun, self.version).encode())
        except psycopg.Error as error:
            raise MigratorError(sentence(error)) from None

    def row(self, noun: str, kind: Callable[..., Noun]) -> Noun:
        """The one row of a noun that has exactly one."""
        (row,) = self.rows(noun, kind)
        return row

    def names(self, noun: str) -> tuple[str, ...]:
        """A noun whose only column is `name`."""
        return self.rows(noun, lambda name: str(name))

    def pairs(self, noun: str) -> dict[str, str]:
        """A noun of the columns `name` and `value`."""
        with self.connection.cursor(row_factory=dict_row) as cursor:
            cursor.execute(catalog.sql(noun, self.version).encode())
            return {row["name"]: row["value"] for row in cursor}
