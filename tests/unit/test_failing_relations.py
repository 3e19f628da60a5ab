"""A relation on which post_data keeps failing holds back itself, and nothing of the others."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from migrator import phases
from migrator.apply import FIRST_PATIENCE_SECONDS, LONGEST_PATIENCE_SECONDS, patience_seconds
from migrator.model import Failure
from migrator.observation import Hints
from migrator.phases import Phase
from migrator.phases.failing import UNTIL_BLOCKING
from migrator.phases.view import View
from migrator.steps import Action, Decision, Finding, Gates, Step, Wait
from migrator.tick.dispatch import errands, messages
from tests.builders import NOW, pair, view

BAD, GOOD = "public.bad", "public.good"


def build(relation: str) -> Action:
    return Action(f"build index on {relation}", (), relation)


def asked(
    monkeypatch: pytest.MonkeyPatch, first: Step, failures: dict[str, int], second: Step | None = None
) -> dict[str, frozenset[str]]:
    """The phases that are asked after post_data said `first` and then `second`, with the relations they leave alone."""
    held: dict[str, frozenset[str]] = {}

    def answers(name: str, step: Step) -> Callable[[View], Step]:
        def examine(about: View) -> Step:
            held[name] = about.held
            return step

        return examine

    quiet = Step("post_data", "shop")
    order = (
        Phase("post_data", True, answers("first", first)),
        Phase("post_data", True, answers("second", second or quiet)),
        Phase("privileges", True, answers("privileges", replace(quiet, phase="privileges"))),
        Phase("catchup", True, answers("catchup", replace(quiet, phase="catchup"))),
    )
    monkeypatch.setattr(phases, "PHASES", order)
    known = {
        f"post_data:shop:{name}": Failure(f"post_data:shop:{name}", "no", count, NOW)
        for name, count in failures.items()
    }
    list(phases._asked(replace(view(pairs=(pair("shop"),)), hints=Hints(known))))
    return held


def test_all_that_is_left_keeps_failing(monkeypatch: pytest.MonkeyPatch) -> None:
    step = Step("post_data", "shop", actions=(build(BAD),), waits=(Wait("waits for bad", "public.parent"),))
    held = asked(monkeypatch, step, {BAD: UNTIL_BLOCKING})
    assert held.keys() == {"first", "second", "privileges"}
    assert held["privileges"] == {BAD, "public.parent"}


@pytest.mark.parametrize(
    "step",
    [
        Step("post_data", "shop", actions=(build(BAD), build(GOOD))),
        Step("post_data", "shop", actions=(build(BAD),), waits=(Wait("for all"),)),
        Step("post_data", "shop", waits=(Wait("for bad", BAD),)),
        Step("post_data", "shop", actions=(build(BAD),), findings=(Finding("schema_drift", "differs"),)),
    ],
)
def test_what_is_not_of_a_failing_relation_gates_the_database(monkeypatch: pytest.MonkeyPatch, step: Step) -> None:
    assert asked(monkeypatch, step, {BAD: UNTIL_BLOCKING}).keys() == {"first"}


def test_a_failure_that_may_heal_gates_the_database(monkeypatch: pytest.MonkeyPatch) -> None:
    step = Step("post_data", "shop", actions=(build(BAD),))
    assert asked(monkeypatch, step, {BAD: UNTIL_BLOCKING - 1}).keys() == {"first"}
    assert asked(monkeypatch, step, {}).keys() == {"first"}


def test_later_work_of_the_same_phase_comes_before_privileges(monkeypatch: pytest.MonkeyPatch) -> None:
    step = Step("post_data", "shop", actions=(build(BAD),))
    later = Step("post_data", "shop", actions=(build(GOOD),))
    assert asked(monkeypatch, step, {BAD: UNTIL_BLOCKING}, later).keys() == {"first", "second"}


def test_what_failed_before_is_handed_out_last() -> None:
    actions = tuple(replace(build(f"public.t{number}"), cost_bytes=10**9 + number) for number in range(3))
    failed = Finding("action_failed", "no", database="shop", relation="public.t2")
    step = Step("post_data", "shop", Gates.DATABASE, actions, findings=(failed,))
    found = [work.relations for work in messages(errands("m", Decision("m", (step,))))]
    assert found == [("public.t1",), ("public.t0",), ("public.t2",)]


def test_patience_grows_and_ends() -> None:
    grown = [patience_seconds(failures) for failures in range(40)]
    assert grown[0] == FIRST_PATIENCE_SECONDS and grown[1] == 2 * grown[0]
    assert grown == sorted(grown) and grown[-1] == LONGEST_PATIENCE_SECONDS
