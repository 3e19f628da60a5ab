"""How far behind, and does apply run? Bytes and seconds must both be under their thresholds for the light."""

from collections.abc import Iterable

from migrator.contents import Subscription
from migrator.phases import groups, lag, open_transactions
from migrator.phases.view import View
from migrator.quote import identifier
from migrator.records import LedgerGroup
from migrator.steps import Finding, Gates, Step, Wait

NAME = "catchup"

MB = 1024 * 1024


def examine(view: View) -> Step:
    """One answer for all groups of the database: the worst of them counts."""
    working = groups.at_work(view)
    if not working:
        return Step(NAME, view.database.name, waits=(Wait("the subscription is not there yet"),))
    workers = (wait for group in working for wait in _worker_wait(view, group))
    waits = (*workers, *_lag_waits(view), *open_transactions.waits(view))
    return Step(NAME, view.database.name, Gates.DATABASE, (), waits, tuple(open_transactions.findings(view)))


def trouble(view: View) -> Step:
    """Asked before post_data, which may fail or wait for just what apply halts at. It holds back none of that: it may be the cure."""
    found = (finding for group in groups.at_work(view) for finding in _apply_trouble(view, group))
    return Step(NAME, view.database.name, Gates.RELATION, findings=tuple(found))


def _worker_wait(view: View, group: LedgerGroup) -> Iterable[Wait]:
    subscription = view.database.subscription(group.name)
    slot = view.source.slot(group.name)
    if subscription is not None and subscription.worker_pid is None:
        yield Wait(f"the apply worker of {group.name} is not running")
    elif slot is not None and not slot.active:
        yield Wait(f"replication slot {group.name} is not active")


def _lag_waits(view: View) -> Iterable[Wait]:
    limits = view.spec.replication
    position = lag.confirmed(view.observation, view.database)
    distance = lag.lag_bytes(view.observation, view.database)
    if distance is None:
        yield Wait("no confirmed position yet")
    elif distance > limits.wal_lag_threshold_mb * MB:
        yield Wait(f"lag of {distance / MB:.1f} MB, more than {limits.wal_lag_threshold_mb:g} MB")
    seconds = lag.lag_seconds(view.journal, position, view.now)
    if seconds is None:
        yield Wait("no WAL marker emitted yet")
    elif seconds > limits.wal_lag_threshold_minutes * 60:
        yield Wait(f"lag of {seconds:.0f} s, more than {limits.wal_lag_threshold_minutes * 60:g} s")


def _silence(view: View, group: LedgerGroup) -> float:
    """Seconds for which a marker has waited for this group."""
    slot = view.source.slot(group.name)
    return lag.lag_seconds(view.journal, slot.confirmed_flush_lsn if slot else None, view.now) or 0.0


def _starts_again(view: View, group: LedgerGroup, subscription: Subscription) -> bool:
    """No worker, or one that is younger than the silence: one that works at a large transaction has been there before it."""
    silence, age = _silence(view, group), subscription.worker_seconds
    return silence > lag.SILENT_SECONDS and (subscription.worker_pid is None or (age is not None and age < silence))


def has_stopped(view: View, group: LedgerGroup) -> bool:
    """Whether apply fails and starts again, at the same change each time as far as one can see."""
    there = view.database.subscription(group.name)
    return there is not None and there.apply_error_count > 0 and _starts_again(view, group, there)


def _apply_trouble(view: View, group: LedgerGroup) -> Iterable[Finding]:
    subscription = view.database.subscription(group.name)
    if subscription is None:
        return
    if subscription.apply_error_count and (subscription.worker_pid is None or _starts_again(view, group, subscription)):
        yield Finding(
            "apply_failing",
            f"Apply in database {view.database.target} fails and starts again ({subscription.apply_error_count} errors so"
            f" far); no change of any relation of {group.name} gets through.",
            "The destination server's log names relation, key and transaction (look for 'logical replication apply "
            "worker'). Mend the cause on the destination; PostgreSQL tries again by itself. Does a function there not find what it "
            "names without a schema: ALTER FUNCTION ... SET search_path = ..., on both sides, since apply has none. Last resort, it "
            f"drops the whole transaction: ALTER SUBSCRIPTION {identifier(group.name)} SKIP (lsn = '<finished at, from the log>');",
            database=view.database.name,
        )
    elif subscription.enabled and _starts_again(view, group, subscription):
        yield Finding(
            "apply_not_running",
            f"Nothing of database {view.database.name} has come through for {_silence(view, group):.0f} s: the apply worker in "
            f"database {view.database.target} is not running, or ends and is started again. PostgreSQL counts no error for it.",
            "The destination server's log says why it ends (look for 'logical replication apply worker' and 'out of logical "
            "replication worker slots'), the source's why its walsender does; PostgreSQL tries again by itself.",
            database=view.database.name,
        )
    if subscription.conflict_count:
        yield Finding(
            "apply_conflicts",
            f"Apply in database {view.database.target} met {subscription.conflict_count} conflicts: rows on the destination "
            "were not what the source's changes expected, and some changes may be missing.",
            "See pg_stat_subscription_stats (confl_* columns) and the destination's log. Somebody has written to the "
            "destination; compare the relations named there before you rely on them. When they are right, count anew: in database "
            f"{view.database.target} on the destination: SELECT pg_stat_reset_subscription_stats({subscription.oid});",
            database=view.database.name,
        )
