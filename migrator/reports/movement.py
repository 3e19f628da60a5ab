"""Whether anything moves: a mapping that is neither blocked nor in step, and in which nothing changes, stands still. Pure."""

from collections.abc import Mapping
from datetime import datetime

from migrator.phases import keys, post_data
from migrator.steps import Status

Document = dict[str, object]

BUILDING = (keys.NAME, post_data.NAME)


def moved_at(summary: Mapping[str, object], previous: Mapping[str, object] | None) -> str:
    """When something moved last, as far back as summaries go."""
    if previous is not None and previous.get("moved_at") and _mark(previous) == _mark(summary):
        return str(previous["moved_at"])
    return str(summary["observed_at"])


def stalled_since(summary: Mapping[str, object], minutes: float) -> str | None:
    """The time since when nothing moves, where that is longer than `minutes` and something ought to.

    An index build moves nothing that can be seen here, so those phases are left out.
    """
    if summary["status"] != Status.IN_PROGRESS or summary["phase"] in BUILDING:
        return None
    since, now = (datetime.fromisoformat(str(summary[key])) for key in ("moved_at", "observed_at"))
    return since.isoformat() if (now - since).total_seconds() > minutes * 60 else None


def _mark(summary: Mapping[str, object]) -> tuple[object, ...]:
    """What changes while a migration goes on: what is copied, and what the groups have confirmed."""
    progress, totals, groups = summary.get("progress"), summary.get("totals"), summary.get("groups")
    return (
        summary.get("status"),
        summary.get("phase"),
        progress.get("bytes_copied") if isinstance(progress, Mapping) else None,
        totals.get("relations") if isinstance(totals, Mapping) else None,
        [group.get("confirmed_lsn") for group in groups] if isinstance(groups, list) else None,
    )
