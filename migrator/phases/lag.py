"""Lag, honestly: bytes between WAL positions, seconds by markers in the WAL. The unit is always in the name."""

from datetime import datetime

from migrator.model import Instance, Lsn
from migrator.observation import DatabasePair, Observation
from migrator.phases.groups import in_ledger
from migrator.records import Journal, LedgerGroup

SILENT_SECONDS = 15.0
"""A marker that has not come through for this long: the line may be dead, though neither server has noticed yet (60 s)."""


def confirmed(observation: Observation, pair: DatabasePair) -> Lsn | None:
    """What every group of one database has confirmed; None where one has no slot."""
    working = in_ledger(pair.ledger)
    if not isinstance(observation.source, Instance) or not working:
        return None
    slots = [observation.source.slot(group.name) for group in working]
    positions = [
        slot.confirmed_flush_lsn for slot in slots if slot is not None and slot.confirmed_flush_lsn is not None
    ]
    return min(positions) if len(positions) == len(slots) else None


def lag_bytes(observation: Observation, pair: DatabasePair) -> int | None:
    """WAL distance of the group furthest behind. Other databases' WAL is in it, until the walsender has skipped it."""
    position = confirmed(observation, pair)
    if position is None or not isinstance(observation.source, Instance):
        return None
    return max(0, observation.source.wal_lsn - position)


def lag_seconds(journal: Journal | None, position: Lsn | None, now: datetime) -> float | None:
    """Age of the oldest marker not yet passed; 0 when the newest marker is; None before the first marker."""
    if journal is None or position is None or not journal.markers:
        return None
    open_markers = [marker for marker in journal.markers if marker.lsn > position]
    if not open_markers:
        return 0.0
    return max(0.0, (now - min(marker.emitted_at for marker in open_markers)).total_seconds())


def nothing_comes_through(pair: DatabasePair, source: Instance, journal: Journal | None, now: datetime) -> bool:
    """Whether a group that ought to be replicated is not read from, or is behind a line on which nothing arrives."""
    return any(_is_silent(pair, group, source, journal, now) for group in in_ledger(pair.ledger))


def _is_silent(
    pair: DatabasePair, group: LedgerGroup, source: Instance, journal: Journal | None, now: datetime
) -> bool:
    subscription, slot = pair.subscription(group.name), source.slot(group.name)
    if subscription is None or not subscription.enabled or slot is None:
        return False
    seconds = lag_seconds(journal, slot.confirmed_flush_lsn, now)
    return not slot.active or (seconds is not None and seconds > SILENT_SECONDS)
