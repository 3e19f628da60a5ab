"""Before anything is made: will the WAL that our slots must keep fit, and what does decoding it cost the source?"""

from collections.abc import Iterator

from migrator.config import CopyMethod, WalBudgetAction
from migrator.phases.pacing import rate_limit
from migrator.phases.view import View
from migrator.phases.wording import duration
from migrator.steps import Finding

GB = 1024**3
MB = 1024**2

ASSUMED_MBPS = 50.0
"""How fast a copy is taken to be where no limit says it; ours on two small cores was faster."""
DECODED_MBPS = 100.0
"""WAL that all our walsenders together may have to decode before it is told: roughly what one core gets through."""


def findings(view: View) -> Iterator[Finding]:
    """Estimates, so nothing blocks; said until the mapping begins, from then on the WAL budget watches what really happens."""
    if view.observation.scope.database is not None or (
        view.observation.journal and view.observation.journal.source is not None
    ):
        return
    yield from _drops(view)
    rate = view.source.wal_bytes_per_second
    if rate:
        yield from _too_small(view, rate)
        yield from _decoders(view, rate)


def _drops(view: View) -> Iterator[Finding]:
    if view.spec.replication.wal_budget_action is WalBudgetAction.DROP_SLOT:
        budget = view.spec.replication.wal_budget_gb
        yield Finding(
            "wal_budget_drops_slot",
            f"wal_budget_action is drop_slot: when slots of this mapping keep more than {budget:g} GB of WAL on the source, they "
            "are dropped without asking. The source's disk is saved; replication of those databases is then lost, and they "
            "must be copied anew.",
            "Nothing to do where that is wanted; else set replication.wal_budget_action to pause_copy.",
            blocking=False,
        )


def _too_small(view: View, rate: float) -> Iterator[Finding]:
    """A slot keeps what is written while its copy lasts: a table's with PostgreSQL's own copy, all of it with ours."""
    sizes = [size.bytes for pair in view.observation.databases for size in pair.sizes.values()]
    copied = sum(sizes) if view.spec.copy_method is CopyMethod.SNAPSHOT else max(sizes, default=0)
    seconds = copied / (_mbps(view) * MB)
    limits = {"replication.wal_budget_gb": view.spec.replication.wal_budget_gb * GB}
    keep_mb = view.source.setting("max_slot_wal_keep_size")
    if "max_slot_wal_keep_size" in view.source.settings and keep_mb >= 0:
        limits["max_slot_wal_keep_size"] = keep_mb * MB
    name = min(limits, key=lambda each: limits[each])
    if rate * seconds > limits[name]:
        yield Finding(
            "wal_budget_small",
            f"The source writes {rate / MB:.1f} MB/s of WAL on average; in the {duration(seconds)} that the longest copy will take "
            f"at {_mbps(view):g} MB/s, a slot must keep {rate * seconds / GB:.1f} GB. {name} allows {limits[name] / GB:.1f} GB.",
            "Raise it as far as the source's disk allows, raise the rate limit, or begin when less is written.",
            blocking=False,
        )


def _mbps(view: View) -> float:
    return rate_limit(view.spec, view.observation.journal) or ASSUMED_MBPS


def _decoders(view: View, rate: float) -> Iterator[Finding]:
    """Each slot has a walsender that decodes the WAL of all databases, whatever few of its changes it sends."""
    count = len(view.observation.databases)
    if count > 1 and count * rate > DECODED_MBPS * MB:
        yield Finding(
            "decoders_many",
            f"{count} databases make {count} replication slots, and each slot's walsender decodes all the source's WAL "
            f"({rate / MB:.1f} MB/s on average): {count * rate / MB:.0f} MB/s together, more than about one core's work.",
            "Give the source the processors for it, or migrate the databases in several mappings one after the other "
            "(databases.include).",
            blocking=False,
        )
