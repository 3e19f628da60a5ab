"""How a relation's rows travel: which columns, in binary or as text, in which encoding. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from migrator.copying.errors import UnlikeError
from migrator.quote import identifier, literal

TEXT_BASED = "SQL_ASCII"


@dataclass(frozen=True)
class Column:
    """A column of one side: `signature` says what its type is made of, `safe` that its binary form means the same elsewhere."""

    name: str
    generated: bool
    signature: str
    safe: bool


@dataclass(frozen=True)
class Format:
    """What both COPY statements agree on."""

    columns: tuple[str, ...]
    """In the source's order, generated ones left out."""
    binary: bool
    encoding: str

    def options(self, *more: str) -> str:
        """The options of either COPY statement."""
        kind = ("FORMAT binary",) if self.binary else ("FORMAT text", f"ENCODING {literal(self.encoding)}")
        return f"({', '.join((*kind, *more))})"

    def list(self) -> str:
        """The columns as a list; empty for a relation that has none to copy, which COPY wants without a list."""
        names = ", ".join(map(identifier, self.columns))
        return f" ({names})" if names else ""


def agree(
    relation: str, source: Sequence[Column], destination: Sequence[Column], source_encoding: str, encoding: str
) -> Format:
    """The fastest way that brings every value over as it is. Encodings: of the two databases.

    Raises UnlikeError where the destination's table cannot take the source's columns.
    """
    taken = {column.name: column for column in destination}
    sent = [column for column in source if not column.generated]
    _refuse(relation, "generated on the source, but not on the destination", [
        column.name for column in source if column.generated and not taken.get(column.name, column).generated
    ])  # fmt: skip
    _refuse(relation, "not on the destination", [column.name for column in source if column.name not in taken])
    _refuse(relation, "generated on the destination, but not on the source", [
        column.name for column in sent if taken[column.name].generated
    ])  # fmt: skip
    alike = all(
        column.safe and taken[column.name].safe and column.signature == taken[column.name].signature for column in sent
    )
    binary = alike and source_encoding == encoding == "UTF8"
    return Format(tuple(column.name for column in sent), binary, wire_encoding(source_encoding, encoding))


def wire_encoding(source: str, destination: str) -> str:
    """The encoding that text travels in: converted at most once by each server, and by neither where they agree.

    A SQL_ASCII database has bytes of no known encoding: the other side's is asserted, and the server that sees a byte
    that does not belong there says so.
    """
    if source in (destination, TEXT_BASED):
        return destination
    return source if destination == TEXT_BASED else "UTF8"


def _refuse(relation: str, what: str, columns: list[str]) -> None:
    if columns:
        names = ", ".join(map(identifier, columns))
        raise UnlikeError(
            f"{relation}: {'column' if len(columns) == 1 else 'columns'} {names}: {what}.",
            "Make the two tables alike; pg-migrator check shows the statements.",
        )
