"""gunicorn in this process: one worker, many threads (every open page holds one). Also for production."""

import logging
from collections.abc import Iterable

from flask import Flask
from gunicorn.app.base import BaseApplication
from gunicorn.glogging import Logger

from migrator.store import Store
from web.app import MOST_BROWSERS, create_app

THREADS = MOST_BROWSERS + 20


class _QuietLogger(Logger):  # type: ignore[misc]
    """gunicorn's messages through this process's own logging, whatever that is, instead of handlers of its own."""

    def setup(self, cfg: object) -> None:
        self.error_log.propagate = True
        self.error_log.setLevel(logging.WARNING)
        self.access_log.disabled = True


class _Server(BaseApplication):  # type: ignore[misc]
    def __init__(self, redis_url: str, host: str, port: int, allowed_hosts: Iterable[str]) -> None:
        self._redis_url, self._allowed_hosts = redis_url, (host, *allowed_hosts)
        self._bind = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        super().__init__()

    def load_config(self) -> None:
        settings = {
            "bind": self._bind,
            "workers": 1,
            "worker_class": "gthread",
            "threads": THREADS,
            "graceful_timeout": 3,
            "control_socket_disable": True,
            "logger_class": _QuietLogger,
            "proc_name": "pg-migrator web",
        }
        for key, value in settings.items():
            self.cfg.set(key, value)

    def load(self) -> Flask:
        """After the fork, in the worker: connections and threads belong there."""
        return create_app(Store.connect(self._redis_url), allowed_hosts=self._allowed_hosts)


def serve(redis_url: str, host: str = "127.0.0.1", port: int = 8080, allowed_hosts: Iterable[str] = ()) -> None:
    """Serve the dashboard until SIGTERM or SIGINT."""
    _Server(redis_url, host, port, allowed_hosts).run()
