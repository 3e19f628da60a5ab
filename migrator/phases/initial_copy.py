"""What is not copied? PostgreSQL's own tablesync, paced by admission: the largest first, never more than the workers can take."""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from itertools import accumulate

from migrator.contents import Subscription, SyncState
from migrator.names import inserts_name
from migrator.phases import appeared, giving_up, groups, insert_only, membership
from migrator.phases.layouts import noted
from migrator.phases.pacing import MB, held_back, rate_limit
from migrator.phases.relations import bytes_of, wanted
from migrator.phases.source_statements import add_tables, drop_tables
from migrator.phases.view import View
from migrator.phases.wording import counted
from migrator.quote import identifier, literal
from migrator.records import LedgerGroup
from migrator.schema import Schema
from migrator.steps import Action, Finding, Gates, Side, Statement, Step, Wait

NAME = "initial_copy"

SMALL_BYTES = 8 * 1024 * 1024
"""Relations up to this size are admitted many at a time: REFRESH costs 0.8 s at 10,000 relations, their copy nothing."""

SMALL_AT_ONCE = 512

LATELY_SECONDS = 120
"""A batch that failed longer ago, and not since, says nothing of the next one."""

BATCH_SECONDS = 10.0
"""Under a rate limit a batch holds what the limit lets through in this time."""

ADMISSION = "admit relations"
"""How the summary of every batch begins; a failed batch is tried again in ever smaller ones."""

MANY = " at once"
"""How the summary of a batch of several ends; no quoted, qualified name does."""


def examine(view: View) -> Step:
    """Admit what waits, record and refresh what was stopped half way."""
    return admission(view, groups.ledger_group(view), wanted(view))


def examine_new(view: View) -> Step:
    """Under the method `snapshot`: small relations that came later join a group that is replicated already.

    Each group takes up again its own whose table was dropped on the destination, to be copied anew.
    """
    working = [group for group in groups.at_work(view) if group.subscription_oid is not None]
    steps = [admission(view, group, _candidates(view, group)) for group in working]
    return Step(
        NAME,
        view.database.name,
        Gates.DATABASE,
        tuple(action for step in steps for action in step.actions),
        tuple(wait for step in steps for wait in step.waits),
        tuple(dict.fromkeys(finding for step in steps for finding in step.findings)),
    )


def _candidates(view: View, group: LedgerGroup) -> list[str]:
    known = view.database.ledger.relations
    return [
        name
        for name in wanted(view)
        if (known[name].group == group.number if name in known else membership.joins(view, name) == group)
    ]


def admission(view: View, group: LedgerGroup | None, candidates: Sequence[str]) -> Step:
    """The step that brings those of the candidates into the group that are in none."""
    subscription = view.database.subscription(group.name) if group else None
    if group is None or subscription is None or view.database.publication(group.name) is None:
        return Step(NAME, view.database.name, waits=(Wait("the subscription is not there yet"),))
    batch, held = _batch(view, group, subscription, candidates)
    actions = tuple(_admit(view, group, relations) for relations in batch)
    waits = (*_copying(view, subscription, candidates), *((Wait(held),) if held else ()))
    findings = (*_lagging_sync(view, subscription), *(_pacing(view) if waits else ()))
    return Step(NAME, view.database.name, Gates.DATABASE, actions, waits, findings)


def _unrefreshed(view: View, group: LedgerGroup, subscription: Subscription) -> tuple[str, ...]:
    """Relations whose admission was stopped half way: in the ledger, not yet in the subscription, nothing copied."""
    schema = view.database.source_schema
    return tuple(
        name
        for name in sorted(groups.members(view, group))
        if name not in subscription.relations and schema is not None and schema.has_table(name)
    )


def _copying(view: View, subscription: Subscription, candidates: Sequence[str]) -> tuple[Wait, ...]:
    """One wait for all that tablesync has in hand, one for all that has not been admitted."""
    in_hand = sum(1 for state in subscription.relations.values() if state is not SyncState.READY)
    waiting = sum(1 for name in candidates if name not in view.database.ledger.relations)
    waits = []
    if in_hand:
        waits.append(Wait(f"{counted(in_hand, 'relation')} in tablesync"))
    if waiting:
        waits.append(Wait(f"{counted(waiting, 'relation')} to be admitted"))
    return tuple(waits)


def _batch(
    view: View, group: LedgerGroup, subscription: Subscription, candidates: Sequence[str]
) -> tuple[tuple[tuple[str, ...], ...], str | None]:
    """The relations to admit now, those known to be bad each by itself; and what holds the rest back, if anything does.

    What was stopped half way is finished first, whatever holds new ones back.
    """
    unfinished, held, bad = _unrefreshed(view, group, subscription), held_back(view), _failed_alone(view)
    waiting = [
        name for name in candidates if name not in view.database.ledger.relations and name not in view.database.filled
    ]
    begun = [name for name in unfinished if name not in bad][: _batch_size(view, len(bad))]
    new = [] if begun or held else _fitting(view, subscription, [name for name in waiting if name not in bad])
    together = tuple(begun or new[: _batch_size(view, len(bad))])
    alone = tuple((name,) for name in (unfinished if held else (*unfinished, *waiting)) if name in bad)
    return ((together,) if together else ()) + alone, held


def _failed_alone(view: View) -> frozenset[str]:
    """Relations that could not be admitted by themselves: each has a waiting time of its own, and holds up no others."""
    prefix = f"{ADMISSION}: "
    names = (what.removeprefix(prefix) for what in view.failing(NAME) if what.startswith(prefix))
    return frozenset(name for name in names if not name.endswith(MANY))


def _batch_size(view: View, known: int) -> int:
    """An eighth for each batch that failed lately, until the relation it failed on is known by its own failure."""
    lately = view.now - timedelta(seconds=LATELY_SECONDS)
    batches = (
        each
        for what, each in view.failing(NAME).items()
        if what.startswith(f"{ADMISSION}: ") and what.endswith(MANY) and each.next_try_at > lately
    )
    failed = sum(each.count for each in batches)
    return SMALL_AT_ONCE >> 3 * min(3, max(0, failed - 3 * known))


def _fitting(view: View, subscription: Subscription, waiting: list[str]) -> tuple[str, ...]:
    in_hand = [name for name, state in subscription.relations.items() if state is not SyncState.READY]
    large_in_hand = sum(1 for name in in_hand if bytes_of(view, name) > SMALL_BYTES)
    large = [name for name in waiting if bytes_of(view, name) > SMALL_BYTES][: max(0, _workers(view) - large_in_hand)]
    small_room = max(0, SMALL_AT_ONCE - (len(in_hand) - large_in_hand))
    small = [name for name in waiting if bytes_of(view, name) <= SMALL_BYTES][:small_room]
    return _paced(view, (*large, *small))


def _paced(view: View, waiting: tuple[str, ...]) -> tuple[str, ...]:
    """Under a limit: what it lets through in BATCH_SECONDS, and at least one. A batch is drawn from the buckets at once."""
    limit = rate_limit(view.spec, view.journal)
    if limit is None:
        return waiting
    total = accumulate(bytes_of(view, name) for name in waiting)
    return tuple(
        name
        for n, (name, upto) in enumerate(zip(waiting, total, strict=True))
        if not n or upto <= limit * MB * BATCH_SECONDS
    )


def _workers(view: View) -> int:
    """How many large relations may be in tablesync at once."""
    return view.spec.replication.max_copies or max(1, view.destination.setting("max_sync_workers_per_subscription"))


def _pacing(view: View) -> tuple[Finding, ...]:
    """What a MB/s limit can and cannot do with this method."""
    limit = rate_limit(view.spec, view.journal)
    if not limit:
        return ()
    return (
        Finding(
            "rate_limit_by_admission",
            f"A limit of {limit:g} MB/s is set, but PostgreSQL's tablesync cannot be throttled: relations are admitted at "
            "this pace on average, and each is copied as fast as the servers can.",
            "Where that is too fast: fewer at once by replication.max_copies; or copy_method snapshot, before the database begins.",
            blocking=False,
            database=view.database.name,
        ),
    )


def _summary(relations: tuple[str, ...]) -> str:
    return f"{ADMISSION}: {relations[0] if len(relations) == 1 else f'{len(relations)}{MANY}'}"


def _admit(view: View, group: LedgerGroup, relations: tuple[str, ...]) -> Action:
    """The ledger's rows first, then the publications, then their pg_publication_rel oids, then REFRESH."""
    name, source, target = identifier(group.name), view.database.name, view.database.target
    statements = [
        *_insert_relations(view, group, relations),
        *(Statement(Side.SOURCE, source, sql) for sql in _placed(view, group, relations)),
        *membership.record_members(view, group),
        Statement(
            Side.DESTINATION,
            target,
            f"ALTER SUBSCRIPTION {name} REFRESH PUBLICATION WITH (copy_data = true)",
            transactional=False,
        ),
    ]
    cost = sum(bytes_of(view, relation) for relation in relations)
    return Action(_summary(relations), tuple(statements), cost_bytes=cost, admits=True)


def _placed(view: View, group: LedgerGroup, relations: tuple[str, ...]) -> Iterator[str]:
    """Into the publication where they belong, out of the other, where they were replicated otherwise before: in one transaction."""
    for publication in groups.publications(view, group):
        inserts = publication.name == inserts_name(group.name)
        belong = {name for name in relations if insert_only.belongs(view, group, name) == inserts}
        if leave := [name for name in relations if name not in belong and name in publication.relations]:
            yield drop_tables(publication.name, leave)
        if enter := [name for name in relations if name in belong and name not in publication.relations]:
            yield add_tables(publication.name, enter)


def _insert_relations(view: View, group: LedgerGroup, relations: tuple[str, ...]) -> Iterator[Statement]:
    """With what the source has counted until now of those whose UPDATEs and DELETEs are not replicated."""
    schema, target = view.database.source_schema, view.database.target
    assert schema is not None
    oids = {name: schema.table(name).oid for name in relations if insert_only.belongs(view, group, name)}
    found = ("changes", "counted_since")
    if oids:
        yield Statement(Side.SOURCE, view.database.name, insert_only.count(oids.values()), keeps=found)
    if others := tuple(name for name in relations if name not in oids):
        yield Statement(Side.DESTINATION, target, _insertion(view, group, others, schema))
    if oids:
        yield Statement(
            Side.DESTINATION, target, _insertion(view, group, tuple(oids), schema, counted=True), uses=found
        )
    yield from appeared.begun_again(view, relations)


def _insertion(
    view: View, group: LedgerGroup, relations: tuple[str, ...], schema: Schema, *, counted: bool = False
) -> str:
    standing = appeared.structures(schema, relations)
    rows = ", ".join(
        f"({literal(view.spec.name)}, {literal(relation)}, {group.number}, {schema.table(relation).oid},"
        f" to_regclass({literal(relation)}), {'true' if schema.table(relation).is_partition else 'false'},"
        f" {noted(schema, view.database.target_schema, relation)}, {literal(standing[relation])})"
        for relation in relations
    )
    columns = "mapping, relation, group_number, source_oid, target_oid, was_partition, layout, structure"
    if not counted:
        return f"INSERT INTO migrator.relations ({columns}) VALUES {rows} {giving_up.AGAIN}"
    return (
        f"INSERT INTO migrator.relations ({columns}, insert_only, changes, counted_since)"
        " SELECT each.*, true, (%(changes)s::jsonb ->> each.source_oid::text)::bigint, %(counted_since)s FROM (VALUES "
        + rows.replace("%", "%%")  # a name may have one
        + f") AS each ({columns}) {giving_up.AGAIN}"
    )


def _lagging_sync(view: View, subscription: Subscription) -> tuple[Finding, ...]:
    """Tablesync fails and retries without a word; its error count and no progress are the only signs."""
    if subscription.sync_error_count == 0 or subscription.copied_bytes:
        return ()
    stuck = [n for n, s in sorted(subscription.relations.items()) if s in (SyncState.INIT, SyncState.DATA_COPY)]
    if not stuck:
        return ()
    return (
        Finding(
            "tablesync_failing",
            f"PostgreSQL's tablesync has failed {subscription.sync_error_count} times in database {view.database.target};"
            f" not copied yet: {', '.join(stuck[:5])}{' and more' if len(stuck) > 5 else ''}.",
            "The destination server's log names the relation and the reason (look for 'logical replication table "
            "synchronization worker'): its disk is full, the connection to the source was cut, a row is there already. "
            "PostgreSQL tries again by itself every wal_retrieve_retry_interval.",
            database=view.database.name,
        ),
    )
