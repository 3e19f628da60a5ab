"""From two summaries to events, and from an event to what is posted."""

import json

import pytest

from migrator.config import Event, NotificationKind
from migrator.reports.notices import MOST_FINDINGS, body, document, essence, events, overtaken

LOST = ("replication_broken", "shop")
AWAY = ("source_unreachable", None)


def summary(status: str, *blocking: tuple[str, str | None], at: int = 0, stalled: bool = False) -> dict[str, object]:
    told = {"message": "It <broke>.", "remedy": "Mend it.", "relation": None, "since": None}
    findings = [{"code": code, "database": database, "blocking": True, **told} for code, database in blocking]
    return {
        "observed_at": f"2026-11-22T12:00:{at:02d}+00:00",
        "name": "m",
        "source": "old",
        "destination": "new",
        "status": status,
        "stalled_since": "2026-11-22T11:00:00+00:00" if stalled else None,
        "findings": [*findings, {"code": "other_slots", "database": None, "blocking": False, **told}],
    }


R, P, S, I = "cutover_ready", "problematic", "synced", "in_progress"  # noqa: E741 - short, for the table

CASES = [
    (summary(I), summary(S), []),
    (summary(S), summary(R), [Event.READY]),
    (summary(R), summary(R), []),
    (summary(R), summary(I), [Event.NOT_READY]),
    (summary(R), summary(P, LOST), [Event.NOT_READY, Event.PROBLEM]),
    (summary(R), summary("paused"), [Event.NOT_READY]),
    (summary(R), summary("completing"), []),
    (summary("completing"), summary("completed"), [Event.COMPLETED]),
    (summary("aborting"), summary("aborted"), [Event.ABORTED]),
    (summary(P, AWAY), summary("aborted"), [Event.ABORTED]),
    (summary(P, LOST), summary(P, LOST), []),
    (summary(P, LOST), summary(P, LOST, AWAY), [Event.PROBLEM]),
    (summary(P, LOST, AWAY), summary(P, AWAY), []),
    (summary(P, LOST), summary(I), [Event.MENDED]),
    (summary(P, LOST), summary(R), [Event.MENDED, Event.READY]),
    (summary("paused"), summary("paused", LOST), [Event.PROBLEM]),
    (summary("paused", LOST), summary(P, LOST), []),
    (summary(I), summary(I, stalled=True), [Event.STALLED]),
    (summary(I, stalled=True), summary(I, stalled=True), []),
    (summary(I, stalled=True), summary(I), []),
]


@pytest.mark.parametrize(("before", "now", "expected"), CASES)
def test_what_happened(before: dict[str, object], now: dict[str, object], expected: list[Event]) -> None:
    assert list(events(essence(before), essence(now))) == expected


def test_without_memory_what_is_true_now_has_just_happened() -> None:
    told = {status: events(None, essence(summary(status))) for status in (I, S, R, "completed", "aborted")}
    assert told == {I: (), S: (), R: (Event.READY,), "completed": (Event.COMPLETED,), "aborted": (Event.ABORTED,)}
    assert events(None, essence(summary(P, LOST))) == (Event.PROBLEM,)


def test_a_slower_tick_tells_nothing() -> None:
    told = essence(summary(R, at=9))
    assert overtaken(told, essence(summary(I, at=8)))
    assert not overtaken(told, told) and not overtaken(None, told)
    hour_before = {**told, "at": "2026-11-22T11:00:00+00:00"}
    assert not overtaken(told, hour_before), "another clock: the destination was away, and ours is ahead"


def test_the_document_is_small_and_the_same_event_has_the_same_id() -> None:
    many = summary(P, *(("relation_trouble", f"d{number}") for number in range(25)))
    one = document(Event.PROBLEM, many)
    assert one == document(Event.PROBLEM, many)
    assert one["id"] != document(Event.NOT_READY, many)["id"]
    findings = one["findings"]
    assert isinstance(findings, list)
    assert (len(findings), one["findings_left_out"]) == (MOST_FINDINGS, 15)
    assert {entry["code"] for entry in findings} == {"relation_trouble"}, "only what blocks"
    long = {**many, "findings": [{**each, "message": "x" * 9_000} for each in many["findings"]]}  # type: ignore[attr-defined]
    for kind in NotificationKind:
        assert len(json.dumps(body(kind, document(Event.PROBLEM, long)))) < 28_000


def test_slack_and_teams_show_the_text_as_it_is() -> None:
    told = document(Event.PROBLEM, summary(P, LOST))
    assert body(NotificationKind.JSON, told) == told
    text = str(body(NotificationKind.SLACK, told)["text"])
    assert text.splitlines() == [
        "m (old -&gt; new) needs somebody.",
        "replication_broken: It &lt;broke&gt;.",
        "Remedy: Mend it.",
    ]
    card = body(NotificationKind.TEAMS, told)
    assert card["type"] == "message"
    content = json.loads(json.dumps(card))["attachments"][0]["content"]
    assert content["type"] == "AdaptiveCard"
    texts = [block["text"] for block in content["body"]]
    assert texts == ["m (old -> new) needs somebody.", "replication\\_broken: It <broke>.", "Remedy: Mend it."]
