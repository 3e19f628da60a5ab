"""What is still to be sent to the addresses under `notifications`: kept in Redis until it has arrived, or is too old."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from migrator import backoff
from migrator.store import Store, blobs, translated
from migrator.store.blobs import Document

MOST = 200
"""Messages of one mapping that may wait; the oldest give way."""
SENDING_SECONDS = 10
"""How long a sender that died keeps the next one waiting, besides the time it may have waited for an address."""

_AT_ONCE = datetime.min.replace(tzinfo=UTC).isoformat()
"""Events bear the destination's clock; sending goes by our own."""


@dataclass(frozen=True)
class Parcel:
    """One event for one address, on its way."""

    key: str
    """Sorts by the order in which things happened."""
    address: str
    document: Document
    tries: int
    next_try_at: datetime


class Outbox:
    """One mapping's parcels. Every method raises StoreUnavailableError when Redis does not answer."""

    def __init__(self, store: Store, mapping: str) -> None:
        self._redis = store.client
        self._parcels = blobs.key(mapping, "parcels")
        self._told = blobs.key(mapping, "told")
        self._sender = blobs.key(mapping, "sender")

    def post(
        self,
        now: Mapping[str, object],
        parcels_for: Callable[[Mapping[str, object] | None], Sequence[tuple[str, Document]] | None],
    ) -> int:
        """Remember `now` as told, and put in what `parcels_for(what was told before)` says: address and document each.

        Both or neither, and once, whichever processes do it at the same time; neither where it says None. Returns how many
        were put in.
        """

        def exchange(pipeline: Any) -> Any:
            before = blobs.document(pipeline.get(self._told))
            parcels = parcels_for(before)
            held = sorted(blobs.text(key) for key in pipeline.hkeys(self._parcels))
            pipeline.multi()
            if parcels is None:
                return 0
            pipeline.set(self._told, blobs.dump(now))
            for number, (address, document) in enumerate(parcels):
                parcel = {"address": address, "document": document, "tries": 0, "next_try_at": _AT_ONCE}
                pipeline.hset(self._parcels, f"{now['at']} {number:03d}", blobs.dump(parcel))
            if surplus := held[: max(0, len(held) + len(parcels) - MOST)]:
                pipeline.hdel(self._parcels, *surplus)
            return len(parcels)

        with translated():
            put_in: Any = self._redis.transaction(exchange, self._told, self._parcels, value_from_callable=True)
        return int(put_in)

    def waiting(self) -> list[Parcel]:
        """What has not arrived yet, oldest first."""
        with translated():
            rows = self._redis.hgetall(self._parcels)
        return [_parcel(blobs.text(key), json.loads(value)) for key, value in sorted(rows.items())]

    def due(self, now: datetime) -> bool:
        """Whether there is something to send now. An address is tried with its oldest parcel."""
        return any(parcel.next_try_at <= now for parcel in firsts(self.waiting()))

    def put_off(self, parcel: Parcel, now: datetime, chance: float) -> Parcel:
        """It did not arrive: once more, after a while. Returns it with the time of its next try."""
        tries = parcel.tries + 1
        later = replace(parcel, tries=tries, next_try_at=now + timedelta(seconds=backoff.seconds(tries, chance)))
        fields = {"address": later.address, "document": later.document, "tries": tries}
        with translated():
            self._redis.hset(
                self._parcels, later.key, blobs.dump({**fields, "next_try_at": later.next_try_at.isoformat()})
            )
        return later

    def remove(self, parcel: Parcel) -> None:
        """It arrived, or nobody waits for it any more."""
        with translated():
            self._redis.hdel(self._parcels, parcel.key)

    def begin_sending(self) -> bool:
        """Whether we may send now: one sender at a time, so that order is kept and nothing is sent twice."""
        with translated():
            return bool(self._redis.set(self._sender, "1", nx=True, ex=SENDING_SECONDS))

    def go_on_sending(self, seconds: float) -> None:
        """We shall be busy for so long with the next parcel."""
        with translated():
            self._redis.set(self._sender, "1", ex=SENDING_SECONDS + int(seconds))

    def end_sending(self) -> None:
        """The next one may."""
        with translated():
            self._redis.delete(self._sender)


def firsts(parcels: Sequence[Parcel]) -> list[Parcel]:
    """The oldest parcel of each address: what comes after it waits, since order matters to who reads."""
    found: dict[str, Parcel] = {}
    for parcel in parcels:
        found.setdefault(parcel.address, parcel)
    return list(found.values())


def _parcel(key: str, row: Document) -> Parcel:
    document = row["document"]
    assert isinstance(document, dict)
    return Parcel(
        key, str(row["address"]), document, int(str(row["tries"])), datetime.fromisoformat(str(row["next_try_at"]))
    )
