"""What a database is called: in step only when the last phase was asked and says so."""

from dataclasses import replace

from migrator.status import database_status
from migrator.steps import Action, Decision, Finding, Gates, Status, Step
from tests.builders import pair, view


def status(*steps: Step) -> Status:
    seen = view(pairs=(pair("shop"),)).observation
    return database_status(Status.IN_PROGRESS, seen, Decision("m", steps), "shop")


def test_quiet_to_the_last_phase_is_in_step() -> None:
    assert status(Step("preflight", "shop"), Step("catchup", "shop")) is Status.SYNCED


def test_what_was_not_asked_to_the_end_has_not_begun() -> None:
    waiting = Step("roles", gates=Gates.MAPPING, actions=(Action("create role app", ()),))
    assert status(Step("preflight", "shop"), waiting) is Status.NOT_STARTED
    assert status() is Status.NOT_STARTED


def test_a_refused_database_is_problematic() -> None:
    refused = Step("preflight", "shop", findings=(Finding("database_name_clash", "taken"),))
    assert status(refused) is Status.PROBLEMATIC
    told = replace(refused, findings=(Finding("database_differs", "other", blocking=False),))
    assert status(told, Step("catchup", "shop")) is Status.SYNCED
