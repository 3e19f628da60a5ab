"""Under the method `snapshot`: what is not copied? A keeper holds each group's snapshot, parts are copied under it, largest first.

Who loses a snapshot loses what is not finished: those relations leave their group, and begin again in another.
"""

from collections.abc import Iterable, Iterator, Mapping

from migrator.phases import giving_up, groups, membership
from migrator.phases.pacing import held_back, rate_limit
from migrator.phases.relations import bytes_of
from migrator.phases.slot_waits import holders
from migrator.phases.view import View
from migrator.phases.wording import counted
from migrator.quote import literal
from migrator.records import LedgerGroup, LedgerRelation
from migrator.steps import Action, CopyPart, Finding, Gates, KeepSnapshot, Side, Statement, Step, Wait

NAME = "initial_copy"

SEATS = ("1", "2")
"""Keepers of one snapshot, on different processes where there are as many: no single death ends it."""

OPEN_SNAPSHOTS = 4
"""Groups of a mapping that are copied at the same time: each is a decoder of all WAL, and holds back VACUUM in its database."""

TRIES = 3
"""A relation that failed so often does not hold up its group, once that has nothing else to do; but for a full disk it is not to
blame, and would lose what is copied of it."""


def examine(view: View) -> Step:
    """Keepers, parts, and what has to leave its group. Holds back nothing by itself: keys follow relation by relation."""
    actions: list[Action] = []
    waits: list[Wait] = []
    findings: list[Finding] = []
    for group in groups.at_work(view):
        # What is dropped on the source leaves the publication by itself, and its group here.
        if groups.is_under_snapshot(group) and (group.slot_created or membership.is_complete(view, group)):
            for each in _of_group(view, group):
                (actions if isinstance(each, Action) else waits if isinstance(each, Wait) else findings).append(each)  # type: ignore[arg-type]
    findings += _unserved(view, actions)
    new = len(membership.unassigned(view))
    if new:
        waits.append(Wait(f"{counted(new, 'relation')} in no group yet"))
    return Step(NAME, view.database.name, Gates.RELATION, tuple(actions), tuple(waits), tuple(findings))


def _unserved(view: View, actions: Iterable[Action]) -> Iterator[Finding]:
    """Keepers are wanted, and no worker would ever take them up. It blocks only while no snapshot is held: then nothing is copied."""
    wanted = {action.job.group for action in actions if isinstance(action.job, KeepSnapshot)}
    if not wanted or view.hints.keeper_slots != 0:
        return
    held = all(groups.living_keepers(view, group) for group in groups.at_work(view) if group.number in wanted)
    yield Finding(
        "keepers_missing",
        f"Database {view.database.name} is copied by snapshot, and no worker serves the queue keepers: "
        + (
            "the death of one session loses a snapshot." if held else "no snapshot can be taken, and nothing is copied."
        ),
        "Start two of them, best on two machines: pg-migrator worker --queues keepers",
        blocking=not held,
        database=view.database.name,
    )


def unfinished(view: View, group: LedgerGroup) -> dict[str, LedgerRelation]:
    """The group's relations with parts that are not in."""
    entries = groups.members(view, group)
    return {name: entry for name, entry in entries.items() if not entry.count.finished}


def _of_group(view: View, group: LedgerGroup) -> Iterator[Action | Wait | Finding]:
    if view.database.subscription(group.name) is not None:
        return  # made, and not yet recorded: from here on nothing leaves the group
    if group.slot_dropped_at is not None or group.slot_lost_at is not None:
        return  # given up for the WAL budget, or lost: no change would ever follow these rows
    if not group.slot_created:
        yield from _open(view, group)
        return
    slot = view.source.slot(group.name)
    if slot is None or slot.wal_status == "lost":
        return  # no change would ever follow these rows: the subscription's step says so
    places = groups.published(view, group)
    for entry in groups.members(view, group).values():
        if _is_unfit(view, entry, places):
            yield leave_out(view, entry, "it was altered on the source")
        elif is_another(view, entry):
            yield leave_out(view, entry, "its table on the destination is not the one that was filled")
    left = unfinished(view, group)
    if not left:
        return
    living = groups.living_keepers(view, group)
    if not living:
        yield retire(view, group)
        return
    seats = {keeper.keeper for keeper in living}
    yield from (_keep(group, seat) for seat in SEATS if seat not in seats)
    yield from _parts(view, group, left)


def _open(view: View, group: LedgerGroup) -> Iterator[Action | Wait | Finding]:
    if held := held_back(view):
        yield Wait(held)
    elif _open_elsewhere(view) >= OPEN_SNAPSHOTS:
        yield Wait(f"{group.name} waits for the copies of other groups")
    else:
        yield _keep(group, SEATS[0])
        yield from holders(view, view.source.slot(group.name))


def _open_elsewhere(view: View) -> int:
    """Snapshots of this mapping that are held now."""
    return sum(
        1
        for pair in view.observation.databases
        for group in pair.ledger.groups
        if groups.is_under_snapshot(group)
        and not group.retired
        and group.slot_dropped_at is None
        and group.slot_created
        and any(part.group == group.number for part in pair.ledger.parts)
    )


def keeping(number: int, seat: str) -> str:
    """What a keeper does, in words: its failures are remembered by them."""
    return f"hold the snapshot of group {number} (keeper {seat})"


def _keep(group: LedgerGroup, seat: str) -> Action:
    return Action(keeping(group.number, seat), (), job=KeepSnapshot(group.number, seat, not group.slot_created))


def _parts(view: View, group: LedgerGroup, left: dict[str, LedgerRelation]) -> Iterator[Action | Wait]:
    bad = {name for name in left if view.refused(NAME, name) >= TRIES}
    if bad == left.keys() and bad != groups.members(view, group).keys():
        yield from (leave_out(view, left[name], "it cannot be copied") for name in sorted(bad))
        return
    # Not for the WAL budget: only when the last part is in can the slot let go of what it keeps.
    if rate_limit(view.spec, view.journal) == 0:
        yield Wait("copying is paused: the rate limit is 0")
        return
    yield Wait(f"{counted(len(left), 'relation')} of {group.name} to be copied")
    for part in view.database.ledger.parts:
        if part.group == group.number and part.relation in left:
            size = bytes_of(view, part.relation) // max(1, left[part.relation].count.parts)
            summary = f"copy part {part.number} of {part.relation}"
            yield Action(summary, (), part.relation, size, job=CopyPart(group.number, part.number))


def _is_unfit(view: View, entry: LedgerRelation, places: Mapping[str, tuple[int, int]]) -> bool:
    """Whether it is no longer the table that was published: dropped, renamed, made anew, taken out and put back."""
    schema = view.database.source_schema
    if schema is None or not schema.has_table(entry.relation):
        return schema is not None
    return places.get(entry.relation) != (entry.source_oid, entry.publication_rel_oid)


def is_another(view: View, entry: LedgerRelation) -> bool:
    """Whether the destination's table is gone, or another than the one that the parts are in, dropped and made again: those are lost.

    A ledger of an older version may not know which it was.
    """
    schema = view.database.target_schema
    if schema is None:
        return False
    return not schema.has_table(entry.relation) or entry.target_oid not in (None, schema.table(entry.relation).oid)


def leave_out(view: View, entry: LedgerRelation, why: str) -> Action:
    """Take one relation out of its group, with what was copied of it. Waits for copiers that are at work in the group."""
    statements = _give_up(view, entry.group, f"r.relation = {literal(entry.relation)}")
    return Action(f"take {entry.relation} out of its group: {why}", statements)


def retire(view: View, group: LedgerGroup) -> Action:
    """The snapshot is lost: relations that are not finished leave the group, with what was copied of them.

    That no keeper lives is asked once more. In one transaction that has the group's row to itself: a copier who began
    before has ended by then, and one that comes after finds the group retired.
    """
    alive = " OR ".join(
        f"(pid = {keeper.backend.pid} AND backend_start = {literal(keeper.backend.started.isoformat())})"
        for keeper in view.database.ledger.keepers
        if keeper.group == group.number
    )
    lost = f"SELECT true AS lost WHERE NOT EXISTS (SELECT FROM pg_stat_activity WHERE {alive or 'false'})"
    lock, removal = _give_up(view, group.number, giving_up.UNFINISHED)
    return Action(
        f"give up the snapshot of {group.name}: no keeper of it is left",
        (
            Statement(Side.SOURCE, view.database.name, lost, keeps=("lost",)),
            lock,
            groups.update_group(view, "retired_at = clock_timestamp()", number=group.number),
            Statement(
                Side.DESTINATION,
                view.database.target,
                f"DELETE FROM migrator.keepers WHERE {groups.in_group(view, group.number)}",
            ),
            removal,
        ),
    )


def _give_up(view: View, number: int, which: str) -> tuple[Statement, Statement]:
    mapping, target = view.spec.name, view.database.target
    return (
        Statement(Side.DESTINATION, target, giving_up.lock(mapping, number), patient=True),
        Statement(Side.DESTINATION, target, giving_up.removal(mapping, number, which)),
    )
