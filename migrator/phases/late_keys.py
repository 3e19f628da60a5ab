"""Which primary keys and replica identities are new to tables that hold rows already? post_data builds them, gently, and not too early.

The rows that were copied, and those on their way, need not fit them: what was there twice may have been deleted just before. Once a
table is ready that is the way for any key: a plain build would keep apply out for as long.
"""

from migrator.contents import SyncState
from migrator.observation import DatabasePair
from migrator.phases.appeared import Appeared
from migrator.phases.attached import is_filled
from migrator.phases.view import View
from migrator.schema import Schema
from migrator.schema.index import Index


def late_keys(view: View) -> frozenset[str]:
    """The identities of those that the destination lacks."""
    pair = view.database
    source, target = pair.source_schema, pair.target_schema
    if source is None or target is None or not pair.ledger.relations:
        return frozenset()
    appeared = Appeared(view, source)
    lacking = (each for each in source.indexes if each.is_key and _is_lacking(each, target))
    filled = [each for each in lacking if source.has_table(each.relation) and _is_filled(view, source, target, each)]
    return frozenset(
        each.identity
        for each in filled
        if appeared.is_younger(each) or appeared.is_awaited(each) or _is_ready(pair, source, each)
    )


def _is_lacking(index: Index, target: Schema) -> bool:
    found = target.find(index.identity)
    if not isinstance(found, Index):
        return True
    return (not found.valid and not found.partitioned) or (index.constraint is not None and found.constraint is None)


def _is_filled(view: View, source: Schema, target: Schema, index: Index) -> bool:
    return target.has_table(index.relation) and is_filled(view.database, target, source.table(index.relation))


def _is_ready(pair: DatabasePair, source: Schema, index: Index) -> bool:
    return all(pair.states.get(leaf) is SyncState.READY for leaf in source.storage(index.relation))
