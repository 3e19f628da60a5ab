"""ALTER ROLE ... SET, in all databases or in one. Carried with the role, or with the database they are for."""

from collections.abc import Iterator

from migrator.phases import settings, worker_settings
from migrator.phases.role_set import RoleSet
from migrator.phases.settings import Setting
from migrator.quote import identifier
from migrator.steps import Finding

Place = str | None
"""The source's name of the one database a setting is for, or None."""


def for_new(roles: RoleSet, role: str) -> list[str]:
    """All settings of a role about to be created; those for a database that is yet to come, come with it."""
    return [_alter(roles, role, place, setting) for place, setting in _given(roles, role) if _reachable(roles, place)]


def for_present(roles: RoleSet, role: str) -> list[str]:
    """The settings that an existing role has not at all; it keeps the values it has."""
    return [
        _alter(roles, role, place, setting)
        for place, setting in _given(roles, role)
        if _reachable(roles, place) and _present(roles, role, place, setting) is None
    ]


def missing(roles: RoleSet, role: str) -> list[str]:
    """What would bring a role that is done with to the source's settings."""
    if role not in roles.carried:
        return []
    return [
        _alter(roles, role, place, setting)
        for place, setting in _known(roles, role)
        if _reachable(roles, place) and _present(roles, role, place, setting) != setting.value
    ]


def beyond(roles: RoleSet, role: str) -> list[str]:
    """What would take from a role that is done with the settings that only the destination has: nobody takes them silently.

    Not of a role that another mapping has carried, too: they may be from there.
    """
    if role not in roles.carried or role in {entry.role for entry in roles.carried_by_others}:
        return []
    wanted = {(place, setting.name.lower()) for place, setting in _known(roles, role)}
    sources = {_target(roles, pair.name): pair.name for pair in roles.view.observation.databases}
    return [
        f"ALTER ROLE {identifier(role)}{_in(entry.database)} RESET {settings.quoted(name)}"
        for entry in roles.view.destination.role_settings
        if entry.role == role
        and (entry.database is None or entry.database in sources)
        and (entry.database and sources[entry.database], (name := settings.parse(entry.setting).name).lower())
        not in wanted
    ]


def for_database(roles: RoleSet, database: str) -> list[str]:
    """The settings for one database, of every role that may be touched: given when we create the database."""
    return [
        _alter(roles, role, database, setting)
        for role in sorted({entry.role for entry in roles.view.source.role_settings if entry.database == database})
        if role in roles.destination and roles.may_touch(role)
        for place, setting in _given(roles, role)
        if place == database
    ]


def removed(roles: RoleSet) -> Iterator[Finding]:
    """Settings that the destination's version does not have: left out, and said so."""
    for entry in roles.view.source.role_settings:
        setting = settings.parse(entry.setting)
        if roles.may_touch(entry.role) and not settings.known(setting, roles.view.destination):
            yield Finding(
                "setting_unknown",
                f"The destination has no setting {setting.name}; it is left out for role {entry.role}.",
                f"On the source, where it is no longer needed: ALTER ROLE {identifier(entry.role)}"
                f"{_in(entry.database)} RESET {setting.name};",
                blocking=False,
            )


def _known(roles: RoleSet, role: str) -> list[tuple[Place, Setting]]:
    selected = {None, *(pair.name for pair in roles.view.observation.databases)}
    parsed = [
        (entry.database, settings.parse(entry.setting))
        for entry in roles.view.source.role_settings
        if entry.role == role and entry.database in selected
    ]
    return [
        (place, setting)
        for place, setting in parsed
        if settings.known(setting, roles.view.destination)
        and not worker_settings.is_ours(
            roles.view, role, None if place is None else _target(roles, place), setting.name
        )
    ]


def _given(roles: RoleSet, role: str) -> list[tuple[Place, Setting]]:
    """Those that our user may set; the others show as a difference, with the statement for a superuser."""
    return [entry for entry in _known(roles, role) if settings.may_set(entry[1], roles.view.destination)]


def _reachable(roles: RoleSet, place: Place) -> bool:
    return place is None or roles.view.destination.database(_target(roles, place)) is not None


def _present(roles: RoleSet, role: str, place: Place, setting: Setting) -> str | None:
    target = None if place is None else _target(roles, place)
    for entry in roles.view.destination.role_settings:
        other = settings.parse(entry.setting)
        if (entry.role, entry.database) == (role, target) and other.name.lower() == setting.name.lower():
            return other.value
    return None


def _target(roles: RoleSet, database: str) -> str:
    return roles.view.spec.target_name(database)


def _in(database: Place) -> str:
    return "" if database is None else f" IN DATABASE {identifier(database)}"


def _alter(roles: RoleSet, role: str, place: Place, setting: Setting) -> str:
    target = None if place is None else _target(roles, place)
    return f"ALTER ROLE {identifier(role)}{_in(target)} {setting.clause}"
