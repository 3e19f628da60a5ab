"""Room of what is used of PostgreSQL itself and may be missing on a later version: functions, system columns, settings, collations."""

from dataclasses import dataclass

from migrator.schema.row import Row

SETTING, COLLATION = "setting", "collation"


@dataclass(frozen=True)
class BuiltIn:
    """Something of PostgreSQL's own, and an object of the user's that uses it."""

    kind: str
    """function, column, setting or collation."""
    name: str
    since: int
    """The major version that took it away; 0: the destination tells."""
    used_by: str


def read(row: Row) -> BuiltIn:
    return BuiltIn(row.text("kind"), row.text("name"), row.number("since"), row.text("used_by"))
