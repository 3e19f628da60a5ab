"""What does every role begin with (ALTER ROLE ALL SET)? Settings of the whole instance, whoever logs in.

Those that the destination lacks are given once, before anything is replicated, and noted in the journal with that; from then
on they are watched. One that comes later may be the write stop of the cutover, and must not follow. Our own sessions name what
they need when they dial, and `worker_settings` sees to our workers'.
"""

from collections.abc import Iterator, Mapping

from migrator.config import RoleConflictStrategy
from migrator.phases import parameters, settings
from migrator.phases.settings import Setting
from migrator.phases.view import View
from migrator.phases.wording import some
from migrator.steps import Action, Finding, Gates, Side, Statement, Step

NAME = "roles"

_EVERYBODY = "ALTER ROLE ALL"
"""Under this name among the parameters that the journal says are done with: no setting's name has spaces."""


def examine(view: View) -> Step:
    """Of the whole instance; no database waits for it."""
    wanted, unknown = settings.sort_known(view.source.settings_of_all, view.destination)
    present = _by_name(view.destination.settings_of_all)
    differing = [each for each in wanted if present.get(each.name.lower()) != each.value]
    due = [each for each in differing if each.name.lower() not in present] if _may_give(view) else []
    told = [each for each in differing if each not in due]
    findings = (*_differences(view, told), *_unknown(unknown))
    return Step(NAME, None, Gates.DATABASE, tuple(_actions(view, due)), findings=findings)


def _by_name(configured: tuple[str, ...]) -> Mapping[str, str]:
    return {setting.name.lower(): setting.value for setting in map(settings.parse, configured)}


def _may_give(view: View) -> bool:
    """Only a superuser may; and what every role of a destination has already is nobody's to change but under `merge`."""
    merges = view.spec.role_conflict_strategy is RoleConflictStrategy.MERGE
    begun = _EVERYBODY in view.journal.parameters or any(pair.ledger.groups for pair in view.observation.databases)
    return merges and view.destination.user.superuser and not begun


def _alter(setting: Setting) -> str:
    return f"{_EVERYBODY} {setting.clause}"


def _actions(view: View, due: list[Setting]) -> Iterator[Action]:
    if due:
        sentences = (*map(_alter, due), parameters.done_with(view, _EVERYBODY))
        statements = tuple(Statement(Side.DESTINATION, None, sql) for sql in sentences)
        yield Action("give all roles the settings of the source", statements)


def _differences(view: View, told: list[Setting]) -> Iterator[Finding]:
    if told:
        yield Finding(
            "settings_of_all_differ",
            f"The source keeps settings for all roles that {view.spec.destination.name} has not, or has otherwise: "
            f"{some([each.name for each in told])}; the destination's are kept.",
            "As a superuser on the destination, for all of its databases: "
            + " ".join(f"{_alter(each)};" for each in told),
            blocking=False,
        )


def _unknown(unknown: list[Setting]) -> Iterator[Finding]:
    for setting in unknown:
        yield Finding(
            "setting_unknown",
            f"The destination has no setting {setting.name}; it is left out for all roles.",
            f"On the source, where it is no longer needed: {_EVERYBODY} RESET {settings.quoted(setting.name)};",
            blocking=False,
        )
