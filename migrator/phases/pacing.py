"""Which limits hold a mapping's copy: one per source instance, shared by all mappings from it, and one of its own."""

from migrator.bucket import Limit
from migrator.config import MappingSpec
from migrator.phases import wal_budget
from migrator.phases.view import View
from migrator.records import Journal

MB = 1024 * 1024


def source_rate(spec: MappingSpec, journal: Journal | None) -> float | None:
    """MB/s of the source instance: the journal's live limit, else the configuration's; None: no limit."""
    live = journal.source_rate_limit_mbps if journal else None
    return live if live is not None else spec.source.rate_limit_mbps


def mapping_rate(spec: MappingSpec, journal: Journal | None) -> float | None:
    """MB/s of the mapping itself, likewise; less while the brake is on."""
    live = journal.rate_limit_mbps if journal else None
    wanted = live if live is not None else spec.replication.rate_limit_mbps
    brake = journal.brake if journal and spec.replication.brakes else None
    return wanted if brake is None else min(brake.mbps, brake.mbps if wanted is None else wanted)


def rate_limit(spec: MappingSpec, journal: Journal | None) -> float | None:
    """MB/s: the lower of the two, the one in force; None: no limit."""
    return min(
        (rate for rate in (source_rate(spec, journal), mapping_rate(spec, journal)) if rate is not None), default=None
    )


def limits(spec: MappingSpec, journal: Journal | None, source_system_identifier: str) -> tuple[Limit, ...]:
    """The buckets a copy of this mapping draws from. The source's is known by the server, whatever name it goes by."""
    rates = {
        f"source:{source_system_identifier}": source_rate(spec, journal),
        f"mapping:{spec.name}": mapping_rate(spec, journal),
    }
    return tuple(Limit(bucket, rate * MB) for bucket, rate in rates.items() if rate is not None)


def held_back(view: View) -> str | None:
    """Why no copy may begin now."""
    if rate_limit(view.spec, view.journal) == 0:
        return "copying is paused: the rate limit is 0"
    if wal_budget.pauses(view):
        return "copying is paused: the WAL budget is used up"
    return None
