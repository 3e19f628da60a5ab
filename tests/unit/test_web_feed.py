"""The live feed, by Socket.IO's own test client: what adds up in a browser is what stands in Redis."""

from datetime import UTC, datetime, timedelta
from queue import Queue

import fakeredis
import pytest
from flask_socketio import SocketIO, SocketIOTestClient

from migrator.store import Store
from tests.browser.seeding import REFRESH_SECONDS, relations, seed, summary
from web.ages import Ages
from web.app import create_app
from web.feed import Feed
from web.watch import Watch

Event = dict[str, object]


class Page:
    """A browser: connects, joins, and keeps what it is told."""

    def __init__(self, store: Store, most_browsers: int = 80) -> None:
        self.app = create_app(store, refresh_seconds=3600, most_browsers=most_browsers)
        self.feed: Feed = self.app.extensions["feed"]
        self.client = self.another()

    def another(self) -> SocketIOTestClient:
        socketio: SocketIO = self.app.extensions["socketio"]
        return socketio.test_client(self.app)

    def heard(self, event: str, client: SocketIOTestClient | None = None) -> list[Event]:
        return [said["args"][0] for said in (client or self.client).get_received() if said["name"] == event]


@pytest.fixture
def server() -> fakeredis.FakeServer:
    return fakeredis.FakeServer()


@pytest.fixture
def redis(server: fakeredis.FakeServer) -> fakeredis.FakeRedis:
    return fakeredis.FakeRedis(server=server, decode_responses=True)


@pytest.fixture
def store(redis: fakeredis.FakeRedis) -> Store:
    store = Store(redis)
    seed(store)
    return store


def test_who_connects_hears_everything_and_then_only_changes(store: Store) -> None:
    page = Page(store)
    first = page.heard("snapshot")[-1]
    assert first["full"] is True and len(list(first["mappings"])) == 5  # type: ignore[call-overload]
    page.feed.tick()
    assert page.heard("snapshot") == []
    store.publish_summary("shop", summary("shop", "synced"))
    store.forget("crm")
    page.feed.tick()
    (change,) = page.heard("snapshot")
    assert [row["name"] for row in change["mappings"]] == ["shop"]  # type: ignore[attr-defined]
    assert change["gone"] == ["crm"]


def test_the_first_refresh_comes_as_soon_as_configured(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    slept = Queue[float]()
    monkeypatch.setattr(Feed, "_run", lambda feed: slept.put(feed.refresh))
    app = create_app(store)
    socketio: SocketIO = app.extensions["socketio"]
    socketio.test_client(app)
    assert slept.get(timeout=10) == REFRESH_SECONDS


def test_who_joins_hears_everything_of_it_and_then_only_changes(store: Store) -> None:
    page = Page(store)
    page.client.emit("join", "shop")
    (full,) = page.heard("mapping")
    assert full["full"] is True
    assert len(full["history"]) == 240 and len(full["log"]) == 6  # type: ignore[arg-type]
    changed = relations(48)
    changed["public.orders_00003"]["state"] = "ready"
    del changed["public.orders_00004"]
    store.publish_relations("shop", "shop", changed)
    store.append_log("shop", {"at": "2100-01-01T00:00:00+00:00", "event": "new"})
    page.feed.tick()
    (change,) = page.heard("mapping")
    assert change.keys() == {"name", "full", "relations", "log"}
    part = change["relations"]["shop"]  # type: ignore[index]
    assert ([row[:2] for row in part["set"]], part["gone"]) == (
        [["public.orders_00003", "ready"]],
        ["public.orders_00004"],
    )
    page.feed.tick()
    assert page.heard("mapping") == []


def test_others_hear_nothing_of_it_and_nobody_is_no_work(store: Store) -> None:
    page = Page(store)
    other = page.another()
    page.client.emit("join", "shop")
    store.append_log("shop", {"at": "2100", "event": "new"})
    page.feed.tick()
    assert page.heard("mapping", other) == []
    page.client.emit("join", "crm")
    page.heard("mapping")
    store.append_log("shop", {"at": "2101", "event": "newer"})
    page.feed.tick()
    assert page.heard("mapping") == []
    page.client.disconnect()
    assert page.feed._watches == {}


@pytest.mark.parametrize("nonsense", [None, 7, {"name": "shop"}, ["shop"], "x" * 10_000])
def test_nonsense_is_not_joined(store: Store, nonsense: object) -> None:
    page = Page(store)
    page.client.emit("join", nonsense)
    assert page.heard("mapping") == []


def test_redis_away_is_told_and_so_is_its_return(store: Store, server: fakeredis.FakeServer) -> None:
    page = Page(store)
    page.client.emit("join", "shop")
    page.client.get_received()
    server.connected = False
    page.feed.tick()
    assert [pulse["reachable"] for pulse in page.heard("pulse")] == [False]
    server.connected = True
    store.append_log("shop", {"at": "2100", "event": "after"})
    page.feed.tick()
    said = page.client.get_received()
    assert [e["args"][0]["reachable"] for e in said if e["name"] == "pulse"] == [True]
    assert [e["args"][0]["log"][0]["event"] for e in said if e["name"] == "mapping"] == ["after"]


def test_everything_flushed_empties_the_page_and_fills_it_again(store: Store, redis: fakeredis.FakeRedis) -> None:
    page = Page(store)
    page.client.emit("join", "shop")
    page.client.get_received()
    redis.flushall()
    page.feed.tick()
    said = {e["name"]: e["args"][0] for e in page.client.get_received()}
    assert len(said["snapshot"]["gone"]) == 5 and said["mapping"]["summary"] is None
    seed(store)
    page.feed.tick()
    said = {e["name"]: e["args"][0] for e in page.client.get_received()}
    assert len(said["snapshot"]["mappings"]) == 5 and len(said["mapping"]["relations"]["shop"]["set"]) == 48
    assert len(said["mapping"]["log"]) == 6


def test_more_browsers_than_threads_are_refused(store: Store) -> None:
    page = Page(store, most_browsers=2)
    second, third = page.another(), page.another()
    assert (second.is_connected(), third.is_connected()) == (True, False)
    second.disconnect()
    assert page.another().is_connected()


def test_what_two_refreshes_bring_is_what_one_reading_finds(store: Store) -> None:
    watch = Watch(store, "shop")
    for number in range(300):
        store.append_log("shop", {"at": str(number), "event": "many"})
    change = watch.refresh()
    assert change is not None and len(change["log"]) == 200  # type: ignore[arg-type]
    assert watch.refresh() is None
    assert watch.full()["log"] == store.log("shop", 200)


def test_ages_do_not_trust_the_servers_clock_once_a_change_was_seen() -> None:
    ticks, wall = [100.0], datetime(2026, 1, 1, tzinfo=UTC)
    ages = Ages(now=lambda: wall, ticks=lambda: ticks[0])
    ages.note("m", (wall - timedelta(seconds=40)).isoformat())
    ages.note("future", (wall + timedelta(hours=1)).isoformat())
    assert ages.all() == {"m": 40.0, "future": 0.0}
    ticks[0] += 5
    ages.note("m", (wall - timedelta(seconds=35)).isoformat())
    assert ages.all() == {"m": 0.0, "future": 5.0}
    ticks[0] += 3
    ages.note("m", (wall - timedelta(seconds=35)).isoformat())
    ages.keep(["m"])
    assert ages.all() == {"m": 3.0}
