"""Settings kept with a role or a database (ALTER ROLE / ALTER DATABASE ... SET), written as pg_dumpall writes them."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from migrator.model import Database, Instance
from migrator.quote import identifier, literal

_LISTS = frozenset(
    {
        "local_preload_libraries",
        "search_path",
        "session_preload_libraries",
        "shared_preload_libraries",
        "temp_tablespaces",
        "unix_socket_directories",
    }
)
"""GUC_LIST_QUOTE: stored as a list of identifiers, and set as a list of literals."""

_NOT_SHOWN = frozenset({"role", "seed", "session_authorization"})
"""Real settings that pg_settings leaves out."""

_SUPERUSER = frozenset(
    """allow_in_place_tablespaces allow_system_table_mods backtrace_functions commit_delay compute_query_id
    deadlock_timeout dynamic_library_path event_triggers extension_control_path ignore_checksum_failure
    ignore_invalid_pages jit_provider lc_messages lo_compat_privileges max_stack_depth session_preload_libraries
    session_replication_role temp_file_limit track_activities track_cost_delay_timing track_counts track_functions
    track_io_timing track_wal_io_timing update_process_title wal_compression wal_consistency_checking wal_init_zero
    wal_recycle zero_damaged_pages""".split()
)
"""Settings of context `superuser`, those named log_... aside."""

_NEVER = re.compile(r"\s*0+(\.0*)?\s*[a-z]*\s*")
_ITEM = re.compile(r'\s*(?:"(?P<quoted>(?:[^"]|"")*)"|(?P<plain>[^,]*?))\s*(?:,|\Z)')


@dataclass(frozen=True)
class Setting:
    """One `name=value` of pg_db_role_setting, taken apart."""

    name: str
    value: str

    @property
    def clause(self) -> str:
        """`SET name TO value`."""
        return f"SET {quoted(self.name)} TO {self._value()}"

    def _value(self) -> str:
        if self.name.lower() not in _LISTS:
            return literal(self.value)
        return ", ".join(map(literal, split_list(self.value)))


def quoted(name: str) -> str:
    """The name of a setting, each part of it quoted where needed."""
    return ".".join(map(identifier, name.split(".")))


def parse(text: str) -> Setting:
    """`name=value`, as pg_db_role_setting holds it."""
    name, _, value = text.partition("=")
    return Setting(name, value)


def kept(instance: Instance, role: str, database: Database, name: str) -> str | None:
    """What a session of that role in that database begins with by what is kept with them; None: nobody has set it."""
    places: list[tuple[str, ...]] = [
        tuple(each.setting for each in instance.role_settings if (each.role, each.database) == (role, place))
        for place in (database.name, None)
    ]
    for configured in (*places, database.settings, instance.settings_of_all):
        for setting in map(parse, configured):
            if setting.name.lower() == name:
                return setting.value
    return None


def is_never(timeout: str) -> bool:
    """0, in whatever unit."""
    return _NEVER.fullmatch(timeout) is not None


def split_list(value: str) -> list[str]:
    """The items of a GUC_LIST_QUOTE value; an empty value is the list of one empty name, as `SET search_path TO ''` is."""
    items: list[str] = []
    position = 0
    while position < len(value):
        match = _ITEM.match(value, position)
        assert match is not None
        quoted = match["quoted"]
        items.append(match["plain"] if quoted is None else quoted.replace('""', '"'))
        position = match.end()
    return items or [""]


def known(setting: Setting, destination: Instance) -> bool:
    """Whether the destination can hold the setting; of names with a dot it takes any."""
    name = setting.name.lower()
    return "." in name or name in _NOT_SHOWN or name in {other.lower() for other in destination.settings}


def sort_known(settings: Iterable[str], destination: Instance) -> tuple[list[Setting], list[Setting]]:
    """The settings the destination knows, and those it does not."""
    parsed = [parse(text) for text in settings]
    return (
        [setting for setting in parsed if known(setting, destination)],
        [setting for setting in parsed if not known(setting, destination)],
    )


def may_set(setting: Setting, destination: Instance) -> bool:
    """Whether our user may keep the setting with a role or database. Placeholders (x.y, unknown) are for superusers."""
    if destination.user.superuser:
        return True
    name = setting.name.lower()
    if "." in name:
        return name in destination.settings
    return name not in _SUPERUSER and not name.startswith("log_")
