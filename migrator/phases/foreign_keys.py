"""Foreign keys that can only be built after the barrier: between relations of different groups, or with rows that are carried then.

Each group's changes are applied by themselves. Where the application truncates both tables of a foreign key at once, each group's
apply would truncate one of them, which PostgreSQL refuses while the foreign key stands: for ever. So it is with an unlogged table that
refers to a replicated one: of TRUNCATE ... CASCADE only the latter's is replicated. And while rows of one side are yet to be carried,
the other's refer to nothing.
"""

from migrator.observation import DatabasePair
from migrator.phases import carry
from migrator.phases.groups import at_work
from migrator.phases.view import View
from migrator.phases.ways import apart, at_cutover, carried_as
from migrator.records import Barrier, Ledger
from migrator.schema import Schema
from migrator.schema.constraint import FOREIGN_KEY, Constraint
from migrator.schema.table import PARTITIONED
from migrator.steps import Finding


def is_between_groups(ledger: Ledger, source: Schema, constraint: Constraint) -> bool:
    """Whether its two sides, down to their leaves, are applied by more than one group."""
    if constraint.type != FOREIGN_KEY or constraint.referenced is None:
        return False
    leaves = (*source.storage(constraint.relation), *source.storage(constraint.referenced[0]))
    return len({ledger.relations[leaf].group for leaf in leaves if leaf in ledger.relations}) > 1


def unfilled(pair: DatabasePair, barrier: Barrier | None) -> frozenset[str]:
    """The relations whose rows are not replicated, and not carried for good yet."""
    outstanding = {piece.what for piece in carry.overdue(pair, barrier)} if barrier is not None else None
    filled = (name for name in at_cutover(pair) if outstanding is not None and carried_as(name) not in outstanding)
    loose = carry.unlogged(pair) if outstanding is None or carry.UNLOGGED in outstanding else ()
    return (apart(pair) - frozenset(filled)) | frozenset(loose)


def sides(source: Schema, constraint: Constraint) -> frozenset[str]:
    """The tables of both its sides, with all that inherit from them."""
    tops = (constraint.relation, *(constraint.referenced or ())[:1])
    return frozenset(name for top in tops for name in (top, *source.descendants(top)))


def is_late(pair: DatabasePair, source: Schema, constraint: Constraint) -> bool:
    """Whether it is built after the barrier only."""
    if constraint.type != FOREIGN_KEY:
        return False
    both = sides(source, constraint)
    unreplicated = bool(both & apart(pair)) or _leads_from_unlogged(source, both)
    return unreplicated or is_between_groups(pair.ledger, source, constraint)


def _leads_from_unlogged(source: Schema, both: frozenset[str]) -> bool:
    """To a table that is replicated; between unlogged ones nothing is truncated by apply."""
    tables = [source.table(name) for name in both if source.has_table(name)]
    return any(each.unlogged and each.kind != PARTITIONED for each in tables) and any(map(source.storage, both))


def waits_for_rows(pair: DatabasePair, source: Schema, constraint: Constraint, unfilled: frozenset[str]) -> bool:
    """Whether rows of one side are yet to be carried for good."""
    return bool(unfilled & sides(source, constraint)) and is_late(pair, source, constraint)


def missing(pair: DatabasePair) -> tuple[Constraint, ...]:
    """Those that the destination still lacks, or has not validated: completion waits for them."""
    source, target = pair.source_schema, pair.target_schema
    if source is None or target is None:
        return ()
    return tuple(
        each
        for each in source.constraints
        if each.parent is None and is_late(pair, source, each) and not _stands(each, target)
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


_APART_GROUPS = (
    "connects relations of different groups, since one of them was rewritten or lost its snapshot while it was copied: a "
    "TRUNCATE of both would stop replication if it stood there now"
)
_PASSED = "as soon as every group has passed the barrier"
_ROWS_MISSING = "waits for rows that are not replicated"
_CARRIED = "once these rows were carried after the barrier"


def left_for_later(pair: DatabasePair, constraint: Constraint, *, for_rows: bool = False) -> Finding:
    """What is said of it until then. `for_rows`: that are carried after the barrier."""
    why, when = (_ROWS_MISSING, _CARRIED) if for_rows else (_APART_GROUPS, _PASSED)
    return Finding(
        "foreign_key_after_barrier",
        f"{constraint.identity} in {pair.target} {why}.",
        f"Nothing to do: it is added and validated {when}, and completion waits for it.",
        blocking=False,
        database=pair.name,
        relation=constraint.relation,
    )
