"""Since when a finding is told: as far back as summaries go, and no further."""

from datetime import UTC, datetime, timedelta

from migrator.reports.snapshot import _findings, told_before
from migrator.steps import Decision, Finding, Gates, Step

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


def told(message: str) -> Decision:
    finding = Finding("source_unreachable", message, "Look there.")
    return Decision("m", (Step("preflight", None, Gates.MAPPING, findings=(finding,)),))


def test_since_when_a_finding_is_told() -> None:
    (unknown,) = _findings(told("1 try"), NOON, None)
    assert unknown["since"] is None
    first = {"observed_at": NOON.isoformat(), "findings": [unknown]}
    (again,) = _findings(told("2 tries"), NOON + timedelta(seconds=5), first)
    assert again["since"] == NOON.isoformat()
    quiet = {"observed_at": NOON.isoformat(), "findings": []}
    (new,) = _findings(told("1 try"), NOON + timedelta(seconds=5), quiet)
    (later,) = _findings(told("2 tries"), NOON + timedelta(seconds=9), {"observed_at": "later", "findings": [new]})
    assert later["since"] == new["since"] == (NOON + timedelta(seconds=5)).isoformat()


def test_of_two_looks_at_once_the_earlier_time_is_told() -> None:
    early, late = NOON.isoformat(), (NOON + timedelta(seconds=5)).isoformat()
    finding = told("1 try").findings[0].document()
    mine: dict[str, object] = {"observed_at": late, "findings": [{**finding, "since": late}]}
    theirs: dict[str, object] = {"observed_at": early, "findings": [{**finding, "since": early}]}
    assert told_before(mine, theirs)["findings"] == theirs["findings"]
    assert told_before(theirs, mine)["findings"] == theirs["findings"]
    assert told_before(mine, {"observed_at": early, "findings": []}) == told_before(mine, None) == mine
