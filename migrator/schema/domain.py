"""Room of domains."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from migrator.quote import identifier, qualified
from migrator.schema.item import collate_clause
from migrator.schema.row import Row
from migrator.schema.spelling import type_with_later_quotes

_NOT_VALID = " NOT VALID"


@dataclass(frozen=True)
class Domain:
    """A domain; `checks` are (name, definition) of its CHECK constraints, ordered by name."""

    oid: int
    namespace: str
    name: str
    base: str
    collation: str
    default: str | None
    not_null: bool
    not_null_name: str | None
    """Its constraint's name (17 and later) where that is not the default one."""
    checks: tuple[tuple[str, str], ...]

    @property
    def qualified(self) -> str:
        return qualified(self.namespace, self.name)

    @property
    def identity(self) -> str:
        return f"type {self.qualified}"

    @property
    def key(self) -> str:
        return f"type:{self.oid}"

    def create(self) -> tuple[str, ...]:
        parts = [f"CREATE DOMAIN {self.qualified} AS {self.base}{self.collation}"]
        if self.default is not None:
            parts.append(f"DEFAULT {self.default}")
        if self.not_null:
            parts.append(f"CONSTRAINT {identifier(self.not_null_name)} NOT NULL" if self.not_null_name else "NOT NULL")
        valid = [check for check in self.checks if not check[1].endswith(_NOT_VALID)]
        parts += [f"CONSTRAINT {identifier(name)} {definition}" for name, definition in valid]
        return (" ".join(parts), *(self._add(*check) for check in self.checks if check not in valid))

    def create_bare(self) -> tuple[str, ...]:
        """For a domain whose checks or default need what needs the domain: `complete` adds them."""
        return replace(self, default=None, checks=()).create() if self.complete() else ()

    def complete(self) -> tuple[str, ...]:
        default = (self.mend("default", None),) if self.default is not None else ()
        return (*default, *(self._add(*check) for check in self.checks))

    def properties(self) -> Mapping[str, str]:
        checks = {f"constraint {identifier(name)}": definition for name, definition in self.checks}
        return {
            "base type": self.base + self.collation,
            "default": self.default or "none",
            "null": "NOT NULL" if self.not_null else "NULL",
            **checks,
        }

    def mend(self, changed: str, theirs: str | None) -> str:
        alter = f"ALTER DOMAIN {self.qualified}"
        if changed == "default":
            return f"{alter} SET DEFAULT {self.default}" if self.default is not None else f"{alter} DROP DEFAULT"
        if changed == "null":
            return f"{alter} {'SET' if self.not_null else 'DROP'} NOT NULL"
        checks = {f"constraint {identifier(name)}": (name, definition) for name, definition in self.checks}
        if changed in checks:
            add = self._add(*checks[changed])
            return f"{alter} DROP {changed}; {add}" if theirs is not None else add
        return "" if changed == "base type" else f"{alter} DROP {changed}"

    def _add(self, name: str, definition: str) -> str:
        return f"ALTER DOMAIN {self.qualified} ADD CONSTRAINT {identifier(name)} {definition}"


def beneath(domains: Iterable[Domain]) -> dict[str, tuple[Domain, ...]]:
    """By each one's name: it and the domains that it stands on, whose constraints its values obey.

    Not within arrays and composite types: PostgreSQL alters no domain that a table holds in one.
    """
    known = {each.qualified: each for each in domains}

    def chain(name: str) -> tuple[Domain, ...]:
        return (known[name], *chain(known[name].base)) if name in known else ()

    return {name: chain(name) for name in known}


def read(row: Row) -> Domain:
    name, not_null_name = row.text("name"), row.text_or_none("not_null_name")
    return Domain(
        oid=row.number("oid"),
        namespace=row.text("namespace"),
        name=name,
        base=type_with_later_quotes(row.text("base")),
        collation=collate_clause(row.text_or_none("collation_namespace"), row.text_or_none("collation")),
        default=row.spelled_or_none("default_value"),
        not_null=row.flag("not_null"),
        not_null_name=None if not_null_name == f"{name}_not_null" else not_null_name,
        checks=tuple(zip(row.texts("checks"), row.spelled_all("check_definitions"), strict=True)),
    )
