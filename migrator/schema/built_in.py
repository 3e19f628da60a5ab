"""Room of what is used of PostgreSQL itself and may be missing on a later version: functions, system columns, settings."""

from dataclasses import dataclass

from migrator.schema.row import Row

SETTING = "setting"


@dataclass(frozen=True)
class BuiltIn:
    """Something of PostgreSQL's own, and an object of the user's that uses it."""

    kind: str
    """function, column or setting."""
    name: str
    since: int
    """The major version that took it away; 0: the destination's settings tell."""
    used_by: str


def read(row: Row) -> BuiltIn:
    return BuiltIn(row.text("kind"), row.text("name"), row.number("since"), row.text("used_by"))
