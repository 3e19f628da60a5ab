"""Notes in the journal of what is altered, and given back by the end: none is written behind the back of an end that has begun."""

from collections.abc import Mapping

from migrator.quote import literal
from migrator.records import UNENDED, Intent
from migrator.steps import Side, Statement

NOT_OVER = (*UNENDED, Intent.COMPLETING, Intent.ABORTING)


def noted(mapping: str, table: str, values: Mapping[str, str], intents: tuple[Intent, ...] = UNENDED) -> Statement:
    """Writes one note, `values` being SQL by column, and fails where the mapping's intent is another. One that stands already stays.

    The mapping's row is locked against an intent that changes meanwhile: an end that begins later sees the note.
    """
    columns, given = ", ".join(values), ", ".join(values.values())
    sql = (
        f"WITH at_work AS (SELECT name FROM migrator.mappings WHERE name = {literal(mapping)}"
        f" AND intent IN ({', '.join(map(literal, intents))}) FOR SHARE),"
        f" noted AS (INSERT INTO migrator.{table} (mapping, {columns}) SELECT name, {given} FROM at_work ON CONFLICT DO NOTHING)"
        " SELECT true AS noted FROM at_work"
    )
    return Statement(Side.DESTINATION, None, sql, keeps=("noted",))
