"""The summary as it is published: at most 50 kB however much there is to tell. What is left out is counted, never lost."""

import json
from collections.abc import Mapping, Sequence

from migrator.reports.snapshot import Document

LARGEST_BYTES = 50_000
"""Every browser gets the summary at every change."""

_LIMITS = (60, 40, 25, 15, 10, 6, 3, 1, 0)
"""How many of each list are tried, until it fits."""

_LONGEST_TEXT = 1_500
_MOST_REASONS = 20
_URGENCY = ("problematic", "in_progress", "not_started", "synced")


def brief(summary: Mapping[str, object]) -> Document:
    """`summary` with its lists cut as far as needed; `left_out` says how many of each are missing."""
    if _size(summary) <= LARGEST_BYTES:
        return {**summary, "left_out": {}}
    cuts = [_cut(summary, limit) for limit in _LIMITS]
    return next((cut for cut in cuts if _size(cut) <= LARGEST_BYTES), cuts[-1])


def _size(document: Mapping[str, object]) -> int:
    return len(json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode())


def _cut(summary: Mapping[str, object], limit: int) -> Document:
    name = str(summary["name"])
    lists = {
        "databases": sorted(_items(summary["databases"]), key=_urgency),
        "findings": sorted(_items(summary["findings"]), key=lambda finding: not finding["blocking"]),
        "waits": _items(summary["waits"]),
        "groups": _items(summary["groups"]),
    }
    kept = {key: [_shortened(item, name) for item in items[:limit]] for key, items in lists.items()}
    left_out = {key: len(items) - limit for key, items in lists.items() if len(items) > limit}
    steps = _items(summary["cutover"])
    per_database = [step for step in steps if step["database"] is not None][limit:]
    if per_database:
        left_out["cutover"] = len(per_database)
    kept["cutover"] = [_shortened(step, name) for step in steps if step not in per_database]
    return {**summary, **kept, "completion": _fewer_reasons(summary["completion"]), "left_out": left_out}


def _items(value: object) -> list[Document]:
    assert isinstance(value, list)
    return value


def _urgency(database: Document) -> int:
    status = str(database["status"])
    return _URGENCY.index(status) if status in _URGENCY else len(_URGENCY)


def _shortened(item: Document, name: str) -> Document:
    """Text that is too long to be told is not told in part: half a script is worse than none."""
    long = {key: value for key, value in item.items() if isinstance(value, str) and len(value) > _LONGEST_TEXT}
    return {**item, **{key: _elsewhere(key, value, name) for key, value in long.items()}}


def _elsewhere(key: str, text: str, name: str) -> str:
    if key == "sql":
        return f"-- {len(text):,} characters; all of them: pg-migrator cutover {name}"
    if key == "remedy":
        return f"{len(text):,} characters of statements; all of them: pg-migrator check {name}"
    return f"{text[:_LONGEST_TEXT]} ..."


def _fewer_reasons(completion: object) -> Document:
    assert isinstance(completion, dict)
    reasons: Sequence[str] = completion["reasons"]
    more = [f"And {len(reasons) - _MOST_REASONS} more."] if len(reasons) > _MOST_REASONS else []
    return {**completion, "reasons": [*reasons[:_MOST_REASONS], *more]}
