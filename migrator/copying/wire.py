"""One session's libpq connection, used without blocking: every wait ends within a moment once the work is to stop."""

import select
import time
from collections.abc import Callable
from contextlib import suppress

import psycopg
from psycopg import pq
from psycopg.errors import error_from_result

from migrator.connection import Session
from migrator.copying.errors import StoppedError

Stop = Callable[[], bool]
"""Whether the work is to end; asked several times a second, and must answer at once."""

SLICE_SECONDS = 0.2
"""The longest wait between two questions whether to stop."""

CANCEL_SECONDS = 1.0
"""How long a server may take to accept a cancel request; then its session is closed all the same."""

_OPEN = (pq.TransactionStatus.INTRANS, pq.TransactionStatus.INERROR)


class Wire:
    """Statements by the simple protocol, several to a message: each message is one round trip.

    Raises psycopg's errors, and StoppedError. After StoppedError, or an error in mid-copy, only `abandon` is left.
    """

    def __init__(self, session: Session, stop: Stop) -> None:
        self._session = session
        self._stop = stop
        self.connection = session.pgconn
        self.connection.nonblocking = 1
        self._ask_at = 0.0

    def ask(self, sql: str) -> list[pq.abc.PGresult]:
        """The results of all statements; the last may be the beginning of a COPY. The session's client_encoding is UTF8."""
        self.connection.send_query(sql.encode())
        return self.results()

    def results(self) -> list[pq.abc.PGresult]:
        """What the statements that are on their way answer."""
        found: list[pq.abc.PGresult] = []
        failed: psycopg.Error | None = None
        while True:
            self._receive()
            result = self.connection.get_result()
            if result is None:
                if failed is not None:
                    raise failed
                return found
            if result.status == pq.ExecStatus.FATAL_ERROR:
                failed = error_from_result(result)
            found.append(result)
            if result.status in (pq.ExecStatus.COPY_IN, pq.ExecStatus.COPY_OUT):
                return found

    def _receive(self) -> None:
        """Send what is unsent and wait until a result is there."""
        sending = bool(self.connection.flush())
        while sending or self.connection.is_busy():
            events = dict(wait((self, select.POLLIN | (select.POLLOUT if sending else 0))))
            self.check()
            if events.get(self.connection.socket, 0) & ~select.POLLOUT:
                self.connection.consume_input()
            sending = bool(self.connection.flush())

    def check(self) -> None:
        """Raise StoppedError where the work is to end; asks several times a second, however often it is called."""
        now = time.monotonic()
        if now < self._ask_at:
            return
        self._ask_at = now + SLICE_SECONDS / 2
        if self._stop():
            raise StoppedError("Copying was stopped.", "It goes on where it left off.")

    def abandon(self) -> None:
        """Roll back. A statement that still runs is cancelled, and its session closed."""
        if self._session.closed:
            return
        if self.connection.transaction_status in _OPEN:
            with suppress(psycopg.Error, StoppedError):
                self.ask("ROLLBACK")
                return
        elif self.connection.transaction_status == pq.TransactionStatus.IDLE:
            return
        with suppress(psycopg.Error):
            self._session.cancel_safe(timeout=CANCEL_SECONDS)
        self._session.close()


def wait(*wanted: tuple[Wire, int], seconds: float = SLICE_SECONDS) -> list[tuple[int, int]]:
    """poll(2) for these events, for SLICE_SECONDS at most: file descriptor and events of those that have any."""
    poll = select.poll()
    for wire, events in wanted:
        poll.register(wire.connection.socket, events)
    return poll.poll(max(1, int(min(seconds, SLICE_SECONDS) * 1000)))
