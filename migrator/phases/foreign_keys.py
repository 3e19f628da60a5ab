"""Foreign keys between relations of different groups: built after the barrier, since before it they could stop replication.

Each group's changes are applied by themselves. Where the application truncates both tables of a foreign key at once, each group's
apply would truncate one of them, which PostgreSQL refuses while the foreign key stands: for ever.
"""

from migrator.observation import DatabasePair
from migrator.phases.groups import at_work
from migrator.phases.view import View
from migrator.records import Ledger
from migrator.schema import Schema
from migrator.schema.constraint import FOREIGN_KEY, Constraint
from migrator.steps import Finding


def is_between_groups(ledger: Ledger, source: Schema, constraint: Constraint) -> bool:
    """Whether its two sides, down to their leaves, are applied by more than one group."""
    if constraint.type != FOREIGN_KEY or constraint.referenced is None:
        return False
    leaves = (*source.storage(constraint.relation), *source.storage(constraint.referenced[0]))
    return len({ledger.relations[leaf].group for leaf in leaves if leaf in ledger.relations}) > 1


def missing(pair: DatabasePair) -> tuple[Constraint, ...]:
    """Those that the destination still lacks, or has not validated: completion waits for them."""
    source, target = pair.source_schema, pair.target_schema
    if source is None or target is None:
        return ()
    return tuple(
        each
        for each in source.constraints
        if each.parent is None and is_between_groups(pair.ledger, source, each) and not _stands(each, target)
    )


def _stands(wanted: Constraint, target: Schema) -> bool:
    found = target.find(wanted.identity)
    return isinstance(found, Constraint) and (found.validated or not (wanted.validated and wanted.enforced))


def has_passed_the_barrier(view: View) -> bool:
    """Whether every group of the database has applied all that was written before the write stop."""
    journal = view.observation.journal
    if journal is None or journal.barrier is None:
        return False
    slots = [view.source.slot(group.name) for group in at_work(view)]
    return all(
        slot is not None and slot.confirmed_flush_lsn is not None and slot.confirmed_flush_lsn >= journal.barrier.lsn
        for slot in slots
    )


def left_for_later(pair: DatabasePair, constraint: Constraint) -> Finding:
    """What is said of it until then."""
    return Finding(
        "foreign_key_after_barrier",
        f"{constraint.identity} in {pair.target} connects relations of different groups, since one of them was rewritten or lost "
        "its snapshot while it was copied: a TRUNCATE of both would stop replication if it stood there now.",
        "Nothing to do: it is added and validated as soon as every group has passed the barrier, and completion waits for it.",
        blocking=False,
        database=pair.name,
        relation=constraint.relation,
    )
