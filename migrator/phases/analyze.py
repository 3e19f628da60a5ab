"""What does the planner not know? A relation that was copied has no statistics, whatever it had on the source."""

from migrator.model import SyncState
from migrator.phases import post_data, quick
from migrator.phases.relations import bytes_of
from migrator.phases.view import View
from migrator.quote import literal
from migrator.steps import Action, Gates, Lock, Quick, Side, Statement, Step

NAME = post_data.NAME


def examine(view: View) -> Step:
    """ANALYZE of each relation once its indexes are there (expressions have statistics too), noted in the same transaction.

    Before privileges: only its owner may.
    """
    schema = view.database.target_schema
    ready = {
        name
        for subscription in view.database.subscriptions
        for name, state in subscription.relations.items()
        if state is SyncState.READY
    }
    wanted = (
        name
        for name, entry in sorted(view.database.ledger.relations.items())
        if not entry.analyzed and name in ready and schema is not None and schema.has_table(name)
    )
    return Step(NAME, view.database.name, Gates.DATABASE, tuple(_analyze(view, name) for name in wanted))


def _analyze(view: View, relation: str) -> Action:
    note = (
        "UPDATE migrator.relations SET analyzed_at = clock_timestamp()"
        f" WHERE mapping = {literal(view.spec.name)} AND relation = {literal(relation)}"
    )
    sentences = (f"ANALYZE {relation}", note)
    statements = tuple(Statement(Side.DESTINATION, view.database.target, sql) for sql in sentences)
    schema, sizes = view.database.target_schema, view.database.sizes
    swift = None
    if schema is not None and quick.is_small(relation, schema, sizes):
        swift = Quick(sentences, ((relation, Lock.SHARE_UPDATE_EXCLUSIVE),))
    return Action(f"analyze {relation}", statements, relation, cost_bytes=bytes_of(view, relation), quick=swift)
