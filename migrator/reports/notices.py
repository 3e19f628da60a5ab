"""What is told to the addresses under `notifications`: from two summaries to events, from an event to what is posted. Pure."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime

from migrator.config import Event, NotificationKind, NotificationSpec
from migrator.reports.snapshot import Document
from migrator.steps import Status

SCHEMA_VERSION = 1
MOST_FINDINGS = 10
"""Of one message; how many more there are is counted in it."""

OVERTAKEN_SECONDS = 60.0
"""How much later than another a tick may publish what it saw before it."""

_LONGEST_TEXT = 1_000

_NOT_READY = frozenset({Status.NOT_STARTED, Status.IN_PROGRESS, Status.SYNCED, Status.PROBLEMATIC, Status.PAUSED})
"""States after cutover_ready that mean "not any more": completing and aborting are what it was for."""

_SAID = {
    Event.READY: "is ready for the cutover.",
    Event.NOT_READY: "is no longer ready for the cutover.",
    Event.PROBLEM: "needs somebody.",
    Event.MENDED: "is without problems again.",
    Event.STALLED: "stands still: nothing was copied or confirmed for a long time, and nothing says why.",
    Event.COMPLETED: "is completed: nothing of the migration is left on either server.",
    Event.ABORTED: "is aborted: nothing of the migration is left on the source.",
}


def essence(summary: Mapping[str, object]) -> Document:
    """As much of a summary as decides what is told: status, stall, and the kinds of what blocks, by database."""
    blocking = {(str(each["code"]), str(each["database"] or "")) for each in _blocking(summary)}
    return {
        "at": summary["observed_at"],
        "status": summary["status"],
        "stalled": summary["stalled_since"] is not None,
        "blocking": [list(each) for each in sorted(blocking)],
    }


def overtaken(before: Mapping[str, object] | None, now: Mapping[str, object]) -> bool:
    """Whether a faster tick has told something later already. An earlier time by more than that is another clock."""
    if before is None:
        return False
    was, at = (datetime.fromisoformat(str(each["at"])) for each in (before, now))
    return 0 < (was - at).total_seconds() < OVERTAKEN_SECONDS


def events(before: Mapping[str, object] | None, now: Mapping[str, object]) -> tuple[Event, ...]:
    """What happened between two essences. Without an earlier one whatever is worth telling now has just happened."""
    return tuple(_happened(before or {"status": None, "stalled": False, "blocking": []}, now))


def _happened(before: Mapping[str, object], now: Mapping[str, object]) -> Iterator[Event]:
    was, status = before["status"], now["status"]
    if was == Status.CUTOVER_READY and status in _NOT_READY:
        yield Event.NOT_READY
    if not _pairs(now) <= _pairs(before):
        yield Event.PROBLEM
    elif status in _NOT_READY | {Status.CUTOVER_READY} and _pairs(before) and not _pairs(now):
        yield Event.MENDED
    if now["stalled"] and not before["stalled"]:
        yield Event.STALLED
    for event, reached in (
        (Event.READY, Status.CUTOVER_READY),
        (Event.COMPLETED, Status.COMPLETED),
        (Event.ABORTED, Status.ABORTED),
    ):
        if status == reached and was != reached:
            yield event


def _pairs(essence: Mapping[str, object]) -> set[tuple[str, ...]]:
    found = essence["blocking"]
    return {tuple(each) for each in found} if isinstance(found, Iterable) else set()


def document(event: Event, summary: Mapping[str, object]) -> Document:
    """The event as the generic JSON that is documented in the user guide."""
    found = _blocking(summary)
    identity = f"{summary['name']} {event} {summary['observed_at']}"
    return {
        "schema_version": SCHEMA_VERSION,
        "id": hashlib.sha256(identity.encode()).hexdigest()[:16],
        "event": event.value,
        "at": summary["observed_at"],
        "mapping": summary["name"],
        "source": summary["source"],
        "destination": summary["destination"],
        "status": summary["status"],
        "message": f"{summary['name']} ({summary['source']} -> {summary['destination']}) {_SAID[event]}",
        "findings": [_finding(each) for each in found[:MOST_FINDINGS]],
        "findings_left_out": max(0, len(found) - MOST_FINDINGS),
    }


def trial(name: str) -> Document:
    """What `pg-migrator notify` sends: of the same shape, with an event that never happens."""
    return {
        "schema_version": SCHEMA_VERSION,
        "id": "0" * 16,
        "event": "test",
        "at": None,
        "mapping": name,
        "source": None,
        "destination": None,
        "status": None,
        "message": "pg-migrator can write here. Nothing has happened: this is a test.",
        "findings": [],
        "findings_left_out": 0,
    }


def address_key(spec: NotificationSpec) -> str:
    """The name of an address among what is still to be sent. It does not give the URL away."""
    return hashlib.sha256(f"{spec.kind} {spec.url.reveal()}".encode()).hexdigest()[:16]


def body(kind: NotificationKind, document: Mapping[str, object]) -> Document:
    """What is posted to an address of that kind."""
    if kind is NotificationKind.SLACK:
        return {"text": _escaped("\n".join(_lines(document)))}
    if kind is NotificationKind.TEAMS:
        return _card(list(_lines(document)))
    return dict(document)


def _lines(document: Mapping[str, object]) -> Iterator[str]:
    """For people: the sentence, then each finding with its remedy."""
    yield str(document["message"])
    found = document["findings"]
    for each in found if isinstance(found, Sequence) else ():
        yield f"{each['code']}: {each['message']}"
        if each["remedy"]:
            yield f"Remedy: {each['remedy']}"
    if document["findings_left_out"]:
        yield f"And {document['findings_left_out']} more."


def _escaped(text: str) -> str:
    """Slack reads & < > as the beginning of links and mentions."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _card(lines: list[str]) -> Document:
    """An Adaptive Card, as Teams' workflow "Post to a channel when a webhook request is received" takes it."""
    first, *more = lines
    blocks: list[Document] = [{"type": "TextBlock", "text": _plain(first), "weight": "bolder", "wrap": True}]
    blocks += [{"type": "TextBlock", "text": _plain(line), "wrap": True} for line in more]
    content = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": blocks,
    }
    attachment = {"contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": None, "content": content}
    return {"type": "message", "attachments": [attachment]}


def _plain(text: str) -> str:
    """A card's text is Markdown: names with underscores or asterisks would lose them, and brackets make links."""
    return "".join(f"\\{letter}" if letter in "\\`*_[]" else letter for letter in text)


def _blocking(summary: Mapping[str, object]) -> list[Document]:
    found = summary["findings"]
    return [each for each in found if each["blocking"]] if isinstance(found, list) else []


def _finding(finding: Mapping[str, object]) -> Document:
    """What a finding says, shortened: an address takes some 28 kB at most."""
    keys = ("code", "message", "remedy", "database", "relation")
    return {
        key: value if value is None else _shortened(str(value))
        for key, value in zip(keys, map(finding.get, keys), strict=True)
    }


def _shortened(text: str) -> str:
    return text if len(text) <= _LONGEST_TEXT else f"{text[:_LONGEST_TEXT]} ..."
