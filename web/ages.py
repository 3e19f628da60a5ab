"""How old a summary is, without trusting that the servers' clocks and ours agree."""

from collections.abc import Callable
from datetime import UTC, datetime
from time import monotonic


def _utc_now() -> datetime:
    return datetime.now(UTC)


class Ages:
    """Ages by mapping. Once a summary was seen to change, its age is the time since, by our own monotonic clock;
    before that, the difference between our wall clock and what it says of itself."""

    def __init__(self, now: Callable[[], datetime] = _utc_now, ticks: Callable[[], float] = monotonic) -> None:
        self._now, self._ticks = now, ticks
        self._seen: dict[str, tuple[str, float]] = {}

    def note(self, name: str, observed_at: object) -> None:
        """A summary was read; it says when it was observed."""
        text = str(observed_at)
        known = self._seen.get(name)
        if known is None:
            self._seen[name] = (text, self._ticks() - self._by_wall_clock(text))
        elif known[0] != text:
            self._seen[name] = (text, self._ticks())

    def keep(self, names: list[str]) -> None:
        """Forget all others."""
        self._seen = {name: self._seen[name] for name in names if name in self._seen}

    def all(self) -> dict[str, float]:
        """Seconds by mapping."""
        now = self._ticks()
        return {name: round(now - since, 1) for name, (_, since) in self._seen.items()}

    def _by_wall_clock(self, text: str) -> float:
        try:
            return max(0.0, (self._now() - datetime.fromisoformat(text)).total_seconds())
        except (ValueError, TypeError):
            return 0.0
