"""A web server that takes what is posted to it, and answers as a test wants."""

import json
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

Received = dict[str, object]


class Receiver:
    """What has come in, by path. `answers` are the next statuses, then 204; `delay` comes before each answer."""

    def __init__(self, certificate: tuple[Path, Path] | None = None) -> None:
        self.received: list[tuple[str, Received]] = []
        self.requests: list[str] = []
        self.answers: list[int] = []
        self.delay = 0.0
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                outer.requests.append(self.requestline)
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                time.sleep(outer.delay)
                status = outer.answers.pop(0) if outer.answers else 204
                if status < 300:
                    outer.received.append((self.path, body))
                self.send_response(status)
                if 300 <= status < 400:
                    self.send_header("Location", "/elsewhere")
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Silence."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*certificate)
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self.port = self._server.server_port
        self.url = f"{'https' if certificate else 'http'}://127.0.0.1:{self.port}"
        Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def events(self, path: str) -> list[str]:
        """The events that came in at a path, in order."""
        return [str(body["event"]) for where, body in self.received if where == path]

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@contextmanager
def receiver(certificate: tuple[Path, Path] | None = None) -> Iterator[Receiver]:
    """A receiver on a port of its own."""
    made = Receiver(certificate)
    try:
        yield made
    finally:
        made.close()
