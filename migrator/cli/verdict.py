"""Whether `run` is to end, from the published summaries. No clock, no Redis: both are handed in."""

from collections.abc import Mapping, Sequence
from enum import Enum, auto

from migrator.cli.report import document, documents

Summary = Mapping[str, object]
OVER = frozenset({"completed", "aborted"})
_READY = frozenset({"cutover_ready", "completed"})
_BLOCKED_SECONDS = 10.0
_HEALING_SECONDS = 60.0
_MAY_HEAL = frozenset({"source_unreachable", "destination_unreachable", "database_unreadable", "action_failed", "apply_failing",
                       "apply_not_running", "tablesync_failing", "slot_creation_waits", "connections_short"})  # fmt: skip
"""Findings that often go by themselves: a server restarts, a lock is released. They are given more time."""


class Verdict(Enum):
    """Why `run` ends."""

    READY = auto()
    PERSON = auto()
    TIMEOUT = auto()
    INTERRUPTED = auto()


class Outlook:
    """Judges tick by tick. `until_ready`: end at the light, or when only a person can go on; else only at the timeout."""

    def __init__(self, names: Sequence[str], until_ready: bool = False, timeout: float | None = None) -> None:
        self.names = names
        self.last_seen: Sequence[Summary] = ()
        self._until_ready = until_ready
        self._timeout = timeout
        self._begun: float | None = None
        self._standing: dict[str, tuple[object, float]] = {}

    @property
    def all_ready(self) -> bool:
        """Whether every mapping may be cut over."""
        return self._all(_READY)

    @property
    def all_over(self) -> bool:
        """Whether every mapping is completed or aborted."""
        return self._all(OVER)

    def judge(self, summaries: Sequence[Summary], now: float) -> Verdict | None:
        """The reason to end now, if there is one. `now`: a monotonic clock, in seconds."""
        self._begun = now if self._begun is None else self._begun
        self.last_seen = summaries or self.last_seen
        for summary in summaries:
            self._follow(summary, now)
        if self._until_ready and self.all_ready and summaries:
            return Verdict.READY
        if self._timeout is not None and now - self._begun >= self._timeout:
            return Verdict.TIMEOUT
        if self._until_ready and summaries and self._only_a_person(summaries, now):
            return Verdict.PERSON
        return None

    def _all(self, statuses: frozenset[str]) -> bool:
        return len(self.last_seen) == len(self.names) and all(s["status"] in statuses for s in self.last_seen)

    def _follow(self, summary: Summary, now: float) -> None:
        """Since when nothing has moved in this mapping."""
        moving = (
            summary["status"], summary["phase"], sorted(_blockers(summary)), document(summary["progress"]).get("bytes_copied"),
            document(summary["totals"]).get("relations"),
        )  # fmt: skip
        name = str(summary["name"])
        if self._standing.get(name, (None, 0.0))[0] != moving:
            self._standing[name] = (moving, now)

    def _only_a_person(self, summaries: Sequence[Summary], now: float) -> bool:
        """Some mapping is blocked and has not moved for a while, and no other one still can."""
        stuck = [self._stuck(summary, now) for summary in summaries if summary["status"] not in _READY]
        return len(summaries) == len(self.names) and bool(stuck) and all(stuck)

    def _stuck(self, summary: Summary, now: float) -> bool:
        stands = now - self._standing[str(summary["name"])][1]
        if summary["status"] in ("paused", "aborted"):
            return stands >= _BLOCKED_SECONDS
        codes = _blockers(summary)
        patience = _HEALING_SECONDS if codes <= _MAY_HEAL else _BLOCKED_SECONDS
        return bool(codes) and stands >= patience


def _blockers(summary: Summary) -> set[str]:
    return {str(finding["code"]) for finding in documents(summary["findings"]) if finding["blocking"]}
