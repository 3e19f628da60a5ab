"""Room of everything that is not carried yet: only named, so that nothing is left out in silence."""

from dataclasses import dataclass

from migrator.schema.row import Row

RESERVED_SCHEMA = "reserved schema"
"""The kind of a source schema with the name of our own."""

NAMELESS_PARAMETER = "nameless parameter"
"""The kind of a routine that PostgreSQL cannot print so that it can be read again."""


@dataclass(frozen=True)
class Uncarried:
    """An object of the user's that stays behind: its kind in PostgreSQL's words, and its identity."""

    kind: str
    identity: str


def read(row: Row) -> Uncarried:
    return Uncarried(row.text("kind"), row.text("identity"))
