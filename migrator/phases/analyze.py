"""What does the planner not know? A relation that was copied has no statistics, whatever it had on the source.

Nor does it know which of its pages hold only rows that everybody may see, unless they were written frozen: until that is known
no index-only scan saves a visit to the table.
"""

from collections.abc import Iterator

from migrator.phases import groups, post_data, quick
from migrator.phases.relations import bytes_of
from migrator.phases.view import View
from migrator.quote import literal
from migrator.records import LedgerRelation
from migrator.steps import Action, Lock, Quick, Side, Statement, Step, Wait

NAME = post_data.NAME

VACUUM_BYTES = 32 * 1024 * 1024
"""Smaller tables are read as a whole, or vacuumed by autovacuum, before it matters."""

ONLY_SINCE = 18
"""The first major version in which a partitioned table can be analyzed without its leaves, which are done."""

EXTENDED = "statistics"
"""The kind of statistics objects, which are made under post_data and filled by ANALYZE."""


def examine(view: View) -> Step:
    """ANALYZE of each relation once its indexes are there (expressions have statistics too), noted in the same transaction.

    VACUUM (ANALYZE) where that pays. Before privileges: only its owner may.
    """
    schema = view.database.target_schema
    ready = view.database.ready
    wanted = (
        entry
        for name, entry in sorted(view.database.ledger.relations.items())
        if not entry.analyzed and name in ready and schema is not None and schema.has_table(name)
    )
    found = tuple(_gather(view, entry) for entry in wanted)
    return post_data.answer(view.database.name, found or tuple(_of_trees(view, ready)))


def _of_trees(view: View, ready: frozenset[str]) -> Iterator[Action]:
    """Of partitioned tables as a whole, which autovacuum never looks at, once each of their leaves is done."""
    source, target = view.database.source_schema, view.database.target_schema
    if source is None or target is None:
        return
    for name in sorted(view.database.never_analyzed):
        there = source.has_table(name) and bool(target.storage(name))  # of one without a leaf ANALYZE notes nothing
        if there and ready.issuperset(source.storage(name)):
            only = "ONLY " if view.destination.major >= ONLY_SINCE else ""
            statement = _statement(view, f"ANALYZE {only}{name}")
            yield Action(f"analyze {name} as a whole", (statement,), name, last=True)


def at_once(view: View, relation: str) -> Iterator[Action]:
    """ANALYZE of a relation whose rows and indexes are in, before it is under apply; not what has to be done later again.

    That is where a statistics object is still to be made, and where VACUUM pays, which comes when no copy is open any more.
    """
    entry, source = view.database.ledger.relations.get(relation), view.database.source_schema
    if entry is None or entry.analyzed or source is None or vacuum_pays(view, entry):
        return
    if not any(each.kind == EXTENDED and each.relation == relation for each in source.definitions):
        yield _analyze(view, relation)


def vacuum_pays(view: View, entry: LedgerRelation) -> bool:
    """Whether its rows were not written frozen (as those of a table in one part are), and it is not small."""
    return entry.count.parts != 1 and bytes_of(view, entry.relation) >= VACUUM_BYTES


def _gather(view: View, entry: LedgerRelation) -> Action | Wait:
    if not vacuum_pays(view, entry):
        return _analyze(view, entry.relation)
    if _copies(view):
        return Wait(f"VACUUM of {entry.relation} waits until no other relation is copied", entry.relation)
    return _vacuum(view, entry.relation)


def _copies(view: View) -> bool:
    """Whether a copy into the database may be open: VACUUM marks no page whose rows a transaction that is open might not see."""
    under_snapshot = any(groups.is_under_snapshot(group) for group in groups.at_work(view))
    return under_snapshot or any(subscription.copies for subscription in view.database.subscriptions)


def _analyze(view: View, relation: str) -> Action:
    sentences = (f"ANALYZE {relation}", _note(view, relation))
    schema, swift = view.database.target_schema, None
    if schema is not None and quick.is_small(relation, schema, view.database.sizes):
        swift = Quick(sentences, ((relation, Lock.SHARE_UPDATE_EXCLUSIVE),))
    statements = tuple(_statement(view, sql) for sql in sentences)
    size = bytes_of(view, relation)
    return Action(f"analyze {relation}", statements, relation, cost_bytes=size, quick=swift, last=True)


def _vacuum(view: View, relation: str) -> Action:
    """VACUUM refuses a transaction, so the note follows it: whoever dies in between does it again."""
    vacuum = Statement(Side.DESTINATION, view.database.target, f"VACUUM (ANALYZE) {relation}", transactional=False)
    statements = vacuum, _statement(view, _note(view, relation))
    size = bytes_of(view, relation)
    return Action(f"vacuum and analyze {relation}", statements, relation, cost_bytes=size, last=True)


def _note(view: View, relation: str) -> str:
    return (
        "UPDATE migrator.relations SET analyzed_at = clock_timestamp()"
        f" WHERE mapping = {literal(view.spec.name)} AND relation = {literal(relation)}"
    )


def _statement(view: View, sql: str) -> Statement:
    return Statement(Side.DESTINATION, view.database.target, sql)
