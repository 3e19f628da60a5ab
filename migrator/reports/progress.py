"""How far the copy of each relation is, by its subscription or by its parts. Pure."""

from migrator.contents import SyncState
from migrator.observation import DatabasePair
from migrator.phases import groups

Document = dict[str, object]


def relations(pair: DatabasePair) -> dict[str, Document]:
    """One row per relation of a database, as the table page shows it."""
    if pair.source_schema is None:
        return {}
    return {name: _relation(pair, name) for name in pair.source_schema.leaves()}


def _relation(pair: DatabasePair, name: str) -> Document:
    size, target = pair.sizes.get(name), pair.target_sizes.get(name)
    subscription = next((each for each in pair.subscriptions if name in each.relations), None)
    in_hand = subscription.copied_rows.get(name, 0) if subscription else 0
    entry = pair.ledger.relations.get(name)
    return {
        "relation": name,
        "state": state_of(pair, name),
        "bytes": size.bytes if size else 0,
        "rows": max(0, size.rows) if size else 0,
        "copied_bytes": copied_bytes(pair, name),
        "copied_rows": entry.count.rows if entry and entry.count.parts else in_hand,
        "target_rows": max(0, target.rows) if target else 0,
    }


def state_of(pair: DatabasePair, name: str) -> str:
    """waiting, copying, copied or ready."""
    subscription = next((entry for entry in pair.subscriptions if name in entry.relations), None)
    state = subscription.relations[name] if subscription else None
    if state is SyncState.READY:
        return "ready"
    if state in (SyncState.FINISHED_COPY, SyncState.SYNCED):
        return "copied"
    entry = pair.ledger.relations.get(name)
    if entry is None:
        return "waiting"
    if any(group.number == entry.group and groups.is_under_snapshot(group) for group in pair.ledger.groups):
        return "copied" if entry.count.finished else "copying" if entry.count.copied else "waiting"
    return "copying"


def copied_bytes(pair: DatabasePair, name: str) -> int:
    """Of the relation's size on the source, as much as is in; counted in whole parts under the method `snapshot`."""
    size = pair.sizes.get(name)
    total = size.bytes if size else 0
    if state_of(pair, name) in ("ready", "copied"):
        return total
    entry = pair.ledger.relations.get(name)
    if entry is not None and entry.count.parts:
        return total * entry.count.copied // entry.count.parts
    return min(total, sum(subscription.copied_bytes.get(name, 0) for subscription in pair.subscriptions))
