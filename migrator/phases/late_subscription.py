"""Under the method `snapshot`: once all of a group's relations are in, with their keys and indexes, changes follow through its slot."""

from collections.abc import Iterator

from migrator.phases import groups, insert_only, keys, line, membership, subscription, wal_budget
from migrator.phases.snapshot_copy import is_another, unfinished
from migrator.phases.view import View
from migrator.phases.wording import counted
from migrator.quote import literal
from migrator.records import LedgerGroup
from migrator.steps import Action, Finding, Gates, Side, Statement, Step, Wait

NAME = subscription.NAME

HURRY_SHARE = 0.5
"""Of what a group's slot may keep: from then on indexes can wait, since only the subscription lets the slot go on."""


def examine(view: View) -> Step:
    """One subscription per group, with copy_data = false: what its publication holds must be what the ledger has finished."""
    found: list[Action | Wait | Finding] = []
    for group in groups.at_work(view):
        found += _of_group(view, group)
    # What joins a group that is replicated already is admitted after this step, which must not hold it back.
    if not groups.at_work(view) or not all(membership.joins(view, name) for name in membership.unassigned(view)):
        found.append(Wait("relations are in no group yet"))
    return Step(
        NAME,
        view.database.name,
        Gates.DATABASE,
        tuple(each for each in found if isinstance(each, Action)),
        tuple(each for each in found if isinstance(each, Wait)),
        tuple(each for each in found if isinstance(each, Finding)),
    )


def _of_group(view: View, group: LedgerGroup) -> Iterator[Action | Wait | Finding]:
    slot = view.source.slot(group.name)
    if not group.slot_created and group.slot_dropped_at is None:
        yield Wait(f"{group.name} has no snapshot yet")
        return
    if finding := subscription.slot_trouble(view, group, slot):
        yield finding
        return
    there = view.database.subscription(group.name)
    if group.subscription_oid is not None:
        yield from subscription.subscription_trouble(view, group, there) or line.broken(view)
        return
    if there is None and slot is not None and group.snapshot_lsn not in (None, slot.confirmed_flush_lsn):
        moved = f"replication slot {group.name} was made anew or moved on the source after the rows were copied"
        yield groups.broken(view, moved)
    elif there is not None:
        yield Action(f"record subscription {group.name}", subscription.record(view, group))
    elif left := unfinished(view, group):
        yield Wait(f"{counted(len(left), 'relation')} of {group.name} to be copied")
    elif any(is_another(view, entry) for entry in groups.members(view, group).values()):
        yield Wait(f"relations of {group.name} are to leave it: their tables were made again on the destination")
    elif missing := keys.lacking(view, groups.members(view, group), hurry=_hurry(view, group)):
        yield Wait(f"keys or indexes are missing of {counted(len(missing), 'relation')} of {group.name}")
    elif not membership.is_complete(view, group):
        yield Wait(f"publication {group.name} does not hold just the relations that were copied")
    else:
        yield _create(view, group)


def _hurry(view: View, group: LedgerGroup) -> bool:
    """Whether the group's own slot keeps so much WAL that what is merely useful has to wait."""
    kept = wal_budget.retentions(view.observation, view.spec.replication.wal_budget_gb)
    return any(each.slot.name == group.name and each.share >= HURRY_SHARE for each in kept)


def _create(view: View, group: LedgerGroup) -> Action:
    """Asked once more on both sides: with copy_data = false whatever else stands in the publication would miss its rows, and so would
    a table that was made again on the destination.
    """
    oids = ", ".join(str(oid) for oid in sorted(each.source_oid for each in groups.members(view, group).values()))
    names = ", ".join(map(literal, insert_only.subscribed(group)))
    same = (
        "SELECT true AS same FROM pg_publication p"
        f" WHERE p.pubname = {literal(group.name)} AND p.oid = {group.publication_oid}"
        " AND (SELECT coalesce(array_agg(DISTINCT c.oid ORDER BY c.oid), '{}') FROM pg_publication_tables t"
        " JOIN pg_namespace n ON n.nspname = t.schemaname JOIN pg_class c ON (c.relnamespace, c.relname) = (n.oid, t.tablename)"
        f" WHERE t.pubname IN ({names})) = ARRAY[{oids}]::oid[]"
        # the slot of the snapshot, and nothing has been taken from it: changes follow from where the rows end
        f" AND EXISTS (SELECT FROM pg_replication_slots WHERE slot_name = p.pubname AND plugin = 'pgoutput'"
        f" AND confirmed_flush_lsn = '{group.snapshot_lsn}')"
    )
    filled = (
        f"SELECT true AS filled WHERE NOT EXISTS (SELECT FROM migrator.relations WHERE {groups.in_group(view, group.number)}"
        " AND to_regclass(relation)::oid IS DISTINCT FROM coalesce(target_oid, to_regclass(relation)))"
    )
    return Action(
        f"create subscription {group.name}",
        (
            Statement(Side.SOURCE, view.database.name, same, keeps=("same",)),
            Statement(Side.DESTINATION, view.database.target, filled, keeps=("filled",)),
            subscription.create(view, group, copy_data=False),
            *subscription.record(view, group),
        ),
    )
