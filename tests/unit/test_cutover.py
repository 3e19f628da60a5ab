"""The operator's instructions: the undo of the write stop stays in them, completion is completion, lists stay short."""

from dataclasses import replace

from migrator.contents import SequenceValue
from migrator.model import HeldSubscription, Role
from migrator.observation import DatabasePair, Observation
from migrator.records import CarriedRole, Identity, Intent, Journal
from migrator.reports.cutover import SEQUENCES_SHOWN, Instruction, instructions
from migrator.steps import Decision
from tests import builders

MADE = CarriedRole(builders.MAPPING, "src", "app", created=True)
JOURNAL = Journal(Intent.MIGRATE, Identity("1", 1), Identity("2", 1), None, None, None, False, (), roles=(MADE,))


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


def test_whom_the_destination_had_before_nobody_is_told_to_let_in() -> None:
    """A role that was merged may have been NOLOGIN on the source all along."""
    merged = replace(JOURNAL, roles=(CarriedRole(builders.MAPPING, "src", "app", created=False),))
    others = replace(JOURNAL, roles=(CarriedRole("another", "src", "app", created=True),))
    for journal in (merged, others):
        stop = step("Stop the writers", (builders.role("app", login=False),), journal)
        assert stop.sql is not None and "ALTER ROLE app" not in stop.sql
        assert stop.sql.splitlines()[-1].endswith("let in only whom this cutover locked out: app")


def test_who_may_make_roles_is_named_and_not_locked_out_of_the_undo() -> None:
    """On a managed service no superuser is at hand: the master user is a role with CREATEROLE."""
    roles = (
        builders.role("app"),
        builders.role("master", createrole=True),
        builders.role("root", superuser=True),
        builders.role("makers", createrole=True, login=False),
    )
    stop = step("Stop the writers", roles)
    assert stop.sql is not None and "master" not in stop.sql and "root" not in stop.sql
    assert "by hand, whom NOLOGIN would lock out of the repair: master, root." in stop.why


def test_whoever_pastes_it_ends_no_session_of_ours() -> None:
    stop = step("Stop the writers", ())
    assert stop.sql is not None and "AND application_name NOT LIKE 'pg-migrator %'" in stop.sql


def test_subscriptions_of_the_source_are_stopped_in_their_database() -> None:
    held = tuple(
        HeldSubscription(name, database, enabled)
        for name, database, enabled in (("Feed", "shop", True), ("idle", "shop", False), ("theirs", "other", True))
    )
    view = builders.view(builders.instance(16, held=held), pairs=(builders.pair(), builders.pair("store")))
    seen = replace(view.observation, journal=JOURNAL)
    found = [
        each
        for each in instructions(view.spec, seen, Decision("m"), ready=True)
        if each.title.startswith("Stop the subscriptions")
    ]
    (stop,) = found
    assert (stop.title, stop.database, stop.holds) == ("Stop the subscriptions of shop", "shop", False)
    assert stop.sql is not None and stop.sql.splitlines() == [
        'ALTER SUBSCRIPTION "Feed" DISABLE;',
        "-- to undo:",
        '--   ALTER SUBSCRIPTION "Feed" ENABLE;',
        "--   ALTER SUBSCRIPTION idle ENABLE;",
    ]
    disabled = replace(view.source, held=(HeldSubscription("Feed", "shop", enabled=False),))
    after = instructions(view.spec, replace(seen, source=disabled), Decision("m"), ready=True)
    assert next(each.holds for each in after if each.title == stop.title) is True


def test_a_line_break_in_a_roles_name_runs_nothing() -> None:
    hostile = step("Stop the writers", (builders.role("x\nDROP TABLE y; --"),))
    assert hostile.sql is not None
    stop, _, undo = hostile.sql.partition("-- to undo:\n")
    assert 'ALTER ROLE "x\nDROP TABLE y; --" NOLOGIN;' in stop
    assert all(line.startswith("--") for line in undo.splitlines())


def test_a_safe_completion_is_not_yet_a_completion() -> None:
    assert step("Complete", ()).holds is False
    assert step("Complete", (), replace(JOURNAL, intent=Intent.COMPLETED)).holds is True


def test_a_thousand_sequences_are_not_spelled_out() -> None:
    values = {f"public.s{number}": SequenceValue(f"public.s{number}", 7, True, 1) for number in range(1000)}
    pair = builders.pair(sequences=values, target_sequences=values)
    found = instructions(builders.mapping_spec(), _seen(pair), Decision("m"), ready=True)
    text = next(each.sql for each in found if each.title == "Sequences of shop")
    assert text is not None
    assert len(text.splitlines()) == SEQUENCES_SHOWN + 1
    assert text.splitlines()[-1].startswith("-- and 950 more")


def test_sequences_that_are_behind_come_first() -> None:
    values = {f"public.s{number}": SequenceValue(f"public.s{number}", 7, True, 1) for number in range(1000)}
    late = {"public.s999": SequenceValue("public.s999", 3, True, 1)}
    found = instructions(
        builders.mapping_spec(),
        _seen(builders.pair(sequences=values, target_sequences={**values, **late})),
        Decision("m"),
        ready=True,
    )
    text = next(each.sql for each in found if each.title == "Sequences of shop")
    assert text is not None
    assert text.startswith("SELECT setval('public.s999', 7, true)")
    assert len(text.splitlines()) == 1


def _seen(pair: DatabasePair) -> Observation:
    return replace(builders.view(pairs=(pair,)).observation, journal=JOURNAL)
