"""What rows would be read by on their way in, and by whom: settings that a database or our role keeps for every session, apply and
tablesync too.

Workers take them as any session does, and no client option goes before them. So our role gets what is needed in that very database,
where nothing goes before it (role in database, role, database, server), and gives it back at the end.
"""

from collections.abc import Iterator, Mapping

from migrator.model import Database, Instance
from migrator.observation import DatabasePair
from migrator.phases import settings
from migrator.phases.noting import noted
from migrator.phases.view import View
from migrator.quote import identifier, literal
from migrator.records import WorkerSetting
from migrator.schema import Schema
from migrator.steps import Action, Gates, Side, Statement, Step

NAME = "subscription"

_CONSTANT = {
    # What {a,NULL} means: else an array of two texts, without an error.
    "array_nulls": "on",
    # As pg_dump and the source's text have it: what is no document is refused otherwise.
    "xmloption": "content",
    # A relation whose copy takes longer would be copied from the start for ever.
    "transaction_timeout": "0",
    # A change that waits for a lock would undo all of its transaction, and count as a failure of apply.
    "lock_timeout": "0",
    # Another than the subscription's owner may lack its rights on the tables, or to act for their owners.
    "role": "none",
}
"""Needed by every database, whatever it holds. Besides them client_encoding, since tablesync takes the source's bytes for that, and
lc_monetary where money is held: 1.234,56 is another amount under another."""

_YES = frozenset({"on", "true", "yes", "1"})
_MONEY = "money"


def examine(view: View) -> Step:
    """Gives our role what it lacks in one database. Before the subscription: a worker reads its settings when it starts."""
    return Step(NAME, view.database.name, Gates.DATABASE, tuple(_actions(view, view.database)))


def _actions(view: View, pair: DatabasePair) -> Iterator[Action]:
    target = view.destination.database(pair.target)
    if target is None or pair.source_schema is None:
        return
    for name, wanted in _needed(view, pair, target).items():
        found = _in_force(view.destination, target, name)
        if found is not None and not _alike(name, found, wanted):
            yield _pin(view, target.name, name, wanted)


def _needed(view: View, pair: DatabasePair, target: Database) -> Mapping[str, str]:
    needed = {"client_encoding": target.encoding, **_CONSTANT}
    source = view.source.database(pair.name)
    if pair.source_schema is not None and source is not None and _has_money(pair.source_schema):
        # by which the source's walsender writes
        needed["lc_monetary"] = _in_force(view.source, source, "lc_monetary") or ""
    return needed


def _has_money(schema: Schema) -> bool:
    columns = (column.type for table in schema.tables for column in table.columns)
    attributes = (attribute for each in schema.composites for attribute in each.attributes)
    return any(_MONEY in words for words in (*columns, *(each.base for each in schema.domains), *attributes))


def _in_force(instance: Instance, database: Database, name: str) -> str | None:
    """What a session of our role in that database begins with; None: nobody has set it for one."""
    kept = settings.kept(instance, instance.user.name, database, name)
    if kept is not None or name != "lc_monetary":  # the others our own session has set for itself
        return kept
    return instance.settings.get(name)


def _alike(name: str, found: str, wanted: str) -> bool:
    if name == "role":
        return found == wanted
    if name == "array_nulls":
        return found.lower() in _YES
    if name.endswith("_timeout"):
        return settings.is_never(found)
    return _letters(found) == _letters(wanted)


def _letters(value: str) -> str:
    return "".join(each for each in value.lower() if each.isalnum())


def _pin(view: View, target: str, name: str, wanted: str) -> Action:
    user = view.destination.user.name
    before = _own(view.destination, target, name)
    values = {"database": literal(target), "setting": literal(name)}
    values["before"] = literal(before) if before is not None else "NULL"
    note = noted(view.spec.name, "worker_settings", values)
    alter = f"{_role_in(user, target)} SET {name} TO {literal(wanted)}"
    return Action(f"set {name} for our workers in {identifier(target)}", (note, _statement(alter)))


def _own(instance: Instance, database: str, name: str) -> str | None:
    for each in instance.role_settings:
        setting = settings.parse(each.setting)
        if (each.role, each.database, setting.name.lower()) == (instance.user.name, database, name):
            return setting.value
    return None


def is_ours(view: View, role: str, target: str | None, name: str) -> bool:
    """Whether a role's setting on the destination is one of these: no difference, as long as it stands."""
    place = (target, name.lower())
    return role == view.destination.user.name and any(
        (each.database, each.setting) == place for each in view.journal.worker_settings
    )


def returns(view: View) -> Iterator[Action]:
    """At the end: each is again what it was."""
    user = view.destination.user.name
    for each in view.journal.worker_settings:
        row = (
            f"DELETE FROM migrator.worker_settings WHERE mapping = {literal(view.spec.name)}"
            f" AND database = {literal(each.database)} AND setting = {literal(each.setting)}"
        )
        there = view.destination.database(each.database) is not None
        restore = [_statement(f"{_role_in(user, each.database)} {_restored(each)}")] if there else []
        summary = f"give back {each.setting} of our workers in {identifier(each.database)}"
        yield Action(summary, (*restore, _statement(row)))


def _restored(each: WorkerSetting) -> str:
    return f"RESET {each.setting}" if each.before is None else f"SET {each.setting} TO {literal(each.before)}"


def _role_in(role: str, database: str) -> str:
    return f"ALTER ROLE {identifier(role)} IN DATABASE {identifier(database)}"


def _statement(sql: str) -> Statement:
    return Statement(Side.DESTINATION, None, sql)
