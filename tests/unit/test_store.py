"""The doorway to Redis, against fakeredis; the last one against a real Valkey."""

import json
import time
from datetime import UTC, datetime, timedelta
from itertools import takewhile

import fakeredis
import pytest
import redis

from migrator import backoff
from migrator.bucket import Limit
from migrator.errors import StoreUnavailableError
from migrator.model import Failure
from migrator.store import Store
from migrator.store.nudges import LEAST_SECONDS, MOST_SECONDS, SHARE, Nudges

NOW = datetime(2026, 11, 22, 19, 0, tzinfo=UTC)


@pytest.fixture
def client() -> fakeredis.FakeRedis:
    return fakeredis.FakeRedis(decode_responses=True)


@pytest.fixture
def store(client: fakeredis.FakeRedis) -> Store:
    return Store(client)


def test_nothing_published_is_none_or_empty(store: Store) -> None:
    assert store.public() is None
    assert store.summary("shop") is None
    assert store.mapping_names() == []
    assert store.relations("shop", "db") == {}
    assert store.log("shop") == store.take_requests("shop") == []


def test_summaries_come_back_stamped_with_their_version_and_names_sorted(store: Store) -> None:
    store.publish_summary("b", {"name": "b"})
    store.publish_summary("a", {"name": "a", "lag_bytes": None})
    assert store.mapping_names() == ["a", "b"]
    assert store.summary("a") == {"schema_version": 1, "name": "a", "lag_bytes": None}
    store.publish_public({"mappings": []})
    assert store.public() == {"schema_version": 1, "mappings": []}


def test_relations_are_replaced_not_merged(store: Store) -> None:
    store.publish_relations("m", "db", {"public.a": {"state": "waiting"}, 'public."Odd.Name"': {"state": "ready"}})
    store.publish_relations("m", "db", {'public."Odd.Name"': {"state": "ready"}})
    assert store.relations("m", "db") == {'public."Odd.Name"': {"state": "ready"}}
    store.publish_relations("m", "db", {})
    assert store.relations("m", "db") == {}


def test_the_log_gives_the_newest_lines_oldest_first(store: Store) -> None:
    for number in range(5):
        store.append_log("m", {"n": number})
    assert [line["n"] for line in store.log("m", limit=3)] == [2, 3, 4]


def test_requests_are_handed_out_once(store: Store) -> None:
    store.push_request("m", {"kind": "complete"})
    store.push_request("m", {"kind": "retry"})
    assert store.take_requests("m") == [{"kind": "complete"}, {"kind": "retry"}]
    assert store.take_requests("m") == []


def test_backoff_doubles_up_to_five_minutes() -> None:
    assert [backoff.seconds(count) for count in (1, 2, 3, 8, 9, 5000)] == [2, 4, 8, 256, 300, 300]


def test_failures_count_and_wait_longer_each_time(store: Store) -> None:
    first = store.record_failure("m", "copy public.a", "lock timeout", NOW)
    second = store.record_failure("m", "copy public.a", "lock timeout", NOW)
    assert (first.count, second.count) == (1, 2)
    assert timedelta(seconds=3.2) <= second.next_try_at - NOW <= timedelta(seconds=4)
    assert store.failures("m") == {
        "copy public.a": Failure("copy public.a", "lock timeout", 2, second.next_try_at),
    }
    store.clear_failure("m", "copy public.a")
    assert store.failures("m") == {}


def test_a_mark_in_flight_holds_until_it_is_cleared(store: Store) -> None:
    store.mark_all_in_flight("m", "relations", {"a": ("a", "b"), "c": ("c",)}, 60)
    assert store.in_flight("m", "relations") == {"a": "a", "b": "a", "c": "c"}
    assert store.in_flight("m", "schema") == {} == store.in_flight("n", "relations")
    store.clear_in_flight("m", "relations", ("a", "b"))
    assert store.in_flight("m", "relations") == {"c": "c"}


def test_a_mark_in_flight_ends_by_itself(store: Store) -> None:
    store.mark_all_in_flight("m", "relations", {"a": ("a",)}, -1)
    assert store.in_flight("m", "relations") == {}


def test_one_nudge_at_a_time_and_one_to_come(store: Store) -> None:
    nudges = Nudges(store, "m")
    assert nudges.seconds() == 0.0
    later = nudges.seconds()
    assert later is not None and MOST_SECONDS / 2 < later <= MOST_SECONDS, "as soon as the first is long enough ago"
    assert nudges.seconds() is None, "that one will see it too"
    assert Nudges(store, "n").seconds() == 0.0


def test_a_tick_that_is_waited_for_comes_before_one_that_was_asked_for(store: Store) -> None:
    nudges = Nudges(store, "m")
    nudges.took(0.05)
    assert nudges.seconds() == 0.0 and (nudges.seconds() or 0) > MOST_SECONDS / 2
    soon = nudges.seconds(waited_for=True)
    assert soon is not None and soon <= 0.05 / SHARE
    assert nudges.seconds(waited_for=True) is None, "one is on its way"
    time.sleep(soon + 0.01)
    following = nudges.seconds(waited_for=True)
    assert following is not None and following >= 0.05 / SHARE / 2, "they are apart too"


@pytest.mark.parametrize(
    "took, apart", [(None, MOST_SECONDS), (0.0001, LEAST_SECONDS), (0.05, 0.05 / SHARE), (20.0, MOST_SECONDS)]
)
def test_ticks_that_take_little_follow_each_other_quickly(store: Store, took: float | None, apart: float) -> None:
    nudges = Nudges(store, "m")
    if took is not None:
        nudges.took(took)
    assert nudges.apart(waited_for=True) == pytest.approx(apart)
    assert nudges.apart(waited_for=False) == MOST_SECONDS == Nudges(store, "n").apart(waited_for=True)


def test_changes_are_counted(store: Store) -> None:
    nudges = Nudges(store, "m")
    before = nudges.changes()
    nudges.note_change()
    assert nudges.changes() == before + 1 and Nudges(store, "n").changes() == 0


def test_relations_that_have_not_changed_are_not_written_again(valkey: str) -> None:
    store, rows = Store.connect(valkey), {"public.a": {"state": "ready"}, "public.b": {"state": "waiting"}}
    store.publish_relations("m", "shop", {**rows, "public.gone": {"state": "ready"}})
    rows["public.b"] = {"state": "ready"}
    with redis.Redis.from_url(valkey, decode_responses=True) as client, client.monitor() as monitor:
        store.publish_relations("m", "shop", rows)
        store.publish_relations("m", "shop", rows)
        client.ping()
        said = list(takewhile(lambda line: line != "PING", (line["command"] for line in monitor.listen())))
    written = [line for line in said if line.startswith(("HSET", "HDEL", "DEL"))]
    assert [line.split()[0] for line in written] == ["HSET", "HDEL"]
    assert "public.b" in written[0] and "public.a" not in written[0] and "public.gone" in written[1]
    assert store.relations("m", "shop") == rows


def test_slots_are_those_of_living_workers(store: Store, client: fakeredis.FakeRedis) -> None:
    store.register_worker("one", ["relations", "schema"], 4)
    store.register_worker("two", ["relations"], 2)
    store.register_worker("three", ["sampling"], 8)
    client.hset("migrator:workers", "dead", '{"queues":["relations"],"concurrency":9,"at":1}')
    assert store.slots("relations") == 6
    store.register_worker("two", ["relations"], 1)
    assert store.slots("relations") == 5
    assert not client.hexists("migrator:workers", "dead")


def test_nobody_is_missing_before_all_had_the_time_to_tell(store: Store, client: fakeredis.FakeRedis) -> None:
    """After FLUSHALL each worker registers anew, one sooner than the other."""
    assert store.known_slots("keepers") is None
    store.register_worker("rows", ["relations"], 2)
    assert store.known_slots("keepers") is None, "the keepers' turn to tell may come yet"
    store.register_worker("rows", ["relations"], 2)
    row = json.loads(client.hget("migrator:workers", "rows"))  # type: ignore[arg-type]
    assert row["since"] < row["at"], "it remembers since when"
    client.hset("migrator:workers", "rows", json.dumps({**row, "since": row["at"] - 61}))
    assert store.known_slots("keepers") == 0
    store.register_worker("keepers", ["keepers"], 16)
    assert store.known_slots("keepers") == 16
    client.hset("migrator:workers", "rows", json.dumps({**row, "at": row["at"] - 61, "since": row["at"] - 200}))
    assert store.known_slots("keepers") is None, "who is gone proves nothing of the present"


def test_beat_tells_when_it_last_spoke_and_is_no_worker(store: Store, client: fakeredis.FakeRedis) -> None:
    assert store.beat_age("here") is None
    store.register_worker("beat@here", (), 0)
    assert 0 <= (store.beat_age("here") or 0) < 10
    assert not store.worker_lives("here")
    store.register_worker("rows@here", ("relations",), 2)
    assert store.worker_lives("here")
    client.hset("migrator:workers", "beat@here", '{"queues":[],"concurrency":0,"at":1}')
    assert (store.beat_age("here") or 0) > 1_000


def test_queued_counts_the_messages_of_celery(store: Store, client: fakeredis.FakeRedis) -> None:
    client.lpush("relations", "message", "message")
    assert (store.queued("relations"), store.queued("parts")) == (2, 0)


def test_admission_debits_and_then_makes_wait(store: Store) -> None:
    assert store.take([Limit("7", 1_000)], 5_000) == 0.0
    assert 3.0 < store.take([Limit("7", 1_000)], 1) <= 4.75
    assert store.take([Limit("other", 1_000)], 1) == 0.0
    assert store.take([Limit("other", 1_000), Limit("7", 1_000)], 1) > 0


def test_forget_takes_all_of_one_mapping_and_nothing_of_another(store: Store, client: fakeredis.FakeRedis) -> None:
    for name in ("shop", "shop:db", "sh*", "shop2"):
        store.publish_summary(name, {"name": name})
        store.publish_relations(name, "db", {"public.a": {}})
        store.append_log(name, {})
        store.mark_all_in_flight(name, "relations", {"a": ("a",)}, 60)
        store.take([Limit(f"mapping:{name}", 1.0), Limit("source:7", 1.0)], 1)
    store.forget("sh*")
    assert store.mapping_names() == ["shop", "shop2", "shop:db"]
    store.forget("shop")
    assert store.mapping_names() == ["shop2", "shop:db"]
    assert store.summary("shop:db") is not None
    assert list(client.scan_iter(match="migrator:shop:*")) == []
    buckets = {"source:7", "mapping:shop2", "mapping:shop%3Adb", "mapping:shop:db"}
    assert {key.removeprefix("migrator:{rate}:") for key in client.scan_iter(match="migrator:{rate}:*")} <= buckets


def test_redis_away_is_our_own_error_without_the_password() -> None:
    store = Store.connect("redis://:s3cret@127.0.0.1:1/0")
    with pytest.raises(StoreUnavailableError) as caught:
        store.ping()
    assert "s3cret" not in str(caught.value)
    with pytest.raises(StoreUnavailableError):
        store.take([Limit("7", 1)], 1)


def test_on_a_real_valkey(valkey: str) -> None:
    store = Store.connect(valkey)
    assert store.ping()
    store.publish_relations("m", "db", {f"public.t{n}": {"state": "ready", "bytes": n} for n in range(10_000)})
    assert len(store.relations("m", "db")) == 10_000
    store.push_request("m", {"kind": "complete"})
    assert store.take_requests("m") == [{"kind": "complete"}]
    assert store.take([Limit("7", 1_000)], 5_000) == 0.0
    assert 3.0 < store.take([Limit("7", 1_000)], 1) <= 4.75
    store.publish_summary("m", {})
    store.forget("m")
    assert store.mapping_names() == [] == list(store.relations("m", "db"))
