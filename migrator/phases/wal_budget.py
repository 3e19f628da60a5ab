"""How much WAL our slots keep on the source, and what follows from it."""

from migrator.config import WalBudgetAction
from migrator.model import Instance, Slot
from migrator.names import is_ours, sync_slot_subscription
from migrator.observation import Observation
from migrator.phases.view import View
from migrator.steps import Finding, Gates, Step

NAME = "wal_budget"

GB = 1024**3


def our_slots(observation: Observation) -> tuple[Slot, ...]:
    """The main slots of this mapping's groups, and the tablesync slots of their subscriptions."""
    source, destination = observation.source, observation.destination
    if not isinstance(source, Instance) or not isinstance(destination, Instance):
        return ()
    identifier = destination.system_identifier
    databases = {pair.name for pair in observation.databases}
    ours = [
        slot
        for slot in source.slots
        if slot.database in databases and is_ours(slot.name, observation.mapping, identifier, slot.database or "")
    ]
    oids = {subscription.oid for pair in observation.databases for subscription in pair.subscriptions}
    syncing = [
        slot
        for slot in source.slots
        if sync_slot_subscription(slot.name) in oids and slot.name.endswith(f"_{identifier}")
    ]
    return (*ours, *syncing)


def retained_bytes(observation: Observation) -> int:
    """WAL held back by the slot of ours that is furthest behind (restart_lsn, not confirmed_flush_lsn)."""
    if not isinstance(observation.source, Instance):
        return 0
    starts = [slot.restart_lsn for slot in our_slots(observation) if slot.restart_lsn is not None]
    return max((observation.source.wal_lsn - start for start in starts), default=0)


def exceeded(view: View) -> bool:
    """Whether the configured budget is used up now."""
    return retained_bytes(view.observation) > view.spec.replication.wal_budget_gb * GB


def pauses(view: View) -> bool:
    """Whether the exceeded budget stops further admissions."""
    return view.spec.replication.wal_budget_action is WalBudgetAction.PAUSE_COPY and exceeded(view)


def findings(view: View) -> tuple[Finding, ...]:
    """The alarm, and the warning at four fifths of the budget."""
    budget = view.spec.replication.wal_budget_gb
    retained = retained_bytes(view.observation)
    if retained <= 0.8 * budget * GB:
        return ()
    over = exceeded(view)
    consequence = " No further relation is admitted until it falls." if pauses(view) else ""
    return (
        Finding(
            "wal_budget_exceeded" if over else "wal_budget_near",
            f"The source keeps {retained / GB:.1f} GB of WAL for our replication slots; the budget is {budget:g} GB.{consequence}",
            "Find what holds apply up (pg_stat_subscription on the destination); raise replication.wal_budget_gb if the "
            f"source's disk allows it; or give the WAL free at once with: pg-migrator abort {view.spec.name}",
            blocking=over,
        ),
    )


def examine(view: View) -> Step:
    """The alarm keeps the light out, but holds back nothing else: what is copied already goes on."""
    return Step(NAME, None, Gates.RELATION, findings=findings(view))
