"""The operator's instructions: what undoes the write stop stays in them after it, and only completion is completion."""

from dataclasses import replace

from migrator.cutover import Instruction, instructions
from migrator.model import Identity, Intent, Journal, Role
from migrator.observation import Observation
from migrator.steps import Decision
from tests import builders

JOURNAL = Journal(Intent.MIGRATE, Identity("1", 1), Identity("2", 1), None, None, None, False, ())


def step(title: str, source_roles: tuple[Role, ...], journal: Journal = JOURNAL) -> Instruction:
    """One instruction; on the destination the application's role may log in."""
    source = builders.instance(16, roles=source_roles)
    destination = builders.destination_instance(roles=(builders.role("app"), builders.role("group", login=False)))
    view = builders.view(source, destination)
    seen: Observation = replace(view.observation, journal=journal)
    found = instructions(view.spec, seen, Decision("m"), ready=True)
    return next(each for each in found if each.title == title)


def test_the_undo_of_the_write_stop_survives_the_write_stop() -> None:
    before = step("Stop the writers", (builders.role("app"), builders.role("group", login=False)))
    after = step("Stop the writers", (builders.role("app", login=False), builders.role("group", login=False)))
    assert before.sql is not None and after.sql is not None
    assert "ALTER ROLE app NOLOGIN;" in before.sql.splitlines()
    assert "ALTER ROLE app NOLOGIN;" not in after.sql
    for text in (before.sql, after.sql):
        assert text.splitlines()[-1] == "--   ALTER ROLE app LOGIN;"
        assert "group" not in text


def test_a_safe_completion_is_not_yet_a_completion() -> None:
    assert step("Complete", ()).holds is False
    assert step("Complete", (), replace(JOURNAL, intent=Intent.COMPLETED)).holds is True
