"""Tables that are given REPLICA IDENTITY FULL on the source: by the operator's written consent, and until the end.

The one thing altered on the source's own tables. So what a table had before is in the journal first, and the publication is gone
before it is given back: without an identity the application's UPDATE and DELETE would fail in between.
"""

from collections.abc import Iterable, Iterator

from migrator.contents import RelationTrouble
from migrator.phases import noting, ways
from migrator.phases.source_statements import set_identity
from migrator.phases.view import View
from migrator.phases.wording import some
from migrator.quote import literal
from migrator.records import IdentityBefore
from migrator.schema.table import Table
from migrator.steps import Action, Finding, Gates, Side, Statement, Step

NAME = "publication"

_PRICE = (
    "On the destination each UPDATE or DELETE of such a row is looked for by reading the table, unless an index there helps (from 16 on): "
    "a primary key, or a unique index on columns that are NOT NULL, is better where the table can have one."
)


def examine(view: View) -> Step:
    """Before the publication exists, so that they begin with the others; a table that is locked holds up no other later."""
    actions = tuple(_set(view, trouble) for trouble in ways.to_full(view.database))
    failed = any(view.tries(NAME, action.relation or "") for action in actions)
    gates = Gates.RELATION if view.database.ledger.groups or failed else Gates.DATABASE
    return Step(NAME, view.database.name, gates, actions)


def findings(view: View) -> Iterator[Finding]:
    """What will be altered, at which price; and what stands altered."""
    pair = view.database
    to_come = [trouble for trouble in ways.to_full(pair) if trouble.relation not in pair.ledger.relations]
    if to_come:
        yield Finding(
            "replica_identity_to_full",
            f"Tables of {pair.name} without a replica identity get REPLICA IDENTITY FULL on the source, as chosen, until "
            f"completion or abort: {some([_counted(view, trouble) for trouble in to_come])}.",
            _PRICE,
            blocking=False,
            database=pair.name,
        )
    if pair.full_identities:
        yield Finding(
            "replica_identity_set",
            f"Tables of {pair.name} have REPLICA IDENTITY FULL on the source as long as they are replicated: "
            f"{some(pair.full_identities)}.",
            "Nothing to do: completion and abort give back what they had.",
            blocking=False,
            database=pair.name,
        )


def _counted(view: View, trouble: RelationTrouble) -> str:
    size = view.database.sizes.get(trouble.relation)
    rows = max(0, size.rows) if size else 0
    return f"{trouble.relation} (about {rows} rows; {trouble.changes} UPDATEs and DELETEs so far)"


def _set(view: View, trouble: RelationTrouble) -> Action:
    schema, database = view.database.source_schema, view.database.name
    assert schema is not None  # to_full is of its tables
    table = schema.table(trouble.relation)
    values = {"database": database, "relation": table.qualified, "before": before(table)}
    quoted = {column: literal(value) for column, value in values.items()}
    note = noting.noted(view.spec.name, "replica_identities", {**quoted, "oid": str(table.oid)})
    alter = Statement(Side.SOURCE, database, set_identity(table.qualified, "f"))
    summary = f"give {table.qualified} REPLICA IDENTITY FULL on the source"
    return Action(summary, (note, alter), relation=table.qualified)


def before(table: Table) -> str:
    """What it is given back. An index that is gone cannot be named again: without one it is what NOTHING is."""
    return "d" if table.replica_identity == "d" else "n"


def returns(view: View) -> Iterable[Action]:
    """At the end, table by table: what it had before. One that somebody altered since, or dropped, is left as it is."""
    schema, still = view.database.source_schema, set(view.database.full_identities)
    for noted in notes(view):
        forget = Statement(Side.DESTINATION, None, _forgotten(view, noted))
        table = next((each for each in schema.tables if each.oid == noted.oid), None) if schema else None
        if table is None or table.qualified not in still:
            yield Action(f"forget the replica identity of {noted.relation}", (forget,), relation=noted.relation)
            continue
        give = Statement(Side.SOURCE, view.database.name, set_identity(table.qualified, noted.before))
        yield Action(
            f"give {table.qualified} its replica identity back on the source", (give, forget), relation=table.qualified
        )


def notes(view: View) -> tuple[IdentityBefore, ...]:
    """What tables of this database had before."""
    return tuple(each for each in view.journal.identities if each.database == view.database.name)


def _forgotten(view: View, noted: IdentityBefore) -> str:
    return (
        f"DELETE FROM migrator.replica_identities WHERE mapping = {literal(view.spec.name)}"
        f" AND database = {literal(noted.database)} AND oid = {noted.oid}"
    )
