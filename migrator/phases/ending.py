"""Completion and abort: take away what is ours on both sides, nothing else, and say what could not be taken away."""

from collections.abc import Iterable

from migrator.contents import Subscription
from migrator.model import Instance, Slot
from migrator.names import SCHEMA, is_ours, parse_group_name, publication_group, sync_slot_subscription
from migrator.phases import full_identity, giving_up, groups, self_memberships, trial, worker_settings
from migrator.phases.databases import draft_name
from migrator.phases.source_statements import drop_publication, drop_slot
from migrator.phases.view import View
from migrator.quote import identifier, literal
from migrator.records import Intent
from migrator.steps import Action, Finding, Gates, Side, Statement, Step, Wait

NAMES = {
    Intent.COMPLETING: "completion",
    Intent.COMPLETED: "completion",
    Intent.ABORTING: "abort",
    Intent.ABORTED: "abort",
}


def examine(view: View) -> Step:
    """What of ours still stands in one database: subscriptions, then slots, then the publication, then the ledger."""
    name = NAMES[view.journal.intent]
    if view.database.target_error:
        return Step(name, view.database.name, findings=(_target_unreadable(view),))
    for actions in (
        _beginnings(view),
        _subscriptions(view),
        _slots(view),
        _publications(view),
        _identities(view),
        _drafts(view),
        _ledger(view),
    ):
        found = tuple(actions)
        if found:
            return Step(name, view.database.name, Gates.DATABASE, found, _busy(view))
    return Step(name, view.database.name, Gates.DATABASE, (), _busy(view), _hidden(view))


def of_instance(view: View) -> Step:
    """What of ours stands on the destination beside its databases, once these are done."""
    actions = (*worker_settings.returns(view), *self_memberships.returns(view), *trial.strays(view))
    return Step(NAMES[view.journal.intent], None, Gates.MAPPING, actions)


def source_answers(view: View) -> bool:
    """Whether the source is there to be tidied: the server that this migration began on, and no other under its address."""
    found, begun = view.observation.source, view.journal.source
    same = isinstance(found, Instance) and (begun is None or found.system_identifier == begun.system_identifier)
    return same and not view.journal.source_gone


def _target_unreadable(view: View) -> Finding:
    return Finding(
        "database_unreadable",
        f"Database {view.database.target} on the destination cannot be read: {view.database.target_error}",
        "Its subscription, if any, cannot be removed until it can.",
        database=view.database.name,
    )


def _is_hidden(view: View) -> bool:
    """Whether something of ours may stand on the source that this look could not see. Ledger or journal have it first."""
    if view.journal.source_gone or not (view.database.ledger.groups or full_identity.notes(view)):
        return False
    if not source_answers(view):
        return True
    return view.database.source_error is not None and view.source.database(view.database.name) is not None


def _hidden(view: View) -> tuple[Finding, ...]:
    if not _is_hidden(view):
        return ()
    if isinstance(view.observation.source, Instance):
        return (_source_unreadable(view) if source_answers(view) else _source_replaced(view),)
    return (_source_away(view),)


def _source_away(view: View) -> Finding:
    return Finding(
        "source_unreachable",
        "The source does not answer: our slots and publications there cannot be removed, and its slots keep WAL.",
        "Bring it back; or, where it is gone for good, repeat the command with --source-gone.",
        database=view.database.name,
    )


def _source_replaced(view: View) -> Finding:
    """By an address that leads to the new server after the switch, say: it knows nothing of our slots."""
    begun = view.journal.source.system_identifier if view.journal.source else ""
    return Finding(
        "server_replaced",
        f"The source {view.spec.source.name} is not the server this migration began on: system identifier "
        f"{view.source.system_identifier}; the journal says {begun}. Our slots and publications there cannot be removed, "
        "and its slots keep WAL.",
        "Point the configuration at the right server, and repeat the command; or, where that is gone for good, repeat it with "
        "--source-gone.",
        database=view.database.name,
    )


def _source_unreadable(view: View) -> Finding:
    name = view.database.name
    return Finding(
        "database_unreadable",
        f"Database {name} on the source cannot be read: {view.database.source_error}",
        f"Our publication in it, if any, cannot be removed until it can. Let our user {view.source.user.name} connect to it.",
        database=name,
    )


def _beginnings(view: View) -> Iterable[Action]:
    """Groups whose slot a keeper may be making: it holds the group's row meanwhile, so that a look after this sees the slot."""
    for group in view.database.ledger.groups:
        if groups.is_under_snapshot(group) and not (group.slot_created or group.retired):
            mine = Statement(
                Side.DESTINATION, view.database.target, giving_up.lock(view.spec.name, group.number), patient=True
            )
            over = groups.update_group(view, "retired_at = clock_timestamp()", number=group.number)
            yield Action(f"begin no copy of {group.name} any more", (mine, over))


def _subscriptions(view: View) -> Iterable[Action]:
    for subscription in _our_subscriptions(view):
        yield Action(f"drop subscription {subscription.name}", tuple(_drop_subscription(view, subscription)))


def _our_subscriptions(view: View) -> tuple[Subscription, ...]:
    return tuple(entry for entry in view.database.subscriptions if _is_ours(view, entry.name))


def _drop_subscription(view: View, subscription: Subscription) -> Iterable[Statement]:
    """Detached from its slot first, so that a source that is away cannot hold the drop up; the slots are dropped after it."""
    name, target = identifier(subscription.name), view.database.target
    yield Statement(Side.DESTINATION, target, f"ALTER SUBSCRIPTION {name} DISABLE")
    yield Statement(Side.DESTINATION, target, f"ALTER SUBSCRIPTION {name} SET (slot_name = NONE)")
    yield Statement(Side.DESTINATION, target, f"DROP SUBSCRIPTION {name}", transactional=False)


def our_slots(view: View) -> tuple[Slot, ...]:
    """Slots of this database's groups, and tablesync slots of the subscriptions the ledger or the catalog knows."""
    if not source_answers(view):
        return ()
    oids = {group.subscription_oid for group in view.database.ledger.groups}
    oids |= {subscription.oid for subscription in _our_subscriptions(view)}
    suffix = f"_{view.destination.system_identifier}"
    return tuple(
        slot
        for slot in view.source.slots
        if slot.database == view.database.name
        and (_is_ours(view, slot.name) or (sync_slot_subscription(slot.name) in oids and slot.name.endswith(suffix)))
    )


def _is_ours(view: View, name: str) -> bool:
    """This mapping's, by its name or by the ledger: other mappings may use the same source database."""
    if is_ours(name, view.spec.name, view.destination.system_identifier, view.database.name):
        return True
    owned = parse_group_name(name)
    known = {group.name for group in view.database.ledger.groups}
    return owned is not None and publication_group(name) in known


def _slots(view: View) -> Iterable[Action]:
    for slot in our_slots(view):
        if slot.active:
            continue
        drop = Statement(Side.SOURCE, None, drop_slot(slot.name))
        yield Action(f"drop replication slot {slot.name}", (drop,))


def _busy(view: View) -> tuple[Wait, ...]:
    return tuple(Wait(f"replication slot {slot.name} is still active") for slot in our_slots(view) if slot.active)


def _publications(view: View) -> Iterable[Action]:
    if not source_answers(view) or our_slots(view):
        return
    for publication in view.database.publications:
        if not _is_ours(view, publication.name):  # another mapping feeds another destination from this database
            continue
        drop = Statement(Side.SOURCE, view.database.name, drop_publication(publication.name))
        yield Action(f"drop publication {publication.name}", (drop,))


def _identities(view: View) -> Iterable[Action]:
    """After the publication: in one, without an identity, the application's UPDATE and DELETE would fail."""
    if not source_answers(view) or _is_hidden(view) or our_slots(view):
        return
    yield from full_identity.returns(view)


def _drafts(view: View) -> Iterable[Action]:
    """Destination databases under our names, being made or tried: nobody was ever let in."""
    yield from trial.leftover(view, view.database.name)
    draft = draft_name(view, view.database)
    if view.destination.database(draft) is not None:
        drop = Statement(Side.DESTINATION, None, f"DROP DATABASE IF EXISTS {identifier(draft)}", transactional=False)
        yield Action(f"drop the unfinished database {draft}", (drop,))


def _ledger(view: View) -> Iterable[Action]:
    """The ledger goes last: it says which tablesync slots were ours."""
    if not view.database.ledger.exists or our_slots(view) or _is_hidden(view):
        return
    target = view.database.target
    sentences = (*ledger_rows(view.spec.name), _DROP_LEDGER)
    statements = tuple(Statement(Side.DESTINATION, target, sql) for sql in sentences)
    yield Action(f"remove the ledger from database {target}", statements)


_LEDGER = ("relations", "groups", "parts", "keepers", "given", "carried", "large_objects")
"""Its tables: after the groups, whose rows the copies hold, what these wrote."""


def ledger_rows(mapping: str) -> tuple[str, ...]:
    """Statements that take one mapping's rows out of a database's ledger, where other mappings may have theirs."""
    return tuple(f"DELETE FROM {SCHEMA}.{table} WHERE mapping = {literal(mapping)}" for table in _LEDGER)


# The schema itself stays where the journal lives in it (the maintenance database).
_DROP_LEDGER = f"""DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM {SCHEMA}.groups) THEN
        DROP TABLE IF EXISTS {", ".join(f"{SCHEMA}.{table}" for table in _LEDGER)};
    END IF;
    IF NOT EXISTS (SELECT FROM pg_class WHERE relnamespace = '{SCHEMA}'::regnamespace) THEN
        DROP SCHEMA {SCHEMA};
    END IF;
END $$"""
