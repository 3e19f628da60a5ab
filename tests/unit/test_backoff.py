"""An action that failed is not forgotten while it waits for its next try: nothing is quiet, no light comes, nothing ends."""

from datetime import timedelta

from migrator.model import Failure
from migrator.observation import Hints
from migrator.phases import FAILURES_UNTIL_BLOCKING, _held_back, key_of
from migrator.steps import Action, Step
from tests.builders import NOW

FIRST, SECOND = Action("grant the rights", ()), Action("build the index", (), relation="public.t")
STEP = Step("privileges", "shop", actions=(FIRST, SECOND))


def failed(action: Action, tries: int, seconds: float) -> Hints:
    key = key_of(STEP, action)
    return Hints({key: Failure(key, "permission denied", tries, NOW + timedelta(seconds=seconds))})


def test_nothing_failed() -> None:
    assert _held_back(STEP, Hints(), NOW) == STEP


def test_in_backoff_it_is_waited_for() -> None:
    step = _held_back(STEP, failed(SECOND, 1, 2), NOW)
    assert step.actions == (FIRST,)
    assert [wait.relation for wait in step.waits] == ["public.t"]
    assert [(finding.code, finding.blocking) for finding in step.findings] == [("action_failed", False)]
    alone = Step("privileges", "shop", actions=(SECOND,))
    assert not _held_back(alone, failed(SECOND, 1, 2), NOW).quiet


def test_after_backoff_it_is_tried_again() -> None:
    step = _held_back(STEP, failed(SECOND, FAILURES_UNTIL_BLOCKING, -1), NOW)
    assert step.actions == STEP.actions
    assert step.waits == ()
    assert step.findings[0].blocking
