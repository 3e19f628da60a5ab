"""Who may ask: hosts we answer to, origins that may change something, and the headers every answer carries.

There is no login by default, so a page from elsewhere must be kept from using the operator's browser: a Host that is not
ours is refused (DNS rebinding), and so is a change that comes from another origin.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from flask import Request

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

REQUESTED_WITH = "pg-migrator"

HEADERS = (
    (
        "Content-Security-Policy",
        "default-src 'self'; connect-src 'self' ws: wss:; img-src 'self' data:; object-src 'none'; base-uri 'none'; "
        "form-action 'self'; frame-ancestors 'none'",
    ),
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "no-referrer"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
)


def host_name(host: str) -> str:
    """The name in a Host header, without port and brackets, in lower case; empty where it is malformed."""
    try:
        return (urlsplit(f"//{host}").hostname or "").rstrip(".")
    except ValueError:
        return ""


def host_allowed(host: str, names: Iterable[str]) -> bool:
    """Whether we answer to that Host.

    Rebinding needs a name its owner can point elsewhere. So addresses and names without a dot (localhost, a service's
    name in a container network) are safe; of the others only those we were told.
    """
    name = host_name(host)
    return bool(name) and (name in names or "." not in name.strip(":") or _is_address(name))


def may_change(request: Request) -> bool:
    """Whether a POST comes from our own page or from a program, and not from a page of somebody else's."""
    origin = request.headers.get("Origin")
    same_origin = origin is not None and urlsplit(origin).netloc == request.host
    if origin is not None and not same_origin:
        return False
    return request.is_json and (same_origin or request.headers.get("X-Requested-With") == REQUESTED_WITH)


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


class Guard:
    """WSGI middleware around everything, Socket.IO included: refuses foreign hosts, adds the headers."""

    def __init__(self, application: WSGIApplication, names: Iterable[str]) -> None:
        self._application = application
        self._names = frozenset(host_name(name) for name in names)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if not host_allowed(environ.get("HTTP_HOST", ""), self._names):
            body = (
                b"This host name is not ours. Add it to the dashboard's allowed hosts, or use the server's address.\n"
            )
            start_response("421 Misdirected Request", [("Content-Type", "text/plain"), *HEADERS])
            return [body]

        def start(status: str, headers: list[tuple[str, str]], *rest: object) -> object:
            return start_response(status, [*headers, *HEADERS], *rest)  # type: ignore[arg-type]

        return self._application(environ, start)  # type: ignore[arg-type]
