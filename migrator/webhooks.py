"""Tells addresses of events over HTTP. A tick only puts parcels into Redis; sending is a task of its own, and waits for nobody."""

import json
import random
import ssl
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from email.message import Message
from http.client import HTTPException
from typing import IO

import structlog

from migrator.config import Event, MappingSpec, NotificationSpec
from migrator.errors import MigratorError
from migrator.redaction import redact, redact_value
from migrator.reports import notices
from migrator.store import Store
from migrator.store.outbox import Outbox, Parcel, firsts

KEPT_HOURS = 24.0
"""How long an address that does not answer is tried again with a message."""

LOG = structlog.get_logger("migrator")


class NotDeliveredError(MigratorError):
    """An address did not take a message. Says why, and never the address: its URL is a secret."""


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A redirected POST would arrive as a GET without its body, or show the secret to another host."""

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: Message, newurl: str
    ) -> None:
        return None


def deliver(spec: NotificationSpec, document: Mapping[str, object]) -> None:
    """Post one message, through the proxy that the environment names (https_proxy, no_proxy). Raises NotDeliveredError.

    The server's certificate is always verified: by `sslrootcert`, else by the system's authorities.
    """
    body = json.dumps(notices.body(spec.kind, document)).encode()
    headers = {"Content-Type": "application/json; charset=utf-8", "User-Agent": "pg-migrator"}
    try:
        request = urllib.request.Request(spec.url.reveal(), body, headers, method="POST")  # noqa: S310 - http(s): see the schema
        context = ssl.create_default_context(cafile=spec.sslrootcert)
        opener = urllib.request.build_opener(_NoRedirect, urllib.request.HTTPSHandler(context=context))
        opener.open(request, timeout=spec.timeout_seconds).close()
    except urllib.error.HTTPError as error:
        error.close()
        raise NotDeliveredError(_refused(error.code)) from None
    except (OSError, HTTPException, ValueError) as error:
        raise NotDeliveredError(f"No answer: {redact(_reason(error))}.") from None


def _refused(status: int) -> str:
    if 300 <= status < 400:
        return f"HTTP status {status}: it sends us elsewhere. Configure the final address."
    return f"HTTP status {status}."


def _reason(error: Exception) -> str:
    """Without what an exception may repeat of the request."""
    cause = error.reason if isinstance(error, urllib.error.URLError) else error
    if isinstance(cause, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted ({cause.verify_message})"
    if isinstance(cause, TimeoutError):
        return "timed out"
    return (cause.strerror if isinstance(cause, OSError) else None) or type(cause).__name__


def tell(spec: MappingSpec, store: Store, summary: Mapping[str, object]) -> int:
    """Note what has happened since the last summary, for each address that wants to hear it. Returns how many parcels.

    Redis alone is asked: no tick waits for an address.
    """
    if not spec.notifications:
        return 0
    now = notices.essence(summary)

    def parcels(before: Mapping[str, object] | None) -> list[tuple[str, dict[str, object]]] | None:
        if notices.overtaken(before, now):
            return None
        return [each for event in notices.events(before, now) for each in _parcels(spec, event, summary)]

    return Outbox(store, spec.name).post(now, parcels)


def _parcels(spec: MappingSpec, event: Event, summary: Mapping[str, object]) -> Iterator[tuple[str, dict[str, object]]]:
    """The event for each address that wants to hear of it; secrets that a server's own text might carry are masked."""
    told = {key: redact_value(value) for key, value in notices.document(event, summary).items()}
    return ((notices.address_key(address), told) for address in spec.notifications if event in address.events)


def send(spec: MappingSpec, store: Store) -> None:
    """Send what is due, in order. What does not arrive is put off, at growing intervals; after a day it is dropped."""
    outbox = Outbox(store, spec.name)
    if not outbox.begin_sending():
        return
    try:
        tried: set[str] = set()
        addresses = {notices.address_key(address): address for address in spec.notifications}
        while parcels := [each for each in firsts(outbox.waiting()) if each.address not in tried]:
            for parcel in parcels:
                now = datetime.now(UTC)
                address = addresses.get(parcel.address)
                if address is None:  # taken out of the configuration
                    outbox.remove(parcel)
                elif parcel.next_try_at > now:
                    tried.add(parcel.address)
                else:
                    tried |= set() if _sent(spec, outbox, parcel, address) else {parcel.address}
    finally:
        outbox.end_sending()


def _sent(spec: MappingSpec, outbox: Outbox, parcel: Parcel, address: NotificationSpec) -> bool:
    """Try one parcel. A line in the log either way, without the address."""
    now, event = datetime.now(UTC), parcel.document["event"]
    outbox.go_on_sending(address.timeout_seconds)
    try:
        deliver(address, parcel.document)
    except NotDeliveredError as error:
        happened = datetime.fromisoformat(str(parcel.document["at"]))
        if now - happened > timedelta(hours=KEPT_HOURS):
            outbox.remove(parcel)
            LOG.error("notification dropped", mapping=spec.name, to=address.label, what=event, error=error.message)
            return False
        later = outbox.put_off(parcel, now, random.random())  # noqa: S311 - jitter, not a secret
        seconds = round((later.next_try_at - now).total_seconds())
        LOG.warning(
            "notification put off",
            mapping=spec.name,
            to=address.label,
            what=event,
            error=error.message,
            tries=later.tries,
            next_try_in_seconds=seconds,
        )
        return False
    outbox.remove(parcel)
    LOG.info("notification sent", mapping=spec.name, to=address.label, what=event)
    return True
