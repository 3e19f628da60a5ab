"""What a tick hands out: each piece of work once, within the queues' budgets, largest first, repeats suppressed."""

from dataclasses import dataclass, field

import fakeredis
import pytest

import beat_schedule
from migrator.config import Config, InstanceSpec, MappingSpec
from migrator.reconcile import Reconciler
from migrator.steps import Action, Decision, Gates, Step
from migrator.store import Store
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
    actions = tuple(Action("build", (), relation=f"public.t{size}", cost_bytes=size) for size in range(count))
    return Decision("m", (Step("post_data", "shop", Gates.DATABASE, actions),))


def test_no_more_than_twice_the_free_slots_and_the_largest_first(store: Store) -> None:
    store.register_worker("w", ["relations"], 3)
    noting = Noting()
    Reconciler(SPEC, noting, store, store)._dispatch(relation_work(100))
    assert [work.relation for work in noting.works] == [f"public.t{size}" for size in range(99, 93, -1)]


def test_what_is_in_flight_is_not_sent_again(store: Store) -> None:
    noting = Noting()
    reconciler = Reconciler(SPEC, noting, store, store)
    reconciler._dispatch(relation_work(1))
    reconciler._dispatch(relation_work(1))
    assert len(noting.works) == 1
    store.clear_in_flight("m", noting.works[0].key)
    reconciler._dispatch(relation_work(1))
    assert len(noting.works) == 2


def test_many_actions_of_one_phase_are_one_message() -> None:
    actions = tuple(Action(f"create role r{number}", ()) for number in range(50))
    noting = Noting()
    Reconciler(SPEC, noting)._dispatch(Decision("m", (Step("roles", None, Gates.MAPPING, actions),)))
    assert noting.works == [Work("run_phase", "m", None, "roles", None)]


def test_upkeep_goes_before_everything_else() -> None:
    steps = (
        Step("post_data", "shop", Gates.DATABASE, (Action("build", (), relation="public.big", cost_bytes=10**12),)),
        Step("sequences", "shop", Gates.NOTHING, (Action("advance 2 sequences", ()),)),
    )
    noting = Noting()
    Reconciler(SPEC, noting)._dispatch(Decision("m", steps))
    assert [work.task for work in noting.works] == ["sync_sequences", "run_relation"]


def test_locks_are_per_instance_database_or_relation() -> None:
    role = Work("run_phase", "m", None, "roles")
    other_mapping = Work("run_phase", "n", None, "roles")
    create = Work("run_phase", "m", "shop", "databases")
    assert role.lock("1") == other_mapping.lock("1") == create.lock("1") != role.lock("2")
    pipe, sequences = Work("run_phase", "m", "shop", "publication"), Work("sync_sequences", "m", "shop", "sequences")
    relation = Work("run_relation", "m", "shop", "post_data", "public.t")
    assert len({pipe.lock("1"), sequences.lock("1"), relation.lock("1"), role.lock("1")}) == 4


def test_messages_carry_names_only() -> None:
    step = Step("post_data", "shop", Gates.DATABASE)
    work = work_for("m", step, Action("build", (), relation="public.t"))
    assert all(isinstance(value, str) for value in vars(work).values())
    assert work.queue in QUEUES


def test_beat_sends_a_reconcile_and_a_sample_per_mapping() -> None:
    schedule = beat_schedule.build(Config((SPEC,), {}))
    assert {entry["task"] for entry in schedule.values()} == {"reconcile", "sample_lag"}
    assert all(entry["args"] == ("m",) for entry in schedule.values())
    assert all(entry["options"]["expires"] == entry["schedule"] for entry in schedule.values())  # type: ignore[index]
