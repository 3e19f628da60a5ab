"""What the other mappings of this configuration will still take of the two servers: their needs and ours add up.

Only told: a neighbour may have ended already, which its destination knows and we do not. What it has made by now is counted
with what others use, and that may stop us.
"""

from collections.abc import Iterable, Iterator

from migrator.config import MappingSpec
from migrator.names import application_name, group_slug, parse_group_name
from migrator.phases.view import View
from migrator.selection import selected_databases
from migrator.steps import Side


def slots_to_come(view: View) -> int:
    """Replication slots that neighbours have yet to make on our source."""
    return _to_come(view, Side.SOURCE, (slot.name for slot in view.source.slots))


def walsenders_to_come(view: View) -> int:
    """Walsenders that will serve neighbours' groups on our source."""
    serving = {(sender.application, sender.database) for sender in view.source.senders}
    wanted = (
        (application_name(each.name, "apply"), database)
        for each in _sharing(view, Side.SOURCE)
        for database in _databases(view, each)
    )
    return sum(1 for each in wanted if each not in serving)


def subscriptions_to_come(view: View) -> int:
    """Subscriptions that neighbours have yet to make on our destination: a worker and an origin each."""
    return _to_come(view, Side.DESTINATION, view.destination.subscription_names)


def _to_come(view: View, side: Side, standing: Iterable[str]) -> int:
    slugs = {group.slug for name in standing if (group := parse_group_name(name)) is not None}
    wanted = (group_slug(each.name, database) for each in _sharing(view, side) for database in _databases(view, each))
    return sum(1 for slug in wanted if slug not in slugs)


def _sharing(view: View, side: Side) -> Iterator[MappingSpec]:
    """The neighbours with the same server on this side."""
    ours = view.spec.source if side is Side.SOURCE else view.spec.destination
    for each in view.spec.neighbours:
        theirs = each.source if side is Side.SOURCE else each.destination
        if (theirs.server, theirs.port) == (ours.server, ours.port):
            yield each


def _databases(view: View, neighbour: MappingSpec) -> frozenset[str]:
    """Its databases: by the source where it is ours too; else those it has claimed, and those it names."""
    if (neighbour.source.server, neighbour.source.port) == (view.spec.source.server, view.spec.source.port):
        return frozenset(selected_databases(neighbour, view.source, lambda _: False))
    journal = view.observation.journal
    claimed = {claim.database for claim in journal.claims if claim.mapping == neighbour.name} if journal else set()
    named = {name for name in neighbour.databases.include if not set("*?[") & set(name)}
    return frozenset(claimed | named - set(neighbour.databases.exclude))
