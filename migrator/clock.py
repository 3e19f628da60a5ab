"""A server's clock. What is remembered with a time is judged by the destination's, on whichever machine that is done."""

import time
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from migrator.connection import Session


@dataclass(frozen=True)
class Clock:
    """What a server's clock said, once; what has passed since is measured here."""

    said: datetime
    _at: float = field(default_factory=time.monotonic)

    @classmethod
    def of(cls, session: Session) -> "Clock":
        """The clock of the session's server."""
        row = session.execute("SELECT clock_timestamp() AS now").fetchone()
        assert row is not None
        return cls(row["now"])

    def now(self) -> datetime:
        return self.said + timedelta(seconds=time.monotonic() - self._at)
