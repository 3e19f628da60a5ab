"""Sessions for looks, kept between the looks and tasks of one process: bounded, closed when idle, never shared over a fork.

Sessions that take an advisory lock or run an action are not from here: they end with their task, and the lock with them.
psycopg_pool's pools are one per database, each with a bound of its own; here many databases share one bound per server.
"""

import os
import select
import threading
import weakref
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from time import monotonic

import psycopg
from psycopg.pq import TransactionStatus

from migrator.config import InstanceSpec
from migrator.connection import SILENCE_SECONDS, Session, connect
from migrator.errors import SessionLimitError

KEPT_PER_INSTANCE = 8
"""Idle sessions that one process keeps to one server, at most; fewer where `max_connections` is small."""

IDLE_SECONDS = 30.0
"""An idle session is closed after that: it stands in the way of DROP DATABASE, and costs its server memory."""

Place = tuple[str, str, int, str]
"""Instance, server, port, database."""


@dataclass
class _Idle:
    """A session nobody uses, and since when."""

    session: Session
    place: Place
    settings: tuple[tuple[str, str], ...]
    since: float = field(default_factory=monotonic)


class Sessions:
    """The idle sessions of this process. Safe for threads; a forked child begins with none."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._idle: list[_Idle] = []
        self._pid = os.getpid()
        self._closer: threading.Timer | None = None
        self._crowded: set[str] = set()
        self._used: set[Session] = set()

    def __del__(self) -> None:
        self.close()

    @contextmanager
    def session(
        self, instance: InstanceSpec, database: str | None, application_name: str, settings: Mapping[str, str]
    ) -> Iterator[Session]:
        """A session to use alone; kept afterwards, unless something went wrong with it.

        Raises UnreachableError, and SessionLimitError where this server has as many of our sessions as it may have.
        """
        session = self._taken(instance, database, application_name, settings)
        self._used.add(session)
        try:
            yield session
        except BaseException:
            session.close()
            raise
        finally:
            self._used.discard(session)
        self._give_back(session, instance, database, settings)

    def cancel(self) -> None:
        """Cancel what this process's sessions are being asked, in whatever thread."""
        for session in tuple(self._used):
            with suppress(psycopg.Error):
                session.cancel_safe(timeout=1.0)

    def close(self) -> None:
        """Close every idle session of this process."""
        with self._guard:
            idle, self._idle = self._of_this_process(), []
        for each in idle:
            each.session.close()

    def _of_this_process(self) -> list[_Idle]:
        """A forked child forgets its parent's sessions, and closes none: to close one would end it for the parent."""
        if self._pid != os.getpid():
            self._pid, self._idle, self._used, self._closer = os.getpid(), [], set(), None
        return self._idle

    def _taken(self, instance: InstanceSpec, database: str | None, name: str, settings: Mapping[str, str]) -> Session:
        place, wanted = _place(instance, database), tuple(sorted(settings.items()))
        while (found := self._pop(place, wanted)) is not None:
            if _alive(found):
                if found.info.parameter_status("application_name") != name:
                    found.execute("SELECT set_config('application_name', %s, false)", (name,))
                return found
            found.close()
        try:
            return connect(instance, database, name, settings, SILENCE_SECONDS, room_seconds=0.0)
        except SessionLimitError:
            self._make_room(instance)
        return connect(instance, database, name, settings, SILENCE_SECONDS)

    def _pop(self, place: Place, settings: tuple[tuple[str, str], ...]) -> Session | None:
        with self._guard:
            idle = self._of_this_process()
            for each in reversed(idle):
                if each.place == place and each.settings == settings:
                    idle.remove(each)
                    return each.session
        return None

    def crowd(self, instance: InstanceSpec, ours: int) -> None:
        """How many sessions of ours the server has: while these are more than half of what it may have, none is kept."""
        change = self._crowded.add if 2 * ours > instance.max_connections else self._crowded.discard
        change(instance.name)

    def _make_room(self, instance: InstanceSpec) -> None:
        """Close what this process keeps of the server."""
        with self._guard:
            ours = [each for each in self._of_this_process() if each.place[:3] == _place(instance, None)[:3]]
            self._idle = [each for each in self._idle if each not in ours]
        for each in ours:
            each.session.close()

    def _give_back(
        self, session: Session, instance: InstanceSpec, database: str | None, settings: Mapping[str, str]
    ) -> None:
        if session.info.transaction_status is not TransactionStatus.IDLE or instance.name in self._crowded:
            session.close()
            return
        place = _place(instance, database)
        with self._guard:
            idle = self._of_this_process()
            idle.append(_Idle(session, place, tuple(sorted(settings.items()))))
            here = [each for each in idle if each.place[:3] == place[:3]]
            surplus = here[: max(0, len(here) - KEPT_PER_INSTANCE)]
            self._idle = [each for each in idle if each not in surplus]
            self._start_closer()
        for each in surplus:
            each.session.close()

    def _start_closer(self) -> None:
        if self._idle and (self._closer is None or not self._closer.is_alive()):
            self._closer = threading.Timer(IDLE_SECONDS / 2, _close_idle, (weakref.ref(self),))
            self._closer.daemon = True
            self._closer.start()

    def close_idle(self) -> None:
        """Close those that have been idle for long, and come back for the rest."""
        with self._guard:
            late = monotonic() - IDLE_SECONDS
            old = [each for each in self._of_this_process() if each.since < late]
            self._idle = [each for each in self._idle if each.since >= late]
            self._closer = None
            self._start_closer()
        for each in old:
            each.session.close()


def _close_idle(sessions: "weakref.ref[Sessions]") -> None:
    kept = sessions()
    if kept is not None:
        kept.close_idle()


def _place(instance: InstanceSpec, database: str | None) -> Place:
    return instance.name, instance.server, instance.port, database or instance.maintenance_database


def _alive(session: Session) -> bool:
    """Whether the server has not ended it: an idle session has nothing to say but farewell."""
    try:
        waiting = select.poll()
        waiting.register(session.fileno(), select.POLLIN)
        return not waiting.poll(0)
    except (OSError, psycopg.Error):
        return False
