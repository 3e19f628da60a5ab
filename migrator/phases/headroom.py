"""Room for our slots, walsenders and workers: what this very configuration needs, against what others leave.

What is ours is never counted as used: the sum is the same before the first slot is made and long after, so a
migration that goes well does not become its own obstacle.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from migrator.config import CopyMethod, InstanceSpec
from migrator.model import Instance
from migrator.names import application_name, owner_hash, parse_group_name, sync_slot_destination
from migrator.observation import DatabasePair
from migrator.phases import groups, sharing
from migrator.phases.view import View
from migrator.steps import Finding, Mend, Side

RECOMMENDED_SYNC_WORKERS = 16
"""More at once seldom copies faster; a remedy need not ask for more."""

_WORKERS = ("logical_workers_short", "worker_processes_short")

MAX_ORIGINS_FROM = 18
"""From here on max_active_replication_origins limits a subscriber; before, max_replication_slots does."""


@dataclass(frozen=True)
class Need:
    """`groups`: one slot, walsender, apply worker and origin each. `sync`: tablesync workers that can run at once."""

    groups: int
    sync: int
    wished_sync: int
    """As many as there could be if the destination's workers did not limit them."""

    @property
    def total(self) -> int:
        return self.groups + self.sync

    @property
    def least(self) -> int:
        """Enough to get on with one table at a time."""
        return self.groups + min(1, self.wished_sync)

    @property
    def recommended(self) -> int:
        return self.groups + min(self.wished_sync, RECOMMENDED_SYNC_WORKERS)


@dataclass(frozen=True)
class Limit:
    """One setting against what is asked of it. `short` beyond what others leave; a restart raises it to `wanted`."""

    code: str
    side: str
    setting: str
    limit: int
    others: int
    need: int
    wanted: int
    purpose: str

    @property
    def short(self) -> bool:
        return self.others + self.need > self.limit

    def short_by(self, more: int) -> bool:
        """Whether it suffices for us, but not together with so many more."""
        return not self.short and self.others + self.need + more > self.limit


def need_of(view: View) -> Need:
    """What the mapping's databases need at most from now on. A database that is wholly ready needs no sync worker."""
    pairs, destination = view.observation.databases, view.destination
    per_subscription = destination.setting("max_sync_workers_per_subscription")
    wished = sum(min(per_subscription, _unready(pair)) for pair in pairs)
    own = sum(_groups(view, pair) for pair in pairs)
    room = destination.setting("max_logical_replication_workers") - _other_subscriptions(view) - own
    return Need(own, max(0, min(wished, room)), wished)


def _groups(view: View, pair: DatabasePair) -> int:
    """Those of one database: as many as there are, or will be by the configured streams."""
    streams = view.spec.replication.streams_per_database
    by_snapshot = groups.method_of(view.spec.copy_method, pair) is CopyMethod.SNAPSHOT
    return max(streams if by_snapshot else 1, len(groups.in_ledger(pair.ledger)))


def most_walsenders(view: View, pair: DatabasePair) -> int:
    """Walsenders that one database can have at once: its groups' and its tablesyncs'."""
    return _groups(view, pair) + min(view.destination.setting("max_sync_workers_per_subscription"), _unready(pair))


def _unready(pair: DatabasePair) -> int:
    return len(pair.sizes.keys() - pair.ready)


def _owners(view: View) -> frozenset[str]:
    """The hashes in the names of this mapping's groups, for every database of the source, looked at just now or not."""
    identifier = view.destination.system_identifier
    return frozenset(owner_hash(view.spec.name, identifier, database.name) for database in view.source.databases)


def is_ours(view: View, name: str, owners: frozenset[str] | None = None) -> bool:
    """Whether a slot, walsender or subscription of this name is this mapping's, or a tablesync's of its destination."""
    group = parse_group_name(name)
    if group is not None:
        return group.owner in (_owners(view) if owners is None else owners)
    return name == application_name(view.spec.name, "apply") or (
        sync_slot_destination(name) == view.destination.system_identifier
    )


def _others(view: View, names: Iterable[str]) -> int:
    owners = _owners(view)
    return sum(1 for name in names if not is_ours(view, name, owners))


def _other_subscriptions(view: View) -> int:
    return _others(view, view.destination.subscription_names)


def findings(view: View) -> Iterator[Finding]:
    """A finding for each limit of either server that is too low."""
    need = need_of(view)
    known = limits(view, need)
    raised = tuple(Mend(Side(limit.side), _raise(limit), restart=True) for limit in known if limit.wanted > limit.limit)
    yield from (_short(view, limit, raised) for limit in known if limit.short)
    yield from (_shared(limit, more) for limit in known if (more := _to_come(view, limit)) and limit.short_by(more))
    yield from _few_workers(view, need, raised)
    yield from _connections("source", view.spec.source, view.source)
    yield from _connections("destination", view.spec.destination, view.destination)


def limits(view: View, need: Need) -> tuple[Limit, ...]:
    """Every limit that can stop us, with what others use of it."""
    source, destination = view.source, view.destination
    subscriptions = _other_subscriptions(view)
    origins = "max_active_replication_origins" if destination.major >= MAX_ORIGINS_FROM else "max_replication_slots"
    slots = _others(view, (slot.name for slot in source.slots))
    walsenders = _others(view, (sender.application for sender in source.senders))
    workers = subscriptions + need.recommended
    launcher_and_parallel = 1 + destination.setting("max_parallel_workers")

    def limit(code: str, side: str, setting: str, others: int, needed: int, wanted: int, purpose: str) -> Limit:
        instance = source if side == "source" else destination
        return Limit(code, side, setting, instance.setting(setting), others, needed, wanted, purpose)

    return (
        limit(
            "slots_short",
            "source",
            "max_replication_slots",
            slots,
            need.total,
            slots + need.recommended,
            "replication slots",
        ),
        limit(
            "walsenders_short",
            "source",
            "max_wal_senders",
            walsenders,
            need.total,
            walsenders + need.recommended,
            "walsenders",
        ),
        limit(
            "logical_workers_short",
            "destination",
            "max_logical_replication_workers",
            subscriptions,
            need.least,
            workers,
            "logical replication workers",
        ),
        limit(
            "worker_processes_short",
            "destination",
            "max_worker_processes",
            subscriptions + 1,
            need.least,
            workers + launcher_and_parallel,
            "background workers (the logical replication launcher is one)",
        ),
        limit("origins_short", "destination", origins, subscriptions, need.total, workers, "replication origins"),
    )


def _short(view: View, limit: Limit, raised: tuple[Mend, ...]) -> Finding:
    """More workers copy more tables at once, and each takes a slot: their mend raises (`raised`) what would be short then."""
    fewer = (
        " Or, without a restart, fewer tables at once, on the destination: "
        "ALTER SYSTEM SET max_sync_workers_per_subscription = 1; SELECT pg_reload_conf();"
        if limit.code in ("slots_short", "walsenders_short", "origins_short")
        and view.destination.setting("max_sync_workers_per_subscription") > 1
        else ""
    )
    return Finding(
        limit.code,
        f"The {limit.side} allows {limit.limit} {limit.purpose} ({limit.setting}); others use {limit.others}, and this "
        f"migration needs {limit.need} for its databases and the tables copied at once.",
        f"On the {limit.side}: {_raise(limit)} (needs a restart of the {limit.side}).{fewer}",
        mends=raised if limit.code in _WORKERS else (Mend(Side(limit.side), _raise(limit), restart=True),),
    )


def _raise(limit: Limit, more: int = 0) -> str:
    return f"ALTER SYSTEM SET {limit.setting} = {limit.wanted + more};"


def _to_come(view: View, limit: Limit) -> int:
    """What the configuration's other mappings will still take of it."""
    if limit.code == "slots_short":
        return sharing.slots_to_come(view)
    return sharing.walsenders_to_come(view) if limit.code == "walsenders_short" else sharing.subscriptions_to_come(view)


def _shared(limit: Limit, more: int) -> Finding:
    """Told, not held against us: the others may be over already, and whoever makes its groups first has room for them."""
    return Finding(
        "headroom_shared",
        f"The {limit.side} allows {limit.limit} {limit.purpose} ({limit.setting}): enough for this mapping ({limit.need}, others use "
        f"{limit.others}), but not together with {more} more for databases of other mappings in this configuration.",
        f"On the {limit.side}, if they are to run at the same time: {_raise(limit, more)} (needs a restart of the {limit.side}).",
        blocking=False,
        mends=(Mend(Side(limit.side), _raise(limit, more), restart=True),),
    )


def _few_workers(view: View, need: Need, raised: tuple[Mend, ...]) -> Iterator[Finding]:
    per_subscription = view.destination.setting("max_sync_workers_per_subscription")
    if 0 < need.sync < min(per_subscription, need.wished_sync):
        workers = _other_subscriptions(view) + need.recommended
        processes = workers + 1 + view.destination.setting("max_parallel_workers")
        yield Finding(
            "logical_workers_few",
            f"The destination's logical replication workers leave room to copy {need.sync} table(s) at a time, in all "
            "databases together.",
            f"To copy faster, on the destination: ALTER SYSTEM SET max_logical_replication_workers = {workers}; "
            f"ALTER SYSTEM SET max_worker_processes = {processes}; (needs a restart of the destination).",
            blocking=False,
            mends=raised,
        )


def _connections(side: str, spec: InstanceSpec, instance: Instance) -> Iterator[Finding]:
    reserved = instance.setting("superuser_reserved_connections") + instance.setting("reserved_connections")
    limit = instance.setting("max_connections") - (0 if instance.user.superuser else reserved)
    left = max(0, limit - sum(instance.clients.values()))
    if left < spec.max_connections:
        more = (
            f"ALTER SYSTEM SET max_connections = {instance.setting('max_connections') + spec.max_connections - left};"
        )
        yield Finding(
            "connections_short",
            f"The {side} has {left} connections left for {instance.user.name}; we may take {spec.max_connections}.",
            f"Set instances.{spec.name}.max_connections to less, or end sessions that idle; or on the {side}: {more}"
            f" (needs a restart of the {side}).",
            blocking=False,
            mends=(Mend(Side(side), more, restart=True),),
        )
