"""The last resort, where the configuration says so: slots that keep more WAL than allowed are dropped before the source's disk is full."""

from collections.abc import Collection, Iterator

from migrator.catalog import ledger_tables
from migrator.config import WalBudgetAction
from migrator.contents import Subscription
from migrator.model import Slot
from migrator.names import sync_slot_subscription
from migrator.observation import DatabasePair
from migrator.phases import groups
from migrator.phases.source_statements import drop_slot
from migrator.phases.view import View
from migrator.quote import identifier
from migrator.records import LedgerGroup
from migrator.steps import Action, Side, Statement


def actions(view: View, over: Collection[str]) -> tuple[Action, ...]:
    """For each group one of whose slots is in `over`: stop its subscription, then drop its slots. Nothing unless configured."""
    if view.spec.replication.wal_budget_action is not WalBudgetAction.DROP_SLOT:
        return ()
    return tuple(
        action
        for pair in view.observation.databases
        for group in pair.ledger.groups
        for slots in [_slots(view, pair, group)]
        if any(slot.name in over for slot in slots)
        for action in _of_group(view, pair, group, slots)
    )


def _slots(view: View, pair: DatabasePair, group: LedgerGroup) -> list[Slot]:
    """The group's own, and those of its tables that are being copied: without one the others are of no use."""
    subscription = pair.subscription(group.name)
    suffix = f"_{view.destination.system_identifier}"
    return [
        slot
        for slot in view.source.slots
        if slot.name == group.name
        or (
            subscription is not None
            and sync_slot_subscription(slot.name) == subscription.oid
            and slot.name.endswith(suffix)
        )
    ]


def _of_group(view: View, pair: DatabasePair, group: LedgerGroup, slots: list[Slot]) -> Iterator[Action]:
    subscription = pair.subscription(group.name)
    if subscription is not None and subscription.enabled:
        yield _stop(view, pair, group, subscription)
        return
    unmade = groups.is_under_snapshot(group) and not group.slot_created
    if subscription is None and group.slot_dropped_at is None and not unmade:
        yield _give_up(view, pair, group)
        return
    first = (_still_unmade(view, pair, group),) if unmade else ()
    for slot in slots:
        if not slot.active:  # its walsender ends within a moment; a later look finds it so
            drop = Statement(Side.SOURCE, None, drop_slot(slot.name))
            yield Action(f"drop replication slot {slot.name}: it keeps more WAL than wal_budget_gb", (*first, drop))


def _still_unmade(view: View, pair: DatabasePair, group: LedgerGroup) -> Statement:
    """A keeper died between the slot and its note: nothing was copied, the next makes it anew. Fails while one is at it."""
    sql = f"SELECT true AS unmade FROM migrator.groups WHERE {groups.of_group(view, group.number)} AND NOT slot_created FOR UPDATE NOWAIT"
    return Statement(Side.DESTINATION, pair.target, sql, keeps=("unmade",))


def _stop(view: View, pair: DatabasePair, group: LedgerGroup, subscription: Subscription) -> Action:
    """Written down first: what is missing afterwards was taken away by us, and by whose word."""
    disable = f"ALTER SUBSCRIPTION {identifier(subscription.name)} DISABLE"
    return Action(
        f"disable subscription {subscription.name}: its slots keep more WAL than wal_budget_gb, and are to be dropped",
        tuple(Statement(Side.DESTINATION, pair.target, sql) for sql in (ledger_tables(), _note(view, group), disable)),
    )


def _give_up(view: View, pair: DatabasePair, group: LedgerGroup) -> Action:
    """Of a group that is still being copied: its copiers and keepers stop at the note within seconds; then the slot goes."""
    return Action(
        f"give up the copy of {group.name}: its slot keeps more WAL than wal_budget_gb, and is to be dropped",
        tuple(Statement(Side.DESTINATION, pair.target, sql) for sql in (ledger_tables(), _note(view, group))),
    )


def _note(view: View, group: LedgerGroup) -> str:
    return f"UPDATE migrator.groups SET slot_dropped_at = clock_timestamp() WHERE {groups.of_group(view, group.number)}"
