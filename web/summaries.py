"""What the pages make of a summary: the row of the overview, counts, how old is too old. Pure."""

from collections import Counter
from collections.abc import Iterable, Mapping

from migrator.store import Document

STATUSES = (
    "problematic",
    "cutover_ready",
    "synced",
    "in_progress",
    "not_started",
    "paused",
    "completing",
    "completed",
    "aborting",
    "aborted",
)
"""In the order in which the eye should meet them."""

ROW_KEYS = (
    "name",
    "source",
    "destination",
    "status",
    "phase",
    "cutover_ready",
    "intent",
    "observed_at",
    "lag_bytes",
    "lag_seconds",
    "row_delta",
    "retained_bytes",
    "progress",
)
RELATION_COUNTS = ("total", "ready", "copying", "waiting", "failed")
RELATION_KEYS = ("state", "bytes", "rows", "copied_bytes", "copied_rows", "target_rows")
DEFAULT_REFRESH_SECONDS = 5.0
STALE_INTERVALS = 3


def overview_row(summary: Document) -> Document:
    """What the overview shows of a mapping: its own numbers, its relations added up, and the first thing in the way."""
    findings = _dicts(summary.get("findings"))
    blocking = [finding for finding in findings if finding.get("blocking")]
    waits = _dicts(summary.get("waits"))
    row: Document = {key: summary.get(key) for key in ROW_KEYS}
    row["relations"] = relation_counts(summary)
    counted = {"blocking": len(blocking), "other": len(findings) - len(blocking)}
    row["findings"] = _dict(summary.get("totals")).get("findings", counted)
    row["why"] = next((item.get("message") for item in (*blocking, *waits)), None)
    return row


def relation_counts(summary: Document) -> dict[str, int]:
    """The relations of all databases by state."""
    totals = _dict(_dict(summary.get("totals")).get("relations"))
    counts = [totals] if totals else [_dict(each.get("relations")) for each in _dicts(summary.get("databases"))]
    return {key: sum(_int(count.get(key)) for count in counts) for key in RELATION_COUNTS}


def by_urgency(row: Document) -> tuple[int, str]:
    """A sort key: what needs somebody first."""
    status = str(row.get("status"))
    return (STATUSES.index(status) if status in STATUSES else -1, str(row.get("name")))


def counts_by_status(rows: Iterable[Document]) -> list[tuple[str, int]]:
    """How many mappings have which status, only those that occur."""
    counts = Counter(str(row.get("status")) for row in rows)
    return [(status, counts[status]) for status in STATUSES if counts[status]]


def relation_row(relation: str, document: Mapping[str, object]) -> list[object]:
    """A relation as the wire carries it: an array instead of an object, for there may be ten thousand."""
    return [relation, *(document.get(key) for key in RELATION_KEYS)]


def refresh_seconds(public: Document | None) -> float:
    """How often to look, from the published configuration."""
    return _replication(public, "ui_refresh_interval_seconds")


def stale_seconds(public: Document | None, refresh: float) -> float:
    """From which age on a summary is called stale: three intervals, of whichever of looking and publishing is slower."""
    return STALE_INTERVALS * max(refresh, _replication(public, "reconcile_interval_seconds"))


def _replication(public: Document | None, key: str) -> float:
    value = _dict((public or {}).get("replication")).get(key)
    return float(value) if isinstance(value, (int, float)) and value > 0 else DEFAULT_REFRESH_SECONDS


def _dict(value: object) -> dict[str, object]:
    return value if isinstance(value, dict) else {}


def _dicts(value: object) -> list[dict[str, object]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _int(value: object) -> int:
    return value if isinstance(value, int) else 0
