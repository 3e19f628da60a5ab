"""Backoff by the destination's clock, however wrong the worker's is: the tick judges it by what the destination says."""

from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from migrator.apply import ApplyError
from migrator.backoff import FIRST_SECONDS
from migrator.clock import Clock
from migrator.config import InstanceSpec, MappingSpec
from migrator.copying.keeper import Keeper
from migrator.errors import MigratorError
from migrator.looks.observe import Looker
from migrator.memory import Memory
from migrator.steps import Action, Gates, Step
from migrator.tasks import jobs, perform
from migrator.work import Work

SPEC = MappingSpec("m", InstanceSpec("a", "127.0.0.1", port=1), InstanceSpec("b", "127.0.0.1", port=1))
THERE = datetime.now(UTC) + timedelta(hours=1)
"""What the destination's clock says: ours is an hour behind."""
STEP, ACTION = Step("post_data", "shop", Gates.DATABASE), Action("build", (), relation="public.t")


def nothing(entry: dict[str, object]) -> None:
    """Nobody reads the log of actions."""


def next_try(memory: Memory) -> datetime:
    (failure,) = memory.failures("m").values()
    return failure.next_try_at


def is_soon(at: datetime) -> bool:
    return timedelta() < at - THERE < timedelta(seconds=FIRST_SECONDS + 30)


def test_a_failed_action_waits_by_the_destinations_clock() -> None:
    class Failing:
        def apply(self, *_: object) -> None:
            raise ApplyError("no space left", "Make room.")

    memory = Memory()
    applier: Any = Failing()
    perform.Hand(SPEC, applier, memory, nothing, Clock(THERE)).apply([(STEP, ACTION)])
    assert is_soon(next_try(memory))


@pytest.mark.parametrize("module", [perform, jobs])
def test_a_task_decides_by_the_destinations_clock(monkeypatch: pytest.MonkeyPatch, module: Any) -> None:
    seen = SimpleNamespace(journal=SimpleNamespace(source="it"), observed_at=THERE)
    asked: list[object] = []

    def decide(_spec: object, _seen: object, _hints: object, now: datetime) -> SimpleNamespace:
        asked.append(now)
        return SimpleNamespace(actions=())

    monkeypatch.setattr(Looker, "look", lambda *_: seen)
    monkeypatch.setattr(module, "decide", decide)
    if module is perform:
        perform._round(SPEC, Work("run_phase", "m", None, "roles"), Looker(SPEC, "it"), Memory(), nothing)
    else:
        jobs._view(SPEC, "shop", Memory())
    assert asked == [THERE]


@pytest.mark.parametrize("answers", [True, False])
def test_a_failed_keeper_waits_by_the_destinations_clock(monkeypatch: pytest.MonkeyPatch, answers: bool) -> None:
    """By ours where the destination does not answer."""

    def fail(_: object) -> bool:
        raise MigratorError("no slot is free", "Make room.")

    monkeypatch.setattr(Keeper, "keep", fail)
    if answers:
        monkeypatch.setattr(Clock, "of", lambda _: Clock(THERE))
        monkeypatch.setattr(jobs, "session_of", lambda *_: nullcontext())
    memory = Memory()
    assert jobs.keep(SPEC, Work("keep_snapshot", "m", "shop", None, (), 1, "1"), memory, nothing).failed == 1
    assert is_soon(next_try(memory)) is answers
