"""The remedies of all findings as one psql script: by server and database, each statement with its reason, restarts last."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from migrator.config import InstanceSpec, MappingSpec
from migrator.quote import comment
from migrator.steps import Finding, Mend, Side

Found = Sequence[tuple[MappingSpec, tuple[Finding, ...]]]
"""The findings of each mapping."""

_ALTER_SYSTEM = re.compile(r"ALTER SYSTEM SET (?P<name>\w+) = (?P<value>\d+);")
_HEADING = """\
-- What mends the findings of pg-migrator check, in one script for psql. Read it first. It connects to each server by itself,
-- as the user psql was started as; that must be a superuser (or who else may do this). Saved as mend.sql:
--   psql -X -v ON_ERROR_STOP=1 -U postgres -d postgres -f mend.sql"""


@dataclass(frozen=True)
class Remedy:
    """One statement for one database of one server, and the findings it mends."""

    instance: InstanceSpec
    database: str
    sql: str
    restart: bool
    reasons: tuple[str, ...]

    @property
    def setting(self) -> tuple[str, int] | None:
        """Of an ALTER SYSTEM that raises a number."""
        match = _ALTER_SYSTEM.fullmatch(self.sql)
        return (match["name"], int(match["value"])) if match else None


def remedies(found: Found) -> tuple[Remedy, ...]:
    """Each statement once, in the order of servers and databases; of several values for a setting the largest."""
    merged: dict[tuple[object, ...], Remedy] = {}
    for spec, findings in found:
        for finding in findings:
            for mend in finding.mends:
                remedy = _remedy(spec, finding, mend)
                key = (*_address(remedy.instance), remedy.database, remedy.setting[0] if remedy.setting else remedy.sql)
                merged[key] = _merged(merged[key], remedy) if key in merged else remedy
    servers = list(dict.fromkeys(_address(remedy.instance) for remedy in merged.values()))
    return tuple(sorted(merged.values(), key=lambda each: _place(each, servers)))


def _remedy(spec: MappingSpec, finding: Finding, mend: Mend) -> Remedy:
    instance = spec.source if mend.side is Side.SOURCE else spec.destination
    needed = "" if finding.blocking else " (does not block)"
    reason = f"{finding.code}{needed}: {finding.message}"
    return Remedy(instance, mend.database or instance.maintenance_database, mend.sql, mend.restart, (reason,))


def _merged(one: Remedy, other: Remedy) -> Remedy:
    """What mends both."""
    chosen = max(one, other, key=lambda each: each.setting[1] if each.setting else 0)
    reasons = tuple(dict.fromkeys((*one.reasons, *other.reasons)))
    return Remedy(chosen.instance, chosen.database, chosen.sql, one.restart or other.restart, reasons)


def _address(instance: InstanceSpec) -> tuple[str, int]:
    return instance.server.lower(), instance.port


def _place(remedy: Remedy, servers: Sequence[tuple[str, int]]) -> tuple[object, ...]:
    """The maintenance database first in its server, settings that take a restart last in it."""
    first = remedy.database == remedy.instance.maintenance_database
    return servers.index(_address(remedy.instance)), not first, remedy.database, remedy.restart


def script(found: Found) -> str:
    """The whole script; empty where there is nothing to mend or to decide."""
    statements, open_questions = remedies(found), tuple(_decisions(found))
    if not statements and not open_questions:
        return ""
    lines = [_HEADING]
    for server in dict.fromkeys(_address(remedy.instance) for remedy in statements):
        lines += ["", *_of_server([remedy for remedy in statements if _address(remedy.instance) == server])]
    if open_questions:
        lines += ["", "-- Left for you to decide, or to do by other means than SQL:", *open_questions]
    return "\n".join(lines) + "\n"


def _of_server(statements: Sequence[Remedy]) -> Iterator[str]:
    instance, database = statements[0].instance, None
    place = f"{instance.name} ({instance.server}:{instance.port})"
    yield comment(f"==== {place} ====")
    for remedy in statements:
        if remedy.database != database:
            server = {} if database else {"host": instance.server, "port": str(instance.port)}
            database = remedy.database
            yield _connect({**server, "dbname": database})
        for reason in remedy.reasons:
            yield comment(reason)
        yield f"{remedy.sql}{'  -- needs a restart' if remedy.restart else ''}"
    if any(remedy.sql.startswith("ALTER SYSTEM") and not remedy.restart for remedy in statements):
        yield "SELECT pg_reload_conf();"
    if any(remedy.restart for remedy in statements):
        yield comment(f"RESTART {place} once this script is through: the statements marked above wait for it.")


def _connect(parameters: Mapping[str, str]) -> str:
    """psql's \\connect to another server or database, all else (the user) as before."""
    words = " ".join(f"{name}='{_escaped(value)}'" for name, value in parameters.items())
    quoted = '"' + words.replace('"', '""') + '"'
    if any(character in quoted for character in "\n\r"):  # psql knows escapes between single quotes only
        quoted = "'" + _escaped(quoted).replace("\n", "\\n").replace("\r", "\\r") + "'"
    return f"\\connect -reuse-previous=on {quoted}"


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace("'", "\\'")


def _decisions(found: Found) -> Iterator[str]:
    """Findings whose remedy is a choice, or nothing SQL can do."""
    for spec, findings in found:
        for finding in findings:
            if finding.mends or not finding.remedy:
                continue
            where = f", database {finding.database}" if finding.database else ""
            yield comment(f"{spec.name}{where}: {finding.code}: {finding.message}")
            yield comment(f"    {finding.remedy}")
