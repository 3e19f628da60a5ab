"""How much WAL our slots keep on the source, how fast that grows, and what follows from it."""

from collections.abc import Iterator
from dataclasses import dataclass

from migrator.config import WalBudgetAction
from migrator.model import Instance, Slot
from migrator.names import is_ours, sync_slot_subscription
from migrator.observation import Observation
from migrator.phases import lost_slots, wal_guard
from migrator.phases.groups import is_under_snapshot
from migrator.phases.view import View
from migrator.phases.wording import duration
from migrator.steps import Finding, Gates, Step

NAME = "wal_budget"

GB = 1024**3
MB = 1024**2

NEAR_SHARE = 0.8
SOON_SECONDS, SOON_SHARE = 1_800.0, 0.25
"""Half an hour before the end is near too, once a quarter is used: less than that a healthy stream may hold for a moment."""
SHORTEST_SECONDS = 2.0
"""A rate over a shorter time than this says nothing."""


@dataclass(frozen=True)
class Retention:
    """What one slot of ours keeps, and how much more it may before the first limit is reached: our budget's or the server's."""

    slot: Slot
    bytes: int
    left_bytes: int
    limit: str

    @property
    def share(self) -> float:
        """How much of the limit is used."""
        return self.bytes / max(1, self.bytes + max(0, self.left_bytes))


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
    return max((_retained(observation, slot) for slot in our_slots(observation)), default=0)


def _retained(observation: Observation, slot: Slot) -> int:
    """0 for a slot that is lost: it keeps nothing any more."""
    if not isinstance(observation.source, Instance) or slot.restart_lsn is None:
        return 0
    return max(0, observation.source.wal_lsn - slot.restart_lsn)


def retentions(observation: Observation, budget_gb: float) -> tuple[Retention, ...]:
    """Every slot of ours, the one nearest to its limit first."""
    found = [_retention(observation, slot, int(budget_gb * GB)) for slot in our_slots(observation)]
    return tuple(sorted(found, key=lambda each: each.share, reverse=True))


def _retention(observation: Observation, slot: Slot, budget: int) -> Retention:
    kept = _retained(observation, slot)
    ours = budget - kept
    if slot.safe_wal_size is not None and slot.safe_wal_size < ours:
        return Retention(slot, kept, slot.safe_wal_size, "max_slot_wal_keep_size")
    return Retention(slot, kept, ours, "wal_budget_gb")


def bytes_per_second(observation: Observation) -> float | None:
    """How fast the source writes WAL: since the oldest WAL marker of the journal, which is the last that got through.

    So it is the last seconds' rate while all is well, and the rate since then where nothing gets through. Before the first
    marker it is the server's average since its statistics began; None where that is not known.
    """
    source, journal = observation.source, observation.journal
    if not isinstance(source, Instance):
        return None
    if journal is not None and journal.markers:
        elapsed = (observation.observed_at - journal.markers[0].emitted_at).total_seconds()
        if elapsed >= SHORTEST_SECONDS:
            return max(0, source.wal_lsn - journal.markers[0].lsn) / elapsed
    return source.wal_bytes_per_second


def seconds_left(observation: Observation, budget_gb: float) -> float | None:
    """Until the first limit is reached at the present rate, if nothing is given free meanwhile. None: not known, or never."""
    rate = bytes_per_second(observation)
    nearest = [max(0, each.left_bytes) for each in retentions(observation, budget_gb)]
    return min(nearest) / rate if rate and nearest else None


def exceeded(view: View) -> bool:
    """Whether the configured budget is used up now."""
    return retained_bytes(view.observation) > view.spec.replication.wal_budget_gb * GB


def pauses(view: View) -> bool:
    """Whether the exceeded budget stops further admissions."""
    return view.spec.replication.wal_budget_action is not WalBudgetAction.NONE and exceeded(view)


def examine(view: View) -> Step:
    """The alarm keeps the light out, but holds back nothing else: what is copied already goes on."""
    budget = view.spec.replication.wal_budget_gb * GB
    over = [slot.name for slot in our_slots(view.observation) if _retained(view.observation, slot) > budget]
    actions = (*wal_guard.actions(view, over), *lost_slots.actions(view))
    return Step(NAME, None, Gates.RELATION, actions, findings=tuple(findings(view)))


def findings(view: View) -> Iterator[Finding]:
    """The alarm, and the warning before it; and the same for the server's own limit, beyond which a slot is lost."""
    found = retentions(view.observation, view.spec.replication.wal_budget_gb)
    losing = [each for each in found if each.slot.wal_status == "unreserved"]
    if losing:
        yield _losing(view, losing)
    if exceeded(view):
        yield _told(view, max(found, key=lambda each: each.bytes), over=True)
    elif found and not losing and _is_near(view, found[0]):
        yield _told(view, found[0], over=False)


def _is_near(view: View, nearest: Retention) -> bool:
    seconds = seconds_left(view.observation, view.spec.replication.wal_budget_gb)
    soon = seconds is not None and seconds < SOON_SECONDS
    return nearest.share > NEAR_SHARE or (soon and nearest.share > SOON_SHARE)


def _told(view: View, furthest: Retention, *, over: bool) -> Finding:
    budget = view.spec.replication.wal_budget_gb
    limit = f"the budget is {budget:g} GB"
    if furthest.limit != "wal_budget_gb":
        limit = f"{max(0, furthest.left_bytes) / MB:.0f} MB more and max_slot_wal_keep_size lets the slot be lost"
    return Finding(
        "wal_budget_exceeded" if over else "wal_budget_near",
        f"The source keeps {_size(furthest.bytes)} of WAL for our replication slot {furthest.slot.name} (database "
        f"{furthest.slot.database}); {limit}.{_growth(view)}{_consequence(view, over)}",
        f"{_cure(view, furthest)}; raise replication.wal_budget_gb if the "
        f"source's disk allows it; or give the WAL free at once with: pg-migrator abort {view.spec.name}",
        blocking=over,
    )


def _cure(view: View, furthest: Retention) -> str:
    """Before its group has a subscription, a slot waits for the end of the copy under its snapshot."""
    copied = any(
        group.name == furthest.slot.name and is_under_snapshot(group)
        for pair in view.observation.databases
        for group in pair.ledger.groups
    )
    if copied:
        return "Make the copy under its snapshot faster (pg-migrator limit, more workers for the queue parts)"
    return "Find what holds apply up (pg_stat_subscription on the destination)"


def _growth(view: View) -> str:
    rate, seconds = (
        bytes_per_second(view.observation),
        seconds_left(view.observation, view.spec.replication.wal_budget_gb),
    )
    if not rate or seconds is None:
        return ""
    return f" The source writes {rate / MB:.1f} MB/s of WAL" + (
        f": used up in {duration(seconds)} if nothing gets through." if seconds > 0 else "."
    )


def _consequence(view: View, over: bool) -> str:
    action = view.spec.replication.wal_budget_action
    if action is WalBudgetAction.DROP_SLOT:
        return " As configured, the slot is dropped now." if over else " Then the slot is dropped, as configured."
    return " No further relation is admitted until it falls." if over and pauses(view) else ""


def _losing(view: View, losing: list[Retention]) -> Finding:
    names = ", ".join(each.slot.name for each in losing)
    return Finding(
        "slot_losing_wal",
        f"The source no longer keeps all the WAL that {names} needs: max_slot_wal_keep_size is used up, and with the "
        f"source's next checkpoint the slot is lost.{_growth(view)}",
        "On the source, where its disk allows it: ALTER SYSTEM SET max_slot_wal_keep_size = -1; SELECT pg_reload_conf(); and "
        "find what holds apply up (pg_stat_subscription on the destination).",
    )


def _size(number: int) -> str:
    return f"{number / GB:.1f} GB" if number >= GB else f"{number / MB:.0f} MB"
