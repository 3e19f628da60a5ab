"""The live feed: one thread per web process reads what stands in Redis and tells this process's own browsers.

Events: `snapshot` (rows of the overview: all of them at first, then those that changed), `mapping` (to the browsers that
have joined it: everything at first, then what changed), `pulse` (every interval: we are alive, so old is Redis's news).
"""

from __future__ import annotations

import logging
import threading
from time import monotonic, sleep

from flask_socketio import SocketIO

from migrator.errors import StoreUnavailableError
from migrator.store import Document, Store
from web.ages import Ages
from web.summaries import overview_row, refresh_seconds, stale_seconds
from web.watch import Watch

_LOG = logging.getLogger(__name__)

AT_MOST_EVERY_SECONDS = 1.0
"""Browsers that connect in a crowd share one look."""


class Feed:
    """What this process's browsers were told. All of it behind one lock, so that what a browser gets fits together."""

    def __init__(self, socketio: SocketIO, store: Store, refresh: float | None = None) -> None:
        self._socketio, self._store, self._fixed_refresh = socketio, store, refresh
        self._lock = threading.RLock()
        self._rows: dict[str, Document] = {}
        self._watches: dict[str, Watch] = {}
        self._joined: dict[str, str] = {}
        self._ages = Ages()
        self._public: Document | None = None
        self._reachable = True
        self._looked_at = float("-inf")
        self._started = False

    @property
    def refresh(self) -> float:
        """Seconds between two looks."""
        return self._fixed_refresh or refresh_seconds(self._public)

    def connect(self, sid: str) -> None:
        """A browser came: tell it everything of the overview, as of now."""
        with self._lock:
            if monotonic() - self._looked_at >= AT_MOST_EVERY_SECONDS:
                self.tick()
            self._start()  # after a look, which has learned how often to look
            self._emit("snapshot", {"full": True, "mappings": list(self._rows.values()), "gone": []}, sid)
            self._emit("pulse", self._pulse(), sid)

    def join(self, sid: str, name: str) -> None:
        """It wants a mapping's page: everything of it now, from here on what changes."""
        with self._lock:
            self.leave(sid)
            try:
                watch = self._watches.get(name) or Watch(self._store, name)
            except StoreUnavailableError:
                return
            self._watches[name], self._joined[sid] = watch, name
            self._emit("mapping", watch.full(), sid)

    def leave(self, sid: str) -> None:
        """It went, or looks at another mapping; what nobody looks at is not read."""
        with self._lock:
            name = self._joined.pop(sid, None)
            if name is not None and name not in self._joined.values():
                del self._watches[name]

    def tick(self) -> None:
        """One look, and what it brought."""
        with self._lock:
            try:
                self._look()
                self._reachable = True
            except StoreUnavailableError:
                self._reachable = False
            self._looked_at = monotonic()
            self._emit("pulse", self._pulse())

    def _look(self) -> None:
        self._public = self._store.public() or self._public  # an emptied Redis does not change the pace
        summaries = {name: self._store.summary(name) for name in self._store.mapping_names()}
        rows = {name: overview_row(summary) for name, summary in summaries.items() if summary is not None}
        for name, row in rows.items():
            self._ages.note(name, row["observed_at"])
        self._ages.keep(list(rows))
        before, self._rows = self._rows, rows
        changed = [row for name, row in rows.items() if before.get(name) != row]
        gone = sorted(before.keys() - rows.keys())
        if changed or gone:
            self._emit("snapshot", {"full": False, "mappings": changed, "gone": gone})
        for name, watch in self._watches.items():
            self._tell(name, watch.refresh())

    def _tell(self, name: str, change: Document | None) -> None:
        if change is None:
            return
        for sid in [sid for sid, joined in self._joined.items() if joined == name]:
            self._emit("mapping", change, sid)

    def _pulse(self) -> Document:
        return {
            "reachable": self._reachable,
            "ages": self._ages.all(),
            "refresh_seconds": self.refresh,
            "stale_seconds": stale_seconds(self._public, self.refresh),
        }

    def _emit(self, event: str, document: Document, sid: str | None = None) -> None:
        self._socketio.emit(event, document, to=sid)

    def _start(self) -> None:
        if not self._started:
            self._started = True
            self._socketio.start_background_task(self._run)

    def _run(self) -> None:
        while True:
            sleep(self.refresh)
            try:
                self.tick()
            except Exception:  # the feed outlives whatever stands in Redis; browsers see the data go stale
                _LOG.exception("The live feed could not read what stands in Redis")
