"""Parcels: each once, in order, put off and kept; whichever processes note them at the same time."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from threading import Thread

import fakeredis
import pytest

from migrator.store import Store
from migrator.store.outbox import MOST, Outbox, firsts

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


@pytest.fixture
def outbox() -> Outbox:
    return Outbox(Store(fakeredis.FakeRedis(decode_responses=True)), "m")


def essence(status: str, seconds: int = 0) -> dict[str, object]:
    return {"at": (NOON + timedelta(seconds=seconds)).isoformat(), "status": status}


def post(outbox: Outbox, status: str, seconds: int = 0, addresses: tuple[str, ...] = ("a",)) -> int:
    def parcels(before: Mapping[str, object] | None) -> list[tuple[str, dict[str, object]]]:
        known = (before or {}).get("status") == status
        return [] if known else [(address, {"event": status}) for address in addresses]

    return outbox.post(essence(status, seconds), parcels)


def test_once_and_in_order(outbox: Outbox) -> None:
    assert post(outbox, "ready") == 1
    assert post(outbox, "ready", 1) == 0
    assert post(outbox, "problem", 2) == 1
    assert [parcel.document["event"] for parcel in outbox.waiting()] == ["ready", "problem"]


def test_many_at_once_note_it_once() -> None:
    """Against a server of its own per thread: each process has its own connection."""
    server = fakeredis.FakeServer()
    boxes = [Outbox(Store(fakeredis.FakeRedis(server=server, decode_responses=True)), "m") for _ in range(8)]
    threads = [Thread(target=post, args=(box, "ready")) for box in boxes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(boxes[0].waiting()) == 1


def test_an_overtaken_tick_changes_nothing(outbox: Outbox) -> None:
    post(outbox, "ready", 5)
    assert outbox.post(essence("in_progress", 1), lambda before: None) == 0
    assert post(outbox, "ready", 6) == 0


def test_what_is_put_off_holds_back_its_own_address_only(outbox: Outbox) -> None:
    post(outbox, "problem", addresses=("a", "b"))
    post(outbox, "mended", 1, addresses=("a", "b"))
    now = NOON + timedelta(seconds=2)
    (first,) = [parcel for parcel in firsts(outbox.waiting()) if parcel.address == "a"]
    later = outbox.put_off(first, now, chance=0.0)
    assert (later.tries, later.next_try_at) == (1, now + timedelta(seconds=2))
    assert [(parcel.address, parcel.document["event"]) for parcel in firsts(outbox.waiting())] == [
        ("a", "problem"),
        ("b", "problem"),
    ]
    assert outbox.due(now), "b's"
    for parcel in outbox.waiting():
        if parcel.address == "b":
            outbox.remove(parcel)
    assert not outbox.due(now)
    assert outbox.due(later.next_try_at)


def test_one_sender_at_a_time(outbox: Outbox) -> None:
    assert outbox.begin_sending()
    assert not outbox.begin_sending()
    outbox.end_sending()
    assert outbox.begin_sending()


def test_the_oldest_give_way(outbox: Outbox) -> None:
    for number in range(MOST + 20):
        post(outbox, f"s{number}", number)
    waiting = outbox.waiting()
    assert len(waiting) == MOST
    assert waiting[-1].document["event"] == f"s{MOST + 19}"
