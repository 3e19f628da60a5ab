"""What the phase of partitions shares: positions in the source's WAL, noted in the ledger, and whether apply has passed them.

Apply halts for ever at a row that its table on the destination refuses, or at a table that is not there. Whatever makes a
table refuse more than before (a new partition takes its range from the default one) or takes it away must therefore wait
until every change from before has arrived.
"""

from collections.abc import Sequence

from migrator.model import Lsn
from migrator.phases import groups, lag
from migrator.phases.view import View
from migrator.quote import literal
from migrator.schema import Schema
from migrator.steps import Action, Side, Statement

NAME = "partitions"


def schemas(view: View) -> tuple[Schema, Schema] | None:
    """Both sides' schemas, where they say what became of the ledger's relations: all of the database that we replicate.

    Not in a look at some relations, and not where the publication that we made is gone: then it is another database.
    """
    pair = view.database
    if pair.source_schema is None or pair.target_schema is None or view.observation.scope.relations:
        return None
    found = {publication.name: publication.oid for publication in pair.publications}
    working = groups.in_ledger(pair.ledger)  # a group that is spent has no publication any more
    same = bool(working) and all(found.get(group.name, 0) == group.publication_oid for group in working)
    return (pair.source_schema, pair.target_schema) if same else None


def passed(view: View, position: Lsn | None) -> bool:
    """Whether every group of the database has confirmed this position."""
    confirmed = lag.confirmed(view.observation, view.database)
    return position is not None and confirmed is not None and confirmed >= position


def note(view: View, column: str, relations: Sequence[str], summary: str) -> Action:
    """Writes a position into the ledger behind which nothing can come that was written before we saw what we see now."""
    return Action(summary, stamp(view, column, f"{rows(view, relations)} AND {column} IS NULL"))


def stamp(view: View, column: str, which: str) -> tuple[Statement, Statement]:
    """The statements that write such a position into the ledger's rows that meet a condition."""
    these = which.replace("%", "%%")  # a name may have one
    update = f"UPDATE migrator.relations SET {column} = %(position)s::pg_lsn WHERE {these}"
    return position(view), Statement(Side.DESTINATION, view.database.target, update, uses=("position",))


def position(view: View) -> Statement:
    """Where the source's WAL ends now, for a later statement of the same action."""
    sql = "SELECT pg_current_wal_insert_lsn()::text AS position"
    return Statement(Side.SOURCE, view.database.name, sql, keeps=("position",))


def ledger(assignment: str, view: View, relations: Sequence[str]) -> str:
    """The statement that notes something about relations."""
    return f"UPDATE migrator.relations {assignment} WHERE {rows(view, relations)}"


def rows(view: View, relations: Sequence[str]) -> str:
    """The condition for the ledger's rows of these relations."""
    return f"mapping = {literal(view.spec.name)} AND relation IN ({', '.join(map(literal, relations))})"


def some(relations: Sequence[str]) -> str:
    """For a summary, which is one line."""
    return relations[0] if len(relations) == 1 else f"{relations[0]} and {len(relations) - 1} more"
