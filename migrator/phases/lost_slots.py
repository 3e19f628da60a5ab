"""Which slots of ours were seen gone, or lost? Noted in the ledger: one made again under the name looks like ours, and begins later.

Apply asks a new slot from where it stands itself, and is sent what comes after the new slot's beginning, without a word of what lay
between. No column of pg_replication_slots tells the two apart.
"""

from collections.abc import Iterator

from migrator.model import Instance, Slot
from migrator.observation import DatabasePair
from migrator.phases.groups import in_ledger, of_group
from migrator.phases.view import View
from migrator.quote import literal
from migrator.records import Identity, LedgerGroup
from migrator.steps import Action, Side, Statement

_PLUGIN = "pgoutput"


def actions(view: View) -> tuple[Action, ...]:
    """One for each such slot, once; nothing by the word of a server that is not the one where the slot was made."""
    source = view.observation.source
    if not isinstance(source, Instance) or source.in_recovery:
        return ()
    return tuple(action for pair in view.observation.databases for action in _noting(view, source, pair))


def _noting(view: View, source: Instance, pair: DatabasePair) -> Iterator[Action]:
    now = Identity(source.system_identifier, source.timeline)
    for group in in_ledger(pair.ledger):
        unnoted = group.slot_created and group.slot_lost_at is None and group.source == now
        if unnoted and not _brings_changes(source.slot(group.name), pair.name):
            yield _note(view, pair, group)


def _brings_changes(slot: Slot | None, database: str) -> bool:
    return slot is not None and (slot.plugin, slot.database) == (_PLUGIN, database) and slot.wal_status != "lost"


def _note(view: View, pair: DatabasePair, group: LedgerGroup) -> Action:
    """The source is asked once more: its slots were read before the ledger, which may know of one made in between."""
    lost = (
        "SELECT true AS lost WHERE NOT pg_is_in_recovery() AND NOT EXISTS (SELECT FROM pg_replication_slots"
        f" WHERE slot_name = {literal(group.name)} AND (plugin, database) = ({literal(_PLUGIN)}, {literal(pair.name)})"
        " AND wal_status IS DISTINCT FROM 'lost')"
    )
    note = f"UPDATE migrator.groups SET slot_lost_at = clock_timestamp() WHERE {of_group(view, group.number)} AND slot_created"
    return Action(
        f"note in the ledger that replication slot {group.name} is gone or lost",
        (
            Statement(Side.SOURCE, None, lost, keeps=("lost",)),
            Statement(Side.DESTINATION, pair.target, note),
        ),
        only_noted=True,
    )
