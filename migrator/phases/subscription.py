"""Are the group's slot and subscription there? The slot first, by a statement of its own, so that each stop in between shows."""

from migrator.contents import Subscription
from migrator.model import Slot
from migrator.phases import groups, insert_only, line
from migrator.phases.slot_waits import holders
from migrator.phases.source_statements import create_slot
from migrator.phases.view import View
from migrator.quote import identifier, literal
from migrator.records import LedgerGroup
from migrator.steps import Action, Finding, Gates, Side, Statement, Step, Wait

NAME = "subscription"

SLOT_WAIT_SECONDS = 60
"""Slot creation waits for every transaction open on the source instance; it blocks nobody while it does."""


def examine(view: View) -> Step:
    """Slot, then subscription; each recorded in the ledger, neither made a second time once a relation has begun."""
    group = groups.ledger_group(view)
    if group is None:
        return Step(NAME, view.database.name, waits=(Wait("the publication is not there yet"),))
    slot = view.source.slot(group.name)
    subscription = view.database.subscription(group.name)
    if not group.slot_created:
        return Step(NAME, view.database.name, actions=(_create_slot(view, group, slot),), findings=holders(view, slot))
    if finding := slot_trouble(view, group, slot):
        return Step(NAME, view.database.name, findings=(finding,))
    if group.subscription_oid is None:
        return Step(NAME, view.database.name, actions=(_create_subscription(view, group, subscription),))
    trouble = subscription_trouble(view, group, subscription) or tuple(line.broken(view))
    return Step(NAME, view.database.name, Gates.DATABASE, findings=trouble)


def _create_slot(view: View, group: LedgerGroup, slot: Slot | None) -> Action:
    create = (
        Statement(Side.SOURCE, view.database.name, f"SET LOCAL lock_timeout = '{SLOT_WAIT_SECONDS}s'"),
        Statement(
            Side.SOURCE,
            view.database.name,
            create_slot(group.name),
        ),
    )
    return Action(
        f"{'record' if slot else 'create'} replication slot {group.name}",
        (*(() if slot else create), groups.update_group(view, "slot_created = true")),
    )


def slot_trouble(view: View, group: LedgerGroup, slot: Slot | None) -> Finding | None:
    """Whether the group's slot can no longer bring the changes it was made for."""
    if group.slot_dropped_at is not None and (slot is None or groups.is_under_snapshot(group)):
        when = f"{group.slot_dropped_at:%Y-%m-%d %H:%M:%S %Z}"
        copied = ". It was still being copied, and nothing more of it is" if groups.is_under_snapshot(group) else ""
        return groups.broken(
            view,
            f"its replication slot kept more WAL than wal_budget_gb, and was dropped as configured ({when}){copied}",
        )
    if slot is None:
        return groups.broken(view, f"replication slot {group.name} is gone from the source")
    if slot.wal_status == "lost":
        reason = f" ({slot.invalidation_reason})" if slot.invalidation_reason else ""
        return groups.broken(view, f"replication slot {group.name} was invalidated by the source{reason}")
    if group.slot_lost_at is not None:
        when = f"{group.slot_lost_at:%Y-%m-%d %H:%M:%S %Z}"
        return groups.broken(
            view,
            f"replication slot {group.name} was seen gone or lost on the source ({when}); what stands there by its name now "
            "was made anew, and begins later",
        )
    return None


def _create_subscription(view: View, group: LedgerGroup, subscription: Subscription | None) -> Action:
    statements = (*(() if subscription else (create(view, group, copy_data=True),)), *record(view, group))
    return Action(f"{'record' if subscription else 'create'} subscription {group.name}", statements)


def create(view: View, group: LedgerGroup, *, copy_data: bool) -> Statement:
    """CREATE SUBSCRIPTION on the group's slot, which exists."""
    name, copies = identifier(group.name), "true" if copy_data else "false"
    options = f"slot_name = {literal(group.name)}, create_slot = false, copy_data = {copies}, streaming = on"
    publications = ", ".join(map(identifier, insert_only.subscribed(group)))
    if view.destination.major >= 16:
        # Deliberate (docs/decisions): with false, FORCE ROW LEVEL SECURITY or a revoked INSERT would stop apply.
        options += ", run_as_owner = true"
    return Statement(
        Side.DESTINATION,
        view.database.target,
        f"CREATE SUBSCRIPTION {name} CONNECTION {{source_conninfo}} PUBLICATION {publications} WITH ({options})",
        transactional=False,
        holes=("source_conninfo",),
    )


def record(view: View, group: LedgerGroup) -> tuple[Statement, Statement]:
    """Note in the ledger which subscription a group has."""
    read = (
        f"SELECT oid::text AS subscription_oid FROM pg_subscription WHERE subname = {literal(group.name)}"
        " AND subdbid = (SELECT oid FROM pg_database WHERE datname = current_database())"
    )
    found, assignment = ("subscription_oid",), "subscription_oid = %(subscription_oid)s::oid"
    return (
        Statement(Side.DESTINATION, view.database.target, read, keeps=found),
        groups.update_group(view, assignment, found, group.number),
    )


def subscription_trouble(view: View, group: LedgerGroup, subscription: Subscription | None) -> tuple[Finding, ...]:
    """Whether the group's subscription is no longer what was made."""
    if subscription is None:
        return (groups.broken(view, f"subscription {group.name} was dropped on the destination"),)
    if subscription.oid != group.subscription_oid:
        return (groups.broken(view, f"subscription {group.name} was dropped and made anew on the destination"),)
    if subscription.slot_name != group.name or set(subscription.publications) != {*insert_only.subscribed(group)}:
        return (groups.broken(view, f"subscription {group.name} was pointed at another slot or publication"),)
    if subscription.origin not in (None, "any"):
        what = f"subscription {group.name} was set to origin = {subscription.origin}, by which changes that the source itself"
        return (groups.broken(view, f"{what} received from elsewhere do not come"),)
    if not subscription.enabled:
        return (
            Finding(
                "subscription_disabled",
                f"Subscription {group.name} in database {view.database.target} is disabled: nothing is applied, and the "
                "source keeps WAL for it.",
                f"In database {view.database.target} on the destination: ALTER SUBSCRIPTION {identifier(group.name)} ENABLE;",
                database=view.database.name,
            ),
        )
    return ()
