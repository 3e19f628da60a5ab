"""An action that failed is not forgotten while it waits for its next try: nothing is quiet, no light comes, nothing ends."""

from datetime import timedelta

from migrator import backoff
from migrator.model import Failure
from migrator.observation import Hints
from migrator.phases.failing import UNTIL_BLOCKING, held_back, key_of
from migrator.steps import Action, Step
from tests.builders import NOW

FIRST, SECOND = Action("grant the rights", ()), Action("build the index", (), relation="public.t")
STEP = Step("privileges", "shop", actions=(FIRST, SECOND))


def failed(action: Action, tries: int, seconds: float) -> Hints:
    key = key_of(STEP, action)
    return Hints({key: Failure(key, "permission denied", tries, NOW + timedelta(seconds=seconds))})


def test_nothing_failed() -> None:
    assert held_back("m", STEP, Hints(), NOW) == STEP


def test_in_backoff_it_is_waited_for() -> None:
    step = held_back("m", STEP, failed(SECOND, 1, 2), NOW)
    assert step.actions == (FIRST,)
    assert [wait.relation for wait in step.waits] == ["public.t"]
    assert [(finding.code, finding.blocking) for finding in step.findings] == [("action_failed", False)]
    assert step.findings[0].remedy == "Next try in 2 s; at once with: pg-migrator retry m"
    alone = Step("privileges", "shop", actions=(SECOND,))
    assert not held_back("m", alone, failed(SECOND, 1, 2), NOW).quiet


def test_after_backoff_it_is_tried_again() -> None:
    step = held_back("m", STEP, failed(SECOND, UNTIL_BLOCKING, -1), NOW)
    assert step.actions == STEP.actions
    assert step.waits == ()
    assert step.findings[0].blocking


def test_exponential_with_a_ceiling_and_a_share_of_chance() -> None:
    assert [backoff.seconds(count) for count in (1, 2, 3, 8, 9, 5000)] == [2, 4, 8, 256, 300, 300]
    assert [backoff.seconds(3, chance) for chance in (0.0, 0.5, 0.999)] == [8.0, 7.2, 8 * (1 - 0.2 * 0.999)]
    assert min(backoff.seconds(count, 0.999) for count in range(9, 5000)) > 239


def test_a_full_disk_is_to_be_mended_before_the_next_try() -> None:
    full = Failure("k", "could not extend file: No space left on device [53100]", 1, NOW + timedelta(seconds=2))
    step = held_back("m", STEP, Hints({key_of(STEP, SECOND): full}), NOW)
    assert step.findings[0].remedy.startswith("Make room on that server's disk. Next try in 2 s")
