"""Socket.IO's side of the live feed: who came, what they look at, who went."""

from flask import Flask, request
from flask_socketio import SocketIO

from migrator.store import Store
from web.feed import Feed

LONGEST_NAME = 256


def attach(application: Flask, store: Store, refresh: float | None, most_browsers: int) -> SocketIO:
    """Give the application its live feed. Websocket only: long-polling needs sticky sessions, and holds a thread as well."""
    socketio = SocketIO(
        application,
        async_mode="threading",  # never whatever eventlet or gevent happens to be installed
        transports=["websocket"],  # type: ignore[call-arg]  # an option of the engine, which the stubs leave out
        serve_client=False,
    )
    feed = Feed(socketio, store, refresh)
    browsers: set[str] = set()

    def connected(_auth: object = None) -> bool:
        if len(browsers) >= most_browsers:  # each holds a thread; keep some for plain requests
            return False
        browsers.add(_sid())
        feed.connect(_sid())
        return True

    def joined(name: object) -> None:
        if isinstance(name, str) and len(name) <= LONGEST_NAME:
            feed.join(_sid(), name)

    def gone(_reason: object = None) -> None:
        browsers.discard(_sid())
        feed.leave(_sid())

    socketio.on_event("connect", connected)
    socketio.on_event("join", joined)
    socketio.on_event("disconnect", gone)
    application.extensions["feed"] = feed
    return socketio


def _sid() -> str:
    return str(request.sid)  # type: ignore[attr-defined]
