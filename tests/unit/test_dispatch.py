"""What a tick hands out: each piece of work once, within the queues' budgets, largest first, repeats suppressed."""

from dataclasses import dataclass, field, replace

import fakeredis
import pytest
import redis

import beat_schedule
from migrator.config import Config, InstanceSpec, MappingSpec
from migrator.steps import Action, CopyPart, Decision, Finding, Gates, Step
from migrator.store import Store
from migrator.tick.dispatch import AT_ONCE, SMALL_BYTES
from migrator.tick.reconcile import Reconciler
from migrator.work import QUEUES, Work, work_for

SPEC = MappingSpec("m", InstanceSpec("a", "a.example"), InstanceSpec("b", "b.example"))


@dataclass
class Noting:
    """A dispatcher that only notes."""

    works: list[Work] = field(default_factory=list)

    def dispatch(self, work: Work) -> None:
        self.works.append(work)


@pytest.fixture
def store() -> Store:
    return Store(fakeredis.FakeRedis())


def relation_work(count: int) -> Decision:
    return Decision("m", (step_of("shop", count),))


def step_of(database: str, count: int, least_bytes: int = 10 * SMALL_BYTES) -> Step:
    """So many large relations to build on, t0 the smallest."""
    actions = (
        Action("build", (), relation=f"public.t{number}", cost_bytes=least_bytes + number) for number in range(count)
    )
    return Step("post_data", database, Gates.DATABASE, tuple(actions))


def test_no_more_than_twice_the_free_slots_and_the_largest_first(store: Store) -> None:
    store.register_worker("w", ["relations"], 3)
    noting = Noting()
    Reconciler(SPEC, noting, store, store)._dispatch(relation_work(100))
    assert [work.relations for work in noting.works] == [(f"public.t{size}",) for size in range(99, 93, -1)]


def test_what_is_in_flight_is_not_sent_again(store: Store) -> None:
    noting = Noting()
    reconciler = Reconciler(SPEC, noting, store, store)
    reconciler._dispatch(relation_work(1))
    reconciler._dispatch(relation_work(1))
    assert len(noting.works) == 1
    store.clear_in_flight("m", "relations", noting.works[0].keys)
    reconciler._dispatch(relation_work(1))
    assert len(noting.works) == 2


def test_many_actions_of_one_phase_are_one_message() -> None:
    actions = tuple(Action(f"create role r{number}", ()) for number in range(50))
    noting = Noting()
    Reconciler(SPEC, noting)._dispatch(Decision("m", (Step("roles", None, Gates.MAPPING, actions),)))
    assert noting.works == [Work("run_phase", "m", None, "roles")]


def test_small_relations_share_a_message() -> None:
    noting = Noting()
    Reconciler(SPEC, noting)._dispatch(Decision("m", (step_of("shop", 2 * AT_ONCE + 1, least_bytes=0),)))
    assert [len(work.relations) for work in noting.works] == [AT_ONCE, AT_ONCE, 1]
    assert len({relation for work in noting.works for relation in work.relations}) == 2 * AT_ONCE + 1


def parts_of(count: int, megabytes: int) -> Decision:
    """So many relations to be copied, each in one part of this size."""
    actions = (
        Action(f"copy t{number}", (), f"public.t{number}", megabytes * 1024**2, job=CopyPart(1, 1))
        for number in range(count)
    )
    return Decision("m", (Step("initial_copy", "shop", Gates.RELATION, tuple(actions)),))


@pytest.mark.parametrize(
    "count, megabytes, expected",
    [
        (100, 30, [4, 4, 4, 4]),
        (8, 30, [2, 2, 2, 2]),  # some for everybody
        (4, 30, [1, 1, 1, 1]),
        (100, 200, [1, 1, 1, 1]),
    ],
)
def test_parts_share_a_message_while_there_is_enough_for_every_worker(
    store: Store, count: int, megabytes: int, expected: list[int]
) -> None:
    store.register_worker("w", ["parts"], 2)
    noting = Noting()
    Reconciler(SPEC, noting, store, store)._dispatch(parts_of(count, megabytes))
    assert [len(work.parts) for work in noting.works] == expected
    taken = [relation for work in noting.works for relation in work.relations]
    assert len(taken) == len(set(taken)), "nothing twice"


def test_a_relation_that_failed_holds_no_other_up() -> None:
    failed = Finding("action_failed", "Could not", blocking=False, database="shop", relation="public.t1")
    step = replace(step_of("shop", 3, least_bytes=0), findings=(failed,))
    noting = Noting()
    Reconciler(SPEC, noting)._dispatch(Decision("m", (step,)))
    assert {work.relations for work in noting.works} == {("public.t2", "public.t0"), ("public.t1",)}


def test_a_database_with_much_to_do_starves_no_other(store: Store) -> None:
    store.register_worker("w", ["relations"], 2)
    noting = Noting()
    steps = (step_of("big", 1000, least_bytes=10**12), step_of("small", 3))
    Reconciler(SPEC, noting, store, store)._dispatch(Decision("m", steps))
    assert [work.database for work in noting.works] == ["big", "small", "big", "small"]


def test_a_mapping_with_much_to_do_starves_no_other(store: Store) -> None:
    """A queue filled by one mapping still has room for another's share; its own share is not exceeded by repeating."""
    store.register_worker("w", ["relations"], 4)
    for name in ("m", "n"):
        store.publish_summary(name, {})
    greedy, modest = Noting(), Noting()
    Reconciler(SPEC, greedy, store, store)._dispatch(relation_work(1000))
    assert len(greedy.works) == 8
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Store, "queued", lambda *_: 8)
        other = replace(SPEC, name="n")
        for _ in range(3):
            Reconciler(other, modest, store, store)._dispatch(replace(relation_work(1000), mapping="n"))
    assert len(modest.works) == 4


@pytest.mark.parametrize("names", [("m",), ("m", "n", "o")])
def test_a_queue_does_not_grow_while_every_worker_is_busy(names: tuple[str, ...]) -> None:
    """An hour in which nothing ends: the marks expire every half minute, and what was sent still waits."""
    client = fakeredis.FakeRedis(decode_responses=True)
    store = Store(client)
    store.register_worker("w", ["relations"], 4)
    for name in names:
        store.publish_summary(name, {})
    for _ in range(120):
        for name in names:
            client.delete(f"migrator:{name}:inflight:relations")
            noting = Noting()
            Reconciler(replace(SPEC, name=name), noting, store, store)._dispatch(
                replace(relation_work(1000), mapping=name)
            )
            for work in noting.works:
                client.rpush("relations", f"{name} {work.key}")
        taken = {str(message).split()[0] for message in client.lrange("relations", 0, -1)}
        assert taken == set(names), "each has its share in it"
    assert store.queued("relations") <= 8 + 8


def test_a_tick_asks_redis_a_handful_of_times_however_much_there_is_to_do(valkey: str) -> None:
    store, client = Store.connect(valkey), redis.Redis.from_url(valkey)

    def commands(count: int) -> int:
        client.flushall()
        before = int(client.info("stats")["total_commands_processed"])
        Reconciler(SPEC, Noting(), store, store)._dispatch(relation_work(count))
        return int(client.info("stats")["total_commands_processed"]) - before

    commands(1)
    assert commands(1) == commands(5_000) < 20


def test_upkeep_goes_before_everything_else() -> None:
    steps = (
        Step("post_data", "shop", Gates.DATABASE, (Action("build", (), relation="public.big", cost_bytes=10**12),)),
        Step("sequences", "shop", Gates.NOTHING, (Action("advance 2 sequences", ()),)),
    )
    noting = Noting()
    Reconciler(SPEC, noting)._dispatch(Decision("m", steps))
    assert [work.task for work in noting.works] == ["sync_sequences", "run_relations"]


def test_locks_are_per_instance_database_or_relation() -> None:
    role = Work("run_phase", "m", None, "roles")
    other_mapping = Work("run_phase", "n", None, "roles")
    create = Work("run_phase", "m", "shop", "databases")
    assert role.locks("1") == other_mapping.locks("1") == create.locks("1") != role.locks("2")
    pipe, sequences = Work("run_phase", "m", "shop", "publication"), Work("sync_sequences", "m", "shop", "sequences")
    relation = Work("run_relations", "m", "shop", "post_data", ("public.t",))
    assert len({*pipe.locks("1"), *sequences.locks("1"), *relation.locks("1"), *role.locks("1")}) == 4


def test_messages_carry_names_only() -> None:
    step = Step("post_data", "shop", Gates.DATABASE)
    work = work_for("m", step, Action("build", (), relation="public.t"))
    assert vars(work) == {
        "task": "run_relations",
        "mapping": "m",
        "database": "shop",
        "phase": "post_data",
        "relations": ("public.t",),
        "group": None,
        "keeper": None,
        "parts": (),
    }
    assert work.queue in QUEUES


def test_beat_sends_a_reconcile_and_a_sample_per_mapping() -> None:
    schedule = beat_schedule.build(Config((SPEC,), {}))
    assert {entry["task"] for entry in schedule.values()} == {"reconcile", "sample_lag"}
    assert all(entry["args"] == ("m",) for entry in schedule.values())
    assert all("expires" not in entry["options"] for entry in schedule.values())  # type: ignore[operator]
